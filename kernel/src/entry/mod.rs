// SPDX-License-Identifier: MIT OR Apache-2.0
//! Start of an instance, its entry points, its idle loop: what all processors have in common.
#![allow(unsafe_code)]

mod failure;
mod inject;
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "arm", path = "aarch32.rs")]
mod processor;

use core::fmt::Write;
use core::ptr::NonNull;

use abi::status::State;
use abi::widen;
use arch::hw::entry::{enter_user, let_interrupts_in, wait_for_store, wait_halted};
use arch::hw::{HwMachine, stack};
use arch::{Machine, StopReason, Ticks, WINDOW_BASE};
use ipi::{Inbox, Mode, Work};
use kernel::cap::raw::RawCap;
use kernel::cap::slot::SlotRef;
use kernel::fastpath::{Arrival, Progress, is_short};
use kernel::handover::{Handover, IdleMode, MAGIC};
use kernel::memory::objects::{ObjRef, Objects};
use kernel::object::endpoint::Endpoint;
use kernel::object::notification::Notification;
use kernel::object::reply::Reply;
use kernel::object::tcb::Tcb;
use kernel::{Event, Kernel, Resume};

/// State of the image that is not the kernel's.
pub(crate) struct Instance {
    pub(crate) kernel: Kernel<HwMachine>,
    pub(crate) idle: IdleMode,
    pub(crate) inbox: Option<Inbox<'static>>,
    pub(crate) inject: Option<inject::Injection>,
}

static mut INSTANCE: Instance = Instance {
    kernel: Kernel::new(HwMachine::new(), Objects::new()),
    idle: IdleMode::Halt,
    inbox: None,
    inject: None,
};

/// The one instance of this image.
///
/// # Safety
///
/// No other reference to it is in use: entry points call this once and pass the reference down.
pub(crate) unsafe fn instance() -> &'static mut Instance {
    let instance = &raw mut INSTANCE;
    // SAFETY: single core, interrupts off, and the caller vouches for the rest.
    unsafe { &mut *instance }
}

/// Turns the physical address of an inbox into the inbox.
fn inbox_at(paddr: arch::PhysAddr, senders: usize) -> Inbox<'static> {
    let base = core::ptr::with_exposed_provenance_mut::<u8>((WINDOW_BASE + paddr.0) as usize);
    let base = NonNull::new(base).expect("the window does not start at 0");
    // SAFETY: the boot core maps the inboxes of the plan in this window and has zeroed them (ZEROED, CONFINED).
    unsafe { Inbox::from_pages(base, senders) }
}

#[unsafe(no_mangle)]
extern "C" fn instance_main(handover: *const Handover) -> ! {
    // SAFETY: the boot core passes the window address of the hand-over, which nobody writes any more.
    let handover = unsafe { &*handover };
    // SAFETY: nothing else runs yet.
    let instance = unsafe { instance() };
    stack::fill();
    assert!(handover.magic == MAGIC, "boot image and instance image differ in version");
    // SAFETY: first thing on this core, on the instance's own tables.
    unsafe { instance.kernel.machine.start(processor::machine_config(handover)) };
    instance.idle = IdleMode::from_word(handover.idle_mode);
    instance.inbox = (handover.inbox != 0)
        .then(|| inbox_at(arch::PhysAddr(handover.inbox), handover.inbox_senders as usize));
    instance.kernel.start(handover, inbox_at);
    inject::prepare(instance, handover);
    instance.kernel.publish_state(State::Up);
    report_up(instance, handover);
    let resume = instance.kernel.begin();
    leave(instance, resume)
}

/// Tells the runner that the root task is about to run, so many microseconds after the boot code began.
fn report_up(instance: &Instance, handover: &Handover) {
    let elapsed = instance.kernel.machine.now().0.wrapping_sub(handover.boot_began);
    let mut console = failure::Printer(instance.kernel.machine.console());
    // Writing to a console cannot fail.
    let _ = writeln!(console, "!skerry {{\"up\":{}}}", elapsed / handover.ticks_per_us.max(1));
}

/// Leaves for the thread that a fast path has switched to, if it did.
#[inline(always)]
fn leave_fast(instance: &mut Instance, tcb: Option<ObjRef<Tcb>>) {
    if let Some(tcb) = tcb {
        // SAFETY: the fast path has made this thread the current one, address space included.
        unsafe { enter_user(&raw mut instance.kernel.objs[tcb].context) }
    }
}

#[unsafe(no_mangle)]
extern "C" fn instance_fast_call(cptr: abi::Word, info: abi::Word) -> bool {
    if !is_short(widen(info)) {
        return call_with_buffers(cptr, info);
    }
    // SAFETY: entry point; nobody up the stack holds a reference.
    let instance = unsafe { instance() };
    let progress = instance.kernel.fast_call(widen(cptr), widen(info));
    go_on(instance, progress)
}

#[inline(never)]
fn call_with_buffers(cptr: abi::Word, info: abi::Word) -> bool {
    // SAFETY: the entry point that ends here uses no reference.
    let instance = unsafe { instance() };
    let progress = instance.kernel.fast_call(widen(cptr), widen(info));
    go_on(instance, progress)
}

#[unsafe(no_mangle)]
extern "C" fn instance_fast_reply_recv(cptr: abi::Word, info: abi::Word) -> bool {
    if !is_short(widen(info)) {
        return reply_recv_with_buffers(cptr, info);
    }
    // SAFETY: entry point; nobody up the stack holds a reference.
    let instance = unsafe { instance() };
    let progress = instance.kernel.fast_reply_recv(widen(cptr), widen(info));
    go_on(instance, progress)
}

#[inline(never)]
fn reply_recv_with_buffers(cptr: abi::Word, info: abi::Word) -> bool {
    // SAFETY: the entry point that ends here uses no reference.
    let instance = unsafe { instance() };
    let progress = instance.kernel.fast_reply_recv(widen(cptr), widen(info));
    go_on(instance, progress)
}

#[unsafe(no_mangle)]
extern "C" fn instance_fast_send(cptr: abi::Word, info: abi::Word) -> bool {
    // SAFETY: entry point; nobody up the stack holds a reference.
    let instance = unsafe { instance() };
    let progress = instance.kernel.fast_send(widen(cptr), widen(info));
    go_on(instance, progress)
}

/// Does the rest, and leaves unless the same thread goes on. `false`: nothing is changed.
///
/// The functions called here are the last calls of the entry points, and return only to say `false`.
#[inline(always)]
fn go_on(instance: &mut Instance, progress: Option<Progress>) -> bool {
    match progress {
        None => false,
        Some(Progress::Done) => true,
        Some(Progress::Arrived(arrival)) => processor::leave_with(instance, arrival),
        Some(Progress::Page { slot, cap }) => change_page(slot, cap),
        Some(Progress::Answer { endpoint, reply, info }) => answer_fault(endpoint, reply, info),
        Some(Progress::Signal { notification, waiter, badge }) => wake_by_signal(notification, waiter, badge),
        Some(Progress::Message { endpoint, badge, info }) => wake_by_message(endpoint, badge, info),
    }
}

/// Leaves with a message, if there is one.
#[inline(always)]
fn leave_with_message(instance: &mut Instance, arrival: Option<Arrival>) {
    if let Some(arrival) = arrival {
        processor::leave_with(instance, arrival)
    }
}

#[inline(never)]
fn change_page(slot: SlotRef, cap: RawCap) -> bool {
    // SAFETY: the entry point that ends here uses its reference no more.
    let instance = unsafe { instance() };
    let arrival = instance.kernel.fast_page(slot, cap);
    leave_with_message(instance, arrival);
    not_done()
}

#[inline(never)]
fn answer_fault(endpoint: ObjRef<Endpoint>, reply: ObjRef<Reply>, info: u64) -> bool {
    // SAFETY: as above.
    let instance = unsafe { instance() };
    let next = instance.kernel.fast_answer(endpoint, reply, info);
    leave_fast(instance, next);
    not_done()
}

#[inline(never)]
fn wake_by_signal(notification: ObjRef<Notification>, waiter: ObjRef<Tcb>, badge: u64) -> bool {
    // SAFETY: as above.
    let instance = unsafe { instance() };
    let next = instance.kernel.fast_signal(notification, waiter, badge);
    leave_fast(instance, next);
    not_done()
}

#[inline(never)]
fn wake_by_message(endpoint: ObjRef<Endpoint>, badge: u64, info: u64) -> bool {
    // SAFETY: as above.
    let instance = unsafe { instance() };
    let arrival = instance.kernel.fast_message(endpoint, badge, info);
    leave_with_message(instance, arrival);
    not_done()
}

/// `false`, but unknown to the compiler: so a caller passes the answer on and can end in a jump, without a stack.
#[inline(always)]
fn not_done() -> bool {
    core::hint::black_box(false)
}

#[unsafe(no_mangle)]
extern "C" fn instance_syscall() -> ! {
    // SAFETY: entry point; nobody up the stack holds a reference.
    let instance = unsafe { instance() };
    let resume = instance.kernel.handle(Event::Syscall);
    leave(instance, resume)
}

#[inline(always)]
pub(crate) fn take_interrupt(instance: &mut Instance, vector: u8) -> Resume {
    if vector == abi::vector::TIMER {
        inject::inject_if_due(instance);
    }
    instance.kernel.handle(Event::Interrupt(vector))
}

/// A doorbell that ends a wait: leaves if the fast path has done all. It takes what came without a doorbell too.
#[inline(always)]
pub(crate) fn leave_by_doorbell(instance: &mut Instance) {
    if let Some(resume) = instance.kernel.fast_doorbell() {
        leave(instance, resume)
    }
}

/// An interrupt that ends a wait, where no fast path has done it; `work` may have come without a doorbell.
#[inline(always)]
pub(crate) fn take_wake(instance: &mut Instance, vector: u8, work: Work) -> Resume {
    if vector == abi::vector::TIMER {
        inject::inject_if_due(instance);
    }
    let resume = interrupt_apart(instance, vector);
    if work == Work::Pending { interrupt_apart(instance, abi::vector::DOORBELL) } else { resume }
}

/// Handles an interrupt by a copy of the code that all share for whom a copy of their own is not worth it.
#[inline(never)]
fn interrupt_apart(instance: &mut Instance, vector: u8) -> Resume {
    instance.kernel.handle(Event::Interrupt(vector))
}

/// Asks for doorbells again when an interrupt ends polling. `Pending`: a sender counted on the polling until now.
#[inline(always)]
pub(crate) fn stop_polling(instance: &Instance) -> Work {
    match (instance.idle, instance.inbox) {
        (IdleMode::Mwait | IdleMode::Poll, Some(inbox)) => inbox.receiver().enter(Mode::Running),
        _ => Work::Nothing,
    }
}

/// Carries out what the kernel decided.
#[inline(always)]
pub(crate) fn leave(instance: &mut Instance, resume: Resume) -> ! {
    match resume {
        // SAFETY: the kernel has made this thread the current one, address space included.
        Resume::Thread(tcb) => unsafe { enter_user(&raw mut instance.kernel.objs[tcb].context) },
        Resume::Idle => idle(instance),
        Resume::Stopped(reason) => stop(instance, reason),
    }
}

#[cold]
fn stop(instance: &mut Instance, reason: StopReason) -> ! {
    match reason {
        StopReason::Failed => panic!("the kernel stopped itself"),
        StopReason::Halted => {
            instance.kernel.publish_state(State::Halted);
            instance.kernel.ring_failure_lines();
            report_halted(instance);
            processor::stop_core()
        }
    }
}

/// Tells the runner that a program has halted its instance; the kernel has told the reader.
fn report_halted(instance: &Instance) {
    let mut console = failure::Printer(instance.kernel.machine.console());
    // Writing to a console cannot fail.
    let _ = writeln!(console, "!skerry {{\"halted\":true}}");
}

/// Waits for an interrupt or a signal; interrupts start afresh on an empty stack.
fn idle(instance: &mut Instance) -> ! {
    loop {
        wait_for_work(instance);
        match interrupt_apart(instance, abi::vector::DOORBELL) {
            // SAFETY: as in `wait_for_work`. Other interrupts get their turn, however fast signals come that wake nobody.
            Resume::Idle => unsafe { let_interrupts_in() },
            resume => leave(instance, resume),
        }
    }
}

/// Comes back when there is something in the inbox.
fn wait_for_work(instance: &Instance) {
    let Some(inbox) = instance.inbox else {
        // SAFETY: the next interrupt finds all state in `INSTANCE`; this frame is abandoned.
        unsafe { wait_halted() }
    };
    let receiver = inbox.receiver();
    let mode = if instance.idle == IdleMode::Halt { Mode::Halted } else { Mode::Polling };
    let mut work = receiver.enter(mode);
    while work == Work::Nothing {
        match instance.idle {
            // SAFETY: as above.
            IdleMode::Halt => unsafe { wait_halted() },
            // SAFETY: as above; the summary is mapped as long as the inbox.
            IdleMode::Mwait => unsafe {
                wait_for_store(inbox.summary_address(), || receiver.check() == Work::Pending);
            },
            // SAFETY: as above.
            IdleMode::Poll => unsafe { let_interrupts_in() },
        }
        work = receiver.check();
    }
    let _ = receiver.enter(Mode::Running);
}

/// A deadline `ticks` from `now`.
pub(crate) fn after(now: Ticks, ticks: u64) -> Ticks {
    now.saturating_add(Ticks(ticks))
}
