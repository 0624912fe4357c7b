// SPDX-License-Identifier: MIT OR Apache-2.0
//! The atomics that the protocol runs on: the processor's, or loom's when the protocol itself is under test.

use crate::orderings::{Site, at};

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::AtomicU64;
#[cfg(loom)]
pub(crate) use loom::sync::atomic::AtomicU64;

/// Full barrier of a thread whose last memory access was an atomic read-modify-write.
///
/// Every such operation is a locked instruction on x86, and a locked instruction is a full barrier (Intel SDM vol. 3,
/// 10.2.2), so only the compiler has to be held back and no second, slower `mfence` is issued. On AArch32 such an
/// operation is a loop of LDREX and STREX, which orders nothing by itself: there, elsewhere, and in every model, it is the
/// fence that Rust's memory model asks for (`dmb ish`).
#[inline(always)]
pub(crate) fn barrier_after_rmw(site: Site) {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
    core::sync::atomic::compiler_fence(at(site));
    #[cfg(all(not(all(target_arch = "x86_64", not(miri))), not(loom)))]
    core::sync::atomic::fence(at(site));
    #[cfg(loom)]
    loom::sync::atomic::fence(at(site));
}
