// SPDX-License-Identifier: MIT OR Apache-2.0
use abi::{ObjectType, Syscall};

use super::*;
use crate::Profile;
use crate::ipc::testing::World;
use crate::memory::objects::ObjRef;
use crate::object::tcb::Tcb;

const UNTYPED: usize = 1;
const THREAD: usize = 2;
const NOTIFICATION: usize = 3;
const ROOT: usize = 4;
const EMPTY: usize = 40;

/// A world that explains, with a thread called `task`.
fn world(explains: bool) -> (World, ObjRef<Tcb>) {
    let mut world = World::new();
    world.kernel.config.profile = Profile { explains, ..Profile::from_word(3) };
    let tcb = world.thread(5);
    world.kernel.objs[tcb].name[..4].copy_from_slice(b"task");
    let base = world.memory(16);
    world.put(UNTYPED, Cap::Untyped { base, size_bits: 16, is_device: false, free: 0 });
    world.put(THREAD, Cap::Thread(tcb));
    world.notification(NOTIFICATION);
    let root = world.kernel.objs[tcb.slot(crate::object::tcb::TcbSlot::CSpace)].cap.unpack();
    world.put(ROOT, root);
    (world, tcb)
}

fn console(world: &World) -> String {
    String::from_utf8_lossy(&world.kernel.machine.console).into_owned()
}

/// What is said of a call, without the end of the line.
fn said(label: Label, target: usize, words: &[u64], caps: &[u64]) -> String {
    let (mut world, tcb) = world(true);
    world.write_message(tcb, label.word(), words, caps);
    world.syscall(tcb, Syscall::Call, target as u64, 0);
    let text = console(&world);
    assert_eq!(text.lines().count(), 1, "{text}");
    let line = text.trim_end().strip_prefix("refused: thread \"task\" at 0x401000: ");
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn retype(words: [u64; 6]) -> String {
    said(Label::UntypedRetype, UNTYPED, &words, &[ROOT as u64])
}

#[test]
fn the_argument_outside_its_range_is_the_one_that_decides_and_not_the_first_that_could() {
    let tcb = ObjectType::Tcb.word();
    // Four more of these numbers are outside 1..=256.
    assert_eq!(
        retype([tcb, 0, 0, 0, EMPTY as u64, 0]),
        "UntypedRetype of slot 0x1 (Untyped): argument 5 is 0x0, expected 0x1..=0x100"
    );
    assert_eq!(
        retype([tcb, 0, 0, 0, 64, 1]),
        "UntypedRetype of slot 0x1 (Untyped): argument 4 is 0x40, expected 0x0..=0x3f"
    );
}

#[test]
fn what_is_missing_is_counted() {
    assert_eq!(
        said(Label::UntypedRetype, UNTYPED, &[1, 2, 3], &[]),
        "UntypedRetype of slot 0x1 (Untyped): 3 arguments and 0 capabilities given, expected 6 and 1"
    );
}

#[test]
fn a_wrong_capability_or_value_is_named_with_what_belongs_there() {
    assert_eq!(
        said(Label::TcbSetPriority, THREAD, &[5], &[NOTIFICATION as u64]),
        "TcbSetPriority of slot 0x2 (Tcb): capability 1 is Notification, expected a thread"
    );
    assert_eq!(
        retype([99, 0, 0, 0, EMPTY as u64, 1]),
        "UntypedRetype of slot 0x1 (Untyped): argument 0 is 0x63, expected a value that this invocation takes"
    );
}

#[test]
fn a_destination_in_use_and_an_unknown_invocation_are_told() {
    assert!(
        retype([ObjectType::Tcb.word(), 0, 0, 0, THREAD as u64, 1])
            .ends_with("the destination is in use, expected an empty one")
    );
    let bind = said(Label::TcbBindNotification, THREAD, &[], &[THREAD as u64]);
    assert!(
        bind.ends_with(
            "; capability 1 is Tcb, expected a notification with the right to receive that is free"
        )
    );
    let unknown = said(Label::PageMap, THREAD, &[], &[]);
    assert!(
        unknown.starts_with("PageMap of slot 0x2 (Tcb): the capability has no such invocation"),
        "{unknown}"
    );
}

#[test]
fn a_slot_that_leads_nowhere_is_told_also_where_the_caller_is_not() {
    for call in [Syscall::NBSend, Syscall::Call, Syscall::Wait] {
        let (mut world, tcb) = world(true);
        world.write_message(tcb, 0, &[], &[]);
        world.syscall(tcb, call, EMPTY as u64 | 1 << 20, 0);
        let text = console(&world);
        assert!(
            text.starts_with("refused: thread \"task\" at 0x401000: slot 0x100028: "),
            "{call:?}: {text}"
        );
        assert!(text.contains("expected a capability for this system call"), "{text}");
    }
}

#[test]
fn an_explanation_changes_neither_the_message_nor_the_answer() {
    let words = [ObjectType::Tcb.word(), 0, 0, 0, EMPTY as u64, 0];
    let answer = |explains| {
        let (mut world, tcb) = world(explains);
        world.write_message(tcb, Label::UntypedRetype.word(), &words, &[ROOT as u64]);
        world.syscall(tcb, Syscall::Call, UNTYPED as u64, 0);
        let later: Vec<u64> = (4..6).map(|index| world.word_of(tcb, index)).collect();
        (world.message_of(tcb), later, console(&world).is_empty())
    };
    let ((told, words_left, silent), (told_too, words_left_too, spoke)) = (answer(false), answer(true));
    assert_eq!((told, words_left), (told_too, words_left_too));
    assert_eq!((silent, spoke), (true, false));
}

#[test]
fn a_send_that_is_refused_is_explained_though_the_sender_is_not_told() {
    let (mut world, tcb) = world(true);
    world.write_message(tcb, Label::TcbSetPriority.word(), &[], &[]);
    world.syscall(tcb, Syscall::Send, THREAD as u64, 0);
    assert!(console(&world).contains("TcbSetPriority of slot 0x2 (Tcb): 0 arguments"), "{}", console(&world));
}
