// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every memory ordering of rings and counters, in one table. `tests/loom_weakening.rs` weakens each in turn and requires
//! loom to find memory that both sides touch at once. Slots themselves are accessed with `Relaxed`.

use core::sync::atomic::Ordering;

/// A place whose ordering matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// Producer stores its position: the slots before it are filled.
    TailStore,
    /// Consumer reads that position, then the slots.
    TailLoad,
    /// Consumer stores its position: it will not look at the slots before it again.
    HeadStore,
    /// Producer reads that position, then fills the slots anew.
    HeadLoad,
    /// Writer of a counter: what it did before is done.
    CounterStore,
    /// Reader of a counter, who then looks at that.
    CounterLoad,
}

impl Site {
    /// Every site.
    pub const ALL: [Site; 6] = [
        Site::TailStore,
        Site::TailLoad,
        Site::HeadStore,
        Site::HeadLoad,
        Site::CounterStore,
        Site::CounterLoad,
    ];

    /// The weakest ordering under which the ring is right.
    #[inline(always)]
    pub const fn required(self) -> Ordering {
        match self {
            Site::TailStore | Site::HeadStore | Site::CounterStore => Ordering::Release,
            Site::TailLoad | Site::HeadLoad | Site::CounterLoad => Ordering::Acquire,
        }
    }
}

/// The ordering to use at `site`.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) const fn at(site: Site) -> Ordering {
    site.required()
}

#[cfg(loom)]
pub(crate) use weakening::at;

/// Weakening of one ordering, for the test that each is needed.
#[cfg(loom)]
pub mod weakening {
    use super::{Ordering, Site};
    use std::sync::Mutex;

    static RELAXED: Mutex<Option<Site>> = Mutex::new(None);

    /// From now on and in the whole process, `site` is relaxed; `None` restores the table.
    pub fn set(site: Option<Site>) {
        *RELAXED.lock().expect("nothing panics while it holds the lock") = site;
    }

    pub(crate) fn at(site: Site) -> Ordering {
        match *RELAXED.lock().expect("nothing panics while it holds the lock") {
            Some(relaxed) if relaxed == site => Ordering::Relaxed,
            _ => site.required(),
        }
    }
}
