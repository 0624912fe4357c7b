// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a device tree: the node, what was expected there, what to do.

use alloc::string::String;
use core::fmt;

use skerry_system::MemoryRange;

/// Why a device tree cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeError {
    /// The loader passed something else.
    NotATree {
        /// What it begins with.
        magic: u32,
    },
    /// It is longer than any tree.
    TooLong {
        /// The length it gives.
        length: u32,
    },
    /// Its structure leads out of it, or nowhere.
    Malformed,
    /// It lists more of something than any machine has.
    TooMany {
        /// Of what.
        what: &'static str,
        /// Entries that are read at most.
        most: usize,
    },
    /// A node is missing.
    Missing {
        /// The node.
        node: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A property is missing or says what the kernels cannot use.
    Property {
        /// Name of the node.
        node: String,
        /// Name of the property.
        property: &'static str,
    },
    /// Registers that kernels use are where kernels have no address for them.
    Registers {
        /// Name of the node.
        node: String,
        /// Where they are.
        range: MemoryRange,
        /// Where they have to be.
        expected: MemoryRange,
    },
    /// The firmware is called by something else.
    Method {
        /// What the node says.
        found: String,
    },
    /// The boot runs on a core that is not listed.
    BootCore {
        /// Its number.
        core: u32,
        /// Cores that are listed.
        listed: usize,
    },
}

impl TreeError {
    pub(super) const MEMORY: Self = Self::Missing {
        node: "/memory",
        expected: "a node of device_type \"memory\"",
        advice: "give the machine memory, or let the loader describe it",
    };
    pub(super) const CPUS: Self = Self::Missing {
        node: "/cpus",
        expected: "a node for each core",
        advice: "start a machine that describes its cores",
    };
    pub(super) const PSCI: Self = Self::Missing {
        node: "/psci",
        expected: "a node compatible with \"arm,psci-0.2\" (version 0.1, \"arm,psci\" alone, has other functions)",
        advice: "cores are started and stopped by PSCI; start a machine whose firmware has it (QEMU: -machine virt)",
    };
    pub(super) const INTERRUPTS: Self = Self::Missing {
        node: "/intc",
        expected: "a GICv2, compatible with \"arm,cortex-a15-gic\" or \"arm,gic-400\"",
        advice: "choose that interrupt controller (QEMU: -machine virt,gic-version=2)",
    };
    pub(super) const TIMER: Self = Self::Missing {
        node: "/timer",
        expected: "the generic timer, compatible with \"arm,armv7-timer\"",
        advice: "choose a core that has it (QEMU: -cpu cortex-a15)",
    };
    pub(super) const CHOSEN: Self = Self::Missing {
        node: "/chosen",
        expected: "command line and module",
        advice: "load the image by the boot protocol of Linux (QEMU: -kernel skerry.bin -initrd FILE)",
    };
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "device tree: ")?;
        match self {
            Self::NotATree { magic } => write!(
                f,
                "none in r2, which leads to {magic:#x}; load the image by the boot protocol of Linux \
                 (QEMU: -kernel skerry.bin)"
            ),
            Self::TooLong { length } => write!(f, "{length} bytes, more than any; check the loader"),
            Self::TooMany { what, most } => {
                write!(f, "more than {most} {what}, at most so many are read; check the firmware")
            }
            Self::Malformed => write!(f, "its structure leads out of it, or nowhere; check the loader"),
            Self::Missing { node, expected, advice } => {
                write!(f, "no node {node}; expected: {expected}; {advice}")
            }
            Self::Property { node, property } => {
                let expected = match *property {
                    "interrupts" => "twelve cells, the virtual timer third as private interrupt 11",
                    _ => "addresses and sizes",
                };
                write!(
                    f,
                    "node {node}, {property}: expected {expected}; choose a machine that is so described"
                )
            }
            Self::Registers { node, range, expected } => write!(
                f,
                "node {node}, reg: registers at {range}; expected inside {expected}, where kernels can map them; \
                 this machine needs another address of devices in the kernel"
            ),
            Self::Method { found } => {
                write!(f, "node /psci, method: {found:?}; expected \"hvc\" or \"smc\"; check the firmware")
            }
            Self::BootCore { core, listed } => write!(
                f,
                "node /cpus: {listed} cores, and not core {core}, on which the boot runs; check the firmware"
            ),
        }
    }
}
