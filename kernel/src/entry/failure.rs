// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of an instance: what it says and whom it tells.
//!
//! A failing kernel stops its own core only (ALONE): it prints registers and a raw backtrace for the runner to
//! symbolise, marks its status page, and never runs again.
#![allow(unsafe_code)]

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use arch::hw::Console;
use arch::hw::stack::kernel_stack;
use arch::{Machine, StopReason};

use super::processor::stubs::{KernelFrame, note_panic};
use super::state::of_failed_kernel;
use super::{Instance, inject, processor};

/// Return addresses looked for at most.
const BACKTRACE_DEPTH: usize = 24;
/// Bytes of a return address.
const WORD: usize = size_of::<usize>();

unsafe extern "C" {
    static text_start: u8;
    static text_end: u8;
}

/// Formats onto the debug console.
pub(super) struct Printer(pub(super) Console);

impl Write for Printer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.0.put(byte));
        Ok(())
    }
}

/// Whether a runner reads the console.
static HAS_RUNNER: AtomicBool = AtomicBool::new(false);

/// Says whether a runner reads the console.
pub(super) fn set_runner(has_runner: bool) {
    HAS_RUNNER.store(has_runner, Ordering::Relaxed);
}

/// Tells the runner, if there is one: a line of JSON.
pub(super) fn tell_runner(instance: &Instance, json: fmt::Arguments<'_>) {
    if HAS_RUNNER.load(Ordering::Relaxed) {
        // Writing to a console cannot fail.
        let _ = writeln!(Printer(instance.kernel.machine.console()), "!skerry {json}");
    }
}

/// Whether this instance is failing already; a second failure stops the core without a word.
static IS_FAILING: AtomicBool = AtomicBool::new(false);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    stop_if_failing();
    let marker = 0usize;
    fail(format_args!("{info}"), None, (&raw const marker).addr())
}

/// The end of a kernel that an exception of its own has stopped, with its registers and its stack pointer.
pub(super) fn fail_at(message: fmt::Arguments<'_>, frame: &KernelFrame, stack: usize) -> ! {
    stop_if_failing();
    fail(message, Some(frame), stack)
}

fn stop_if_failing() {
    if IS_FAILING.swap(true, Ordering::Relaxed) {
        processor::stop_core();
    }
}

fn fail(message: fmt::Arguments<'_>, frame: Option<&KernelFrame>, stack: usize) -> ! {
    note_panic();
    let instance = of_failed_kernel();
    let mut out = Printer(instance.kernel.machine.console());
    let number = instance.kernel.config.instance;
    // Printing cannot fail: `Printer` never answers an error.
    let _ = report(&mut out, number, message, frame, stack);
    instance.kernel.publish_failure(message);
    instance.kernel.ring_failure_lines();
    instance.kernel.machine.stop_self(StopReason::Failed);
    processor::stop_core()
}

fn report(
    out: &mut Printer,
    number: u8,
    message: fmt::Arguments<'_>,
    frame: Option<&KernelFrame>,
    stack: usize,
) -> fmt::Result {
    writeln!(out, "\nkernel of instance {number} failed: {message}")?;
    if let Some(frame) = frame {
        processor::write_registers(out, frame)?;
    }
    write!(out, "backtrace:")?;
    for address in return_addresses(stack) {
        write!(out, " {address:#x}")?;
    }
    writeln!(out)?;
    if !HAS_RUNNER.load(Ordering::Relaxed) {
        return Ok(());
    }
    write!(out, "!skerry {{\"injected\":{},\"failed\":\"", inject::has_fired())?;
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
fn return_addresses(stack: usize) -> impl Iterator<Item = usize> {
    let (bottom, top) = kernel_stack();
    let text = (&raw const text_start).addr()..(&raw const text_end).addr();
    let start = if (bottom..top).contains(&stack) { stack & !(WORD - 1) } else { top };
    (start..top)
        .step_by(WORD)
        .map(|address| {
            let word: *const usize = core::ptr::with_exposed_provenance(address);
            // SAFETY: the word lies in the kernel stack.
            unsafe { word.read_volatile() }
        })
        .filter(move |word| text.contains(word))
        .take(BACKTRACE_DEPTH)
}
