// SPDX-License-Identifier: MIT OR Apache-2.0
//! The attribute word of Map invocations.

/// How a mapping is cached; bits above the lowest three are ignored, on AArch32 above the lowest four.
///
/// On AArch32, write-through and write-combining memory is normal memory that is not cached, and what is uncached is
/// device memory.
#[doc(alias = "seL4_X86_VMAttributes")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(transparent)]
pub struct VmAttributes(pub u64);

impl VmAttributes {
    /// Write-back, the default.
    pub const WRITE_BACK: Self = Self(0);
    /// Write-through.
    pub const WRITE_THROUGH: Self = Self(1);
    /// Uncached; on x86 unless the MTRRs say otherwise.
    pub const CACHE_DISABLED: Self = Self(2);
    /// Uncached.
    pub const UNCACHEABLE: Self = Self(3);
    /// Write-combining.
    pub const WRITE_COMBINING: Self = Self(4);

    /// Write-back, and never executed; on x86 only the first.
    pub const EXECUTE_NEVER: Self = Self(8);

    /// The PAT entry a 4 KiB or 2 MiB page uses: bit 0 PWT, bit 1 PCD, bit 2 PAT. On AArch32 bit 3 is kept too.
    #[inline]
    pub const fn pat_index(self) -> u64 {
        self.0 & crate::machine::ATTRIBUTES
    }

    /// The same for 1 GiB pages and tables, which do not use the PAT bit.
    #[inline]
    pub const fn table_index(self) -> u64 {
        self.0 & 0x3
    }
}
