// SPDX-License-Identifier: MIT OR Apache-2.0
//! A shared region as a program sees it.
#![allow(unsafe_code)] // memory that init mapped

use abi::Rights;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU64};
use shared_region::Region;

/// A shared region, mapped. Others may write it at any time, so it is read and written atomically.
#[derive(Clone, Copy, Debug)]
pub struct SharedRegion {
    entry: abi::start::Region,
}

impl SharedRegion {
    pub(super) fn new(entry: abi::start::Region) -> Self {
        Self { entry }
    }

    /// Its first address.
    pub fn address(&self) -> u64 {
        self.entry.address
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.entry.size
    }

    /// Whether this program may write it. A store to one that it may only read is a fault.
    pub fn is_writable(&self) -> bool {
        Rights(self.entry.rights.into()).can_write()
    }

    /// Its words.
    pub fn words(&self) -> &'static [AtomicU64] {
        let length = self.entry.size as usize / size_of::<AtomicU64>();
        // SAFETY: init mapped the region there for as long as the program runs, and everybody's accesses are atomic.
        unsafe { core::slice::from_raw_parts(self.entry.address as *const AtomicU64, length) }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &'static [AtomicU8] {
        // SAFETY: as for the words.
        unsafe {
            core::slice::from_raw_parts(self.entry.address as *const AtomicU8, self.entry.size as usize)
        }
    }

    /// The region for rings and channels of `shared-region`; nothing if this program may not write it.
    pub fn open(&self) -> Option<Region<'static>> {
        let base = NonNull::new(self.entry.address as *mut u8).filter(|_| self.is_writable())?;
        // SAFETY: init mapped the region there, and it stays mapped; `shared-region` expects others to write it.
        Some(unsafe { Region::from_mapping(base, self.entry.size as usize) })
    }
}
