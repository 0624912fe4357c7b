// SPDX-License-Identifier: MIT OR Apache-2.0
//! ABI variants: what a build switch of upstream's kernel changes for programs.
//!
//! A program has the numbers of one build compiled in and never asks for them. A [`Variant`] says which build that
//! was; labels and object types of its messages are translated by it to the ones of the base build, which the kernel
//! uses everywhere else. docs/abi/variants.md has the tables; `tests/variants.rs` compares them with this file.

use crate::label::Label;
use crate::object::ObjectType;

/// The state that the floating-point area of a thread holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FpuArea {
    /// x87 and SSE by FXSAVE; XSAVE and XGETBV fault in user mode.
    Fxsave,
    /// x87 and SSE by XSAVE: feature set 3, 576 bytes.
    Sse,
    /// x87, SSE and AVX by XSAVE: feature set 7, 832 bytes.
    Avx,
}

/// The switches of one build.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Variant {
    /// `IOMMU`: IO page tables and IO spaces have numbers.
    pub iommu: bool,
    /// `HARDWARE_DEBUG_API`: breakpoints, watchpoints and single stepping.
    pub hardware_debug: bool,
    /// `VTX`: virtual machines have numbers.
    pub vtx: bool,
    /// `X86_64_VTX_64BIT_GUESTS`; with `vtx` only.
    pub vtx_64bit_guests: bool,
    /// `HUGE_PAGE`: frames of 1 GiB.
    pub huge_page: bool,
    /// `FSGSBASE_INST`: user code sets its segment bases itself, and the system call SetTLSBase is absent.
    pub fsgsbase: bool,
    /// `MAX_NUM_NODES`: SchedControl capabilities of the root task. Above 1 there is one domain.
    pub nodes: u8,
    /// `NUM_DOMAINS`, from 1 to 16.
    pub domains: u8,
    /// `NUM_DOMAIN_SCHEDULES`, from 2 to 128; the last entry is always an end marker.
    pub domain_schedules: u8,
    /// `ROOT_CNODE_SIZE_BITS`.
    pub root_cnode_bits: u8,
    /// `XSAVE_SIZE` and `XSAVE_FEATURE_SET`.
    pub fpu_area: FpuArea,
    /// `PRINTING`: DebugPutChar and DebugDumpScheduler.
    pub printing: bool,
    /// `DEBUG_BUILD`: the other debug calls.
    pub debug_calls: bool,
    /// Any benchmark option: calls −21 to −23 and −25.
    pub benchmarks: bool,
    /// `BENCHMARK_TRACK_UTILISATION`: calls −26 and −27, with `debug_calls` −28 and −29 too.
    pub utilisation: bool,
    /// `KERNEL_X86_DANGEROUS_MSR`: calls −30 and −31.
    pub dangerous_msr: bool,
    /// `EXPORT_PMC_USER`: RDPMC in user mode.
    pub export_pmc: bool,
}

/// Why a combination of switches is no variant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VariantError {
    /// 64-bit guests without VTX.
    LongGuestsWithoutVtx,
    /// More than one node and more than one domain.
    NodesAndDomains,
    /// A number of domains outside 1 to 16.
    Domains,
    /// A number of schedule entries outside 2 to 128.
    DomainSchedules,
    /// No nodes, or more than 16.
    Nodes,
    /// A root CNode outside 2^8 to 2^24 slots.
    RootCnodeBits,
}

impl VariantError {
    /// What was expected.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::LongGuestsWithoutVtx => "X86_64_VTX_64BIT_GUESTS needs VTX",
            Self::NodesAndDomains => "MAX_NUM_NODES above 1 needs NUM_DOMAINS = 1",
            Self::Domains => "NUM_DOMAINS from 1 to 16",
            Self::DomainSchedules => "NUM_DOMAIN_SCHEDULES from 2 to 128",
            Self::Nodes => "MAX_NUM_NODES from 1 to 16",
            Self::RootCnodeBits => "ROOT_CNODE_SIZE_BITS from 8 to 24",
        }
    }
}

const fn field(word: u64, shift: u32, bits: u32) -> u8 {
    ((word >> shift) & ((1 << bits) - 1)) as u8
}

impl Variant {
    /// sel4test on the simulator: the configuration whose numbers the kernel uses itself.
    pub const BASE: Self = Self {
        iommu: false,
        hardware_debug: false,
        vtx: false,
        vtx_64bit_guests: false,
        huge_page: true,
        fsgsbase: false,
        nodes: 1,
        domains: 1,
        domain_schedules: 2,
        root_cnode_bits: 13,
        fpu_area: FpuArea::Sse,
        printing: true,
        debug_calls: true,
        benchmarks: false,
        utilisation: false,
        dangerous_msr: false,
        export_pmc: false,
    };

    /// A kernel whose options were left alone, but for printing and debug calls.
    pub const IOMMU: Self = Self { iommu: true, fsgsbase: true, root_cnode_bits: 12, ..Self::BASE };

    /// Microkit on x86_64_generic, release.
    const MICROKIT: Self = Self {
        iommu: true,
        fsgsbase: true,
        domains: 16,
        domain_schedules: 100,
        root_cnode_bits: 17,
        printing: false,
        debug_calls: false,
        ..Self::BASE
    };

    /// The variants that have a name.
    pub const NAMED: [(&'static str, Self); 14] = [
        ("sel4", Self::BASE),
        ("sel4-iommu", Self::IOMMU),
        ("microkit-2.3-release", Self::MICROKIT),
        ("microkit-2.3-debug", Self::MICROKIT.debug()),
        ("microkit-2.3-benchmark", Self::MICROKIT.benchmark()),
        ("microkit-2.3-smp-release", Self::MICROKIT.smp()),
        ("microkit-2.3-smp-debug", Self::MICROKIT.debug().smp()),
        ("microkit-2.3-smp-benchmark", Self::MICROKIT.benchmark().smp()),
        ("microkit-2.3-vtx-release", Self::MICROKIT.guests()),
        ("microkit-2.3-vtx-debug", Self::MICROKIT.debug().guests()),
        ("microkit-2.3-vtx-benchmark", Self::MICROKIT.benchmark().guests()),
        ("microkit-2.3-vtx-smp-release", Self::MICROKIT.guests().smp()),
        ("microkit-2.3-vtx-smp-debug", Self::MICROKIT.debug().guests().smp()),
        ("microkit-2.3-vtx-smp-benchmark", Self::MICROKIT.benchmark().guests().smp()),
    ];

    const fn debug(self) -> Self {
        Self { hardware_debug: true, printing: true, debug_calls: true, ..self }
    }

    const fn benchmark(self) -> Self {
        Self { benchmarks: true, utilisation: true, dangerous_msr: true, export_pmc: true, ..self }
    }

    const fn smp(self) -> Self {
        Self { nodes: 16, domains: 1, domain_schedules: 2, ..self }
    }

    const fn guests(self) -> Self {
        Self { vtx: true, vtx_64bit_guests: true, ..self }
    }

    /// The variant with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|&(_, variant)| variant)
    }

    /// The name of this variant, if it has one.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMED.iter().find(|(_, known)| *known == self).map(|&(name, _)| name)
    }

    /// Refuses a combination that no build has, or that is beyond what a kernel here serves.
    pub const fn check(self) -> Result<Self, VariantError> {
        if self.vtx_64bit_guests && !self.vtx {
            return Err(VariantError::LongGuestsWithoutVtx);
        }
        if self.nodes == 0 || self.nodes > 16 {
            return Err(VariantError::Nodes);
        }
        if self.domains == 0 || self.domains > 16 {
            return Err(VariantError::Domains);
        }
        if self.nodes > 1 && self.domains > 1 {
            return Err(VariantError::NodesAndDomains);
        }
        if self.domain_schedules < 2 || self.domain_schedules > 128 {
            return Err(VariantError::DomainSchedules);
        }
        if self.root_cnode_bits < 8 || self.root_cnode_bits > 24 {
            return Err(VariantError::RootCnodeBits);
        }
        Ok(self)
    }

    /// This variant as one word, for records that hold words only.
    ///
    /// ```text
    /// 63      56 55      48 47      40 39      32 31  24 23  16 15                  0
    /// |    0    | CNode bits | schedules | domains | nodes | FPU area |   switches   |
    /// ```
    pub const fn to_word(self) -> u64 {
        let switches = [
            self.iommu,
            self.hardware_debug,
            self.vtx,
            self.vtx_64bit_guests,
            self.huge_page,
            self.fsgsbase,
            self.printing,
            self.debug_calls,
            self.benchmarks,
            self.utilisation,
            self.dangerous_msr,
            self.export_pmc,
        ];
        let mut word = 0;
        let mut index = 0;
        while index < switches.len() {
            word |= (switches[index] as u64) << index;
            index += 1;
        }
        word | (self.fpu_area as u64) << 16
            | (self.nodes as u64) << 24
            | (self.domains as u64) << 32
            | (self.domain_schedules as u64) << 40
            | (self.root_cnode_bits as u64) << 48
    }

    /// The variant that `word` stands for, if it is one.
    pub const fn from_word(word: u64) -> Option<Self> {
        let fpu_area = match field(word, 16, 8) {
            0 => FpuArea::Fxsave,
            1 => FpuArea::Sse,
            2 => FpuArea::Avx,
            _ => return None,
        };
        let variant = Self {
            iommu: field(word, 0, 1) != 0,
            hardware_debug: field(word, 1, 1) != 0,
            vtx: field(word, 2, 1) != 0,
            vtx_64bit_guests: field(word, 3, 1) != 0,
            huge_page: field(word, 4, 1) != 0,
            fsgsbase: field(word, 5, 1) != 0,
            printing: field(word, 6, 1) != 0,
            debug_calls: field(word, 7, 1) != 0,
            benchmarks: field(word, 8, 1) != 0,
            utilisation: field(word, 9, 1) != 0,
            dangerous_msr: field(word, 10, 1) != 0,
            export_pmc: field(word, 11, 1) != 0,
            nodes: field(word, 24, 8),
            domains: field(word, 32, 8),
            domain_schedules: field(word, 40, 8),
            root_cnode_bits: field(word, 48, 8),
            fpu_area,
        };
        match variant.check() {
            Ok(variant) if variant.to_word() == word => Some(variant),
            _ => None,
        }
    }

    /// The operation that a label of this variant stands for.
    #[inline]
    pub const fn label(self, word: u64) -> Option<Label> {
        if word >= Label::FIRST_OWN {
            return Label::from_word(word);
        }
        let mut base = word;
        if self.hardware_debug && base >= 16 {
            if base < 20 {
                return Label::from_word(Label::TcbSetBreakpoint.word() + base - 16);
            }
            base -= 4;
        }
        if self.vtx_64bit_guests && base >= 41 {
            if base < 43 {
                return Label::from_word(Label::VcpuReadMsr.word() + base - 41);
            }
            base -= 2;
        }
        if self.iommu && base >= 45 {
            if base < 47 {
                return Label::from_word(Label::IoPageTableMap.word() + base - 45);
            }
            base -= 2;
            if base == 47 {
                return Some(Label::PageMapIo);
            }
            if base > 47 {
                base -= 1;
            }
        }
        if self.vtx && base >= 48 {
            if base == 48 {
                return Some(Label::PageMapEpt);
            }
            base -= 1;
            if base >= FIRST_AFTER_BASE && base < FIRST_AFTER_BASE + GUEST_LABELS {
                return Label::from_word(Label::TcbSetEptRoot.word() + base - FIRST_AFTER_BASE);
            }
        }
        if base < FIRST_AFTER_BASE { Label::from_word(base) } else { None }
    }

    /// The number of an operation in this variant; `None` where it has none.
    pub fn label_word(self, label: Label) -> Option<u64> {
        if label.word() >= Label::FIRST_OWN {
            return Some(label.word());
        }
        (1..self.first_unused_label()).find(|&word| self.label(word) == Some(label))
    }

    /// The first label of upstream's numbering that stands for nothing.
    #[inline]
    pub const fn first_unused_label(self) -> u64 {
        FIRST_AFTER_BASE
            + 4 * self.hardware_debug as u64
            + 3 * self.iommu as u64
            + 2 * self.vtx_64bit_guests as u64
            + (1 + GUEST_LABELS) * self.vtx as u64
    }

    /// The object that a type number of this variant stands for.
    #[inline]
    pub const fn object_type(self, word: u64) -> Option<ObjectType> {
        let mut base = word;
        if !self.huge_page && base >= ObjectType::HugePage.word() {
            base = base.saturating_add(1);
        }
        if base < ObjectType::COUNT {
            return ObjectType::from_word(base);
        }
        base -= ObjectType::COUNT;
        if self.iommu {
            if base == 0 {
                return Some(ObjectType::IoPageTable);
            }
            base -= 1;
        }
        if self.vtx && base < 5 {
            return ObjectType::from_word(ObjectType::Vcpu.word() + base);
        }
        None
    }

    /// The number of an object in this variant; `None` where it has none.
    pub fn object_type_word(self, object: ObjectType) -> Option<u64> {
        (0..ObjectType::COUNT + 6).find(|&word| self.object_type(word) == Some(object))
    }
}

/// The first label after those of the base build.
const FIRST_AFTER_BASE: u64 = 59;
/// Labels of guests at the end of the numbering.
const GUEST_LABELS: u64 = 13;
