// SPDX-License-Identifier: MIT OR Apache-2.0
//! Doorbells that end a wait: signals from other instances while nobody runs.
//!
//! All signals are taken as on the slow path. Where nobody runs, whoever is woken needs to be compared with nobody: so
//! the scheduler is not told of a thread before there is a second one, or another reason to choose. If there is none,
//! the only thread that can run runs.

use abi::status::Word as StatusWord;
use arch::{Machine, PhysAddr, Ticks};

use super::Progress;
use crate::memory::objects::ObjRef;
use crate::object::irq::Irq;
use crate::object::line::Line;
use crate::object::notification::Notification;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, ThreadState};
use crate::sched::Action;
use crate::{Kernel, Resume};

/// A thread that has got its signal, and of which the scheduler knows nothing yet.
#[derive(Clone, Copy)]
struct Woken {
    thread: ObjRef<Tcb>,
    notification: ObjRef<Notification>,
}

impl<M: Machine> Kernel<M> {
    /// Takes what a doorbell stands for, if nobody runs.
    #[inline(always)]
    pub(super) fn fast_doorbell(&mut self) -> Option<Resume> {
        if !self.is_idle() {
            return None;
        }
        let inbox = self.inbox?;
        self.update_time();
        let mut counted = StatusWord::SpuriousDoorbells;
        let mut woken = None;
        inbox.take(|from, lines| {
            counted = StatusWord::DoorbellsTaken;
            for line in ipi::Line::each(lines) {
                let line = Line(line.number() as u8);
                self.deliver_while_idle(Irq::of_line(from as u8, line), &mut woken);
            }
        });
        self.count([counted]);
        self.machine.end_of_interrupt();
        match woken {
            Some(woken) => Some(self.choose_woken(woken)),
            None => Some(self.finish_apart()),
        }
    }

    /// Delivers a line; whoever was woken before goes the scheduler's way if this wakes somebody too.
    #[inline(always)]
    fn deliver_while_idle(&mut self, irq: Irq, woken: &mut Option<Woken>) {
        self.count([StatusWord::LinesDelivered]);
        let cap = self.objs[self.irq_slot(irq)].cap;
        let Some(notification) = cap.signallable_notification() else { return };
        if let Some(Progress::Signal { waiter, badge, .. }) = self.keep_signal(notification, cap.word1) {
            self.give_signal(notification, waiter, badge);
            self.objs[waiter].set_state_raw(ThreadState::Running);
            if let Some(earlier) = woken.replace(Woken { thread: waiter, notification }) {
                self.propose(earlier);
            }
        }
    }

    /// The rest of waking a thread with a signal.
    #[inline(never)]
    fn propose(&mut self, Woken { thread, notification }: Woken) {
        self.lend_from_notification(notification, thread);
        self.sporadic_unblock(thread);
        self.wake_candidate(thread);
    }

    /// Lets the thread woken last run if nobody else can.
    #[inline(always)]
    fn choose_woken(&mut self, woken: Woken) -> Resume {
        match self.only_choice(woken.thread) {
            Some((sc, root)) => Resume::Thread(self.end_idling(woken.thread, sc, root)),
            None => {
                self.propose(woken);
                self.finish_apart()
            }
        }
    }

    /// The scheduling context and the address space of `thread`, if it can run and nobody else can.
    #[inline(always)]
    fn only_choice(&self, thread: ObjRef<Tcb>) -> Option<(ObjRef<SchedContext>, PhysAddr)> {
        let woken = &self.objs[thread];
        let sc = woken.sched_context?;
        if self.sched.action != Action::ResumeCurrent
            || woken.in_release_queue != 0
            || !self.is_configured(sc)
            || self.is_release_due(self.sched.now)
        {
            return None;
        }
        Some((sc, self.fast_root(thread)?))
    }

    /// Makes `thread` run instead of the idle thread, whose time is charged to nobody.
    #[inline(always)]
    fn end_idling(&mut self, thread: ObjRef<Tcb>, sc: ObjRef<SchedContext>, root: PhysAddr) -> ObjRef<Tcb> {
        self.sched.current = thread;
        self.enter_thread_context(thread, root);
        self.sched.consumed = Ticks::ZERO;
        self.unblock_check(sc);
        self.sched.current_sc = sc;
        self.set_timer();
        thread
    }

    /// The end of an event, in a copy of its own.
    #[inline(never)]
    fn finish_apart(&mut self) -> Resume {
        self.finish()
    }
}
