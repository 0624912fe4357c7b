// SPDX-License-Identifier: MIT OR Apache-2.0
//! The status page of an instance, written by its kernel only and read by its peers.
//!
//! It is a page of 64-bit words: those of [`Word`], then the text of the last panic from [`PANIC_TEXT`] on.
//! Readers may see words of different moments; each word by itself is never torn.

/// Bytes of the page.
pub const SIZE: usize = 4096;
/// Words of the page.
pub const WORDS: usize = SIZE / 8;
/// What [`Word::Magic`] holds: "SRSTAT" and the version of the layout.
pub const MAGIC: u64 = 0x5352_5354_4154_0001;

/// The word where the text of the last panic starts.
pub const PANIC_TEXT: usize = Word::PanicLength.index() + 1;
/// The most bytes of that text.
pub const MAX_PANIC_TEXT: usize = 256;

const _: () = assert!(PANIC_TEXT * 8 + MAX_PANIC_TEXT <= SIZE);

numbered! {
    /// A word of the status page; the number is its index.
    Word: u64 {
        /// [`MAGIC`].
        Magic = 0,
        /// See [`State`].
        State = 1,
        /// How often the instance was started, from 1.
        Generation = 2,
        /// Doorbell interrupts that found lines pending.
        DoorbellsTaken = 3,
        /// Doorbell interrupts that found none.
        SpuriousDoorbells = 4,
        /// Signals sent to other instances.
        SignalsSent = 5,
        /// Interrupts sent for them.
        IpisSent = 6,
        /// Interrupts not sent because the line was pending already.
        ElidedPending = 7,
        /// Interrupts not sent because the line was masked.
        ElidedMasked = 8,
        /// Interrupts not sent because the receiver was polling.
        ElidedPolling = 9,
        /// Lines delivered to notifications.
        LinesDelivered = 10,
        /// Interrupts at vectors that have no handler.
        UnownedInterrupts = 11,
        /// The deepest use of the kernel stack in bytes.
        StackHighWater = 12,
        /// Bytes of the text of the last panic.
        PanicLength = 16,
    }
}

impl Word {
    /// The index of the word in the page.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The offset of the word in bytes.
    #[inline]
    pub const fn offset(self) -> usize {
        self.index() * 8
    }
}

numbered! {
    /// How an instance is.
    State: u64 {
        /// Its root task has not run yet.
        Booting = 0,
        /// It runs.
        Up = 1,
        /// It was halted by its own program or stopped by its controller.
        Halted = 2,
        /// Its kernel panicked.
        Failed = 3,
    }
}
