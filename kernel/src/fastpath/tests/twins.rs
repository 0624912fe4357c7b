// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two equal worlds with a thread each: one takes fast paths, the other does not.

use abi::{Register, Syscall};
use arch::{Effect, PhysAddr, SimMachine};

use crate::ipc::testing::World;
use crate::memory::objects::ObjRef;
use crate::object::tcb::Tcb;
use crate::testing::{START, set_registers};
use crate::{Event, Kernel};

/// The worlds and the thread that runs in both.
pub(super) struct Twins {
    pub(super) fast: World,
    slow: World,
    pub(super) tcb: ObjRef<Tcb>,
    /// What the last call did to the processor.
    pub(super) effects: Vec<Effect>,
}

/// Which path took a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    Fast,
    Slow,
}

impl Twins {
    /// What `build` makes, twice; it answers the thread, which runs from then on.
    pub(super) fn new(mut build: impl FnMut(&mut World) -> ObjRef<Tcb>) -> Self {
        Self::as_built(|world| {
            let tcb = build(world);
            world.run(tcb);
            tcb
        })
    }

    /// The same where whoever runs runs.
    pub(super) fn as_built(mut build: impl FnMut(&mut World) -> ObjRef<Tcb>) -> Self {
        let [(fast, tcb), (slow, _)] = [(), ()].map(|()| {
            let mut world = World::new();
            let tcb = build(&mut world);
            (world, tcb)
        });
        Self { fast, slow, tcb, effects: Vec::new() }
    }

    /// Does the same to both.
    pub(super) fn both(&mut self, change: impl Fn(&mut World)) {
        change(&mut self.fast);
        change(&mut self.slow);
    }

    /// A call of the thread on `target`, with the message written before. Both worlds must end up alike.
    pub(super) fn syscall(&mut self, call: Syscall, target: u64) -> Taken {
        let tcb = self.tcb;
        self.both(|world| {
            let context = &mut world.kernel.objs[tcb].context;
            set_registers(context, &[(Register::NUMBER, call.word()), (Register::ARGUMENT, target)]);
            context.entry_word = 1;
        });
        self.event(Event::Syscall)
    }

    /// An event of the current thread. Both worlds must end up alike.
    pub(super) fn event(&mut self, event: Event) -> Taken {
        let (fast, slow) = (&mut self.fast.kernel, &mut self.slow.kernel);
        let done = fast.fast_path(event);
        let resume = done.unwrap_or_else(|| {
            assert_same(fast, slow);
            fast.handle(event)
        });
        assert_eq!(resume, slow.handle(event));
        assert_same(fast, slow);
        self.effects = fast.machine.take_effects();
        slow.machine.take_effects();
        if done.is_some() { Taken::Fast } else { Taken::Slow }
    }
}

fn assert_same(one: &Kernel<SimMachine>, other: &Kernel<SimMachine>) {
    assert_eq!(one.differences(other, PhysAddr(START)), []);
}
