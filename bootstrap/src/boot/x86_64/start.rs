// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starting the other cores of a PC: INIT, 10 ms, SIPI, 200 us, SIPI; and waking them by interrupt where they wait halted.
//!
//! Every core is called by its own id, never all by a broadcast: a machine may have cores that its tables do not list.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::posture::{self, Posture};
use super::{apic, cpu, time, traps};
use crate::boot::cores::Stack;
use crate::boot::machine::Machine;
use crate::boot::physical;

const INIT_US: u64 = 10_000;
const STARTUP_US: u64 = 200;
/// Bound of the wait for a core that the command line has called though nobody wants it.
const STRAY_US: u64 = 2_000_000;

unsafe extern "C" {
    static trampoline_start: u8;
    static trampoline_end: u8;
    /// Set by a core that has parked in `entry.s`.
    static park_arrived: AtomicU32;
}

// Read by `core_entry` in entry.s: the i-th id has the i-th stack.
#[unsafe(no_mangle)]
static core_ids: AtomicU64 = AtomicU64::new(0);
#[unsafe(no_mangle)]
static core_count: AtomicU32 = AtomicU32::new(0);
#[unsafe(no_mangle)]
static core_stacks: AtomicU64 = AtomicU64::new(0);

/// Starts `targets` at the trampoline page, each on its own of the `stacks`. The command line may ask that one is left
/// alone, or that one is called that nobody wants; the boot core never is, as INIT would reset it.
pub(crate) fn start(machine: &Machine, targets: &[u32], stacks: &'static [Stack], page: Option<u64>) {
    let page = page.expect("the plan has a trampoline when there are cores to start");
    let (start, end) = (&raw const trampoline_start as u64, &raw const trampoline_end as u64);
    physical::write(page, physical::bytes(start, end - start));
    let ids: &'static [u32] = Vec::leak(targets.to_vec());
    core_ids.store(ids.as_ptr() as u64, Ordering::Relaxed);
    core_stacks.store(stacks.as_ptr() as u64, Ordering::Relaxed);
    core_count.store(stacks.len().min(ids.len()) as u32, Ordering::Relaxed);

    let left_alone = [machine.options.silent, Some(machine.firmware.boot_apic_id)];
    let wanted = || ids.iter().copied().chain(machine.options.stray);
    let called = || wanted().filter(|id| !left_alone.contains(&Some(*id)));
    called().for_each(apic::send_init);
    time::delay_us(INIT_US);
    for _ in 0..2 {
        called().for_each(|id| apic::send_startup(id, page));
        time::delay_us(STARTUP_US);
    }
    if let Some(stray) = called().find(|id| !ids.contains(id)) {
        // What ends its wait must not end the machine; before it waits, it has no gates to take an NMI by.
        wait_for_stray();
        apic::send_nmi(stray);
    }
}

/// Waits, bounded, until a core that nobody wants has parked.
fn wait_for_stray() {
    let (began, bound) = (cpu::timestamp(), time::ticks(STRAY_US));
    // SAFETY: a word of the kept part of this image, zero until the core stores to it; both sides access it whole.
    while unsafe { park_arrived.load(Ordering::Acquire) } == 0 && cpu::timestamp() - began < bound {
        cpu::relax();
    }
}

/// Brings the core this runs on, which was just started, into the posture of all.
pub(crate) fn arrive() -> Posture {
    traps::load();
    let posture = posture::apply();
    apic::enable();
    posture
}

/// Waits until the core is woken.
pub(crate) fn wait_for_wake() {
    cpu::wait_for_interrupt();
}

/// Takes the wake-ups that came while the core was awake: its instance must not find them.
pub(crate) fn take_wakes() {
    cpu::take_interrupts();
}

/// Wakes a parked core. What was stored before is visible to it.
pub(crate) fn wake(apic_id: u32) {
    apic::send_wake(apic_id);
}

/// A core that stayed silent goes back to waiting for a start: should it wake up late, the boot image is no longer
/// there.
pub(crate) fn give_up(apic_id: u32) {
    apic::send_init(apic_id);
}
