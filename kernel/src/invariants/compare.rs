// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two kernels compared byte by byte: for a fast path against the slow one, and an operation that was interrupted
//! against one that was not. Forking a kernel is cloning it.

use core::ops::Range;

use arch::{PhysAddr, SimMachine};

use crate::Kernel;
use crate::memory::objects::Objects;

/// Where two kernels differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Difference {
    /// The 64-bit word of memory at this address.
    Memory(PhysAddr),
    /// This part of the kernel's own state.
    Field(&'static str),
}

impl Objects {
    /// Simulated memory, from its first byte.
    pub fn bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    /// The bytes at these physical addresses.
    pub(crate) fn bytes_in(&self, range: Range<u64>) -> &[u8] {
        self.memory.bytes_in(range)
    }

    /// The same, to be changed by what stands for user code.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.bytes_mut()
    }
}

impl Kernel<SimMachine> {
    /// Where `other` differs: memory that starts at `start`, scheduling, processor state.
    pub fn differences(&self, other: &Self, start: PhysAddr) -> Vec<Difference> {
        let mut found = Vec::new();
        let (words, others) = (self.objs.bytes().as_chunks::<8>().0, other.objs.bytes().as_chunks::<8>().0);
        if words != others {
            let differ = (0..words.len()).filter(|&index| words[index] != others[index]);
            found.extend(differ.map(|index| Difference::Memory(PhysAddr(start.0 + 8 * index as u64))));
        }
        let (a, b) = (&self.sched, &other.sched);
        let ready = |kernel: &Self| kernel.sched.ready.map(|queue| (queue.head, queue.tail));
        let fields = [
            ("current", a.current == b.current),
            ("current_sc", a.current_sc == b.current_sc),
            ("action", a.action == b.action),
            ("bitmap", (a.bitmap_top, a.bitmap) == (b.bitmap_top, b.bitmap)),
            ("ready", ready(self) == ready(other)),
            ("release", (a.release.head, a.release.tail) == (b.release.head, b.release.tail)),
            ("consumed", a.consumed == b.consumed),
            ("now", a.now == b.now),
            ("reprogram", a.reprogram == b.reprogram),
            ("alarm", a.alarm == b.alarm),
            ("deadline", self.machine.deadline == other.machine.deadline),
            ("effects", self.machine.effects == other.machine.effects),
            ("fpu", self.machine.fpu == other.machine.fpu),
            ("bases", self.machine.bases == other.machine.bases),
            ("fpu_owner", self.fpu_owner == other.fpu_owner),
            ("fpu_access", self.fpu_access == other.fpu_access),
            ("active_root", self.active_root == other.active_root),
            ("asids", self.asids == other.asids),
            ("vectors", self.vectors == other.vectors),
            ("ports", self.ports == other.ports),
        ];
        found.extend(fields.iter().filter(|(_, same)| !same).map(|&(name, _)| Difference::Field(name)));
        found
    }
}
