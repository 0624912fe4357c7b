// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only x86_64 has: instructions, descriptors, IO ports, four levels of tables, and the tests of them.

mod address;
mod bases;
mod bootinfo;
pub(crate) mod channels;
pub(crate) mod code;
mod cpu;
mod entry;
mod fault;
mod fpu;
mod hostile;
mod io_port;
mod irq;
mod registers;
mod tables;

use crate::check::Test;
use abi::fault::vm_fault;
use userland::syscall::Received;

/// The tests.
pub(crate) const TESTS: &[&[Test]] = &[
    fault::TESTS,
    entry::TESTS,
    address::TESTS,
    bases::TESTS,
    bootinfo::TESTS,
    registers::TESTS,
    fpu::TESTS,
    channels::TESTS,
    irq::TESTS,
    io_port::TESTS,
    tables::TESTS,
];

/// The table that an entry of the root leads to.
pub(crate) type UpperTable = userland::Pdpt;
/// An address at which nothing is mapped, in the first entry of the top-level table.
pub(crate) const ADDRESS: u64 = 0x20_0000_0000;
/// One in another entry of the top-level table, so that all tables are missing there.
pub(crate) const FAR_ADDRESS: u64 = 0x200_0000_0000;
/// Bits that remain where the walk for that ends.
pub(crate) const FAR_MISSING: u64 = 39;
/// The number of the exception of an undefined instruction.
pub(crate) const UNDEFINED: u64 = 6;
/// What the code that writes leaves in the word.
pub(crate) const WRITTEN: u64 = 1;
/// Bytes of the instruction that makes a system call.
pub(crate) const CALL_LENGTH: u64 = 2;

// What the error code of a page fault says of an access by a program, but for the bit that tells a fetch.
/// A load where nothing is mapped.
pub(crate) const READ_MISSING: u64 = 0b100;
/// A store where nothing is mapped.
pub(crate) const WRITE_MISSING: u64 = 0b110;
/// A load that is not allowed.
pub(crate) const READ_PROTECTED: u64 = 0b101;
/// A store that is not allowed.
pub(crate) const WRITE_PROTECTED: u64 = 0b111;
const FETCH: u64 = 1 << 4;

/// How the address of a page fault was used.
pub(crate) fn access(fault: &Received) -> u64 {
    fault.word(vm_fault::CODE) & !FETCH
}

/// Whether the message is to call it a fetch: where the processor does.
pub(crate) fn told_fetch(fault: &Received) -> u64 {
    u64::from(fault.word(vm_fault::CODE) & FETCH != 0)
}
