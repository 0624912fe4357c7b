// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layout of the IPC buffer: 128 words.
//!
//! ```text
//!    0 tag           1 msg[0..119]     121 user data
//!  122 caps[0..2]  125 receive CNode   126 receive index   127 receive depth
//! ```

use crate::WORD_BYTES;

/// Size and alignment in bytes.
pub const SIZE: usize = 128 * WORD_BYTES;
/// The message info, for programs only.
pub const TAG_OFFSET: usize = 0;
/// Message register 0; the kernel starts at register [`REGISTER_MESSAGES`].
pub const MSG_OFFSET: usize = WORD_BYTES;
/// A word for programs only.
pub const USER_DATA_OFFSET: usize = 121 * WORD_BYTES;
/// Capability addresses when sending, badges of unwrapped capabilities when receiving.
pub const CAPS_OFFSET: usize = 122 * WORD_BYTES;
/// The CNode of the slot that receives a capability.
pub const RECEIVE_CNODE_OFFSET: usize = 125 * WORD_BYTES;
/// The index of that slot.
pub const RECEIVE_INDEX_OFFSET: usize = 126 * WORD_BYTES;
/// The depth of that index.
pub const RECEIVE_DEPTH_OFFSET: usize = 127 * WORD_BYTES;

/// The most message registers of a message.
pub const MAX_LENGTH: usize = 120;
/// The most capabilities of a message.
pub const MAX_EXTRA_CAPS: usize = 3;
/// How many message registers travel in CPU registers.
pub const REGISTER_MESSAGES: usize = 4;
/// The longest thread name, its end mark included; names are passed in the message registers.
pub const NAME_SIZE: usize = MAX_LENGTH * WORD_BYTES;

/// The offset of a message register.
#[inline]
pub const fn message_offset(register: usize) -> usize {
    MSG_OFFSET + register * WORD_BYTES
}

/// The offset of a capability address or badge.
#[inline]
pub const fn cap_offset(index: usize) -> usize {
    CAPS_OFFSET + index * WORD_BYTES
}

const _: () = assert!(message_offset(MAX_LENGTH) == USER_DATA_OFFSET);
const _: () = assert!(USER_DATA_OFFSET + WORD_BYTES == CAPS_OFFSET);
const _: () = assert!(cap_offset(MAX_EXTRA_CAPS) == RECEIVE_CNODE_OFFSET);
const _: () = assert!(RECEIVE_DEPTH_OFFSET + WORD_BYTES == SIZE);
