// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of PCI and what they decode, for telling which of them reach beyond their owner.
//!
//! Every bus is looked at, as not every root bus is told by a bridge. Base address registers are sized by writing all ones
//! while the function decodes nothing; everything is put back.

use memory_partition::{Hazards, PortHazard, Unit};
use skerry_system::MemoryRange;

/// Configuration space, 32 bits at a time.
pub trait Config {
    /// Reads the word at `offset`, a multiple of four, of a function.
    fn read(&self, function: Function, offset: u8) -> u32;
    /// Writes the word at `offset`, a multiple of four, of a function.
    fn write(&self, function: Function, offset: u8, value: u32);
}

/// Where a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    /// Number of its bus.
    pub bus: u8,
    /// Number on the bus, up to 31.
    pub device: u8,
    /// Number in the device, up to 7.
    pub function: u8,
}

const NO_FUNCTION: u32 = !0;
const COMMAND: u8 = 0x04;
const DECODES_PORTS: u32 = 1 << 0;
const DECODES_MEMORY: u32 = 1 << 1;
const MASTERS_BUS: u32 = 1 << 2;
/// The command; the status above it clears bits that are written as ones.
const COMMAND_MASK: u32 = 0xffff;
const HAS_CAPABILITIES: u32 = 1 << 20;
const CLASS: u8 = 0x08;
const HEADER_TYPE: u8 = 0x0c;
const FIRST_BAR: u8 = 0x10;
const CAPABILITIES: u8 = 0x34;
/// Capabilities that send messages: MSI and MSI-X.
const MESSAGES: [u32; 2] = [0x05, 0x11];
/// Capabilities that fit into configuration space.
const MOST_CAPABILITIES: usize = 48;
/// VGA's own places, which a display answers beside its base address registers.
const VGA_PORTS: [(u16, u16); 2] = [(0x1ce, 0x1d0), (0x3b0, 0x3df)];
const VGA_MEMORY: MemoryRange = MemoryRange::new(0xa_0000, 0xc_0000);

/// Adds what the functions of the machine decode, where they can reach beyond their owner.
pub fn add_functions(hazards: &mut Hazards, config: &impl Config) {
    for bus in 0..=u8::MAX {
        for device in 0..32 {
            let first = Function { bus, device, function: 0 };
            if config.read(first, 0) == NO_FUNCTION {
                continue;
            }
            let has_more = config.read(first, HEADER_TYPE) & 1 << 23 != 0;
            for function in 0..if has_more { 8 } else { 1 } {
                let function = Function { bus, device, function };
                if config.read(function, 0) != NO_FUNCTION {
                    add_function(hazards, config, function);
                }
            }
        }
    }
}

fn add_function(hazards: &mut Hazards, config: &impl Config, function: Function) {
    let class = config.read(function, CLASS) >> 16;
    if !reaches_beyond(config, function, class) {
        return;
    }
    let Function { bus, device, function: number } = function;
    let unit = Unit::PciFunction { bus, device, function: number };
    let mut add_ports = |first, last| hazards.ports.push(PortHazard { unit, first, last, own: None });
    let windows = windows(config, function);
    for window in &windows {
        if let Window::Ports(first, last) = *window {
            add_ports(first, last);
        }
    }
    let is_vga = class >> 8 == 0x03 || class == 0x0001;
    if is_vga {
        VGA_PORTS.iter().for_each(|&(first, last)| add_ports(first, last));
        hazards.registers.push((unit, VGA_MEMORY));
    }
    let memory = windows.iter().filter_map(|window| match window {
        Window::Memory(range) => Some((unit, *range)),
        Window::Ports(..) => None,
    });
    hazards.registers.extend(memory);
}

/// Whether a function masters the bus or can be made to. Serial and parallel ports and displays have no use for it: they
/// count where it is on, or where they can send messages. All others do in any case.
fn reaches_beyond(config: &impl Config, function: Function, class: u32) -> bool {
    let command = config.read(function, COMMAND);
    let is_simple = matches!(class, 0x0001 | 0x0700..=0x0702) || class >> 8 == 0x03;
    !is_simple || command & MASTERS_BUS != 0 || sends_messages(config, function, command)
}

fn sends_messages(config: &impl Config, function: Function, status: u32) -> bool {
    if status & HAS_CAPABILITIES == 0 {
        return false;
    }
    let mut at = config.read(function, CAPABILITIES) as u8 & !3;
    for _ in 0..MOST_CAPABILITIES {
        if at < 0x40 {
            return false;
        }
        let capability = config.read(function, at);
        if MESSAGES.contains(&(capability & 0xff)) {
            return true;
        }
        at = (capability >> 8) as u8 & !3;
    }
    // A list that goes in circles hides what is behind.
    true
}

/// What a base address register decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Memory(MemoryRange),
    Ports(u16, u16),
}

fn windows(config: &impl Config, function: Function) -> alloc::vec::Vec<Window> {
    let registers = match config.read(function, HEADER_TYPE) >> 16 & 0x7f {
        0 => 6,
        1 => 2,
        2 => 1,
        _ => 0,
    };
    let command = config.read(function, COMMAND) & COMMAND_MASK;
    config.write(function, COMMAND, command & !(DECODES_PORTS | DECODES_MEMORY));
    let mut found = alloc::vec::Vec::new();
    let mut index = 0;
    while index < registers {
        let at = FIRST_BAR + index * 4;
        let is_last = index + 1 == registers;
        let (window, used) = window(config, function, at, is_last);
        found.extend(window);
        index += used;
    }
    config.write(function, COMMAND, command);
    found
}

/// What the register at `at` decodes, and how many registers it takes up.
fn window(config: &impl Config, function: Function, at: u8, is_last: bool) -> (Option<Window>, u8) {
    const IS_PORTS: u32 = 1 << 0;
    const TYPE: u32 = 0b110;
    const IS_64_BITS: u32 = 0b100;
    let sized = |at: u8| {
        let value = config.read(function, at);
        config.write(function, at, !0);
        let mask = config.read(function, at);
        config.write(function, at, value);
        (value, mask)
    };
    let (low, mask) = sized(at);
    if low & IS_PORTS != 0 {
        let size = !(mask & !3) as u16;
        let first = (low & !3) as u16;
        return ((mask & !3 != 0 && first != 0).then(|| Window::Ports(first, first.saturating_add(size))), 1);
    }
    let is_wide = low & TYPE == IS_64_BITS && !is_last;
    let (high, high_mask) = if is_wide { sized(at + 4) } else { (0, !0) };
    let address = u64::from(high) << 32 | u64::from(low & !0xf);
    let mask = u64::from(high_mask) << 32 | u64::from(mask & !0xf);
    let used = if is_wide { 2 } else { 1 };
    let is_there = mask as u32 != 0 || is_wide && high_mask != 0;
    let size = (!mask).wrapping_add(1);
    (
        (is_there && address != 0 && size != 0).then(|| Window::Memory(MemoryRange::of_size(address, size))),
        used,
    )
}

#[cfg(test)]
mod tests;
