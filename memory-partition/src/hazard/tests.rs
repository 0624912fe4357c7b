// SPDX-License-Identifier: MIT OR Apache-2.0
use alloc::string::String;

use super::*;

const ISOLATION: &str = include_str!("../../../docs/isolation.md");

fn classes(hazards: Hazards) -> Classes {
    Classes::of(&Firmware { hazards, ..Firmware::default() }, 2)
}

/// Numbers of a cell such as `0x70–0x77, 0x92`.
fn numbers(cell: &str) -> Vec<(u64, u64)> {
    let number = |text: &str| {
        let digits = text.trim().trim_start_matches("0x").replace('_', "");
        u64::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("{text:?} is no number"))
    };
    let range = |part: &str| match part.split_once('–') {
        Some((first, last)) => (number(first), number(last)),
        None => (number(part), number(part)),
    };
    cell.split(',').map(range).collect()
}

/// A row of a table: numbers, whether it is nobody's, the whole row.
type Row = (Vec<(u64, u64)>, bool, String);

/// The rows of the table under a heading.
fn documented(heading: &str) -> Vec<Row> {
    let (_, section) = ISOLATION.split_once(heading).expect("the heading is there");
    let section = section.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| 0x"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() == 4 && !cells[3].is_empty(), "{line}: numbers, what, whose, why");
        let is_nobodys = match cells[2] {
            "nobody" => true,
            "owner" => false,
            other => panic!("{other:?} is neither nobody nor owner"),
        };
        (numbers(cells[0]), is_nobodys, line.into())
    };
    rows.map(row).collect()
}

#[test]
fn the_ports_of_the_page_are_classed_as_it_says_and_no_others_are_nobodys() {
    let rows = documented("### Ports that reach beyond");
    let classes = classes(Hazards::default());
    let is_in =
        |ranges: &[(u64, u64)], port| ranges.iter().any(|(first, last)| (*first..=*last).contains(&port));
    for port in 0..=u16::MAX {
        let found: Vec<_> = rows.iter().filter(|(ranges, ..)| is_in(ranges, port.into())).collect();
        assert!(found.len() < 2, "{port:#x}: {found:?}");
        let is_nobodys = classes.ports().any(|hazard| hazard.first <= port && port <= hazard.last);
        assert_eq!(is_nobodys, found.iter().any(|(_, nobodys, _)| *nobodys), "{port:#x}: {found:?}");
    }
}

#[test]
fn the_addresses_of_the_page_are_classed_as_it_says_and_no_others_are_nobodys() {
    let classes = classes(Hazards::default());
    let mut documented: Vec<_> = documented("### Registers that reach beyond")
        .into_iter()
        .flat_map(|(ranges, is_nobodys, _)| ranges.into_iter().map(move |range| (range, is_nobodys)))
        .filter(|(_, is_nobodys)| *is_nobodys)
        .map(|((first, last), _)| (first, last + 1))
        .collect();
    documented.sort_unstable();
    let fixed: Vec<_> = classes.registers().map(|(_, range)| (range.start, range.end)).collect();
    assert_eq!(documented, fixed);
}

#[test]
fn nothing_is_nobodys_where_one_instance_has_the_machine() {
    let hazards =
        Hazards { registers: [(Unit::Iommu, MemoryRange::new(0x1000, 0x2000))].into(), ..Hazards::default() };
    let firmware = Firmware { hazards, ..Firmware::default() };
    let alone = Classes::of(&firmware, 1);
    assert_eq!((alone.registers().count(), alone.ports().count()), (0, 0));
    assert!(Classes::of(&firmware, 2).registers().count() > 0);
}

fn device(kind: DeviceKind, trusted: bool) -> Device {
    Device { name: "it".into(), owner: 1, kind, trusted }
}

fn page(base: u64) -> DeviceKind {
    DeviceKind::Mmio { base, size: PAGE }
}

#[test]
fn an_hpet_is_ordinary_once_it_was_found_to_send_no_messages() {
    let hpet = MemoryRange::of_size(0xfed0_0000, 0x400);
    let verdict = |hazards, kind| classes(hazards).verdict(&device(kind, false));
    let unknown = Hazards::default();
    assert_eq!(verdict(unknown, page(0xfed0_0000)), Verdict::Refused(Unit::Chipset));
    let without = Hazards { harmless: [hpet].into(), ..Hazards::default() };
    assert_eq!(verdict(without.clone(), page(0xfed0_0000)), Verdict::Ordinary);
    assert_eq!(verdict(without.clone(), page(0xfed0_1000)), Verdict::Refused(Unit::Chipset));
    // Another block in the same page sends messages.
    let second = (Unit::Hpet, MemoryRange::of_size(0xfed0_0400, 0x400));
    let both = Hazards { registers: [second].into(), ..without };
    assert_eq!(verdict(both, page(0xfed0_0000)), Verdict::Refused(Unit::Hpet));
}

#[test]
fn a_range_that_only_touches_a_hazard_is_refused_unless_its_owner_is_trusted() {
    let across = DeviceKind::IoPorts { first: 0x500, last: 0x510 };
    let classes = classes(Hazards::default());
    assert_eq!(classes.verdict(&device(across, true)), Verdict::Hole(Unit::HostExit));
    assert!(matches!(classes.verdict(&device(across, false)), Verdict::Refused(_)));
    let around = DeviceKind::Mmio { base: 0xf000_0000, size: 0x1000_0000 };
    assert!(matches!(classes.verdict(&device(around, false)), Verdict::Refused(_)));
    let beside = DeviceKind::IoPorts { first: 0x51c, last: 0x5ff };
    assert_eq!(classes.verdict(&device(beside, false)), Verdict::Ordinary);
}

#[test]
fn a_console_is_for_its_own_instance_and_that_of_the_boot_for_none() {
    let mut hazards = Hazards::default();
    hazards.add_debug_consoles(Some(0x8dff), 0x8e00);
    hazards.add_serial_console(Unit::KernelConsole, 0x2f8, Some(1));
    let classes = classes(hazards);
    let verdict = |first, last| classes.verdict(&device(DeviceKind::IoPorts { first, last }, false));
    assert_eq!(verdict(0x8e01, 0x8e01), Verdict::Ordinary);
    assert_eq!(verdict(0x2f8, 0x2ff), Verdict::Ordinary);
    assert_eq!(verdict(0x8e00, 0x8e01), Verdict::Refused(Unit::KernelConsole));
    assert_eq!(verdict(0x8efe, 0x8efe), Verdict::Refused(Unit::KernelConsole));
    assert_eq!(verdict(0x8eff, 0x8eff), Verdict::Ordinary);
    assert_eq!(verdict(0x8dff, 0x8dff), Verdict::Refused(Unit::BootConsole));
}

#[test]
fn memory_that_the_firmware_keeps_is_nobodys_and_its_tables_are_not() {
    let other = |start, end, kind| crate::OtherRange { range: MemoryRange::new(start, end), kind };
    let firmware = Firmware {
        other: [other(0x7f00_0000, 0x7f80_0000, 2), other(0x7e00_0000, 0x7e10_0000, 3), other(0, 0, 4)]
            .into(),
        ..Firmware::default()
    };
    let classes = Classes::of(&firmware, 2);
    assert_eq!(classes.verdict(&device(page(0x7f7f_f000), false)), Verdict::Refused(Unit::FirmwareMemory));
    assert_eq!(classes.verdict(&device(page(0x7e00_0000), false)), Verdict::Ordinary);
    assert_eq!(classes.verdict(&device(page(0), false)), Verdict::Ordinary);
}
