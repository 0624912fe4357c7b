// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report as data: what `--json` writes, and what the tables and the page are made of.
//! Longer than 500 lines because it is one document with the description of each field.
//!
//! `docs/report.schema.json` is generated from these types (`./x report --schema`), their comments included. Addresses
//! are physical unless a field says otherwise; sizes are in bytes; instances are named, never numbered.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// Version of the document; raised when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// Who owns what in a Skerry system, planned or booted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this document: 1.
    pub version: u32,
    /// Name of the system.
    pub system: String,
    /// How the figures came about.
    pub basis: Basis,
    /// The machine that was divided.
    pub machine: Machine,
    /// Sums over the whole machine.
    pub totals: Totals,
    /// The instances; the first runs on the boot core.
    pub instances: Vec<Instance>,
    /// Memory that several root tasks map.
    pub regions: Vec<Region>,
    /// Who may signal whom.
    pub channels: Vec<Channel>,
    /// Devices that the description names.
    pub devices: Vec<Device>,
    /// Devices by which an owner reaches beyond its instance: it is trusted with the whole machine.
    pub holes: Vec<Hole>,
    /// Registers that no instance has by default, because they reach beyond their owner; empty where one instance has the
    /// machine to itself.
    pub nobodys: Vec<Nobodys>,
    /// Every interrupt controller, in firmware order.
    pub interrupt_controllers: Vec<InterruptController>,
    /// Every IO port, ascending, without gaps.
    pub ports: Vec<Ports>,
    /// Every byte of usable memory from 1 MiB up, and what is kept below, in the order of addresses.
    pub memory: Vec<Piece>,
    /// Memory that was given to nobody, addresses of devices included.
    pub dropped: Vec<Piece>,
    /// What the run found out; absent before a boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// How the figures of a report came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Planned for the machine that the runner starts; kernel and programs as last compiled.
    Compiled,
    /// Planned for the machine that the runner starts; nothing is compiled yet, so kernel and programs are taken to need
    /// the least that any do, and places differ from those of a boot.
    Estimated,
    /// What the boot code planned and said.
    Booted,
}

/// The machine.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Machine {
    /// Number of processors.
    pub cpus: u32,
    /// Bytes of memory.
    pub memory_bytes: u64,
}

/// Sums in bytes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Totals {
    /// Untyped memory of all instances, device memory not counted.
    pub untyped_bytes: u64,
    /// Kernels and root tasks.
    pub reserve_bytes: u64,
    /// Inboxes, status pages and log rings.
    pub bookkeeping_bytes: u64,
    /// Shared regions.
    pub shared_bytes: u64,
    /// Kept back for restart.
    pub kept_bytes: u64,
    /// Given to nobody.
    pub dropped_bytes: u64,
}

/// Physical or virtual addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Range {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
}

/// One kernel with its core, its memory and its programs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its number: position in the description, `nodeID` in bootinfo.
    pub number: usize,
    /// Local APIC id of its core.
    pub core: u32,
    /// Memory node of its core, 0 when the firmware does not say.
    pub node: u32,
    /// What the core does when no thread can run: `halt`, `mwait` or `poll`.
    pub idle: &'static str,
    /// What becomes of the boot when its core does not start: `fail` or `leave-out`.
    pub if_silent: &'static str,
    /// What it runs, the root task first.
    pub programs: Vec<Program>,
    /// Memory that is its own.
    pub partition: Vec<Range>,
    /// Memory of the boot that it gets afterwards.
    pub reclaimed: Vec<Range>,
    /// Part of the partition that holds kernel, root task and their objects.
    pub reserve: Range,
    /// What lies where in the reserve, in the order of addresses; empty where the files are not at hand.
    pub images: Vec<Image>,
    /// Untyped memory in the order of bootinfo.
    pub untyped: Vec<Untyped>,
    /// Bytes of its untyped memory, device memory not counted.
    pub untyped_bytes: u64,
    /// Pages of its inbox, where signals to it are pending.
    pub inbox: Range,
    /// Its status page, which the others may read.
    pub status: Range,
    /// Its log ring.
    pub log: Range,
    /// What a restart builds it from; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_record: Option<Range>,
    /// Interrupt vectors of its core.
    pub vectors: Vec<Vectors>,
    /// Lines of all channels to it.
    pub incoming_lines: u32,
    /// Slots of the root CNode.
    pub cnode_slots: u64,
}

/// A program of an instance.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Package or file that it is made of.
    pub image: String,
    /// Words that it is passed.
    pub arguments: String,
    /// How init starts it and what it gets; absent for the root task, which has everything the instance has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Started>,
}

/// How init starts a program and what it gets.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Started {
    /// Its priority.
    pub priority: u8,
    /// The highest priority it may give itself.
    pub mcp: u8,
    /// Microseconds it may run in each period.
    pub budget_us: u64,
    /// The period in microseconds.
    pub period_us: u64,
    /// Bytes of its stack.
    pub stack_bytes: u64,
    /// What happens when it faults: `stop` or `restart`.
    pub on_fault: &'static str,
    /// How often it is restarted at most; absent when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_limit: Option<u32>,
    /// What happens when its budget is used up: `wait`, `report`, `fault` or `handler`.
    pub on_timeout: &'static str,
    /// Name of the program that handles its timeouts; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_handler: Option<String>,
    /// Names of the programs whose timeouts it handles.
    pub timeouts: Vec<String>,
    /// Regions and registers in its address space.
    pub mapped: Vec<Mapped>,
    /// Names of the channels it receives from.
    pub receive: Vec<String>,
    /// Names of the channels it signals.
    pub signal: Vec<String>,
    /// Interrupts it handles.
    pub interrupts: Vec<Interrupt>,
    /// Names of the devices whose ports it has.
    pub ports: Vec<String>,
}

/// An interrupt of a program.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Interrupt {
    /// Its name.
    pub name: String,
    /// Where it comes from, as `pin 4` or `message 0 of 00:04.0`.
    pub source: String,
    /// Vector of the processor that it takes; without meaning on AArch32, where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<u8>,
}

/// A region or the registers of a device in the address space of a program.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Mapped {
    /// Name of the region or device.
    pub name: String,
    /// Virtual address.
    pub address: u64,
    /// `rw` or `r`.
    pub rights: &'static str,
}

/// A part of a reserve.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Image {
    /// What it holds, as `kernel image` or `root task ping-pong`.
    pub holds: String,
    /// Where it is; absent for a part whose place was not computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical: Option<Range>,
    /// Where it is mapped; absent for what is not an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapped_at: Option<Range>,
    /// Virtual address at which it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// Its segments at their virtual addresses.
    pub segments: Vec<Segment>,
}

/// A segment of an image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Segment {
    /// Virtual addresses.
    pub mapped_at: Range,
    /// `r`, `rw`, `rx` or `rwx`, as the file asks for.
    pub rights: &'static str,
}

/// One untyped capability.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Untyped {
    /// First address.
    pub base: u64,
    /// Size as a power of two.
    pub size_bits: u8,
    /// Whether it is device memory, which the kernel never touches.
    pub device: bool,
}

/// Consecutive interrupt vectors of a core.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Vectors {
    /// First vector of the processor.
    pub first: u8,
    /// Last one, included.
    pub last: u8,
    /// What they are for.
    pub used_for: &'static str,
}

/// Memory that several root tasks map.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub range: Range,
    /// Bytes of each of its frames.
    pub page_bytes: u64,
    /// Who maps it.
    pub members: Vec<Member>,
}

/// Right of an instance to a region.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Member {
    /// Name of the instance.
    pub instance: String,
    /// `rw` or `r`.
    pub rights: &'static str,
}

/// Lines from one instance to another, or between programs of one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// Name of the instance that signals.
    pub from: String,
    /// Name of the instance that receives, which may be the same.
    pub to: String,
    /// Number of lines.
    pub lines: u32,
    /// Whether a delivered line stays masked until it is acknowledged.
    pub ack: bool,
    /// Number of its line 0 among all incoming lines of the receiver; absent between programs of one instance, where lines
    /// are bits of a notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_incoming_line: Option<u32>,
}

/// A device that the description names.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Name of the instance that owns it.
    pub owner: String,
    /// Whether the description lets its owner have it although it reaches beyond the instance.
    pub trusted: bool,
    /// What it consists of.
    #[serde(flatten)]
    pub parts: DeviceParts,
}

/// A device that reaches beyond its owner.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Hole {
    /// Name of the device.
    pub device: String,
    /// Name of the instance that owns it.
    pub owner: String,
    /// What it reaches by, as `HPET` or `PCI function 00:1f.2`.
    pub unit: String,
    /// What its owner could do to the others.
    pub danger: &'static str,
}

/// Registers that reach beyond their owner.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Nobodys {
    /// Where they are.
    pub range: Range,
    /// What they belong to.
    pub unit: String,
    /// What their owner could do to the others.
    pub danger: &'static str,
}

/// What a device consists of.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DeviceParts {
    /// Registers in physical memory.
    Mmio {
        /// First address.
        base: u64,
        /// Number of bytes.
        bytes: u64,
    },
    /// IO ports, both ends included.
    Ports {
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
    },
    /// An interrupt controller with all its pins.
    Ioapic {
        /// Position in the firmware's list.
        index: u32,
    },
}

/// An interrupt controller.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct InterruptController {
    /// Address of its registers.
    pub address: u64,
    /// Number of pins.
    pub pins: u32,
    /// Global number of the interrupt of pin 0.
    pub first_interrupt: u32,
    /// Name of the instance that owns it.
    pub owner: String,
}

/// Consecutive IO ports.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Ports {
    /// First port.
    pub first: u16,
    /// Last port, included.
    pub last: u16,
    /// Name of the instance that owns them; absent where none has them, because they reach beyond their owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What they belong to where no instance has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A piece of memory and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Piece {
    /// Where it is.
    pub range: Range,
    /// Number of bytes.
    pub bytes: u64,
    /// What becomes of it.
    pub part: Part,
    /// Name of the instance it belongs to; absent where it belongs to none or to several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What it holds, or why it is dropped.
    pub holds: String,
}

/// What becomes of a piece of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Memory that programs of its owner turn into objects.
    Untyped,
    /// Memory of the boot; afterwards untyped memory of its owner.
    Reclaimed,
    /// Kernel, root task and their objects.
    Reserve,
    /// Where signals to its owner are pending.
    Inbox,
    /// What its owner's kernel says of itself.
    Status,
    /// Log ring of its owner's kernel.
    Log,
    /// A shared region.
    Shared,
    /// Kept back, because a restart needs it.
    Kept,
    /// Given to nobody.
    Dropped,
}

/// What a run found out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Measured {
    /// What the time stamps in `results` count.
    pub instrument: String,
    /// What the second page-table walker found; absent when the boot did not get there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// How far each instance came, in the order of the description.
    pub instances: Vec<Progress>,
    /// Rows that the root tasks reported: column to value.
    pub results: Vec<Map<String, Value>>,
    /// Exit code of the run.
    pub exit_code: u8,
    /// Why the run ended.
    pub reason: String,
}

/// What the audit found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
pub struct Audit {
    /// Instances whose tables were walked.
    pub instances: u64,
    /// Mappings that were looked up, each of which was right.
    pub mappings: u64,
}

/// How far an instance came.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Progress {
    /// Name of the instance.
    pub instance: String,
    /// Microseconds from the start of the boot code until its root task ran; absent when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_us: Option<u64>,
    /// `ok`, `code N`, `halted`, `stuck`, `kernel failed` or `still running`.
    pub ended: String,
    /// Why its kernel failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Range {
    /// Number of bytes.
    pub fn bytes(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

impl From<skerry_system::MemoryRange> for Range {
    fn from(range: skerry_system::MemoryRange) -> Self {
        Range { start: range.start, end: range.end }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}..{:#x}", self.start, self.end)
    }
}

/// The schema of the JSON document, with a line at its end.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report);
    // Maps of names and values are always JSON.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
