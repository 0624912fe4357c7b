// SPDX-License-Identifier: MIT OR Apache-2.0
//! The walk on tables made by hand, and on shapes that nobody would write (`shapes.rs`).

mod image;
mod shapes;

use alloc::collections::BTreeMap;

use image::{Image, SHORT, core, core_x2, io_apic, isa_override, local_apic_address, madt, srat, table};

use super::*;
use crate::memory::Memory;

const X2APIC: Processor = Processor { is_x2apic: true };
const XAPIC: Processor = Processor { is_x2apic: false };

/// All that a boot reads.
fn walk(image: &Image, pointer: Option<u64>, processor: Processor) -> Result<(Madt, Root), AcpiError> {
    let mut root = Root::read(image, pointer)?;
    let nodes = nodes(image, &mut root);
    let madt = Madt::read(image, &mut root, processor, &nodes)?;
    Ok((madt, root))
}

/// Ids of the enabled cores of a table with these entries.
fn cores(entries: &[Vec<u8>], processor: Processor) -> Vec<u32> {
    let (image, pointer) = Image::of(&[madt(entries)]);
    let (madt, _) = walk(&image, Some(pointer), processor).expect("it can be walked");
    madt.cores.iter().filter(|core| core.enabled).map(|core| core.apic_id).collect()
}

/// Why a machine with these tables is refused, as it is printed.
fn refused(image: &Image, pointer: u64) -> String {
    walk(image, Some(pointer), X2APIC).expect_err("it is refused").to_string()
}

#[test]
fn cores_chips_and_overrides_are_read() {
    let entries = [core(0, 1), io_apic(0xfec0_0000, 0), core(1, 0), core_x2(256, 1), isa_override(0, 2, 5)];
    let (image, pointer) = Image::of(&[table(b"FACP", &[0; 80]), madt(&entries)]);
    let (madt, root) = walk(&image, Some(pointer), X2APIC).expect("it can be walked");
    let cores: Vec<_> = madt.cores.iter().map(|core| (core.apic_id, core.enabled)).collect();
    assert_eq!(cores, [(0, true), (1, false), (256, true)]);
    assert_eq!(madt.io_apics, [IoApicEntry { id: 0, address: 0xfec0_0000, gsi_base: 0 }]);
    assert_eq!(madt.overrides, [Override { irq: 0, pin: 2, flags: 5 }]);
    let names: Vec<_> = root.tables().map(|(name, _)| name.to_string()).collect();
    assert_eq!((names, root.notes.iter().count()), (vec!["FACP".to_owned(), "APIC".to_owned()], 0));
}

#[test]
fn nodes_of_enabled_cores_are_read_from_entries_of_both_kinds() {
    let xapic = |node, id, flags| vec![0, 16, node, id, flags, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0];
    let mut x2apic = vec![2, 24, 0, 0, 7, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0];
    x2apic.resize(24, 0);
    let entries = [xapic(2, 5, 1), xapic(3, 6, 0), x2apic];
    for (revision, high) in [(1, 0), (2, 0x700)] {
        let (image, pointer) = Image::of(&[madt(&[core(5, 1)]), srat(revision, &entries)]);
        let mut root = Root::read(&image, Some(pointer)).expect("it can be read");
        assert_eq!(nodes(&image, &mut root), BTreeMap::from([(5, high | 2), (256, 7)]));
        let (madt, _) = walk(&image, Some(pointer), X2APIC).expect("it can be walked");
        assert_eq!(madt.cores[0].node, high | 2);
    }
}

#[test]
fn a_wrong_srat_is_left_out_and_said() {
    let short = vec![0, 8, 0, 0, 1, 0, 0, 0];
    let (image, pointer) = Image::of(&[madt(&[core(5, 1)]), srat(2, &[short])]);
    let (madt, root) = walk(&image, Some(pointer), X2APIC).expect("it is not needed");
    assert_eq!(madt.cores[0].node, 0);
    let said = root.notes.iter().next().map(Note::to_string).unwrap_or_default();
    assert!(said.contains("SRAT at") && said.contains("offset 48 has type 0 and length 8"), "{said}");
}

#[test]
fn the_xsdt_counts_only_from_revision_2_and_if_there_is_one() {
    let right = madt(&[core(7, 1)]);
    for (revision, has_xsdt, root) in [
        (0, true, Signature::RSDT),
        (1, true, Signature::RSDT),
        (2, false, Signature::RSDT),
        (2, true, Signature::XSDT),
    ] {
        let mut image = Image::default();
        let tables = image.put_all(std::slice::from_ref(&right));
        let rsdt = image.put_rsdt(&tables);
        let xsdt = if has_xsdt { image.put_xsdt(&tables) } else { 0 };
        let pointer = image.put_pointer(revision, rsdt, xsdt);
        let (madt, found) = walk(&image, Some(pointer), X2APIC).expect("it can be walked");
        assert_eq!((madt.cores[0].apic_id, found.notes.iter().count()), (7, 0));
        assert_eq!(found.signature(), root, "revision {revision}, XSDT {xsdt:#x}");
    }
}

#[test]
fn a_root_pointer_with_a_wrong_second_part_falls_back_on_its_rsdt() {
    for (at, byte) in [(20, 200), (23, 0xff), (32, 1), (24, 0xee)] {
        let mut image = Image::default();
        let tables = image.put_all(&[madt(&[core(7, 1)])]);
        let (rsdt, xsdt) = (image.put_rsdt(&tables), image.put_xsdt(&tables));
        let pointer = image.put_pointer(2, rsdt, xsdt);
        image.change(pointer + at, byte);
        let (_, root) = walk(&image, Some(pointer), X2APIC).expect("it can be walked");
        assert_eq!(root.signature(), Signature::RSDT);
        assert_eq!(root.notes.iter().next(), Some(&Note::ExtendedRootPointer { address: pointer }));
        let alone = image.put_pointer(2, 0, xsdt);
        image.change(alone + at, byte);
        assert!(refused(&image, alone).contains("names neither an XSDT nor an RSDT"));
    }
}

#[test]
fn the_root_pointer_is_found_where_bioses_put_it() {
    let (mut image, pointer) = Image::of(&[madt(&[core(7, 1)])]);
    let bytes = image.bytes(pointer, SHORT).expect("it is there");
    assert_eq!(walk(&image, None, X2APIC).expect_err("none is there"), AcpiError::NoRootPointer);
    image.put_at(0xf_5ad0, &bytes);
    assert_eq!(walk(&image, None, X2APIC).map(|(_, root)| root.pointer.address), Ok(0xf_5ad0));
    image.put_at(0x40e, &[0xc0, 0x9f]);
    image.put_at(0x9_fc10, &bytes);
    assert_eq!(walk(&image, None, X2APIC).map(|(_, root)| root.pointer.address), Ok(0x9_fc10));
}

#[test]
fn a_root_pointer_that_leads_nowhere_is_named_with_its_address() {
    let (image, _) = Image::of(&[madt(&[core(7, 1)])]);
    for address in [0xdead_0000, 0, u64::MAX, u64::MAX - 8] {
        let message = refused(&image, address);
        assert!(message.starts_with(&format!("ACPI table RSDP at {address:#x}: ")), "{message}");
    }
    let mut image = image;
    for (rsdt, xsdt, name) in
        [(0xdead_0000, 0, "RSDT at 0xdead0000"), (0, u64::MAX, "XSDT at 0xffffffffffffffff")]
    {
        let pointer = image.put_pointer(2, rsdt, xsdt);
        let message = refused(&image, pointer);
        assert!(message.contains(name) && message.contains("in memory that can be read"), "{message}");
    }
}

#[test]
fn entries_of_the_root_table_that_are_zero_or_lead_nowhere_are_skipped_and_said() {
    let mut image = Image::default();
    let madt = image.put_all(&[madt(&[core(7, 1)])])[0];
    let rsdt = image.put_rsdt(&[0, 0xdead_0000, madt, 0]);
    let xsdt = image.put_xsdt(&[0, u64::MAX, madt, 0]);
    for (revision, lost) in [(0, 0xdead_0000), (2, u64::MAX)] {
        let pointer = image.put_pointer(revision, rsdt, xsdt);
        let (found, root) = walk(&image, Some(pointer), X2APIC).expect("it can be walked");
        assert_eq!(found.cores.len(), 1);
        let name = root.signature();
        let expected = [
            Note::LostEntry { root: name, index: 1, address: lost },
            Note::NullEntries { root: name, count: 2 },
        ];
        assert_eq!(root.notes.iter().cloned().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn lengths_out_of_bounds_are_refused_before_anything_is_summed() {
    let mut image = Image::default();
    let madt = image.put_all(&[madt(&[core(7, 1)])])[0];
    let rsdt = image.put_rsdt(&[madt]);
    let pointer = image.put_pointer(0, rsdt, 0);
    for (table, name, least) in [(rsdt, "RSDT", 36), (madt, "APIC", 44)] {
        let right = image.bytes(table + 4, 4).expect("it is there");
        for length in [0u32, 10, 35, least - 1, 256 * 1024 + 1, 0x7fff_ffff, u32::MAX] {
            image.put_at(table + 4, &length.to_le_bytes());
            image.forget_reads();
            let message = refused(&image, pointer);
            let expected = format!(
                "ACPI table {name} at {table:#x}: its length is {length}, expected {least} to 262144"
            );
            assert_eq!(message, expected);
            assert!(image.reads() < 1000, "{} bytes were read", image.reads());
        }
        image.put_at(table + 4, &right);
    }
}

#[test]
fn a_table_that_leaves_memory_is_refused() {
    let mut image = Image::default();
    let madt = image.put_all(&[madt(&[core(7, 1)])])[0];
    let rsdt = image.put_rsdt(&[madt]);
    let pointer = image.put_pointer(0, rsdt, 0);
    image.put_at(madt + 4, &0x2_0000u32.to_le_bytes());
    assert!(refused(&image, pointer).contains("APIC at"));
}

#[test]
fn names_are_bytes() {
    let mut odd = madt(&[core(7, 1)]);
    odd[10..16].copy_from_slice(&[0xff, 0xfe, 0, b'"', b'\n', 0x80]);
    let mut stranger = table(b"\xff\"\n\x00", &[1, 2, 3]);
    stranger[10] = 0xff;
    let (mut image, pointer) = Image::of(&[image::summed(stranger), image::summed(odd)]);
    image.change(pointer + 9, 0xff);
    image.sum_pointer(pointer);
    let (madt, root) = walk(&image, Some(pointer), X2APIC).expect("nobody reads those names");
    assert_eq!(madt.cores[0].apic_id, 7);
    assert_eq!(root.tables().next().map(|(name, _)| name.to_string()).as_deref(), Some("\\xff\\\"\\n\\x00"));
}

#[test]
fn wrong_checksums_and_signatures_are_named() {
    let mut image = Image::default();
    let madt = image.put_all(&[madt(&[core(7, 1)])])[0];
    let rsdt = image.put_rsdt(&[madt]);
    let pointer = image.put_pointer(0, rsdt, 0);
    image.change(madt + 20, 0x55);
    assert_eq!(refused(&image, pointer), format!("ACPI table APIC at {madt:#x}: its checksum is wrong"));
    image.change(rsdt, b'X');
    let message = refused(&image, pointer);
    assert!(message.contains("RSDT at") && message.contains("begins with \"XSDT\""), "{message}");
    image.change(pointer + 9, 0x55);
    assert_eq!(refused(&image, pointer), format!("ACPI table RSDP at {pointer:#x}: its checksum is wrong"));
}

#[test]
fn a_machine_without_madt_is_refused_with_the_root_table() {
    let (image, pointer) = Image::of(&[table(b"FACP", &[0; 80])]);
    let message = refused(&image, pointer);
    assert!(
        message.contains("ACPI table APIC: missing: the RSDT at 0x") && message.contains("1 other"),
        "{message}"
    );
}

#[test]
fn of_two_madts_the_first_counts_and_the_second_is_said() {
    let (image, pointer) = Image::of(&[madt(&[core(7, 1)]), madt(&[core(8, 1)])]);
    let (madt, root) = walk(&image, Some(pointer), X2APIC).expect("it can be walked");
    assert_eq!(madt.cores[0].apic_id, 7);
    assert!(matches!(root.notes.iter().next(), Some(Note::SecondTable { table: Signature::MADT, .. })));
}

#[test]
fn entries_that_are_too_short_or_leave_the_table_are_refused_and_others_stepped_over() {
    for (kind, least) in [(0, 8), (1, 12), (2, 10), (5, 12), (9, 16)] {
        for length in 0..least {
            let (image, pointer) =
                Image::of(&[madt(&[vec![kind, length, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]])]);
            let message = refused(&image, pointer);
            let expected =
                format!("the entry at offset 44 has type {kind} and length {length}, expected {least} to 16");
            assert!(message.ends_with(&expected), "{message}");
        }
    }
    for tail in [vec![0x7f], vec![0x7f, 0], vec![0x7f, 1], vec![4, 7, 0, 0, 0, 0]] {
        let (image, pointer) = Image::of(&[madt(&[core(1, 1), tail])]);
        assert!(refused(&image, pointer).contains("the entry at offset 52"));
    }
    assert_eq!(cores(&[vec![0x7f, 2], vec![4, 6, 0, 0, 0, 1], vec![3, 3, 0], core(1, 1)], X2APIC), [1]);
}

#[test]
fn ids_that_no_core_can_have_are_ignored_and_said() {
    let all = [core(0xff, 1), core_x2(0xffff_ffff, 1), core_x2(0x100, 1), core_x2(0xff, 1), core(3, 1)];
    assert_eq!(cores(&all, X2APIC), [0x100, 0xff, 3]);
    assert_eq!(cores(&all, XAPIC), [3]);
    let (image, pointer) = Image::of(&[madt(&all)]);
    let (_, root) = walk(&image, Some(pointer), XAPIC).expect("it can be walked");
    let said: Vec<_> = root.notes.iter().map(Note::to_string).collect();
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said[2].contains("APIC id 0x100 (entry of type 9) is no core's in xAPIC mode"), "{said:?}");
}

#[test]
fn disabled_entries_with_the_id_of_all_are_padding_and_not_said() {
    let (image, pointer) = Image::of(&[madt(&[core(0, 1), core(0xff, 0), core_x2(0xffff_ffff, 0)])]);
    let (madt, root) = walk(&image, Some(pointer), X2APIC).expect("it can be walked");
    assert_eq!((madt.cores.len(), root.notes.iter().count()), (1, 0));
}

#[test]
fn a_core_that_is_listed_twice_is_one_and_enabled_wins() {
    assert_eq!(cores(&[core(0, 1), core(1, 0), core_x2(1, 1)], X2APIC), [0, 1]);
    assert_eq!(cores(&[core_x2(1, 1), core(1, 0), core(0, 1)], X2APIC), [1, 0]);
    assert_eq!(cores(&[core(1, 1), core(1, 1), core_x2(1, 0)], XAPIC), [1]);
}

#[test]
fn a_local_apic_elsewhere_is_refused() {
    for address in [0, 0xfee0_1000, 0x10_0000, 0x10_fee0_0000, u64::MAX] {
        let (image, pointer) = Image::of(&[madt(&[core(0, 1), local_apic_address(address)])]);
        let message = refused(&image, pointer);
        assert!(message.contains(&format!("at {address:#x}, expected 0xfee00000")), "{message}");
    }
    assert_eq!(cores(&[core(0, 1), local_apic_address(LOCAL_APIC)], X2APIC), [0]);
    let mut elsewhere = madt(&[core(0, 1)]);
    elsewhere[36..40].copy_from_slice(&0xfed0_0000u32.to_le_bytes());
    let (image, pointer) = Image::of(&[image::summed(elsewhere)]);
    assert!(refused(&image, pointer).contains("at 0xfed00000, expected 0xfee00000"));
}

#[test]
fn notes_are_few_however_many_defects_there_are() {
    let (image, pointer) = Image::of(&[madt(&vec![core(0xff, 1); 1000])]);
    let (madt, root) = walk(&image, Some(pointer), X2APIC).expect("it can be walked");
    assert_eq!((madt.cores.len(), root.notes.iter().count(), root.notes.more()), (0, 16, 984));
}
