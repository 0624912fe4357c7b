// SPDX-License-Identifier: MIT OR Apache-2.0
//! Map and Unmap of frames.

use abi::limits::USER_TOP;
use abi::{Label, MessageInfo, Rights, Syscall};
use arch::table::WALK;
use arch::{Level, PageAccess, PageSize, PhysAddr, TableEntry};

use super::twins::{Taken, Twins};
use crate::cap::Cap;
use crate::ipc::testing::World;
use crate::memory::objects::{ObjRef, Word};
use crate::object::asid::{Asid, AsidPool};
use crate::object::tcb::{Tcb, TcbSlot};
use crate::testing::Random;

/// Slots of frames: twelve small ones, then one of 2 MiB.
const FRAMES: u64 = 8;
const SMALL_FRAMES: u64 = 12;
/// Slots of address spaces: two with a number, then one without.
const SPACES: u64 = 24;
/// A slot with nothing in it.
const EMPTY: u64 = 40;
/// Addresses with all tables, with a page table too few, behind a page of 2 MiB, and at the ends of user memory.
const ADDRESSES: [u64; 8] =
    [0x1000, 0x2000, 0x1f_f000, 0x20_0000, 0x40_1000, 0x4000_0000, USER_TOP & !0xfff, !USER_TOP];

/// Tables for the first 2 MiB below `root`, and a large page behind the next two.
fn map_tables(world: &mut World, root: PhysAddr) {
    let mut table = root;
    for (level, _) in WALK {
        let lower = world.memory(12);
        let base: ObjRef<Word> = ObjRef::on_host(table);
        world.kernel.objs[base] = Word(TableEntry::user_table(lower, 0).0);
        if level == Level::PageDirectory {
            let page = TableEntry::page(PhysAddr(0x4000_0000), PageSize::Large, PageAccess::ReadOnly, 0);
            world.kernel.objs[base.element(2)] = Word(page.0);
        }
        table = lower;
    }
}

fn build(world: &mut World) -> ObjRef<Tcb> {
    let pool: ObjRef<AsidPool> = world.object(12);
    world.kernel.asids[0] = Some(pool);
    let roots = [world.memory(12), world.memory(12)];
    for (index, root) in roots.into_iter().enumerate() {
        map_tables(world, root);
        world.kernel.objs[pool].roots[1 + index] = root.0;
    }
    let space = |root: usize, asid: Option<u16>| Cap::VSpace { root: roots[root], asid: asid.map(Asid) };
    let spaces = [space(0, Some(1)), space(1, Some(2)), space(0, None)];
    for (slot, cap) in (SPACES as usize..).zip(spaces) {
        world.put(slot, cap);
    }
    for index in 0..=SMALL_FRAMES {
        let size = if index == SMALL_FRAMES { PageSize::Large } else { PageSize::Small };
        let access =
            [PageAccess::ReadWrite, PageAccess::ReadOnly, PageAccess::KernelOnly][index as usize % 3];
        let base = PhysAddr(0x4000_0000 + (index << size.bits()));
        let cap = Cap::Frame { base, size, access, is_device: index % 2 == 1, mapping: None };
        world.put((FRAMES + index) as usize, cap);
    }
    let tcb = world.thread(1);
    world.kernel.objs[tcb.slot(TcbSlot::VSpace)].cap = spaces[0].pack();
    world.kernel.active_root = roots[0];
    tcb
}

/// One invocation: mostly a good one.
#[derive(Clone, Debug)]
struct Invocation {
    label: Label,
    frame: u64,
    words: Vec<u64>,
    caps: Vec<u64>,
}

impl Invocation {
    fn random(random: &mut Random) -> Self {
        let is_odd = random.below(8) == 0;
        let label = match random.below(if is_odd { 8 } else { 5 }) {
            0..3 => Label::PageMap,
            3 | 4 => Label::PageUnmap,
            5 => Label::PageGetAddress,
            6 => Label::PageTableMap,
            _ => Label::UntypedRetype,
        };
        let is_far = random.below(4) == 0;
        let address = ADDRESSES[random.below(if is_far { ADDRESSES.len() } else { 3 })];
        let address = address + u64::from(is_odd && random.below(4) == 0);
        let words = [address, random.below(16) as u64, random.below(16) as u64, 0, 0];
        let lengths = match label {
            _ if is_odd => random.below(6),
            Label::PageMap => 3,
            _ => 0,
        };
        let spaces = if is_odd {
            [SPACES + 1, SPACES + 2, FRAMES, EMPTY]
        } else {
            [SPACES, SPACES, SPACES, SPACES + 1]
        };
        let caps = if label == Label::PageMap && random.below(16) != 0 {
            1 + random.below(1 + usize::from(is_odd))
        } else {
            0
        };
        Self {
            label,
            frame: FRAMES + random.below(SMALL_FRAMES as usize + 1) as u64,
            words: words[..lengths].to_vec(),
            caps: (0..caps).map(|_| spaces[random.below(4)]).collect(),
        }
    }
}

#[test]
fn map_and_unmap_are_the_same_on_both_paths() {
    let mut twins = Twins::new(build);
    let mut random = Random::new(11);
    let mut taken = [0; 3];
    for _ in 0..4000 {
        let invocation = Invocation::random(&mut random);
        let tcb = twins.tcb;
        let has_lost_pools = random.below(32) == 0;
        let buffer = [PageAccess::ReadOnly, PageAccess::ReadWrite][usize::from(random.below(16) != 0)];
        twins.both(|world| {
            world.set_buffer(tcb, PageAccess::ReadWrite, false);
            world.write_message(tcb, invocation.label.word(), &invocation.words, &invocation.caps);
            world.set_buffer(tcb, buffer, false);
            world.kernel.has_lost_pools = has_lost_pools;
        });
        let slot = twins.fast.at(invocation.frame as usize);
        let was_mapped = twins.fast.kernel.objs[slot].cap.mapping().is_some();
        let path = twins.syscall(Syscall::Call, invocation.frame);
        if path == Taken::Fast {
            let info = MessageInfo(twins.fast.kernel.objs[tcb].context.info_register());
            assert_eq!(info, MessageInfo(0), "{invocation:?} was refused on the fast path");
            taken[usize::from(was_mapped) * (1 + usize::from(invocation.label == Label::PageUnmap))] += 1;
        }
    }
    assert!(taken.iter().all(|&count| count > 100), "first mappings, remappings, unmappings: {taken:?}");
}

#[test]
fn only_the_page_that_the_processor_may_know_is_flushed() {
    let mut twins = Twins::new(build);
    let tcb = twins.tcb;
    let mut call = |label: Label, frame: u64, words: &[u64], caps: &[u64]| {
        twins.both(|world| world.write_message(tcb, label.word(), words, caps));
        assert_eq!(twins.syscall(Syscall::Call, frame), Taken::Fast);
        twins.effects.clone()
    };
    let words = [0x1000, Rights::READ.0, 0];
    assert_eq!(call(Label::PageMap, FRAMES, &words, &[SPACES]), [], "nothing was there");
    assert_eq!(call(Label::PageMap, FRAMES, &words, &[SPACES]).len(), 1, "rights may have shrunk");
    assert_eq!(call(Label::PageMap, FRAMES + 1, &words, &[SPACES]).len(), 1, "it displaces a page");
    assert_eq!(call(Label::PageUnmap, FRAMES, &[], &[]), [], "it is displaced");
    assert_eq!(call(Label::PageUnmap, FRAMES + 1, &[], &[]).len(), 1);
    assert_eq!(call(Label::PageMap, FRAMES, &words, &[SPACES + 1]), [], "not the active address space");
    assert_eq!(call(Label::PageUnmap, FRAMES, &[], &[]), []);
}
