// SPDX-License-Identifier: MIT OR Apache-2.0
//! docs/abi/ipc-and-scheduling.md, "Reply objects and the call chain".

use arch::Ticks;

use super::*;
use crate::ipc::testing::World;
use crate::object::endpoint::Endpoint;
use crate::object::tcb::ThreadState::*;
use crate::object::tcb::{SendFlags, TcbSlot};
use crate::sched::Action;
use crate::sched::refill::Rate;

const CALL: u8 = SendFlags::GRANT_REPLY | SendFlags::CALL;

/// A calls B calls C, B and C passive, each through an endpoint of its own.
struct Chain {
    world: World,
    threads: [ObjRef<Tcb>; 3],
    replies: [ObjRef<Reply>; 2],
    endpoints: [ObjRef<Endpoint>; 2],
    sc: ObjRef<SchedContext>,
}

impl Chain {
    fn new() -> Self {
        let mut world = World::new();
        let threads = [world.thread(5), world.passive(5), world.passive(5)];
        let replies = [world.reply(1), world.reply(2)];
        let endpoints = [world.endpoint(3), world.endpoint(4)];
        let sc = world.sc(threads[0]).expect("an active thread");
        for index in 0..2 {
            world.receive(threads[index + 1], endpoints[index], Some(replies[index]));
        }
        for index in 0..2 {
            world.send(threads[index], endpoints[index], 0, CALL);
        }
        Self { world, threads, replies, endpoints, sc }
    }

    fn above(&self, index: usize) -> Above {
        self.world.kernel.objs[self.replies[index]].above()
    }

    /// Index of the thread that has the scheduling context.
    fn holder(&self) -> Option<usize> {
        let tcb = self.world.kernel.objs[self.sc].tcb?;
        assert_eq!(self.world.sc(tcb), Some(self.sc));
        self.threads.iter().position(|&thread| thread == tcb)
    }

    fn reply(&mut self, sender: usize, reply: usize) {
        self.world.run(self.threads[sender]);
        self.world.kernel.send_reply(self.threads[sender], self.replies[reply], true);
    }

    fn state_of(&self, index: usize) -> ThreadState {
        self.world.state(self.threads[index])
    }

    fn states(&self) -> [ThreadState; 3] {
        self.threads.map(|tcb| self.world.state(tcb))
    }
}

#[test]
fn nested_calls_pass_the_budget_on_and_replies_bring_it_back() {
    let mut chain = Chain::new();
    assert_eq!(chain.states(), [BlockedOnReply, BlockedOnReply, Running]);
    assert_eq!((chain.holder(), chain.world.kernel.objs[chain.sc].reply), (Some(2), Some(chain.replies[1])));
    assert_eq!(
        (chain.above(1), chain.above(0)),
        (Above::SchedContext(chain.sc), Above::Reply(chain.replies[1]))
    );
    chain.reply(2, 1);
    assert_eq!((chain.holder(), chain.states()), (Some(1), [BlockedOnReply, Running, Running]));
    assert_eq!(chain.above(0), Above::SchedContext(chain.sc));
    chain.reply(1, 0);
    assert_eq!((chain.holder(), chain.states()), (Some(0), [Running, Running, Running]));
    assert_eq!(chain.world.kernel.objs[chain.sc].reply, None);
    assert_eq!((chain.above(0), chain.above(1)), (Above::Nothing, Above::Nothing));
}

#[test]
fn a_reply_out_of_order_cuts_the_chain_and_leaves_the_budget() {
    let mut chain = Chain::new();
    chain.reply(2, 0);
    assert_eq!(chain.states(), [Running, BlockedOnReply, Running]);
    assert_eq!((chain.holder(), chain.world.sc(chain.threads[0])), (Some(2), None));
    chain.reply(2, 1);
    assert_eq!((chain.holder(), chain.world.kernel.objs[chain.sc].reply), (Some(1), None));
}

#[test]
fn a_caller_that_is_cancelled_at_the_top_leaves_the_budget_with_the_callee() {
    let mut chain = Chain::new();
    chain.world.kernel.cancel_ipc(chain.threads[1]);
    assert_eq!(chain.states(), [BlockedOnReply, Inactive, Running]);
    assert_eq!((chain.holder(), chain.world.kernel.objs[chain.sc].reply), (Some(2), None));
    assert_eq!((chain.above(0), chain.above(1)), (Above::Nothing, Above::Nothing));
    chain.reply(2, 0);
    assert_eq!((chain.state_of(0), chain.holder()), (Running, Some(2)));
}

#[test]
fn a_caller_that_is_cancelled_below_the_top_cuts_the_chain() {
    let mut chain = Chain::new();
    chain.world.kernel.cancel_ipc(chain.threads[0]);
    assert_eq!(chain.states(), [Inactive, BlockedOnReply, Running]);
    assert_eq!(chain.world.kernel.objs[chain.replies[1]].below, None);
    chain.reply(2, 1);
    assert_eq!(chain.holder(), Some(1));
    assert_eq!(chain.world.kernel.objs[chain.sc].reply, None);
}

#[test]
fn a_reply_after_the_context_left_its_chain_moves_nothing() {
    let mut chain = Chain::new();
    chain.world.kernel.finalise_sched_context(chain.sc);
    chain.reply(2, 1);
    assert_eq!((chain.state_of(1), chain.holder()), (Running, None));
}

#[test]
fn the_end_of_the_top_reply_object_returns_the_budget_to_a_stopped_caller() {
    let mut chain = Chain::new();
    chain.world.kernel.finalise_reply(chain.replies[1]);
    assert_eq!(chain.states(), [BlockedOnReply, Inactive, Running]);
    assert_eq!((chain.holder(), chain.above(0)), (Some(1), Above::SchedContext(chain.sc)));
}

#[test]
fn the_end_of_a_reply_object_stops_the_receiver_that_brought_it() {
    let mut world = World::new();
    let (endpoint, reply, server) = (world.endpoint(1), world.reply(2), world.thread(5));
    world.receive(server, endpoint, Some(reply));
    world.kernel.finalise_reply(reply);
    assert_eq!((world.state(server), world.kernel.objs[reply].tcb), (Inactive, None));
    assert_eq!(world.kernel.objs[endpoint].queue().head, None);
}

#[test]
fn a_reply_to_nobody_does_nothing() {
    let mut chain = Chain::new();
    let (world, server, reply) = (&mut chain.world, chain.threads[2], chain.replies[1]);
    world.kernel.send_reply(server, reply, true);
    world.kernel.sched.action = Action::ResumeCurrent;
    world.kernel.send_reply(server, reply, true);
    assert_eq!(world.kernel.sched.action, Action::ResumeCurrent);
    world.receive(server, chain.endpoints[1], Some(reply));
    world.kernel.send_reply(chain.threads[1], reply, true);
    assert_eq!(world.state(server), BlockedOnReceive);
}

#[test]
fn a_reply_carries_the_message_with_badge_zero_and_wakes_the_caller() {
    let mut chain = Chain::new();
    let [_, caller, server] = chain.threads;
    chain.world.kernel.objs[caller].priority = 9;
    chain.world.write_message(server, 6, &[21, 22, 23], &[]);
    chain.reply(2, 1);
    let (badge, info, words) = chain.world.message_of(caller);
    assert_eq!((badge, info.label(), info.length(), words[..3].to_vec()), (0, 6, 3, vec![21, 22, 23]));
    assert_eq!(chain.world.kernel.sched.action, Action::SwitchTo(caller));
}

/// A caller on its own budget that waits for a server on its own, the caller's head refill being in the future.
fn caller_without_time() -> (World, [ObjRef<Tcb>; 2], ObjRef<Reply>) {
    let mut world = World::new();
    let (endpoint, reply) = (world.endpoint(1), world.reply(2));
    let (caller, server) = (world.thread(5), world.thread(5));
    let sc = world.sc(caller).expect("an active thread");
    world.receive(server, endpoint, Some(reply));
    world.send(caller, endpoint, 0, CALL);
    let rate = Rate { budget: Ticks(1_000_000), period: Ticks(9_000_000), max_refills: 2 };
    world.kernel.set_refills(sc, rate);
    world.kernel.objs[sc.refill(0)].time = Ticks(500);
    world.run(server);
    (world, [caller, server], reply)
}

#[test]
fn a_caller_without_time_waits_for_its_refill() {
    let (mut world, [caller, server], reply) = caller_without_time();
    world.kernel.send_reply(server, reply, true);
    assert_eq!(world.state(caller), Running);
    assert_eq!(world.kernel.sched.release.head, Some(caller));
}

#[test]
fn a_caller_without_time_reports_to_its_timeout_handler() {
    let (mut world, [caller, server], reply) = caller_without_time();
    let endpoint = world.endpoint(5);
    world.set_handler(caller, TcbSlot::TimeoutHandler, endpoint, 3);
    world.kernel.send_reply(server, reply, true);
    assert_eq!(world.state(caller), BlockedOnSend);
    assert_eq!(world.kernel.objs[caller].fault.get(), Some(Fault::Timeout { data: 0 }));
}

#[test]
fn the_answer_to_a_timeout_does_not_raise_another() {
    let (mut world, [caller, server], reply) = caller_without_time();
    let endpoint = world.endpoint(5);
    world.set_handler(caller, TcbSlot::TimeoutHandler, endpoint, 3);
    world.kernel.send_reply(server, reply, true);
    world.receive(server, endpoint, Some(reply));
    world.write_message(server, 0, &[], &[]);
    world.run(server);
    world.kernel.send_reply(server, reply, true);
    assert_eq!(world.state(caller), Restart);
    assert_eq!(world.kernel.sched.release.head, Some(caller));
}
