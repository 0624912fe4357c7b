// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one place that turns mapped memory into a region.
#![allow(unsafe_code)]

use crate::region::Region;
use crate::sync::Word;
use core::ptr::NonNull;

impl Region<'static> {
    /// The region mapped at `base`. A length that is not a multiple of eight loses its last bytes.
    ///
    /// # Safety
    ///
    /// From now on, `bytes` bytes from `base` are mapped readable and writable, write-back, and are accessed by this
    /// crate only, here and by every member of the region that keeps the rules.
    ///
    /// # Panics
    ///
    /// When `base` is not aligned to a word.
    pub unsafe fn from_mapping(base: NonNull<u8>, bytes: usize) -> Self {
        assert!(base.cast::<Word>().is_aligned(), "a region starts at a page");
        let words = NonNull::slice_from_raw_parts(base.cast::<Word>(), bytes / size_of::<Word>());
        // SAFETY: the caller maps the words for ever, and as atomics they allow the writes of others.
        let words = unsafe { words.as_ref() };
        Region::new(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, RegionLayout};
    use std::boxed::Box;

    #[test]
    fn two_mappings_of_the_same_memory_are_one_region() {
        let memory: &'static Memory<512> = Box::leak(Box::new(Memory::new()));
        // SAFETY: the memory is never freed, is as long as said, and is used as a region only.
        let mapped = unsafe { Region::from_mapping(NonNull::from(memory).cast(), 4096) };
        let layout = RegionLayout::new(4096).counter().expect("fits");
        mapped.counter(&layout).expect("fits").set(7);
        assert_eq!(memory.region().counter(&layout).map(|counter| counter.get()), Some(7));
        let beyond = RegionLayout::new(8192).ring(256, 2).expect("fits the larger region");
        assert!(mapped.producer(&beyond).is_none());
    }
}
