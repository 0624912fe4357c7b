// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deleting and revoking: the end of capabilities and of the objects they keep alive.
//!
//! Deleting the last capability to a CNode or TCB turns it into a *zombie*: a capability that counts down the slots
//! of the object as they are emptied. All progress is in zombies, so a preempted deletion goes on from wherever its
//! zombie was moved to. One step empties at most one slot, and nothing recurses: when the last slot of a zombie
//! holds the last capability to a further CNode or TCB, that slot becomes the place where all further objects are
//! taken apart, one at a time, while the zombie of an outer one waits in the first slot of an inner one.
//!
//! ```text
//! slot:    zombie A (n)                slot:    zombie A (n)
//! A[n-1]:  zombie B (m)       ==>      A[n-1]:  zombie C (k)
//! B[m-1]:  last cap to C               C[0]:    zombie B (m)
//! C[0]:    cap x                       B[m-1]:  cap x
//! ```
//!
//! Objects go away from the top slot down, so `C[0]` is emptied last, and that puts the zombie of B back.
//!
//! A slot may lie inside what its own capability keeps alive. When such a slot is met, the zombie of A moves out of
//! it into `A[0]`, which is emptied last and is not inside any of the inner objects, or into `A[1]` when only `A[0]`
//! is left. It keeps its place in the derivation order all the time, so that a revocation that was preempted
//! finds it again, and through it everything inside.

use abi::limits::WORK_UNITS_PER_PREEMPTION;
use arch::Machine;

use super::Cap;
use super::slot::SlotRef;
use crate::Kernel;
use crate::error::Preempted;
use crate::object::tcb::TCB_SLOTS;

/// A zombie, unpacked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Zombie {
    slots: SlotRef,
    radix: u8,
    remaining: usize,
}

impl Zombie {
    const fn cap(self) -> Cap {
        Cap::Zombie { slots: self.slots, radix: self.radix, remaining: self.remaining }
    }

    /// Whether nothing is left but perhaps the slot that holds the zombie itself.
    fn is_done(self, holder: SlotRef) -> bool {
        self.remaining == 0 || self.remaining == 1 && holder == self.slots
    }

    /// The slot to empty next, while there is one.
    const fn last(self) -> SlotRef {
        self.slots.element(self.remaining.saturating_sub(1))
    }

    /// The zombie when its last slot is empty.
    const fn without_last(self) -> Self {
        Self { remaining: self.remaining.saturating_sub(1), ..self }
    }
}

/// A zombie and the slot that holds it.
#[derive(Clone, Copy)]
struct Held {
    slot: SlotRef,
    zombie: Zombie,
}

impl<M: Machine> Kernel<M> {
    /// Deletes the capability in `slot`, and with the last one the object.
    #[doc(alias = "cteDelete")]
    pub(crate) fn delete_cap(&mut self, slot: SlotRef) -> Result<(), Preempted> {
        let Some(zombie) = self.finalise_slot(slot) else {
            return Ok(());
        };
        let mut outer = Held { slot, zombie };
        while !outer.zombie.is_done(outer.slot) {
            outer = self.delete_step(outer);
            self.preemption_point()?;
        }
        self.empty_slot(outer.slot);
        Ok(())
    }

    /// Deletes all descendants of the capability in `slot`.
    #[doc(alias = "cteRevoke")]
    pub(crate) fn revoke_cap(&mut self, slot: SlotRef) -> Result<(), Preempted> {
        while let Some(child) = self.first_child(slot) {
            self.delete_cap(child)?;
            self.preemption_point()?;
        }
        Ok(())
    }

    /// Deletes the capability in `slot`, which is neither of a CNode nor of a TCB: that never takes steps.
    #[doc(alias = "cteDeleteOne")]
    pub(crate) fn delete_simple_cap(&mut self, slot: SlotRef) {
        let zombie = self.finalise_slot(slot);
        debug_assert_eq!(zombie, None, "deleting the capability in {slot:?} takes steps");
    }

    /// Whether deleting the capability in `slot` takes steps: the last one to a CNode or TCB, or a zombie.
    #[doc(alias = "slotCapLongRunningDelete")]
    pub(crate) fn is_long_delete(&self, slot: SlotRef) -> bool {
        match self.objs[slot].cap.unpack() {
            Cap::CNode { .. } | Cap::Thread(_) => self.is_final(slot),
            Cap::Zombie { .. } => true,
            _ => false,
        }
    }

    /// A place where a long operation may stop, because everything is consistent and progress is stored.
    #[doc(alias = "preemptionPoint")]
    #[inline]
    pub(crate) fn preemption_point(&mut self) -> Result<(), Preempted> {
        self.sched.work_units += 1;
        if self.sched.work_units < WORK_UNITS_PER_PREEMPTION {
            return Ok(());
        }
        self.sched.work_units = 0;
        self.update_time();
        if self.machine.has_pending_interrupt() || !self.has_budget() {
            return Err(Preempted);
        }
        Ok(())
    }

    /// Empties the last slot of `outer`, or comes closer to that. Returns the zombie, and where it is, afterwards.
    fn delete_step(&mut self, outer: Held) -> Held {
        let slot = outer.zombie.last();
        if slot == outer.slot {
            return self.move_to(outer, outer.zombie.slots);
        }
        match self.finalise_slot(slot) {
            Some(zombie) => self.delete_inner_step(outer, Held { slot, zombie }),
            None => self.hold(Held { zombie: outer.zombie.without_last(), ..outer }),
        }
    }

    /// The same for an object inside: `inner` is in the last slot of `outer`.
    fn delete_inner_step(&mut self, outer: Held, inner: Held) -> Held {
        let last = inner.zombie.last();
        if last == outer.slot {
            return self.leave_inner(outer, inner);
        }
        let Some(further) = self.finalise_slot(last) else {
            self.hold(Held { zombie: inner.zombie.without_last(), ..inner });
            return outer;
        };
        if further.slots == outer.slot {
            return self.leave_inner(outer, inner);
        }
        self.exchange(inner.slot, last);
        if inner.zombie.is_done(last) {
            self.empty_slot(last);
        } else {
            self.exchange(last, further.slots);
        }
        outer
    }

    /// Moves the zombie of `outer` out of a slot of an object inside; `inner` is in the last slot of `outer`.
    fn leave_inner(&mut self, outer: Held, inner: Held) -> Held {
        let slots = outer.zombie.slots;
        // When `inner` is in the first slot, nothing else is left of `outer`: the second is empty.
        self.move_to(outer, if inner.slot == slots { slots.element(1) } else { slots })
    }

    /// Moves the zombie of `outer` into `slot`, one of its own object.
    fn move_to(&mut self, outer: Held, slot: SlotRef) -> Held {
        self.exchange(outer.slot, slot);
        Held { slot, ..outer }
    }

    /// Stores the progress of a zombie.
    fn hold(&mut self, held: Held) -> Held {
        self.objs[held.slot].cap = held.zombie.cap().pack();
        held
    }

    /// Exchanges the capabilities of two slots, with their places in the derivation order.
    fn exchange(&mut self, a: SlotRef, b: SlotRef) {
        let (cap_a, cap_b) = (self.objs[a].cap.unpack(), self.objs[b].cap.unpack());
        self.swap_caps(cap_a, a, cap_b, b);
    }

    /// Empties `slot`, unless that takes steps: then it holds the zombie returned.
    fn finalise_slot(&mut self, slot: SlotRef) -> Option<Zombie> {
        match self.finalise(slot) {
            Some(zombie) if !zombie.is_done(slot) => Some(self.hold(Held { slot, zombie }).zombie),
            _ => {
                self.empty_slot(slot);
                None
            }
        }
    }

    /// Does to the world what the end of the capability in `slot` means, short of emptying slots.
    #[doc(alias = "finaliseCap")]
    fn finalise(&mut self, slot: SlotRef) -> Option<Zombie> {
        let cap = self.objs[slot].cap.unpack();
        if matches!(cap, Cap::Notification { .. }) {
            self.close_line_of(slot);
        }
        match cap {
            Cap::Frame { .. } => self.finalise_frame(cap),
            Cap::Zombie { slots, radix, remaining } => return Some(Zombie { slots, radix, remaining }),
            Cap::Null
            | Cap::Untyped { .. }
            | Cap::SchedControl { .. }
            | Cap::IrqControl
            | Cap::Domain
            | Cap::AsidControl
            | Cap::IoPortControl
            | Cap::LineSignal { .. }
            | Cap::InstanceControl { .. } => {}
            _ if self.is_final(slot) => return self.finalise_last(cap),
            _ => {}
        }
        None
    }

    /// Ends the object of its last capability.
    fn finalise_last(&mut self, cap: Cap) -> Option<Zombie> {
        match cap {
            Cap::CNode { slots, radix, .. } => return Some(Zombie { slots, radix, remaining: 1 << radix }),
            Cap::Thread(tcb) => {
                self.finalise_tcb(tcb);
                return Some(Zombie { slots: tcb.slots(), radix: 0, remaining: TCB_SLOTS });
            }
            Cap::Endpoint { endpoint, .. } => self.cancel_all_ipc(endpoint),
            Cap::Notification { notification, .. } => self.finalise_notification(notification),
            Cap::Reply { reply, .. } => self.finalise_reply(reply),
            Cap::SchedContext { sc, .. } => self.finalise_sched_context(sc),
            Cap::IrqHandler(irq) => self.finalise_irq_handler(irq),
            Cap::Table { .. } => self.finalise_table(cap),
            Cap::VSpace { root, asid } => self.finalise_vspace(root, asid),
            Cap::AsidPool { pool, base } => self.finalise_asid_pool(pool, base),
            Cap::IoPort { first, last } => self.finalise_io_port(first, last),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests;
