// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scheduling contexts: a budget per period, kept as a ring of refills.
//!
//! ```text
//! | header, 96 bytes | refill 0 | refill 1 | … | refill capacity-1 |   refill = {time, amount}
//! ```

use arch::{PhysAddr, Ticks};

use super::notification::Notification;
use super::reply::Reply;
use super::tcb::Tcb;
use crate::memory::objects::{ObjRef, kernel_object};

/// Bytes before the first refill.
pub const HEADER_BYTES: u64 = 96;

/// Header of a scheduling context.
#[repr(C, align(32))]
pub struct SchedContext {
    /// Period; 0 for round robin.
    pub period: Ticks,
    /// Budget per period; 0 while unconfigured.
    pub budget: Ticks,
    /// Time charged since the last report.
    pub consumed: Ticks,
    /// Data word given at configuration (the "badge" of Timeout faults).
    pub data: u64,
    /// The thread that runs on it.
    pub tcb: Option<ObjRef<Tcb>>,
    /// Top of the call chain: the reply object of the latest donation.
    pub reply: Option<ObjRef<Reply>>,
    /// The notification it is bound to.
    pub notification: Option<ObjRef<Notification>>,
    /// The thread that waits in YieldTo for it.
    pub yield_from: Option<ObjRef<Tcb>>,
    /// Refills in use at most; 0 while unconfigured.
    pub max_refills: u64,
    /// Index of the earliest refill.
    pub head: u64,
    /// Index of the latest refill.
    pub tail: u64,
    /// 1 for a sporadic server, 0 for constant bandwidth.
    pub sporadic: u64,
}

const _: () = assert!(size_of::<SchedContext>() as u64 == HEADER_BYTES);

kernel_object!(SchedContext);

/// An amount of time and when it may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct Refill {
    /// From when on.
    pub time: Ticks,
    /// How much.
    pub amount: Ticks,
}

kernel_object!(Refill);

impl ObjRef<SchedContext> {
    /// The refill with `index`, which is below the capacity for the object's size.
    #[inline]
    pub(crate) const fn refill(self, index: u64) -> ObjRef<Refill> {
        ObjRef::at(PhysAddr(self.paddr().0 + HEADER_BYTES + index * size_of::<Refill>() as u64))
    }
}

/// Number of refills in an object of `size_bits`.
#[inline]
pub const fn capacity(size_bits: u8) -> u64 {
    ((1 << size_bits) - HEADER_BYTES) / size_of::<Refill>() as u64
}

use arch::Machine;

use crate::Kernel;
use crate::args::Args;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply as Answer;

/// A decoded invocation.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_sched_context(
        &self,
        _sc: ObjRef<SchedContext>,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn execute_sched_context(&mut self, _invocation: Invocation) -> Result<Answer, Preempted> {
        unimplemented!()
    }

    pub(crate) fn bind_sched_context(&mut self, _sc: ObjRef<SchedContext>, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn unbind_sched_context(&mut self, _sc: ObjRef<SchedContext>) {
        unimplemented!()
    }

    pub(crate) fn donate(&mut self, _sc: ObjRef<SchedContext>, _to: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn return_to_notification(&mut self, _tcb: ObjRef<Tcb>, _notification: ObjRef<Notification>) {
        unimplemented!()
    }

    pub(crate) fn lend_from_notification(&mut self, _notification: ObjRef<Notification>, _tcb: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn take_consumed_us(&mut self, _sc: ObjRef<SchedContext>) -> u64 {
        unimplemented!()
    }

    pub(crate) fn complete_yield_to(&mut self, _yielder: ObjRef<Tcb>) {
        unimplemented!()
    }

    pub(crate) fn finalise_sched_context(&mut self, _sc: ObjRef<SchedContext>) {
        unimplemented!()
    }
}
