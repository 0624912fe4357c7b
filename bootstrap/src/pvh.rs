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

const MAGIC: u32 = 0x336e_c578;
/// Longest command line that is read; the rest is cut off.
const MAX_COMMAND_LINE: u64 = 4096;
const MEMORY_ENTRY: u64 = 24;
const MODULE_ENTRY: u64 = 32;
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
        }
    }
}

/// Reads words at any physical address.
#[derive(Clone, Copy)]
struct Reader<R: Fn(u64) -> u8> {
    byte: R,
}

impl<R: Fn(u64) -> u8> Reader<R> {
    fn u32(&self, address: u64) -> u32 {
        u32::from_le_bytes([0, 1, 2, 3].map(|offset| (self.byte)(address + offset)))
    }

    fn u64(&self, address: u64) -> u64 {
        u64::from(self.u32(address)) | u64::from(self.u32(address + 4)) << 32
    }

    fn text(&self, address: u64) -> String {
        let bytes = (0..MAX_COMMAND_LINE).map(|offset| (self.byte)(address + offset));
        bytes.take_while(|byte| *byte != 0).map(char::from).collect()
    }

    fn table<T>(&self, address: u64, count: u32, size: u64, read: impl Fn(u64) -> T) -> Vec<T> {
        (0..u64::from(count)).map(|index| read(address + index * size)).collect()
    }
}

/// The command line alone: needed for the console before anything else can be reported.
pub fn command_line(record: u64, byte: impl Fn(u64) -> u8) -> String {
    let memory = Reader { byte };
    match memory.u64(record + 24) {
        0 => String::new(),
        _ if memory.u32(record) != MAGIC => String::new(),
        address => memory.text(address),
    }
}

/// Reads and checks the record at physical address `record`; `byte` gives the byte at an address.
pub fn read(record: u64, byte: impl Fn(u64) -> u8) -> Result<StartInfo, StartError> {
    let command_line = command_line(record, &byte);
    let memory = Reader { byte };
    let magic = memory.u32(record);
    if magic != MAGIC {
        return Err(StartError::NotPvh { magic });
    }
    let version = memory.u32(record + 4);
    let entries = if version == 0 { 0 } else { memory.u32(record + 48) };
    let modules = memory.u32(record + 12);
    if entries == 0 {
        return Err(StartError::NoMemoryMap { version });
    }
    if entries > MAX_ENTRIES || modules > MAX_ENTRIES {
        return Err(StartError::TooManyEntries { memory: entries, modules });
    }
    let rsdp = memory.u64(record + 32);
    Ok(StartInfo {
        command_line,
        memory: memory.table(memory.u64(record + 40), entries, MEMORY_ENTRY, |at| MemoryEntry {
            start: memory.u64(at),
            length: memory.u64(at + 8),
            kind: memory.u32(at + 16),
        }),
        modules: memory.table(memory.u64(record + 16), modules, MODULE_ENTRY, |at| Module {
            start: memory.u64(at),
            length: memory.u64(at + 8),
        }),
        rsdp: (rsdp != 0).then_some(rsdp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: u64 = 0x2000;

    /// Memory with a record of two ranges, one module and a command line.
    struct Machine(Vec<u8>);

    impl Machine {
        fn new() -> Self {
            let mut machine = Machine(vec![0; 0x4000]);
            machine.put(RECORD, &MAGIC.to_le_bytes());
            machine.put(RECORD + 4, &1u32.to_le_bytes());
            machine.put(RECORD + 12, &1u32.to_le_bytes());
            for (offset, word) in [(16, 0x3000u64), (24, 0x3100), (32, 0xf_5000), (40, 0x3200)] {
                machine.put(RECORD + offset, &word.to_le_bytes());
            }
            machine.put(RECORD + 48, &2u32.to_le_bytes());
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
            read(RECORD, |address| self.0[address as usize])
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
        machine.put(RECORD + 48, &[0; 4]);
        assert_eq!(machine.read(), Err(StartError::NoMemoryMap { version: 1 }));
        let mut old = Machine::new();
        old.put(RECORD + 4, &[0; 4]);
        assert_eq!(old.read(), Err(StartError::NoMemoryMap { version: 0 }));
    }

    #[test]
    fn a_record_of_another_protocol_is_refused_and_its_pointers_are_not_followed() {
        let mut machine = Machine::new();
        machine.put(RECORD, &[0x89, 0x62, 0xd7, 0x36]);
        machine.put(RECORD + 24, &u64::MAX.to_le_bytes());
        assert_eq!(machine.read(), Err(StartError::NotPvh { magic: 0x36d7_6289 }));
    }

    #[test]
    fn counts_beyond_any_machine_are_refused() {
        let mut machine = Machine::new();
        machine.put(RECORD + 12, &u32::MAX.to_le_bytes());
        assert_eq!(machine.read(), Err(StartError::TooManyEntries { memory: 2, modules: u32::MAX }));
    }
}
