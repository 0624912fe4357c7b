// SPDX-License-Identifier: MIT OR Apache-2.0
//! ZEROED as a program sees it: memory of a new frame is zero when its first capability appears.
//!
//! Programs then write to what they got, so that no memory given back is zero by itself.

use abi::{CapTag, Label, MessageInfo};
use arch::PageSize;
use kernel::Event;
use kernel::cap::Cap;

use crate::world::World;

/// Slots of the root CNode that an event may fill with new frames.
#[derive(Clone, Debug, Default)]
pub struct Candidates(Vec<u64>);

impl Candidates {
    /// Those that are empty, if `event` is a retype that the current thread is about to ask for.
    pub fn before(world: &World, event: Event) -> Self {
        if event != Event::Syscall || world.kernel.is_idle() || world.is_keeper() {
            return Self::default();
        }
        let context = &world.kernel.objs[world.kernel.current()].context;
        let is_retype = MessageInfo(context.rsi).label() == Label::UntypedRetype.word()
            && world.cap(context.rdi).tag() == CapTag::Untyped;
        if is_retype { Self(world.slots_with(CapTag::Null).collect()) } else { Self::default() }
    }

    /// Panics unless frames that have appeared are zero, and writes to them; says how many there are.
    pub fn check_and_use(&self, world: &mut World) -> u64 {
        let mut count = 0;
        for &slot in &self.0 {
            let Cap::Frame { base, size, is_device: false, .. } = world.cap(slot) else { continue };
            let length = size_of_frame(size);
            assert!(world.is_zero(base.0, length), "ZEROED: a program sees what was in {base:?} before");
            world.set_word(base.0, u64::MAX);
            world.set_word(base.0 + length - 8, u64::MAX);
            count += 1;
        }
        count
    }
}

const fn size_of_frame(size: PageSize) -> u64 {
    1 << size.bits()
}

#[cfg(test)]
mod tests {
    use abi::{ObjectType, Syscall, slots};

    use super::*;
    use crate::world::START;

    /// Makes a page in `slot`, of the last untyped but one of normal memory.
    fn make_page(world: &mut World, slot: u64) -> u64 {
        let words = [ObjectType::SmallPage.word(), 0, 0, 0, slot, 1];
        world.write_message(Label::UntypedRetype.word(), &words, &[slots::INIT_CNODE]);
        world.enter(Syscall::Call.word(), world.untyped + 2, 0, 0);
        // The root task is the keeper, which is not watched.
        let candidates = Candidates(world.slots_with(CapTag::Null).collect());
        world.handle(Event::Syscall);
        candidates.check_and_use(world)
    }

    #[test]
    fn a_new_page_is_zero_whatever_was_written_to_it_before() {
        let mut world = World::boot();
        for _ in 0..3 {
            assert_eq!(make_page(&mut world, 0x80), 1);
            world.call(slots::INIT_CNODE, Label::CNodeDelete, &[0x80, 64], &[]);
        }
    }

    #[test]
    #[should_panic(expected = "ZEROED")]
    fn memory_that_was_not_cleared_is_noticed() {
        let mut world = World::boot();
        make_page(&mut world, 0x80);
        world.set_word(START.0 + 0xe_1000 + 0x800, 1);
        make_page(&mut world, 0x81);
    }
}
