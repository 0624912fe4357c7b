// SPDX-License-Identifier: MIT OR Apache-2.0
//! Queues of threads blocked on an endpoint or a notification.
//!
//! ```text
//! head -> prio 200 <-> prio 200 <-> prio 17 <-> prio 0 <- tail      links: ipc_next, ipc_prev
//! ```
//!
//! Invariant kept: priorities descend from head to tail, and among equals the one queued first is nearer to the
//! head. A thread in no queue has no links.

use arch::Machine;

use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::tcb::Tcb;
use crate::sched::Queue;

impl<M: Machine> Kernel<M> {
    /// `queue` with `tcb` behind everybody of at least its priority.
    pub(crate) fn queue_by_priority(&mut self, mut queue: Queue, tcb: ObjRef<Tcb>) -> Queue {
        let priority = self.objs[tcb].priority;
        let mut before = queue.tail;
        let mut after = None;
        while let Some(other) = before {
            if self.objs[other].priority >= priority {
                break;
            }
            after = Some(other);
            before = self.objs[other].ipc_prev;
        }
        self.objs[tcb].ipc_prev = before;
        self.objs[tcb].ipc_next = after;
        self.link_neighbours(&mut queue, before, after, Some(tcb), Some(tcb));
        queue
    }

    /// `queue` without `tcb`, which is in it.
    #[inline]
    pub(crate) fn unqueue(&mut self, mut queue: Queue, tcb: ObjRef<Tcb>) -> Queue {
        let thread = &mut self.objs[tcb];
        let before = thread.ipc_prev.take();
        let after = thread.ipc_next.take();
        self.link_neighbours(&mut queue, before, after, after, before);
        queue
    }

    /// Makes `next` follow `before` (the queue itself if there is nobody) and `prev` precede `after`.
    #[inline]
    fn link_neighbours(
        &mut self,
        queue: &mut Queue,
        before: Option<ObjRef<Tcb>>,
        after: Option<ObjRef<Tcb>>,
        next: Option<ObjRef<Tcb>>,
        prev: Option<ObjRef<Tcb>>,
    ) {
        match before {
            Some(before) => self.objs[before].ipc_next = next,
            None => queue.head = next,
        }
        match after {
            Some(after) => self.objs[after].ipc_prev = prev,
            None => queue.tail = prev,
        }
    }
}

#[cfg(test)]
mod tests;
