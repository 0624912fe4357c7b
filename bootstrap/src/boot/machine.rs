// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the machine is: everything found out before anything is decided.

use abi::chunk::RSDP_PAYLOAD;
use bootstrap::options::Options;
use memory_partition::{Firmware, Occupant, Occupied};
use skerry_system::MemoryRange;

use super::hardware::posture::Posture;

unsafe extern "C" {
    static image_start: u8;
    static kept_end: u8;
    static image_end: u8;
}

/// The machine, and what the command line asks.
pub(crate) struct Machine {
    pub(crate) options: Options,
    /// The boot core's clock when the boot code began.
    pub(crate) began: u64,
    pub(crate) firmware: Firmware,
    /// Ticks of the cores' clock in a microsecond: whole, as the interface reports it.
    pub(crate) ticks_per_us: u32,
    /// How the timer and the clock relate; see the hand-over.
    pub(crate) timer_ratio: u64,
    pub(crate) posture: Posture,
    /// The ACPI root pointer, as programs get it; nothing on a machine without ACPI.
    pub(crate) rsdp: Option<[u8; RSDP_PAYLOAD]>,
    /// Page of the local APIC's registers, which every kernel maps in xAPIC mode only.
    pub(crate) local_apic_page: Option<u64>,
}

/// The two parts of the boot image: what is kept back, what becomes instance 0's memory.
pub(crate) fn image() -> [Occupied; 2] {
    let [start, middle, end] =
        [&raw const image_start, &raw const kept_end, &raw const image_end].map(|symbol| symbol as u64);
    [
        Occupied { range: MemoryRange::new(start, middle), occupant: Occupant::BootImage },
        Occupied { range: MemoryRange::new(middle, end), occupant: Occupant::BootData },
    ]
}
