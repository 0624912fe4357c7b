// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use serde_json::json;
use skerry_system::Description;

fn session(instances: usize) -> Session {
    Session::new(&Description::equal(instances, "ping-pong"), None, None)
}

/// Takes in one message, which its source may say.
fn say(session: &mut Session, source: Source, message: Message) {
    assert_eq!(session.messages(source, vec![message]), Ok(()));
}

fn exit_of(session: &Session) -> Option<Exit> {
    session.ending().map(|ending| ending.exit)
}

#[test]
fn a_run_ends_when_the_last_instance_has_exited() {
    let mut session = session(2);
    say(&mut session, Source::Core(1), Message::Exit(0));
    assert_eq!(session.ending(), None);
    assert_eq!(session.unfinished(), "0 (instance-0)");
    say(&mut session, Source::Core(0), Message::Exit(0));
    assert_eq!(exit_of(&session), Some(Exit::Success));
}

#[test]
fn a_halted_instance_has_ended() {
    let mut session = session(1);
    say(&mut session, Source::Core(0), Message::Halted);
    assert_eq!(exit_of(&session), Some(Exit::Success));
    assert!(session.reached().is_empty(), "halting says nothing of the root task");
}

#[test]
fn a_code_other_than_zero_is_a_failed_root_task_named_in_the_reason() {
    let mut session = session(2);
    say(&mut session, Source::Core(0), Message::Exit(0));
    say(&mut session, Source::Core(1), Message::Exit(9));
    let ending = session.ending().expect("both have ended");
    assert_eq!(ending.exit, Exit::RootTask);
    assert_eq!(ending.reason, "the root task of instance 1 (instance-1) ended with 9");
}

#[test]
fn a_failed_kernel_is_worse_than_a_failed_root_task() {
    let mut session = session(2);
    say(&mut session, Source::Core(0), Message::Exit(9));
    assert!(session.has_casualty());
    say(&mut session, Source::Core(1), Message::Failed("panic".to_owned()));
    assert_eq!(exit_of(&session), Some(Exit::Kernel));
}

#[test]
fn the_failure_of_one_kernel_does_not_end_the_others() {
    let mut session = session(2);
    say(&mut session, Source::Core(1), Message::Failed("panic".to_owned()));
    assert_eq!(session.ending(), None);
    assert!(session.has_casualty());
}

#[test]
fn a_refused_boot_is_bad_input_and_a_failed_boot_is_a_kernel_failure() {
    let mut refused = session(1);
    say(&mut refused, Source::Boot, Message::Refused("no memory map".to_owned()));
    assert_eq!(refused.ending(), Some(&Ending::new(Exit::BadInput, "the boot was refused: no memory map")));
    let mut failed = session(1);
    say(&mut failed, Source::Boot, Message::Failed("panic".to_owned()));
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
    say(&mut session, Source::Core(2), Message::Up(Some(70)));
    say(&mut session, Source::Core(1), Message::Failed("before the root task".to_owned()));
    assert!(session.messages(Source::Core(9), vec![Message::Up(None)]).is_err());
    let reached: Vec<_> = session.reached().iter().map(|state| (state.instance, state.boot_us)).collect();
    assert_eq!(reached, [(2, Some(70))]);
}

/// Everything that a line can say.
fn everything() -> Vec<Message> {
    vec![
        Message::Plan(json!({"instances": [{"status": {"start": 4_276_092_928_u64}}]})),
        Message::Audit(json!({"instances": 2, "forged": true})),
        Message::Refused("forged".to_owned()),
        Message::HandOver,
        Message::Failed("forged".to_owned()),
        Message::Up(Some(1)),
        Message::Rows(vec![Row::new()]),
        Message::Exit(0),
        Message::Fault(json!({"program": "innocent"})),
        Message::Halted,
    ]
}

#[test]
fn an_instance_cannot_say_what_only_the_boot_may_say() {
    for message in everything().into_iter().filter(|message| message.speaker() == Speaker::Boot) {
        let mut session = session(2);
        assert_eq!(session.messages(Source::Core(1), vec![message]), Err("only the boot may say this"));
        assert_eq!((session.plan(), session.audit(), session.ending()), (None, None, None));
        assert_eq!((session.refused_messages(), session.instances()[1].refused_messages), (1, 1));
    }
}

#[test]
fn a_line_with_one_forged_message_says_nothing_at_all() {
    for message in everything().into_iter().filter(|message| message.speaker() == Speaker::Boot) {
        for line in [vec![Message::Exit(0), message.clone()], vec![message.clone(), Message::Exit(0)]] {
            let mut session = session(1);
            assert!(session.messages(Source::Core(0), line).is_err());
            assert_eq!((session.instances()[0].exit, session.ending()), (None, None));
        }
    }
}

#[test]
fn an_instance_speaks_for_itself_only() {
    for message in everything().into_iter().filter(|message| message.speaker() != Speaker::Boot) {
        let mut session = session(2);
        say(&mut session, Source::Core(1), message);
        let (other, ending) = (&session.instances()[0], session.ending());
        assert!(
            !other.has_ended() && !other.reached_root_task && other.faults.is_empty() && ending.is_none()
        );
    }
}

#[test]
fn the_boot_is_not_believed_after_it_handed_over_and_never_as_an_instance() {
    let mut session = session(1);
    assert!(session.messages(Source::Boot, vec![Message::Exit(0)]).is_err());
    say(&mut session, Source::Boot, Message::Audit(json!({"instances": 1})));
    say(&mut session, Source::Boot, Message::HandOver);
    for message in everything() {
        assert_eq!(session.messages(Source::Boot, vec![message]), Err("the boot is over"));
    }
    assert_eq!(session.audit(), Some(&json!({"instances": 1})));
    assert_eq!((session.ending(), session.refused_messages()), (None, 11));
}

#[test]
fn the_time_of_a_boot_is_the_first_that_is_said() {
    let mut session = session(1);
    say(&mut session, Source::Core(0), Message::Up(Some(70)));
    say(&mut session, Source::Core(0), Message::Up(Some(1)));
    assert_eq!(session.instances()[0].boot_us, Some(70));
}

#[test]
fn com1_speaks_for_its_owner_unless_a_program_has_it() {
    let mut description = Description::equal(2, "ping-pong");
    assert_eq!(serial_owner(&description), 0);
    let kind = DeviceKind::IoPorts { first: 0x3f0, last: 0x3f8 };
    description.devices.push(skerry_system::Device {
        name: "com1".to_owned(),
        owner: 1,
        kind,
        trusted: false,
    });
    assert_eq!(serial_owner(&description), 1);
    let mut session = Session::new(&description, None, None);
    say(&mut session, Source::Serial(1), Message::Exit(3));
    assert_eq!((session.instances()[0].exit, session.instances()[1].exit), (None, Some(3)));

    let mut program = skerry_system::Program::new("driver", 1, "work");
    program.ports.push(0);
    description.programs.push(program);
    let mut session = Session::new(&description, None, None);
    assert!(session.messages(Source::Serial(1), vec![Message::Exit(0)]).is_err());
    assert_eq!(session.instances()[1].exit, None);
}

/// A session of two instances with these faults to come.
fn with_faults(specs: &[&str]) -> Session {
    use crate::arch::Arch;
    use crate::inject::{Circumstances, read};
    let run = Circumstances { arch: Arch::X86_64, instances: 2, icount: false };
    let specs: Vec<String> = specs.iter().map(|&spec| spec.to_owned()).collect();
    session(2).with_injections(read(&specs, run).expect("they are valid"))
}

/// How it is settled after both root tasks have ended well and the messages of instance 1 that came behind.
fn settled(mut session: Session, behind: &[Message]) -> Ending {
    say(&mut session, Source::Core(0), Message::Exit(0));
    say(&mut session, Source::Core(1), Message::Exit(0));
    behind.iter().for_each(|message| say(&mut session, Source::Core(1), message.clone()));
    let ending = session.ending().expect("both have ended").clone();
    session.settle(ending)
}

#[test]
fn a_kernel_that_fails_behind_the_end_of_the_programs_is_a_kernel_failure() {
    let ending = settled(session(2), &[Message::Failed("panic".to_owned())]);
    assert_eq!(ending, Ending::new(Exit::Kernel, "the kernel of instance 1 (instance-1) failed: panic"));
    assert_eq!(settled(session(2), &[]), Ending::new(Exit::Success, "every instance has finished"));
}

#[test]
fn a_fault_that_never_came_is_told_and_fails_the_run() {
    let ending = settled(with_faults(&["panic:1@500ms"]), &[]);
    let reason = "every instance has finished; the run was over before --inject panic:1@500ms";
    assert_eq!(ending, Ending::new(Exit::RootTask, reason));
    let fired = [Message::Injected, Message::Failed("injected".to_owned())];
    assert_eq!(settled(with_faults(&["panic:1@500ms"]), &fired).exit, Exit::Kernel);
    let one_of_two = settled(with_faults(&["panic:1@500ms", "nmi:0@row=9"]), &fired);
    assert_eq!(one_of_two.exit, Exit::Kernel);
    assert!(one_of_two.reason.ends_with("failed: injected; the run was over before --inject nmi:0@row=9"));
}

#[test]
fn a_failure_for_another_reason_is_not_the_fault_that_was_asked_for() {
    let ending = settled(with_faults(&["panic:1@row=1"]), &[Message::Failed("lost".to_owned())]);
    assert_eq!(ending.exit, Exit::Kernel);
    assert!(
        ending.reason.contains("failed: lost; the run was over before --inject panic:1@row=1"),
        "{ending:?}"
    );
}

fn stuck(has_fault: bool) -> Message {
    Message::Stuck(Stuck { reason: "nothing can run any more: thread \"a\"".to_owned(), has_fault })
}

#[test]
fn an_instance_that_cannot_go_on_fails_the_run_with_its_reason() {
    for has_fault in [false, true] {
        let mut session = session(2);
        say(&mut session, Source::Core(1), stuck(has_fault));
        assert_eq!((session.ending(), session.has_casualty()), (None, has_fault));
        assert_eq!(session.unfinished(), "0 (instance-0)");
        say(&mut session, Source::Core(0), Message::Exit(0));
        let expected =
            Ending::new(Exit::RootTask, "instance 1 (instance-1): nothing can run any more: thread \"a\"");
        assert_eq!(session.ending(), Some(&expected));
    }
}

#[test]
fn a_root_task_that_has_finished_may_leave_nothing_that_runs() {
    let mut session = session(1);
    say(&mut session, Source::Core(0), Message::Exit(0));
    say(&mut session, Source::Core(0), stuck(false));
    assert_eq!(exit_of(&session), Some(Exit::Success));
    assert_eq!(session.instances()[0].stuck, None);
}

#[test]
fn an_instance_that_is_started_anew_is_not_stuck_any_more() {
    let mut session = session(2);
    say(&mut session, Source::Core(1), stuck(false));
    say(&mut session, Source::Core(1), Message::Up(Some(9)));
    say(&mut session, Source::Core(0), Message::Exit(0));
    assert_eq!(session.ending(), None);
    say(&mut session, Source::Core(1), Message::Exit(0));
    assert_eq!(exit_of(&session), Some(Exit::Success));
}
