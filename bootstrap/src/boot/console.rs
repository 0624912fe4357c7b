// SPDX-License-Identifier: MIT OR Apache-2.0
//! Console of the boot phase. Only the boot core prints, so there is no lock.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};

use super::hardware::console::put;

/// Prints one line on the boot console.
macro_rules! say {
    ($($arg:tt)*) => { $crate::boot::console::print(format_args!("{}\n", format_args!($($arg)*))) };
}
pub(crate) use say;

struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(put);
        Ok(())
    }
}

/// Whether a runner reads what is printed.
static HAS_RUNNER: AtomicBool = AtomicBool::new(false);

/// From now on a runner is told as JSON what people are told in words.
pub(crate) fn report_to_runner() {
    HAS_RUNNER.store(true, Ordering::Relaxed);
}

/// Tells the runner, if there is one: a line of JSON.
pub(crate) fn tell_runner(json: fmt::Arguments) {
    if HAS_RUNNER.load(Ordering::Relaxed) {
        say!("!skerry {json}");
    }
}

/// Prints formatted text; used through [`say`].
pub(crate) fn print(text: fmt::Arguments) {
    // Writing to a port cannot fail, and there is nowhere else to say so.
    let _ = Console.write_fmt(text);
}
