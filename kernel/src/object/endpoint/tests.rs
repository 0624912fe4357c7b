// SPDX-License-Identifier: MIT OR Apache-2.0
//! docs/abi/ipc-and-scheduling.md, "Endpoints": every row.

use super::*;
use crate::ipc::testing::World;
use crate::object::tcb::TcbSlot;
use crate::object::tcb::ThreadState::*;
use crate::sched::Action;

const GRANT_CALL: u8 = SendFlags::GRANT | SendFlags::CALL;
const REPLY_CALL: u8 = SendFlags::GRANT_REPLY | SendFlags::CALL;
const VM_FAULT: Fault = Fault::VmFault { address: 0, code: 4 };

fn send_without_blocking(world: &mut World, sender: ObjRef<Tcb>, endpoint: ObjRef<Endpoint>) {
    world.run(sender);
    let send = Send { blocking: false, can_donate: true, badge: 7, flags: SendFlags(SendFlags::GRANT) };
    world.kernel.send_ipc(send, sender, endpoint);
}

#[test]
fn a_blocking_send_without_receiver_queues_and_remembers_badge_and_rights() {
    let mut world = World::new();
    let (endpoint, sender) = (world.endpoint(1), world.thread(5));
    world.send(sender, endpoint, 9, GRANT_CALL);
    assert_eq!(world.state(sender), BlockedOnSend);
    assert_eq!(world.kernel.objs[sender].badge, 9);
    assert_eq!(world.kernel.objs[sender].send_flags, SendFlags(GRANT_CALL));
    assert_eq!(world.kernel.objs[endpoint].state(), EndpointState::Sending);
}

#[test]
fn a_send_that_does_not_block_is_dropped_without_receiver() {
    let mut world = World::new();
    let (endpoint, sender) = (world.endpoint(1), world.thread(5));
    send_without_blocking(&mut world, sender, endpoint);
    assert_eq!(world.state(sender), Running);
    assert_eq!(world.kernel.objs[endpoint].state(), EndpointState::Idle);
}

#[test]
fn a_send_wakes_the_first_receiver_as_a_candidate() {
    let mut world = World::new();
    let (endpoint, sender) = (world.endpoint(1), world.thread(5));
    let (low, high) = (world.thread(1), world.thread(9));
    world.receive(low, endpoint, None);
    world.receive(high, endpoint, None);
    world.write_message(sender, 3, &[11, 12], &[]);
    world.send(sender, endpoint, 77, SendFlags::GRANT);
    assert_eq!(
        (world.state(sender), world.state(high), world.state(low)),
        (Running, Running, BlockedOnReceive)
    );
    let (badge, info, words) = world.message_of(high);
    assert_eq!((badge, info.label(), info.length(), words[..2].to_vec()), (77, 3, 2, vec![11, 12]));
    assert_eq!(world.kernel.sched.action, Action::SwitchTo(high));
    assert_eq!(world.kernel.objs[endpoint].queue().head, Some(low));
}

#[test]
fn a_call_waits_on_the_receivers_reply_object_and_lends_to_a_passive_receiver() {
    for flags in [GRANT_CALL, REPLY_CALL] {
        let mut world = World::new();
        let (endpoint, reply) = (world.endpoint(1), world.reply(2));
        let (caller, server) = (world.thread(5), world.passive(5));
        let sc = world.sc(caller);
        world.receive(server, endpoint, Some(reply));
        world.send(caller, endpoint, 0, flags);
        assert_eq!((world.state(caller), world.state(server)), (BlockedOnReply, Running));
        assert_eq!(world.kernel.objs[reply].tcb, Some(caller));
        assert_eq!(world.kernel.objs[server].reply, None);
        assert_eq!((world.sc(caller), world.sc(server)), (None, sc));
    }
}

#[test]
fn a_call_to_a_receiver_with_its_own_budget_lends_nothing() {
    let mut world = World::new();
    let (endpoint, reply) = (world.endpoint(1), world.reply(2));
    let (caller, server) = (world.thread(5), world.thread(5));
    let scs = (world.sc(caller), world.sc(server));
    world.receive(server, endpoint, Some(reply));
    world.send(caller, endpoint, 0, GRANT_CALL);
    assert_eq!(world.state(caller), BlockedOnReply);
    assert_eq!((world.sc(caller), world.sc(server)), scs);
}

#[test]
fn a_call_stops_the_caller_without_reply_object_or_without_a_right_to_answer() {
    for (brings_reply, flags) in [(false, GRANT_CALL), (true, SendFlags::CALL)] {
        let mut world = World::new();
        let (endpoint, reply) = (world.endpoint(1), world.reply(2));
        let (caller, server) = (world.thread(5), world.thread(5));
        world.receive(server, endpoint, brings_reply.then_some(reply));
        world.send(caller, endpoint, 0, flags);
        assert_eq!((world.state(caller), world.state(server)), (Inactive, Running));
        assert_eq!(world.kernel.objs[reply].tcb, None);
    }
}

#[test]
fn a_send_that_may_donate_gives_its_budget_to_a_passive_receiver() {
    let mut world = World::new();
    let (endpoint, sender, server) = (world.endpoint(1), world.thread(5), world.passive(5));
    let sc = world.sc(sender);
    world.receive(server, endpoint, None);
    send_without_blocking(&mut world, sender, endpoint);
    assert_eq!((world.sc(sender), world.sc(server)), (None, sc));
    assert_eq!((world.state(sender), world.state(server)), (Running, Running));
}

#[test]
fn a_plain_send_leaves_a_passive_receiver_without_budget() {
    let mut world = World::new();
    let (endpoint, sender, server) = (world.endpoint(1), world.thread(5), world.passive(5));
    world.receive(server, endpoint, None);
    world.send(sender, endpoint, 0, SendFlags::GRANT);
    assert_eq!((world.state(server), world.sc(server)), (Running, None));
    assert_eq!(world.kernel.sched.action, Action::ResumeCurrent);
}

#[test]
fn receiving_with_a_reply_object_in_use_stops_its_user() {
    let mut world = World::new();
    let (endpoint, reply) = (world.endpoint(1), world.reply(2));
    let (first, second) = (world.thread(5), world.thread(5));
    world.receive(first, endpoint, Some(reply));
    world.receive(second, endpoint, Some(reply));
    assert_eq!((world.state(first), world.state(second)), (Inactive, BlockedOnReceive));
    assert_eq!(world.kernel.objs[reply].tcb, Some(second));
}

#[test]
fn a_caller_whose_reply_object_is_reused_stops_without_its_budget() {
    let mut world = World::new();
    let (endpoint, reply) = (world.endpoint(1), world.reply(2));
    let (caller, server) = (world.thread(5), world.passive(5));
    let sc = world.sc(caller);
    world.receive(server, endpoint, Some(reply));
    world.send(caller, endpoint, 0, GRANT_CALL);
    world.receive(server, endpoint, Some(reply));
    assert_eq!((world.state(caller), world.sc(caller)), (Inactive, None));
    assert_eq!((world.state(server), world.sc(server)), (BlockedOnReceive, sc));
}

#[test]
fn a_receive_takes_a_pending_signal_of_the_bound_notification_first() {
    let mut world = World::new();
    let (endpoint, notification) = (world.endpoint(1), world.notification(2));
    let (sender, server) = (world.thread(5), world.thread(5));
    world.kernel.bind_notification(server, notification);
    world.send(sender, endpoint, 9, 0);
    world.kernel.send_signal(notification, 0x30);
    world.receive(server, endpoint, None);
    assert_eq!((world.state(server), world.state(sender)), (Running, BlockedOnSend));
    assert_eq!(world.message_of(server).0, 0x30);
}

#[test]
fn a_blocking_receive_gives_a_lent_budget_back_to_the_bound_notification() {
    let mut world = World::new();
    let (endpoint, notification, server) = (world.endpoint(1), world.notification(2), world.thread(5));
    let sc = world.sc(server);
    world.kernel.bind_notification(server, notification);
    world.kernel.objs[notification].sched_context = sc;
    world.receive(server, endpoint, None);
    assert_eq!((world.state(server), world.sc(server)), (BlockedOnReceive, None));
}

#[test]
fn a_receive_that_does_not_block_clears_the_badge_and_nothing_else() {
    let mut world = World::new();
    let (endpoint, reply, server) = (world.endpoint(1), world.reply(2), world.thread(5));
    world.write_message(server, 3, &[1, 2, 3, 4], &[]);
    world.kernel.objs[server].context.set_badge(99);
    let (_, info, words) = world.message_of(server);
    world.run(server);
    world.kernel.receive_ipc(server, endpoint, Receive { blocking: false, reply: Some(reply) });
    assert_eq!(world.message_of(server), (0, info, words));
    assert_eq!((world.state(server), world.kernel.objs[reply].tcb), (Running, None));
}

#[test]
fn a_receive_takes_the_first_sender_by_priority_then_by_time() {
    let mut world = World::new();
    let (endpoint, server) = (world.endpoint(1), world.thread(5));
    for (priority, badge) in [(1, 10), (5, 11), (5, 12), (9, 13)] {
        let sender = world.thread(priority);
        world.send(sender, endpoint, badge, 0);
    }
    let badges = [(); 4].map(|()| {
        world.receive(server, endpoint, None);
        world.message_of(server).0
    });
    assert_eq!(badges, [13, 11, 12, 10]);
    assert_eq!(world.kernel.objs[endpoint].state(), EndpointState::Idle);
}

#[test]
fn a_received_sender_runs_on_and_a_received_caller_waits() {
    let mut world = World::new();
    let (endpoint, reply, server) = (world.endpoint(1), world.reply(2), world.passive(5));
    let (sender, caller) = (world.thread(9), world.thread(5));
    let sc = world.sc(caller);
    world.send(sender, endpoint, 0, 0);
    world.send(caller, endpoint, 0, GRANT_CALL);
    world.receive(server, endpoint, Some(reply));
    assert_eq!(world.state(sender), Running);
    assert_eq!(world.kernel.sched.action, Action::SwitchTo(sender));
    world.receive(server, endpoint, Some(reply));
    assert_eq!((world.state(caller), world.sc(caller), world.sc(server)), (BlockedOnReply, None, sc));
}

#[test]
fn a_received_caller_stops_when_no_reply_object_is_given() {
    let mut world = World::new();
    let (endpoint, server, caller) = (world.endpoint(1), world.thread(5), world.thread(5));
    world.send(caller, endpoint, 0, GRANT_CALL);
    world.receive(server, endpoint, None);
    assert_eq!(world.state(caller), Inactive);
}

#[test]
fn a_queued_timeout_fault_never_lends_its_budget() {
    let mut world = World::new();
    let (endpoint, reply, server) = (world.endpoint(1), world.reply(2), world.passive(5));
    let tcb = world.thread(5);
    let sc = world.sc(tcb);
    world.set_handler(tcb, TcbSlot::TimeoutHandler, endpoint, 4);
    world.run(tcb);
    world.kernel.raise_timeout(tcb);
    world.receive(server, endpoint, Some(reply));
    assert_eq!((world.state(tcb), world.sc(tcb), world.sc(server)), (BlockedOnReply, sc, None));
}

#[test]
fn a_new_priority_moves_a_queued_thread_behind_its_equals() {
    let mut world = World::new();
    let endpoint = world.endpoint(1);
    let [a, b, c] = [9, 5, 1].map(|priority| world.thread(priority));
    for tcb in [a, b, c] {
        world.receive(tcb, endpoint, None);
    }
    world.kernel.objs[c].priority = 9;
    world.kernel.reorder_ipc_queue(c);
    let Queue { head, tail } = world.kernel.objs[endpoint].queue();
    assert_eq!((head, world.kernel.objs[a].ipc_next, tail), (Some(a), Some(c), Some(b)));
    assert_eq!(world.kernel.objs[endpoint].state(), EndpointState::Receiving);
}

#[test]
fn the_end_of_an_endpoint_restarts_senders_and_stops_those_with_a_fault() {
    let mut world = World::new();
    let endpoint = world.endpoint(1);
    let (sender, faulter) = (world.thread(5), world.thread(5));
    world.set_handler(faulter, TcbSlot::FaultHandler, endpoint, 0);
    world.send(sender, endpoint, 0, 0);
    world.fault(faulter, VM_FAULT);
    world.kernel.cancel_all_ipc(endpoint);
    assert_eq!((world.state(sender), world.state(faulter)), (Restart, Inactive));
    assert!(!world.kernel.objs[faulter].fault.is_some());
    assert_eq!(world.kernel.objs[endpoint].state(), EndpointState::Idle);
    assert_eq!(world.kernel.sched.action, Action::ChooseNew);
}

#[test]
fn the_end_of_an_endpoint_frees_the_reply_objects_of_receivers() {
    let mut world = World::new();
    let (endpoint, reply, server) = (world.endpoint(1), world.reply(2), world.thread(5));
    world.receive(server, endpoint, Some(reply));
    world.kernel.cancel_all_ipc(endpoint);
    assert_eq!((world.state(server), world.kernel.objs[reply].tcb), (Restart, None));
    assert_eq!(world.kernel.objs[server].reply, None);
}

#[test]
fn cancelling_a_badge_restarts_its_senders_and_nobody_else() {
    let mut world = World::new();
    let endpoint = world.endpoint(1);
    let [mine, caller, other, plain, faulter] = [(); 5].map(|()| world.thread(5));
    world.set_handler(faulter, TcbSlot::FaultHandler, endpoint, 8);
    world.send(mine, endpoint, 8, 0);
    world.send(caller, endpoint, 8, GRANT_CALL);
    world.send(other, endpoint, 9, 0);
    world.send(plain, endpoint, 0, 0);
    world.fault(faulter, VM_FAULT);
    world.kernel.cancel_badged_sends(endpoint, 0);
    assert_eq!(world.state(plain), BlockedOnSend);
    world.kernel.cancel_badged_sends(endpoint, 8);
    let states = [mine, caller, other, plain, faulter].map(|tcb| world.state(tcb));
    assert_eq!(states, [Restart, Restart, BlockedOnSend, BlockedOnSend, Inactive]);
    assert_eq!(world.kernel.objs[endpoint].state(), EndpointState::Sending);
}

#[test]
fn cancelling_a_badge_leaves_receivers_alone() {
    let mut world = World::new();
    let (endpoint, server) = (world.endpoint(1), world.thread(5));
    world.receive(server, endpoint, None);
    world.kernel.objs[server].badge = 8;
    world.kernel.cancel_badged_sends(endpoint, 8);
    assert_eq!(world.state(server), BlockedOnReceive);
}

#[test]
fn cancelling_a_wait_leaves_the_queue_and_drops_the_fault() {
    let mut world = World::new();
    let (endpoint, reply) = (world.endpoint(1), world.reply(2));
    let (faulter, server) = (world.thread(5), world.thread(5));
    world.set_handler(faulter, TcbSlot::FaultHandler, endpoint, 0);
    world.fault(faulter, VM_FAULT);
    world.kernel.cancel_ipc(faulter);
    assert_eq!((world.state(faulter), world.kernel.objs[faulter].fault.is_some()), (Inactive, false));
    assert_eq!(world.kernel.objs[endpoint].state(), EndpointState::Idle);
    world.receive(server, endpoint, Some(reply));
    world.kernel.cancel_ipc(server);
    assert_eq!((world.state(server), world.kernel.objs[reply].tcb), (Inactive, None));
    assert_eq!(world.kernel.objs[endpoint].state(), EndpointState::Idle);
}
