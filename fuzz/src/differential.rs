// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fast path does what the slow path would have done, to the last byte.
//!
//! The kernel is cloned: one copy takes the fast path, the other the slow one at the same time. A fast path that does
//! not read the clock is compared with time standing still; what it leaves for later is compared after the next entry,
//! with time running.

use abi::{CapTag, Syscall};
use arch::{SimMachine, Ticks};
use kernel::invariants::Difference;
use kernel::memory::objects::ObjRef;
use kernel::object::tcb::Tcb;
use kernel::{Event, Kernel, Resume};

use crate::world::{START, World};

/// Time that the fast path does not notice, and time until the next entry.
const LATER: [Ticks; 2] = [Ticks(3), Ticks(500)];

type FastPath = fn(&mut Kernel<SimMachine>) -> Option<ObjRef<Tcb>>;

/// Compares both paths for `event`, if a fast path takes it; says whether one did.
pub fn compare(world: &World, event: Event) -> bool {
    if event != Event::Syscall || world.kernel.is_idle() {
        return false;
    }
    let kernel = &world.kernel;
    let context = &kernel.objs[kernel.current()].context;
    // What cannot be a fast path is not worth a copy; a look at the target is enough. Inboxes are not copied.
    let (path, targets): (FastPath, &[CapTag]) = match Syscall::from_word(context.rdx) {
        Some(Syscall::Call) => (Kernel::fast_call, &[CapTag::Endpoint, CapTag::Frame]),
        Some(Syscall::ReplyRecv) => (Kernel::fast_reply_recv, &[CapTag::Endpoint]),
        Some(Syscall::Send | Syscall::NBSend) => {
            (Kernel::fast_send_and_wake, &[CapTag::Notification, CapTag::Endpoint])
        }
        _ => return false,
    };
    if !targets.contains(&world.cap(context.rdi).tag()) {
        return false;
    }
    let mut fast = kernel.clone();
    let next = path(&mut fast);
    let Some(next) = next else {
        assert_eq!(fast.differences(kernel, START), [], "a fast path that gives up has changed something");
        return false;
    };
    if fast.sched.current_sc != kernel.sched.current_sc {
        // The clock was read, and the budget that ended charged: nothing is left for later.
        let mut slow = kernel.clone();
        assert_eq!(slow.handle(event), Resume::Thread(next), "the fast path chose somebody else");
        assert_eq!(fast.differences(&slow, START), [], "the fast path did something else");
        return true;
    }
    let mut before = kernel.clone();
    before.machine.time = before.sched.now;
    fast.machine.time = before.sched.now;
    let mut slow = before.clone();
    let resume = slow.handle(event);
    if slow.sched.reprogram != fast.sched.reprogram || slow.sched.current_sc != before.sched.current_sc {
        return true;
    }
    assert_eq!(fast.differences(&slow, START), [], "the fast path did something else");
    assert_eq!(resume, Resume::Thread(next), "the fast path chose somebody else");
    compare_later(before, path);
    true
}

/// The same with time running, and compared after the next entry, when the fast path has caught up.
fn compare_later(mut fast: Kernel<SimMachine>, path: FastPath) {
    fast.machine.time = fast.machine.time.saturating_add(LATER[0]);
    let mut slow = fast.clone();
    let taken = path(&mut fast);
    let resume = slow.handle(Event::Syscall);
    let Some(next) = taken.filter(|&next| resume == Resume::Thread(next)) else { return };
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
