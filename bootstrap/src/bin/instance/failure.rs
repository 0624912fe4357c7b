// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of an instance: what it says, whom it tells, and faults injected to see it happen.
//!
//! A failing kernel stops its own core only (ALONE): it prints registers and a raw backtrace for the runner to
//! symbolise, marks its status page, and never runs again.
#![allow(unsafe_code)]

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use arch::hw::Console;
use arch::hw::entry::{GENERAL_NAMES, KernelFrame, kernel_stack};
use arch::{CoreId, Machine, StopReason, Ticks};
use kernel::handover::Handover;

use crate::bare::{Instance, after, instance};

/// Return addresses looked for at most.
const BACKTRACE_DEPTH: usize = 24;

unsafe extern "C" {
    static text_start: u8;
    static text_end: u8;
}

/// Formats onto the debug console.
pub(crate) struct Printer(pub(crate) Console);

impl Write for Printer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.0.put(byte));
        Ok(())
    }
}

/// A fault to bring about on purpose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Injection {
    /// When.
    pub(crate) at: Ticks,
    kind: u64,
    core: CoreId,
}

impl Injection {
    const PANIC: u64 = 1;
    const DOUBLE_FAULT: u64 = 2;
    const NMI: u64 = 3;
    const MACHINE_CHECK: u64 = 4;

    pub(crate) fn from_handover(handover: &Handover, now: Ticks) -> Option<Self> {
        let (kind, core) = (handover.inject_kind, CoreId(handover.core as u32));
        (kind != 0).then(|| Self { at: after(now, handover.inject_at), kind, core })
    }
}

/// Brings the injected fault about once its time has come.
pub(crate) fn inject_if_due(instance: &mut Instance) {
    let Some(injection) = instance.inject else { return };
    if instance.kernel.machine.now() < injection.at {
        return;
    }
    instance.inject = None;
    match injection.kind {
        Injection::PANIC => panic!("injected"),
        // SAFETY: not at all, and on purpose: pushing to address 0 faults, and so does delivering that fault.
        Injection::DOUBLE_FAULT => unsafe { core::arch::asm!("xor esp, esp", "push rax", options(noreturn)) },
        Injection::NMI => instance.kernel.machine.send_nmi(injection.core),
        // SAFETY: enters the machine-check gate as the processor would.
        Injection::MACHINE_CHECK => unsafe { core::arch::asm!("int 18") },
        _ => {}
    }
}

/// Whether this instance is failing already; a second failure stops the core without a word.
static IS_FAILING: AtomicBool = AtomicBool::new(false);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if IS_FAILING.swap(true, Ordering::Relaxed) {
        stop_core();
    }
    let marker = 0u64;
    fail(format_args!("{info}"), None, (&raw const marker).addr() as u64)
}

#[unsafe(no_mangle)]
extern "C" fn instance_kernel_fault(frame: &KernelFrame) -> ! {
    if IS_FAILING.swap(true, Ordering::Relaxed) {
        stop_core();
    }
    let [rip, _, _, rsp, _] = frame.machine;
    let (vector, code) = (frame.vector, frame.code);
    fail(
        format_args!("exception {vector} (error code {code:#x}) in the kernel at {rip:#x}"),
        Some(frame),
        rsp,
    )
}

fn fail(message: fmt::Arguments<'_>, frame: Option<&KernelFrame>, stack: u64) -> ! {
    // SAFETY: whoever held a reference does not run any more.
    let instance = unsafe { instance() };
    let mut out = Printer(instance.kernel.machine.console());
    let number = instance.kernel.config.instance;
    // Printing cannot fail: `Printer` never answers an error.
    let _ = report(&mut out, number, message, frame, stack);
    instance.kernel.publish_failure(message);
    instance.kernel.ring_failure_lines();
    instance.kernel.machine.stop_self(StopReason::Failed);
    stop_core()
}

fn report(
    out: &mut Printer,
    number: u8,
    message: fmt::Arguments<'_>,
    frame: Option<&KernelFrame>,
    stack: u64,
) -> fmt::Result {
    writeln!(out, "\nkernel of instance {number} failed: {message}")?;
    if let Some(frame) = frame {
        for (name, value) in GENERAL_NAMES.iter().zip(frame.general) {
            write!(out, "{name:>4} {value:016x}")?;
        }
        let [rip, cs, rflags, rsp, ss] = frame.machine;
        writeln!(out, "\n rip {rip:016x} cs {cs:x} rflags {rflags:x} rsp {rsp:016x} ss {ss:x}")?;
    }
    write!(out, "backtrace:")?;
    for address in return_addresses(stack) {
        write!(out, " {address:#x}")?;
    }
    writeln!(out)?;
    write!(out, "!skerry {{\"failed\":\"")?;
    Quoted(out).write_fmt(message)?;
    writeln!(out, "\"}}")
}

/// Writes what stands between the quotes of a JSON text.
struct Quoted<'a>(&'a mut Printer);

impl Write for Quoted<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '"' | '\\' => write!(self.0, "\\{character}")?,
                '\0'..' ' => self.0.write_char(' ')?,
                _ => self.0.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// Words on the stack from `stack` up that point into text; some may be left over from earlier calls.
fn return_addresses(stack: u64) -> impl Iterator<Item = u64> {
    let (bottom, top) = kernel_stack();
    let text = (&raw const text_start).addr() as u64..(&raw const text_end).addr() as u64;
    let start = if (bottom..top).contains(&stack) { stack & !7 } else { top };
    (start..top)
        .step_by(8)
        .map(|address| {
            let word: *const u64 = core::ptr::with_exposed_provenance(address as usize);
            // SAFETY: the word lies in the kernel stack.
            unsafe { word.read_volatile() }
        })
        .filter(move |word| text.contains(word))
        .take(BACKTRACE_DEPTH)
}

/// This core does nothing any more.
pub(crate) fn stop_core() -> ! {
    loop {
        // SAFETY: with interrupts off the core sleeps until INIT.
        unsafe { core::arch::asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
