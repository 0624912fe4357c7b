// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads.

use super::optional;
use crate::capability::{
    CNode, CPtr, Capability, Endpoint, Notification, SchedContext, SmallPage, Tcb, VSpace,
};
use crate::error::Error;
use crate::message::{Message, invoke, invoke_unit, invoke_word};
use abi::{GuardData, Label, Register, flags};

/// Does a thread go on once its registers were dealt with?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// It stays as it is.
    Keep,
    /// It is stopped (Read) or resumed (Write).
    Change,
}

/// What CopyRegisters does besides naming the two threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Copied {
    /// Suspend the source first.
    pub suspend_source: bool,
    /// Resume the target.
    pub resume_target: bool,
    /// Copy RIP to R15.
    pub frame: bool,
    /// Copy FS base and GS base.
    pub integer: bool,
}

impl Copied {
    fn word(self) -> u64 {
        let bit = |set: bool, flag: u64| if set { flag } else { 0 };
        bit(self.suspend_source, flags::COPY_SUSPEND_SOURCE)
            | bit(self.resume_target, flags::COPY_RESUME_TARGET)
            | bit(self.frame, flags::COPY_FRAME)
            | bit(self.integer, flags::COPY_INTEGER)
    }
}

/// The spaces of a thread.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// The root of its capability space.
    pub cspace: CNode,
    /// The guard that the copy of it gets; 0 keeps the guard it has.
    pub guard: GuardData,
    /// Its address space.
    pub vspace: VSpace,
}

/// How a thread is scheduled, and who hears of its faults.
#[derive(Clone, Copy, Debug)]
pub struct SchedParams {
    /// The highest priority it can give.
    pub mcp: u64,
    /// Its priority.
    pub priority: u64,
    /// The time it runs on.
    pub context: Option<SchedContext>,
    /// Where its faults go.
    pub fault_handler: Option<Endpoint>,
}

impl Tcb {
    /// Reads the first registers, as many as `registers` holds.
    #[doc(alias = "seL4_TCB_ReadRegisters")]
    pub fn read_registers(self, suspend: Flow, registers: &mut [u64]) -> Result<(), Error> {
        let flag = if suspend == Flow::Change { flags::READ_SUSPEND_SOURCE } else { 0 };
        let reply = invoke(self.0, Label::TcbReadRegisters, [flag, registers.len() as u64], [])?;
        for (register, value) in registers.iter_mut().enumerate().take(reply.info.length()) {
            *value = reply.word(register);
        }
        Ok(())
    }

    /// Writes the first registers, in the order of [`Register`].
    #[doc(alias = "seL4_TCB_WriteRegisters")]
    pub fn write_registers(self, resume: Flow, registers: &[u64]) -> Result<(), Error> {
        let mut words = [0; 2 + Register::COUNT];
        let count = registers.len().min(Register::COUNT);
        words[0] = if resume == Flow::Change { flags::WRITE_RESUME_TARGET } else { 0 };
        words[1] = count as u64;
        words[2..2 + count].copy_from_slice(&registers[..count]);
        Message::new(Label::TcbWriteRegisters.word(), &words[..2 + count]).invoke(self.0).map(|_| ())
    }

    /// Copies registers from `source` to this thread.
    #[doc(alias = "seL4_TCB_CopyRegisters")]
    pub fn copy_registers(self, source: Tcb, what: Copied) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbCopyRegisters, [what.word()], [source.cptr()])
    }

    /// Sets the spaces and the IPC buffer: its address, and the frame it lies in.
    #[doc(alias = "seL4_TCB_Configure")]
    pub fn configure(self, space: Space, buffer: Option<(u64, SmallPage)>) -> Result<(), Error> {
        let (address, frame) = buffer.map_or((0, CPtr::NULL), |(address, frame)| (address, frame.cptr()));
        let words = [space.guard.word(), 0, address];
        invoke_unit(self.0, Label::TcbConfigure, words, [space.cspace.cptr(), space.vspace.cptr(), frame])
    }

    /// Sets the priority; `authority` bounds it by its maximum controlled priority.
    #[doc(alias = "seL4_TCB_SetPriority")]
    pub fn set_priority(self, authority: Tcb, priority: u64) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbSetPriority, [priority], [authority.cptr()])
    }

    /// Sets the maximum controlled priority.
    #[doc(alias = "seL4_TCB_SetMCPriority")]
    pub fn set_mc_priority(self, authority: Tcb, mcp: u64) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbSetMcPriority, [mcp], [authority.cptr()])
    }

    /// Sets priorities, scheduling context and fault handler.
    #[doc(alias = "seL4_TCB_SetSchedParams")]
    pub fn set_sched_params(self, authority: Tcb, params: SchedParams) -> Result<(), Error> {
        let caps = [authority.cptr(), optional(params.context), optional(params.fault_handler)];
        invoke_unit(self.0, Label::TcbSetSchedParams, [params.mcp, params.priority], caps)
    }

    /// Sets who hears of timeouts.
    #[doc(alias = "seL4_TCB_SetTimeoutEndpoint")]
    pub fn set_timeout_endpoint(self, handler: Option<Endpoint>) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbSetTimeoutEndpoint, [], [optional(handler)])
    }

    /// Sets the IPC buffer: its address, and the frame it lies in.
    #[doc(alias = "seL4_TCB_SetIPCBuffer")]
    pub fn set_ipc_buffer(self, address: u64, frame: SmallPage) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbSetIpcBuffer, [address], [frame.cptr()])
    }

    /// Sets the fault handler and the spaces.
    #[doc(alias = "seL4_TCB_SetSpace")]
    pub fn set_space(self, fault_handler: Option<Endpoint>, space: Space) -> Result<(), Error> {
        let caps = [optional(fault_handler), space.cspace.cptr(), space.vspace.cptr()];
        invoke_unit(self.0, Label::TcbSetSpace, [space.guard.word(), 0], caps)
    }

    /// Stops the thread.
    #[doc(alias = "seL4_TCB_Suspend")]
    pub fn suspend(self) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbSuspend, [], [])
    }

    /// Makes the thread continue at its saved instruction.
    #[doc(alias = "seL4_TCB_Resume")]
    pub fn resume(self) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbResume, [], [])
    }

    /// Binds a notification, whose signals then reach the thread while it receives.
    #[doc(alias = "seL4_TCB_BindNotification")]
    pub fn bind_notification(self, notification: Notification) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbBindNotification, [], [notification.cptr()])
    }

    /// Dissolves that bond.
    #[doc(alias = "seL4_TCB_UnbindNotification")]
    pub fn unbind_notification(self) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbUnbindNotification, [], [])
    }

    /// Sets FS base.
    #[doc(alias = "seL4_TCB_SetTLSBase")]
    pub fn set_tls_base(self, address: u64) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbSetTlsBase, [address], [])
    }

    /// Clears flags, then sets flags; returns the flags there are now.
    #[doc(alias = "seL4_TCB_SetFlags")]
    pub fn set_flags(self, clear: u64, set: u64) -> Result<u64, Error> {
        invoke_word(self.0, Label::TcbSetFlags, [clear, set], [])
    }

    /// Takes the debug and benchmark calls away from the thread, for good: they are unknown system calls to it.
    pub fn forbid_debug(self) -> Result<(), Error> {
        invoke_unit(self.0, Label::TcbForbidDebug, [], [])
    }
}
