// SPDX-License-Identifier: MIT OR Apache-2.0
//! Priorities, scheduling parameters, flags and the bound notification of a thread.

use abi::flags::{TCB_FPU_DISABLED, TCB_MASK};
use arch::Machine;

use super::{Install, Invocation, Place, Tcb, TcbSlot, ThreadState};
use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply as Answer;
use crate::memory::objects::ObjRef;
use crate::object::notification::{Notification, NotificationState};
use crate::object::sched_context::SchedContext;

/// What becomes of a thread's scheduling context.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SchedChange {
    /// Nothing.
    Keep,
    /// It gets this one.
    Bind(ObjRef<SchedContext>),
    /// It loses this one.
    Unbind(ObjRef<SchedContext>),
}

/// The parameters of SetSchedParams, checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SchedParams {
    pub(super) mcp: u8,
    pub(super) priority: u8,
    pub(super) sched_context: SchedChange,
    pub(super) handler: Option<Install>,
}

impl<M: Machine> Kernel<M> {
    /// A priority that the authority given as first extra capability allows.
    pub(super) fn decode_priority(&self, args: &Args<'_>) -> Result<u8, SyscallError> {
        args.require(1, 1)?;
        let max = self.decode_authority(args)?;
        check_priority(args.word(0), max)
    }

    /// The maximum controlled priority of the first extra capability.
    fn decode_authority(&self, args: &Args<'_>) -> Result<u8, SyscallError> {
        match self.objs[args.cap(0)?].cap.unpack() {
            Cap::Thread(authority) => Ok(self.objs[authority].mcp),
            _ => Err(SyscallError::InvalidCapability(1)),
        }
    }

    pub(super) fn decode_sched_params(
        &self,
        place: Place,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        args.require(2, 3)?;
        let max = self.decode_authority(args)?;
        let mcp = check_priority(args.word(0), max)?;
        let priority = check_priority(args.word(1), max)?;
        let sched_context = self.decode_sched_change(place.tcb, args.cap(1)?)?;
        let handler = self.decode_handler(args.cap(2)?, 3)?;
        Ok(Invocation::SetSchedParams(place, SchedParams { mcp, priority, sched_context, handler }))
    }

    fn decode_sched_change(&self, tcb: ObjRef<Tcb>, slot: SlotRef) -> Result<SchedChange, SyscallError> {
        let present = self.objs[tcb].sched_context;
        match self.objs[slot].cap.unpack() {
            Cap::SchedContext { sc, .. } if present == Some(sc) => {
                self.check_released_if_blocked(sc, tcb)?;
                Ok(SchedChange::Keep)
            }
            Cap::SchedContext { sc, .. } => {
                self.check_bindable(sc, tcb)?;
                Ok(SchedChange::Bind(sc))
            }
            Cap::Null if tcb == self.current() => Err(SyscallError::IllegalOperation),
            Cap::Null => Ok(present.map_or(SchedChange::Keep, SchedChange::Unbind)),
            _ => Err(SyscallError::InvalidCapability(2)),
        }
    }

    pub(super) fn set_sched_params(&mut self, place: Place, params: SchedParams) -> Result<(), Preempted> {
        self.install(place, TcbSlot::FaultHandler, params.handler)?;
        self.objs[place.tcb].mcp = params.mcp;
        self.set_priority(place.tcb, params.priority);
        match params.sched_context {
            SchedChange::Keep => {}
            SchedChange::Bind(sc) => self.bind_sched_context(sc, place.tcb),
            SchedChange::Unbind(sc) => self.unbind_sched_context(sc),
        }
        Ok(())
    }

    /// Changes a priority and the thread's place in whatever queue it is in.
    pub(super) fn set_priority(&mut self, tcb: ObjRef<Tcb>, priority: u8) {
        let is_queued = self.objs[tcb].in_ready_queue != 0;
        self.dequeue(tcb);
        self.objs[tcb].priority = priority;
        if is_queued {
            self.enqueue_head(tcb);
        }
        if is_queued || tcb == self.current() {
            self.reschedule_required();
        }
        let is_waiting = matches!(
            self.objs[tcb].state(),
            ThreadState::BlockedOnReceive | ThreadState::BlockedOnSend | ThreadState::BlockedOnNotification
        );
        if is_waiting {
            self.reorder_ipc_queue(tcb);
        }
    }

    /// Changes the flags; the answer is the new value.
    pub(super) fn set_flags(&mut self, tcb: ObjRef<Tcb>, clear: u64, set: u64) -> Answer {
        let flags = u64::from(self.objs[tcb].flags) & !clear | set & TCB_MASK;
        self.objs[tcb].flags = flags as u8;
        if flags & TCB_FPU_DISABLED != 0 {
            self.release_fpu(tcb);
        }
        self.apply_fpu_access(tcb);
        Answer::Word(flags)
    }

    pub(super) fn decode_bind_notification(
        &self,
        tcb: ObjRef<Tcb>,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        args.require(0, 1)?;
        if self.objs[tcb].bound_notification.is_some() {
            return Err(SyscallError::IllegalOperation);
        }
        match self.objs[args.cap(0)?].cap.unpack() {
            Cap::Notification { notification, rights, .. }
                if rights.can_read() && self.is_free_to_bind(notification) =>
            {
                Ok(Invocation::BindNotification(tcb, notification))
            }
            _ => Err(SyscallError::IllegalOperation),
        }
    }

    fn is_free_to_bind(&self, notification: ObjRef<Notification>) -> bool {
        let object = &self.objs[notification];
        object.bound_tcb.is_none() && object.state() != NotificationState::Waiting
    }

    pub(super) fn decode_unbind_notification(&self, tcb: ObjRef<Tcb>) -> Result<Invocation, SyscallError> {
        if self.objs[tcb].bound_notification.is_none() {
            return Err(SyscallError::IllegalOperation);
        }
        Ok(Invocation::UnbindNotification(tcb))
    }
}

/// `value` as a priority that does not exceed `max`.
fn check_priority(value: u64, max: u8) -> Result<u8, SyscallError> {
    match u8::try_from(value) {
        Ok(priority) if priority <= max => Ok(priority),
        _ => Err(SyscallError::RangeError { min: 0, max: u64::from(max) }),
    }
}

#[cfg(test)]
mod tests;
