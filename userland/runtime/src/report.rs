// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines for the runner, and the end of a program.
//!
//! A line that begins with `!skerry ` and goes on as a JSON object is read by `qemu-smp` and not shown.

use crate::capability::INIT_TCB;
use crate::console;
use crate::ipc_buffer::current_thread;
use core::fmt;

/// The code that a program exits with when it panics.
pub const PANIC_CODE: i32 = 101;

/// Adds a row to the result table of the run; `row` is a JSON object whose keys are the columns.
pub fn report_row(row: impl fmt::Display) {
    console::end_line();
    if !console::row(format_args!("{row}")) {
        crate::println!("!skerry {{\"row\":{row}}}");
    }
}

/// Tells the runner, or init, that the program has finished, and stops the calling thread and the first one.
pub fn exit(code: i32) -> ! {
    console::end_line();
    console::exit(code);
    announce_exit(code);
    let own = current_thread();
    loop {
        if own != INIT_TCB {
            // The kernel refuses only what is no thread, and then this thread stops all the same.
            let _ = INIT_TCB.suspend();
        }
        let _ = own.suspend();
    }
}

/// Tells the runner that nobody needs to wait for this root task, which goes on: the code counts until another one follows.
pub fn announce_exit(code: i32) {
    crate::println!("!skerry {{\"exit\":{code}}}");
}

/// What `main` may return.
pub trait ExitCode {
    /// The code, after saying what went wrong.
    fn report(self) -> i32;
}

impl ExitCode for () {
    fn report(self) -> i32 {
        0
    }
}

impl ExitCode for i32 {
    fn report(self) -> i32 {
        self
    }
}

impl<T: ExitCode, E: fmt::Display> ExitCode for Result<T, E> {
    fn report(self) -> i32 {
        match self {
            Ok(code) => code.report(),
            Err(error) => {
                crate::println!("error: {error}");
                1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syscall::record;

    #[test]
    fn an_error_is_said_and_gives_code_one() {
        let mut code = 0;
        let printed = record(|| code = Result::<(), _>::Err("no peers").report());
        let text: String = printed.iter().map(|entry| entry.dest as u8 as char).collect();
        assert_eq!((code, text.as_str()), (1, "error: no peers\n"));
        assert_eq!(Result::<i32, &str>::Ok(7).report(), 7);
    }

    #[test]
    fn a_row_is_one_line_for_the_runner() {
        let printed = record(|| report_row("{\"min\":1}"));
        let text: String = printed.iter().map(|entry| entry.dest as u8 as char).collect();
        assert_eq!(text, "!skerry {\"row\":{\"min\":1}}\n");
    }
}
