// SPDX-License-Identifier: MIT OR Apache-2.0
//! Root task that tries the kernel's interface, one test for each rule.
//!
//! The tests are in `tests/`, one file for each kernel object; a name begins with what `docs/compatibility.md` says
//! in its last column. Each prints one line; the last line counts them. With the argument `only=TEXT` those
//! run whose name contains the text; with `time=shared` those that measure time do not. The program exits with 0 when
//! all passed.
//!
//! Every test gets memory and slots of its own ([`env::Env`]), which are taken away afterwards. The tests run at the
//! highest priority and hardly ever block, so that a kernel that does not deliver fails a test rather than
//! stopping the suite.
#![cfg_attr(target_os = "none", no_std, no_main)]

mod check;
mod code;
mod env;
#[cfg_attr(target_arch = "x86_64", path = "x86_64/mod.rs")]
#[cfg_attr(target_arch = "arm", path = "aarch32/mod.rs")]
mod machine;
mod tests;
mod window;

use check::Test;
use userland::{AllocError, RootTask, print, println, syscall};

userland::entry!(run);

fn run(task: &mut RootTask) -> Result<i32, AllocError> {
    let only = task.boot.argument("only").unwrap_or_default();
    let on_request = if only.is_empty() { &[] } else { tests::ON_REQUEST };
    let timed = if task.boot.argument("time") == Some("shared") { &[] } else { tests::TIMED };
    let all =
        tests::ALL.iter().chain(tests::OF_THIS_PROCESSOR).copied().flatten().chain(timed).chain(on_request);
    let mut stage = env::Stage::new(task)?;
    let (mut passed, mut failed) = (0, 0);
    for test in all.filter(|test| test.name.contains(only)) {
        if perform(test, &mut stage) {
            passed += 1;
        } else {
            failed += 1;
        }
    }
    // The kernel ends its table of threads with how much of its stack was used.
    syscall::debug_dump_scheduler();
    println!("{passed} passed, {failed} failed");
    Ok(i32::from(failed > 0))
}

/// Runs one test and prints its line.
fn perform(test: &Test, stage: &mut env::Stage<'_>) -> bool {
    print!("test {} ... ", test.name);
    let passed = stage.perform(test.run).is_ok();
    println!("{}", if passed { "ok" } else { "" });
    passed
}
