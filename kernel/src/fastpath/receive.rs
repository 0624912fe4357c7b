// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calls that send nothing: Wait, NBWait and Recv that find what they wait for, Wait that blocks, Yield, and the
//! call that does nothing at all.
//!
//! Where the current thread goes on, its time is charged later. Where it does not, the thread that is first among the
//! ready ones runs, or, in a Wait, nobody.

use abi::Syscall;
use arch::Machine;

use super::{Arrival, CAPS_MASK, Progress, SHAPE_MASK, SHORT};
use crate::memory::objects::ObjRef;
use crate::object::endpoint::{Endpoint, EndpointState};
use crate::object::notification::{Notification, NotificationState};
use crate::object::reply::Reply;
use crate::object::tcb::{SendFlags, Tcb, TcbSlot, ThreadState};
use crate::{Kernel, Resume};

impl<M: Machine> Kernel<M> {
    /// Calls other than Call, ReplyRecv, Send and NBSend.
    #[inline(always)]
    pub(super) fn fast_other(&mut self, cptr: u64) -> Option<Progress> {
        const NULL: u64 = Syscall::BenchmarkNullSyscall.word();
        const WAIT: u64 = Syscall::Wait.word();
        const NB_WAIT: u64 = Syscall::NBWait.word();
        const RECV: u64 = Syscall::Recv.word();
        const YIELD: u64 = Syscall::Yield.word();
        match self.objs[self.sched.current].context.syscall_number() {
            NULL if self.config.profile.benchmarks => Some(Progress::Done),
            WAIT => self.fast_wait(cptr, true),
            NB_WAIT => self.fast_wait(cptr, false),
            RECV => Some(Progress::Receive { cptr }),
            YIELD => Some(Progress::Yield),
            _ => None,
        }
    }

    /// Wait and NBWait at a notification.
    #[inline(always)]
    fn fast_wait(&mut self, cptr: u64, blocks: bool) -> Option<Progress> {
        let current = self.sched.current;
        let slot = self.objs[current].slots[TcbSlot::CSpace as usize].cap.plain_slot(cptr)?;
        let notification = self.objs[slot].cap.waitable_notification()?;
        let object = &self.objs[notification];
        if object.bound_tcb.is_some_and(|bound| bound != current) {
            return None;
        }
        let badge = match object.state() {
            NotificationState::Active => object.word,
            _ if !blocks => 0,
            NotificationState::Idle if object.sched_context.is_none() => {
                return Some(Progress::Wait { notification });
            }
            _ => return None,
        };
        if object.is_active() {
            let object = &mut self.objs[notification];
            object.word = 0;
            object.set_state(NotificationState::Idle);
        }
        self.objs[current].context.set_badge(badge);
        Some(Progress::Done)
    }

    /// Wait at a notification where nobody waits and no signal is: the next ready thread runs, or nobody.
    #[inline(always)]
    pub(super) fn fast_block(&mut self, notification: ObjRef<Notification>) -> Option<Resume> {
        if self.sched.bitmap_top == 0 {
            return self.fast_idle(notification);
        }
        let next = self.fast_next()?;
        self.wait_for_signal(notification);
        Some(Resume::Thread(self.run_next(next)))
    }

    /// The same where nobody is ready. The idle thread has no time of its own to look after.
    #[inline(always)]
    fn fast_idle(&mut self, notification: ObjRef<Notification>) -> Option<Resume> {
        let idle = self.sched.idle;
        let sc = self.objs[idle].sched_context?;
        self.fast_charge()?;
        self.wait_for_signal(notification);
        self.save_bases(self.sched.current);
        self.sched.current = idle;
        self.sched.current_sc = sc;
        self.set_timer();
        Some(Resume::Idle)
    }

    #[inline(always)]
    fn wait_for_signal(&mut self, notification: ObjRef<Notification>) {
        let current = self.sched.current;
        let object = &mut self.objs[notification];
        object.head = Some(current);
        object.tail = Some(current);
        object.set_state(NotificationState::Waiting);
        let thread = &mut self.objs[current];
        thread.blocked_on = notification.paddr().0;
        thread.set_state_raw(ThreadState::BlockedOnNotification);
    }

    /// Recv at an endpoint where a sender waits whose message fits into registers.
    #[inline(always)]
    pub(super) fn fast_recv(&mut self, cptr: u64) -> Option<Arrival> {
        let current = self.sched.current;
        let thread = &self.objs[current];
        let cspace = thread.slots[TcbSlot::CSpace as usize].cap;
        let endpoint = self.objs[cspace.plain_slot(cptr)?].cap.receivable_endpoint()?;
        let reply = self.objs[cspace.plain_slot(thread.context.reply_register())?].cap.reply_object()?;
        let sender = self.objs[endpoint].first_sender()?;
        let partner = &self.objs[sender];
        let info = partner.context.info_register();
        if thread.bound_notification.is_some()
            || self.objs[reply].tcb.is_some()
            || info & SHAPE_MASK > SHORT
            || partner.fault.is_some()
        {
            return None;
        }
        let (badge, flags) = (partner.badge, partner.send_flags);
        self.take_sender(endpoint, sender, reply, flags)?;
        let words = self.pass_few_words(sender, current, info & SHAPE_MASK);
        Some(Arrival { thread: current, badge, info: info & !CAPS_MASK, words })
    }

    /// Takes the first sender out of its queue: a caller waits for its answer, another becomes ready.
    #[inline(always)]
    fn take_sender(
        &mut self,
        endpoint: ObjRef<Endpoint>,
        sender: ObjRef<Tcb>,
        reply: ObjRef<Reply>,
        flags: SendFlags,
    ) -> Option<()> {
        let calls = flags.has(SendFlags::CALL);
        if !self.can_be_ready(sender) || calls && !flags.may_be_answered() {
            return None;
        }
        self.pop_sender(endpoint, sender);
        if calls {
            self.objs[reply].tcb = Some(sender);
            self.objs[sender].reply = Some(reply);
            self.objs[sender].set_state_raw(ThreadState::BlockedOnReply);
        } else {
            self.objs[sender].set_state_raw(ThreadState::Running);
            self.enqueue_ready(sender);
        }
        Some(())
    }

    /// Takes `sender`, the first of the queue, out of it.
    #[inline(always)]
    fn pop_sender(&mut self, endpoint: ObjRef<Endpoint>, sender: ObjRef<Tcb>) {
        match self.objs[sender].ipc_next.take() {
            None => self.objs[endpoint] = Endpoint::default(),
            Some(next) => {
                self.objs[next].ipc_prev = None;
                self.objs[endpoint].set_head(next, EndpointState::Sending);
            }
        }
    }

    /// Yield of a thread whose slice is renewed.
    #[inline(always)]
    pub(super) fn fast_yield(&mut self) -> Option<ObjRef<Tcb>> {
        let (current, sc) = (self.sched.current, self.sched.current_sc);
        let context = &self.objs[sc];
        if !context.is_round_robin() || !self.is_configured(sc) {
            return None;
        }
        let is_alone = self.sched.highest_ready().is_none_or(|ready| ready < self.objs[current].priority);
        if is_alone {
            self.fast_charge()?;
            self.renew_slice(sc);
            return Some(current);
        }
        let next = self.fast_next()?;
        self.renew_slice(sc);
        self.enqueue_tail(current);
        Some(self.run_next(next))
    }
}
