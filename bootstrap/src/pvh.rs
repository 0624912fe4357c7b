// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PVH start-of-day record (`struct hvm_start_info`).
//!
//! ```text
//!    0 magic   4 version   8 flags   12 modules   16 module list   24 command line   32 RSDP
//!   40 memory map   48 entries of it
//! ```
//!
//! The loader leaves it, with all it points to, in memory it calls usable: everything is copied out before any of that
//! memory is used for something else.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::bytes::{u32_at, u64_at};
use crate::memory::Memory;

const MAGIC: u32 = 0x336e_c578;
/// Length of the record with the fields of version 1.
const RECORD: usize = 56;
/// Longest command line that is read; the rest is cut off.
const MAX_COMMAND_LINE: u64 = 4096;
const MEMORY_ENTRY: usize = 24;
const MODULE_ENTRY: usize = 32;
/// Bound that no loader comes near; a count above it means that the record is not one.
const MAX_ENTRIES: u32 = 512;

/// One entry of the loader's memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryEntry {
    /// First address.
    pub start: u64,
    /// Bytes.
    pub length: u64,
    /// 1 is usable memory.
    pub kind: u32,
}

/// A file the loader put into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module {
    /// First address.
    pub start: u64,
    /// Bytes.
    pub length: u64,
}

/// Copy of what the loader said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartInfo {
    /// Words of the command line.
    pub command_line: String,
    /// The memory map, as given.
    pub memory: Vec<MemoryEntry>,
    /// The modules, as given.
    pub modules: Vec<Module>,
    /// Physical address of the ACPI root pointer, if the loader gave one.
    pub rsdp: Option<u64>,
}

/// Why a start record cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// It is something else.
    NotPvh {
        /// What it begins with.
        magic: u32,
    },
    /// It has no memory map.
    NoMemoryMap {
        /// Its version; 0 has none.
        version: u32,
    },
    /// It counts more entries than any machine has.
    TooManyEntries {
        /// Entries of the memory map.
        memory: u32,
        /// Modules.
        modules: u32,
    },
    /// It, or something that it points to, is not in memory that can be read.
    Unreadable {
        /// What.
        what: &'static str,
        /// Where it should be.
        address: u64,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPvh { magic } => {
                write!(
                    f,
                    "start record has magic {magic:#x}, expected {MAGIC:#x}: start the image by its PVH entry"
                )
            }
            Self::NoMemoryMap { version } => write!(
                f,
                "start record (version {version}) has no memory map; a loader of PVH version 1 or later gives one"
            ),
            Self::TooManyEntries { memory, modules } => {
                write!(
                    f,
                    "start record counts {memory} memory ranges and {modules} modules, at most {MAX_ENTRIES} are read"
                )
            }
            Self::Unreadable { what, address } => {
                write!(f, "start record: the {what} at {address:#x} is not in memory that can be read")
            }
        }
    }
}

/// The command line alone: needed for the console before anything else can be reported.
pub fn command_line(record: u64, memory: &impl Memory) -> String {
    let Some(record) = memory.bytes(record, RECORD) else { return String::new() };
    let (magic, address) = (u32_at(&record, 0), u64_at(&record, 24));
    if magic != MAGIC || address == 0 {
        return String::new();
    }
    let bytes = (0..MAX_COMMAND_LINE).map_while(|offset| memory.byte(address.checked_add(offset)?));
    bytes.take_while(|byte| *byte != 0).map(char::from).collect()
}

/// Reads and checks the record at physical address `record`.
pub fn read(record: u64, memory: &impl Memory) -> Result<StartInfo, StartError> {
    let command_line = command_line(record, memory);
    let words = memory.bytes(record, RECORD);
    let words = words.ok_or(StartError::Unreadable { what: "record itself", address: record })?;
    let magic = u32_at(&words, 0);
    if magic != MAGIC {
        return Err(StartError::NotPvh { magic });
    }
    let version = u32_at(&words, 4);
    let entries = if version == 0 { 0 } else { u32_at(&words, 48) };
    let modules = u32_at(&words, 12);
    if entries == 0 {
        return Err(StartError::NoMemoryMap { version });
    }
    if entries > MAX_ENTRIES || modules > MAX_ENTRIES {
        return Err(StartError::TooManyEntries { memory: entries, modules });
    }
    let list = |what, at: usize, count: u32, size: usize| {
        let address = u64_at(&words, at);
        memory.bytes(address, count as usize * size).ok_or(StartError::Unreadable { what, address })
    };
    let rsdp = u64_at(&words, 32);
    Ok(StartInfo {
        command_line,
        memory: list("memory map", 40, entries, MEMORY_ENTRY)?
            .chunks_exact(MEMORY_ENTRY)
            .map(|entry| MemoryEntry {
                start: u64_at(entry, 0),
                length: u64_at(entry, 8),
                kind: u32_at(entry, 16),
            })
            .collect(),
        modules: list("list of modules", 16, modules, MODULE_ENTRY)?
            .chunks_exact(MODULE_ENTRY)
            .map(|entry| Module { start: u64_at(entry, 0), length: u64_at(entry, 8) })
            .collect(),
        rsdp: (rsdp != 0).then_some(rsdp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u64 = 0x2000;

    /// Memory with a record of two ranges, one module and a command line.
    struct Machine(Vec<u8>);

    impl Machine {
        fn new() -> Self {
            let mut machine = Machine(vec![0; 0x4000]);
            machine.put(AT, &MAGIC.to_le_bytes());
            machine.put(AT + 4, &1u32.to_le_bytes());
            machine.put(AT + 12, &1u32.to_le_bytes());
            for (offset, word) in [(16, 0x3000u64), (24, 0x3100), (32, 0xf_5000), (40, 0x3200)] {
                machine.put(AT + offset, &word.to_le_bytes());
            }
            machine.put(AT + 48, &2u32.to_le_bytes());
            machine.put(0x3000, &[0x7000u64, 42].map(u64::to_le_bytes).concat());
            machine.put(0x3100, b"console=debugcon:0x8e00\0rest");
            machine.put(0x3200, &[0u64, 0x9_fc00, 1].map(u64::to_le_bytes).concat());
            machine.put(0x3218, &[0x10_0000u64, 0x100_0000, 2].map(u64::to_le_bytes).concat());
            machine
        }

        fn put(&mut self, address: u64, bytes: &[u8]) {
            self.0[address as usize..][..bytes.len()].copy_from_slice(bytes);
        }

        fn read(&self) -> Result<StartInfo, StartError> {
            read(AT, &|address: u64| self.0.get(address as usize).copied())
        }
    }

    #[test]
    fn everything_the_loader_says_is_copied() {
        let info = Machine::new().read().expect("a good record");
        assert_eq!(info.command_line, "console=debugcon:0x8e00");
        assert_eq!(info.modules, [Module { start: 0x7000, length: 42 }]);
        assert_eq!(info.memory[0], MemoryEntry { start: 0, length: 0x9_fc00, kind: 1 });
        assert_eq!(info.memory[1], MemoryEntry { start: 0x10_0000, length: 0x100_0000, kind: 2 });
        assert_eq!(info.rsdp, Some(0xf_5000));
    }

    #[test]
    fn a_record_without_memory_map_is_refused() {
        let mut machine = Machine::new();
        machine.put(AT + 48, &[0; 4]);
        assert_eq!(machine.read(), Err(StartError::NoMemoryMap { version: 1 }));
        let mut old = Machine::new();
        old.put(AT + 4, &[0; 4]);
        assert_eq!(old.read(), Err(StartError::NoMemoryMap { version: 0 }));
    }

    #[test]
    fn a_record_of_another_protocol_is_refused_and_its_pointers_are_not_followed() {
        let mut machine = Machine::new();
        machine.put(AT, &[0x89, 0x62, 0xd7, 0x36]);
        machine.put(AT + 24, &u64::MAX.to_le_bytes());
        assert_eq!(machine.read(), Err(StartError::NotPvh { magic: 0x36d7_6289 }));
    }

    #[test]
    fn counts_beyond_any_machine_are_refused() {
        let mut machine = Machine::new();
        machine.put(AT + 12, &u32::MAX.to_le_bytes());
        assert_eq!(machine.read(), Err(StartError::TooManyEntries { memory: 2, modules: u32::MAX }));
    }

    #[test]
    fn pointers_that_lead_nowhere_are_refused_with_their_name() {
        for (offset, what) in [(16, "list of modules"), (40, "memory map")] {
            for address in [0x3ff0, 1 << 40, u64::MAX - 7] {
                let mut machine = Machine::new();
                machine.put(AT + offset, &u64::to_le_bytes(address));
                assert_eq!(machine.read(), Err(StartError::Unreadable { what, address }));
            }
        }
        let short = |address: u64| (address < 0x2010).then_some(0);
        assert_eq!(read(AT, &short), Err(StartError::Unreadable { what: "record itself", address: AT }));
    }

    #[test]
    fn a_command_line_ends_where_memory_does() {
        let mut machine = Machine::new();
        machine.put(AT + 24, &0x3ffeu64.to_le_bytes());
        machine.put(0x3ffe, b"ab");
        assert_eq!(machine.read().map(|info| info.command_line), Ok("ab".into()));
        machine.put(AT + 24, &u64::MAX.to_le_bytes());
        assert_eq!(machine.read().map(|info| info.command_line), Ok(String::new()));
    }
}
