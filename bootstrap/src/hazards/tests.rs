// SPDX-License-Identifier: MIT OR Apache-2.0
use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Registers that keep of what is written the bits in `writable` only.
struct Device {
    registers: RefCell<BTreeMap<u64, u32>>,
    writable: u32,
    written: RefCell<Vec<u32>>,
}

impl Device {
    fn new(registers: &BTreeMap<u64, u32>, writable: u32) -> Self {
        Self { registers: RefCell::new(registers.clone()), writable, written: RefCell::default() }
    }
}

impl Registers for Device {
    fn read(&self, address: u64) -> u32 {
        self.registers.borrow().get(&address).copied().unwrap_or(!0)
    }

    fn write(&self, address: u64, value: u32) {
        self.written.borrow_mut().push(value);
        if let Some(register) = self.registers.borrow_mut().get_mut(&address) {
            *register = *register & !self.writable | value & self.writable;
        }
    }
}

/// Registers that all read as one value.
struct Same(u32);

impl Registers for Same {
    fn read(&self, _address: u64) -> u32 {
        self.0
    }

    fn write(&self, _address: u64, _value: u32) {}
}

fn read_of(signature: &[u8; 4], table: &[u8], registers: &BTreeMap<u64, u32>) -> Hazards {
    let mut hazards = Hazards::default();
    add_table(&mut hazards, *signature, table, &Device::new(registers, 0));
    hazards
}

fn ports(hazards: &Hazards) -> Vec<(Unit, u16, u16)> {
    hazards.ports.iter().map(|ports| (ports.unit, ports.first, ports.last)).collect()
}

/// A table with these values at these places.
fn table(length: usize, fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for (at, field) in fields {
        bytes[*at..at + field.len()].copy_from_slice(field);
    }
    bytes
}

#[test]
fn the_fadt_of_q35_gives_the_block_around_its_events_smi_and_reset() {
    let q35 = table(
        244,
        &[
            (48, &0xb2u32.to_le_bytes()),
            (56, &0x600u32.to_le_bytes()),
            (64, &0x604u32.to_le_bytes()),
            (76, &0x608u32.to_le_bytes()),
            (80, &0x620u32.to_le_bytes()),
            (88, &[4, 2, 0, 4, 16, 0]),
            (116, &[1, 8, 0, 0]),
            (120, &0xcf9u64.to_le_bytes()),
            (148, &[1, 32, 0, 0]),
            (152, &0x1800u64.to_le_bytes()),
        ],
    );
    let power = (Unit::PowerManagement, 0x600, 0x67f);
    let expected = [
        (Unit::SystemManagement, 0xb2, 0xb3),
        power,
        power,
        power,
        power,
        (Unit::Reset, 0xcf9, 0xcf9),
        (Unit::PowerManagement, 0x1800, 0x187f),
    ];
    assert_eq!(ports(&read_of(b"FACP", &q35, &BTreeMap::new())), expected);
    // The first version of the table ends before the generic addresses.
    assert_eq!(ports(&read_of(b"FACP", &q35[..116], &BTreeMap::new())), expected[..5]);
    assert_eq!(ports(&read_of(b"FACP", &q35[..57], &BTreeMap::new())), expected[..1]);
}

#[test]
fn registers_of_the_fadt_in_memory_are_found_too() {
    let fields: [(usize, &[u8]); 2] = [(116, &[0, 8, 0, 0]), (120, &0xfe00_1234u64.to_le_bytes())];
    let found = read_of(b"FACP", &table(268, &fields), &BTreeMap::new());
    assert_eq!(found.registers, [(Unit::Reset, MemoryRange::of_size(0xfe00_1234, 255))]);
}

fn hpet(base: u64) -> Vec<u8> {
    table(56, &[(40, &[0, 64, 0, 0]), (44, &base.to_le_bytes())])
}

/// Registers of so many timers, one of which may send messages.
fn timers(base: u64, count: u32, sender: Option<u32>) -> BTreeMap<u64, u32> {
    let timer = |n: u32| (base + 0x100 + u64::from(n) * 0x20, if sender == Some(n) { 0x8030 } else { 0x30 });
    let block = [(base, 0x8086_a001 | (count - 1) << 8), (base + 4, 10_000_000)];
    block.into_iter().chain((0..count).map(timer)).collect()
}

#[test]
fn an_hpet_is_harmless_only_if_it_answers_and_no_timer_of_it_sends_messages() {
    let base = 0xfed0_0000;
    let block = MemoryRange::of_size(base, 0x400);
    let found = |registers: &BTreeMap<u64, u32>| {
        let Hazards { registers, harmless, .. } = read_of(b"HPET", &hpet(base), registers);
        (registers, harmless)
    };
    for count in [1, 3, 8, 32] {
        assert_eq!(found(&timers(base, count, None)), (vec![], vec![block]));
        for sender in 0..count {
            assert_eq!(found(&timers(base, count, Some(sender))), (vec![(Unit::Hpet, block)], vec![]));
        }
    }
    assert_eq!(found(&BTreeMap::new()), (vec![(Unit::Hpet, block)], vec![]), "nothing answers");
    let stopped: BTreeMap<_, _> = timers(base, 3, None).into_keys().map(|address| (address, 0)).collect();
    assert_eq!(found(&stopped), (vec![(Unit::Hpet, block)], vec![]), "all zero is no timer block");
    for length in 0..52 {
        let cut = read_of(b"HPET", &hpet(base)[..length], &timers(base, 3, None));
        assert_eq!(cut, Hazards::default(), "a table cut off says nothing");
    }
}

#[test]
fn an_hpet_that_denies_to_send_messages_but_can_be_told_to_is_nobodys_and_left_as_it_was() {
    const BASE: u64 = 0xfed0_0000;
    let found = |writable| {
        let mut registers = timers(BASE, 3, None);
        registers.insert(BASE + 0x120, 0x3034); // the second one runs, with its interrupt enabled
        let device = Device::new(&registers, writable);
        let mut hazards = Hazards::default();
        add_table(&mut hazards, *b"HPET", &hpet(BASE), &device);
        assert_eq!(*device.registers.borrow(), registers, "every register is as before");
        let tried = device
            .written
            .borrow()
            .iter()
            .filter(|value| **value & 1 << 14 != 0)
            .copied()
            .collect::<Vec<_>>();
        assert!(tried.iter().all(|value| value & 1 << 2 == 0), "nothing can be sent meanwhile: {tried:x?}");
        (hazards.registers, hazards.harmless)
    };
    let block = MemoryRange::of_size(BASE, 0x400);
    assert_eq!(found(0x7f4e), (vec![(Unit::Hpet, block)], vec![]), "as QEMU's, whose bit 14 can be written");
    assert_eq!(found(0x3f4e), (vec![], vec![block]), "as the specification says");
}

#[test]
fn mcfg_names_the_windows_of_its_buses() {
    let entry = |base: u64, first, last| [&base.to_le_bytes()[..], &[0, 0, first, last, 0, 0, 0, 0]].concat();
    let entries = [entry(0xb000_0000, 0, 255), entry(0xe000_0000, 4, 7), entry(0, 0, 255)].concat();
    let mcfg = [vec![0; 44], entries, vec![1; 15]].concat();
    let found = read_of(b"MCFG", &mcfg, &BTreeMap::new());
    let window = |start, end| (Unit::PciConfiguration, MemoryRange::new(start, end));
    assert_eq!(found.registers, [window(0xb000_0000, 0xc000_0000), window(0xe040_0000, 0xe080_0000)]);
}

#[test]
fn remapping_units_reach_to_their_last_register() {
    let unit = |kind: u16, pages: u8, base: u64| {
        [&kind.to_le_bytes()[..], &16u16.to_le_bytes(), &[1, pages, 0, 0], &base.to_le_bytes()].concat()
    };
    let dmar =
        [vec![0; 48], unit(0, 0, 0xfed9_0000), unit(1, 0, 0x7f00_0000), unit(0, 2, 0xd000_0000)].concat();
    let near = BTreeMap::from([(0xfed9_0008, 0), (0xfed9_000c, 7 << 8), (0xfed9_0010, 0), (0xfed9_0014, 0)]);
    let found = read_of(b"DMAR", &dmar, &near);
    let units = [
        (Unit::Iommu, MemoryRange::of_size(0xfed9_0000, 0x1000)),
        (Unit::Iommu, MemoryRange::of_size(0xd000_0000, 0x4000)),
    ];
    assert_eq!(found.registers, units);
    let further = BTreeMap::from([
        (0xfed9_0008, 0),
        (0xfed9_000c, 7 << 8),
        (0xfed9_0010, 0x3ff << 8),
        (0xfed9_0014, 0),
    ]);
    assert_eq!(read_of(b"DMAR", &dmar, &further).registers[0].1.size(), 0x4000);
    let ivhd =
        |kind: u8, base: u64| [&[kind, 0, 24, 0, 0, 0, 0, 0][..], &base.to_le_bytes(), &[0; 8]].concat();
    let ivrs = [vec![0; 48], ivhd(0x10, 0xfed8_0000), ivhd(0x20, 0x1000), ivhd(0x40, 0xfd00_4000)].concat();
    let found = read_of(b"IVRS", &ivrs, &BTreeMap::new());
    let sizes: Vec<_> = found.registers.iter().map(|(_, range)| (range.start, range.size())).collect();
    assert_eq!(sizes, [(0xfed8_0000, 0x8_0000), (0xfd00_4000, 0x4000)]);
}

proptest! {
    #[test]
    fn no_bytes_make_the_walk_panic_or_go_on_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..600), value: u32) {
        for signature in TABLES {
            let mut hazards = Hazards::default();
            add_table(&mut hazards, signature, &bytes, &Same(value));
            prop_assert!(hazards.registers.len() + hazards.ports.len() + hazards.harmless.len() < 200);
        }
    }
}
