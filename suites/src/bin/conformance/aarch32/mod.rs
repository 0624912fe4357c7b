// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only AArch32 has: instructions, three levels of tables, interrupts of the GIC, and the tests of them.

mod cache;
pub(crate) mod channels;
pub(crate) mod code;
mod fault;
mod fpu;
mod irq;
mod tables;

use crate::check::Test;
use abi::fault::vm_fault;
use userland::syscall::Received;

/// The tests.
pub(crate) const TESTS: &[&[Test]] =
    &[fault::TESTS, fpu::TESTS, channels::TESTS, cache::TESTS, irq::TESTS, tables::TESTS];

/// The table that an entry of the root leads to.
pub(crate) type UpperTable = userland::PageDirectory;
/// An address at which nothing is mapped, in the first entry of the top-level table.
pub(crate) const ADDRESS: u64 = 0x3000_0000;
/// One in another entry of the top-level table, so that all tables are missing there.
pub(crate) const FAR_ADDRESS: u64 = 0x4000_0000;
/// Bits that remain where the walk for that ends.
pub(crate) const FAR_MISSING: u64 = 30;
/// The number of the exception of an undefined instruction.
pub(crate) const UNDEFINED: u64 = 0;
/// What the code that writes leaves in the word: its address.
pub(crate) const WRITTEN: u64 = ADDRESS;
/// Bytes of the instruction that makes a system call.
pub(crate) const CALL_LENGTH: u64 = 4;

// What the fault status says: whether it was a store, and whether nothing was mapped or the access is not allowed.
const STORE: u64 = 1 << 11;
const MISSING: u64 = 0b00_0100;
const PROTECTED: u64 = 0b00_1100;
/// The level that the walk came to is left out.
const COMPARED: u64 = STORE | 0b11_1100;
/// A load where nothing is mapped.
pub(crate) const READ_MISSING: u64 = MISSING;
/// A store where nothing is mapped.
pub(crate) const WRITE_MISSING: u64 = STORE | MISSING;
/// A load that is not allowed.
pub(crate) const READ_PROTECTED: u64 = PROTECTED;
/// A store that is not allowed.
pub(crate) const WRITE_PROTECTED: u64 = STORE | PROTECTED;

/// How the address of a page fault was used.
pub(crate) fn access(fault: &Received) -> u64 {
    fault.word(vm_fault::CODE) & COMPARED
}

/// Whether the message is to call it a fetch: where the instruction itself was not there.
pub(crate) fn told_fetch(fault: &Received) -> u64 {
    u64::from(fault.word(vm_fault::IP) == fault.word(vm_fault::ADDRESS))
}
