// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ACPI tables of a stopped machine, and others in their place.

use super::Stopped;

const HEADER: usize = 36;
const CHECKSUM: usize = 9;
/// Where the start record names the root pointer.
pub(crate) const START_RSDP: u64 = 32;
/// Root pointers before revision 2.
const SHORT: usize = 20;
/// QEMU keeps its tables at the start of so much reserved memory; the rest of it is free.
const RESERVED: u64 = 128 << 10;

/// Signature and bytes of the tables, and where others can be put.
pub(crate) struct Tables {
    pub(crate) tables: Vec<Vec<u8>>,
    next: u64,
}

/// What leads to the tables.
pub(crate) struct Roots {
    pub(crate) pointer: u64,
    pub(crate) rsdt: u64,
    pub(crate) xsdt: u64,
    /// Name and place of each table.
    tables: Vec<(Vec<u8>, u64)>,
}

impl Tables {
    /// Reads what the machine has.
    pub(crate) fn read(machine: &mut Stopped) -> Self {
        let pointer = machine.u64(machine.start_info + START_RSDP);
        let rsdt = u64::from(machine.u32(pointer + 16));
        let length = u64::from(machine.u32(rsdt + 4));
        let addresses = (HEADER as u64..length).step_by(4);
        let addresses: Vec<_> = addresses.map(|at| u64::from(machine.u32(rsdt + at))).collect();
        let table = |address| {
            let length = machine.u32(address + 4) as usize;
            machine.read(address, length)
        };
        let tables = addresses.into_iter().map(table).collect();
        Tables { tables, next: (rsdt & !(RESERVED - 1)) + RESERVED / 2 }
    }

    /// The table with this signature.
    pub(crate) fn find(&mut self, signature: &[u8; 4]) -> &mut Vec<u8> {
        let found = self.tables.iter_mut().find(|table| table.starts_with(signature));
        found.expect("the machine has such a table")
    }

    /// Puts other entries into the MADT: those that `keep` wants, then `more`.
    pub(crate) fn change_madt(&mut self, keep: impl Fn(&[u8]) -> bool, more: &[Vec<u8>]) {
        const FIXED: usize = 44;
        let table = self.find(b"APIC");
        let mut rest = table.split_off(FIXED);
        while let Some(length) = rest.get(1).map(|length| usize::from(*length)) {
            let entry: Vec<u8> = rest.drain(..length).collect();
            if keep(&entry) {
                table.extend(entry);
            }
        }
        table.extend(more.concat());
        let length = table.len() as u32;
        table[4..8].copy_from_slice(&length.to_le_bytes());
    }

    /// Writes all tables, checksums corrected, behind an RSDT, an XSDT and a root pointer of `revision`, to which the start
    /// record leads from then on.
    pub(crate) fn install(mut self, machine: &mut Stopped, revision: u8) -> Roots {
        let names: Vec<_> = self.tables.iter().map(|table| table[..4].to_vec()).collect();
        let tables: Vec<u64> = std::mem::take(&mut self.tables)
            .into_iter()
            .map(|table| self.put(machine, summed(table)))
            .collect();
        let narrow = tables.iter().flat_map(|address| (*address as u32).to_le_bytes()).collect::<Vec<_>>();
        let wide = tables.iter().flat_map(|address| address.to_le_bytes()).collect::<Vec<_>>();
        let rsdt = self.put(machine, root_table(b"RSDT", &narrow));
        let xsdt = self.put(machine, root_table(b"XSDT", &wide));
        let pointer = self.put(machine, root_pointer(revision, rsdt, xsdt));
        let roots = Roots { pointer, rsdt, xsdt, tables: names.into_iter().zip(tables).collect() };
        roots.lead_here(machine, pointer);
        roots
    }

    fn put(&mut self, machine: &mut Stopped, bytes: Vec<u8>) -> u64 {
        let at = self.next;
        self.next += bytes.len().next_multiple_of(64) as u64;
        machine.write(at, &bytes);
        at
    }
}

impl Roots {
    /// Where the table with this signature is.
    pub(crate) fn table(&self, signature: &[u8; 4]) -> u64 {
        let found = self.tables.iter().find(|(name, _)| name == signature);
        found.expect("the machine has such a table").1
    }

    /// Has the start record name this root pointer; 0 is none.
    pub(crate) fn lead_here(&self, machine: &mut Stopped, pointer: u64) {
        machine.write(machine.start_info + START_RSDP, &pointer.to_le_bytes());
    }

    /// Writes the root pointer again.
    pub(crate) fn point(&self, machine: &mut Stopped, revision: u8, rsdt: u64, xsdt: u64) {
        machine.write(self.pointer, &root_pointer(revision, rsdt, xsdt));
    }
}

/// Changes bytes of a table in memory and corrects its checksum.
pub(crate) fn change(machine: &mut Stopped, table: u64, at: usize, bytes: &[u8]) {
    let length = machine.u32(table + 4) as usize;
    let mut copy = machine.read(table, length);
    copy[at..at + bytes.len()].copy_from_slice(bytes);
    machine.write(table, &summed(copy));
}

fn root_table(signature: &[u8; 4], entries: &[u8]) -> Vec<u8> {
    let length = (HEADER + entries.len()) as u32;
    let header =
        [signature, &length.to_le_bytes()[..], b"\x01\0SKERRYodd fw  \x01\0\0\0test\x01\0\0\0"].concat();
    summed([header, entries.to_vec()].concat())
}

fn root_pointer(revision: u8, rsdt: u64, xsdt: u64) -> Vec<u8> {
    let words =
        [&(rsdt as u32).to_le_bytes()[..], &36u32.to_le_bytes(), &xsdt.to_le_bytes(), &[0; 4]].concat();
    let mut bytes = [b"RSD PTR \0SKERRY".to_vec(), vec![revision], words].concat();
    bytes[8] = missing(&bytes[..SHORT]);
    bytes[32] = missing(&bytes);
    bytes
}

pub(crate) fn summed(mut table: Vec<u8>) -> Vec<u8> {
    table[CHECKSUM] = 0;
    table[CHECKSUM] = missing(&table);
    table
}

fn missing(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte))
}

/// MADT entry of a core by its id of 8 bits.
pub(crate) fn core(id: u8, flags: u8) -> Vec<u8> {
    vec![0, 8, id, id, flags, 0, 0, 0]
}

/// MADT entry of a core by its id of 32 bits.
pub(crate) fn core_x2(id: u32, flags: u32) -> Vec<u8> {
    [&[9, 16, 0, 0], &id.to_le_bytes()[..], &flags.to_le_bytes(), &id.to_le_bytes()].concat()
}

/// MADT entry of the address of local APICs.
pub(crate) fn local_apic_address(address: u64) -> Vec<u8> {
    [&[5, 12, 0, 0], &address.to_le_bytes()[..]].concat()
}
