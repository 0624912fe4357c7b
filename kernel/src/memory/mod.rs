// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the kernel reaches memory: kernel objects by typed address, user memory word by word.

pub mod objects;
#[cfg(not(target_os = "none"))]
mod sim;
pub mod user;
