// SPDX-License-Identifier: MIT OR Apache-2.0
//! Object types, as Retype takes them, and capability tags, as DebugCapIdentify returns them.

use crate::sizes;

numbered! {
    /// What Untyped_Retype makes.
    ObjectType: u64 {
        /// Memory to retype further.
        Untyped = 0,
        /// A thread.
        Tcb = 1,
        /// A place to send and receive messages.
        Endpoint = 2,
        /// A word of signals.
        Notification = 3,
        /// A table of capabilities.
        CNode = 4,
        /// Time to run on.
        SchedContext = 5,
        /// A caller that waits for its reply.
        Reply = 6,
        /// A page-directory pointer table (third level).
        Pdpt = 7,
        /// A top-level page table; stands for the address space.
        Pml4 = 8,
        /// A frame of 1 GiB.
        HugePage = 9,
        /// A frame of 4 KiB.
        SmallPage = 10,
        /// A frame of 2 MiB.
        LargePage = 11,
        /// A page table (first level).
        PageTable = 12,
        /// A page directory (second level).
        PageDirectory = 13,
        /// A page table of an IO space.
        IoPageTable = 14,
        /// A virtual processor.
        Vcpu = 15,
        /// A guest's top-level table.
        EptPml4 = 16,
        /// A guest's page-directory pointer table.
        EptPdpt = 17,
        /// A guest's page directory.
        EptPd = 18,
        /// A guest's page table.
        EptPt = 19,
    }
}

impl ObjectType {
    /// The first number that is no object type of the base build; types above exist in variants only, and
    /// [`crate::Variant::object_type`] translates their numbers.
    pub const COUNT: u64 = 14;

    /// The size of the object, as a power of two; `requested` is the size argument of Retype.
    ///
    /// Objects of one size ignore the argument; a CNode takes it as the number of its slots.
    #[inline]
    pub const fn size_bits(self, requested: u32) -> u32 {
        match self {
            Self::Untyped | Self::SchedContext => requested,
            Self::CNode => sizes::SLOT_BITS + requested,
            Self::Tcb => sizes::TCB_BITS,
            Self::Endpoint => sizes::ENDPOINT_BITS,
            Self::Notification => sizes::NOTIFICATION_BITS,
            Self::Reply => sizes::REPLY_BITS,
            Self::SmallPage => sizes::SMALL_PAGE_BITS,
            Self::LargePage => sizes::LARGE_PAGE_BITS,
            Self::HugePage => sizes::HUGE_PAGE_BITS,
            Self::Vcpu => sizes::VCPU_BITS,
            Self::Pdpt
            | Self::Pml4
            | Self::PageTable
            | Self::PageDirectory
            | Self::IoPageTable
            | Self::EptPml4
            | Self::EptPdpt
            | Self::EptPd
            | Self::EptPt => sizes::TABLE_BITS,
        }
    }

    /// Is this a frame, which may be made from device memory?
    #[inline]
    pub const fn is_frame(self) -> bool {
        matches!(self, Self::SmallPage | Self::LargePage | Self::HugePage)
    }
}

numbered! {
    /// What DebugCapIdentify says a capability is. Even tags are generic, odd ones belong to x86 or to Skerry.
    CapTag: u64 {
        /// An empty slot, or a lookup that failed.
        Null = 0,
        /// A frame of any size.
        Frame = 1,
        /// Untyped memory.
        Untyped = 2,
        /// A page table.
        PageTable = 3,
        /// An endpoint.
        Endpoint = 4,
        /// A page directory.
        PageDirectory = 5,
        /// A notification.
        Notification = 6,
        /// A page-directory pointer table.
        Pdpt = 7,
        /// A reply object.
        Reply = 8,
        /// A top-level page table.
        Pml4 = 9,
        /// A CNode.
        CNode = 10,
        /// The control over ASID pools.
        AsidControl = 11,
        /// A thread.
        Tcb = 12,
        /// An ASID pool.
        AsidPool = 13,
        /// The control over interrupts.
        IrqControl = 14,
        /// A page table of an IO space, in variants with IOMMU.
        IoPageTable = 17,
        /// The handler of one interrupt or line.
        IrqHandler = 16,
        /// A CNode or thread in the middle of its deletion.
        Zombie = 18,
        /// A range of IO ports.
        IoPort = 19,
        /// The control over domains.
        Domain = 20,
        /// A scheduling context.
        SchedContext = 22,
        /// The control over scheduling contexts.
        SchedControl = 24,
        /// The control over IO ports.
        IoPortControl = 31,
        /// A signal cap for a line to another instance.
        LineSignal = 33,
        /// The control over another instance.
        InstanceControl = 35,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_types_run_from_zero_without_a_hole() {
        for (index, &kind) in ObjectType::ALL.iter().enumerate() {
            assert_eq!(kind.word(), index as u64);
        }
        assert_eq!(ObjectType::COUNT, 14);
        assert_eq!(ObjectType::from_word(ObjectType::COUNT), Some(ObjectType::IoPageTable));
    }

    #[test]
    fn only_three_objects_take_their_size_from_the_caller() {
        let variable: Vec<ObjectType> =
            ObjectType::ALL.iter().copied().filter(|kind| kind.size_bits(8) != kind.size_bits(9)).collect();
        assert_eq!(variable, [ObjectType::Untyped, ObjectType::CNode, ObjectType::SchedContext]);
        assert_eq!(ObjectType::CNode.size_bits(8), 13);
    }

    #[test]
    fn tags_of_skerrys_own_capabilities_are_odd_and_follow_the_upstream_ones() {
        assert_eq!(CapTag::LineSignal.word(), 33);
        assert_eq!(CapTag::InstanceControl.word(), 35);
    }
}
