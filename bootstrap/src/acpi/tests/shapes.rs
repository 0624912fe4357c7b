// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties of the walk on any tables: valid, odd, hostile, and on any bytes at all.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::image::{self, Image, core, core_x2, io_apic, isa_override, local_apic_address, table};
use super::*;
use crate::memory::Memory;

/// Bytes that a walk may ask for: the areas of the BIOS with a root pointer at each step, and a few tables.
const MOST_READS: usize = 4 << 20;

/// A core as a table lists it.
#[derive(Clone, Debug)]
struct Listed {
    is_x2: bool,
    id: u32,
    enabled: bool,
}

impl Listed {
    fn entry(&self) -> Vec<u8> {
        match self.is_x2 {
            true => core_x2(self.id, u32::from(self.enabled)),
            false => core(self.id as u8, u8::from(self.enabled)),
        }
    }

    /// The rule, written a second time.
    fn is_core(&self, processor: Processor) -> bool {
        match (self.is_x2, processor.is_x2apic) {
            (false, _) => self.id as u8 != 255,
            (true, true) => self.id != u32::MAX,
            (true, false) => self.id < 255,
        }
    }

    fn apic_id(&self) -> u32 {
        if self.is_x2 { self.id } else { self.id & 0xff }
    }
}

fn listed() -> impl Strategy<Value = Listed> {
    let id = prop_oneof![0..6u32, select(vec![254, 255, 256, 257, u32::MAX - 1, u32::MAX]), any::<u32>()];
    (any::<bool>(), id, any::<bool>()).prop_map(|(is_x2, id, enabled)| Listed { is_x2, id, enabled })
}

/// An entry of any kind, as it should be or with a length that it should not have.
fn any_entry() -> impl Strategy<Value = Vec<u8>> {
    let odd = (prop_oneof![0..20u8, any::<u8>()], prop_oneof![0..20u8, any::<u8>()], vec(any::<u8>(), 0..24));
    prop_oneof![
        listed().prop_map(|listed| listed.entry()),
        (any::<u32>(), any::<u32>()).prop_map(|(address, base)| io_apic(address, base)),
        (any::<u8>(), any::<u32>(), any::<u16>()).prop_map(|(irq, pin, flags)| isa_override(irq, pin, flags)),
        prop_oneof![Just(LOCAL_APIC), any::<u64>()].prop_map(local_apic_address),
        (0..20u8, vec(any::<u8>(), 0..30))
            .prop_map(|(kind, body)| [vec![kind, body.len() as u8 + 2], body].concat()),
        odd.prop_map(|(kind, length, body)| [vec![kind, length], body].concat()),
    ]
}

/// Any of the tables that a machine has, with any contents.
fn any_table() -> impl Strategy<Value = Vec<u8>> {
    let name = select(vec![*b"APIC", *b"SRAT", *b"DMAR", *b"HPET", *b"FACP", *b"MCFG", *b"RSDT", [0xff; 4]]);
    let entries = vec(any_entry(), 0..12).prop_map(|entries| entries.concat());
    let body = (vec(any::<u8>(), 0..16), entries).prop_map(|(fixed, entries)| [fixed, entries].concat());
    prop_oneof![
        3 => vec(any_entry(), 0..12).prop_map(|entries| image::madt(&entries)),
        2 => (any::<u8>(), vec(any_entry(), 0..12)).prop_map(|(revision, entries)| image::srat(revision, &entries)),
        2 => (name, body).prop_map(|(name, body)| table(&name, &body)),
    ]
}

/// A change to a byte, or to the length, of one of the tables; its checksum is corrected, or not.
#[derive(Clone, Debug)]
struct Change {
    table: Index,
    length: Option<u32>,
    byte: Option<(Index, u8)>,
    is_summed: bool,
}

fn change() -> impl Strategy<Value = Change> {
    let length = prop_oneof![0..100u32, select(vec![0x4_0000, 0x4_0001, 1 << 31, u32::MAX]), any::<u32>()];
    let byte = proptest::option::of((any::<Index>(), any::<u8>()));
    (any::<Index>(), proptest::option::of(length), byte, any::<bool>())
        .prop_map(|(table, length, byte, is_summed)| Change { table, length, byte, is_summed })
}

fn apply(tables: &mut [Vec<u8>], change: &Change) {
    let Some(table) = tables.get_mut(change.table.index(tables.len().max(1))) else { return };
    if let Some(length) = change.length {
        table[4..8].copy_from_slice(&length.to_le_bytes());
    }
    if let Some((at, byte)) = change.byte {
        let at = at.index(table.len());
        table[at] = byte;
    }
    if change.is_summed {
        *table = image::summed(table.clone());
    }
}

/// Every way through the walk that a boot takes; it ends, reads little, and says where it refuses.
fn check_walk(image: &Image, pointer: Option<u64>, processor: Processor) -> Result<(), TestCaseError> {
    image.forget_reads();
    match walk(image, pointer, processor) {
        Ok((madt, root)) => {
            for core in &madt.cores {
                let most = if processor.is_x2apic { u32::MAX - 1 } else { 254 };
                prop_assert!(core.apic_id <= most);
            }
            let mut ids: Vec<_> = madt.cores.iter().map(|core| core.apic_id).collect();
            ids.sort_unstable();
            prop_assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
            prop_assert!(root.notes.iter().count() <= 16);
            root.notes.iter().for_each(|note| assert!(note.to_string().is_ascii()));
        }
        Err(error) => {
            let message = error.to_string();
            prop_assert!(message.starts_with("ACPI table ") && message.contains("0x"), "{}", message);
            prop_assert!(message.is_ascii());
        }
    }
    prop_assert!(image.reads() < MOST_READS, "{} bytes", image.reads());
    Ok(())
}

/// All of memory is made of these bytes, again and again, and all of it can be read.
struct Pattern {
    bytes: Vec<u8>,
    reads: Cell<usize>,
}

impl Memory for Pattern {
    fn byte(&self, address: u64) -> Option<u8> {
        self.reads.set(self.reads.get() + 1);
        self.bytes.get((address % self.bytes.len() as u64) as usize).copied()
    }
}

proptest! {
    #[test]
    fn cores_are_those_that_some_entry_enables(
        listed in vec(listed(), 0..40),
        is_x2apic in any::<bool>(),
    ) {
        let processor = Processor { is_x2apic };
        let entries: Vec<_> = listed.iter().map(Listed::entry).collect();
        let (image, pointer) = Image::of(&[image::madt(&entries)]);
        let (madt, _) = walk(&image, Some(pointer), processor).expect("it is a good table");
        let mut expected: Vec<(u32, bool)> = Vec::new();
        for core in listed.iter().filter(|core| core.is_core(processor)) {
            match expected.iter_mut().find(|(id, _)| *id == core.apic_id()) {
                Some((_, enabled)) => *enabled |= core.enabled,
                None => expected.push((core.apic_id(), core.enabled)),
            }
        }
        let found: Vec<_> = madt.cores.iter().map(|core| (core.apic_id, core.enabled)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_tables_are_read_or_refused_by_name(
        mut tables in vec(any_table(), 0..6),
        changes in vec(change(), 0..3),
        (revision, which, is_x2apic) in (0..4u8, 0..3u8, any::<bool>()),
        zeros in vec(select(vec![0u64, 1, 0xdead_0000, u64::MAX, u64::MAX - 35]), 0..3),
        byte in proptest::option::of((0..36u64, any::<u8>(), any::<bool>())),
    ) {
        changes.iter().for_each(|change| apply(&mut tables, change));
        let mut image = Image::default();
        let addresses = [zeros, image.put_all(&tables)].concat();
        let rsdt = if which == 1 { 0 } else { image.put_rsdt(&addresses) };
        let xsdt = if which == 2 { 0 } else { image.put_xsdt(&addresses) };
        let pointer = image.put_pointer(revision, rsdt, xsdt);
        if let Some((at, value, is_summed)) = byte {
            image.change(pointer + at, value);
            if is_summed {
                image.sum_pointer(pointer);
            }
        }
        check_walk(&image, Some(pointer), Processor { is_x2apic })?;
        // The root tables are tables, too.
        for root in [rsdt, xsdt].into_iter().filter(|root| *root != 0) {
            for length in [0u32, 10, 35, 36, 37, 0x4_0001, u32::MAX] {
                let mut odd = image.clone();
                odd.put_at(root + 4, &length.to_le_bytes());
                check_walk(&odd, Some(pointer), Processor { is_x2apic })?;
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_in_bounded_time(
        bytes in vec(any::<u8>(), 1..300),
        pointer in proptest::option::of(any::<u64>()),
        places in vec((any::<Index>(), select(vec![&b"RSD PTR "[..], b"RSDT", b"XSDT", b"APIC"])), 0..6),
    ) {
        let mut bytes = bytes;
        for (at, name) in places {
            let at = at.index(bytes.len());
            bytes.iter_mut().skip(at).zip(name).for_each(|(to, from)| *to = *from);
        }
        let memory = Pattern { bytes, reads: Cell::new(0) };
        let message = Root::read(&memory, pointer).and_then(|mut root| {
            let nodes = nodes(&memory, &mut root);
            Madt::read(&memory, &mut root, X2APIC, &nodes)
        });
        prop_assert!(message.map_or_else(|error| error.to_string().starts_with("ACPI table "), |_| true));
        prop_assert!(memory.reads.get() < MOST_READS, "{} bytes", memory.reads.get());
    }
}
