// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads that talk, written down a second time: queues are lists, a call chain is a list, and so are ready queues.
//!
//! The model follows docs/abi/ipc-and-scheduling.md sections 2 to 7 and 9, and decides who runs the way upstream does:
//! every step that may matter asks for a choice, and the choice is made among queues that the current thread is in.
//! The kernel asks at the end of an event instead; `ipc/tests.rs` holds that this makes no difference. Time
//! stands still.

use std::collections::{BTreeMap, VecDeque};

use abi::{ErrorCode, FaultKind, MessageInfo, Rights, TIME_WORDS};

/// Length of the message of a CapFault about a missing capability.
const CAP_FAULT_LENGTH: usize = 5;
const VM_FAULT_LENGTH: usize = 4;

/// What a thread is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Doing {
    Nothing,
    Running,
    Restarting,
    Receiving { endpoint: usize, reply: Option<usize> },
    Sending { endpoint: usize, send: Send },
    AwaitingReply(usize),
    Waiting(usize),
}

/// What a sender brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Send {
    pub(super) badge: u64,
    pub(super) rights: Rights,
    pub(super) is_call: bool,
}

impl Send {
    const fn may_be_answered(self) -> bool {
        self.rights.can_grant() || self.rights.can_grant_reply()
    }
}

/// A capability.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    Nothing,
    Endpoint { endpoint: usize, badge: u64, rights: Rights },
    Notification { notification: usize, badge: u64, rights: Rights },
    Reply(usize),
    Context(usize),
}

/// How a send half behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Half {
    Send,
    NbSend,
    Call,
    Combined,
}

/// How a receive half behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receive {
    pub(super) target: Target,
    /// What the reply register names, where the call uses it.
    pub(super) reply: Option<Target>,
    pub(super) blocking: bool,
}

pub(super) struct Thread {
    pub(super) doing: Doing,
    pub(super) priority: u8,
    pub(super) context: Option<usize>,
    pub(super) bound: Option<usize>,
    /// The context it yields to, and will be told about when it runs again.
    pub(super) yields_to: Option<usize>,
    /// The message of the fault it sends or waits for an answer to.
    pub(super) fault: Option<MessageInfo>,
    pub(super) handler: Option<(usize, Send)>,
    /// The badge and the message info register.
    pub(super) badge: u64,
    pub(super) info: MessageInfo,
}

#[derive(Default)]
pub(super) struct Context {
    pub(super) thread: Option<usize>,
    pub(super) notification: Option<usize>,
    yielder: Option<usize>,
    /// Reply objects from the first donation to the latest.
    pub(super) chain: Vec<usize>,
}

#[derive(Default)]
pub(super) struct Notification {
    pub(super) word: Option<u64>,
    pub(super) queue: Vec<usize>,
    pub(super) bound: Option<usize>,
    pub(super) context: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
    Resume,
    SwitchTo(usize),
    Choose,
}

pub(super) struct Model {
    pub(super) threads: Vec<Thread>,
    pub(super) contexts: Vec<Context>,
    pub(super) endpoints: Vec<Vec<usize>>,
    pub(super) notifications: Vec<Notification>,
    /// Who brought a reply object or waits on it.
    pub(super) replies: Vec<Option<usize>>,
    pub(super) ready: BTreeMap<u8, VecDeque<usize>>,
    pub(super) current: Option<usize>,
    action: Action,
}

impl Model {
    /// Threads that run on the context of their number, where they have one.
    pub(super) fn new(threads: Vec<Thread>, endpoints: usize, notifications: usize, replies: usize) -> Self {
        let contexts = threads
            .iter()
            .enumerate()
            .map(|(index, thread)| Context { thread: thread.context.map(|_| index), ..Context::default() });
        Self {
            contexts: contexts.collect(),
            threads,
            endpoints: vec![Vec::new(); endpoints],
            notifications: (0..notifications).map(|_| Notification::default()).collect(),
            replies: vec![None; replies],
            ready: BTreeMap::new(),
            current: None,
            action: Action::Resume,
        }
    }

    pub(super) fn is_schedulable(&self, thread: usize) -> bool {
        let Thread { doing, context, .. } = self.threads[thread];
        matches!(doing, Doing::Running | Doing::Restarting) && context.is_some()
    }

    fn dequeue(&mut self, thread: usize) -> bool {
        let queue = self.ready.entry(self.threads[thread].priority).or_default();
        let length = queue.len();
        queue.retain(|&other| other != thread);
        queue.len() != length
    }

    pub(super) fn enqueue_head(&mut self, thread: usize) {
        let queue = self.ready.entry(self.threads[thread].priority).or_default();
        if !queue.contains(&thread) {
            queue.push_front(thread);
        }
    }

    fn highest(&self) -> Option<u8> {
        self.ready.iter().rev().find(|(_, queue)| !queue.is_empty()).map(|(&priority, _)| priority)
    }

    fn ask_for_choice(&mut self) {
        if let Action::SwitchTo(thread) = self.action
            && self.is_schedulable(thread)
        {
            self.enqueue_head(thread);
        }
        self.action = Action::Choose;
    }

    pub(super) fn propose(&mut self, thread: usize) {
        if !self.is_schedulable(thread) {
            return;
        }
        if self.action == Action::Resume {
            self.action = Action::SwitchTo(thread);
        } else {
            self.ask_for_choice();
            self.enqueue_head(thread);
        }
    }

    fn choose(&mut self) {
        self.current = self.highest().and_then(|priority| self.ready.get_mut(&priority)?.pop_front());
    }

    /// The end of an event.
    pub(super) fn schedule(&mut self) {
        let action = std::mem::replace(&mut self.action, Action::Resume);
        let running = self.current.filter(|&current| self.is_schedulable(current));
        if action == Action::Resume && running.is_some() {
            return self.activate();
        }
        if let Some(current) = running {
            self.enqueue_head(current);
        }
        let Action::SwitchTo(thread) = action else {
            self.choose();
            return self.activate();
        };
        assert!(self.is_schedulable(thread), "the candidate stopped again");
        let priority = self.threads[thread].priority;
        let compared = self.current.map(|current| self.threads[current].priority);
        if compared.is_none_or(|current| priority < current)
            && self.highest().is_some_and(|best| priority < best)
        {
            self.enqueue_head(thread);
            self.choose();
        } else if running.is_some() && compared == Some(priority) {
            self.ready.entry(priority).or_default().push_back(thread);
            self.choose();
        } else {
            self.current = Some(thread);
        }
        self.activate();
    }

    fn activate(&mut self) {
        if let Some(current) = self.current
            && self.threads[current].doing == Doing::Restarting
        {
            self.threads[current].doing = Doing::Running;
        }
        if let Some(current) = self.current {
            self.complete_yield(current);
        }
    }

    fn complete_yield(&mut self, thread: usize) {
        if let Some(context) = self.threads[thread].yields_to.take() {
            self.contexts[context].yielder = None;
            self.answer(thread, ErrorCode::NoError, TIME_WORDS);
        }
    }

    fn answer(&mut self, thread: usize, code: ErrorCode, length: usize) {
        let thread = &mut self.threads[thread];
        (thread.badge, thread.info) = (0, MessageInfo::new(code.word(), 0, 0, length));
    }

    /// The current thread gives up its slice.
    pub(super) fn yield_slice(&mut self, thread: usize) {
        self.ready.entry(self.threads[thread].priority).or_default().push_back(thread);
        self.ask_for_choice();
    }

    /// The current thread lets the thread of a context run.
    fn yield_to(&mut self, thread: usize, context: usize) {
        let Some(target) = self.contexts[context].thread.filter(|&target| target != thread) else {
            return self.answer(thread, ErrorCode::IllegalOperation, 0);
        };
        if let Some(earlier) = self.contexts[context].yielder {
            self.complete_yield(earlier);
        }
        if !self.is_schedulable(target) {
            return self.answer(thread, ErrorCode::NoError, TIME_WORDS);
        }
        self.dequeue(target);
        if self.threads[target].priority < self.threads[thread].priority {
            self.enqueue_head(target);
            return self.answer(thread, ErrorCode::NoError, TIME_WORDS);
        }
        self.threads[thread].yields_to = Some(context);
        self.contexts[context].yielder = Some(thread);
        self.enqueue_head(thread);
        self.enqueue_head(target);
        self.ask_for_choice();
    }

    fn take_context(&mut self, context: usize) {
        if let Some(thread) = self.contexts[context].thread.take() {
            self.dequeue(thread);
            self.threads[thread].context = None;
            if self.current == Some(thread) || self.action == Action::SwitchTo(thread) {
                self.ask_for_choice();
            }
        }
    }

    fn give_context(&mut self, context: usize, thread: usize) {
        self.take_context(context);
        self.contexts[context].thread = Some(thread);
        self.threads[thread].context = Some(context);
    }

    fn lend(&mut self, notification: usize, thread: usize) {
        if let Some(context) = self.notifications[notification].context
            && self.threads[thread].context.is_none()
            && self.contexts[context].thread.is_none()
        {
            self.give_context(context, thread);
        }
    }

    fn give_back(&mut self, notification: usize, thread: usize) {
        if let Some(context) = self.notifications[notification].context
            && self.threads[thread].context == Some(context)
        {
            self.take_context(context);
        }
    }

    fn insert(queue: &mut Vec<usize>, threads: &[Thread], thread: usize) {
        let priority = threads[thread].priority;
        let place = queue.iter().position(|&other| threads[other].priority < priority);
        queue.insert(place.unwrap_or(queue.len()), thread);
    }

    fn deliver(&mut self, from: usize, to: usize, badge: u64) {
        let info = self.threads[from].fault.unwrap_or(self.threads[from].info);
        (self.threads[to].badge, self.threads[to].info) = (badge, info);
    }

    /// Makes `caller` wait for an answer of `callee`, or stops it when there is no way to answer.
    fn await_reply(&mut self, caller: usize, callee: usize, reply: Option<usize>, can_donate: bool) {
        let Some(reply) = reply else {
            self.threads[caller].fault = None;
            self.threads[caller].doing = Doing::Nothing;
            return;
        };
        self.replies[reply] = Some(caller);
        self.threads[caller].doing = Doing::AwaitingReply(reply);
        if let Some(context) = self.threads[caller].context
            && can_donate
            && self.threads[callee].context.is_none()
        {
            self.contexts[context].chain.push(reply);
            self.give_context(context, callee);
        }
    }

    fn send(&mut self, sender: usize, endpoint: usize, send: Send, half: Half) {
        let receiver = self.endpoints[endpoint].first().copied();
        let Some((receiver, Doing::Receiving { reply, .. })) =
            receiver.map(|first| (first, self.threads[first].doing))
        else {
            if matches!(half, Half::Send | Half::Call) {
                self.threads[sender].doing = Doing::Sending { endpoint, send };
                Self::insert(&mut self.endpoints[endpoint], &self.threads, sender);
            }
            return;
        };
        self.endpoints[endpoint].remove(0);
        self.deliver(sender, receiver, send.badge);
        if let Some(reply) = reply {
            self.replies[reply] = None;
        }
        let can_donate = matches!(half, Half::Call | Half::Combined);
        if send.is_call || self.threads[sender].fault.is_some() {
            self.await_reply(sender, receiver, reply.filter(|_| send.may_be_answered()), can_donate);
        } else if let Some(context) = self.threads[sender].context
            && can_donate
            && self.threads[receiver].context.is_none()
        {
            self.give_context(context, receiver);
        }
        self.threads[receiver].doing = Doing::Running;
        self.propose(receiver);
    }

    fn receive(&mut self, receiver: usize, endpoint: usize, reply: Option<usize>, blocking: bool) {
        if let Some(other) = reply.and_then(|reply| self.replies[reply]) {
            self.cancel(other);
        }
        if let Some(notification) = self.threads[receiver].bound {
            if self.notifications[notification].word.is_some() {
                return self.take_word(receiver, notification);
            }
            if blocking {
                self.give_back(notification, receiver);
            }
        }
        let sender = self.endpoints[endpoint].first().copied();
        if let Some((sender, Doing::Sending { send, .. })) =
            sender.map(|first| (first, self.threads[first].doing))
        {
            self.endpoints[endpoint].remove(0);
            self.deliver(sender, receiver, send.badge);
            if send.is_call || self.threads[sender].fault.is_some() {
                self.await_reply(sender, receiver, reply.filter(|_| send.may_be_answered()), true);
            } else {
                self.threads[sender].doing = Doing::Running;
                self.propose(sender);
            }
        } else if blocking {
            self.threads[receiver].doing = Doing::Receiving { endpoint, reply };
            if let Some(reply) = reply {
                self.replies[reply] = Some(receiver);
            }
            Self::insert(&mut self.endpoints[endpoint], &self.threads, receiver);
        } else {
            self.threads[receiver].badge = 0;
        }
    }

    pub(super) fn signal(&mut self, notification: usize, badge: u64) {
        let Notification { word, queue, bound, .. } = &mut self.notifications[notification];
        if let Some(word) = word {
            *word |= badge;
            return;
        }
        let waiting = queue.first().copied();
        let bound = bound.filter(|&thread| matches!(self.threads[thread].doing, Doing::Receiving { .. }));
        let Some(thread) = waiting.or(bound) else {
            *word = Some(badge);
            return;
        };
        self.cancel(thread);
        self.threads[thread].doing = Doing::Running;
        self.threads[thread].badge = badge;
        self.lend(notification, thread);
        self.propose(thread);
    }

    fn take_word(&mut self, thread: usize, notification: usize) {
        self.threads[thread].badge = self.notifications[notification].word.take().unwrap_or_default();
        self.lend(notification, thread);
    }

    fn wait(&mut self, thread: usize, notification: usize, blocking: bool) {
        if self.notifications[notification].word.is_some() {
            self.take_word(thread, notification);
        } else if blocking {
            self.threads[thread].doing = Doing::Waiting(notification);
            self.give_back(notification, thread);
            Self::insert(&mut self.notifications[notification].queue, &self.threads, thread);
        } else {
            self.threads[thread].badge = 0;
        }
    }

    /// Takes a caller off its reply object; the latest donation goes back to it if `returns`.
    fn leave_chain(&mut self, reply: usize, returns: bool) {
        let Some(caller) = self.replies[reply].take() else { return };
        self.threads[caller].doing = Doing::Nothing;
        let place = |context: &Context| context.chain.iter().position(|&other| other == reply);
        let found =
            self.contexts.iter().enumerate().find_map(|(index, context)| Some((index, place(context)?)));
        let Some((context, place)) = found else { return };
        let chain = &mut self.contexts[context].chain;
        if returns && place + 1 == chain.len() {
            chain.pop();
            if self.threads[caller].context.is_none() {
                self.give_context(context, caller);
            }
        } else {
            chain.drain(..=place);
        }
    }

    fn reply(&mut self, sender: usize, reply: usize) {
        let Some(caller) = self.replies[reply] else { return };
        if self.threads[caller].doing != Doing::AwaitingReply(reply) {
            return;
        }
        self.leave_chain(reply, true);
        if self.threads[caller].fault.take().is_some() {
            self.threads[caller].doing = Doing::Restarting;
        } else {
            self.deliver(sender, caller, 0);
            self.threads[caller].doing = Doing::Running;
        }
        self.propose(caller);
    }

    /// Ends whatever a thread waits for.
    fn cancel(&mut self, thread: usize) {
        self.threads[thread].fault = None;
        match self.threads[thread].doing {
            Doing::Receiving { endpoint, reply } => {
                self.endpoints[endpoint].retain(|&other| other != thread);
                if let Some(reply) = reply {
                    self.replies[reply] = None;
                }
            }
            Doing::Sending { endpoint, .. } => self.endpoints[endpoint].retain(|&other| other != thread),
            Doing::AwaitingReply(reply) => self.leave_chain(reply, false),
            Doing::Waiting(notification) => {
                self.notifications[notification].queue.retain(|&other| other != thread);
            }
            Doing::Nothing | Doing::Running | Doing::Restarting => return,
        }
        self.threads[thread].doing = Doing::Nothing;
    }

    fn raise(&mut self, thread: usize, kind: FaultKind, length: usize) {
        match self.threads[thread].handler {
            Some((endpoint, send)) => {
                self.threads[thread].fault = Some(MessageInfo::new(kind.word(), 0, 0, length));
                // A fault waits like a send, and may lend like a call; whether it is one does not matter.
                self.send(thread, endpoint, send, Half::Call);
            }
            None => self.threads[thread].doing = Doing::Nothing,
        }
    }

    /// The current thread touches a page that is not there.
    pub(super) fn page_fault(&mut self, thread: usize) {
        self.raise(thread, FaultKind::VmFault, VM_FAULT_LENGTH);
    }

    pub(super) fn send_half(&mut self, thread: usize, target: Target, half: Half) {
        let is_call = half == Half::Call;
        let (code, length) = match target {
            Target::Endpoint { endpoint, badge, rights } if rights.can_write() => {
                return self.send(thread, endpoint, Send { badge, rights, is_call }, half);
            }
            Target::Notification { notification, badge, rights } if rights.can_write() => {
                self.signal(notification, badge);
                (ErrorCode::NoError, 0)
            }
            Target::Reply(reply) => {
                self.reply(thread, reply);
                (ErrorCode::NoError, 0)
            }
            // Nothing else is asked of contexts, and only by Call.
            Target::Context(context) if is_call => return self.yield_to(thread, context),
            _ => (ErrorCode::InvalidCapability, 1),
        };
        if is_call {
            self.answer(thread, code, length);
        }
    }

    pub(super) fn receive_half(&mut self, thread: usize, receive: Receive) {
        match (receive.target, receive.reply) {
            (Target::Endpoint { endpoint, rights, .. }, None) if rights.can_read() => {
                self.receive(thread, endpoint, None, receive.blocking);
            }
            (Target::Endpoint { endpoint, rights, .. }, Some(Target::Reply(reply))) if rights.can_read() => {
                self.receive(thread, endpoint, Some(reply), receive.blocking);
            }
            (Target::Notification { notification, rights, .. }, _)
                if rights.can_read()
                    && self.notifications[notification].bound.is_none_or(|bound| bound == thread) =>
            {
                self.wait(thread, notification, receive.blocking);
            }
            _ => self.raise(thread, FaultKind::CapFault, CAP_FAULT_LENGTH),
        }
    }

    pub(super) fn suspend(&mut self, thread: usize) {
        self.cancel(thread);
        self.complete_yield(thread);
        self.threads[thread].doing = Doing::Nothing;
        self.dequeue(thread);
    }

    pub(super) fn resume(&mut self, thread: usize) {
        if !matches!(self.threads[thread].doing, Doing::Running | Doing::Restarting) {
            self.cancel(thread);
            self.threads[thread].doing = Doing::Restarting;
            self.propose(thread);
        }
    }

    pub(super) fn set_priority(&mut self, thread: usize, priority: u8) {
        let was_ready = self.dequeue(thread);
        self.threads[thread].priority = priority;
        if was_ready {
            self.enqueue_head(thread);
        }
        if was_ready || self.current == Some(thread) {
            self.ask_for_choice();
        }
        let queue = match self.threads[thread].doing {
            Doing::Receiving { endpoint, .. } | Doing::Sending { endpoint, .. } => {
                &mut self.endpoints[endpoint]
            }
            Doing::Waiting(notification) => &mut self.notifications[notification].queue,
            _ => return,
        };
        queue.retain(|&other| other != thread);
        Self::insert(queue, &self.threads, thread);
    }

    pub(super) fn bind(&mut self, context: usize, thread: usize) {
        self.give_context(context, thread);
        if self.is_schedulable(thread) {
            self.enqueue_head(thread);
            self.ask_for_choice();
        }
    }

    pub(super) fn unbind_thread(&mut self, context: usize) {
        self.take_context(context);
    }

    pub(super) fn unbind(&mut self, context: usize) {
        self.take_context(context);
        if let Some(notification) = self.contexts[context].notification.take() {
            self.notifications[notification].context = None;
        }
        self.contexts[context].chain.clear();
    }

    /// The last capability to a reply object goes away.
    pub(super) fn end_reply(&mut self, reply: usize) {
        let Some(thread) = self.replies[reply] else { return };
        if self.threads[thread].doing == Doing::AwaitingReply(reply) {
            self.threads[thread].fault = None;
            self.leave_chain(reply, true);
        } else {
            self.cancel(thread);
        }
    }

    /// Sends those back that wait on an endpoint, all or the senders with one badge.
    pub(super) fn end_waits(&mut self, endpoint: usize, badge: Option<u64>) {
        for thread in self.endpoints[endpoint].clone() {
            let is_meant = match (self.threads[thread].doing, badge) {
                (_, None) => true,
                (Doing::Sending { send, .. }, Some(badge)) => send.badge == badge,
                _ => false,
            };
            if !is_meant {
                continue;
            }
            let was_faulting = self.threads[thread].fault.is_some();
            self.cancel(thread);
            if !was_faulting {
                self.threads[thread].doing = Doing::Restarting;
                self.propose(thread);
            }
        }
        self.ask_for_choice();
    }
}
