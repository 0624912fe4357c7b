// SPDX-License-Identifier: MIT OR Apache-2.0
//! The word that shared memory is made of.
//!
//! A word is either a position (`load`, `store`) or message data (`read`, `write`). Data is accessed by relaxed
//! atomics, because a peer may break the rules; loom instead checks that two peers which keep them never touch a data
//! word at the same time.

#[cfg(loom)]
pub(crate) use model::Word;
#[cfg(not(loom))]
pub(crate) use real::Word;

#[cfg(not(loom))]
mod real {
    use core::sync::atomic::{AtomicU64, Ordering};

    #[repr(transparent)]
    #[derive(Debug)]
    pub(crate) struct Word(AtomicU64);

    impl Word {
        pub(crate) const fn new() -> Self {
            Self(AtomicU64::new(0))
        }

        #[inline]
        pub(crate) fn load(&self, ordering: Ordering) -> u64 {
            self.0.load(ordering)
        }

        #[inline]
        pub(crate) fn store(&self, value: u64, ordering: Ordering) {
            self.0.store(value, ordering);
        }

        #[inline]
        pub(crate) fn read(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        #[inline]
        pub(crate) fn write(&self, value: u64) {
            self.0.store(value, Ordering::Relaxed);
        }
    }
}

#[cfg(loom)]
mod model {
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering;

    #[derive(Debug)]
    pub(crate) struct Word {
        position: AtomicU64,
        data: std::sync::atomic::AtomicU64,
        /// Stands for an access to `data`: loom fails when two are not ordered and one is a write.
        access: UnsafeCell<()>,
    }

    impl Word {
        pub(crate) fn new() -> Self {
            Self { position: AtomicU64::new(0), data: 0.into(), access: UnsafeCell::new(()) }
        }

        pub(crate) fn load(&self, ordering: Ordering) -> u64 {
            self.position.load(ordering)
        }

        pub(crate) fn store(&self, value: u64, ordering: Ordering) {
            self.position.store(value, ordering);
        }

        pub(crate) fn read(&self) -> u64 {
            self.access.with(|_| self.data.load(Ordering::Relaxed))
        }

        pub(crate) fn write(&self, value: u64) {
            self.access.with_mut(|_| self.data.store(value, Ordering::Relaxed));
        }
    }
}
