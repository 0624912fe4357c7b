// SPDX-License-Identifier: MIT OR Apache-2.0
//! The invariants of lib.rs as one function, for tests and fuzzing on a workstation.
//!
//! A *census* walks from what the kernel itself names (threads that run or are queued, interrupt slots, address
//! spaces) over capabilities and derivation links to every slot and object there is. Then every statement of the
//! table in lib.rs is checked for every one of them.
//!
//! Between events more holds than inside of one: the thread that runs can run, on the scheduling context that time
//! is charged to, and nobody ready is more important ([`Kernel::check_between_events`]).

mod census;
mod compare;

mod pages;

use std::collections::HashSet;

use abi::flags::TCB_FPU_DISABLED;
use arch::{FpuAccess, Machine};

use crate::Kernel;
use crate::cap::Cap;
use crate::cap::slot::{Mdb, Slot, SlotRef};
use crate::cap::tree::is_parent;
use crate::memory::objects::ObjRef;
use crate::object::tcb::{Tcb, ThreadState};
use crate::sched::Action;
pub use compare::Difference;

use census::Census;

impl<M: Machine> Kernel<M> {
    /// Panics unless MDB, QUEUED, READY, RELEASED, REFILLS, BOUND and TYPED hold for everything that is reachable, from
    /// `roots` among others: what the kernel and its threads may not know any more, but other capabilities may.
    pub fn check_invariants(&self, roots: &[Cap]) {
        let census = Census::take(self, roots);
        census.check_extents();
        self.check_mdb(&census.slots);
        self.check_queues();
        self.check_timer();
        self.check_irqs();
        self.check_vspaces();
        self.check_listed(&census.threads);
        for &tcb in &census.threads {
            self.check_bonds(tcb);
            self.check_thread_ipc(tcb);
            self.check_thread_ready(tcb);
            self.check_thread_references(&census, tcb);
        }
        for &sc in &census.contexts {
            self.check_refills(sc);
            self.check_call_chain(sc);
            self.check_context_references(&census, sc);
        }
        self.check_message_objects(&census);
        for &slot in &census.slots {
            self.check_untyped(slot);
        }
    }

    /// The same, and what takes longer: page tables and the contents of unused memory (ZEROED).
    pub fn check_memory(&self, roots: &[Cap]) {
        let census = Census::take(self, roots);
        self.check_pages(&census);
        for &slot in &census.slots {
            self.check_unused_memory(slot);
        }
    }

    /// Panics unless what holds only when an event has ended does.
    pub fn check_between_events(&self) {
        let sched = &self.sched;
        let current = &self.objs[sched.current];
        assert_eq!(sched.action, Action::ResumeCurrent, "nobody was chosen");
        assert_eq!(current.sched_context, Some(sched.current_sc), "time is charged to somebody else");
        assert!(current.yield_to.is_none(), "YieldTo has not ended");
        if sched.current == sched.idle {
            assert_eq!(sched.bitmap_top, 0, "idle while somebody is ready");
            return;
        }
        assert_eq!(current.state(), ThreadState::Running, "{:?} cannot run", sched.current);
        assert!(self.is_schedulable(sched.current), "{:?} may not run", sched.current);
        let is_disabled = u64::from(current.flags) & TCB_FPU_DISABLED != 0;
        let access = if is_disabled { FpuAccess::Disabled } else { FpuAccess::Enabled };
        assert_eq!(self.fpu_access, access, "access to the floating-point unit");
        assert!(is_disabled || self.fpu_owner == Some(sched.current), "somebody else's floating-point state");
        let first = (0..sched.ready.len()).rev().find(|&priority| sched.ready[priority].head.is_some());
        assert!(first.is_none_or(|first| first <= usize::from(current.priority)), "somebody else should run");
    }

    /// In profiles that print all threads, the list holds every thread, the idle one and no other.
    fn check_listed(&self, threads: &[ObjRef<Tcb>]) {
        if !self.config.profile.debug_calls {
            return;
        }
        let mut listed = HashSet::from([self.sched.idle]);
        let mut next = self.threads;
        while let Some(tcb) = next {
            assert!(listed.insert(tcb) || tcb == self.sched.idle, "{tcb:?} is listed twice");
            next = self.objs[tcb].list_next;
        }
        let known: HashSet<_> = threads.iter().copied().chain([self.sched.idle]).collect();
        assert_eq!(listed, known, "the list of all threads");
    }

    /// MDB for `slots`.
    pub(crate) fn check_mdb(&self, slots: &[SlotRef]) {
        for &slot in slots {
            let Slot { cap, mdb } = self.objs[slot];
            if cap.is_null() {
                assert_eq!(mdb, Mdb::default(), "MDB: {slot:?} is empty and linked");
                continue;
            }
            for neighbour in [mdb.prev(), mdb.next()].into_iter().flatten() {
                assert!(!self.objs[neighbour].is_empty(), "MDB: {slot:?} is linked to empty {neighbour:?}");
                assert_ne!(neighbour, slot, "MDB: {slot:?} is linked to itself");
            }
            if let Some(prev) = mdb.prev() {
                assert_eq!(self.objs[prev].mdb.next(), Some(slot), "MDB: {prev:?} and {slot:?}");
            }
            if let Some(next) = mdb.next() {
                assert_eq!(self.objs[next].mdb.prev(), Some(slot), "MDB: {slot:?} and {next:?}");
            }
        }
    }

    /// The descendants of an untyped lie below its free index.
    fn check_untyped(&self, slot: SlotRef) {
        let parent = self.objs[slot];
        let Cap::Untyped { base, free, .. } = parent.cap.unpack() else { return };
        let mut next = parent.mdb.next();
        while let Some(child) = next
            && is_parent(&parent, &self.objs[child])
        {
            let extent = self.objs[child].cap.unpack().extent();
            let extent = extent.expect("an untyped is the parent of memory only");
            assert!(extent.last < base.0 + free, "TYPED: {extent:x?} is in unused memory of {slot:?}");
            next = self.objs[child].mdb.next();
        }
    }

    /// ZEROED: memory that an untyped has not given away is zero.
    fn check_unused_memory(&self, slot: SlotRef) {
        let Cap::Untyped { base, size_bits, is_device: false, free } = self.objs[slot].cap.unpack() else {
            return;
        };
        let unused = self.objs.bytes_in(base.0 + free..base.0 + (1 << size_bits));
        // All of it is read, which takes less time than to ask at every byte whether to go on.
        assert!(unused.iter().fold(0, |any, byte| any | byte) == 0, "ZEROED: unused memory of {slot:?}");
    }
}
