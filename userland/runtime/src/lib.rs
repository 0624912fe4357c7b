// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runtime for root tasks: programs that an instance's kernel starts first and gives everything to.
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
//! The build script of such a program passes the linker script on, see `userland/ping-pong/build.rs`.
//!
//! | Layer | Modules |
//! |---|---|
//! | the interface, typed | [`syscall`], [`Message`], [`object`] with one method for each invocation, [`Error`] |
//! | what a root task has | [`RootTask`]: bootinfo, slots, memory, addresses; regions and lines between instances |
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
mod measure;
mod message;
pub mod object;
mod report;
mod root_task;
pub mod sharing;
#[cfg(target_os = "none")]
mod start;
pub mod syscall;
mod thread;

pub use abi::{LookupFailure, LookupSide};
pub use allocate::{AllocError, Memory, Slots};
pub use bootinfo::{Boot, IMAGE_START};
pub use capability::*;
pub use error::Error;
pub use ipc_buffer::{IpcBuffer, Local, current_thread};
pub use measure::{Samples, ticks};
pub use message::Message;
pub use report::{ExitCode, PANIC_CODE, exit, report_row};
pub use root_task::RootTask;
pub use thread::{Options, Stack, Thread};

/// Makes a function the start of the program: it takes the [`RootTask`] and returns an [`ExitCode`].
///
/// The function must not be called `main`.
///
/// On a workstation, where the program cannot run, it says so.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[cfg(target_os = "none")]
        #[unsafe(no_mangle)]
        #[allow(unsafe_code)] // the runtime looks for this name
        extern "Rust" fn skerry_root_task_main(task: &mut $crate::RootTask) -> i32 {
            $crate::ExitCode::report($main(task))
        }

        #[cfg(not(target_os = "none"))]
        fn main() {
            let _: fn(&mut $crate::RootTask) -> _ = $main;
            eprintln!("this program is a root task: ./x run starts it");
        }
    };
}
