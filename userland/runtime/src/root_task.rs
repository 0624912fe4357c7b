// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a root task starts with: its bootinfo, free slots, free memory and free addresses.

use crate::allocate::{AllocError, Memory, Slots};
use crate::bootinfo::Boot;
use crate::capability::{CNode, CPtr, INIT_ASID_POOL, Object, SchedContext, Untyped, VSpace};
use crate::error::Error;
use crate::machine::WINDOW_START;
use crate::object::{Frame, SchedParameters, Table};
use abi::sizes::{PAGE_DIRECTORY_SPAN_BITS, PAGE_TABLE_SPAN_BITS, PDPT_SPAN_BITS};
use abi::{LookupFailure, LookupSide, ObjectType, Rights, VmAttributes};

/// A root task and what it has.
#[derive(Debug)]
pub struct RootTask {
    /// What the kernel told it.
    pub boot: Boot,
    /// Free slots of the root CNode.
    pub slots: Slots,
    /// Free memory.
    pub memory: Memory,
    next_address: u64,
}

impl RootTask {
    /// Takes possession of everything the bootinfo names. To be done once.
    pub fn new(boot: Boot) -> Self {
        let mut memory = Memory::new();
        for (untyped, desc) in boot.untypeds().filter(|(_, desc)| desc.is_device == 0) {
            memory.give(untyped, u32::from(desc.size_bits));
        }
        Self { boot, slots: Slots::new(boot.info().empty), memory, next_address: WINDOW_START }
    }

    /// An untyped of 2 to the power of `bits`.
    pub fn untyped(&mut self, bits: u32) -> Result<Untyped, AllocError> {
        let slots = &mut self.slots;
        self.memory.take(bits, |untyped, half| {
            let first = slots.take_many(2)?;
            untyped.retype(ObjectType::Untyped, half, first, 2)?;
            Ok([first, CPtr(first.0 + 1)].map(Untyped))
        })
    }

    /// A new object of fixed size.
    pub fn make<T: Object>(&mut self) -> Result<T, AllocError> {
        self.make_sized(0)
    }

    /// A new object whose size argument is `size_bits`.
    pub fn make_sized<T: Object>(&mut self, size_bits: u32) -> Result<T, AllocError> {
        let untyped = self.untyped(T::TYPE.size_bits(size_bits))?;
        let slot = self.slots.take()?;
        untyped.retype(T::TYPE, size_bits, slot, 1)?;
        Ok(T::from(slot))
    }

    /// A new CNode of 2 to the power of `slot_bits` slots.
    pub fn make_cnode(&mut self, slot_bits: u32) -> Result<CNode, AllocError> {
        self.make_sized(slot_bits)
    }

    /// A new scheduling context with its time.
    pub fn make_sched_context(&mut self, parameters: SchedParameters) -> Result<SchedContext, AllocError> {
        let bits = (abi::sizes::MIN_SCHED_CONTEXT_BITS..)
            .find(|&bits| abi::sizes::max_refills(bits) as u64 >= parameters.extra_refills + 2);
        let context = self.make_sized(bits.unwrap_or(abi::sizes::MIN_SCHED_CONTEXT_BITS))?;
        self.boot.sched_control().configure(context, parameters)?;
        Ok(context)
    }

    /// A new address space with an ASID.
    pub fn make_vspace(&mut self) -> Result<VSpace, AllocError> {
        let vspace = self.make()?;
        INIT_ASID_POOL.assign(vspace)?;
        Ok(vspace)
    }

    /// Addresses that nothing is mapped at, aligned to 2 to the power of `page_bits`.
    pub fn take_addresses(&mut self, size: u64, page_bits: u32) -> u64 {
        let start = self.next_address.next_multiple_of(1 << page_bits);
        self.next_address = (start + size).next_multiple_of(1 << abi::sizes::SMALL_PAGE_BITS);
        start
    }

    /// Maps a frame, and makes the page tables that this needs.
    pub fn map(
        &mut self,
        vspace: VSpace,
        frame: impl Frame,
        address: u64,
        rights: Rights,
        attributes: VmAttributes,
    ) -> Result<(), AllocError> {
        loop {
            match frame.map(vspace, address, rights, attributes) {
                Err(Error::FailedLookup(
                    LookupSide::Target,
                    LookupFailure::MissingCapability { bits_left },
                )) => {
                    // Each round maps one table of the next lower level, so there are at most three.
                    self.map_table(vspace, address, bits_left as u32)?;
                }
                result => return result.map_err(AllocError::Refused),
            }
        }
    }

    /// Maps the table whose absence a walk reported as `bits_left`.
    fn map_table(&mut self, vspace: VSpace, address: u64, bits_left: u32) -> Result<(), AllocError> {
        let attributes = VmAttributes::WRITE_BACK;
        match bits_left {
            PAGE_TABLE_SPAN_BITS => {
                self.make::<crate::capability::PageTable>()?.map(vspace, address, attributes)?;
            }
            PAGE_DIRECTORY_SPAN_BITS => {
                self.make::<crate::capability::PageDirectory>()?.map(vspace, address, attributes)?;
            }
            PDPT_SPAN_BITS => self.make::<crate::capability::Pdpt>()?.map(vspace, address, attributes)?,
            _ => return Err(AllocError::Refused(Error::missing(bits_left.into()))),
        }
        Ok(())
    }
}
