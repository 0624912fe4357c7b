// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads.
//!
//! A TCB is 2 KiB: five capability slots, the registers, scheduling and IPC state, the floating-point state, a
//! debug name. Links are `Option<ObjRef>`; states are stored as numbers, so every bit pattern is valid.
//!
//! The invocations are grouped: `tcb/registers.rs`, `tcb/configure.rs` (capabilities in the TCB), `tcb/params.rs`
//! (priorities, scheduling, flags).

mod configure;
mod params;
mod registers;

use core::mem::offset_of;

use abi::Label;
use abi::sizes::TCB_BITS;
use arch::{Context, FpuState, Machine};

pub use configure::{BufferChange, Install, Place, Spaces};
pub use params::{SchedChange, SchedParams};

use super::notification::Notification;
use super::reply::Reply;
use super::sched_context::SchedContext;
use crate::Kernel;
use crate::args::{Args, WordSource};
use crate::cap::slot::{Slot, SlotRef};
use crate::error::{Preempted, RawFault, SyscallError};
use crate::invocation::Reply as Answer;
use crate::memory::objects::{ObjRef, kernel_object};

/// Index of a capability slot in a TCB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum TcbSlot {
    /// Root of the thread's CSpace.
    CSpace,
    /// Root of its VSpace.
    VSpace,
    /// Frame of its IPC buffer.
    Buffer,
    /// Endpoint for its faults.
    FaultHandler,
    /// Endpoint for its Timeout faults.
    TimeoutHandler,
}

/// Number of capability slots in a TCB.
pub const TCB_SLOTS: usize = 5;

/// What a thread is doing (docs/abi/ipc-and-scheduling.md, "Thread states").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ThreadState {
    /// Stopped until resumed.
    Inactive,
    /// Ready; resumes after its system call.
    Running,
    /// Ready; repeats its system call or faulting instruction.
    Restart,
    /// Queued on an endpoint as receiver.
    BlockedOnReceive,
    /// Queued on an endpoint as sender.
    BlockedOnSend,
    /// Waits for a reply through one reply object.
    BlockedOnReply,
    /// Queued on a notification.
    BlockedOnNotification,
    /// The idle thread.
    Idle,
}

impl ThreadState {
    /// The state stored as `raw`; anything unknown is Inactive.
    #[inline]
    pub const fn from_raw(raw: u8) -> Self {
        match raw {
            1 => Self::Running,
            2 => Self::Restart,
            3 => Self::BlockedOnReceive,
            4 => Self::BlockedOnSend,
            5 => Self::BlockedOnReply,
            6 => Self::BlockedOnNotification,
            7 => Self::Idle,
            _ => Self::Inactive,
        }
    }

    /// Running or Restart.
    #[inline]
    pub const fn is_runnable(self) -> bool {
        matches!(self, Self::Running | Self::Restart)
    }

    /// One of the four blocked states.
    #[inline]
    pub const fn is_blocked(self) -> bool {
        matches!(
            self,
            Self::BlockedOnReceive | Self::BlockedOnSend | Self::BlockedOnReply | Self::BlockedOnNotification
        )
    }
}

/// What a queued sender was allowed when it sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct SendFlags(pub u8);

impl SendFlags {
    /// The endpoint capability had grant.
    pub const GRANT: u8 = 1;
    /// The endpoint capability had grant-reply.
    pub const GRANT_REPLY: u8 = 2;
    /// The sender called.
    pub const CALL: u8 = 4;

    /// Whether all of `flags` are set.
    #[inline]
    pub const fn has(self, flags: u8) -> bool {
        self.0 & flags == flags
    }
}

/// Longest debug name kept, in bytes.
pub const NAME_LENGTH: usize = 127;

/// A thread.
#[repr(C, align(64))]
pub struct Tcb {
    /// Capability slots, see [`TcbSlot`].
    pub slots: [Slot; TCB_SLOTS],
    /// Registers.
    pub context: Context,
    state: u8,
    /// Priority, 0..=255.
    pub priority: u8,
    /// Maximum controlled priority.
    pub mcp: u8,
    /// Domain, 0 unless several are configured.
    pub domain: u8,
    /// `TCBFlag_fpuDisabled` and nothing else.
    pub flags: u8,
    /// 1 while in a ready queue.
    pub in_ready_queue: u8,
    /// 1 while in the release queue.
    pub in_release_queue: u8,
    /// Rights and kind of the send a BlockedOnSend thread is queued with.
    pub send_flags: SendFlags,
    /// Scheduling context the thread runs on.
    pub sched_context: Option<ObjRef<SchedContext>>,
    /// Endpoint or notification on which the thread is queued (as an address).
    pub blocked_on: u64,
    /// Badge of a queued send.
    pub badge: u64,
    /// Reply object of a BlockedOnReceive or BlockedOnReply thread.
    pub reply: Option<ObjRef<Reply>>,
    /// Bound notification.
    pub bound_notification: Option<ObjRef<Notification>>,
    /// Scheduling context this thread is yielding to.
    pub yield_to: Option<ObjRef<SchedContext>>,
    /// Neighbours in a ready or release queue.
    pub sched_next: Option<ObjRef<Tcb>>,
    /// See `sched_next`.
    pub sched_prev: Option<ObjRef<Tcb>>,
    /// Neighbours in an endpoint or notification queue.
    pub ipc_next: Option<ObjRef<Tcb>>,
    /// See `ipc_next`.
    pub ipc_prev: Option<ObjRef<Tcb>>,
    /// User address of the IPC buffer, 0 for none.
    pub buffer: u64,
    /// Fault that is being sent or answered.
    pub fault: RawFault,
    /// Debug name, zero terminated.
    pub name: [u8; NAME_LENGTH + 1],
    /// 1 once the debug and benchmark calls were taken away from the thread.
    pub debug_forbidden: u8,
    /// Neighbours in the list of all threads, in profiles that print it.
    pub list_next: Option<ObjRef<Tcb>>,
    /// See `list_next`.
    pub list_prev: Option<ObjRef<Tcb>>,
    /// Floating-point state while the thread does not own the unit.
    pub fpu: FpuState,
}

const _: () = assert!(size_of::<Tcb>() <= 1 << TCB_BITS);

kernel_object!(Tcb);

impl Tcb {
    /// The thread's state.
    #[inline]
    pub const fn state(&self) -> ThreadState {
        ThreadState::from_raw(self.state)
    }

    /// Changes the state without any consequence; use `Kernel::set_thread_state`.
    #[inline]
    pub(crate) fn set_state_raw(&mut self, state: ThreadState) {
        self.state = state as u8;
    }

    /// Gives zeroed memory the values of a new thread.
    pub(crate) fn initialise(&mut self) {
        self.context.reset();
        self.fpu.reset();
    }
}

impl ObjRef<Tcb> {
    /// The first of the thread's capability slots.
    #[allow(unsafe_code)]
    #[inline]
    pub(crate) const fn slots(self) -> SlotRef {
        const { assert!(offset_of!(Tcb, slots) == 0) };
        // SAFETY: TYPED: a TCB begins with its slots.
        unsafe { SlotRef::at(self.paddr()) }
    }

    /// One of the thread's capability slots.
    #[inline]
    pub(crate) const fn slot(self, slot: TcbSlot) -> SlotRef {
        self.slots().element(slot as usize)
    }
}

/// A decoded invocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// ReadRegisters
    ReadRegisters {
        /// Whose.
        source: ObjRef<Tcb>,
        /// Suspend it first.
        suspend: bool,
        /// How many, 1..=20.
        count: usize,
    },
    /// WriteRegisters
    WriteRegisters {
        /// Whose.
        target: ObjRef<Tcb>,
        /// Resume it afterwards.
        resume: bool,
        /// How many, 0..=20.
        count: usize,
        /// The values: words 2 and up.
        values: WordSource,
    },
    /// CopyRegisters
    CopyRegisters {
        /// From.
        source: ObjRef<Tcb>,
        /// To.
        target: ObjRef<Tcb>,
        /// `COPY_…` of `abi::flags`.
        flags: u64,
    },
    /// SetTLSBase
    SetTlsBase(ObjRef<Tcb>, u64),
    /// Configure
    Configure(Place, Spaces, BufferChange),
    /// SetSpace
    SetSpace(Place, Spaces, Option<Install>),
    /// SetIPCBuffer
    SetIpcBuffer(Place, BufferChange),
    /// SetTimeoutEndpoint
    SetTimeoutEndpoint(Place, Option<Install>),
    /// SetPriority
    SetPriority(ObjRef<Tcb>, u8),
    /// SetMCPriority
    SetMcPriority(ObjRef<Tcb>, u8),
    /// SetSchedParams
    SetSchedParams(Place, SchedParams),
    /// SetFlags
    SetFlags {
        /// Whose.
        tcb: ObjRef<Tcb>,
        /// Bits to clear, before …
        clear: u64,
        /// … bits to set.
        set: u64,
    },
    /// Suspend
    Suspend(ObjRef<Tcb>),
    /// Resume
    Resume(ObjRef<Tcb>),
    /// BindNotification
    BindNotification(ObjRef<Tcb>, ObjRef<Notification>),
    /// UnbindNotification
    UnbindNotification(ObjRef<Tcb>),
    /// ForbidDebug
    ForbidDebug(ObjRef<Tcb>),
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_tcb(
        &self,
        tcb: ObjRef<Tcb>,
        slot: SlotRef,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        let place = Place { tcb, invoked: slot };
        match args.label() {
            Some(Label::TcbReadRegisters) => self.decode_read_registers(tcb, args),
            Some(Label::TcbWriteRegisters) => self.decode_write_registers(tcb, args),
            Some(Label::TcbCopyRegisters) => self.decode_copy_registers(tcb, args),
            Some(Label::TcbConfigure) => self.decode_configure(place, args),
            Some(Label::TcbSetPriority) => {
                self.decode_priority(args).map(|priority| Invocation::SetPriority(tcb, priority))
            }
            Some(Label::TcbSetMcPriority) => {
                self.decode_priority(args).map(|priority| Invocation::SetMcPriority(tcb, priority))
            }
            Some(Label::TcbSetSchedParams) => self.decode_sched_params(place, args),
            Some(Label::TcbSetTimeoutEndpoint) => self.decode_timeout_endpoint(place, args),
            Some(Label::TcbSetIpcBuffer) => self.decode_ipc_buffer(place, args),
            Some(Label::TcbSetSpace) => self.decode_space(place, args),
            Some(Label::TcbSuspend) => Ok(Invocation::Suspend(tcb)),
            Some(Label::TcbResume) => Ok(Invocation::Resume(tcb)),
            Some(Label::TcbBindNotification) => self.decode_bind_notification(tcb, args),
            Some(Label::TcbUnbindNotification) => self.decode_unbind_notification(tcb),
            Some(Label::TcbSetTlsBase) => {
                args.require(1, 0)?;
                Ok(Invocation::SetTlsBase(tcb, args.word(0)))
            }
            Some(Label::TcbSetFlags) => {
                args.require(2, 0)?;
                Ok(Invocation::SetFlags { tcb, clear: args.word(0), set: args.word(1) })
            }
            Some(Label::TcbForbidDebug) => Ok(Invocation::ForbidDebug(tcb)),
            _ => Err(SyscallError::IllegalOperation),
        }
    }

    pub(crate) fn execute_tcb(&mut self, invocation: Invocation) -> Result<Answer, Preempted> {
        match invocation {
            Invocation::ReadRegisters { source, suspend, count } => {
                if suspend {
                    self.suspend(source);
                }
                return Ok(Answer::Registers { source, count });
            }
            Invocation::WriteRegisters { target, resume, count, values } => {
                self.write_registers(target, count, values);
                if resume {
                    self.resume_thread(target);
                }
            }
            Invocation::CopyRegisters { source, target, flags } => self.copy_registers(source, target, flags),
            Invocation::SetTlsBase(tcb, base) => self.set_tls_base(tcb, base),
            Invocation::Configure(place, spaces, buffer) => {
                self.install_spaces(place, spaces)?;
                self.install_buffer(place, buffer)?;
            }
            Invocation::SetSpace(place, spaces, handler) => {
                self.install(place, TcbSlot::FaultHandler, handler)?;
                self.install_spaces(place, spaces)?;
            }
            Invocation::SetIpcBuffer(place, buffer) => self.install_buffer(place, buffer)?,
            Invocation::SetTimeoutEndpoint(place, handler) => {
                self.install(place, TcbSlot::TimeoutHandler, handler)?;
            }
            Invocation::SetPriority(tcb, priority) => self.set_priority(tcb, priority),
            Invocation::SetMcPriority(tcb, mcp) => self.objs[tcb].mcp = mcp,
            Invocation::SetSchedParams(place, params) => self.set_sched_params(place, params)?,
            Invocation::SetFlags { tcb, clear, set } => return Ok(self.set_flags(tcb, clear, set)),
            Invocation::Suspend(tcb) => self.suspend(tcb),
            Invocation::Resume(tcb) => self.resume_thread(tcb),
            Invocation::BindNotification(tcb, notification) => self.bind_notification(tcb, notification),
            Invocation::UnbindNotification(tcb) => self.unbind_notification(tcb),
            Invocation::ForbidDebug(tcb) => self.objs[tcb].debug_forbidden = 1,
        }
        Ok(Answer::Done)
    }

    /// Changes what a thread is doing. It stays in whatever queue it is in; the scheduler looks at the state of the
    /// current thread at the end of the event.
    #[inline]
    pub(crate) fn set_thread_state(&mut self, tcb: ObjRef<Tcb>, state: ThreadState) {
        self.objs[tcb].set_state_raw(state);
    }

    /// Stops a thread, whatever it is doing.
    pub(crate) fn suspend(&mut self, tcb: ObjRef<Tcb>) {
        self.cancel_ipc(tcb);
        self.complete_yield_to(tcb);
        if self.objs[tcb].state() == ThreadState::Running {
            self.objs[tcb].context.complete();
        }
        self.set_thread_state(tcb, ThreadState::Inactive);
        self.leave_queues(tcb);
    }

    /// Makes a stopped or blocked thread go on at its saved instruction pointer.
    #[doc(alias = "restart")]
    pub(crate) fn resume_thread(&mut self, tcb: ObjRef<Tcb>) {
        let state = self.objs[tcb].state();
        if state != ThreadState::Inactive && !state.is_blocked() {
            return;
        }
        self.cancel_ipc(tcb);
        self.set_thread_state(tcb, ThreadState::Restart);
        self.sporadic_unblock(tcb);
        if let Some(sc) = self.objs[tcb].sched_context {
            self.postpone_unless_available(sc);
        }
        self.wake_candidate(tcb);
    }

    /// Ends a thread whose last capability goes away; its own capabilities are deleted as a zombie's.
    pub(crate) fn finalise_tcb(&mut self, tcb: ObjRef<Tcb>) {
        self.unbind_notification(tcb);
        if let Some(sc) = self.objs[tcb].sched_context {
            self.unbind_sched_context(sc);
            if let Some(yielder) = self.objs[sc].yield_from {
                self.complete_yield_to(yielder);
            }
        }
        self.suspend(tcb);
        self.release_fpu(tcb);
        if self.config.profile.debug_calls {
            self.forget_thread(tcb);
        }
    }
}

#[cfg(not(target_os = "none"))]
impl<M: Machine> Kernel<M> {
    /// BOUND: a thread and its scheduling context, notification and YieldTo name each other.
    pub(crate) fn check_bonds(&self, tcb: ObjRef<Tcb>) {
        let thread = &self.objs[tcb];
        if let Some(sc) = thread.sched_context {
            assert_eq!(self.objs[sc].tcb, Some(tcb), "BOUND: {sc:?}");
        }
        if let Some(sc) = thread.yield_to {
            assert_eq!(self.objs[sc].yield_from, Some(tcb), "BOUND: YieldTo {sc:?}");
        }
        if let Some(notification) = thread.bound_notification {
            assert_eq!(self.objs[notification].bound_tcb, Some(tcb), "BOUND: {notification:?}");
        }
    }
}

#[cfg(test)]
mod tests;
