// SPDX-License-Identifier: MIT OR Apache-2.0

use std::path::{Path, PathBuf};

use memory_partition::{DropReason, Dropped, Plan, plan};
use serde_json::Value;
use skerry_system::{
    Access, Channel, Description, InterruptSource, Mapped, MemoryRange, OnFault, OnTimeout, Program,
};

use super::document::{Audit, Part};
use super::*;
use crate::cli::SystemOptions;
use crate::description::least_footprints;
use crate::failure::Exit;
use crate::q35;

const MACHINE: Machine = Machine { cpus: 4, memory_bytes: 256 << 20 };

fn planned(description: &Description) -> Plan {
    let firmware = q35::firmware(MACHINE.cpus, MACHINE.memory_bytes);
    plan(&firmware, description, &least_footprints(description)).expect("it fits")
}

fn of_plan(description: &Description, plan: &Plan) -> Report {
    compose(&Source { description, plan, files: None, basis: Basis::Estimated, machine: &MACHINE })
}

fn ring() -> Report {
    let description = Description::equal(4, "ping-pong");
    of_plan(&description, &planned(&description))
}

fn booted() -> Report {
    let progress = Progress {
        instance: "instance-0".to_owned(),
        boot_us: Some(1500),
        ended: "kernel failed".to_owned(),
        failed: Some("panic <at> start".to_owned()),
    };
    let row = serde_json::json!({"path": "call & reply", "min": 41});
    let measured = Measured {
        instrument: "instructions (icount)".to_owned(),
        audit: Some(Audit { instances: 4, mappings: 3544 }),
        instances: vec![progress],
        results: row.as_object().cloned().into_iter().collect(),
        exit_code: 4,
        reason: "the kernel of instance 0 (instance-0) failed".to_owned(),
    };
    Report { basis: Basis::Booted, measured: Some(measured), ..ring() }
}

fn options(arguments: SystemOptions) -> ReportOptions {
    ReportOptions { what: arguments, json: None, html: None, schema: false }
}

fn two_instances() -> SystemOptions {
    SystemOptions { cpus: Some(2), ..SystemOptions::default() }
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
        .join("../docs/report.schema.json");
    let published = fs::read_to_string(path).expect("the schema is published");
    let hint = "write it anew: ./x report --schema > docs/report.schema.json";
    assert!(published == document::schema(), "docs/report.schema.json is not that of the types; {hint}");
}

#[test]
fn reports_are_valid_by_their_schema_and_damaged_ones_are_not() {
    let schema = serde_json::from_str(&document::schema()).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    for report in [ring(), booted()] {
        let document = serde_json::to_value(&report).expect("it can be written");
        assert!(validator.is_valid(&document), "{:?}", validator.iter_errors(&document).next());
        let mut damaged = document.clone();
        damaged["instances"][0]["core"] = Value::from("first");
        assert!(!validator.is_valid(&damaged));
        damaged = document;
        damaged["basis"] = Value::from("guessed");
        assert!(!validator.is_valid(&damaged));
    }
}

#[test]
fn memory_is_listed_without_gaps_and_overlaps() {
    let memory = ring().memory;
    let above = memory.iter().position(|piece| piece.range.start >= 1 << 20).expect("there is memory");
    let joined = memory[above..].windows(2).all(|pair| pair[0].range.end == pair[1].range.start);
    assert!(joined, "{memory:#x?}");
    assert_eq!(memory[above].range.start, 1 << 20);
    assert_eq!(memory.last().map(|piece| piece.range.end), Some((256 << 20) - (128 << 10)));
}

#[test]
fn dropped_memory_is_cut_out_of_what_it_was_part_of() {
    let description = Description::equal(2, "ping-pong");
    let mut plan = planned(&description);
    let start = plan.instances[1].partition[0].start;
    let range = MemoryRange::of_size(start, 4096);
    plan.dropped.push(Dropped { range, reason: DropReason::ListFull { instance: 1 } });
    let report = of_plan(&description, &plan);
    let piece = report.memory.iter().find(|piece| piece.range.start == start).expect("it is listed");
    assert_eq!((piece.part, piece.bytes, piece.owner.as_deref()), (Part::Dropped, 4096, Some("instance-1")));
    let next = report.memory.iter().find(|piece| piece.range.start == start + 4096).expect("so is the rest");
    assert_eq!(next.part, Part::Untyped);
}

#[test]
fn everything_is_named_in_the_tables() {
    let text = text::render(&booted());
    for part in [
        "instance-3",
        "region hop-3-0",
        "from-2-to-3",
        "instance-3 (rw), instance-0 (rw)",
        "0xfec00000",
        "48..155",
        "1500",
        "panic <at> start",
        "trampoline",
        "given to nobody",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn programs_are_told_with_names_for_what_they_get() {
    let mut description = Description::equal(2, skerry_system::INIT);
    description.programs.push(Program::new("first", 0, "crew"));
    description.programs[0].period_us = 20_000;
    description.programs[0].on_timeout = OnTimeout::Handler(1);
    description.programs.push(Program::new("guard", 0, "crew"));
    let mut program = Program::new("sampler", 1, "crew");
    program.regions.push(Mapped { region: 0, access: Access::ReadOnly, address: Some(0x2000_0000) });
    program.receive.push(0);
    program.on_fault = OnFault::Restart { limit: 3 };
    let source = InterruptSource::Message { bus: 0, device: 4, function: 0, handle: 0 };
    program.interrupts.push(skerry_system::Interrupt { name: "card".to_owned(), source, vector: Some(20) });
    description.programs.push(program);
    let within = Channel { name: "inner".to_owned(), from: 1, to: 1, lines: 4, ack: true };
    description.channels.push(within);
    let report = of_plan(&description, &planned(&description));
    let names: Vec<&str> = report.instances[1].programs.iter().map(|program| program.name.as_str()).collect();
    assert_eq!(names, ["init", "sampler"]);
    let text = text::render(&report);
    for part in [
        "hop-0-1 (r) at 0x20000000",
        "receives from-0-to-1",
        "restart, at most 3 times",
        "5000 of 5000",
        "asks guard",
        "timeouts of first",
        "interrupt card: message 0 of 00:04.0, vector 68",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let page = page(&report);
    assert!(page.contains("init, sampler</text>"));
    assert!(
        page.contains("inner: instance-1 may signal programs on it, 4 lines")
            && page.contains("a notification")
    );
}

#[test]
fn the_page_names_nothing_outside_and_escapes_what_it_is_given() {
    let page = page(&booted());
    assert_eq!(page.matches("<svg").count(), 3);
    for word in ["<script", "http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("call &amp; reply") && page.contains("panic &lt;at&gt; start"));
    assert!(page.contains("Failed: the kernel of instance 0") && page.contains("3544 mappings"));
}

#[test]
fn a_report_is_written_to_the_files_asked_for() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let [json, html] = ["report.json", "report.html"].map(|name| dir.path().join(name));
    let options =
        ReportOptions { json: Some(json.clone()), html: Some(html.clone()), ..options(two_instances()) };
    assert_eq!(report(&options).map_err(|failure| failure.message), Ok(Exit::Success));
    let document: Value =
        serde_json::from_str(&fs::read_to_string(json).expect("it is there")).expect("JSON");
    assert_eq!(document["instances"][1]["name"], "instance-1");
    assert!(fs::read_to_string(html).expect("it is there").contains("instance-1"));
}

#[test]
fn a_file_that_cannot_be_written_is_named_with_what_to_do() {
    let options =
        ReportOptions { json: Some(PathBuf::from("/no/such/dir/report.json")), ..options(two_instances()) };
    let failure = report(&options).expect_err("there is no such directory");
    assert_eq!(failure.exit, Exit::BadInput);
    assert!(failure.message.starts_with("writing /no/such/dir/report.json: "), "{failure}");
    assert!(failure.message.contains("expected: a file in a directory that exists"), "{failure}");
}

#[test]
fn a_system_that_does_not_fit_is_refused_as_by_a_boot() {
    let too_many = SystemOptions { cpus: Some(64), memory: Some(64 << 20), ..two_instances() };
    let failure = report(&options(too_many)).expect_err("an instance needs more than 1 MiB");
    assert_eq!(failure.exit, Exit::BadInput);
    assert!(failure.message.starts_with("instance `instance-"), "{failure}");
    assert!(failure.message.contains("give the instance or the machine more memory"), "{failure}");
}
