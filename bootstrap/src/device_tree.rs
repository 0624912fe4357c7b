// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flattened device tree that a loader passes on Arm: what the boot code needs of it, copied out.
//!
//! ```text
//!   /chosen            bootargs, linux,initrd-start and -end
//!   /memory*           device_type "memory": reg
//!   /cpus/cpu*         reg (MPIDR), enable-method
//!   /psci              method
//!   /intc*             GICv2: reg of distributor and CPU interface
//!   /timer             the generic timer and its interrupts
//!   /pl011*            the console, if there is one
//! ```
//!
//! The loader leaves the tree in memory it calls usable, so nothing here refers to it.

mod error;
mod structure;

use alloc::string::String;
use alloc::vec::Vec;

use fdt::Fdt;
use fdt::node::FdtNode;
use memory_partition::{Core, OtherRange, Unit};
use skerry_system::MemoryRange;

pub use error::TreeError;

use crate::program::PAGE;

/// Bytes of a header that say how long the tree is.
pub const HEADER: u64 = 8;
const MAGIC: u32 = 0xd00d_feed;
/// Longer trees are something else.
const LARGEST: u32 = 1 << 20;
/// Most ranges of memory, kept parts of it, and cores.
const MOST_RANGES: usize = 512;
const MOST_CORES: usize = 1024;

const INTERRUPT_CONTROLLERS: [&str; 4] =
    ["arm,cortex-a15-gic", "arm,gic-400", "arm,cortex-a7-gic", "arm,cortex-a9-gic"];
const TIMERS: [&str; 2] = ["arm,armv7-timer", "arm,armv8-timer"];
/// From version 0.2 on functions have fixed numbers. Version 0.1, "arm,psci" alone, gives its own in the tree.
const PSCI: [&str; 2] = ["arm,psci-0.2", "arm,psci-1.0"];
const UARTS: [&str; 1] = ["arm,pl011"];
/// Devices that reach beyond their owner, by their names.
const HAZARDS: [(&str, Unit); 16] = [
    ("qemu,fw-cfg-mmio", Unit::FwCfg),
    ("virtio,mmio", Unit::Virtio),
    ("arm,gic-v2m-frame", Unit::MessageFrame),
    ("arm,gic-v3-its", Unit::MessageFrame),
    ("pci-host-ecam-generic", Unit::PciConfiguration),
    ("pci-host-cam-generic", Unit::PciConfiguration),
    ("arm,smmu-v1", Unit::Iommu),
    ("arm,smmu-v2", Unit::Iommu),
    ("arm,smmu-v3", Unit::Iommu),
    ("arm,mmu-500", Unit::Iommu),
    ("arm,pl080", Unit::DmaController),
    ("arm,pl330", Unit::DmaController),
    ("arm,pl111", Unit::DmaController),
    ("arm,sp805", Unit::Reset),
    ("arm,sbsa-gwdt", Unit::Reset),
    ("cfi-flash", Unit::Flash),
];
/// Cores that a GICv2 has interfaces for.
const MAX_CORES: u64 = 8;
/// Number of the virtual timer's interrupt among those private to a core.
const VIRTUAL_TIMER: u32 = 11;
/// Where registers have to be that kernels use: their addresses are these and those of the kernel image added, which is
/// in the first 16 MiB of the last 256 MiB of addresses.
const REGISTERS: MemoryRange = MemoryRange::new(0x0100_0000, 0x1000_0000);
/// Type of memory that the tree keeps for others, as in a memory map of ACPI.
const RESERVED: u32 = 2;

/// How the firmware is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `hvc`.
    Hvc,
    /// `smc`.
    Smc,
}

/// What the tree says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Memory, in whole bytes.
    pub memory: Vec<MemoryRange>,
    /// Parts of it that are kept for others.
    pub reserved: Vec<OtherRange>,
    /// Cores by the number of their interface to interrupts; enabled ones can be started.
    pub cores: Vec<Core>,
    /// How the firmware starts and stops cores.
    pub psci: Method,
    /// Registers of the distributor of interrupts, in whole pages.
    pub distributor: MemoryRange,
    /// Registers of a core's interface to interrupts, in whole pages.
    pub cpu_interface: MemoryRange,
    /// Frequency of the generic timer, where its register does not say.
    pub timer_hz: Option<u32>,
    /// Registers of the console, in whole pages.
    pub console: Option<MemoryRange>,
    /// Registers of devices that reach beyond their owner.
    pub hazards: Vec<(Unit, MemoryRange)>,
    /// The module: a file the loader put into memory.
    pub module: Option<MemoryRange>,
}

/// Length of the tree that begins with these bytes.
pub fn length(header: &[u8]) -> Result<u64, TreeError> {
    let magic = be_u32(header, 0).unwrap_or(0);
    let length = be_u32(header, 4).unwrap_or(0);
    match magic {
        MAGIC if length <= LARGEST => Ok(length.into()),
        MAGIC => Err(TreeError::TooLong { length }),
        _ => Err(TreeError::NotATree { magic }),
    }
}

/// The command line and the registers of the console: needed before anything can be reported.
pub fn console(tree: &[u8]) -> (String, Option<u64>) {
    let normal = structure::normalised(tree).unwrap_or_default();
    let Ok(tree) = Fdt::new(&normal) else { return (String::new(), None) };
    let line = tree.find_node("/chosen").and_then(|chosen| chosen.property("bootargs")?.as_str());
    let uart = find(&tree, &UARTS).and_then(|uart| regs(&uart).next());
    let uart = uart.filter(|range| REGISTERS.contains(range.rounded_out(PAGE)));
    (line.unwrap_or_default().into(), uart.map(|range| range.start))
}

/// Reads what the boot code needs; `boot_core` is the number of the core it runs on.
pub fn read(tree: &[u8], boot_core: u32) -> Result<Tree, TreeError> {
    let normal = structure::normalised(tree).ok_or(TreeError::Malformed)?;
    let tree = Fdt::new(&normal).map_err(|_| TreeError::Malformed)?;
    let interrupts = find(&tree, &INTERRUPT_CONTROLLERS).ok_or(TreeError::INTERRUPTS)?;
    let mut registers = regs(&interrupts).map(|range| range.rounded_out(PAGE));
    let (distributor, cpu_interface) =
        registers.next().zip(registers.next()).ok_or_else(|| TreeError::property(&interrupts, "reg"))?;
    let uart = find(&tree, &UARTS);
    let console = uart.and_then(|uart| Some((uart, regs(&uart).next()?.rounded_out(PAGE))));
    let used = [(&interrupts, distributor), (&interrupts, cpu_interface)];
    for (node, range) in used.into_iter().chain(console.iter().map(|(node, range)| (node, *range))) {
        can_be_mapped(node, range)?;
    }
    Ok(Tree {
        memory: memory(&tree)?,
        reserved: reserved(&tree)?,
        cores: cores(&tree, boot_core)?,
        psci: psci(&tree)?,
        distributor,
        cpu_interface,
        timer_hz: timer_hz(&tree)?,
        console: console.map(|(_, range)| range),
        hazards: hazards(&tree),
        module: module(&tree)?,
    })
}

/// Whether the kernels have an address for registers of theirs.
fn can_be_mapped(node: &FdtNode, range: MemoryRange) -> Result<(), TreeError> {
    match REGISTERS.contains(range) {
        true => Ok(()),
        false => Err(TreeError::Registers { node: node.name.into(), range, expected: REGISTERS }),
    }
}

fn memory(tree: &Fdt) -> Result<Vec<MemoryRange>, TreeError> {
    let is_memory =
        |node: &FdtNode| node.property("device_type").and_then(|kind| kind.as_str()) == Some("memory");
    let nodes = tree.all_nodes().filter(is_memory);
    let found = at_most(MOST_RANGES, "ranges of memory", nodes.flat_map(|node| few_regs(&node)))?;
    if found.is_empty() { Err(TreeError::MEMORY) } else { Ok(found) }
}

/// Collects what a tree lists, unless it lists too much.
fn at_most<T>(most: usize, what: &'static str, found: impl Iterator<Item = T>) -> Result<Vec<T>, TreeError> {
    let found: Vec<_> = found.take(most + 1).collect();
    if found.len() > most { Err(TreeError::TooMany { what, most }) } else { Ok(found) }
}

/// The ranges of a node, as many as are read of a whole tree and one.
fn few_regs(node: &FdtNode) -> Vec<MemoryRange> {
    regs(node).take(MOST_RANGES + 1).collect()
}

/// Memory that the tree keeps for others: the list of its header and the children of `/reserved-memory`.
fn reserved(tree: &Fdt) -> Result<Vec<OtherRange>, TreeError> {
    let listed = tree
        .memory_reservations()
        .map(|kept| MemoryRange::of_size(kept.address() as usize as u64, kept.size() as u64));
    let named = tree.find_node("/reserved-memory");
    let children = named.iter().flat_map(|node| node.children());
    let named = children.flat_map(|node| few_regs(&node));
    let ranges = listed.chain(named).filter(|range| !range.is_empty());
    let ranges = ranges.map(|range| OtherRange { range, kind: RESERVED });
    at_most(MOST_RANGES, "kept ranges of memory", ranges)
}

/// The cores; one that the firmware does not start is not enabled, unless the boot runs on it.
fn cores(tree: &Fdt, boot_core: u32) -> Result<Vec<Core>, TreeError> {
    let cpus = tree.find_node("/cpus").ok_or(TreeError::CPUS)?;
    let mut cores = Vec::new();
    for cpu in cpus.children().filter(|node| node.name.starts_with("cpu@")) {
        let number = cpu.raw_reg().and_then(|mut regs| Some(cells(regs.next()?.address)));
        let number = number.ok_or_else(|| TreeError::property(&cpu, "reg"))?;
        let text = |name| cpu.property(name).and_then(|property| property.as_str());
        let is_usable = text("status").is_none_or(|status| status == "okay" || status == "ok");
        let is_started = number == u64::from(boot_core) || text("enable-method") == Some("psci");
        let enabled = number < MAX_CORES && is_usable && is_started;
        if cores.len() == MOST_CORES {
            return Err(TreeError::TooMany { what: "cores", most: MOST_CORES });
        }
        cores.push(Core { apic_id: number as u32, enabled, node: 0 });
    }
    match cores.iter().any(|core| core.apic_id == boot_core) {
        true => Ok(cores),
        false => Err(TreeError::BootCore { core: boot_core, listed: cores.len() }),
    }
}

fn psci(tree: &Fdt) -> Result<Method, TreeError> {
    let node = find(tree, &PSCI).ok_or(TreeError::PSCI)?;
    match node.property("method").and_then(|method| method.as_str()) {
        Some("hvc") => Ok(Method::Hvc),
        Some("smc") => Ok(Method::Smc),
        found => Err(TreeError::Method { found: found.unwrap_or_default().into() }),
    }
}

/// Frequency of the timer, and whether its interrupts are where the kernels expect them: three cells each, secure,
/// non-secure, virtual.
fn timer_hz(tree: &Fdt) -> Result<Option<u32>, TreeError> {
    const CELLS: usize = 3;
    const PRIVATE: u32 = 1;
    let node = find(tree, &TIMERS).ok_or(TreeError::TIMER)?;
    let interrupts = node.property("interrupts").map_or(&[][..], |property| property.value);
    let cell = |number: usize| be_u32(interrupts, (2 * CELLS + number) * 4);
    if (cell(0), cell(1)) != (Some(PRIVATE), Some(VIRTUAL_TIMER)) {
        return Err(TreeError::property(&node, "interrupts"));
    }
    Ok(node.property("clock-frequency").and_then(|property| be_u32(property.value, 0)))
}

/// Registers of devices that reach beyond their owner, turned off or not: whoever has them can turn them on.
fn hazards(tree: &Fdt) -> Vec<(Unit, MemoryRange)> {
    let unit = |node: &FdtNode| {
        let names = node.compatible()?;
        HAZARDS.iter().find(|(name, _)| names.all().any(|own| own == *name)).map(|(_, unit)| *unit)
    };
    let found = tree.all_nodes().filter_map(|node| Some((unit(&node)?, regs(&node).collect::<Vec<_>>())));
    let found = found.flat_map(|(unit, ranges)| ranges.into_iter().map(move |range| (unit, range)));
    found.filter(|(_, range)| !range.is_empty()).collect()
}

fn module(tree: &Fdt) -> Result<Option<MemoryRange>, TreeError> {
    let chosen = tree.find_node("/chosen").ok_or(TreeError::CHOSEN)?;
    let address = |name| chosen.property(name).map(|property| cells(property.value));
    let ends = address("linux,initrd-start").zip(address("linux,initrd-end"));
    Ok(ends.filter(|(start, end)| start < end).map(|(start, end)| MemoryRange::new(start, end)))
}

/// The first node with one of these names that is not turned off.
fn find<'b, 'a>(tree: &'b Fdt<'a>, compatible: &[&str]) -> Option<FdtNode<'b, 'a>> {
    let is_wanted = |node: &FdtNode| {
        let names = node.compatible();
        let is_on = node.property("status").is_none_or(|status| status.as_str() != Some("disabled"));
        is_on && names.is_some_and(|names| names.all().any(|name| compatible.contains(&name)))
    };
    tree.all_nodes().find(is_wanted)
}

/// The ranges of a node's `reg`, by the cells that its parent gives addresses and sizes.
fn regs<'a>(node: &FdtNode<'_, 'a>) -> impl Iterator<Item = MemoryRange> + use<'a> {
    // Where addresses have no cells the crate finds one range after the other without end.
    let regs = node.raw_reg().into_iter().flatten().take_while(|reg| !reg.address.is_empty());
    regs.map(|reg| MemoryRange::of_size(cells(reg.address), cells(reg.size)))
}

/// A number of one or two cells.
fn cells(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|bytes| cells(bytes) as u32)
}

impl TreeError {
    fn property(node: &FdtNode, property: &'static str) -> Self {
        Self::Property { node: node.name.into(), property }
    }
}

#[cfg(test)]
mod tests;
