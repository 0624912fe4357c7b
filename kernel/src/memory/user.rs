// SPDX-License-Identifier: MIT OR Apache-2.0
//! User memory: words in, words out, never a reference.
//!
//! A [`UserFrame`] is a piece of a frame that a thread has registered with the kernel by capability (its IPC
//! buffer). It is reached through the kernel window, not through the thread's page tables, so it cannot fault;
//! device frames never become one (they may lie outside the window).

use abi::{WORD_BYTES, cut, ipc_buffer, widen};
use arch::PhysAddr;

use super::objects::{ObjRef, Objects, kernel_object};

/// A word of user memory.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct UserWord(pub(crate) abi::Word);

kernel_object!(UserWord);

/// Part of a normal frame, aligned to the size of an IPC buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserFrame {
    base: PhysAddr,
}

impl UserFrame {
    /// The IPC buffer at `base`, inside a frame whose capability the caller holds.
    #[inline]
    pub(crate) const fn new(base: PhysAddr) -> Self {
        Self { base }
    }

    /// Reads the word at byte `offset`, which is a multiple of the word size below the buffer size.
    #[inline]
    pub fn read(self, objs: &Objects, offset: usize) -> u64 {
        widen(objs[self.word(offset)].0)
    }

    /// Writes the word at byte `offset`.
    #[inline]
    pub fn write(self, objs: &mut Objects, offset: usize, value: u64) {
        objs[self.word(offset)].0 = cut(value);
    }

    /// Reads byte `offset`.
    pub fn read_byte(self, objs: &Objects, offset: usize) -> u8 {
        self.read(objs, offset & !(WORD_BYTES - 1)).to_le_bytes()[offset & (WORD_BYTES - 1)]
    }

    #[allow(unsafe_code)]
    #[inline]
    fn word(self, offset: usize) -> ObjRef<UserWord> {
        debug_assert!(offset.is_multiple_of(WORD_BYTES) && offset < ipc_buffer::SIZE);
        // SAFETY: TYPED: a word of a frame that the caller of `new` holds.
        unsafe { ObjRef::at(PhysAddr(self.base.0 + offset as u64)) }
    }
}
