// SPDX-License-Identifier: MIT OR Apache-2.0
//! Figures to compare with: what seL4 needs for the same work on the same instrument, and what Skerry is to need.
//!
//! The seL4 figures were measured with release 16.0.0-dev (release build, gcc 12, no skim window unless noted) under
//! QEMU 10.0.2 with `-cpu max -icount shift=0,sleep=off`, user-level stub included, between threads in different address
//! spaces. All are instructions.

use serde::Serialize;

/// What a path is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Reference {
    /// seL4 with the MCS scheduler, which has the features that Skerry has.
    pub sel4_mcs: Option<u64>,
    /// seL4 with the classic scheduler.
    pub sel4_classic: Option<u64>,
    /// What the path may need at most.
    pub at_most: Option<u64>,
    /// What it should need.
    pub aim: Option<u64>,
}

const fn both(sel4_mcs: u64, sel4_classic: u64, at_most: u64, aim: u64) -> Reference {
    Reference {
        sel4_mcs: Some(sel4_mcs),
        sel4_classic: Some(sel4_classic),
        at_most: Some(at_most),
        aim: Some(aim),
    }
}

const fn mcs(sel4_mcs: u64, at_most: u64, aim: u64) -> Reference {
    Reference { sel4_mcs: Some(sel4_mcs), sel4_classic: None, at_most: Some(at_most), aim: Some(aim) }
}

const fn target(at_most: u64, aim: u64) -> Reference {
    Reference { sel4_mcs: None, sel4_classic: None, at_most: Some(at_most), aim: Some(aim) }
}

/// Every path that has a figure to compare with, by the name that the root task reports it under.
const REFERENCES: &[(&str, Reference)] = &[
    ("Call, 0 words", both(212, 184, 180, 160)),
    ("ReplyRecv, 0 words", both(277, 211, 208, 190)),
    ("Call, 4 words", both(212, 184, 180, 160)),
    ("ReplyRecv, 4 words", both(277, 211, 208, 190)),
    ("Call, 0 words, FPU owners", both(226, 198, 194, 175)),
    ("ReplyRecv, 0 words, FPU owners", both(293, 225, 222, 205)),
    ("Call, 10 words", both(992, 802, 280, 250)),
    ("ReplyRecv, 10 words", both(1166, 770, 310, 280)),
    ("Send, 0 words, to a higher-priority receiver", both(853, 700, 300, 240)),
    ("fault, to its handler", both(697, 606, 350, 300)),
    ("fault, handler to faulter", both(1242, 704, 400, 330)),
    ("map a 4 KiB page", mcs(834, 420, 330)),
    ("protect a 4 KiB page", mcs(835, 420, 330)),
    ("unmap a 4 KiB page", mcs(838, 420, 330)),
    ("Signal, nobody waits", target(120, 100)),
    ("Signal, wakes a higher-priority waiter", target(260, 220)),
    ("cross-core signal, sender, IPI sent", target(140, 120)),
    ("cross-core signal, sender, elided (pending)", target(120, 100)),
    ("cross-core signal, sender, elided (masked)", target(120, 100)),
    ("cross-core signal, receiver, interrupt to after Wait", target(350, 300)),
];

/// The architecture that the figures are of.
pub const REFERENCE_ARCHITECTURE: &str = "x86_64";

/// What a path of an architecture is compared with; nothing for most.
pub fn reference(architecture: &str, path: &str) -> Reference {
    if architecture != REFERENCE_ARCHITECTURE {
        return Reference::default();
    }
    REFERENCES.iter().find(|(name, _)| *name == path).map(|&(_, reference)| reference).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_by_its_whole_name_only() {
        let of = |path| reference(REFERENCE_ARCHITECTURE, path);
        assert_eq!(of("Call, 0 words").sel4_classic, Some(184));
        assert_eq!(of("Call, 0 words, same address space"), Reference::default());
        assert_eq!(reference("aarch32", "Call, 0 words"), Reference::default());
    }

    #[test]
    fn no_path_is_listed_twice_and_every_aim_is_below_its_limit() {
        for (index, (name, reference)) in REFERENCES.iter().enumerate() {
            assert!(REFERENCES[index + 1..].iter().all(|(other, _)| other != name), "{name}");
            assert!(reference.aim < reference.at_most, "{name}");
        }
    }
}
