// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds an instance inside its partition: kernel image, kernel half of the tables, hand-over page, root task.
//!
//! ```text
//!   reserve:  kernel image | tables | hand-over | root task: image, objects
//!   window:   WINDOW_BASE + physical address, of what CONFINED allows and nothing else
//! ```

use alloc::vec::Vec;

use arch::WINDOW_BASE;
use bootstrap::audit::Roots;
use bootstrap::carver::{Carver, ReserveExhausted};
use bootstrap::offset::Offset;
use bootstrap::program::{PAGE, Program, Segment};
use bootstrap::tables::{Access, Format, PhysicalMemory, Tables};
use bootstrap::window::window;
use kernel::handover::{self, Handover, IdleMode, InjectEvent, PeerRecord};
use memory_partition::{InstancePlan, Plan};
use skerry_system::{Idle, MemoryRange};

use super::cores::Entry;
use super::error::BootError;
use super::hardware::{cpu, map, record as hardware_record, time};
use super::machine::Machine;
use super::system::System;
use super::{physical, root_task};

/// Optional system calls of the kernels, chosen when this image was built.
const PROFILE: u64 = cfg!(feature = "printing") as u64
    | (cfg!(feature = "debug-calls") as u64) << 1
    | (cfg!(feature = "benchmarks") as u64) << 2;

/// Everything that building an instance reads.
pub(crate) struct Context<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) system: &'a System,
    pub(crate) plan: &'a Plan,
    /// Time-stamp counter of each instance's core, measured against the boot core's.
    pub(crate) offsets: &'a [Offset],
}

/// An instance that is ready to be entered.
pub(crate) struct Built {
    pub(crate) apic_id: u32,
    pub(crate) roots: Roots,
    pub(crate) entry: Entry,
}

/// Table memory through the identity map.
pub(crate) struct Identity;

impl PhysicalMemory for Identity {
    fn read(&self, address: u64) -> u64 {
        physical::read_u64(address)
    }

    fn write(&mut self, address: u64, value: u64) {
        physical::write_u64(address, value);
    }
}

/// Zeroes what every party must find zero before any instance runs.
pub(crate) fn zero_shared(plan: &Plan) {
    let own = plan.instances.iter().flat_map(|instance| [instance.inbox, instance.status, instance.log]);
    for range in own.chain(plan.regions.iter().map(|region| region.range)) {
        physical::zero(range.start, range.size());
        cpu::publish(range.start, range.size());
    }
}

/// Builds instance `index`.
pub(crate) fn build(context: &Context, index: usize) -> Result<Built, BootError> {
    let plan = &context.plan.instances[index];
    let exhausted = |error: ReserveExhausted| BootError::Reserve { instance: plan.name.clone(), error };
    probe(plan)?;
    physical::zero(plan.reserve.start, plan.reserve.size());
    let mut carver = Carver::new(plan.reserve);
    let half = kernel_half(context, index, &mut carver).map_err(exhausted)?;
    let handover = carver.pages(handover::BYTES / PAGE).map_err(exhausted)?.start;
    let mut record = describe(context, index);
    record.kernel_tables = if half.idle == half.tables { 0 } else { half.tables };
    record.kernel_root = half.idle;
    root_task::build(context, index, &mut carver, &mut record)?;
    physical::write_value(handover, &record);
    // Kernel image, root task and all that its frames hold.
    cpu::publish(plan.reserve.start, plan.reserve.size());
    Ok(Built {
        apic_id: plan.apic_id,
        roots: Roots { instance: index, kernel: half.tables, users: half.users(record.root_vspace) },
        entry: Entry {
            root: half.entry,
            address: context.system.kernel.entry,
            argument: WINDOW_BASE + handover,
        },
    })
}

/// Memory maps can list memory that is not there. What a kernel is built from is tried: a word in each page of the reserve
/// holds its address until all are written.
fn probe(plan: &InstancePlan) -> Result<(), BootError> {
    let pages = || (plan.reserve.start..plan.reserve.end).step_by(PAGE as usize);
    pages().for_each(|page| physical::write_u64(page, !page));
    match pages().find(|page| physical::read_u64(*page) != !page) {
        Some(address) => Err(BootError::NoMemory { instance: plan.name.clone(), address }),
        None => Ok(()),
    }
}

/// Top-level tables of an instance. Where one tree holds both halves of the addresses, the first two are the same.
struct KernelHalf {
    /// The kernel's.
    tables: u64,
    /// The idle thread's.
    idle: u64,
    /// The one the core comes in by.
    entry: u64,
}

impl KernelHalf {
    /// Those that are loaded for threads, each once.
    fn users(&self, root_task: u64) -> Vec<u64> {
        let idle = (self.idle != self.tables).then_some(self.idle);
        idle.into_iter().chain([root_task]).collect()
    }
}

/// Kernel image and window.
fn kernel_half(context: &Context, index: usize, carver: &mut Carver) -> Result<KernelHalf, ReserveExhausted> {
    let kernel = &context.system.kernel;
    let image = carver.pages(kernel.pages())?;
    let mut identity = Identity;
    let mut tables = Tables::new(&mut identity, carver, Format::NATIVE)?;
    for segment in &kernel.segments {
        let frames = place(segment, kernel, image.start);
        tables.map(segment.address & !(PAGE - 1), frames, access(segment))?;
    }
    for (range, access) in window(context.plan, index, context.machine.local_apic_page) {
        tables.map(Format::NATIVE.kernel_address(range.start, access), range, access)?;
    }
    let idle = tables.idle_root()?;
    let entry = tables.entry_root(map::boot_root())?;
    Ok(KernelHalf { tables: tables.root(), idle, entry })
}

/// Copies a segment of `program`, whose first page is at `image`; the frames it lies in. Pages between segments stay
/// unmapped: they guard the stacks.
pub(crate) fn place(segment: &Segment, program: &Program, image: u64) -> MemoryRange {
    let at = image + (segment.address - program.start);
    physical::write(at, segment.data);
    MemoryRange::new(at & !(PAGE - 1), (at + segment.size).next_multiple_of(PAGE))
}

fn access(segment: &Segment) -> Access {
    match segment {
        Segment { executable: true, .. } => Access::ReadExecute,
        Segment { writable: true, .. } => Access::ReadWrite,
        _ => Access::Read,
    }
}

/// What the instance is told, except for its tables and its root task's objects.
fn describe(context: &Context, index: usize) -> Handover {
    let Context { machine, plan, .. } = context;
    let own = &plan.instances[index];
    let options = &machine.options;
    let mut record = Handover::EMPTY;
    record.instance = index as u64;
    record.instances = plan.instances.len() as u64;
    record.core = u64::from(own.apic_id);
    record.ticks_per_us = u64::from(machine.ticks_per_us);
    record.timer_ratio = machine.timer_ratio;
    record.tsc_offset = context.offsets[index].applied() as u64;
    record.boot_began = machine.began.wrapping_add(record.tsc_offset);
    record.idle_mode = idle_mode(own.idle) as u64;
    record.log = [own.log.start, own.log.size()];
    record.profile = PROFILE | u64::from(options.explain) << 3;
    record.has_runner = u64::from(options.json);
    record.incoming_lines = u64::from(own.incoming_lines);
    record.inbox = if own.incoming_lines == 0 { 0 } else { own.inbox.start };
    record.inbox_senders = plan.instances.len() as u64;
    record.status = own.status.start;
    record.generation = 1;
    if let Some(inject) = options.inject.iter().find(|inject| inject.instance == index) {
        record.inject_kind = inject.kind;
        record.inject_event = inject.event as u64;
        record.inject_at = match inject.event {
            InjectEvent::Time => inject.count.saturating_mul(time::ticks(1)) / 1000,
            InjectEvent::Signals | InjectEvent::Rows => inject.count,
        };
    }
    hardware_record::describe(machine, plan, index, &mut record);
    describe_peers(plan, index, &mut record);
    record
}

fn idle_mode(idle: Idle) -> IdleMode {
    match idle {
        Idle::Halt => IdleMode::Halt,
        Idle::Mwait => IdleMode::Mwait,
        Idle::Poll => IdleMode::Poll,
    }
}

fn describe_peers(plan: &Plan, index: usize, record: &mut Handover) {
    for (peer, instance) in plan.instances.iter().enumerate().filter(|(peer, _)| *peer != index) {
        record.peers[peer] = describe_peer(plan, index, (peer, instance));
    }
}

fn describe_peer(plan: &Plan, index: usize, (peer, instance): (usize, &InstancePlan)) -> PeerRecord {
    let mut record = PeerRecord { core: instance.apic_id, ..PeerRecord::default() };
    for channel in &plan.channels {
        if (channel.from, channel.to) == (index, peer) {
            record.inbox = instance.inbox.start;
            record.lines_out = channel.lines as u8;
        }
        if (channel.from, channel.to) == (peer, index) {
            record.base_in = channel.incoming_base;
            record.lines_in = channel.lines as u8;
            record.needs_ack = u8::from(channel.ack);
        }
    }
    record
}
