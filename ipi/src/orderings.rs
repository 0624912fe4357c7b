// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every memory ordering of the protocol, in one table.
//!
//! An ordering is in the table because weakening it loses a wake-up, hides a write made before a signal, or breaks the
//! bound on doorbells: `tests/loom_weakening.rs` weakens each in turn and requires loom to find the failure. All other
//! accesses are `Relaxed`.

use core::sync::atomic::Ordering;

/// A place in the protocol whose ordering matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// Sender sets the line's pending bit. Release: what was written before the signal is visible to whoever takes
    /// it, also when the signal merges with an earlier one.
    PendingSet,
    /// Sender, between the pending bit and the read of the open word. Pairs with `OpenedFence`. Also makes the pending
    /// bit visible to whoever takes the sender bit, and shows a line closed to the sender that finds its bit taken.
    PendingFence,
    /// Sender sets its group's bit. Release: the sender bit is visible to whoever takes the group bit.
    GroupSet,
    /// Sender that resumes sets its sender bit. Release: the pending bits that an earlier life left are visible to
    /// whoever takes the sender bit, where `signal` has `PendingFence` before.
    ResumeSet,
    /// Sender, between the group bit and the read of the mode. Pairs with `ModeFence`.
    RaisedFence,
    /// Receiver takes the group bits. Acquire: the other side of `GroupSet`.
    GroupsTake,
    /// Receiver takes a group's sender bits. Acquire: the pending bits behind a sender bit are visible, also when its
    /// group bit was set on behalf of another sender or an earlier line. The other side is `PendingFence`.
    SendersTake,
    /// Receiver takes pending lines. Acquire: the other side of `PendingSet`. Release: the line is seen closed by the
    /// sender that finds its bit taken.
    PendingTake,
    /// Receiver, between opening a line and the read of its pending bit. Pairs with `PendingFence`.
    OpenedFence,
    /// Receiver, between storing its mode and the read of the group bits. Pairs with `RaisedFence`.
    ModeFence,
}

impl Site {
    /// Every site.
    pub const ALL: [Site; 10] = [
        Site::PendingSet,
        Site::PendingFence,
        Site::GroupSet,
        Site::ResumeSet,
        Site::RaisedFence,
        Site::GroupsTake,
        Site::SendersTake,
        Site::PendingTake,
        Site::OpenedFence,
        Site::ModeFence,
    ];

    /// The weakest ordering under which the protocol is right.
    #[inline(always)]
    pub const fn required(self) -> Ordering {
        match self {
            Site::PendingTake => Ordering::AcqRel,
            Site::PendingSet | Site::GroupSet | Site::ResumeSet => Ordering::Release,
            Site::GroupsTake | Site::SendersTake => Ordering::Acquire,
            Site::PendingFence | Site::RaisedFence | Site::OpenedFence | Site::ModeFence => Ordering::SeqCst,
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

/// Weakening of one ordering at a time, for the test that each is needed.
#[cfg(loom)]
pub mod weakening {
    use super::{Ordering, Site};
    use std::sync::Mutex;

    static WEAKENED: Mutex<Option<(Site, Ordering)>> = Mutex::new(None);

    /// From now on and in the whole process, uses `ordering` at `site`; `None` restores the table.
    pub fn set(weakened: Option<(Site, Ordering)>) {
        *WEAKENED.lock().expect("nothing panics while it holds the lock") = weakened;
    }

    /// All single steps down from what the table requires.
    pub fn steps() -> impl Iterator<Item = (Site, Ordering)> {
        Site::ALL.into_iter().flat_map(|site| {
            let weaker: &[Ordering] = match site.required() {
                Ordering::SeqCst => &[Ordering::AcqRel],
                Ordering::AcqRel => &[Ordering::Acquire, Ordering::Release],
                _ => &[Ordering::Relaxed],
            };
            weaker.iter().map(move |ordering| (site, *ordering))
        })
    }

    pub(crate) fn at(site: Site) -> Ordering {
        match *WEAKENED.lock().expect("nothing panics while it holds the lock") {
            Some((weakened, ordering)) if weakened == site => ordering,
            _ => site.required(),
        }
    }
}
