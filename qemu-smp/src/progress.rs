// SPDX-License-Identifier: MIT OR Apache-2.0
//! What long steps say while they last: a moving line on a terminal, plain lines elsewhere, nothing with `--quiet`.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal;

/// Whether only results and errors are wanted.
static IS_QUIET: AtomicBool = AtomicBool::new(false);
/// How often a moving line moves.
const TICK: Duration = Duration::from_millis(120);

/// Says whether only results and errors are wanted, for the rest of this process.
pub fn set_quiet(is_quiet: bool) {
    IS_QUIET.store(is_quiet, Ordering::Relaxed);
}

/// Whether only results and errors are wanted.
pub fn is_quiet() -> bool {
    IS_QUIET.load(Ordering::Relaxed)
}

/// How long a step is expected to last, which decides whether a plain line is written for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// As a rule there is nothing to do.
    Briefly,
    /// Long enough to be wondered about.
    Long,
}

/// A step under way; it has ended when this value is gone.
#[derive(Debug)]
pub struct Step {
    line: Option<ProgressBar>,
}

/// Begins a step.
pub fn step(what: impl Into<String>, lasts: Lasts) -> Step {
    let what = terminal::line(&what.into()).into_owned();
    if is_quiet() {
        return Step { line: None };
    }
    if !stderr().is_terminal() {
        if lasts == Lasts::Long {
            anstream::eprintln!("{what}");
        }
        return Step { line: None };
    }
    let line = ProgressBar::new_spinner().with_message(what);
    // The template is a constant that is right.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        line.set_style(style);
    }
    line.enable_steady_tick(TICK);
    Step { line: Some(line) }
}

impl Step {
    /// Whether the terminal shows it: others must not write there meanwhile.
    pub fn is_drawn(&self) -> bool {
        self.line.is_some()
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}
