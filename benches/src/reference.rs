// SPDX-License-Identifier: MIT OR Apache-2.0
//! Figures to compare with: what seL4 needs for the same work on the same instrument, and what Skerry is to need.
//!
//! The seL4 figures were measured with release 16.0.0-dev (release build, gcc 12, no skim window unless noted) under
//! QEMU 10.0.2 with `-cpu max -icount shift=0,sleep=off`, user-level stub included. All are instructions. Each belongs to
//! a *scenario*: whose time the partner runs on, its priority, its address space. The root task reports the scenario of
//! each row as it set it up, and a figure stands beside a row of its own scenario only.

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
    /// The scenario that the figures of seL4 belong to: where they stand beside a row, that row was measured in it.
    pub scenario: &'static str,
    /// Where the figures of seL4 come from; empty where there are none.
    pub source: &'static str,
}

const NO_PARTNER: &str = "";
const PASSIVE: &str = "passive partner of equal priority in another address space";
const ACTIVE: &str = "active partner of equal priority in another address space";
const ACTIVE_HIGHER: &str = "active partner of higher priority in another address space";
const HANDLER_BELOW: &str = "passive partner of lower priority in the same address space";
const PEER: &str = "active partner of equal priority in the same address space";
const WAITERS_ABOVE: &str = "active partner of higher priority in the same address space";

/// The unmodified upstream suite, with its own threads, priorities and address spaces.
const SUITE: &str = "upstream's benchmark suite, unmodified";
/// A program with the stubs of `suites/src/bin/bench`, on upstream's kernel.
const STUBS: &str = "two threads with our stubs on upstream's kernel";
/// The same, with the skim window.
const STUBS_SKIM: &str = "our stubs on upstream's kernel, skim window on";

const fn both(sel4_mcs: u64, sel4_classic: u64, at_most: u64, aim: u64) -> Reference {
    Reference { sel4_mcs: Some(sel4_mcs), sel4_classic: Some(sel4_classic), ..target(at_most, aim) }
}

const fn mcs(sel4_mcs: u64, at_most: u64, aim: u64) -> Reference {
    Reference { sel4_mcs: Some(sel4_mcs), ..target(at_most, aim) }
}

const fn target(at_most: u64, aim: u64) -> Reference {
    Reference {
        sel4_mcs: None,
        sel4_classic: None,
        at_most: Some(at_most),
        aim: Some(aim),
        scenario: NO_PARTNER,
        source: "",
    }
}

impl Reference {
    const fn of(self, scenario: &'static str, source: &'static str) -> Self {
        Self { scenario, source, ..self }
    }

    const fn within(self, scenario: &'static str) -> Self {
        Self { scenario, ..self }
    }
}

/// Every path that has a figure to compare with, by the name that the root task reports it under.
const REFERENCES: &[(&str, Reference)] = &[
    ("Call, 0 words", both(212, 184, 180, 160).of(PASSIVE, SUITE)),
    ("ReplyRecv, 0 words", both(277, 211, 208, 190).of(PASSIVE, SUITE)),
    ("Call, 4 words", both(212, 184, 180, 160).of(PASSIVE, STUBS)),
    ("ReplyRecv, 4 words", both(277, 211, 208, 190).of(PASSIVE, STUBS)),
    ("Call, 0 words, FPU owners", both(226, 198, 194, 175).of(PASSIVE, STUBS)),
    ("ReplyRecv, 0 words, FPU owners", both(293, 225, 222, 205).of(PASSIVE, STUBS)),
    ("Call, 10 words", target(280, 250).within(PASSIVE)),
    ("ReplyRecv, 10 words", target(310, 280).within(PASSIVE)),
    ("Call, 10 words, active server", both(992, 802, 330, 280).of(ACTIVE, SUITE)),
    ("ReplyRecv, 10 words, active server", both(1166, 770, 380, 320).of(ACTIVE, SUITE)),
    ("Send, 0 words, to a higher-priority receiver", both(853, 700, 300, 240).of(ACTIVE_HIGHER, SUITE)),
    ("fault, to its handler", target(350, 300).within(PASSIVE)),
    ("fault, handler to faulter", target(400, 330).within(PASSIVE)),
    ("fault, to a handler of lower priority", both(697, 606, 340, 300).of(HANDLER_BELOW, SUITE)),
    ("fault, handler of lower priority to faulter", both(1242, 704, 400, 330).of(HANDLER_BELOW, SUITE)),
    ("fault, round trip, handler of lower priority", both(1932, 1303, 640, 580).of(HANDLER_BELOW, SUITE)),
    ("null system call", both(89, 89, 85, 75).of(NO_PARTNER, SUITE)),
    ("retype one 4 KiB page", both(1039, 907, 600, 480).of(NO_PARTNER, SUITE)),
    ("retype 512 pages of 4 KiB, each", both(1029, 900, 600, 480).of(NO_PARTNER, SUITE)),
    ("producer to consumer, same core", both(1355, 1090, 600, 500).of(PEER, SUITE)),
    ("broadcast", both(1297, 986, 500, 420).of(WAITERS_ABOVE, SUITE)),
    ("map a 4 KiB page", mcs(834, 420, 330).of(NO_PARTNER, STUBS_SKIM)),
    ("protect a 4 KiB page", mcs(835, 420, 330).of(NO_PARTNER, STUBS_SKIM)),
    ("unmap a 4 KiB page", mcs(838, 420, 330).of(NO_PARTNER, STUBS_SKIM)),
    ("Signal, nobody waits", target(120, 100)),
    ("Signal, wakes a higher-priority waiter", target(260, 220).within(ACTIVE_HIGHER)),
    ("Yield, to another thread", target(280, 240)),
    ("Yield, nobody else", target(200, 160)),
    ("NBSend, nobody waits", target(160, 130)),
    ("NBWait, a signal is there", target(160, 130)),
    ("Wait, a signal is there", target(160, 130)),
    ("Recv, a sender waits", target(280, 240)),
    ("Call, 0 words and a capability", target(600, 480)),
    ("ReplyRecv, 0 words and a capability", target(650, 520)),
    ("interrupt, to a higher-priority waiter", target(320, 280)),
    ("timeout fault, to its handler", target(450, 380)),
    ("configure a scheduling context", target(420, 350)),
    ("retype: LargePage", target(75_000, 70_000)),
    ("thread, create, start and delete", target(5000, 4200)),
    ("cross-core signal, sender, IPI sent", target(140, 120)),
    ("cross-core signal, sender, elided (pending)", target(120, 100)),
    ("cross-core signal, sender, elided (masked)", target(120, 100)),
    ("cross-core signal, receiver, interrupt to after Wait", target(350, 300)),
    ("cross-core signal, round trip, both halt", target(1150, 950)),
    ("cross-core, acknowledge 1 lines", target(160, 120)),
    ("cross-core, acknowledge 64 lines by one call", target(2500, 1000)),
    ("cross-core, request and response of 1 words", target(2200, 1800)),
];

/// The architecture that the figures are of.
pub const REFERENCE_ARCHITECTURE: &str = "x86_64";

/// What a path of an architecture, measured in this scenario, is compared with; nothing for most.
pub fn reference(architecture: &str, path: &str, scenario: &str) -> Reference {
    if architecture != REFERENCE_ARCHITECTURE {
        return Reference::default();
    }
    named(path).filter(|reference| reference.scenario == scenario).unwrap_or_default()
}

/// The scenario that the reference of a path belongs to, if it has one.
pub(crate) fn scenario_of(path: &str) -> Option<&'static str> {
    named(path).map(|reference| reference.scenario)
}

fn named(path: &str) -> Option<Reference> {
    REFERENCES.iter().find(|(name, _)| *name == path).map(|&(_, reference)| reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_by_its_whole_name_only() {
        let of = |path| reference(REFERENCE_ARCHITECTURE, path, PASSIVE);
        assert_eq!(of("Call, 0 words").sel4_classic, Some(184));
        assert_eq!(of("Call, 0 words, same address space"), Reference::default());
        assert_eq!(reference("aarch32", "Call, 0 words", PASSIVE), Reference::default());
    }

    #[test]
    fn a_figure_stands_beside_a_row_of_its_own_scenario_only() {
        let of = |path, scenario| reference(REFERENCE_ARCHITECTURE, path, scenario).sel4_mcs;
        assert_eq!(of("Call, 10 words, active server", ACTIVE), Some(992));
        for other in [PASSIVE, ACTIVE_HIGHER, PEER, NO_PARTNER] {
            assert_eq!(of("Call, 10 words, active server", other), None);
        }
        assert_eq!(of("Call, 10 words", PASSIVE), None, "the suite's server of ten words is active");
        assert_eq!(of("fault, to its handler", PASSIVE), None, "the suite's handler has the lower priority");
    }

    #[test]
    fn every_figure_of_sel4_says_where_it_comes_from_and_nothing_else_does() {
        for (name, reference) in REFERENCES {
            let has_figures = reference.sel4_mcs.is_some() || reference.sel4_classic.is_some();
            assert_eq!(has_figures, !reference.source.is_empty(), "{name}");
        }
    }

    #[test]
    fn no_path_is_listed_twice_and_every_aim_is_below_its_limit() {
        for (index, (name, reference)) in REFERENCES.iter().enumerate() {
            assert!(REFERENCES[index + 1..].iter().all(|(other, _)| other != name), "{name}");
            assert!(reference.aim < reference.at_most, "{name}");
        }
    }
}
