// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layout of the IPC buffer.
//!
//! ```text
//!    0 tag            8 msg[0..119]      968 user data
//!  976 caps[0..2]  1000 receive CNode   1008 receive index  1016 receive depth
//! ```

/// Size and alignment in bytes.
pub const SIZE: usize = 1024;
/// The message info, for programs only.
pub const TAG_OFFSET: usize = 0;
/// Message register 0; the kernel starts at register [`REGISTER_MESSAGES`].
pub const MSG_OFFSET: usize = 8;
/// A word for programs only.
pub const USER_DATA_OFFSET: usize = 968;
/// Capability addresses when sending, badges of unwrapped capabilities when receiving.
pub const CAPS_OFFSET: usize = 976;
/// The CNode of the slot that receives a capability.
pub const RECEIVE_CNODE_OFFSET: usize = 1000;
/// The index of that slot.
pub const RECEIVE_INDEX_OFFSET: usize = 1008;
/// The depth of that index.
pub const RECEIVE_DEPTH_OFFSET: usize = 1016;

/// The most message registers of a message.
pub const MAX_LENGTH: usize = 120;
/// The most capabilities of a message.
pub const MAX_EXTRA_CAPS: usize = 3;
/// How many message registers travel in CPU registers.
pub const REGISTER_MESSAGES: usize = 4;
/// The longest thread name, its end mark included; names are passed in the message registers.
pub const NAME_SIZE: usize = MAX_LENGTH * 8;

/// The offset of a message register.
#[inline]
pub const fn message_offset(register: usize) -> usize {
    MSG_OFFSET + register * 8
}

/// The offset of a capability address or badge.
#[inline]
pub const fn cap_offset(index: usize) -> usize {
    CAPS_OFFSET + index * 8
}

const _: () = assert!(message_offset(MAX_LENGTH) == USER_DATA_OFFSET);
const _: () = assert!(USER_DATA_OFFSET + 8 == CAPS_OFFSET);
const _: () = assert!(cap_offset(MAX_EXTRA_CAPS) == RECEIVE_CNODE_OFFSET);
const _: () = assert!(RECEIVE_DEPTH_OFFSET + 8 == SIZE);
