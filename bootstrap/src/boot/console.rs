// SPDX-License-Identifier: MIT OR Apache-2.0
//! Console of the boot phase. Only the boot core prints, so there is no lock.

use core::fmt::{self, Write};

use super::hardware::console::put;

struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(put);
        Ok(())
    }
}

/// Prints formatted text; used through [`say`].
pub(crate) fn print(text: fmt::Arguments) {
    // Writing to a port cannot fail, and there is nowhere else to say so.
    let _ = Console.write_fmt(text);
}

/// Prints one line on the boot console.
macro_rules! say {
    ($($arg:tt)*) => { $crate::boot::console::print(format_args!("{}\n", format_args!($($arg)*))) };
}
pub(crate) use say;
