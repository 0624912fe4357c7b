// SPDX-License-Identifier: MIT OR Apache-2.0
use abi::{Rights, Syscall};
use arch::Ticks;

use super::*;
use crate::Profile;
use crate::cap::Cap;
use crate::ipc::testing::World;
use crate::object::tcb::TcbSlot;
use crate::sched::refill::Rate;
use crate::{Event, Resume};

/// A world whose only thread is called `task`.
fn world() -> (World, ObjRef<Tcb>) {
    let mut world = World::new();
    world.kernel.config.profile = Profile { has_runner: true, ..Profile::from_word(3) };
    let tcb = world.thread(5);
    world.kernel.list_thread(tcb);
    world.kernel.objs[tcb].name[..4].copy_from_slice(b"task");
    (world, tcb)
}

/// The thread makes a system call that there is not, and nobody handles it.
fn stop(world: &mut World, tcb: ObjRef<Tcb>) -> Resume {
    world.syscall(tcb, Syscall::X86DangerousWrmsr, 0, 0)
}

/// What was told of the end since the last look: the reason in the line for the runner.
fn told(world: &mut World) -> Option<String> {
    let text = String::from_utf8(core::mem::take(&mut world.kernel.machine.console)).expect("it is text");
    let line = text.lines().find_map(|line| line.strip_prefix("!skerry {\"stuck\":"))?;
    let reason = line.split_once("\"reason\":\"")?.1.strip_suffix("\"}}")?;
    let is_shown = text.lines().any(|line| line == reason.replace("\\\"", "\""));
    assert_eq!(is_shown, line.starts_with("{\"fault\":true,"), "{text}");
    Some(reason.replace("\\\"", "\""))
}

/// The timer fires, which was set for whoever ran before.
fn tick(world: &mut World) -> Resume {
    world.kernel.handle(Event::Interrupt(abi::vector::TIMER))
}

#[test]
fn a_stopped_thread_that_was_alone_is_the_end_and_is_told_once() {
    let (mut world, tcb) = world();
    assert_eq!(stop(&mut world, tcb), Resume::Idle);
    let expected = "nothing can run any more: thread \"task\" stopped at 0x401000 by UnknownSyscall -30";
    assert_eq!(told(&mut world).as_deref(), Some(expected));
    assert_eq!(tick(&mut world), Resume::Idle);
    assert_eq!(told(&mut world), None);
}

#[test]
fn it_is_told_when_the_timer_fires_that_was_left_as_it_was() {
    let (mut world, tcb) = world();
    world.kernel.sched.alarm = Ticks(5_000_000);
    assert_eq!(stop(&mut world, tcb), Resume::Idle);
    assert_eq!(told(&mut world), None);
    world.kernel.machine.time = Ticks(5_000_000);
    assert_eq!(tick(&mut world), Resume::Idle);
    assert!(told(&mut world).is_some_and(|reason| reason.contains("task")));
}

#[test]
fn threads_that_wait_for_each_other_are_the_end_too() {
    let (mut world, tcb) = world();
    world.endpoint(1);
    world.reply(2);
    assert_eq!(world.syscall(tcb, Syscall::Recv, 1, 2), Resume::Idle);
    let reason = told(&mut world).expect("nothing can happen");
    assert!(
        reason.ends_with("no thread is ready, and none waits for time, an interrupt or a line"),
        "{reason}"
    );
}

#[test]
fn a_thread_whose_budget_comes_back_is_not_the_end() {
    let (mut world, tcb) = world();
    let other = world.thread(3);
    world.notification(1);
    let sc = world.sc(other).expect("an active thread");
    let rate = Rate { budget: Ticks(1_000_000), period: Ticks(9_000_000), max_refills: 2 };
    world.kernel.set_refills(sc, rate);
    world.ready(other);
    world.kernel.objs[sc.refill(0)].time = Ticks(1 << 40);
    world.kernel.postpone(sc);
    assert_eq!(stop(&mut world, tcb), Resume::Idle);
    assert_eq!(told(&mut world), None);
    // Once it has run and waits for a signal that nobody sends, it is.
    world.kernel.machine.time = Ticks(1 << 41);
    assert_eq!(tick(&mut world), Resume::Thread(other));
    world.syscall(other, Syscall::Wait, 1, 0);
    tick(&mut world);
    assert!(told(&mut world).is_some());
}

#[test]
fn a_connected_source_is_not_the_end_until_its_connection_goes() {
    for index in [0, 7, VECTORS + 2] {
        let (mut world, tcb) = world();
        world.kernel.config.incoming_lines = 3;
        let notification = world.notification(1);
        let cap = Cap::Notification { notification, badge: 1, rights: Rights::READ_WRITE };
        let slot = world.kernel.irq_slots.element(index);
        world.kernel.insert_root_cap(cap, slot);
        assert_eq!(stop(&mut world, tcb), Resume::Idle);
        assert_eq!(told(&mut world), None, "source {index}");
        assert_eq!(world.kernel.waker, slot);
        tick(&mut world);
        assert_eq!(told(&mut world), None, "the one remembered: source {index}");
        world.kernel.empty_slot(slot);
        tick(&mut world);
        assert!(told(&mut world).is_some(), "source {index}");
    }
}

#[test]
fn a_fault_with_a_handler_is_no_stop() {
    let (mut world, tcb) = world();
    let (handler, endpoint) = (world.thread(9), world.endpoint(1));
    let reply = world.reply(2);
    world.receive(handler, endpoint, Some(reply));
    world.set_handler(tcb, TcbSlot::FaultHandler, endpoint, 0);
    assert_eq!(stop(&mut world, tcb), Resume::Thread(handler));
    assert!(world.kernel.last_stop.is_none());
}

#[test]
fn a_stopped_thread_that_is_deleted_is_not_named() {
    let (mut world, tcb) = world();
    world.kernel.sched.alarm = Ticks(5_000_000);
    stop(&mut world, tcb);
    world.kernel.finalise_tcb(tcb);
    assert_eq!((world.kernel.threads, world.kernel.last_stop.is_none()), (None, true));
    tick(&mut world);
    assert!(told(&mut world).is_some_and(|reason| !reason.contains("task")));
}

#[test]
fn what_the_kernel_says_stands_on_a_line_of_its_own_behind_a_line_that_a_program_has_begun() {
    let (mut world, tcb) = world();
    for byte in b"unfinished" {
        world.syscall(tcb, Syscall::DebugPutChar, u64::from(*byte), 0);
    }
    assert_eq!(stop(&mut world, tcb), Resume::Idle);
    assert!(
        String::from_utf8_lossy(&world.kernel.machine.console).starts_with("unfinished\nthread \"task\"")
    );
    assert!(told(&mut world).is_some(), "the runner finds its line");
}

#[test]
fn without_a_runner_people_are_told_and_no_json_is_printed() {
    let (mut world, tcb) = world();
    world.kernel.config.profile.has_runner = false;
    assert_eq!(stop(&mut world, tcb), Resume::Idle);
    let text = String::from_utf8_lossy(&world.kernel.machine.console).into_owned();
    assert!(text.contains("nothing can run any more") && !text.contains("!skerry"), "{text}");
}
