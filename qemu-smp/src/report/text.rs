// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report as tables for a terminal.

use comfy_table::{CellAlignment, Table};

use super::document::{
    Basis, Channel, DeviceParts, Instance, Interrupt, Measured, Part, Piece, Report, Started, Untyped,
};
use crate::results::{bytes, new_table};

/// A heading and a table; tables without rows are left out.
pub struct Section {
    /// What the table shows.
    pub title: &'static str,
    /// Its columns.
    pub header: Vec<&'static str>,
    /// Its cells.
    pub rows: Vec<Vec<String>>,
    /// Columns that hold numbers.
    pub numbers: Vec<usize>,
}

/// All tables, in one text.
pub fn render(report: &Report) -> String {
    let mut text = format!("{}\n{}\n", headline(report), basis(report.basis));
    for section in sections(report) {
        text += &format!("\n{}\n{}\n", section.title, table(&section));
    }
    text
}

/// The system in one line.
pub fn headline(report: &Report) -> String {
    let (cpus, memory) = (report.machine.cpus, bytes(report.machine.memory_bytes));
    let (instances, totals) = (report.instances.len(), &report.totals);
    format!(
        "system {}: {} on {}, {memory} of memory; {} untyped, {} shared, {} kept back for restart, \
         {} bytes given to nobody",
        report.system,
        counted(instances, "instance"),
        counted(cpus as usize, "core"),
        bytes(totals.untyped_bytes),
        bytes(totals.shared_bytes),
        bytes(totals.kept_bytes),
        totals.dropped_bytes
    )
}

/// How many there are, with the word in the right number.
pub(crate) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Where the figures come from, in one line.
pub fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Compiled => {
            "planned for the machine that ./x run starts, with kernel and programs as last compiled"
        }
        Basis::Estimated => {
            "estimated: kernel and programs are not compiled yet (./x image compiles them), so places will differ"
        }
        Basis::Booted => "as the boot code planned it and the audit found it",
    }
}

/// Every table that has rows.
pub fn sections(report: &Report) -> Vec<Section> {
    let all = [
        report.measured.as_ref().map(progress),
        Some(instances(report)),
        Some(programs(report)),
        Some(memory("Memory, in the order of addresses", &report.memory)),
        Some(untypeds(report)),
        Some(images(report)),
        Some(regions(report)),
        Some(channels(report)),
        Some(vectors(report)),
        Some(controllers(report)),
        Some(holes(report)),
        Some(devices(report)),
        Some(nobodys(report)),
        Some(ports(report)),
        Some(memory("Given to nobody", &report.dropped)),
    ];
    all.into_iter().flatten().filter(|section| !section.rows.is_empty()).collect()
}

fn table(section: &Section) -> Table {
    let mut table = new_table();
    table.set_header(&section.header);
    for row in &section.rows {
        table.add_row(row);
    }
    for &index in &section.numbers {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn progress(measured: &Measured) -> Section {
    let rows = measured.instances.iter().map(|instance| {
        let boot = instance.boot_us.map(|us| us.to_string()).unwrap_or_default();
        let why = instance.failed.clone().unwrap_or_default();
        vec![instance.instance.clone(), boot, instance.ended.clone(), why]
    });
    let header = vec!["instance", "root task ran after, µs", "ended", "why its kernel failed"];
    Section { title: "Measured", header, rows: rows.collect(), numbers: vec![1] }
}

fn instances(report: &Report) -> Section {
    let rows = report.instances.iter().map(|instance| {
        let programs: Vec<&str> = instance.programs.iter().map(|program| program.name.as_str()).collect();
        let partition: Vec<String> = instance.partition.iter().map(ToString::to_string).collect();
        vec![
            instance.name.clone(),
            instance.core.to_string(),
            programs.join("\n"),
            instance.idle.to_owned(),
            partition.join("\n"),
            bytes(instance.partition.iter().map(|range| range.bytes()).sum()),
            bytes(instance.reserve.bytes()),
            instance.cnode_slots.to_string(),
            instance.incoming_lines.to_string(),
        ]
    });
    Section {
        title: "Instances",
        header: vec![
            "instance",
            "core (APIC id)",
            "programs",
            "idle",
            "partition",
            "size",
            "of it reserve",
            "CNode slots",
            "incoming lines",
        ],
        rows: rows.collect(),
        numbers: vec![1, 5, 6, 7, 8],
    }
}

/// What init starts; root tasks are told with their instances.
fn programs(report: &Report) -> Section {
    let started = report.instances.iter().flat_map(|instance| {
        instance
            .programs
            .iter()
            .filter_map(move |program| Some((instance, program, program.started.as_ref()?)))
    });
    let rows = started.map(|(instance, program, started)| {
        let on_fault = match started.restart_limit {
            Some(limit) => format!("{}, at most {limit} times", started.on_fault),
            None => started.on_fault.to_owned(),
        };
        let on_timeout = match &started.timeout_handler {
            Some(handler) => format!("asks {handler}"),
            None => started.on_timeout.to_owned(),
        };
        vec![
            instance.name.clone(),
            program.name.clone(),
            program.image.clone(),
            format!("{} ({})", started.priority, started.mcp),
            format!("{} of {}", started.budget_us, started.period_us),
            bytes(started.stack_bytes),
            on_fault,
            on_timeout,
            gets(started),
        ]
    });
    Section {
        title: "Programs",
        header: vec![
            "instance",
            "program",
            "image",
            "priority (MCP)",
            "budget, µs",
            "stack",
            "when it faults",
            "when its budget is used up",
            "gets",
        ],
        rows: rows.collect(),
        numbers: vec![3, 4, 5],
    }
}

/// What a program gets, a line for each.
fn gets(started: &Started) -> String {
    let of =
        |kind: &str, names: &[String]| names.iter().map(|name| format!("{kind} {name}")).collect::<Vec<_>>();
    let mapped = started.mapped.iter();
    let mapped = mapped.map(|mapped| format!("{} ({}) at {:#x}", mapped.name, mapped.rights, mapped.address));
    let named = [
        of("receives", &started.receive),
        of("signals", &started.signal),
        interrupts(&started.interrupts),
        of("ports of", &started.ports),
        of("timeouts of", &started.timeouts),
    ];
    mapped.chain(named.concat()).collect::<Vec<_>>().join("\n")
}

/// Interrupts with what raises them.
fn interrupts(interrupts: &[Interrupt]) -> Vec<String> {
    let vector = |vector: u8| format!(", vector {vector}");
    let line = |interrupt: &Interrupt| {
        let vector = interrupt.vector.map(vector).unwrap_or_default();
        format!("interrupt {}: {}{vector}", interrupt.name, interrupt.source)
    };
    interrupts.iter().map(line).collect()
}

fn memory(title: &'static str, pieces: &[Piece]) -> Section {
    let rows = pieces.iter().map(|piece| {
        let owner = piece.owner.clone().unwrap_or_else(|| "-".to_owned());
        vec![
            piece.range.to_string(),
            bytes(piece.bytes),
            part(piece.part).to_owned(),
            owner,
            piece.holds.clone(),
        ]
    });
    let header = vec!["addresses", "size", "part", "instance", "holds"];
    Section { title, header, rows: rows.collect(), numbers: vec![1] }
}

/// A word or two for a part of memory.
pub fn part(part: Part) -> &'static str {
    match part {
        Part::Untyped => "untyped",
        Part::Reclaimed => "reclaimed",
        Part::Reserve => "reserve",
        Part::Inbox => "inbox",
        Part::Status => "status page",
        Part::Log => "log ring",
        Part::Shared => "shared",
        Part::Kept => "kept back",
        Part::Dropped => "dropped",
    }
}

fn untypeds(report: &Report) -> Section {
    let rows = report.instances.iter().flat_map(|instance| {
        [("memory", false), ("device", true)].map(|(kind, device)| untyped_row(instance, kind, device))
    });
    Section {
        title: "Untypeds (every one of them is in the JSON)",
        header: vec!["instance", "kind", "pieces", "together", "largest", "smallest"],
        rows: rows.flatten().collect(),
        numbers: vec![2, 3, 4, 5],
    }
}

fn untyped_row(instance: &Instance, kind: &str, device: bool) -> Option<Vec<String>> {
    let pieces: Vec<&Untyped> = instance.untyped.iter().filter(|piece| piece.device == device).collect();
    let total = pieces.iter().map(|piece| 1u64 << piece.size_bits).sum();
    let size = |bits: Option<u8>| bits.map(power).unwrap_or_default();
    let bits = || pieces.iter().map(|piece| piece.size_bits);
    let row = [instance.name.as_str(), kind, &pieces.len().to_string(), &bytes(total)];
    let row = row.map(str::to_owned).into_iter().chain([size(bits().max()), size(bits().min())]).collect();
    (!pieces.is_empty()).then_some(row)
}

/// A power of two in the largest unit.
fn power(bits: u8) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (usize::from(bits) / 10).min(UNITS.len() - 1);
    format!("{} {}", 1u64 << (usize::from(bits) - 10 * unit), UNITS[unit])
}

fn images(report: &Report) -> Section {
    let rows = report.instances.iter().flat_map(|instance| {
        instance.images.iter().map(|image| {
            let segments =
                image.segments.iter().map(|segment| format!("{} {}", segment.mapped_at, segment.rights));
            vec![
                instance.name.clone(),
                image.holds.clone(),
                image.physical.map(|range| range.to_string()).unwrap_or_default(),
                image.physical.map(|range| bytes(range.bytes())).unwrap_or_default(),
                segments.collect::<Vec<_>>().join("\n"),
                image.entry.map(|entry| format!("{entry:#x}")).unwrap_or_default(),
            ]
        })
    });
    Section {
        title: "Images: what lies where in the reserves",
        header: vec!["instance", "holds", "physical", "size", "virtual, rights", "entry"],
        rows: rows.collect(),
        numbers: vec![3],
    }
}

fn regions(report: &Report) -> Section {
    let rows = report.regions.iter().map(|region| {
        let members = region.members.iter().map(|member| format!("{} ({})", member.instance, member.rights));
        let frames = region.range.bytes() / region.page_bytes;
        vec![
            region.name.clone(),
            region.range.to_string(),
            bytes(region.range.bytes()),
            format!("{frames} × {}", power(region.page_bytes.ilog2() as u8)),
            members.collect::<Vec<_>>().join(", "),
        ]
    });
    Section {
        title: "Shared regions",
        header: vec!["region", "addresses", "size", "frames", "who maps it"],
        rows: rows.collect(),
        numbers: vec![2],
    }
}

fn channels(report: &Report) -> Section {
    let rows = report.channels.iter().map(|channel| {
        let ack = if channel.ack { "until acknowledged" } else { "never" };
        let Channel { name, from, to, lines, first_incoming_line, .. } = channel;
        let numbers = match first_incoming_line {
            Some(first) => format!("{first}..{}", first + lines.saturating_sub(1)),
            None => "a notification".to_owned(),
        };
        vec![name.clone(), from.clone(), to.clone(), lines.to_string(), numbers, ack.to_owned()]
    });
    Section {
        title: "Channels: who may signal whom",
        header: vec!["channel", "from", "to", "lines", "at the receiver", "masked after delivery"],
        rows: rows.collect(),
        numbers: vec![3],
    }
}

/// The same for every instance, so each kind is told once.
fn vectors(report: &Report) -> Section {
    let first = report.instances.first().map(|instance| instance.vectors.as_slice()).unwrap_or_default();
    let rows = first.iter().map(|vectors| {
        let numbers = if vectors.first == vectors.last {
            vectors.first.to_string()
        } else {
            format!("{}..{}", vectors.first, vectors.last)
        };
        vec![numbers, vectors.used_for.to_owned()]
    });
    Section {
        title: "Interrupt vectors of every instance",
        header: vec!["vectors", "used for"],
        rows: rows.collect(),
        numbers: Vec::new(),
    }
}

fn controllers(report: &Report) -> Section {
    let rows = report.interrupt_controllers.iter().map(|chip| {
        let interrupts =
            format!("{}..{}", chip.first_interrupt, chip.first_interrupt + chip.pins.saturating_sub(1));
        vec![format!("{:#x}", chip.address), chip.pins.to_string(), interrupts, chip.owner.clone()]
    });
    Section {
        title: "Interrupt controllers",
        header: vec!["registers", "pins", "interrupts", "owner"],
        rows: rows.collect(),
        numbers: vec![1],
    }
}

fn devices(report: &Report) -> Section {
    let rows = report.devices.iter().map(|device| {
        let (kind, place) = match device.parts {
            DeviceParts::Mmio { base, bytes } => {
                ("registers", format!("{base:#x}..{:#x}", base.saturating_add(bytes)))
            }
            DeviceParts::Ports { first, last } => ("ports", format!("{first:#x}..={last:#x}")),
            DeviceParts::Ioapic { index } => ("interrupt controller", index.to_string()),
        };
        let trusted = if device.trusted { "yes" } else { "no" };
        vec![device.name.clone(), device.owner.clone(), kind.to_owned(), place, trusted.to_owned()]
    });
    Section {
        title: "Devices of the description",
        header: vec!["device", "owner", "kind", "place", "trusted"],
        rows: rows.collect(),
        numbers: Vec::new(),
    }
}

/// What the isolation of instances does not cover in this system.
fn holes(report: &Report) -> Section {
    let rows = report
        .holes
        .iter()
        .map(|hole| vec![hole.owner.clone(), hole.device.clone(), hole.unit.clone(), hole.danger.to_owned()]);
    Section {
        title: "Holes: instances that are trusted with the whole machine",
        header: vec!["instance", "device", "is", "its owner"],
        rows: rows.collect(),
        numbers: Vec::new(),
    }
}

fn nobodys(report: &Report) -> Section {
    let rows = report
        .nobodys
        .iter()
        .map(|part| vec![part.range.to_string(), part.unit.clone(), part.danger.to_owned()]);
    Section {
        title: "Registers that no instance has by default",
        header: vec!["addresses", "what", "its owner"],
        rows: rows.collect(),
        numbers: Vec::new(),
    }
}

fn ports(report: &Report) -> Section {
    let rows = report.ports.iter().map(|ports| {
        let owner = ports.owner.clone().unwrap_or_else(|| "nobody".to_owned());
        vec![format!("{:#x}..={:#x}", ports.first, ports.last), owner, ports.unit.clone().unwrap_or_default()]
    });
    Section {
        title: "IO ports",
        header: vec!["ports", "owner", "reaches beyond it"],
        rows: rows.collect(),
        numbers: Vec::new(),
    }
}
