// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runtime for root tasks, which an instance's kernel starts first and gives everything to, and for programs, which
//! the root task `init` starts and gives what the system description names ([`mod@program`]).
//!
//! ```ignore
//! #![cfg_attr(target_os = "none", no_std, no_main)]
//! use userland::{RootTask, println};
//!
//! userland::entry!(run);
//!
//! fn run(task: &mut RootTask) -> Result<(), userland::AllocError> {
//!     let endpoint: userland::Endpoint = task.make()?;
//!     println!("instance {} has {endpoint:?}", task.boot.info().node_id);
//!     Ok(())
//! }
//! ```
//!
//! The build script of such a program passes the linker script on, see `suites/build.rs`.
//!
//! | Layer | Modules |
//! |---|---|
//! | the interface, typed | [`syscall`], [`Message`], [`object`] with one method for each invocation, [`Error`] |
//! | what a root task has | [`RootTask`]: bootinfo, slots, memory, addresses; regions and lines between instances |
//! | what a program has | [`Program`]: regions, channels, interrupts, devices by name |
//! | conveniences | [`Thread`], [`print!`], [`exit`], [`report_row`], [`Samples`] |
//!
//! Nothing here is special to Skerry's kernels except [`sharing`]. On a workstation the crate compiles without the
//! system-call instruction, for tests of what would be sent.
#![cfg_attr(not(test), no_std)]

mod allocate;
mod bootinfo;
mod capability;
pub mod console;
mod error;
mod ipc_buffer;
#[cfg_attr(target_arch = "x86_64", path = "x86_64/mod.rs")]
#[cfg_attr(target_arch = "arm", path = "aarch32/mod.rs")]
mod machine;
mod measure;
mod message;
pub mod object;
pub mod program;
mod random;
mod report;
mod root_task;
pub mod sharing;
#[cfg(target_os = "none")]
#[doc(hidden)]
pub mod start;
pub mod syscall;
mod thread;

pub use abi::{LookupFailure, LookupSide};
pub use allocate::{AllocError, Memory, Slots};
pub use bootinfo::{Boot, IMAGE_START};
pub use capability::*;
pub use error::Error;
pub use ipc_buffer::{IpcBuffer, Local, current_thread};
pub use machine::{exception_name, is_store, message_address};
pub use measure::{Samples, ticks};
pub use message::{Message, time};
pub use program::{Missing, Program};
pub use random::Random;
pub use report::{ExitCode, PANIC_CODE, announce_exit, exit, report_row};
pub use root_task::RootTask;
pub use thread::{Options, Stack, Thread};

/// Makes a function the start of a root task: it takes the [`RootTask`] and returns an [`ExitCode`].
///
/// On a workstation, where the program cannot run, it says so.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[cfg(target_os = "none")]
        #[allow(unsafe_code)] // the first instructions
        const _: () = {
            extern "C" fn start(bootinfo: u64) -> ! {
                // SAFETY: the instructions below pass on what the kernel passed, first of all.
                unsafe { $crate::start::root_task(bootinfo, |task| $crate::ExitCode::report($main(task))) }
            }

            /// The kernel starts a root task without a stack.
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            extern "C" fn _start() -> ! {
                $crate::first_instructions_on_new_stack!(start)
            }
        };

        #[cfg(not(target_os = "none"))]
        fn main() {
            let _: fn(&mut $crate::RootTask) -> _ = $main;
            eprintln!("this program is a root task: ./x run starts it");
        }
    };
}

/// Makes a function the start of a program that init runs: it takes the [`Program`] and returns an [`ExitCode`].
///
/// On a workstation, where the program cannot run, it says so.
#[macro_export]
macro_rules! program {
    ($main:path) => {
        #[cfg(target_os = "none")]
        #[allow(unsafe_code)] // the first instructions
        const _: () = {
            extern "C" fn start(info: u64) -> ! {
                // SAFETY: the instructions below pass on what init passed, first of all.
                unsafe { $crate::start::program(info, |program| $crate::ExitCode::report($main(program))) }
            }

            /// Init starts a program on its stack.
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            extern "C" fn _start() -> ! {
                $crate::first_instructions!(start)
            }
        };

        #[cfg(not(target_os = "none"))]
        fn main() {
            let _: fn(&mut $crate::Program) -> _ = $main;
            eprintln!("init starts this program: name it in a [[program]] of a system description");
        }
    };
}
