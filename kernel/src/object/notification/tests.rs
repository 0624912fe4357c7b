// SPDX-License-Identifier: MIT OR Apache-2.0
//! docs/abi/ipc-and-scheduling.md, "Notifications": every row.

use arch::Ticks;

use super::*;
use crate::ipc::testing::World;
use crate::object::tcb::SendFlags;
use crate::object::tcb::ThreadState::*;
use crate::sched::Action;
use crate::sched::refill::Rate;

fn wait(world: &mut World, tcb: ObjRef<Tcb>, notification: ObjRef<Notification>) {
    world.run(tcb);
    world.kernel.receive_signal(tcb, notification, true);
}

#[test]
fn signals_gather_in_the_word_until_somebody_looks() {
    let mut world = World::new();
    let (notification, tcb) = (world.notification(1), world.thread(5));
    world.kernel.send_signal(notification, 0b001);
    world.kernel.send_signal(notification, 0b100);
    wait(&mut world, tcb, notification);
    assert_eq!((world.state(tcb), world.message_of(tcb).0), (Running, 0b101));
    assert_eq!(world.kernel.objs[notification].state(), NotificationState::Idle);
}

#[test]
fn a_signal_wakes_the_first_waiting_thread_and_writes_its_badge_alone() {
    let mut world = World::new();
    let notification = world.notification(1);
    let (low, high) = (world.thread(1), world.thread(9));
    for tcb in [low, high] {
        world.write_message(tcb, 5, &[1, 2], &[]);
        wait(&mut world, tcb, notification);
    }
    let (_, info, words) = world.message_of(high);
    world.kernel.sched.current = world.kernel.sched.idle;
    world.kernel.send_signal(notification, 6);
    assert_eq!((world.state(high), world.state(low)), (Running, BlockedOnNotification));
    assert_eq!(world.message_of(high), (6, info, words));
    assert_eq!(world.kernel.sched.action, Action::SwitchTo(high));
    world.kernel.send_signal(notification, 7);
    assert_eq!((world.state(low), world.message_of(low).0), (Running, 7));
    assert_eq!(world.kernel.objs[notification].state(), NotificationState::Idle);
}

#[test]
fn a_signal_without_badge_still_wakes_and_activates() {
    let mut world = World::new();
    let (notification, tcb) = (world.notification(1), world.thread(5));
    wait(&mut world, tcb, notification);
    world.kernel.send_signal(notification, 0);
    assert_eq!((world.state(tcb), world.message_of(tcb).0), (Running, 0));
    world.kernel.send_signal(notification, 0);
    assert_eq!(world.kernel.objs[notification].state(), NotificationState::Active);
}

#[test]
fn a_wait_that_does_not_block_clears_the_badge_and_nothing_else() {
    let mut world = World::new();
    let (notification, tcb) = (world.notification(1), world.thread(5));
    world.write_message(tcb, 5, &[1, 2], &[]);
    world.kernel.objs[tcb].context.set_badge(44);
    let (_, info, words) = world.message_of(tcb);
    world.run(tcb);
    world.kernel.receive_signal(tcb, notification, false);
    assert_eq!((world.state(tcb), world.message_of(tcb)), (Running, (0, info, words)));
}

#[test]
fn a_bound_thread_gets_signals_while_it_receives_on_an_endpoint() {
    let mut world = World::new();
    let (notification, endpoint, reply) = (world.notification(1), world.endpoint(2), world.reply(3));
    let tcb = world.thread(5);
    world.kernel.bind_notification(tcb, notification);
    world.receive(tcb, endpoint, Some(reply));
    world.kernel.send_signal(notification, 0x10);
    assert_eq!((world.state(tcb), world.message_of(tcb).0), (Running, 0x10));
    assert_eq!((world.kernel.objs[reply].tcb, world.kernel.objs[tcb].reply), (None, None));
    assert_eq!(world.kernel.objs[endpoint].queue().head, None);
}

#[test]
fn a_bound_thread_in_a_call_leaves_signals_pending() {
    let mut world = World::new();
    let (notification, endpoint) = (world.notification(1), world.endpoint(2));
    let tcb = world.thread(5);
    world.kernel.bind_notification(tcb, notification);
    world.send(tcb, endpoint, 0, SendFlags::GRANT | SendFlags::CALL);
    world.kernel.send_signal(notification, 0x10);
    assert_eq!(world.state(tcb), BlockedOnSend);
    assert_eq!(world.kernel.objs[notification].word, 0x10);
}

#[test]
fn a_woken_thread_borrows_the_budget_of_the_notification_until_it_waits_again() {
    let mut world = World::new();
    let (notification, tcb, owner) = (world.notification(1), world.passive(5), world.thread(1));
    let sc = world.sc(owner).expect("an active thread");
    world.kernel.unbind_sched_context(sc);
    world.kernel.objs[notification].sched_context = Some(sc);
    wait(&mut world, tcb, notification);
    world.kernel.send_signal(notification, 1);
    assert_eq!((world.state(tcb), world.sc(tcb)), (Running, Some(sc)));
    wait(&mut world, tcb, notification);
    assert_eq!((world.state(tcb), world.sc(tcb)), (BlockedOnNotification, None));
    assert_eq!(world.kernel.objs[sc].tcb, None);
}

#[test]
fn a_pending_signal_lends_the_budget_too() {
    let mut world = World::new();
    let (notification, tcb, owner) = (world.notification(1), world.passive(5), world.thread(1));
    let sc = world.sc(owner).expect("an active thread");
    world.kernel.unbind_sched_context(sc);
    world.kernel.objs[notification].sched_context = Some(sc);
    world.kernel.send_signal(notification, 1);
    wait(&mut world, tcb, notification);
    assert_eq!((world.state(tcb), world.sc(tcb)), (Running, Some(sc)));
}

#[test]
fn a_budget_that_somebody_holds_is_not_lent() {
    let mut world = World::new();
    let (notification, tcb, owner) = (world.notification(1), world.passive(5), world.thread(1));
    world.kernel.objs[notification].sched_context = world.sc(owner);
    wait(&mut world, tcb, notification);
    world.kernel.send_signal(notification, 1);
    assert_eq!((world.state(tcb), world.sc(tcb)), (Running, None));
}

#[test]
fn a_lent_budget_that_is_not_available_postpones_the_thread() {
    let mut world = World::new();
    let (notification, tcb, owner) = (world.notification(1), world.passive(5), world.thread(1));
    let sc = world.sc(owner).expect("an active thread");
    world.kernel.unbind_sched_context(sc);
    let rate = Rate { budget: Ticks(1_000_000), period: Ticks(9_000_000), max_refills: 2 };
    world.kernel.set_refills(sc, rate);
    world.kernel.objs[sc.refill(0)].time = Ticks(500);
    world.kernel.objs[notification].sched_context = Some(sc);
    wait(&mut world, tcb, notification);
    world.kernel.sched.current = world.kernel.sched.idle;
    world.kernel.send_signal(notification, 1);
    assert_eq!((world.state(tcb), world.sc(tcb)), (Running, Some(sc)));
    assert_eq!(world.kernel.sched.release.head, Some(tcb));
    assert_eq!(world.kernel.sched.action, Action::ResumeCurrent);
}

#[test]
fn the_end_of_a_notification_dissolves_its_bonds_and_restarts_who_waits() {
    let mut world = World::new();
    let (notification, tcb, bound) = (world.notification(1), world.thread(5), world.thread(5));
    let sc = world.sc(bound).expect("an active thread");
    wait(&mut world, tcb, notification);
    world.kernel.bind_notification(bound, notification);
    world.kernel.objs[notification].sched_context = Some(sc);
    world.kernel.objs[sc].notification = Some(notification);
    world.kernel.finalise_notification(notification);
    assert_eq!(world.state(tcb), Restart);
    assert_eq!(world.kernel.objs[bound].bound_notification, None);
    assert_eq!(world.kernel.objs[sc].notification, None);
    assert_eq!(world.kernel.objs[notification].bound_tcb, None);
    assert_eq!(world.kernel.objs[notification].sched_context, None);
    assert_eq!(world.kernel.sched.action, Action::ChooseNew);
}

#[test]
fn the_end_of_a_notification_restarts_the_budgets_of_sporadic_contexts_as_a_signal_does() {
    for (sporadic, ready_from) in [(1, Ticks(500)), (0, Ticks(0))] {
        let mut world = World::new();
        let (notification, tcb, other) = (world.notification(1), world.thread(5), world.thread(5));
        let sc = world.sc(tcb).expect("an active thread");
        let rate = Rate { budget: Ticks(1_000_000), period: Ticks(9_000_000), max_refills: 2 };
        world.kernel.set_refills(sc, rate);
        world.kernel.objs[sc].sporadic = sporadic;
        wait(&mut world, tcb, notification);
        world.run(other);
        world.kernel.sched.now = Ticks(500);
        world.kernel.finalise_notification(notification);
        assert_eq!((world.state(tcb), world.kernel.head_refill(sc).time), (Restart, ready_from));
    }
}

#[test]
fn unbinding_dissolves_both_sides() {
    let mut world = World::new();
    let (notification, tcb) = (world.notification(1), world.thread(5));
    world.kernel.bind_notification(tcb, notification);
    world.kernel.unbind_notification(tcb);
    assert_eq!(world.kernel.objs[notification].bound_tcb, None);
    assert_eq!(world.kernel.objs[tcb].bound_notification, None);
}

#[test]
fn a_cancelled_or_reordered_wait_keeps_the_queue_sound() {
    let mut world = World::new();
    let notification = world.notification(1);
    let [a, b, c] = [9, 5, 1].map(|priority| world.thread(priority));
    for tcb in [a, b, c] {
        wait(&mut world, tcb, notification);
    }
    world.kernel.objs[c].priority = 200;
    world.kernel.reorder_ipc_queue(c);
    assert_eq!(world.kernel.objs[notification].head, Some(c));
    world.kernel.cancel_ipc(a);
    assert_eq!(world.state(a), Inactive);
    assert_eq!(world.kernel.objs[c].ipc_next, Some(b));
    assert_eq!(world.kernel.objs[notification].tail, Some(b));
}
