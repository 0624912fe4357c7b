// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random system calls, faults and invocations, in the kernel and in the model.
//!
//! Servers wait without scheduling contexts, so that calls of calls hand a context on and answers bring it back, while
//! others suspend, rebind and delete in the middle.

mod model;

use abi::{Label, MessageInfo, Register, Rights, Syscall};

use model::{Doing, Half, Model, Receive, Send, Target, Thread};

use crate::Event;
use crate::cap::Cap;
use crate::ipc::testing::World;
use crate::memory::objects::ObjRef;
use crate::object::endpoint::{Endpoint, Receive as ReceiveIpc};
use crate::object::notification::Notification;
use crate::object::reply::Reply;
use crate::object::sched_context::{Invocation as ContextInvocation, SchedContext};
use crate::object::tcb::{Invocation as TcbInvocation, Tcb, TcbSlot, ThreadState};
use crate::testing::{Random, set_registers};

const THREADS: usize = 18;
/// Those from here on start without a scheduling context.
const FIRST_PASSIVE: usize = 5;
const ENDPOINTS: usize = 6;
const NOTIFICATIONS: usize = 3;
const REPLIES: usize = 16;
const PRIORITIES: usize = 4;
/// Messages have labels from here on, which are those of no invocation.
const FIRST_LABEL: u64 = 1 << 16;

/// Rights and badges of the capabilities to each endpoint, and to each notification.
const ENDPOINT_CAPS: [(u64, Rights); 5] = [
    (0, Rights::ALL),
    (7, Rights::ALL),
    (8, Rights(Rights::WRITE.0 | Rights::GRANT_REPLY.0)),
    (9, Rights::WRITE),
    (0, Rights::READ),
];
const NOTIFICATION_CAPS: [(u64, Rights); 3] =
    [(1, Rights::READ_WRITE), (6, Rights::WRITE), (0, Rights::READ_WRITE)];

/// The kernel, the model, and what is the same in both.
struct Pair {
    world: World,
    model: Model,
    random: Random,
    threads: Vec<ObjRef<Tcb>>,
    contexts: Vec<ObjRef<SchedContext>>,
    endpoints: Vec<ObjRef<Endpoint>>,
    notifications: Vec<ObjRef<Notification>>,
    replies: Vec<ObjRef<Reply>>,
    /// What the slots of the CSpace hold.
    targets: Vec<Target>,
    /// The last step, for messages.
    step: String,
    label: u64,
    longest_chain: usize,
}

fn interrupt() -> Event {
    Event::Interrupt(abi::vector::TIMER)
}

impl Pair {
    fn new(seed: u64) -> Self {
        let mut world = World::new();
        let mut random = Random::new(seed);
        let mut models = Vec::new();
        let mut threads = Vec::new();
        let mut contexts = Vec::new();
        for index in 0..THREADS {
            let priority = random.below(PRIORITIES) as u8;
            let tcb = world.thread(priority);
            world.kernel.objs[tcb].mcp = u8::MAX;
            contexts.push(world.sc(tcb).expect("a new thread has a context"));
            threads.push(tcb);
            models.push(Thread {
                doing: Doing::Nothing,
                priority,
                context: (index < FIRST_PASSIVE).then_some(index),
                bound: None,
                yields_to: None,
                fault: None,
                handler: None,
                badge: world.message_of(tcb).0,
                info: world.message_of(tcb).1,
            });
        }
        let model = Model::new(models, ENDPOINTS, NOTIFICATIONS, REPLIES);
        let mut pair = Self {
            world,
            model,
            random,
            threads,
            contexts,
            endpoints: Vec::new(),
            notifications: Vec::new(),
            replies: Vec::new(),
            targets: vec![Target::Nothing],
            step: String::new(),
            label: FIRST_LABEL,
            longest_chain: 0,
        };
        pair.place_objects();
        for &sc in &pair.contexts[FIRST_PASSIVE..] {
            pair.world.kernel.unbind_sched_context(sc);
        }
        for index in 0..THREADS {
            pair.set_handler(index);
        }
        pair
    }

    fn place_objects(&mut self) {
        for endpoint in 0..ENDPOINTS {
            let object = self.world.object(4);
            self.endpoints.push(object);
            for (badge, rights) in ENDPOINT_CAPS {
                self.world.put(self.targets.len(), Cap::Endpoint { endpoint: object, badge, rights });
                self.targets.push(Target::Endpoint { endpoint, badge, rights });
            }
        }
        for notification in 0..NOTIFICATIONS {
            let object = self.world.object(6);
            self.notifications.push(object);
            for (badge, rights) in NOTIFICATION_CAPS {
                self.world.put(self.targets.len(), Cap::Notification { notification: object, badge, rights });
                self.targets.push(Target::Notification { notification, badge, rights });
            }
        }
        for reply in 0..REPLIES {
            let object = self.world.reply(self.targets.len());
            self.replies.push(object);
            self.targets.push(Target::Reply(reply));
        }
        for (context, &sc) in self.contexts.iter().enumerate().take(FIRST_PASSIVE) {
            self.world.put(self.targets.len(), Cap::SchedContext { sc, size_bits: 7 });
            self.targets.push(Target::Context(context));
        }
    }

    /// Two of three threads have a fault handler; half of those allow no more than an answer.
    fn set_handler(&mut self, thread: usize) {
        let endpoint = self.random.below(ENDPOINTS);
        let (badge, rights) = [(7, Rights::ALL), (8, ENDPOINT_CAPS[2].1)][thread % 2];
        if !thread.is_multiple_of(3) {
            let cap = Cap::Endpoint { endpoint: self.endpoints[endpoint], badge, rights };
            self.world.kernel.objs[self.threads[thread].slot(TcbSlot::FaultHandler)].cap = cap.pack();
            self.model.threads[thread].handler = Some((endpoint, Send { badge, rights, is_call: false }));
        }
    }

    /// A slot of the kind wanted, seldom any.
    fn slot(&mut self, is_wanted: impl Fn(Target) -> bool) -> usize {
        let wanted = |&slot: &usize| is_wanted(self.targets[slot]);
        let slots: Vec<usize> = (0..self.targets.len()).filter(wanted).collect();
        match self.random.below(24) {
            0 => self.random.below(self.targets.len()),
            _ => slots[self.random.below(slots.len())],
        }
    }

    /// The reply object of the caller that the current thread owes an answer first.
    fn owed(&self, thread: usize) -> Option<usize> {
        let top = *self.model.contexts[self.model.threads[thread].context?].chain.last()?;
        self.targets.iter().position(|&target| target == Target::Reply(top))
    }

    /// An endpoint where a thread without a scheduling context waits to be called.
    fn passive_server(&mut self) -> Option<usize> {
        let waits = |queue: &Vec<usize>| {
            queue.first().is_some_and(|&first| {
                let thread = &self.model.threads[first];
                thread.context.is_none() && matches!(thread.doing, Doing::Receiving { reply: Some(_), .. })
            })
        };
        let endpoint = self.model.endpoints.iter().position(waits)?;
        self.targets.iter().position(|&target| {
            matches!(target, Target::Endpoint { endpoint: found, badge: 7, .. } if found == endpoint)
        })
    }

    fn free_reply(&mut self) -> usize {
        let free = self.model.replies.iter().position(Option::is_none).unwrap_or(0);
        let slot = self.targets.iter().position(|&target| target == Target::Reply(free)).unwrap_or(0);
        if self.random.below(6) == 0 { self.slot(|target| matches!(target, Target::Reply(_))) } else { slot }
    }

    /// Any call; for a while mostly calls, then mostly answers, so that chains grow and shrink.
    fn pick_call(&mut self) -> Syscall {
        let usual = if (self.label / 64).is_multiple_of(2) { Syscall::Call } else { Syscall::ReplyRecv };
        match self.random.below(120) {
            choice @ 0..11 => Syscall::ALL[choice],
            11..13 => Syscall::Recv,
            _ => usual,
        }
    }

    fn make_syscall(&mut self, current: usize) {
        let is_endpoint = |target| matches!(target, Target::Endpoint { .. });
        let is_source = |target| matches!(target, Target::Endpoint { .. } | Target::Notification { .. });
        let is_object = |target| target != Target::Nothing;
        let call = self.pick_call();
        let mut target = match call {
            Syscall::Send | Syscall::NBSend => self.slot(is_object),
            Syscall::Call if self.random.below(8) > 0 => {
                self.passive_server().unwrap_or_else(|| self.slot(is_endpoint))
            }
            Syscall::Call if self.random.below(3) == 0 => {
                self.slot(|target| matches!(target, Target::Context(_)))
            }
            Syscall::Call => self.slot(is_object),
            _ => self.slot(is_source),
        };
        if call == Syscall::Recv {
            target = self.slot(is_endpoint);
        }
        let mut r12 = self.free_reply();
        if call == Syscall::NBSendWait {
            r12 = self.slot(is_object);
        } else if call == Syscall::ReplyRecv {
            r12 = self.owed(current).unwrap_or(r12);
        }
        let r13 = self.slot(is_object);
        self.step = format!("{current}: {call:?} {:?} {:?} {:?}", target, r12, r13);
        let context = &mut self.world.kernel.objs[self.threads[current]].context;
        self.label += 1;
        let is_yield = call == Syscall::Call && matches!(self.targets[target], Target::Context(_));
        let label = if is_yield { Label::SchedContextYieldTo.word() } else { self.label };
        let info = MessageInfo::new(label, 0, 0, 0);
        let registers = [
            (Register::NUMBER, call.word()),
            (Register::ARGUMENT, target as u64),
            (Register::INFO, info.word()),
            (Register::REPLY, r12 as u64),
            (Register::SEND, r13 as u64),
        ];
        set_registers(context, &registers);
        context.entry_word = 1;
        (self.model.threads[current].badge, self.model.threads[current].info) = (target as u64, info);
        self.world.kernel.handle(Event::Syscall);
        self.model_syscall(current, call, [target, r12, r13].map(|slot| self.targets[slot]));
    }

    fn model_syscall(&mut self, current: usize, call: Syscall, [target, r12, r13]: [Target; 3]) {
        if call == Syscall::Yield {
            self.model.yield_slice(current);
            return self.model.schedule();
        }
        let half = match call {
            Syscall::Send => Some((target, Half::Send)),
            Syscall::NBSend => Some((target, Half::NbSend)),
            Syscall::Call => Some((target, Half::Call)),
            Syscall::ReplyRecv | Syscall::NBSendWait => Some((r12, Half::Combined)),
            Syscall::NBSendRecv => Some((r13, Half::Combined)),
            _ => None,
        };
        if let Some((target, half)) = half {
            self.model.send_half(current, target, half);
        }
        let (reply, blocking) = match call {
            Syscall::ReplyRecv | Syscall::NBSendRecv | Syscall::Recv => (Some(r12), true),
            Syscall::NBRecv => (Some(r12), false),
            Syscall::NBSendWait | Syscall::Wait => (None, true),
            Syscall::NBWait => (None, false),
            _ => return self.model.schedule(),
        };
        self.model.receive_half(current, Receive { target, reply, blocking });
        self.model.schedule();
    }

    fn execute_tcb(&mut self, invocation: TcbInvocation) {
        self.world.kernel.execute_tcb(invocation).expect("is not preempted");
    }

    fn execute_context(&mut self, invocation: ContextInvocation) {
        self.world.kernel.execute_sched_context(invocation).expect("is not preempted");
    }

    /// Something that others do to threads and objects; it ends with an interrupt.
    fn intervene(&mut self) {
        let thread = self.random.below(THREADS);
        let (tcb, doing) = (self.threads[thread], self.model.threads[thread].doing);
        let choice = self.random.below(30);
        self.step = format!("intervention {choice} with {thread}");
        match choice {
            0 | 1 => {
                self.execute_tcb(TcbInvocation::Suspend(tcb));
                self.model.suspend(thread);
            }
            2..=11 if doing == Doing::Nothing || choice == 2 => {
                self.execute_tcb(TcbInvocation::Resume(tcb));
                self.model.resume(thread);
            }
            12..=14 => {
                let priority = self.random.below(PRIORITIES) as u8;
                self.execute_tcb(TcbInvocation::SetPriority(tcb, priority));
                self.model.set_priority(thread, priority);
            }
            15..=17 => self.change_context(thread),
            18..=24 => {
                let server = FIRST_PASSIVE + self.random.below(THREADS - FIRST_PASSIVE);
                self.serve(server);
            }
            25 => self.change_bond(thread),
            26 => {
                let reply = self.random.below(REPLIES);
                self.world.kernel.finalise_reply(self.replies[reply]);
                self.model.end_reply(reply);
            }
            27 => {
                let endpoint = self.random.below(ENDPOINTS);
                self.world.kernel.cancel_badged_sends(self.endpoints[endpoint], 7);
                self.model.end_waits(endpoint, Some(7));
            }
            28 if self.random.below(4) == 0 => {
                let endpoint = self.random.below(ENDPOINTS);
                self.world.kernel.cancel_all_ipc(self.endpoints[endpoint]);
                self.model.end_waits(endpoint, None);
            }
            29 => {
                let notification = self.random.below(NOTIFICATIONS);
                self.world.kernel.send_signal(self.notifications[notification], 16);
                self.model.signal(notification, 16);
            }
            _ => {}
        }
        self.world.kernel.handle(interrupt());
        self.model.schedule();
    }

    /// Gives one of the first threads its context, wherever that is, and lets it run.
    fn revive(&mut self) {
        let thread = self.random.below(FIRST_PASSIVE);
        self.step = format!("revival of {thread}");
        if self.model.threads[thread].context != Some(thread) {
            for context in [Some(thread), self.model.threads[thread].context].into_iter().flatten() {
                self.execute_context(ContextInvocation::Unbind(self.contexts[context]));
                self.model.unbind(context);
            }
            self.execute_context(ContextInvocation::BindThread(self.contexts[thread], self.threads[thread]));
            self.model.bind(thread, thread);
        }
        self.execute_tcb(TcbInvocation::Resume(self.threads[thread]));
        self.model.resume(thread);
        self.world.kernel.handle(interrupt());
        self.model.schedule();
    }

    /// Sends all servers back to their endpoints, so that a long chain can grow.
    fn regroup(&mut self) {
        self.step = "regrouping".into();
        for context in FIRST_PASSIVE..THREADS {
            self.execute_context(ContextInvocation::Unbind(self.contexts[context]));
            self.model.unbind(context);
        }
        for server in FIRST_PASSIVE..THREADS {
            if let Some(context) = self.model.threads[server].context {
                self.execute_context(ContextInvocation::UnbindThread(self.contexts[context]));
                self.model.unbind_thread(context);
            }
            self.execute_tcb(TcbInvocation::Suspend(self.threads[server]));
            self.model.suspend(server);
        }
        for server in FIRST_PASSIVE..THREADS {
            self.serve(server);
        }
        self.world.kernel.handle(interrupt());
        self.model.schedule();
        self.compare();
    }

    /// Lets a thread without a context wait for calls, as if it had just given its context away.
    fn serve(&mut self, thread: usize) {
        let endpoint = self.random.below(ENDPOINTS);
        let slot = self.free_reply();
        let Target::Reply(reply) = self.targets[slot] else { return };
        let Thread { doing, context: None, .. } = self.model.threads[thread] else { return };
        let waits = matches!(doing, Doing::Receiving { .. } | Doing::AwaitingReply(_));
        if waits || self.model.current == Some(thread) {
            return;
        }
        let (tcb, object) = (self.threads[thread], self.endpoints[endpoint]);
        self.execute_tcb(TcbInvocation::Suspend(tcb));
        self.model.suspend(thread);
        self.world.kernel.set_thread_state(tcb, ThreadState::Running);
        let receive = ReceiveIpc { blocking: true, reply: Some(self.replies[reply]) };
        self.world.kernel.receive_ipc(tcb, object, receive);
        self.model.threads[thread].doing = Doing::Running;
        let target = Target::Endpoint { endpoint, badge: 0, rights: Rights::ALL };
        self.model
            .receive_half(thread, Receive { target, reply: Some(Target::Reply(reply)), blocking: true });
        self.world.kernel.wake_candidate(tcb);
        self.model.propose(thread);
    }

    /// Binds the thread to the context of its number, or takes a context away.
    fn change_context(&mut self, thread: usize) {
        let (tcb, sc) = (self.threads[thread], self.contexts[thread]);
        let notification = self.random.below(NOTIFICATIONS);
        let has_thread = self.model.contexts[thread].thread.is_some();
        match self.random.below(6) {
            0 if has_thread => {
                self.execute_context(ContextInvocation::UnbindThread(sc));
                self.model.unbind_thread(thread);
            }
            1 => {
                self.execute_context(ContextInvocation::Unbind(sc));
                self.model.unbind(thread);
            }
            2 if self.model.contexts[thread].notification.is_none()
                && self.model.notifications[notification].context.is_none() =>
            {
                self.execute_context(ContextInvocation::BindNotification(
                    sc,
                    self.notifications[notification],
                ));
                self.model.contexts[thread].notification = Some(notification);
                self.model.notifications[notification].context = Some(thread);
            }
            3.. if !has_thread
                && self.model.threads[thread].context.is_none()
                && thread < FIRST_PASSIVE + 3 =>
            {
                self.execute_context(ContextInvocation::BindThread(sc, tcb));
                self.model.bind(thread, thread);
            }
            _ => {}
        }
    }

    fn change_bond(&mut self, thread: usize) {
        let notification = self.random.below(NOTIFICATIONS);
        let tcb = self.threads[thread];
        if let Some(bound) = self.model.threads[thread].bound.take() {
            self.model.notifications[bound].bound = None;
            self.execute_tcb(TcbInvocation::UnbindNotification(tcb));
        } else if self.model.notifications[notification].bound.is_none()
            && self.model.notifications[notification].queue.is_empty()
        {
            self.model.threads[thread].bound = Some(notification);
            self.model.notifications[notification].bound = Some(thread);
            self.execute_tcb(TcbInvocation::BindNotification(tcb, self.notifications[notification]));
        }
    }

    fn step(&mut self) {
        match self.model.current {
            None if self.random.below(4) > 0 => self.revive(),
            None => self.intervene(),
            Some(_) if self.random.below(4) == 0 => self.intervene(),
            Some(current) if self.random.below(24) == 0 => {
                self.step = format!("{current}: page fault");
                self.world.kernel.objs[self.threads[current]].context.entry_word = 0;
                self.world.kernel.handle(Event::PageFault { address: 0x1000, code: 4 });
                self.model.page_fault(current);
                self.model.schedule();
            }
            Some(current) => self.make_syscall(current),
        }
        self.compare();
        let chains = self.model.contexts.iter().map(|context| context.chain.len());
        self.longest_chain = chains.fold(self.longest_chain, usize::max);
    }

    fn number(&self, tcb: Option<ObjRef<Tcb>>) -> Option<usize> {
        self.threads.iter().position(|&thread| Some(thread) == tcb)
    }

    /// The threads from `first` on, along one of the two kinds of links.
    fn queue(&self, first: Option<ObjRef<Tcb>>, next: impl Fn(&Tcb) -> Option<ObjRef<Tcb>>) -> Vec<usize> {
        let tcbs = std::iter::successors(first, |&tcb| next(&self.world.kernel.objs[tcb]));
        tcbs.map(|tcb| self.number(Some(tcb)).expect("threads are queued")).collect()
    }

    fn compare(&self) {
        let (kernel, model, step) = (&self.world.kernel, &self.model, &self.step);
        let current = Some(kernel.current()).filter(|&tcb| tcb != kernel.sched.idle);
        assert_eq!(self.number(current), model.current, "who runs after {step}");
        for priority in 0..PRIORITIES {
            let ready = self.queue(kernel.sched.ready[priority].head, |tcb| tcb.sched_next);
            let expected: Vec<usize> =
                model.ready.get(&(priority as u8)).into_iter().flatten().copied().collect();
            assert_eq!(ready, expected, "ready with priority {priority} after {step}");
        }
        for (index, thread) in model.threads.iter().enumerate() {
            self.compare_thread(index, thread);
        }
        for (&endpoint, queue) in self.endpoints.iter().zip(&model.endpoints) {
            assert_eq!(&self.queue(kernel.objs[endpoint].head(), |tcb| tcb.ipc_next), queue, "after {step}");
        }
        for (&notification, expected) in self.notifications.iter().zip(&model.notifications) {
            let object = &kernel.objs[notification];
            assert_eq!(object.is_active().then_some(object.word), expected.word, "after {step}");
            assert_eq!(self.queue(object.head, |tcb| tcb.ipc_next), expected.queue, "after {step}");
        }
        for (&sc, expected) in self.contexts.iter().zip(&model.contexts) {
            assert_eq!(self.number(kernel.objs[sc].tcb), expected.thread, "{sc:?} after {step}");
            let chain = std::iter::successors(kernel.objs[sc].reply, |&reply| kernel.objs[reply].below);
            let mut chain: Vec<_> = chain.collect();
            chain.reverse();
            let expected: Vec<_> = expected.chain.iter().map(|&reply| self.replies[reply]).collect();
            assert_eq!(chain, expected, "{sc:?} after {step}");
        }
        for (&reply, &user) in self.replies.iter().zip(&model.replies) {
            assert_eq!(self.number(kernel.objs[reply].tcb), user, "{reply:?} after {step}");
        }
    }

    fn compare_thread(&self, index: usize, expected: &Thread) {
        let (kernel, step) = (&self.world.kernel, &self.step);
        let tcb = self.threads[index];
        let state = match expected.doing {
            Doing::Nothing => ThreadState::Inactive,
            Doing::Running => ThreadState::Running,
            Doing::Restarting => ThreadState::Restart,
            Doing::Receiving { .. } => ThreadState::BlockedOnReceive,
            Doing::Sending { .. } => ThreadState::BlockedOnSend,
            Doing::AwaitingReply(_) => ThreadState::BlockedOnReply,
            Doing::Waiting(_) => ThreadState::BlockedOnNotification,
        };
        assert_eq!(kernel.objs[tcb].state(), state, "state of {index} after {step}");
        assert_eq!(
            kernel.objs[tcb].sched_context,
            expected.context.map(|context| self.contexts[context]),
            "context of {index} after {step}"
        );
        let (badge, info, _) = self.world.message_of(tcb);
        assert_eq!((badge, info), (expected.badge, expected.info), "message of {index} after {step}");
    }
}

#[test]
fn whatever_threads_do_the_kernel_and_the_model_agree() {
    let mut longest_chain = 0;
    for seed in 1..=60 {
        let mut pair = Pair::new(seed);
        for step in 0..1500 {
            if step % 128 == 0 {
                pair.regroup();
            }
            pair.step();
        }
        longest_chain = longest_chain.max(pair.longest_chain);
    }
    assert!(longest_chain >= 10, "the longest call chain was {longest_chain}");
}
