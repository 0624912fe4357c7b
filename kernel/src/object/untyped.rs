// SPDX-License-Identifier: MIT OR Apache-2.0
//! Untyped memory: Retype and reset.
//!
//! ```text
//! base                        free index                       base + size
//!  | objects, or left to clear |  never used, or cleared: zero  |
//! ```
//!
//! The free index grows with every Retype. Without children the untyped starts over: what lies below the index is
//! cleared from the top down, and the index follows, so a preempted reset goes on where it stopped. ZEROED: memory
//! above the index of a normal untyped is zero. The memory of a device untyped is never touched.

use abi::limits::{MAX_RETYPE_OBJECTS, RESET_CHUNK, WORK_UNITS_PER_PREEMPTION};
use abi::sizes::{MAX_UNTYPED_BITS, MIN_SCHED_CONTEXT_BITS, MIN_UNTYPED_BITS};
use abi::{Label, ObjectType, Rights};
use arch::table::KERNEL_ENTRIES;
use arch::{CacheOperation, Machine, PageAccess, PageSize, PhysAddr, VirtAddr, WINDOW_BASE};

use super::processor::{exists, table_level};
use super::table::entries;
use super::tcb::Tcb;
use crate::Kernel;
use crate::args::{Args, Words};
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{LookupFailure, LookupSide, Preempted, SyscallError};
use crate::invocation::Reply;
use crate::memory::objects::{ObjRef, Word};

/// Kind and size of the objects to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// Type.
    pub object: ObjectType,
    /// Size argument, which only some types look at.
    pub size_bits: u32,
}

impl Kind {
    /// Log2 of the size of one object.
    pub(crate) const fn object_bits(self) -> u32 {
        self.object.size_bits(self.size_bits)
    }
}

/// A decoded invocation: Retype.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invocation {
    /// Slot of the untyped.
    pub untyped: SlotRef,
    /// What to make.
    pub kind: Kind,
    /// First of the empty slots.
    pub dest: SlotRef,
    /// How many objects, and slots.
    pub count: usize,
    /// Whether to start over from the base, because there are no children.
    pub reset: bool,
}

/// Where the new capabilities go.
struct Window {
    first: SlotRef,
    count: usize,
}

impl<M: Machine> Kernel<M> {
    /// Decodes an invocation of the untyped capability `cap` in `slot`.
    pub(crate) fn decode_untyped(
        &self,
        slot: SlotRef,
        cap: Cap,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        let Cap::Untyped { size_bits, is_device, free, .. } = cap else {
            return Err(SyscallError::InvalidCapability(0));
        };
        if args.label() != Some(Label::UntypedRetype) {
            return Err(SyscallError::IllegalOperation);
        }
        args.require(6, 1)?;
        let mut words = args.words();
        let kind = decode_kind(self.config.numbering.object_type(words.take()), words.take())?;
        let window = self.decode_window(self.objs[args.cap(0)?].cap.unpack(), words)?;
        let reset = !self.has_children(slot);
        let size: u64 = 1 << size_bits;
        let available = if reset { size } else { size - free };
        if available >> kind.object_bits() < window.count as u64 {
            return Err(SyscallError::NotEnoughMemory(available));
        }
        if is_device && !(kind.object == ObjectType::Untyped || kind.object.is_frame()) {
            return Err(SyscallError::InvalidArgument(1));
        }
        Ok(Invocation { untyped: slot, kind, dest: window.first, count: window.count, reset })
    }

    /// Reads the four words that name the destination slots, and finds them empty.
    fn decode_window(&self, root: Cap, mut words: Words<'_>) -> Result<Window, SyscallError> {
        let (index, depth) = (words.take(), words.take());
        let (offset, count) = (words.take(), words.take());
        let node = if depth == 0 {
            root
        } else {
            let slot = self.lookup_target(root, index, depth, LookupSide::Target)?;
            self.objs[slot].cap.unpack()
        };
        let Cap::CNode { slots, radix, .. } = node else {
            let failure = LookupFailure::MissingCapability { bits_left: depth };
            return Err(SyscallError::FailedLookup(LookupSide::Target, failure));
        };
        let size: u64 = 1 << radix;
        if offset >= size {
            return Err(SyscallError::RangeError { min: 0, max: size - 1 });
        }
        if !(1..=MAX_RETYPE_OBJECTS).contains(&count) {
            return Err(SyscallError::RangeError { min: 1, max: MAX_RETYPE_OBJECTS });
        }
        if count > size - offset {
            return Err(SyscallError::RangeError { min: 1, max: size - offset });
        }
        let window = Window { first: slots.element(offset as usize), count: count as usize };
        if (0..window.count).any(|index| !self.objs[window.first.element(index)].is_empty()) {
            return Err(SyscallError::DeleteFirst);
        }
        Ok(window)
    }

    /// Executes a decoded invocation.
    pub(crate) fn execute_untyped(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        let Invocation { untyped, kind, dest, count, reset } = invocation;
        if reset {
            self.reset_untyped(untyped)?;
        }
        let Cap::Untyped { base, size_bits, is_device, free } = self.objs[untyped].cap.unpack() else {
            unreachable!("decoding has seen an untyped here");
        };
        let object_size = 1 << kind.object_bits();
        let first = free.next_multiple_of(object_size);
        let free = first + object_size * count as u64;
        self.objs[untyped].cap = Cap::Untyped { base, size_bits, is_device, free }.pack();
        for index in 0..count {
            let object = PhysAddr(base.0 + first + object_size * index as u64);
            let cap = self.create_object(kind, object, is_device);
            self.insert_new_cap(cap, untyped, dest.element(index));
        }
        Ok(Reply::Done)
    }

    /// Clears the used part of an untyped without children and makes it unused.
    fn reset_untyped(&mut self, slot: SlotRef) -> Result<(), Preempted> {
        let Cap::Untyped { base, size_bits, is_device, mut free } = self.objs[slot].cap.unpack() else {
            unreachable!("decoding has seen an untyped here");
        };
        if is_device {
            self.objs[slot].cap = Cap::Untyped { base, size_bits, is_device, free: 0 }.pack();
            return Ok(());
        }
        while free > 0 {
            // As many chunks at once as may pass before the next look at the clock.
            let chunks = WORK_UNITS_PER_PREEMPTION - self.sched.work_units.min(WORK_UNITS_PER_PREEMPTION - 1);
            let last = (free - 1) / RESET_CHUNK * RESET_CHUNK;
            let first = last.saturating_sub((chunks - 1) * RESET_CHUNK);
            let words = (free - first).div_ceil(size_of::<u64>() as u64);
            self.objs.clear(PhysAddr(base.0 + first), words as usize);
            // A program may map it without caches, and then see what memory itself holds (ZEROED).
            let cleared = VirtAddr(WINDOW_BASE.wrapping_add(base.0 + first));
            self.machine.maintain_caches(CacheOperation::Clean, cleared, free - first);
            free = first;
            self.objs[slot].cap = Cap::Untyped { base, size_bits, is_device, free }.pack();
            if 1 << size_bits >= RESET_CHUNK {
                self.sched.work_units += (last - first) / RESET_CHUNK;
                self.preemption_point()?;
            }
        }
        Ok(())
    }

    /// Makes an object of zeroed (or device) memory and returns its first capability.
    pub(crate) fn create_object(&mut self, kind: Kind, base: PhysAddr, is_device: bool) -> Cap {
        let frame = |size| Cap::Frame { base, size, access: PageAccess::ReadWrite, is_device, mapping: None };
        let size_bits = kind.size_bits as u8;
        match kind.object {
            ObjectType::Untyped => Cap::Untyped { base, size_bits, is_device, free: 0 },
            ObjectType::Tcb => {
                let tcb: ObjRef<Tcb> = new_object(base);
                let domain = self.objs[self.current()].domain;
                self.objs[tcb].initialise();
                self.objs[tcb].domain = domain;
                if self.config.profile.debug_calls {
                    self.list_thread(tcb);
                }
                Cap::Thread(tcb)
            }
            ObjectType::Endpoint => {
                Cap::Endpoint { endpoint: new_object(base), badge: 0, rights: Rights::ALL }
            }
            ObjectType::Notification => {
                Cap::Notification { notification: new_object(base), badge: 0, rights: Rights::READ_WRITE }
            }
            ObjectType::CNode => {
                Cap::CNode { slots: new_object(base), radix: size_bits, guard: 0, guard_bits: 0 }
            }
            ObjectType::SchedContext => Cap::SchedContext { sc: new_object(base), size_bits },
            ObjectType::Reply => Cap::Reply { reply: new_object(base), rights: Rights::GRANT },
            ObjectType::Pdpt | ObjectType::PageDirectory | ObjectType::PageTable => {
                let level = table_level(kind.object).expect("decoding has refused what does not exist");
                Cap::Table { table: base, level, mapping: None }
            }
            ObjectType::Pml4 => {
                self.copy_kernel_half(base);
                Cap::VSpace { root: base, asid: None }
            }
            ObjectType::SmallPage => frame(PageSize::Small),
            ObjectType::LargePage => frame(PageSize::Large),
            ObjectType::HugePage => frame(PageSize::Huge),
            ObjectType::IoPageTable => Cap::IoPageTable { table: base },
            ObjectType::Vcpu
            | ObjectType::EptPml4
            | ObjectType::EptPdpt
            | ObjectType::EptPd
            | ObjectType::EptPt => unreachable!("decoding has refused what does not exist"),
        }
    }

    /// Gives the top-level table at `root` the mappings of the kernel.
    fn copy_kernel_half(&mut self, root: PhysAddr) {
        let (from, to): (ObjRef<Word>, ObjRef<Word>) = (entries(self.kernel_root), entries(root));
        for index in KERNEL_ENTRIES {
            self.objs[to.element(index)] = self.objs[from.element(index)];
        }
    }
}

/// The object that memory of an untyped becomes.
#[allow(unsafe_code)]
#[inline]
pub(super) const fn new_object<T>(base: PhysAddr) -> ObjRef<T> {
    // SAFETY: TYPED: decoding has seen that nothing else is in this memory, and it is zeroed, which is a sensible `T`.
    unsafe { ObjRef::at(base) }
}

/// Checks type and size argument of Retype.
pub(crate) fn decode_kind(object: Option<ObjectType>, size_bits: u64) -> Result<Kind, SyscallError> {
    let object = object.filter(|&object| exists(object)).ok_or(SyscallError::InvalidArgument(0))?;
    let too_large = SyscallError::RangeError { min: 0, max: MAX_UNTYPED_BITS.into() };
    if size_bits >= abi::WORD_BITS.into() {
        return Err(too_large);
    }
    let kind = Kind { object, size_bits: size_bits as u32 };
    if kind.object_bits() > MAX_UNTYPED_BITS {
        return Err(too_large);
    }
    let least = match object {
        ObjectType::CNode => 1,
        ObjectType::Untyped => MIN_UNTYPED_BITS,
        ObjectType::SchedContext => MIN_SCHED_CONTEXT_BITS,
        _ => 0,
    };
    if kind.size_bits < least {
        return Err(SyscallError::InvalidArgument(1));
    }
    Ok(kind)
}

#[cfg(test)]
mod tests;
