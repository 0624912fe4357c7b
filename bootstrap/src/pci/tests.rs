// SPDX-License-Identifier: MIT OR Apache-2.0
use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;

/// A function: words of its configuration space, and which bits of base address registers can be written.
#[derive(Clone, Default)]
struct Model {
    words: BTreeMap<u8, u32>,
    writable: BTreeMap<u8, u32>,
}

#[derive(Default)]
struct Bus(RefCell<BTreeMap<Function, Model>>);

impl Config for Bus {
    fn read(&self, function: Function, offset: u8) -> u32 {
        assert!(offset.is_multiple_of(4));
        let functions = self.0.borrow();
        functions.get(&function).map_or(!0, |model| model.words.get(&offset).copied().unwrap_or(0))
    }

    fn write(&self, function: Function, offset: u8, value: u32) {
        let mut functions = self.0.borrow_mut();
        let model = functions.get_mut(&function).expect("only functions that are there are written");
        let writable = match offset {
            COMMAND => COMMAND_MASK,
            _ => model.writable.get(&offset).copied().unwrap_or(0),
        };
        if offset != COMMAND {
            let command = model.words.get(&COMMAND).copied().unwrap_or(0);
            assert_eq!(command & 3, 0, "a register is sized while the function decodes it");
        }
        let old = model.words.get(&offset).copied().unwrap_or(0);
        model.words.insert(offset, old & !writable | value & writable);
    }
}

const PLACE: Function = Function { bus: 3, device: 4, function: 0 };
const UNIT: Unit = Unit::PciFunction { bus: 3, device: 4, function: 0 };

/// A function of a class with base address registers: offset, value, size mask.
fn model(class: u32, command: u32, bars: &[(u8, u32, u32)]) -> Model {
    let mut model = Model::default();
    model.words.extend([(0, 0x1234_5678), (COMMAND, command), (CLASS, class << 16)]);
    for &(at, value, mask) in bars {
        model.words.insert(at, value);
        model.writable.insert(at, mask);
    }
    model
}

fn found(model: Model) -> Hazards {
    let bus = Bus::default();
    bus.0.borrow_mut().insert(PLACE, model.clone());
    let mut hazards = Hazards::default();
    add_functions(&mut hazards, &bus);
    let set = |words: &BTreeMap<u8, u32>| {
        words.clone().into_iter().filter(|(_, word)| *word != 0).collect::<Vec<_>>()
    };
    assert_eq!(set(&bus.0.borrow()[&PLACE].words), set(&model.words), "everything is put back");
    hazards
}

fn range(start: u64, size: u64) -> (Unit, MemoryRange) {
    (UNIT, MemoryRange::of_size(start, size))
}

#[test]
fn registers_of_all_three_kinds_are_sized_and_put_back() {
    let bars = [
        (0x10, 0xfebf_1000, 0xffff_f000),
        (0x14, 0xc061, 0xffff_ffe0),
        (0x18, 0x0000_000c, 0xf000_0000),
        (0x1c, 0x0000_0008, 0xffff_ffff),
    ];
    let hazards = found(model(0x0106, 0x7, &bars));
    assert_eq!(hazards.registers, [range(0xfebf_1000, 0x1000), range(0x8_0000_0000, 0x1000_0000)]);
    let ports: Vec<_> = hazards.ports.iter().map(|ports| (ports.unit, ports.first, ports.last)).collect();
    assert_eq!(ports, [(UNIT, 0xc060, 0xc07f)]);
}

#[test]
fn a_window_of_more_than_4_gib_is_sized_by_both_words() {
    let bars = [(0x10, 0xc, 0), (0x14, 0x10, 0xffff_fff0)];
    assert_eq!(found(model(0x0300, 4, &bars)).registers[1], range(0x10_0000_0000, 0x10_0000_0000));
}

#[test]
fn registers_that_are_not_there_or_have_no_address_are_no_windows() {
    let bars = [(0x10, 0, 0xffff_f000), (0x14, 1, 0xffff_ffe0), (0x24, 0xfe00_0004, 0xffff_0000)];
    let hazards = found(model(0x0200, 0, &bars));
    assert_eq!((hazards.registers, hazards.ports), (vec![range(0xfe00_0000, 0x1_0000)], vec![]));
}

#[test]
fn a_serial_port_is_harmless_until_it_masters_the_bus_or_sends_messages() {
    let bars = [(0x10, 0xc001, 0xffff_fff8)];
    let serial = |command| model(0x0700, command, &bars);
    assert_eq!(found(serial(0x3)), Hazards::default());
    assert_eq!(found(serial(0x7)).ports.len(), 1);
    let with = |capability: u32| {
        let mut serial = serial(HAS_CAPABILITIES | 3);
        serial.words.extend([(CAPABILITIES, 0x50), (0x50, 0x6001), (0x60, capability)]);
        found(serial).ports.len()
    };
    assert_eq!([0x01, 0x05, 0x11, 0x6001].map(with), [0, 1, 1, 1], "power, MSI, MSI-X, a circle");
}

#[test]
fn the_old_places_of_a_display_go_with_it() {
    let bars = [(0x10, 0xfd00_0008, 0xff00_0000)];
    assert_eq!(found(model(0x0300, 3, &bars)), Hazards::default());
    let hazards = found(model(0x0300, 7, &bars));
    assert_eq!(hazards.registers, [(UNIT, VGA_MEMORY), range(0xfd00_0000, 0x100_0000)]);
    assert_eq!(hazards.ports.len(), 2);
}

#[test]
fn bridges_have_two_registers_and_functions_behind_the_first_are_found() {
    let bus = Bus::default();
    let mut bridge = model(0x0604, 7, &[(0x10, 0xfe80_0000, 0xffff_f000), (0x18, 0x0002_0100, 0xffff_ffff)]);
    bridge.words.insert(HEADER_TYPE, 0x0081_0000);
    let second = Function { function: 5, ..PLACE };
    bus.0
        .borrow_mut()
        .extend([(PLACE, bridge), (second, model(0x0c03, 0, &[(0x10, 0xfe90_0000, 0xffff_f000)]))]);
    let mut hazards = Hazards::default();
    add_functions(&mut hazards, &bus);
    let usb = Unit::PciFunction { bus: 3, device: 4, function: 5 };
    let page = |start| MemoryRange::of_size(start, 0x1000);
    assert_eq!(hazards.registers, [(UNIT, page(0xfe80_0000)), (usb, page(0xfe90_0000))]);
}
