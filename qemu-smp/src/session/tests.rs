// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn session(instances: usize) -> Session {
    Session::new(&Description::equal(instances, "ping-pong"), None, None)
}

fn exit_of(session: &Session) -> Option<Exit> {
    session.ending().map(|ending| ending.exit)
}

#[test]
fn a_run_ends_when_the_last_instance_has_exited() {
    let mut session = session(2);
    session.message(Source::Core(1), Message::Exit(0));
    assert_eq!(session.ending(), None);
    assert_eq!(session.unfinished(), "0 (instance-0)");
    session.message(Source::Core(0), Message::Exit(0));
    assert_eq!(exit_of(&session), Some(Exit::Success));
}

#[test]
fn a_halted_instance_has_ended() {
    let mut session = session(1);
    session.message(Source::Core(0), Message::Halted);
    assert_eq!(exit_of(&session), Some(Exit::Success));
    assert!(session.reached().is_empty(), "halting says nothing of the root task");
}

#[test]
fn a_code_other_than_zero_is_a_failed_root_task_named_in_the_reason() {
    let mut session = session(2);
    session.message(Source::Core(0), Message::Exit(0));
    session.message(Source::Core(1), Message::Exit(9));
    let ending = session.ending().expect("both have ended");
    assert_eq!(ending.exit, Exit::RootTask);
    assert_eq!(ending.reason, "the root task of instance 1 (instance-1) ended with 9");
}

#[test]
fn a_failed_kernel_is_worse_than_a_failed_root_task() {
    let mut session = session(2);
    session.message(Source::Core(0), Message::Exit(9));
    assert!(session.has_casualty());
    session.message(Source::Core(1), Message::Failed("panic".to_owned()));
    assert_eq!(exit_of(&session), Some(Exit::Kernel));
}

#[test]
fn the_failure_of_one_kernel_does_not_end_the_others() {
    let mut session = session(2);
    session.message(Source::Core(1), Message::Failed("panic".to_owned()));
    assert_eq!(session.ending(), None);
    assert!(session.has_casualty());
}

#[test]
fn a_refused_boot_is_bad_input_and_a_failed_boot_is_a_kernel_failure() {
    let mut refused = session(1);
    refused.message(Source::Boot, Message::Refused("no memory map".to_owned()));
    assert_eq!(refused.ending(), Some(&Ending::new(Exit::BadInput, "the boot was refused: no memory map")));
    let mut failed = session(1);
    failed.message(Source::Boot, Message::Failed("panic".to_owned()));
    assert_eq!(exit_of(&failed), Some(Exit::Kernel));
}

#[test]
fn patterns_end_a_run_and_the_failing_one_wins() {
    let pattern = |text| Some(Regex::new(text).expect("the pattern is valid"));
    let mut session = Session::new(&Description::plain(), pattern("DONE"), pattern("BAD"));
    session.line("core 0 | working");
    assert_eq!(session.ending(), None);
    session.line("core 0 | DONE but BAD");
    assert_eq!(exit_of(&session), Some(Exit::RootTask));
}

#[test]
fn only_instances_that_reached_their_root_task_are_listed() {
    let mut session = session(3);
    session.message(Source::Core(2), Message::Up(Some(70)));
    session.message(Source::Core(1), Message::Failed("before the root task".to_owned()));
    session.message(Source::Core(9), Message::Up(None));
    let reached: Vec<_> = session.reached().iter().map(|state| (state.instance, state.boot_us)).collect();
    assert_eq!(reached, [(2, Some(70))]);
}

#[test]
fn com1_speaks_for_instance_0() {
    let mut session = session(1);
    session.message(Source::Serial, Message::Exit(0));
    assert_eq!(exit_of(&session), Some(Exit::Success));
}
