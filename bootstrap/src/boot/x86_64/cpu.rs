// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processor as boot code sees it: ports, model-specific registers, CPUID, the time-stamp counter.
//!
//! The functions are safe to call because the boot phase owns the whole machine: until the hand-over no other program
//! runs whose state an access could break. What may be read or written is the caller's matter.

use core::arch::asm;
use core::arch::x86_64::{__cpuid_count, _rdtsc, CpuidResult};

use x86_64::instructions::port::Port;
use x86_64::registers::model_specific::Msr;

/// Reads a byte from an I/O port.
pub(crate) fn in_byte(port: u16) -> u8 {
    // SAFETY: the boot phase owns every I/O port.
    unsafe { Port::new(port).read() }
}

/// Writes a byte to an I/O port.
pub(crate) fn out_byte(port: u16, value: u8) {
    // SAFETY: the boot phase owns every I/O port.
    unsafe { Port::new(port).write(value) }
}

/// Reads four bytes from an I/O port.
pub(crate) fn in_long(port: u16) -> u32 {
    // SAFETY: the boot phase owns every I/O port.
    unsafe { Port::new(port).read() }
}

/// Writes four bytes to an I/O port.
pub(crate) fn out_long(port: u16, value: u32) {
    // SAFETY: the boot phase owns every I/O port.
    unsafe { Port::new(port).write(value) }
}

/// Reads a model-specific register that this processor is known to have.
pub(crate) fn read_msr(number: u32) -> u64 {
    // SAFETY: callers name architectural registers after checking their CPUID bit; a mistake ends in a reported #GP.
    unsafe { Msr::new(number).read() }
}

/// Writes a model-specific register that this processor is known to have.
pub(crate) fn write_msr(number: u32, value: u64) {
    // SAFETY: as for `read_msr`; the registers written are those of the boot core's own set-up.
    unsafe { Msr::new(number).write(value) }
}

/// CPUID of `leaf`, or all zero when the leaf is above the highest of its range: processors answer such a leaf with
/// the data of another one.
pub(crate) fn cpuid(leaf: u32, subleaf: u32) -> CpuidResult {
    let range = leaf & 0xffff_0000;
    if leaf > range && __cpuid_count(range, 0).eax < leaf {
        return CpuidResult { eax: 0, ebx: 0, ecx: 0, edx: 0 };
    }
    __cpuid_count(leaf, subleaf)
}

/// The time-stamp counter.
pub(crate) fn timestamp() -> u64 {
    // SAFETY: every processor with long mode has the counter.
    unsafe { _rdtsc() }
}

/// The local-APIC id of the core this runs on: the 32-bit one where the processor tells it.
pub(crate) fn core_id() -> u32 {
    let topology = cpuid(0xb, 0);
    if topology.ebx != 0 { topology.edx } else { cpuid(1, 0).ebx >> 24 }
}

/// First address beyond those that this processor and the page tables of kernels have.
pub(crate) fn physical_top() -> u64 {
    const LEAST_BITS: u32 = 36;
    let bits = (cpuid(0x8000_0008, 0).eax & 0xff).clamp(LEAST_BITS, u64::BITS - 1);
    (1u64 << bits).min(abi::limits::DEVICE_TOP)
}

/// Whether the processor maps 1 GiB pages.
pub(crate) fn has_huge_pages() -> bool {
    cpuid(0x8000_0001, 0).edx & 1 << 26 != 0
}

/// One turn of a loop that waits for another core. Never used to wait for time: see `time::delay_us`.
pub(crate) fn relax() {
    core::hint::spin_loop();
}

/// After memory was written that programs or instruction fetches look at: they see stores on this processor.
pub(crate) fn publish(_address: u64, _length: u64) {}

/// Waits for an interrupt with interrupts on, and leaves them off. An interrupt that arrives just before ends the wait
/// too, as `sti` takes effect after the `hlt`.
pub(crate) fn wait_for_interrupt() {
    // SAFETY: the wake and spurious vectors have handlers that change nothing but the local APIC.
    unsafe { asm!("sti", "hlt", "cli", options(nomem, nostack)) }
}

/// Takes the interrupts that are pending, and leaves interrupts off.
pub(crate) fn take_interrupts() {
    // SAFETY: as for `wait_for_interrupt`.
    unsafe { asm!("sti", "nop", "cli", options(nomem, nostack)) }
}

/// Stops this core for good.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: interrupts stay off; only an NMI or INIT ends the wait, and the loop takes it up again.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) }
    }
}
