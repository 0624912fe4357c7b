// SPDX-License-Identifier: MIT OR Apache-2.0
//! Inter-process communication: messages, queues, faults.

pub mod fault;
#[cfg(not(target_os = "none"))]
mod invariants;
mod queue;
#[cfg(test)]
pub(crate) mod storm;
#[cfg(test)]
pub(crate) mod testing;
pub mod transfer;

#[cfg(test)]
mod tests;
