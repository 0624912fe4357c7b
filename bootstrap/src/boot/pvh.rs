// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PVH start-of-day record (`struct hvm_start_info`).
//!
//! The loader leaves it, with all it points to, in memory it calls usable: everything is copied out before any of that
//! memory is used for something else.

use alloc::string::String;
use alloc::vec::Vec;

use super::error::BootError;
use super::physical;

const MAGIC: u32 = 0x336e_c578;
/// Longest command line that is read; the rest is cut off.
const MAX_COMMAND_LINE: u64 = 4096;
const MEMORY_ENTRY: u64 = 24;
const MODULE_ENTRY: u64 = 32;
/// Bounds that no loader comes near; a count above them means that the record is not one.
const MAX_ENTRIES: u32 = 512;

/// One entry of the loader's memory map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryRange {
    pub(crate) start: u64,
    pub(crate) length: u64,
    /// 1 is usable memory.
    pub(crate) kind: u32,
}

/// A file the loader put into memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Module {
    pub(crate) start: u64,
    pub(crate) length: u64,
}

/// Copy of what the loader said.
#[derive(Debug)]
pub(crate) struct StartInfo {
    pub(crate) command_line: String,
    pub(crate) memory: Vec<MemoryRange>,
    pub(crate) modules: Vec<Module>,
    /// Physical address of the ACPI root pointer, if the loader gave one.
    pub(crate) rsdp: Option<u64>,
}

/// The command line alone: needed for the console before anything else can be reported.
pub(crate) fn command_line(start_info: u64) -> String {
    let mut text = String::new();
    let address = physical::read_u64(start_info + 24);
    if physical::read_u32(start_info) != MAGIC || address == 0 {
        return text;
    }
    for offset in 0..MAX_COMMAND_LINE {
        match physical::read_u8(address + offset) {
            0 => break,
            byte => text.push(char::from(byte)),
        }
    }
    text
}

/// Reads and checks the record.
pub(crate) fn read(start_info: u64) -> Result<StartInfo, BootError> {
    let magic = physical::read_u32(start_info);
    if magic != MAGIC {
        return Err(BootError::NotPvh { magic });
    }
    let version = physical::read_u32(start_info + 4);
    let entries = physical::read_u32(start_info + 48);
    if version < 1 || entries == 0 || entries > MAX_ENTRIES {
        return Err(BootError::NoMemoryMap { version });
    }
    let modules = physical::read_u32(start_info + 12).min(MAX_ENTRIES);
    let rsdp = physical::read_u64(start_info + 32);
    Ok(StartInfo {
        command_line: command_line(start_info),
        memory: table(physical::read_u64(start_info + 40), entries, MEMORY_ENTRY, memory_range),
        modules: table(physical::read_u64(start_info + 16), modules, MODULE_ENTRY, module),
        rsdp: (rsdp != 0).then_some(rsdp),
    })
}

fn table<T>(address: u64, count: u32, entry_size: u64, read: fn(u64) -> T) -> Vec<T> {
    (0..u64::from(count)).map(|index| read(address + index * entry_size)).collect()
}

fn memory_range(at: u64) -> MemoryRange {
    MemoryRange {
        start: physical::read_u64(at),
        length: physical::read_u64(at + 8),
        kind: physical::read_u32(at + 16),
    }
}

fn module(at: u64) -> Module {
    Module { start: physical::read_u64(at), length: physical::read_u64(at + 8) }
}
