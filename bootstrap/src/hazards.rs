// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ACPI tells of devices that reach beyond their owner: power management, HPETs, IOMMUs, PCI configuration in memory.
//!
//! Pure: tables are bytes, registers are behind [`Registers`]. A field behind the end of its table is not there.

use memory_partition::{Hazards, PortHazard, Unit};
use skerry_system::MemoryRange;

use crate::program::PAGE;

/// Tables that [`add_table`] reads, by their signatures.
pub const TABLES: [[u8; 4]; 5] = [*b"FACP", *b"HPET", *b"MCFG", *b"DMAR", *b"IVRS"];

/// Length of the header that all tables have.
const HEADER: usize = 36;
/// Address spaces of a generic address.
const IN_MEMORY: u8 = 0;
const IN_PORTS: u8 = 1;
/// Power-management blocks lie in an aligned block of so many ports, with SMI enable and watchdog behind them.
const POWER_BLOCK: u16 = 128;

/// The 32-bit registers of devices, by their addresses.
pub trait Registers {
    /// What a register holds; all ones where none is.
    fn read(&self, address: u64) -> u32;
    /// Changes a register; nothing where none is.
    fn write(&self, address: u64, value: u32);
}

/// Adds what a table says, and what the registers of its devices do.
pub fn add_table(hazards: &mut Hazards, signature: [u8; 4], table: &[u8], registers: &impl Registers) {
    match &signature {
        b"FACP" => add_fadt(hazards, table),
        b"HPET" => add_hpet(hazards, table, registers),
        b"MCFG" => add_mcfg(hazards, table),
        b"DMAR" => add_dmar(hazards, table, |address| registers.read(address)),
        b"IVRS" => add_ivrs(hazards, table),
        _ => {}
    }
}

fn add_registers(hazards: &mut Hazards, unit: Unit, start: u64, size: u64) {
    if start != 0 && size != 0 {
        hazards.registers.push((unit, MemoryRange::of_size(start, size)));
    }
}

fn add_ports(hazards: &mut Hazards, unit: Unit, first: u16, last: u16) {
    hazards.ports.push(PortHazard { unit, first, last, own: None });
}

/// The fixed blocks by their old fields: offset of the port, offset of the number of ports.
const BLOCKS: [(usize, usize); 8] =
    [(56, 88), (60, 88), (64, 89), (68, 89), (72, 90), (76, 91), (80, 92), (84, 93)];
/// The same blocks as generic addresses, and the sleep registers.
const EXTENDED_BLOCKS: [usize; 10] = [148, 160, 172, 184, 196, 208, 220, 232, 244, 256];
const SMI_COMMAND: usize = 48;
const RESET: usize = 116;
/// Bytes of a block whose table does not say how many.
const LONGEST_BLOCK: u64 = 255;

/// ACPI 6.5, 5.2.9: power management.
fn add_fadt(hazards: &mut Hazards, table: &[u8]) {
    let port = |at| u32_at(table, at).and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    if let Some(port) = port(SMI_COMMAND) {
        add_ports(hazards, Unit::SystemManagement, port, port.saturating_add(1));
    }
    for (at, length) in BLOCKS {
        let length = table.get(length).copied().unwrap_or(0);
        if let Some(port) = port(at) {
            add_power_block(hazards, port, u16::from(length.max(1)));
        }
    }
    add_generic(hazards, table, RESET, Unit::Reset);
    for at in EXTENDED_BLOCKS {
        add_generic(hazards, table, at, Unit::PowerManagement);
    }
}

fn add_power_block(hazards: &mut Hazards, port: u16, length: u16) {
    let end = |port: u16| port | (POWER_BLOCK - 1);
    let last = end(port.saturating_add(length - 1));
    add_ports(hazards, Unit::PowerManagement, port & !(POWER_BLOCK - 1), last);
}

/// A generic address: space, width in bits, offset, access size, address.
fn add_generic(hazards: &mut Hazards, table: &[u8], at: usize, unit: Unit) {
    let (Some(space), Some(bits), Some(address)) =
        (table.get(at).copied(), table.get(at + 1).copied(), u64_at(table, at + 4))
    else {
        return;
    };
    let bytes = u64::from(bits).div_ceil(8).max(1);
    match (space, u16::try_from(address)) {
        (IN_MEMORY, _) => add_registers(hazards, unit, address, bytes.max(LONGEST_BLOCK)),
        (IN_PORTS, Ok(port)) if port != 0 && unit == Unit::PowerManagement => {
            add_power_block(hazards, port, bytes as u16);
        }
        (IN_PORTS, Ok(port)) if port != 0 => {
            add_ports(hazards, unit, port, port.saturating_add(bytes as u16 - 1));
        }
        _ => {}
    }
}

/// Bytes of a block of timers: registers of 32 timers at most.
const HPET_BYTES: u64 = 0x400;

/// IA-PC HPET specification 1.0a, 3.2.4: one block of timers.
fn add_hpet(hazards: &mut Hazards, table: &[u8], registers: &impl Registers) {
    const SPACE: usize = 40;
    const BASE: usize = 44;
    let (Some(IN_MEMORY), Some(base)) = (table.get(SPACE).copied(), u64_at(table, BASE)) else { return };
    if base == 0 {
        return;
    }
    let range = MemoryRange::of_size(base, HPET_BYTES);
    if base.is_multiple_of(8) && is_harmless_hpet(base, registers) {
        hazards.harmless.push(range);
    } else {
        hazards.registers.push((Unit::Hpet, range));
    }
}

/// Whether there are timers at `base`, none of which sends messages.
fn is_harmless_hpet(base: u64, registers: &impl Registers) -> bool {
    /// 100 ns in femtoseconds: no legal block counts in longer periods.
    const LONGEST_PERIOD: u32 = 0x05f5_e100;
    const TIMER_0: u64 = 0x100;
    const TIMER_BYTES: u64 = 0x20;
    let (capabilities, period) = (registers.read(base), registers.read(base + 4));
    let is_there = (1..=LONGEST_PERIOD).contains(&period);
    let last_timer = u64::from(capabilities >> 8 & 0x1f);
    is_there && !(0..=last_timer).any(|timer| sends_messages(base + TIMER_0 + timer * TIMER_BYTES, registers))
}

/// Whether the timer with this configuration register says that it sends messages, or lets itself be told to: QEMU's do,
/// although they deny it, with `hpet.msi=off` too.
fn sends_messages(configuration: u64, registers: &impl Registers) -> bool {
    const ENABLED: u32 = 1 << 2;
    const SENDS: u32 = 1 << 14;
    const CAN_SEND: u32 = 1 << 15;
    let before = registers.read(configuration);
    if before & CAN_SEND != 0 {
        return true;
    }
    // Without its interrupt enabled, so that none is sent.
    registers.write(configuration, before & !ENABLED | SENDS);
    let is_told = registers.read(configuration) & SENDS != 0;
    registers.write(configuration, before);
    is_told
}

/// PCI Firmware Specification 3.3, 4.1.2: configuration space in memory.
fn add_mcfg(hazards: &mut Hazards, table: &[u8]) {
    const FIXED: usize = HEADER + 8;
    const ENTRY: usize = 16;
    const BUS_BYTES: u64 = 1 << 20;
    let entries = table.get(FIXED..).unwrap_or(&[]).chunks_exact(ENTRY);
    for entry in entries {
        let base = u64_at(entry, 0).unwrap_or(0);
        let (first, last) = (u64::from(entry[10]), u64::from(entry[11]));
        let start = base.saturating_add(first * BUS_BYTES);
        let size = (last + 1).saturating_sub(first) * BUS_BYTES;
        add_registers(hazards, Unit::PciConfiguration, if base == 0 { 0 } else { start }, size);
    }
}

/// Entries of DMAR and IVRS that begin with a type; `length` finds their length, which ends the walk where it is wrong.
fn entries(table: &[u8], fixed: usize, length: impl Fn(&[u8]) -> Option<u16>) -> impl Iterator<Item = &[u8]> {
    let mut rest = table.get(fixed..).unwrap_or(&[]);
    core::iter::from_fn(move || {
        let length = usize::from(length(rest)?).max(4);
        let entry = rest.get(..length)?;
        rest = &rest[length..];
        Some(entry)
    })
}

/// Intel VT-d specification 4.1, 8.3: remapping units.
fn add_dmar(hazards: &mut Hazards, table: &[u8], read: impl Fn(u64) -> u32) {
    const FIXED: usize = HEADER + 12;
    const UNIT: u16 = 0;
    for entry in entries(table, FIXED, |entry| u16_at(entry, 2)) {
        let base = u64_at(entry, 8).unwrap_or(0);
        if u16_at(entry, 0) == Some(UNIT) && base != 0 {
            // A newer table says the size, as a power of two of pages. Else the registers say where the last ones are.
            let told = PAGE << (entry[5] & 0xf);
            add_registers(hazards, Unit::Iommu, base, told.max(vtd_bytes(base, &read)));
        }
    }
}

/// Bytes up to the last register of a unit: fault records and TLB registers lie where capabilities say.
fn vtd_bytes(base: u64, read: impl Fn(u64) -> u32) -> u64 {
    let word = |at| u64::from(read(base + at)) | u64::from(read(base + at + 4)) << 32;
    let (capability, extended) = (word(8), word(16));
    if !base.is_multiple_of(PAGE) || capability == u64::MAX {
        return PAGE;
    }
    let records = 16 * ((capability >> 24 & 0x3ff) + (capability >> 40 & 0xff) + 1);
    let tlb = 16 * (extended >> 8 & 0x3ff) + 16;
    records.max(tlb).max(PAGE)
}

/// AMD I/O virtualization specification 3.08, 5.2: remapping units.
fn add_ivrs(hazards: &mut Hazards, table: &[u8]) {
    const FIXED: usize = HEADER + 12;
    const UNITS: [u8; 3] = [0x10, 0x11, 0x40];
    /// Bytes of registers, with and without performance counters.
    const BYTES: u64 = 0x4000;
    const MOST_BYTES: u64 = 0x8_0000;
    for entry in entries(table, FIXED, |entry| u16_at(entry, 2)) {
        let base = u64_at(entry, 8).unwrap_or(0);
        if UNITS.contains(&entry[0]) {
            let size = if base.is_multiple_of(MOST_BYTES) { MOST_BYTES } else { BYTES };
            add_registers(hazards, Unit::Iommu, base, size);
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
