// SPDX-License-Identifier: MIT OR Apache-2.0
//! The console of a program: whole lines, as messages to init.

use crate::capability::{CPtr, Capability, Endpoint};
use crate::message::Message;
use abi::WORD_BYTES;
use abi::ipc_buffer::MAX_LENGTH;
use abi::start::{MAX_LINE, Request};
use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

/// The slot of init's endpoint; 0 in a root task.
static SERVICE: AtomicU64 = AtomicU64::new(0);
/// The line that was begun, and how much of it there is. A program has one thread.
static LINE: [AtomicU8; MAX_LINE] = [const { AtomicU8::new(0) }; MAX_LINE];
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Sends text to init from now on.
#[cfg_attr(not(target_os = "none"), allow(dead_code))] // called by the first function of a program
pub(crate) fn use_service(service: Endpoint) {
    SERVICE.store(service.cptr().0, Ordering::Relaxed);
}

pub(super) fn is_used() -> bool {
    SERVICE.load(Ordering::Relaxed) != 0
}

/// Adds a byte to the line; a newline, or the end of the room, sends it.
pub(super) fn put(byte: u8) {
    if byte == b'\n' {
        return send(Request::Print);
    }
    if LENGTH.load(Ordering::Relaxed) == MAX_LINE {
        send(Request::Print);
    }
    let length = LENGTH.load(Ordering::Relaxed);
    LINE[length].store(byte, Ordering::Relaxed);
    LENGTH.store(length + 1, Ordering::Relaxed);
}

/// Sends a row of results to init; `false` in a root task.
pub(crate) fn row(row: fmt::Arguments<'_>) -> bool {
    if is_used() {
        super::print(row);
        send(Request::Row);
        super::AT_LINE_START.store(true, Ordering::Relaxed);
    }
    is_used()
}

/// Tells init that the program has finished; returns in a root task.
pub(crate) fn exit(code: i32) {
    if is_used() {
        Message::new(Request::Exit.word(), &[code as u64]).call(service());
    }
}

fn service() -> CPtr {
    CPtr(SERVICE.load(Ordering::Relaxed))
}

/// Sends the line and waits until init has written it.
fn send(request: Request) {
    let length = LENGTH.swap(0, Ordering::Relaxed).min(MAX_LINE);
    let mut words = [0; MAX_LENGTH];
    words[0] = length as u64;
    for (word, bytes) in words[1..].iter_mut().zip(LINE[..length].chunks(WORD_BYTES)) {
        let byte =
            |(position, byte): (usize, &AtomicU8)| u64::from(byte.load(Ordering::Relaxed)) << (position * 8);
        *word = bytes.iter().enumerate().map(byte).sum();
    }
    let used = 1 + length.div_ceil(WORD_BYTES);
    Message::new(request.word(), &words[..used]).call(service());
}
