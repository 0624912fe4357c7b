// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where debug output of an instance goes.
//!
//! A PL011 is a device of one owner. Only an emulator that tells bytes of several cores apart may let instances share
//! one, and then every byte says whose it is:
//!
//! ```text
//! | instance, 3 bits | half, 1 bit | four bits of text |    half 0: the high four, sent first; half 1: the low four
//! ```

use crate::PhysAddr;
use crate::bare::log_ring;

/// Offsets of the data and flag registers of a PL011, and the flag "transmit FIFO full".
const DATA: usize = 0x00;
const FLAGS: usize = 0x18;
const TRANSMIT_FULL: u32 = 1 << 5;
/// Polls before a byte is dropped: a UART that never gets ready must not hang the kernel.
const PATIENCE: u32 = 100_000;
/// Tagged bytes: where the instance stands, and the mark of the second half.
const INSTANCE_SHIFT: u32 = 5;
const SECOND_HALF: u8 = 1 << 4;

/// A place for bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Console {
    /// Nowhere.
    Silent,
    /// A PL011 whose registers start at this virtual address.
    Uart(usize),
    /// A PL011 that several instances share: two bytes for each, marked with the instance.
    Tagged {
        /// Virtual address of the registers.
        base: usize,
        /// Instance, below 8.
        instance: u8,
    },
    /// A ring in memory, read by peers.
    Log {
        /// Physical address.
        paddr: u64,
        /// Bytes, header included.
        bytes: u64,
    },
}

impl Console {
    /// Writes one byte, or drops it.
    pub fn put(self, byte: u8) {
        match self {
            Self::Silent => {}
            Self::Uart(base) => send(base, byte),
            Self::Tagged { base, instance } => {
                let tag = instance << INSTANCE_SHIFT;
                send(base, tag | byte >> 4);
                send(base, tag | SECOND_HALF | byte & 0xf);
            }
            Self::Log { paddr, bytes } => log_ring::put(PhysAddr(paddr), bytes, byte),
        }
    }
}

fn send(base: usize, byte: u8) {
    let flags: *const u32 = core::ptr::with_exposed_provenance(base + FLAGS);
    let data: *mut u32 = core::ptr::with_exposed_provenance_mut(base + DATA);
    for _ in 0..PATIENCE {
        // SAFETY: the boot core says that a PL011 is there, mapped as a device.
        if unsafe { flags.read_volatile() } & TRANSMIT_FULL == 0 {
            // SAFETY: as above.
            return unsafe { data.write_volatile(byte.into()) };
        }
    }
}
