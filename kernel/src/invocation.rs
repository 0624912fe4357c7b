// SPDX-License-Identifier: MIT OR Apache-2.0
//! From an invoked capability to the object file that knows its invocations.
//!
//! Endpoints, notifications, reply objects and signal caps are not here: their label is not looked at, and how
//! they act depends on the system call (syscall.rs).

use arch::Machine;

use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{Preempted, SyscallError};
use crate::memory::objects::ObjRef;
use crate::object::{
    asid, cache, cnode, domain, frame, instance_control, io_page_table, io_port, irq, sched_context,
    sched_control, table, tcb, untyped,
};

/// A decoded invocation: resolved handles, ready to be executed.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {
    /// Untyped
    Untyped(untyped::Invocation),
    /// CNode
    CNode(cnode::Invocation),
    /// TCB
    Tcb(tcb::Invocation),
    /// IRQControl and IRQHandler
    Irq(irq::Invocation),
    /// Domain
    Domain(domain::Invocation),
    /// SchedControl
    SchedControl(sched_control::Invocation),
    /// SchedContext
    SchedContext(sched_context::Invocation),
    /// Tables
    Table(table::Invocation),
    /// Frames
    Frame(frame::Invocation),
    /// Caches of frames and address spaces
    Cache(cache::Invocation),
    /// ASIDControl and ASIDPool
    Asid(asid::Invocation),
    /// IOPortControl and IOPort
    IoPort(io_port::Invocation),
    /// IO page tables
    IoPageTable(io_page_table::Invocation),
    /// InstanceControl
    InstanceControl(instance_control::Invocation),
}

/// What a successful invocation answers to a caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    /// An empty message.
    Done,
    /// One word.
    Word(u64),
    /// A time, in as many words as it takes.
    Time(u64),
    /// The first `count` registers of a thread.
    Registers {
        /// Whose.
        source: ObjRef<tcb::Tcb>,
        /// How many, from 1 to all.
        count: usize,
    },
    /// Nothing now: the operation fills the result in later, if the caller still waits for it.
    Later,
}

impl<M: Machine> Kernel<M> {
    /// Decodes an invocation of `cap`, found in `slot`.
    pub(crate) fn decode_invocation(
        &self,
        slot: SlotRef,
        cap: Cap,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        match cap {
            Cap::Untyped { .. } => self.decode_untyped(slot, cap, args).map(Invocation::Untyped),
            Cap::CNode { .. } => self.decode_cnode(cap, args).map(Invocation::CNode),
            Cap::Thread(tcb) => self.decode_tcb(tcb, slot, args).map(Invocation::Tcb),
            Cap::IrqControl => self.decode_irq_control(slot, args).map(Invocation::Irq),
            Cap::IrqHandler(irq) => self.decode_irq_handler(irq, args).map(Invocation::Irq),
            Cap::Domain => self.decode_domain(args).map(Invocation::Domain),
            Cap::SchedControl { node } => self.decode_sched_control(node, args).map(Invocation::SchedControl),
            Cap::SchedContext { sc, .. } => self.decode_sched_context(sc, args).map(Invocation::SchedContext),
            Cap::Table { .. } => self.decode_table(slot, cap, args).map(Invocation::Table),
            Cap::Frame { .. } if cache::is_of_frames(args.label_word()) => {
                self.decode_frame_cache(cap, args).map(Invocation::Cache)
            }
            Cap::Frame { .. } => self.decode_frame(slot, cap, args).map(Invocation::Frame),
            Cap::AsidControl => self.decode_asid_control(args).map(Invocation::Asid),
            Cap::AsidPool { pool, base } => self.decode_asid_pool(pool, base, args).map(Invocation::Asid),
            Cap::IoPortControl => self.decode_io_port_control(slot, args).map(Invocation::IoPort),
            Cap::IoPort { first, last } => self.decode_io_port(first, last, args).map(Invocation::IoPort),
            Cap::InstanceControl { instance } => {
                self.decode_instance_control(instance, args).map(Invocation::InstanceControl)
            }
            Cap::IoPageTable { .. } => self.decode_io_page_table(args).map(Invocation::IoPageTable),
            Cap::VSpace { root, asid } => self.decode_vspace(root, asid, args).map(Invocation::Cache),
            Cap::Null
            | Cap::Zombie { .. }
            | Cap::Endpoint { .. }
            | Cap::Notification { .. }
            | Cap::Reply { .. }
            | Cap::LineSignal { .. } => Err(SyscallError::InvalidCapability(0)),
        }
    }

    /// Executes a decoded invocation.
    pub(crate) fn execute_invocation(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {
            Invocation::Untyped(invocation) => self.execute_untyped(invocation),
            Invocation::CNode(invocation) => self.execute_cnode(invocation),
            Invocation::Tcb(invocation) => self.execute_tcb(invocation),
            Invocation::Irq(invocation) => self.execute_irq(invocation),
            Invocation::Domain(invocation) => self.execute_domain(invocation),
            Invocation::SchedControl(invocation) => self.execute_sched_control(invocation),
            Invocation::SchedContext(invocation) => self.execute_sched_context(invocation),
            Invocation::Table(invocation) => self.execute_table(invocation),
            Invocation::Frame(invocation) => self.execute_frame(invocation),
            Invocation::Cache(invocation) => self.execute_cache(invocation),
            Invocation::Asid(invocation) => self.execute_asid(invocation),
            Invocation::IoPort(invocation) => self.execute_io_port(invocation),
            Invocation::IoPageTable(invocation) => Ok(self.execute_io_page_table(invocation)),
            Invocation::InstanceControl(invocation) => self.execute_instance_control(invocation),
        }
    }
}
