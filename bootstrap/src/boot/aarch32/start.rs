// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starting the other cores by PSCI, and waking them by interrupt where they wait.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};

use arch::CoreId;
use arch::hw::Conduit;

use super::posture::{self, Posture};
use super::{gic, traps};
use crate::boot::console::say;
use crate::boot::cores::Stack;
use crate::boot::machine::Machine;

unsafe extern "C" {
    fn core_entry();
}

/// Read by `core_entry` in entry.s, with the caches off: whether the stacks of cores are no longer there.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".kept.closed")]
static core_entry_closed: AtomicU32 = AtomicU32::new(0);

/// How the firmware is called, as a word.
static CONDUIT: AtomicU32 = AtomicU32::new(0);

/// Says how the firmware is called that starts and stops cores.
pub(super) fn set_conduit(conduit: Conduit) {
    CONDUIT.store(conduit.word() as u32, Ordering::Relaxed);
}

/// How the firmware is called.
pub(super) fn conduit() -> Conduit {
    Conduit::from_word(CONDUIT.load(Ordering::Relaxed).into())
}

/// Starts `targets`, each on one of the `stacks`. The command line may ask that one is left alone; one that the firmware
/// refuses stays silent, too.
pub(crate) fn start(machine: &Machine, targets: &[u32], stacks: &'static [Stack], _page: Option<u64>) {
    let conduit = conduit();
    for (core, stack) in targets.iter().zip(stacks) {
        if Some(*core) == machine.options.silent {
            continue;
        }
        let top = stack.as_ptr_range().end as u32;
        // SAFETY: the entry code reads nothing but its argument, constants, and the flag above, before it has caches.
        let answer = unsafe { conduit.start_core(CoreId(*core), core_entry as *const () as u32, top) };
        if let Err(error) = answer {
            say!("cores: core {core}: the firmware refuses to start it: {error}");
        }
    }
}

/// Readies the core this runs on, which was just started.
pub(crate) fn arrive() -> Posture {
    traps::load();
    gic::enable_core();
    posture::current()
}

/// Waits until the core is woken.
pub(crate) fn wait_for_wake() {
    gic::wait();
    gic::take_all();
}

/// Takes the wake-ups that came while the core was awake: its instance must not find them.
pub(crate) fn take_wakes() {
    gic::take_all();
}

/// Wakes a parked core. What was stored before is visible to it.
pub(crate) fn wake(core: u32) {
    gic::wake(core);
}

/// A core that stayed silent must not come in late: the boot image will no longer be there.
pub(crate) fn give_up(_core: u32) {
    core_entry_closed.store(1, Ordering::Relaxed);
    // SAFETY: cleaning a line to the point of coherency (DCCMVAC) writes back what was stored, no more.
    unsafe {
        asm!(
            "mcr p15, 0, {}, c7, c10, 1", "dsb",
            in(reg) core_entry_closed.as_ptr(), options(nostack, preserves_flags)
        );
    }
}
