// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::HashMap;

use super::*;

/// More address spaces than numbers.
const SPACES: usize = 300;
/// Pages of each.
const PAGES: usize = 3;

/// An address space: what its tables say, and its mark.
#[derive(Clone, Copy, Default)]
struct Space {
    mark: Mark,
    pages: [Option<u32>; PAGES],
}

/// A core with a TLB that keeps all it ever saw, and the rules by which the kernel makes it forget.
struct Core {
    tags: Tags,
    tlb: HashMap<(u32, usize), u32>,
    spaces: Vec<Space>,
    active: usize,
    /// The upper half of TTBR0.
    upper_half: u32,
    rollovers: usize,
}

impl Core {
    fn new() -> Self {
        let spaces = vec![Space::default(); SPACES];
        Self { tags: Tags::new(), tlb: HashMap::new(), spaces, active: 0, upper_half: 0, rollovers: 0 }
    }

    fn activate(&mut self, space: usize) {
        if space == self.active {
            return;
        }
        let known = self.tags.upper_half(self.spaces[space].mark);
        let (upper_half, rollover) = known.map_or_else(
            || {
                let (mark, rollover) = self.tags.next();
                self.spaces[space].mark = mark;
                (mark.high, rollover)
            },
            |upper_half| (upper_half, Rollover::No),
        );
        self.walk_ahead();
        (self.active, self.upper_half) = (space, upper_half);
        if rollover == Rollover::ForgetAll {
            self.tlb.clear();
            self.rollovers += 1;
        }
        self.walk_ahead();
    }

    /// The processor may walk the active tables whenever it likes.
    fn walk_ahead(&mut self) {
        for page in 0..PAGES {
            self.load(page);
        }
    }

    /// What a load sees: the TLB first, then the tables.
    fn load(&mut self, page: usize) -> Option<u32> {
        let key = (self.upper_half, page);
        if let Some(frame) = self.tlb.get(&key) {
            return Some(*frame);
        }
        let frame = self.spaces[self.active].pages[page]?;
        self.tlb.insert(key, frame);
        Some(frame)
    }

    /// As the kernel does: what was not present needs nothing.
    fn map(&mut self, space: usize, page: usize, frame: Option<u32>) {
        let was_present = self.spaces[space].pages[page].is_some();
        self.spaces[space].pages[page] = frame;
        if !was_present {
            return;
        }
        let number = if space == self.active {
            Some(self.upper_half)
        } else {
            self.tags.upper_half(self.spaces[space].mark)
        };
        if let Some(number) = number {
            self.tlb.remove(&(number, page));
        }
    }

    /// The address space ends; its table is cleared and becomes another one.
    fn replace(&mut self, space: usize, kernel: usize) {
        if space == self.active {
            self.activate(kernel);
        }
        self.spaces[space] = Space::default();
    }
}

/// A generator of numbers that need not be good, but the same every time.
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    (*state >> 33) as usize
}

#[test]
fn a_load_never_sees_a_translation_that_was_taken_away() {
    let mut core = Core::new();
    let mut state = 1;
    for step in 0..400_000u32 {
        let (what, space, page) = (random(&mut state) % 8, random(&mut state), random(&mut state) % PAGES);
        // Most of the time few address spaces take turns; sometimes all do.
        let space = space % if random(&mut state) % 64 < 48 { 8 } else { SPACES };
        match what {
            0 => core.map(space, page, Some(step)),
            1 => core.map(space, page, None),
            2 if space != 0 => core.replace(space, 0),
            _ => core.activate(space),
        }
        let page = random(&mut state) % PAGES;
        assert_eq!(core.load(page), core.spaces[core.active].pages[page], "step {step}");
    }
    assert!(core.rollovers > 10, "{} rollovers", core.rollovers);
}

#[test]
fn a_number_is_given_once_in_a_generation() {
    let mut tags = Tags::new();
    for generation in 0..3 {
        let mut given = Vec::new();
        for index in 0..Tags::LAST {
            let (mark, rollover) = tags.next();
            assert_eq!(rollover == Rollover::ForgetAll, generation > 0 && index == 0);
            assert_eq!(tags.upper_half(mark), Some(mark.high));
            assert!(mark.high >> Mark::NUMBER_SHIFT < 256 && !given.contains(&mark));
            given.push(mark);
        }
        let (_, rollover) = tags.clone().next();
        assert_eq!(rollover, Rollover::ForgetAll);
        let mut later = tags.clone();
        later.next();
        assert!(
            given.iter().all(|mark| later.upper_half(*mark).is_none()),
            "marks end with their generation"
        );
    }
}

#[test]
fn a_new_table_has_no_number() {
    let mut tags = Tags { generation: u32::MAX, last: Tags::LAST };
    let (mark, rollover) = tags.next();
    assert_eq!(rollover, Rollover::ForgetAll);
    assert_eq!(
        tags.upper_half(Mark::default()),
        None,
        "also when generations are counted from the start again"
    );
    assert_eq!(tags.upper_half(mark), Some(1 << 16));
}
