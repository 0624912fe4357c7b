// SPDX-License-Identifier: MIT OR Apache-2.0
//! An interrupt of a device, from the processor to the thread that waits for it.
//!
//! The real-time clock of QEMU's machine, a PL031, interrupts while its alarm has come and interrupts are asked for. The
//! alarm is set to now, once; then a store asks for the interrupt. The waiter, which has the registers in its
//! address space too, takes the request back.
#![allow(unsafe_code)] // registers of the clock

use crate::lab::{ENTERED, HIGHER, Lab, Place};
use crate::series::{Series, omit};
use crate::stub::{self, stamp};
use abi::{ObjectType, Rights, VmAttributes, sizes::SMALL_PAGE_BITS, widen};
use core::sync::atomic::Ordering::Relaxed;
use userland::{
    AllocError, CPtr, Capability, INIT_VSPACE, IRQ_CONTROL, IrqHandler, Notification, RootTask, SmallPage,
    Untyped,
};

const PATH: &str = "interrupt, to a higher-priority waiter";

/// Where the clock is, and its interrupt.
const CLOCK: u64 = 0x0901_0000;
const INTERRUPT: u64 = 34;

// Registers, by their words.
const NOW: usize = 0;
const ALARM: usize = 1;
const INTERRUPT_ENABLE: usize = 4;
const HAS_COME: usize = 5;

/// The registers, mapped.
#[derive(Clone, Copy)]
struct Clock {
    address: u64,
}

impl Clock {
    #[inline(always)]
    fn read(self, register: usize) -> u32 {
        let place = (self.address as *const u32).wrapping_add(register);
        // SAFETY: the registers are mapped there in every address space of this program.
        unsafe { place.read_volatile() }
    }

    #[inline(always)]
    fn write(self, register: usize, value: u32) {
        let place = (self.address as *mut u32).wrapping_add(register);
        // SAFETY: as for reading.
        unsafe { place.write_volatile(value) }
    }
}

/// Measures an interrupt that wakes a thread of higher priority.
#[inline(never)]
pub(crate) fn interrupt(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let Some(clock) = map(lab)? else {
        omit(PATH, "another instance has the clock, or the machine has none");
        return Ok(());
    };
    while clock.read(HAS_COME) == 0 {
        clock.write(ALARM, clock.read(NOW));
    }
    let asking = Series::take(|| {
        let start = stamp();
        clock.write(INTERRUPT_ENABLE, 0);
        Ok(stamp() - start)
    })?;
    let cost = asking.min();

    let handler = IrqHandler(lab.task.slots.take()?);
    let notification: Notification = lab.task.make()?;
    IRQ_CONTROL.get(INTERRUPT, handler.slot())?;
    handler.set_notification(notification)?;
    handler.ack()?;
    lab.worker(Place::Elsewhere, HIGHER, move || {
        loop {
            stub::wait(notification.0);
            ENTERED.store(stamp(), Relaxed);
            clock.write(INTERRUPT_ENABLE, 0);
            // The kernel refuses only what is no handler.
            let _ = handler.ack();
        }
    })?;
    let series = Series::take(|| {
        let start = stamp();
        clock.write(INTERRUPT_ENABLE, 1);
        // The machine may take the interrupt a little later than the store.
        while clock.read(INTERRUPT_ENABLE) != 0 {}
        Ok(ENTERED.load(Relaxed).saturating_sub(start))
    })?;
    series.report(PATH, cost);
    Ok(())
}

/// Maps the clock in both address spaces; nothing if this instance does not have it.
fn map(lab: &mut Lab<'_>) -> Result<Option<Clock>, AllocError> {
    let Some(frame) = frame(lab.task)? else { return Ok(None) };
    let copy = lab.task.slots.take()?;
    copy.slot().copy_from(frame.slot(), Rights::ALL)?;
    let address = lab.task.take_addresses(1 << SMALL_PAGE_BITS, SMALL_PAGE_BITS);
    let elsewhere = lab.vspace(Place::Elsewhere);
    for (vspace, frame) in [(INIT_VSPACE, frame), (elsewhere, SmallPage(copy))] {
        lab.task.map(vspace, frame, address, Rights::READ_WRITE, VmAttributes::UNCACHEABLE)?;
    }
    Ok(Some(Clock { address }))
}

/// The frame of the clock, cut out of the untyped that covers it.
fn frame(task: &mut RootTask) -> Result<Option<SmallPage>, AllocError> {
    let covers = |start: u64, bits: u32| CLOCK.checked_sub(start).is_some_and(|offset| offset >> bits == 0);
    let found = task.boot.untypeds().find(|(_, untyped)| {
        untyped.is_device != 0 && covers(widen(untyped.paddr), untyped.size_bits.into())
    });
    let Some((mut untyped, piece)) = found else { return Ok(None) };
    for half in (SMALL_PAGE_BITS..u32::from(piece.size_bits)).rev() {
        let first = task.slots.take_many(2)?;
        untyped.retype(ObjectType::Untyped, half, first, 2)?;
        untyped = Untyped(CPtr(first.0 + (CLOCK >> half & 1)));
    }
    let slot = task.slots.take()?;
    untyped.retype(ObjectType::SmallPage, 0, slot, 1)?;
    Ok(Some(SmallPage(slot)))
}
