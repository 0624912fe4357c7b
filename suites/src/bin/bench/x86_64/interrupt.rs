// SPDX-License-Identifier: MIT OR Apache-2.0
//! An interrupt of a device, from the processor to the thread that waits for it.
//!
//! The first serial port interrupts as soon as it is asked to say when it could send. Asking is a system call, whose
//! cost is measured with a request that changes nothing, and subtracted.

use crate::lab::{ENTERED, HIGHER, Lab, Place};
use crate::series::Series;
use crate::stub::{self, stamp};
use core::sync::atomic::Ordering::Relaxed;
use userland::object::{Pin, Ports};
use userland::{AllocError, Capability, IO_PORT_CONTROL, IRQ_CONTROL, IoPort, IrqHandler, Notification};

/// Registers of the first serial port.
const PORTS: Ports = Ports { first: 0x3f8, last: 0x3ff };
const INTERRUPT_ENABLE: u16 = 0x3f9;
const WHEN_IT_CAN_SEND: u8 = 2;
const NEVER: u8 = 0;
/// Its input of the first IOAPIC: edge-triggered, active high.
const PIN: Pin = Pin { ioapic: 0, pin: 4, level: 0, polarity: 0 };
const VECTOR: u64 = 0;

/// Measures an interrupt that wakes a thread of higher priority.
#[inline(never)]
pub(crate) fn interrupt(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let ports = IoPort(lab.task.slots.take()?);
    let handler = IrqHandler(lab.task.slots.take()?);
    IO_PORT_CONTROL.issue(PORTS, ports.slot())?;
    let asking = Series::take(|| {
        let start = stamp();
        let written = ports.out8(INTERRUPT_ENABLE, NEVER);
        let end = stamp();
        written.map(|()| end - start)
    })?;
    let cost = asking.min();

    let notification: Notification = lab.task.make()?;
    IRQ_CONTROL.get_ioapic(handler.slot(), PIN, VECTOR)?;
    handler.set_notification(notification)?;
    handler.ack()?;
    lab.worker(Place::Elsewhere, HIGHER, move || {
        loop {
            stub::wait(notification.0);
            ENTERED.store(stamp(), Relaxed);
            // The kernel refuses only what is no handler.
            let _ = handler.ack();
        }
    })?;
    let series = Series::take(|| {
        let start = stamp();
        ports.out8(INTERRUPT_ENABLE, WHEN_IT_CAN_SEND)?;
        ports.out8(INTERRUPT_ENABLE, NEVER)?;
        Ok(ENTERED.load(Relaxed).saturating_sub(start))
    })?;
    series.report("interrupt, to a higher-priority waiter", cost);
    Ok(())
}
