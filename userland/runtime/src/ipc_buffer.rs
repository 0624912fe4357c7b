// SPDX-License-Identifier: MIT OR Apache-2.0
//! The IPC buffer of the current thread, and how a thread finds it.
//!
//! The thread pointer points to the thread's [`Local`], whose first field is the address of the buffer. The kernel writes
//! buffers behind the compiler's back, so every access is volatile.
#![allow(unsafe_code)] // memory shared with the kernel

use crate::capability::{CPtr, Tcb};
use abi::ipc_buffer::{
    self, MAX_EXTRA_CAPS, MAX_LENGTH, MSG_OFFSET, RECEIVE_CNODE_OFFSET, RECEIVE_DEPTH_OFFSET,
    RECEIVE_INDEX_OFFSET,
};
use abi::{WORD_BYTES, Word, cut, widen};
use core::mem::offset_of;

/// What a thread knows about itself; its thread pointer points to it.
#[derive(Debug)]
#[repr(C)]
pub struct Local {
    buffer: u64,
    tcb: Tcb,
}

const _: () = assert!(offset_of!(Local, buffer) == 0 && offset_of!(Local, tcb) == 8);

impl Local {
    /// What the thread `tcb` with its buffer at this address is to know.
    pub const fn new(buffer: u64, tcb: Tcb) -> Self {
        Self { buffer, tcb }
    }
}

/// The current thread.
pub fn current_thread() -> Tcb {
    local::tcb()
}

/// The IPC buffer of a thread.
#[derive(Clone, Copy, Debug)]
pub struct IpcBuffer {
    address: *mut Word,
}

impl IpcBuffer {
    /// The buffer of the current thread.
    #[inline(always)]
    pub fn current() -> Self {
        Self { address: local::buffer() as *mut Word }
    }

    /// Message register `register`; registers 0 to 3 travel in CPU registers instead.
    #[inline(always)]
    pub fn word(self, register: usize) -> u64 {
        debug_assert!(register < MAX_LENGTH);
        self.get(MSG_OFFSET / WORD_BYTES + register)
    }

    /// Sets message register `register`.
    #[inline(always)]
    pub fn set_word(self, register: usize, value: u64) {
        debug_assert!(register < MAX_LENGTH);
        self.set(MSG_OFFSET / WORD_BYTES + register, value);
    }

    /// The badge of the received capability `index`, if it was unwrapped.
    pub fn badge(self, index: usize) -> u64 {
        debug_assert!(index < MAX_EXTRA_CAPS);
        self.get(ipc_buffer::cap_offset(index) / WORD_BYTES)
    }

    /// Sets the capability to send along at `index`.
    #[inline(always)]
    pub fn set_cap(self, index: usize, cptr: CPtr) {
        debug_assert!(index < MAX_EXTRA_CAPS);
        self.set(ipc_buffer::cap_offset(index) / WORD_BYTES, cptr.0);
    }

    /// Sets the slot that receives a capability; `root` is an address in the caller's capability space.
    pub fn set_receive_slot(self, root: CPtr, index: u64, depth: u64) {
        self.set(RECEIVE_CNODE_OFFSET / WORD_BYTES, root.0);
        self.set(RECEIVE_INDEX_OFFSET / WORD_BYTES, index);
        self.set(RECEIVE_DEPTH_OFFSET / WORD_BYTES, depth);
    }

    #[inline(always)]
    fn get(self, index: usize) -> u64 {
        let place = self.address.wrapping_add(index);
        // SAFETY: `index` is inside the buffer, which stays mapped while its thread runs.
        widen(unsafe { place.read_volatile() })
    }

    #[inline(always)]
    fn set(self, index: usize, value: u64) {
        let place = self.address.wrapping_add(index);
        // SAFETY: as for `get`; only the current thread and the kernel on its behalf write the buffer.
        unsafe { place.write_volatile(cut(value)) }
    }
}

#[cfg(target_os = "none")]
use crate::machine::local;

#[cfg(all(not(target_os = "none"), not(test)))]
mod local {
    use super::Tcb;

    pub(super) fn buffer() -> u64 {
        unreachable!("an IPC buffer needs an instance to run on");
    }

    pub(super) fn tcb() -> Tcb {
        unreachable!("a thread needs an instance to run on");
    }
}

#[cfg(test)]
mod local {
    use super::{Tcb, WORD_BYTES, Word, ipc_buffer};
    use crate::capability::INIT_TCB;
    use std::cell::UnsafeCell;

    std::thread_local! {
        static BUFFER: UnsafeCell<[Word; ipc_buffer::SIZE / WORD_BYTES]> = const { UnsafeCell::new([0; ipc_buffer::SIZE / WORD_BYTES]) };
    }

    pub(super) fn buffer() -> u64 {
        BUFFER.with(|buffer| buffer.get() as u64)
    }

    pub(super) fn tcb() -> Tcb {
        INIT_TCB
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_capabilities_are_where_the_kernel_reads_them() {
        let buffer = IpcBuffer::current();
        buffer.set_word(4, 44);
        buffer.set_word(119, 119);
        buffer.set_cap(2, CPtr(7));
        buffer.set_receive_slot(CPtr(2), 30, 64);
        let at = |word: usize| buffer.get(word);
        assert_eq!([at(1 + 4), at(120), at(124)], [44, 119, 7]);
        assert_eq!([at(125), at(126), at(127)], [2, 30, 64]);
        assert_eq!((buffer.word(4), buffer.badge(2)), (44, 7));
    }
}
