// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starting the other cores of a PC: INIT, 10 ms, SIPI, 200 us, SIPI; and waking them by interrupt where they wait halted.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::posture::{self, Posture};
use super::{apic, cpu, time, traps};
use crate::boot::cores::Stack;
use crate::boot::machine::Machine;
use crate::boot::physical;

const INIT_US: u64 = 10_000;
const STARTUP_US: u64 = 200;

unsafe extern "C" {
    static trampoline_start: u8;
    static trampoline_end: u8;
}

// Read by `core_entry` in entry.s.
#[unsafe(no_mangle)]
static core_arrivals: AtomicU32 = AtomicU32::new(0);
#[unsafe(no_mangle)]
static core_stack_count: AtomicU32 = AtomicU32::new(0);
#[unsafe(no_mangle)]
static core_stacks: AtomicU64 = AtomicU64::new(0);

/// Starts `targets` at the trampoline page, each on one of the `stacks`; all by one broadcast when no other core is to
/// stay out. The command line may ask that one is left alone.
pub(crate) fn start(machine: &Machine, targets: &[u32], stacks: &'static [Stack], page: Option<u64>) {
    let page = page.expect("the plan has a trampoline when there are cores to start");
    let (start, end) = (&raw const trampoline_start as u64, &raw const trampoline_end as u64);
    physical::write(page, physical::bytes(start, end - start));
    core_stacks.store(stacks.as_ptr() as u64, Ordering::Relaxed);
    core_stack_count.store(stacks.len() as u32, Ordering::Relaxed);

    let alone = machine.options.silent;
    let others = machine.firmware.cores.iter().filter(|core| core.apic_id != machine.firmware.boot_apic_id);
    let is_broadcast = others.count() == targets.len() && alone.is_none();
    let each = |all: &dyn Fn(), one: &dyn Fn(u32)| match is_broadcast {
        true => all(),
        false => targets.iter().filter(|id| Some(**id) != alone).for_each(|id| one(*id)),
    };
    each(&apic::send_init_all, &apic::send_init);
    time::delay_us(INIT_US);
    for _ in 0..2 {
        each(&|| apic::send_startup_all(page), &|id| apic::send_startup(id, page));
        time::delay_us(STARTUP_US);
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
