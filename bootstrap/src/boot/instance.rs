// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds an instance inside its partition: kernel image, kernel half of the tables, hand-over page, root task.
//!
//! ```text
//!   reserve:  kernel image | tables | hand-over | root task: image, objects
//!   window:   WINDOW_BASE + physical address, of what CONFINED allows and nothing else
//! ```

use arch::WINDOW_BASE;
use bootstrap::audit::Roots;
use bootstrap::carver::{Carver, ReserveExhausted};
use bootstrap::offset::Offset;
use bootstrap::program::{PAGE, Program, Segment};
use bootstrap::tables::{Access, PhysicalMemory, Tables};
use bootstrap::window::window;
use kernel::handover::{self, Handover, IdleMode, IoApicRecord, PeerRecord};
use memory_partition::{Idle, InstancePlan, MemoryRange, Plan};

use super::error::BootError;
use super::hand_over::Entry;
use super::machine::Machine;
use super::root_task;
use super::system::System;
use super::{apic, console, cpu, physical, time};

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
    }
}

/// Builds instance `index`.
pub(crate) fn build(context: &Context, index: usize) -> Result<Built, BootError> {
    let plan = &context.plan.instances[index];
    let exhausted = |error: ReserveExhausted| BootError::Reserve { instance: plan.name.clone(), error };
    physical::zero(plan.reserve.start, plan.reserve.size());
    let mut carver = Carver::new(plan.reserve);
    let (root, boot_root) = kernel_half(context, index, &mut carver).map_err(exhausted)?;
    let handover = carver.pages(handover::BYTES / PAGE).map_err(exhausted)?.start;
    let mut record = describe(context, index);
    record.kernel_root = root;
    root_task::build(context, index, &mut carver, &mut record)?;
    physical::write_value(handover, &record);
    Ok(Built {
        apic_id: plan.apic_id,
        roots: Roots { instance: index, tables: [root, record.root_vspace].into() },
        entry: Entry {
            root: boot_root,
            address: context.system.kernel.entry,
            argument: WINDOW_BASE + handover,
        },
    })
}

/// Kernel image and window; the kernel's top-level table, and the one the core comes in by.
fn kernel_half(context: &Context, index: usize, carver: &mut Carver) -> Result<(u64, u64), ReserveExhausted> {
    let kernel = &context.system.kernel;
    let image = carver.pages(kernel.pages())?;
    let mut identity = Identity;
    let mut tables = Tables::new(&mut identity, carver)?;
    for segment in &kernel.segments {
        let frames = place(segment, kernel, image.start);
        tables.map(segment.address & !(PAGE - 1), frames, access(segment))?;
    }
    for (range, access) in window(context.plan, index, context.machine.local_apic_page()) {
        tables.map(WINDOW_BASE + range.start, range, access)?;
    }
    let boot_root = tables.with_low_half(physical::boot_root())?;
    Ok((tables.root(), boot_root))
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

/// What the instance is told, except for its root task's objects.
fn describe(context: &Context, index: usize) -> Handover {
    let Context { machine, plan, .. } = context;
    let own = &plan.instances[index];
    let options = &machine.options;
    let mut record = Handover::EMPTY;
    record.instance = index as u64;
    record.instances = plan.instances.len() as u64;
    record.core = u64::from(own.apic_id);
    record.x2apic = u64::from(apic::is_x2apic());
    record.ticks_per_us = u64::from(machine.clocks.tsc_mhz);
    record.timer_ratio = machine.clocks.timer_ratio();
    record.tsc_offset = context.offsets[index].applied() as u64;
    record.boot_began = machine.began.wrapping_add(record.tsc_offset);
    record.idle_mode = idle_mode(own.idle) as u64;
    record.debug_port = options.console_base.map_or(0, |base| u64::from(base) + index as u64);
    record.serial_port = serial_port(machine, index);
    record.log = [own.log.start, own.log.size()];
    record.profile = PROFILE;
    record.has_huge_pages = u64::from(cpu::has_huge_pages());
    record.fpu_bytes = machine.posture.fpu_bytes();
    record.incoming_lines = u64::from(own.incoming_lines);
    record.inbox = if own.incoming_lines == 0 { 0 } else { own.inbox.start };
    record.inbox_senders = plan.instances.len() as u64;
    record.status = own.status.start;
    record.generation = 1;
    if let Some(inject) = options.inject.filter(|inject| inject.instance == index) {
        record.inject_kind = inject.kind;
        record.inject_at = time::ticks(inject.after_us);
    }
    describe_devices(plan, index, &mut record);
    describe_peers(plan, index, &mut record);
    record
}

/// Serial console of an instance that has no debug console: only one can have the port.
fn serial_port(machine: &Machine, index: usize) -> u64 {
    match machine.options.console_base {
        None if index == 0 => u64::from(machine.options.serial_port.unwrap_or(console::COM1)),
        _ => 0,
    }
}

fn idle_mode(idle: Idle) -> IdleMode {
    match idle {
        Idle::Halt => IdleMode::Halt,
        Idle::Mwait => IdleMode::Mwait,
        Idle::Poll => IdleMode::Poll,
    }
}

fn describe_devices(plan: &Plan, index: usize, record: &mut Handover) {
    let chips = plan.io_apics.iter().filter(|chip| chip.owner == index);
    for (slot, chip) in record.io_apics.iter_mut().zip(chips) {
        *slot = IoApicRecord { paddr: chip.address, pins: u64::from(chip.pins) };
        record.io_apic_count += 1;
    }
    let foreign = plan.ports.iter().filter(|ports| ports.owner != index);
    for port in foreign.flat_map(|ports| ports.first..=ports.last) {
        record.foreign_ports[usize::from(port) / 64] |= 1 << (port % 64);
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
