// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fast path does what the slow path would have done, to the last byte.
//!
//! The kernel is cloned: one copy takes the fast path, the other the slow one at the same time. A fast path that does
//! not read the clock is compared with time standing still; what it leaves for later is compared after the next entry,
//! with time running.

use abi::{CapTag, Syscall};
use arch::{SimMachine, Ticks};
use ipi::{Line, Memory};
use kernel::invariants::Difference;
use kernel::{Event, Kernel, Resume};

use crate::world::{LINES, PEER, START, World};

/// Time that the fast path does not notice, and time until the next entry.
const LATER: [Ticks; 2] = [Ticks(3), Ticks(500)];
const DOORBELL: Event = Event::Interrupt(abi::vector::DOORBELL);

/// Compares both paths for `event`, if a fast path takes it; says whether one did.
pub fn compare(world: &World, event: Event) -> bool {
    let kernel = &world.kernel;
    if kernel.is_idle() {
        return compare_doorbell(world);
    }
    if !may_be_fast(world, event) {
        return false;
    }
    let mut fast = kernel.clone();
    let Some(resume) = fast.fast_path(event) else {
        assert_eq!(fast.differences(kernel, START), [], "a fast path that gives up has changed something");
        return false;
    };
    if fast.sched.current_sc != kernel.sched.current_sc || fast.sched.now != kernel.sched.now {
        // The clock was read, and the budget that ended charged: nothing is left for later.
        let mut slow = kernel.clone();
        assert_eq!(slow.handle(event), resume, "the fast path chose somebody else");
        assert_eq!(fast.differences(&slow, START), [], "the fast path did something else");
        return true;
    }
    let mut before = kernel.clone();
    before.machine.time = before.sched.now;
    fast.machine.time = before.sched.now;
    let mut slow = before.clone();
    let slow_resume = slow.handle(event);
    if slow.sched.reprogram != fast.sched.reprogram || slow.sched.current_sc != before.sched.current_sc {
        return true;
    }
    assert_eq!(fast.differences(&slow, START), [], "the fast path did something else");
    assert_eq!(slow_resume, resume, "the fast path chose somebody else");
    compare_later(before, event);
    true
}

/// What cannot take a fast path is not worth a copy; a look at the target is enough. Signals and
/// acknowledgements of lines are left out, because they change an inbox.
fn may_be_fast(world: &World, event: Event) -> bool {
    let context = &world.kernel.objs[world.kernel.current()].context;
    let targets: &[CapTag] = match (event, Syscall::from_word(context.rdx)) {
        (Event::PageFault { .. } | Event::Exception { .. }, _) => return true,
        (Event::Syscall, Some(Syscall::Call)) => &[CapTag::Endpoint, CapTag::Frame, CapTag::Untyped],
        (Event::Syscall, Some(Syscall::ReplyRecv)) => &[CapTag::Endpoint],
        (Event::Syscall, Some(Syscall::Send | Syscall::NBSend)) => &[CapTag::Notification, CapTag::Endpoint],
        (Event::Syscall, Some(Syscall::Wait | Syscall::NBWait | Syscall::Recv)) => {
            &[CapTag::Notification, CapTag::Endpoint]
        }
        (Event::Syscall, Some(Syscall::Yield)) => return true,
        _ => return false,
    };
    targets.contains(&world.cap(context.rdi).tag())
}

/// What a doorbell would do now, while nobody runs, with every line signalled. Copies of a kernel share its inbox,
/// which is put back each time.
fn compare_doorbell(world: &World) -> bool {
    let inbox = world.inbox;
    let [before, rung, taken] = [(); 3].map(|()| Memory::new());
    before.copy_from(inbox);
    let sender = inbox.inbox().sender(PEER).expect("the inbox has room for the channel");
    Line::each((1 << LINES) - 1).for_each(|line| _ = sender.signal(line));
    rung.copy_from(inbox);
    let mut fast = world.kernel.clone();
    let done = fast.fast_path(DOORBELL);
    taken.copy_from(inbox);
    inbox.copy_from(&rung);
    let mut slow = world.kernel.clone();
    let resume = slow.handle(DOORBELL);
    assert_eq!(done, Some(resume), "the fast path chose somebody else");
    assert_eq!(fast.differences(&slow, START), [], "the fast path did something else");
    assert_eq!(format!("{taken:?}"), format!("{inbox:?}"), "the fast path left another inbox");
    inbox.copy_from(&before);
    true
}

/// The same with time running, and compared after the next entry, when the fast path has caught up.
fn compare_later(mut fast: Kernel<SimMachine>, event: Event) {
    fast.machine.time = fast.machine.time.saturating_add(LATER[0]);
    let mut slow = fast.clone();
    let taken = fast.fast_path(event);
    let resume = slow.handle(event);
    let Some(Resume::Thread(next)) = taken.filter(|&taken| resume == taken) else { return };
    if fast.objs[next].context.entry() != slow.objs[next].context.entry() {
        // The budget was just enough without the time that passed; the slow path will repeat the call.
        return;
    }
    for kernel in [&mut fast, &mut slow] {
        kernel.machine.time = kernel.machine.time.saturating_add(LATER[1]);
        kernel.handle(Event::Interrupt(abi::vector::TIMER));
        kernel.machine.effects.clear();
    }
    let differences: Vec<Difference> = fast.differences(&slow, START);
    assert_eq!(differences, [], "the fast path does not catch up");
}
