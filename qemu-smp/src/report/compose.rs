// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a plan to a report: indices become names, and memory is listed in the order of addresses.

use abi::vector;
use bootstrap::program::Program as Elf;
use bootstrap::reserve;
use memory_partition::{DropReason, Dropped, InstancePlan, Kept, KeptFor, Plan, RegionPlan};
use skerry_system::{Access, Description, DeviceKind, Idle, MemoryRange, Silent};

use super::document::{
    Basis, Channel, Device, DeviceParts, Hole, Image, Instance, InterruptController, Machine, Member,
    Nobodys, Part, Piece, Ports, Range, Region, Report, Segment, Totals, Untyped, VERSION, Vectors,
};
use super::programs::{programs, rights};
use crate::model::Files;

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// What was asked for.
    pub description: &'a Description,
    /// How the machine was divided.
    pub plan: &'a Plan,
    /// Kernel and programs, where they are at hand.
    pub files: Option<&'a Files>,
    /// Where the plan comes from.
    pub basis: Basis,
    /// The machine.
    pub machine: &'a Machine,
}

/// The report of a plan, without anything measured.
pub fn compose(source: &Source) -> Report {
    let plan = source.plan;
    let name = |index: usize| name(plan, index);
    Report {
        version: VERSION,
        system: plan.system.clone(),
        basis: source.basis,
        machine: source.machine.clone(),
        totals: totals(plan),
        instances: (0..plan.instances.len()).map(|index| instance(source, index)).collect(),
        regions: plan.regions.iter().map(|region| self::region(plan, region)).collect(),
        channels: channels(source),
        devices: (0..plan.devices.len()).map(|index| device(source, index)).collect(),
        holes: plan.holes.iter().map(|hole| self::hole(plan, hole)).collect(),
        nobodys: plan.nobodys.iter().map(nobodys).collect(),
        interrupt_controllers: plan
            .io_apics
            .iter()
            .map(|chip| InterruptController {
                address: chip.address,
                pins: chip.pins,
                first_interrupt: chip.gsi_base,
                owner: name(chip.owner),
            })
            .collect(),
        ports: plan
            .ports
            .iter()
            .map(|ports| Ports {
                first: ports.first,
                last: ports.last,
                owner: ports.owner.map(name),
                unit: ports.unit.map(|unit| unit.to_string()),
            })
            .collect(),
        memory: memory(plan),
        dropped: plan.dropped.iter().map(|dropped| self::dropped(plan, dropped)).collect(),
        measured: None,
    }
}

fn name(plan: &Plan, index: usize) -> String {
    plan.instances.get(index).map_or_else(|| format!("instance {index}"), |instance| instance.name.clone())
}

fn totals(plan: &Plan) -> Totals {
    let of = |bytes: fn(&InstancePlan) -> u64| plan.instances.iter().map(bytes).sum();
    Totals {
        untyped_bytes: of(InstancePlan::untyped_bytes),
        reserve_bytes: of(|instance| instance.reserve.size()),
        bookkeeping_bytes: of(|instance| {
            instance.inbox.size() + instance.status.size() + instance.log.size()
        }),
        shared_bytes: plan.regions.iter().map(|region| region.range.size()).sum(),
        kept_bytes: plan.kept.iter().map(|kept| kept.range.size()).sum(),
        dropped_bytes: plan.dropped_bytes(),
    }
}

fn instance(source: &Source, index: usize) -> Instance {
    let plan = &source.plan.instances[index];
    let described = source.description.instances.get(index);
    let ranges = |ranges: &[MemoryRange]| ranges.iter().map(|&range| range.into()).collect();
    let untyped = plan.untyped.iter().map(|piece| Untyped {
        base: piece.base,
        size_bits: piece.size_bits,
        device: piece.device,
    });
    Instance {
        name: plan.name.clone(),
        number: index,
        core: plan.apic_id,
        node: plan.node,
        idle: match plan.idle {
            Idle::Halt => "halt",
            Idle::Mwait => "mwait",
            Idle::Poll => "poll",
        },
        if_silent: match plan.if_silent {
            Silent::Fail => "fail",
            Silent::LeaveOut => "leave-out",
        },
        programs: programs(source.description, index),
        partition: ranges(&plan.partition),
        reclaimed: ranges(&plan.reclaimed),
        reserve: plan.reserve.into(),
        images: images(source, index),
        untyped: untyped.collect(),
        untyped_bytes: plan.untyped_bytes(),
        inbox: plan.inbox.into(),
        status: plan.status.into(),
        log: plan.log.into(),
        boot_record: (!plan.boot_record.is_empty()).then(|| plan.boot_record.into()),
        vectors: vectors(),
        incoming_lines: plan.incoming_lines,
        cnode_slots: described.map_or(0, |instance| 1 << instance.cnode_bits),
    }
}

/// The same on every core: vectors are not shared.
fn vectors() -> Vec<Vectors> {
    let one = |vector, used_for| Vectors { first: vector, last: vector, used_for };
    vec![
        Vectors {
            first: vector::FIRST_USER,
            last: vector::LAST_USER,
            used_for: "interrupts that the root task asks for (GetIOAPIC, GetMSI: argument 0 is the first)",
        },
        one(vector::DOORBELL, "doorbell: a signal from another instance is pending"),
        one(vector::TIMER, "timer of the scheduler"),
    ]
}

/// What the reserve of an instance holds; nothing when a file cannot be read as an image.
fn images(source: &Source, index: usize) -> Vec<Image> {
    let parts = || {
        let files = source.files?;
        let described = source.description.instances.get(index)?;
        let task = &described.root_task.name;
        let kernel = Elf::kernel(&files.kernel).ok()?;
        let program = Elf::root_task(files.members.get(&described.member())?).ok()?;
        let layout = reserve::layout(source.plan, index, &kernel, &program, files.local_apic).ok()?;
        let other = |holds: &str, range: MemoryRange| Image {
            holds: holds.to_owned(),
            physical: Some(range.into()),
            mapped_at: None,
            entry: None,
            segments: Vec::new(),
        };
        Some(vec![
            image("kernel image".to_owned(), layout.kernel, &kernel),
            other("page tables of the kernel", layout.tables),
            other("hand-over record", layout.handover),
            image(format!("root task {task}"), layout.root_task, &program),
            other("objects of the root task", layout.objects),
        ])
    };
    parts().unwrap_or_default()
}

fn image(holds: String, physical: MemoryRange, program: &Elf) -> Image {
    let segment = |segment: &bootstrap::program::Segment| Segment {
        mapped_at: MemoryRange::of_size(segment.address, segment.size).into(),
        rights: match (segment.writable, segment.executable) {
            (false, false) => "r",
            (true, false) => "rw",
            (false, true) => "rx",
            (true, true) => "rwx",
        },
    };
    Image {
        holds,
        physical: Some(physical.into()),
        mapped_at: Some(Range { start: program.start, end: program.end }),
        entry: Some(program.entry),
        segments: program.segments.iter().map(segment).collect(),
    }
}

fn region(plan: &Plan, region: &RegionPlan) -> Region {
    let member =
        |&(index, access): &(usize, Access)| Member { instance: name(plan, index), rights: rights(access) };
    Region {
        name: region.name.clone(),
        range: region.range.into(),
        page_bytes: 1 << region.page_bits,
        members: region.members.iter().map(member).collect(),
    }
}

/// The channels of the plan, then those that init makes of notifications.
fn channels(source: &Source) -> Vec<Channel> {
    let plan = source.plan;
    let between = plan.channels.iter().map(|channel| Channel {
        name: channel.name.clone(),
        from: name(plan, channel.from),
        to: name(plan, channel.to),
        lines: channel.lines,
        ack: channel.ack,
        first_incoming_line: Some(channel.incoming_base),
    });
    let described = source.description.channels.iter().filter(|channel| channel.is_within_instance());
    let within = described.map(|channel| Channel {
        name: channel.name.clone(),
        from: name(plan, channel.from),
        to: name(plan, channel.to),
        lines: channel.lines,
        ack: false,
        first_incoming_line: None,
    });
    between.chain(within).collect()
}

fn hole(plan: &Plan, hole: &memory_partition::Hole) -> Hole {
    let device = plan.devices.get(hole.device);
    Hole {
        device: device.map(|device| device.name.clone()).unwrap_or_default(),
        owner: device.map(|device| name(plan, device.owner)).unwrap_or_default(),
        unit: hole.unit.to_string(),
        danger: hole.unit.danger(),
    }
}

fn nobodys(nobodys: &memory_partition::Nobodys) -> Nobodys {
    Nobodys { range: nobodys.range.into(), unit: nobodys.unit.to_string(), danger: nobodys.unit.danger() }
}

fn device(source: &Source, index: usize) -> Device {
    let (plan, device) = (source.plan, &source.plan.devices[index]);
    let trusted = source.description.devices.get(index).is_some_and(|device| device.trusted);
    let parts = match device.kind {
        DeviceKind::Mmio { base, size } => DeviceParts::Mmio { base, bytes: size },
        DeviceKind::IoPorts { first, last } => DeviceParts::Ports { first, last },
        DeviceKind::IoApic { index } => DeviceParts::Ioapic { index },
    };
    Device { name: device.name.clone(), owner: name(plan, device.owner), trusted, parts }
}

/// Every piece of memory in the order of addresses.
fn memory(plan: &Plan) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for instance in &plan.instances {
        let mut add = |range: MemoryRange, part, holds: &str| {
            if !range.is_empty() {
                pieces.push(piece(range, part, Some(instance.name.clone()), holds));
            }
        };
        let taken: Vec<_> =
            std::iter::once(instance.reserve).chain(plan.dropped.iter().map(|d| d.range)).collect();
        let left = |range: &MemoryRange| without(*range, &taken);
        instance
            .partition
            .iter()
            .flat_map(left)
            .for_each(|range| add(range, Part::Untyped, "untyped memory"));
        let boot = "boot code's data, untyped memory after the boot";
        instance.reclaimed.iter().flat_map(left).for_each(|range| add(range, Part::Reclaimed, boot));
        add(instance.reserve, Part::Reserve, "kernel and root task");
        add(instance.inbox, Part::Inbox, "inbox");
        add(instance.status, Part::Status, "status page");
        add(instance.log, Part::Log, "log ring");
    }
    let shared =
        |region: &RegionPlan| piece(region.range, Part::Shared, None, &format!("region {}", region.name));
    pieces.extend(plan.regions.iter().map(shared));
    pieces.extend(plan.kept.iter().map(|kept| self::kept(plan, kept)));
    let is_memory = |dropped: &&Dropped| {
        let mut own = plan.instances.iter().flat_map(InstancePlan::memory);
        matches!(dropped.reason, DropReason::PartialPage | DropReason::Unreachable | DropReason::Unassigned)
            || own.any(|range| range.contains(dropped.range))
    };
    pieces.extend(plan.dropped.iter().filter(is_memory).map(|dropped| self::dropped(plan, dropped)));
    pieces.sort_by_key(|piece| piece.range.start);
    pieces
}

fn piece(range: MemoryRange, part: Part, owner: Option<String>, holds: &str) -> Piece {
    Piece { range: range.into(), bytes: range.size(), part, owner, holds: holds.to_owned() }
}

fn kept(plan: &Plan, kept: &Kept) -> Piece {
    let (owner, holds) = match kept.reason {
        KeptFor::Trampoline => (None, "trampoline: where other cores start".to_owned()),
        KeptFor::BootImage => (None, "boot image".to_owned()),
        KeptFor::Module { index } => (None, format!("boot module {index}, as loaded")),
        KeptFor::BootRecord { instance } => (Some(name(plan, instance)), "boot record".to_owned()),
    };
    piece(kept.range, Part::Kept, owner, &holds)
}

fn dropped(plan: &Plan, dropped: &Dropped) -> Piece {
    let (owner, why) = match dropped.reason {
        DropReason::PartialPage => (None, "fills no page"),
        DropReason::Unreachable => (None, "outside the addresses that a kernel can reach"),
        DropReason::Unassigned => (None, "left over by the sizes in the description"),
        DropReason::TooSmall { instance } => (Some(instance), "too small for an untyped"),
        DropReason::ListFull { instance } => (Some(instance), "the untyped list is full"),
    };
    piece(dropped.range, Part::Dropped, owner.map(|index| name(plan, index)), why)
}

/// What is left of a range.
fn without(range: MemoryRange, taken: &[MemoryRange]) -> Vec<MemoryRange> {
    let mut left = vec![range];
    for gone in taken.iter().filter(|gone| gone.overlaps(range)) {
        let sides = |part: MemoryRange| {
            let (low, high) = (part.end.min(gone.start), part.start.max(gone.end));
            [MemoryRange::new(part.start, low), MemoryRange::new(high, part.end)]
        };
        left = left.into_iter().flat_map(sides).filter(|part| !part.is_empty()).collect();
    }
    left
}
