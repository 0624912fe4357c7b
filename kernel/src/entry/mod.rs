// SPDX-License-Identifier: MIT OR Apache-2.0
//! Start of an instance, its entry points, its idle loop: what all processors have in common.
#![allow(unsafe_code)]

mod failure;
mod inject;
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "arm", path = "aarch32.rs")]
mod processor;
mod state;

use core::ptr::NonNull;

use abi::Word;
use abi::status::State;
use arch::hw::{HwMachine, stack};
use arch::{Machine, StopReason, Ticks, WINDOW_BASE};
use ipi::{Inbox, Mode, Work};
use kernel::fastpath::{Arrival, Exit};
use kernel::handover::{Handover, IdleMode, MAGIC};
use kernel::memory::objects::ObjRef;
use kernel::object::tcb::Tcb;
use kernel::{Event, Kernel, Resume};

use processor::stubs::{enter_user, let_interrupts_in, wait_for_store, wait_halted};
use state::{Instance, enter, give_up, take_up};

/// A signal from another instance.
const DOORBELL: Event = Event::Interrupt(abi::vector::DOORBELL);

/// Turns the physical address of an inbox into the inbox.
fn inbox_at(paddr: arch::PhysAddr, senders: usize) -> Inbox<'static> {
    let base = core::ptr::with_exposed_provenance_mut::<u8>((WINDOW_BASE + paddr.0) as usize);
    let base = NonNull::new(base).expect("the window does not start at 0");
    // SAFETY: the boot core maps the inboxes of the plan in this window and has zeroed them (ZEROED, CONFINED).
    unsafe { Inbox::from_pages(base, senders) }
}

extern "C" fn main(handover: *const Handover) -> ! {
    // SAFETY: the boot core passes the window address of the hand-over, which nobody writes any more.
    let handover = unsafe { &*handover };
    let instance = enter();
    start(instance, handover);
    let resume = instance.kernel.begin();
    leave(instance, resume)
}

fn start(instance: &mut Instance, handover: &Handover) {
    stack::fill();
    assert!(handover.magic == MAGIC, "boot image and kernel program differ in version");
    // SAFETY: first thing on this core, on the instance's own tables.
    unsafe { instance.kernel.machine.start(processor::machine_config(handover), processor::entry_stubs()) };
    instance.idle = IdleMode::from_word(handover.idle_mode);
    instance.inbox = (handover.inbox != 0)
        .then(|| inbox_at(arch::PhysAddr(handover.inbox), handover.inbox_senders as usize));
    failure::set_runner(handover.has_runner != 0);
    instance.kernel.start(handover, inbox_at);
    inject::prepare(instance, handover);
    instance.kernel.publish_state(State::Up);
    report_up(instance, handover);
}

/// Tells the runner that the root task is about to run, so many microseconds after the boot code began.
fn report_up(instance: &Instance, handover: &Handover) {
    let elapsed = instance.kernel.machine.now().0.wrapping_sub(handover.boot_began);
    failure::tell_runner(instance, format_args!("{{\"up\":{}}}", elapsed / handover.ticks_per_us.max(1)));
}

/// The way out of fast paths on metal: what leaves never returns.
struct Leave;

impl Exit<HwMachine> for Leave {
    /// Whether the thread goes on with the registers it came with.
    type Answer = bool;

    #[inline(always)]
    fn refuse() -> bool {
        false
    }

    /// `false`, but unknown to the compiler: so a caller passes the answer of a tail on and can end in a jump, without a
    /// stack.
    #[inline(always)]
    fn refuse_in_tail() -> bool {
        core::hint::black_box(false)
    }

    #[inline(always)]
    fn go_on(_kernel: &mut Kernel<HwMachine>) -> bool {
        true
    }

    #[inline(always)]
    fn leave(kernel: &mut Kernel<HwMachine>, thread: ObjRef<Tcb>) -> bool {
        leave_for(kernel, thread)
    }

    #[inline(always)]
    fn leave_with(kernel: &mut Kernel<HwMachine>, arrival: Arrival) -> bool {
        processor::leave_with(kernel, arrival)
    }

    #[inline(always)]
    fn resume(kernel: &mut Kernel<HwMachine>, resume: Resume) -> bool {
        if let Resume::Thread(thread) = resume {
            leave_for(kernel, thread);
        }
        give_up();
        leave(enter(), resume)
    }
}

/// Goes on with `thread`.
#[inline(always)]
fn leave_for(kernel: &mut Kernel<HwMachine>, thread: ObjRef<Tcb>) -> ! {
    let context = &raw mut kernel.objs[thread].context;
    give_up();
    // SAFETY: the kernel has made this thread the current one, address space included.
    unsafe { enter_user(context) }
}

extern "C" fn fast_call(cptr: Word, info: Word) -> bool {
    let goes_on = enter().kernel.try_call::<Leave>(cptr, info);
    give_up();
    goes_on
}

extern "C" fn fast_reply_recv(cptr: Word, info: Word) -> bool {
    let goes_on = enter().kernel.try_reply_recv::<Leave>(cptr, info);
    give_up();
    goes_on
}

extern "C" fn fast_send(cptr: Word, info: Word) -> bool {
    let goes_on = enter().kernel.try_send::<Leave>(cptr, info);
    give_up();
    goes_on
}

extern "C" fn fast_other(cptr: Word) -> bool {
    let goes_on = enter().kernel.try_other::<Leave>(cptr);
    give_up();
    goes_on
}

extern "C" fn syscall() -> ! {
    let instance = enter();
    let resume = instance.kernel.handle(Event::Syscall);
    leave(instance, resume)
}

/// A fault of the current thread. The event is made anew for each who is asked: kept for the second, it would be stored by
/// every fault.
#[inline(always)]
fn take_fault(event: impl Fn() -> Event) -> ! {
    let instance = enter();
    if let Some(handler) = instance.kernel.fast_fault(event()) {
        leave_for(&mut instance.kernel, handler);
    }
    take_fault_apart(instance, event())
}

#[inline(never)]
fn take_fault_apart(instance: &'static mut Instance, event: Event) -> ! {
    if let Some(handler) = instance.kernel.fast_fault_apart(event) {
        leave_for(&mut instance.kernel, handler);
    }
    let resume = instance.kernel.handle(event);
    leave(instance, resume)
}

#[inline(always)]
fn take_interrupt(instance: &mut Instance, vector: u8) -> Resume {
    if vector == abi::vector::TIMER {
        inject::inject_if_due(instance);
    }
    instance.kernel.handle(Event::Interrupt(vector))
}

/// An interrupt that ends a wait, where no fast path has done it; `work` may have come without a doorbell.
#[inline(always)]
fn take_wake(instance: &mut Instance, vector: u8, work: Work) -> Resume {
    if vector == abi::vector::TIMER {
        inject::inject_if_due(instance);
    }
    let resume = interrupt_apart(instance, vector);
    if work == Work::Pending { interrupt_apart(instance, abi::vector::DOORBELL) } else { resume }
}

/// Handles an interrupt. Callers that run rarely share this copy of the code.
#[inline(never)]
fn interrupt_apart(instance: &mut Instance, vector: u8) -> Resume {
    instance.kernel.handle(Event::Interrupt(vector))
}

/// Asks for doorbells again when an interrupt ends polling. `Pending`: a sender counted on the polling until now.
#[inline(always)]
fn stop_polling(instance: &Instance) -> Work {
    match (instance.idle, instance.inbox) {
        (IdleMode::Mwait | IdleMode::Poll, Some(inbox)) => inbox.receiver().enter(Mode::Running),
        _ => Work::Nothing,
    }
}

/// Carries out what the kernel decided.
#[inline(always)]
fn leave(instance: &'static mut Instance, resume: Resume) -> ! {
    match resume {
        Resume::Thread(thread) => leave_for(&mut instance.kernel, thread),
        Resume::Idle => idle(instance),
        Resume::Stopped(reason) => stop(instance, reason),
    }
}

#[cold]
fn stop(instance: &'static mut Instance, reason: StopReason) -> ! {
    match reason {
        StopReason::Failed => panic!("the kernel stopped itself"),
        StopReason::Halted => {
            instance.kernel.publish_state(State::Halted);
            instance.kernel.ring_failure_lines();
            instance.kernel.end_line();
            report_halted(instance);
            processor::stop_core()
        }
    }
}

/// Tells the runner that a program has halted its instance; the kernel has told the reader.
fn report_halted(instance: &Instance) {
    failure::tell_runner(instance, format_args!("{{\"halted\":true}}"));
}

/// Waits for an interrupt or a signal. Interrupts start afresh on an empty stack.
fn idle(instance: &'static mut Instance) -> ! {
    loop {
        wait_for_work(instance);
        match interrupt_apart(instance, abi::vector::DOORBELL) {
            // Other interrupts get their turn, however fast signals come that wake nobody.
            // SAFETY: ABANDONED, as `wait` says.
            Resume::Idle => wait(|| unsafe { let_interrupts_in() }),
            resume => leave(instance, resume),
        }
    }
}

/// Lets interrupts come during `wait`. ABANDONED: an interrupt finds all state in the instance, and this frame never goes
/// on; only a wait without one returns.
#[inline(always)]
fn wait(wait: impl FnOnce()) {
    give_up();
    wait();
    take_up();
}

/// Comes back when there is something in the inbox.
fn wait_for_work(instance: &Instance) {
    let Some(inbox) = instance.inbox else {
        give_up();
        // SAFETY: ABANDONED, as `wait` says.
        unsafe { wait_halted() }
    };
    let receiver = inbox.receiver();
    let mode = if instance.idle == IdleMode::Halt { Mode::Halted } else { Mode::Polling };
    let mut work = receiver.enter(mode);
    while work == Work::Nothing {
        match instance.idle {
            // SAFETY: ABANDONED, as `wait` says.
            IdleMode::Halt => wait(|| unsafe { wait_halted() }),
            // SAFETY: ABANDONED, as `wait` says; the summary is mapped as long as the inbox.
            IdleMode::Mwait => wait(|| unsafe {
                wait_for_store(inbox.summary_address(), || receiver.check() == Work::Pending);
            }),
            // SAFETY: ABANDONED, as `wait` says.
            IdleMode::Poll => wait(|| unsafe { let_interrupts_in() }),
        }
        work = receiver.check();
    }
    let _ = receiver.enter(Mode::Running);
}

/// A deadline `ticks` from `now`.
fn after(now: Ticks, ticks: u64) -> Ticks {
    now.saturating_add(Ticks(ticks))
}
