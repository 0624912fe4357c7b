// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interrupt controller, as far as waking parked cores needs it (GICv2, Arm IHI 0048B).
//!
//! Interrupts stay masked at the cores: one that is pending ends the wait, and is then taken by hand.

use core::arch::asm;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use arch::hw::Gic;

use super::cpu;
use crate::boot::physical;

/// The software-generated interrupt that wakes a parked core: not the doorbell of the instances.
const WAKE: u32 = 15;
/// Numbers from here on say that no interrupt is pending.
const FIRST_SPECIAL: u32 = 1020;
const NUMBER_MASK: u32 = 0x3ff;

/// Registers of the distributor.
const TYPE: u64 = 0x004;
const SET_ENABLE: u64 = 0x100;
const GENERATE: u64 = 0xf00;
/// Registers of a core's interface.
const CONTROL: u64 = 0x00;
const PRIORITY_MASK: u64 = 0x04;
const ACKNOWLEDGE: u64 = 0x0c;
const END: u64 = 0x10;

static DISTRIBUTOR: AtomicU32 = AtomicU32::new(0);
static INTERFACE: AtomicU32 = AtomicU32::new(0);
/// What each core has found to be the bit of its interface.
static TARGETS: [AtomicU8; Gic::CORES] = [const { AtomicU8::new(0) }; Gic::CORES];

fn distributor(register: u64) -> u64 {
    u64::from(DISTRIBUTOR.load(Ordering::Relaxed)) + register
}

fn interface(register: u64) -> u64 {
    u64::from(INTERFACE.load(Ordering::Relaxed)) + register
}

/// Starts the distributor with every shared interrupt masked; the instance that owns it routes them. The interrupts it
/// has besides those of a core alone.
pub(super) fn init(distributor_at: u64, interface_at: u64) -> u32 {
    DISTRIBUTOR.store(distributor_at as u32, Ordering::Relaxed);
    INTERFACE.store(interface_at as u32, Ordering::Relaxed);
    // SAFETY: the registers are identity-mapped as a device, and no core has enabled its interface yet.
    unsafe { gic().start_distributor() };
    note_target();
    let lines = physical::read_register(distributor(TYPE)) & 0x1f;
    32 * lines
}

/// The controller where the boot tables map it.
fn gic() -> Gic {
    Gic::at(distributor(0) as usize, interface(0) as usize, [0; Gic::CORES])
}

/// Notes which target the core is that this runs on. Where there is one core only, the controller does not say.
fn note_target() {
    let core = cpu::core_id() as usize % Gic::CORES;
    let target = match gic().own_target() {
        0 => 1 << core,
        target => target,
    };
    TARGETS[core].store(target, Ordering::Relaxed);
}

/// The targets of all cores that have come, a byte for each.
pub(super) fn targets() -> u64 {
    u64::from_le_bytes(TARGETS.each_ref().map(|target| target.load(Ordering::Relaxed)))
}

/// Lets wake-ups through to the core this runs on, which was just started.
pub(super) fn enable_core() {
    note_target();
    physical::write_register(distributor(SET_ENABLE), 1 << WAKE);
    physical::write_register(interface(PRIORITY_MASK), 0xff);
    physical::write_register(interface(CONTROL), 1);
}

/// Wakes a core. What was stored before is visible to it.
pub(super) fn wake(core: u32) {
    const FIRST_TARGET: u32 = 16;
    let target = TARGETS[core as usize % Gic::CORES].load(Ordering::Relaxed);
    // SAFETY: a barrier changes nothing.
    unsafe { asm!("dsb", options(nostack, preserves_flags)) };
    physical::write_register(distributor(GENERATE), u32::from(target) << FIRST_TARGET | WAKE);
}

/// Waits until an interrupt is pending.
pub(super) fn wait() {
    // SAFETY: waiting changes nothing.
    unsafe { asm!("dsb", "wfi", options(nostack, preserves_flags)) };
}

/// Takes every wake-up that is pending.
pub(super) fn take_all() {
    loop {
        let taken = physical::read_register(interface(ACKNOWLEDGE));
        if taken & NUMBER_MASK >= FIRST_SPECIAL {
            return;
        }
        physical::write_register(interface(END), taken);
    }
}
