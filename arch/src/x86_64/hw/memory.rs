// SPDX-License-Identifier: MIT OR Apache-2.0
//! Filling memory with zero, by the widest stores that the processor has.
//!
//! | Memory | Stores |
//! |---|---|
//! | less than 1 KiB, or the rest of it | a word each |
//! | more, with AVX | 32 bytes each: one register of the floating-point unit is borrowed and given back as it was |
//! | more, without | `rep stosq` |
//!
//! Instruction counts favour the wide stores, since the emulator counts each repetition; docs/performance.md says so.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

use x86_64::registers::control::{Cr0, Cr0Flags};

/// Whether the unit has been turned on with AVX.
static HAS_AVX: AtomicBool = AtomicBool::new(false);

/// Bytes stored in one round.
const ROUND: usize = 1024;

/// Finds out what this core has; `has_xsave`: XGETBV exists.
pub(super) fn start(has_xsave: bool) {
    const AVX: u32 = 1 << 2;
    let mut enabled = 0;
    if has_xsave {
        // SAFETY: reads XCR0, which exists where XSAVE is turned on.
        unsafe {
            asm!("xgetbv", in("ecx") 0, out("eax") enabled, out("edx") _, options(nomem, nostack, preserves_flags));
        }
    }
    HAS_AVX.store(enabled & AVX != 0, Ordering::Relaxed);
}

/// Fills `words` words from `memory` with zero.
///
/// # Safety
///
/// The memory is mapped writable, and nobody else uses it.
pub unsafe fn fill_with_zero(memory: *mut u64, words: usize) {
    let long = words * size_of::<u64>() / ROUND * ROUND;
    if long > 0 {
        if HAS_AVX.load(Ordering::Relaxed) {
            // SAFETY: AVX is on; whole rounds inside the memory of the caller.
            unsafe { fill_by_avx(memory, long) };
        } else {
            // SAFETY: words inside the memory of the caller; the direction flag is clear in the kernel.
            unsafe {
                asm!(
                    "rep stosq",
                    inout("rdi") memory => _, inout("rcx") long / size_of::<u64>() => _, in("rax") 0,
                    options(nostack, preserves_flags)
                );
            }
        }
    }
    let rest = words - long / size_of::<u64>();
    let memory = memory.wrapping_byte_add(long);
    // SAFETY: the rest of the memory of the caller.
    unsafe { fill_by_words(memory, rest) }
}

/// The same with a word in each store.
///
/// # Safety
///
/// As for [`fill_with_zero`].
unsafe fn fill_by_words(memory: *mut u64, words: usize) {
    if words == 0 {
        return;
    }
    // SAFETY: stores `words` words from `memory`.
    unsafe {
        asm!(
            "test {odd}, 3",
            "jz 3f",
            "2:",
            "mov qword ptr [{place}], 0",
            "add {place}, 8",
            "dec {words}",
            "test {words}, 3",
            "jnz 2b",
            "3:",
            "test {words}, {words}",
            "jz 5f",
            "4:",
            "mov qword ptr [{place}], 0",
            "mov qword ptr [{place} + 8], 0",
            "mov qword ptr [{place} + 16], 0",
            "mov qword ptr [{place} + 24], 0",
            "add {place}, 32",
            "sub {words}, 4",
            "jnz 4b",
            "5:",
            odd = in(reg) words,
            place = inout(reg) memory => _,
            words = inout(reg) words => _,
            options(nostack)
        );
    }
}

/// The same with 32 bytes in each store. User code's register is given back, and so is its right to use the unit, or
/// the lack of it.
///
/// # Safety
///
/// As for [`fill_with_zero`]; AVX is turned on, and `bytes` is a multiple of [`ROUND`] and not 0.
unsafe fn fill_by_avx(memory: *mut u64, bytes: usize) {
    let control = Cr0::read_raw();
    let is_off = control & Cr0Flags::TASK_SWITCHED.bits() != 0;
    if is_off {
        // SAFETY: only TS changes, and is put back below.
        unsafe { asm!("clts", options(nomem, nostack, preserves_flags)) };
    }
    let mut kept = [0u64; 4];
    let end = memory.wrapping_byte_add(bytes);
    // SAFETY: stores inside the memory of the caller; the kernel itself has nothing in the register.
    unsafe {
        asm!(
            "vmovups [{kept}], ymm0",
            "vxorps ymm0, ymm0, ymm0",
            "2:",
            ".set skerry_offset, 0",
            ".rept 32",
            "vmovups [{end} + {index} + skerry_offset], ymm0",
            ".set skerry_offset, skerry_offset + 32",
            ".endr",
            "add {index}, 1024",
            "jnz 2b",
            "vmovups ymm0, [{kept}]",
            kept = in(reg) &mut kept,
            end = in(reg) end,
            index = inout(reg) bytes.wrapping_neg() => _,
            options(nostack)
        );
    }
    if is_off {
        // SAFETY: as it was.
        unsafe { Cr0::write_raw(control) };
    }
}
