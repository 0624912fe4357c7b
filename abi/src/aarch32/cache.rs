// SPDX-License-Identifier: MIT OR Apache-2.0
//! Labels of what programs do to caches: x86 has nothing like it.

numbered! {
    /// A label that maintains caches, of an address space or of a frame, with the number that upstream's interface has for
    /// it: there the first four are those of a page directory, which is the top level of its address spaces.
    CacheLabel: u64 {
        /// Writes cached data of an address space back to memory.
        #[doc(alias = "seL4_ARM_PageDirectory_Clean_Data")]
        VSpaceClean = 39,
        /// Drops cached data of an address space; what was written is written back first.
        #[doc(alias = "seL4_ARM_PageDirectory_Invalidate_Data")]
        VSpaceInvalidate = 40,
        /// Writes cached data of an address space back to memory and drops it.
        #[doc(alias = "seL4_ARM_PageDirectory_CleanInvalidate_Data")]
        VSpaceCleanInvalidate = 41,
        /// Lets instructions be fetched that were written to an address space.
        #[doc(alias = "seL4_ARM_PageDirectory_Unify_Instruction")]
        VSpaceUnify = 42,
        /// Writes cached data of a frame back to memory.
        #[doc(alias = "seL4_ARM_Page_Clean_Data")]
        PageClean = 47,
        /// Drops cached data of a frame; what was written is written back first.
        #[doc(alias = "seL4_ARM_Page_Invalidate_Data")]
        PageInvalidate = 48,
        /// Writes cached data of a frame back to memory and drops it.
        #[doc(alias = "seL4_ARM_Page_CleanInvalidate_Data")]
        PageCleanInvalidate = 49,
        /// Lets instructions be fetched that were written to a frame.
        #[doc(alias = "seL4_ARM_Page_Unify_Instruction")]
        PageUnify = 50,
    }
}
