// SPDX-License-Identifier: MIT OR Apache-2.0
//! What QEMU itself says on standard error: kept until the guest writes something, because a QEMU that refuses its command line
//! is quoted in the message about it; then passed on as it comes.

use std::io::{BufRead, BufReader};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::terminal;

/// The words of one QEMU.
#[derive(Debug, Clone, Default)]
pub(super) struct Words(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    kept: Vec<String>,
    are_passed_on: bool,
}

/// What reads them.
pub(super) type Reader = JoinHandle<()>;

impl Words {
    /// Begins to read.
    pub(super) fn read(&self, stderr: ChildStderr) -> Reader {
        let words = self.clone();
        thread::spawn(move || {
            let lines = BufReader::new(stderr).split(b'\n');
            lines.map_while(Result::ok).for_each(|line| words.take(&line));
        })
    }

    fn take(&self, line: &[u8]) {
        let line = terminal::bytes(line.strip_suffix(b"\r").unwrap_or(line));
        let mut state = self.state();
        if state.are_passed_on {
            anstream::eprintln!("{line}");
        } else {
            state.kept.push(line);
        }
    }

    /// Shows what was kept, and what follows as it comes.
    pub(super) fn pass_on(&self) {
        let mut state = self.state();
        state.are_passed_on = true;
        state.kept.drain(..).for_each(|line| anstream::eprintln!("{line}"));
    }

    /// What was kept, for a message; it is not shown any more.
    pub(super) fn quote(&self) -> String {
        let lines: Vec<String> = self.state().kept.drain(..).map(|line| format!("\n  {line}")).collect();
        lines.concat()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The lines are whole whoever was stopped while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
