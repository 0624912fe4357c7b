// SPDX-License-Identifier: MIT OR Apache-2.0
//! The local APIC and the old interrupt controllers, as far as starting cores needs them.

use core::arch::asm;

use bootstrap::acpi::LOCAL_APIC;
use x2apic::lapic::{LocalApic, LocalApicBuilder, TimerDivide, TimerMode};

use super::cpu::{cpuid, out_byte, read_msr};
use super::error::MachineError;
use super::traps;
use crate::boot::physical;

const APIC_BASE_MSR: u32 = 0x1b;
const X2APIC_ENABLED: u64 = 1 << 10;
const PIC_MASTER: u16 = 0x20;
const PIC_SLAVE: u16 = 0xa0;
/// Vectors of the two PICs after remapping: they may raise a spurious interrupt even when masked.
const PIC_VECTORS: [u8; 2] = [0x20, 0x28];
/// Polls of the delivery status before an interrupt counts as sent (xAPIC mode only).
const MAX_POLLS: u32 = 1_000_000;

const TIMER_INITIAL: u64 = 0x380;
const TIMER_CURRENT: u64 = 0x390;
const TIMER_DIVIDE: u64 = 0x3e0;
const TIMER_LVT: u64 = 0x320;
const DIVIDE_BY_1: u32 = 0b1011;
const MASKED: u32 = 1 << 16;
const X2APIC_MSRS: u64 = 0x800;

/// Whether cores run in x2APIC mode once [`enable`] was called: always when the processor has it.
pub(crate) fn is_x2apic() -> bool {
    cpuid(1, 0).ecx & 1 << 21 != 0
}

/// Refuses a processor whose local APIC is elsewhere than everything here and the plan take for granted.
pub(crate) fn check_base() -> Result<(), MachineError> {
    const ADDRESS: u64 = 0xf_ffff_ffff_f000;
    match read_msr(APIC_BASE_MSR) & ADDRESS {
        LOCAL_APIC => Ok(()),
        found => Err(MachineError::LocalApic { found }),
    }
}

/// Remaps the old interrupt controllers away from the exceptions and masks all their lines. Firmware leaves them open:
/// an early `sti` would look like a double fault.
pub(crate) fn mask_pics() {
    const INIT: u8 = 0x11;
    const MODE_8086: u8 = 1;
    /// Third initialisation word: the slave hangs on line 2.
    const CASCADE: [u8; 2] = [1 << 2, 2];
    for (index, command) in [PIC_MASTER, PIC_SLAVE].into_iter().enumerate() {
        out_byte(command, INIT);
        out_byte(command + 1, PIC_VECTORS[index]);
        out_byte(command + 1, CASCADE[index]);
        out_byte(command + 1, MODE_8086);
        out_byte(command + 1, 0xff);
    }
}

fn local() -> LocalApic {
    LocalApicBuilder::new()
        .timer_vector(usize::from(traps::SPURIOUS_VECTOR))
        .error_vector(usize::from(traps::SPURIOUS_VECTOR))
        .spurious_vector(usize::from(traps::SPURIOUS_VECTOR))
        .timer_mode(TimerMode::OneShot)
        .timer_divide(TimerDivide::Div1)
        .timer_initial(0)
        .set_xapic_base(LOCAL_APIC)
        .build()
        .expect("all vectors and the base are given")
}

/// Turns on the local APIC of the core this runs on, timer off.
pub(crate) fn enable() {
    let mut apic = local();
    // SAFETY: the registers are identity-mapped; vectors used have handlers (`traps`).
    unsafe { apic.enable() };
    // SAFETY: as above.
    unsafe { apic.disable_timer() };
}

/// Acknowledges the interrupt being handled.
pub(crate) fn end_of_interrupt() {
    // SAFETY: called from a handler of an interrupt that the local APIC delivered.
    unsafe { local().end_of_interrupt() };
}

/// Destination field for `apic_id`: the whole word in x2APIC mode, the top byte otherwise.
fn destination(apic_id: u32) -> u32 {
    if is_x2apic() { apic_id } else { apic_id << 24 }
}

/// Sends INIT to a core.
pub(crate) fn send_init(apic_id: u32) {
    send(|apic| {
        // SAFETY: the core is parked or not started; nothing runs on it that INIT could break.
        unsafe { apic.send_init_ipi(destination(apic_id)) }
    });
}

/// Starts a core at physical address `page`, below 1 MiB.
pub(crate) fn send_startup(apic_id: u32, page: u64) {
    send(|apic| {
        // SAFETY: the trampoline is in place at `page`.
        unsafe { apic.send_sipi((page >> 12) as u8, destination(apic_id)) }
    });
}

/// Sends an NMI to a core that parked without being wanted.
pub(crate) fn send_nmi(apic_id: u32) {
    send(|apic| {
        // SAFETY: such a core has a gate for it (`park` in entry.s).
        unsafe { apic.send_nmi(destination(apic_id)) }
    });
}

/// Wakes a parked core. What was stored before is visible to it.
pub(crate) fn send_wake(apic_id: u32) {
    // A write to the x2APIC is not ordered after earlier stores by itself.
    // SAFETY: fences change nothing.
    unsafe { asm!("mfence", "lfence", options(nostack, preserves_flags)) };
    send(|apic| {
        // SAFETY: parked cores have a handler for the vector.
        unsafe { apic.send_ipi(traps::WAKE_VECTOR, destination(apic_id)) }
    });
}

fn send(ipi: impl FnOnce(&mut LocalApic)) {
    let mut apic = local();
    ipi(&mut apic);
    if !is_x2apic() {
        for _ in 0..MAX_POLLS {
            // SAFETY: reads a register of this core's APIC.
            if !unsafe { apic.get_ipi_delivery_status() } {
                break;
            }
        }
    }
}

/// Starts a masked count down from `initial`, divider 1; 0 stops it. Works in the mode the firmware left.
pub(crate) fn start_timer(initial: u32) {
    write_register(TIMER_LVT, MASKED | u32::from(traps::SPURIOUS_VECTOR));
    write_register(TIMER_DIVIDE, DIVIDE_BY_1);
    write_register(TIMER_INITIAL, initial);
}

/// Current count of the timer. Only used before [`enable`]: QEMU aborts when the count is read in x2APIC mode while it
/// counts instructions, and it starts in xAPIC mode.
pub(crate) fn timer_count() -> u32 {
    if in_x2apic_mode() {
        return read_msr((X2APIC_MSRS + (TIMER_CURRENT >> 4)) as u32) as u32;
    }
    physical::read_register(LOCAL_APIC + TIMER_CURRENT)
}

fn write_register(offset: u64, value: u32) {
    if in_x2apic_mode() {
        super::cpu::write_msr((X2APIC_MSRS + (offset >> 4)) as u32, u64::from(value));
    } else {
        physical::write_register(LOCAL_APIC + offset, value);
    }
}

fn in_x2apic_mode() -> bool {
    read_msr(APIC_BASE_MSR) & X2APIC_ENABLED != 0
}
