// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random mappings of tables and frames against maps from address to table and frame.
//!
//! The model knows no entries: it knows which tables and pages are where, and that a table that goes takes everything
//! below it along. The processor is modelled too: a translation of the active address space that changes must have
//! been flushed.

use std::collections::BTreeMap;

use abi::limits::USER_TOP;
use arch::{Effect, Level, PageSize, PhysAddr, TableEntry, VirtAddr};

use super::{Asid, AsidPool, Cap, Label, PageAccess};
use crate::memory::objects::{ObjRef, Word};
use crate::testing::{Call, Caller, Random};

const SPACES: usize = 2;
const FIRST_SPACE: usize = 2;
const FIRST_TABLE: usize = 10;
const TABLES: [Level; 9] = [
    Level::LOWER[0],
    Level::LOWER[0],
    Level::LOWER[0],
    Level::PageDirectory,
    Level::PageDirectory,
    Level::PageDirectory,
    Level::PageTable,
    Level::PageTable,
    Level::PageTable,
];
const FIRST_FRAME: usize = 30;
const FRAMES: [PageSize; 8] = [
    PageSize::Small,
    PageSize::Small,
    PageSize::Small,
    PageSize::Small,
    PageSize::Large,
    PageSize::Large,
    PageSize::Large,
    PageSize::Huge,
];

/// Addresses that share tables of every level with some, and differ from others.
fn probes() -> impl Iterator<Item = u64> {
    // Where the top level begins at 30 bits, the last bit makes another entry of a directory.
    let last = if Level::TOP.entry_bits() == 30 { 22 } else { Level::TOP.entry_bits() };
    (0..16u64).map(move |n| (n & 1) << 12 | (n >> 1 & 1) << 21 | (n >> 2 & 1) << 30 | (n >> 3) << last)
}

const fn round(address: u64, bits: u32) -> u64 {
    address >> bits << bits
}

/// A place in an address space: the space, the size of what is there, and where it starts.
type Place = (usize, u32, u64);

#[derive(Default)]
struct Model {
    /// Tables by place, each with its number.
    tables: BTreeMap<Place, usize>,
    /// Pages by place, each with the number of its frame and its flags.
    pages: BTreeMap<Place, (usize, u64)>,
    /// Where every table believes to be.
    table_belief: [Option<Place>; TABLES.len()],
    /// Where every frame believes to be.
    frame_belief: [Option<Place>; FRAMES.len()],
    dead: [bool; SPACES],
}

impl Model {
    fn has_tables_down_to(&self, space: usize, address: u64, level: Level) -> bool {
        Level::LOWER.into_iter().filter(|&table| table >= level).all(|table| {
            let bits = table.span_bits();
            self.tables.contains_key(&(space, bits, round(address, bits)))
        })
    }

    fn map_table(&mut self, table: usize, space: usize, address: u64) -> bool {
        let level = TABLES[table];
        let place = (space, level.span_bits(), round(address, level.span_bits()));
        let has_parents = level == Level::LOWER[0]
            || self.has_tables_down_to(space, address, level.parent().expect("not the top"));
        let is_free = !self.tables.contains_key(&place) && !self.pages.contains_key(&place);
        if self.dead[space] || self.table_belief[table].is_some() || !has_parents || !is_free {
            return false;
        }
        self.tables.insert(place, table);
        self.table_belief[table] = Some(place);
        true
    }

    fn unmap_table(&mut self, table: usize) {
        let Some(place) = self.table_belief[table].take() else { return };
        if self.tables.get(&place) == Some(&table) {
            let (space, bits, start) = place;
            let is_below = |&(s, b, a): &Place| s == space && b <= bits && round(a, bits) == start;
            self.tables.retain(|place, _| !is_below(place));
            self.pages.retain(|place, _| !is_below(place));
        }
    }

    fn map_frame(&mut self, frame: usize, space: usize, address: u64, access: PageAccess) -> bool {
        let size = FRAMES[frame];
        let flags = TableEntry::page(PhysAddr(0), size, access, 0).0;
        let place = (space, size.bits(), address);
        let is_free = !self.tables.contains_key(&place);
        let may_move = self.frame_belief[frame].is_none_or(|belief| belief == place);
        let is_aligned = address == round(address, size.bits());
        let has_parents = self.has_tables_down_to(space, address, size.level());
        let fits = self.frame_belief[frame].is_some() || address + (1 << size.bits()) <= USER_TOP;
        if self.dead[space] || !may_move || !fits || !is_aligned || !has_parents || !is_free {
            return false;
        }
        self.pages.insert(place, (frame, flags));
        self.frame_belief[frame] = Some(place);
        true
    }

    fn unmap_frame(&mut self, frame: usize) {
        let Some(place) = self.frame_belief[frame].take() else { return };
        if self.pages.get(&place).is_some_and(|&(there, _)| there == frame) {
            self.pages.remove(&place);
        }
    }

    /// An address space that ends leaves its tables as they are, but nobody can change them any more.
    fn end_space(&mut self, space: usize) {
        self.dead[space] = true;
    }

    /// Physical address and flags behind `address`.
    fn translate(&self, space: usize, address: u64) -> Option<(u64, u64)> {
        FRAMES.into_iter().map(PageSize::bits).find_map(|bits| {
            let &(frame, flags) = self.pages.get(&(space, bits, round(address, bits)))?;
            Some((frame_base(frame) + address % (1 << bits), flags))
        })
    }
}

fn frame_base(frame: usize) -> u64 {
    (frame as u64 + 1) << 30
}

/// What the processor would find, by reading memory.
fn walk(caller: &Caller, root: PhysAddr, address: u64) -> Option<(u64, u64)> {
    let mut table = root.0;
    let mut level = Level::TOP;
    loop {
        let index = address >> level.entry_bits() & 511;
        let entry =
            TableEntry(caller.test.kernel.objs[ObjRef::<Word>::on_host(PhysAddr(table + 8 * index))].0);
        if !entry.is_present() {
            return None;
        }
        match level.child() {
            Some(lower) if entry.is_table() => (table, level) = (entry.address().0, lower),
            _ => {
                let size = level.page_size().expect("entries of the top level map no pages");
                let target = entry.page_address(size).0;
                return Some((target + address % (1 << size.bits()), entry.0 - target));
            }
        }
    }
}

struct World {
    caller: Caller,
    model: Model,
    roots: [PhysAddr; SPACES],
    random: Random,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut caller = Caller::new();
        let pool: ObjRef<AsidPool> = caller.test.object(12);
        caller.test.kernel.asids[0] = Some(pool);
        let roots = [(); SPACES].map(|()| caller.test.memory(12));
        for (space, &root) in roots.iter().enumerate() {
            caller.test.kernel.objs[pool].roots[space + 1] = root.0;
            caller.put(FIRST_SPACE + space, Cap::VSpace { root, asid: Some(Asid(space as u16 + 1)) });
        }
        for (number, level) in TABLES.into_iter().enumerate() {
            let table = caller.test.memory(12);
            caller.put(FIRST_TABLE + number, Cap::Table { table, level, mapping: None });
        }
        for (number, size) in FRAMES.into_iter().enumerate() {
            let base = PhysAddr(frame_base(number));
            let access = PageAccess::ReadWrite;
            caller
                .put(FIRST_FRAME + number, Cap::Frame { base, size, access, is_device: true, mapping: None });
        }
        caller.test.kernel.active_root = roots[0];
        Self { caller, model: Model::default(), roots, random: Random::new(seed) }
    }

    fn address(&mut self) -> u64 {
        let choice = self.random.below(16);
        probes().nth(choice).unwrap_or_default()
    }

    fn step(&mut self) {
        let space = self.random.below(SPACES);
        let vspace = FIRST_SPACE + space;
        let address = self.address();
        let (table, frame) = (self.random.below(TABLES.len()), self.random.below(FRAMES.len()));
        match self.random.below(100) {
            0..45 => {
                let label = match TABLES[table] {
                    Level::PageTable => Label::PageTableMap,
                    Level::PageDirectory => Label::PageDirectoryMap,
                    _ => Label::PdptMap,
                };
                let call = Call::new(FIRST_TABLE + table, label, &[address, 0], &[vspace]);
                let is_done = self.caller.invoke(&call).is_ok();
                assert_eq!(is_done, self.model.map_table(table, space, address), "{call:?}");
            }
            45..52 => {
                let label = match TABLES[table] {
                    Level::PageTable => Label::PageTableUnmap,
                    Level::PageDirectory => Label::PageDirectoryUnmap,
                    _ => Label::PdptUnmap,
                };
                self.caller.must(&Call::new(FIRST_TABLE + table, label, &[], &[]));
                self.model.unmap_table(table);
            }
            52..90 => {
                let choices =
                    [(3, PageAccess::ReadWrite), (2, PageAccess::ReadOnly), (0, PageAccess::KernelOnly)];
                let (rights, access) = choices[self.random.below(3)];
                let bits = if self.random.below(8) == 0 { 12 } else { FRAMES[frame].bits() };
                let address = round(address, bits);
                let call = Call::new(FIRST_FRAME + frame, Label::PageMap, &[address, rights, 0], &[vspace]);
                let is_done = self.caller.invoke(&call).is_ok();
                assert_eq!(is_done, self.model.map_frame(frame, space, address, access), "{call:?}");
            }
            90..99 => {
                self.caller.must(&Call::new(FIRST_FRAME + frame, Label::PageUnmap, &[], &[]));
                self.model.unmap_frame(frame);
            }
            _ if self.random.below(10) == 0 => {
                self.caller.delete(vspace);
                self.model.end_space(space);
            }
            _ => {}
        }
    }

    fn translations(&self, space: usize) -> Vec<Option<(u64, u64)>> {
        probes().map(|address| walk(&self.caller, self.roots[space], address)).collect()
    }

    /// Runs one step and compares memory with the model, and flushes with what changed.
    fn check_step(&mut self) {
        let before = self.translations(0);
        self.step();
        self.caller.test.kernel.check_vspaces();
        for space in (0..SPACES).filter(|&space| !self.model.dead[space]) {
            let expected: Vec<_> = probes().map(|address| self.model.translate(space, address)).collect();
            assert_eq!(self.translations(space), expected, "space {space}");
        }
        let effects = self.caller.test.kernel.machine.take_effects();
        let after = self.translations(0);
        for ((address, before), after) in probes().zip(before).zip(after) {
            if before.is_some() && before != after && !self.model.dead[0] {
                let is_flushed = effects.iter().any(|effect| match effect {
                    Effect::InvalidateAll => true,
                    // The page may be of any size; it starts at or below the address.
                    Effect::InvalidatePage(VirtAddr(page)) => round(address, 30) <= *page && *page <= address,
                    _ => false,
                });
                assert!(is_flushed, "{address:#x} changed without a flush");
            }
        }
    }
}

#[test]
fn random_mappings_translate_as_the_maps_say() {
    for seed in 1..=40 {
        let mut world = World::new(seed);
        for _ in 0..500 {
            world.check_step();
        }
    }
}
