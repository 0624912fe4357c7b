// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turning cores on and off through the firmware: PSCI (Arm DEN 0022), by the call that the device tree names.

use core::arch::asm;
use core::fmt;

use crate::CoreId;

const CPU_OFF: u32 = 0x8400_0002;
const CPU_ON: u32 = 0x8400_0003;

/// The instruction that reaches the firmware.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conduit {
    /// There is no firmware to call.
    None,
    /// `hvc`.
    Hypervisor,
    /// `smc`.
    SecureMonitor,
}

/// A negative answer of the firmware (DEN 0022, 5.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PsciError(pub i32);

impl fmt::Display for PsciError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            -1 => "not supported",
            -2 => "invalid parameters",
            -3 => "denied",
            -4 => "already on",
            -5 => "on is pending",
            -6 => "internal failure",
            -7 => "not present",
            -8 => "disabled",
            -9 => "invalid address",
            other => return write!(f, "error {other}"),
        };
        f.write_str(text)
    }
}

impl Conduit {
    /// The conduit that a hand-over or a boot record holds as `word`.
    pub const fn from_word(word: u64) -> Self {
        match word {
            1 => Self::Hypervisor,
            2 => Self::SecureMonitor,
            _ => Self::None,
        }
    }

    /// The opposite of [`Conduit::from_word`].
    pub const fn word(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Hypervisor => 1,
            Self::SecureMonitor => 2,
        }
    }

    /// Starts `core` at the physical address `entry`, MMU and caches off, with `argument` in r0.
    ///
    /// # Safety
    ///
    /// `entry` is code that may run there, and what it reads is in memory, not only in this core's caches.
    pub unsafe fn start_core(self, core: CoreId, entry: u32, argument: u32) -> Result<(), PsciError> {
        // SAFETY: the caller vouches for the entry.
        match unsafe { self.call(CPU_ON, [core.0, entry, argument]) } {
            0 => Ok(()),
            error => Err(PsciError(error)),
        }
    }

    /// Turns this core off. Comes back only if the firmware refuses.
    pub fn turn_off(self) {
        // SAFETY: nothing runs after it that could miss anything.
        let _ = unsafe { self.call(CPU_OFF, [0; 3]) };
    }

    /// Calls the firmware, which may change r0 to r3 and r12 (SMC calling convention, DEN 0028).
    ///
    /// # Safety
    ///
    /// What the function does leaves this program sound.
    unsafe fn call(self, function: u32, arguments: [u32; 3]) -> i32 {
        const NOT_SUPPORTED: i32 = -1;
        let [first, second, third] = arguments;
        let answer: i32;
        match self {
            Self::None => answer = NOT_SUPPORTED,
            // SAFETY: the caller vouches for the function; the convention for what it changes.
            Self::Hypervisor => unsafe {
                asm!(
                    ".arch_extension virt", "hvc #0",
                    inlateout("r0") function => answer, inlateout("r1") first => _,
                    inlateout("r2") second => _, inlateout("r3") third => _, lateout("r12") _,
                    options(nostack)
                );
            },
            // SAFETY: as above.
            Self::SecureMonitor => unsafe {
                asm!(
                    ".arch_extension sec", "smc #0",
                    inlateout("r0") function => answer, inlateout("r1") first => _,
                    inlateout("r2") second => _, inlateout("r3") third => _, lateout("r12") _,
                    options(nostack)
                );
            },
        }
        answer
    }
}
