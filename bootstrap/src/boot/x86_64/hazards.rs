// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of a PC reaches beyond its owner, besides what its tables tell.

use bootstrap::memory_map::MemoryMap;
use bootstrap::options::Options;
use bootstrap::pci::{self, Config, Function};
use memory_partition::{Hazards, Unit};
use skerry_system::MemoryRange;

use super::{console, cpu};

/// Whether there is memory in a range.
pub(super) fn is_memory(memory: &MemoryMap, range: MemoryRange) -> bool {
    memory.readable().any(|part| part.overlaps(range))
}

/// Adds the functions of PCI, and keeps what the firmware set up from copying memory. For machines that are shared: what
/// a single owner finds is as the firmware left it.
pub(crate) fn add_devices(hazards: &mut Hazards) {
    mask_dma_channels();
    pci::add_functions(hazards, &Mechanism1);
}

/// Masks all channels of the two DMA controllers.
fn mask_dma_channels() {
    const ALL_MASK: [u16; 2] = [0x0f, 0xde];
    const ALL_CHANNELS: u8 = 0x0f;
    ALL_MASK.into_iter().for_each(|port| cpu::out_byte(port, ALL_CHANNELS));
}

/// Configuration space by its two ports.
struct Mechanism1;

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;

fn select(function: Function, offset: u8) {
    const ENABLE: u32 = 1 << 31;
    let Function { bus, device, function } = function;
    let place = u32::from(bus) << 16 | u32::from(device) << 11 | u32::from(function) << 8;
    cpu::out_long(ADDRESS, ENABLE | place | u32::from(offset));
}

impl Config for Mechanism1 {
    fn read(&self, function: Function, offset: u8) -> u32 {
        select(function, offset);
        cpu::in_long(DATA)
    }

    fn write(&self, function: Function, offset: u8, value: u32) {
        select(function, offset);
        cpu::out_long(DATA, value);
    }
}

/// Adds what the boot code and the kernels print on.
pub(crate) fn add_consoles(hazards: &mut Hazards, options: &Options) {
    if let Some(base) = options.console_base {
        return hazards.add_debug_consoles(options.boot_console, base);
    }
    // The boot's console is the first instance's as well, unless it was turned off or sent elsewhere.
    let kernel = options.serial_port.unwrap_or(console::COM1);
    if kernel != 0 {
        hazards.add_serial_console(Unit::KernelConsole, kernel, Some(0));
    }
    if kernel != 0 && kernel != console::COM1 {
        hazards.add_serial_console(Unit::BootConsole, console::COM1, None);
    }
}
