// SPDX-License-Identifier: MIT OR Apache-2.0
//! `bench`: runs the systems that measure, and tells what came out as a table, JSON, CSV and a page with plots.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use benches::{
    Baseline, Change, Figures, Interference, Measurement, NamedValue, Report, Verdict, changes, page,
};
use comfy_table::{CellAlignment, Table};
use serde_json::Value;

use crate::arch::Arch;
use crate::cli::BenchOptions;
use crate::compile::Compiler;
use crate::failure::{Doing, Exit, Failure};
use crate::machine::Accelerator;
use crate::paths;
use crate::prerequisites;
use crate::progress::{self, Lasts};
use crate::results::{new_table, untyped_bytes};
use crate::toolchain::chosen::Choice;
use crate::workspace::Workspace;

/// The systems that measure the paths every change is judged by, and those that measure everything.
const QUICK: &[&str] = &["systems/bench-quick.toml", "systems/bench-cross.toml"];
const COMPLETE: &[&str] = &[
    "systems/bench.toml",
    "systems/bench-cross.toml",
    "systems/bench-lines.toml",
    SENDERS,
    "systems/bench-exchange.toml",
    "systems/bench-poll.toml",
    "systems/bench-interference.toml",
];
/// The system with nine instances, and what takes its place where there are eight cores.
const SENDERS: &str = "systems/bench-senders.toml";
const SENDERS_ON_8: &str = "systems/bench-senders-7.toml";
/// The system whose boot is reported.
const BOOTED: &str = "systems/bench-cross.toml";
/// Seconds for each system.
const TIMEOUT: &str = "600";

/// Measures, prints the table, and writes what the options ask for.
pub fn bench(options: &BenchOptions) -> Result<Exit, Failure> {
    if options.update_baselines {
        return update_all(options);
    }
    options.arch.check_accelerator(options.accel)?;
    prerequisites::require_qemu(options.arch)?;
    let workspace = Workspace::find()?;
    // What cannot be read or written is better known before anything is measured.
    let written = [&options.json, &options.csv, &options.html];
    written.into_iter().flatten().try_for_each(|path| paths::check_writable(path))?;
    let compiler = Compiler::new(&workspace, options.arch)?.toolchain().version();
    let old = options.compare.as_deref().map(|path| read_figures(path, &compiler)).transpose()?;
    let report = measure(options, &workspace, &compiler)?;

    anstream::println!("{}", table(&report, Spread::of(options)));
    if let Some(table) = interference_table(&report) {
        anstream::println!("{table}");
    }
    anstream::println!("{}", legend(&report));
    if let Some(old) = &old {
        print_changes(old, &report, options.quick);
    }
    write(options, &workspace, &report)?;
    Ok(Exit::Success)
}

fn measure(options: &BenchOptions, workspace: &Workspace, compiler: &str) -> Result<Report, Failure> {
    let mut report: Option<Report> = None;
    let systems = if options.quick { QUICK } else { COMPLETE };
    for (number, &system) in (1..).zip(systems) {
        let system = if system == SENDERS && options.arch.most_cpus() < 9 { SENDERS_ON_8 } else { system };
        let what = format!("measuring {system}, {number} of {}", systems.len());
        let _step = progress::step(what, Lasts::Long);
        let document = run_system(options, &workspace.root().join(system))?;
        let instrument = document["instrument"].as_str().unwrap_or_default();
        let report = report.get_or_insert_with(|| Report::new(options.arch.name(), instrument, compiler));
        let instances = document["instances"].as_array().map_or(0, Vec::len) as u32;
        if !options.quick && system == BOOTED {
            instance_values(&document).into_iter().for_each(|value| report.values.push(value));
        }
        for row in document["table"].as_array().into_iter().flatten().filter_map(Value::as_object) {
            if !report.add_row(instances, row) {
                let row = Value::Object(row.clone());
                return Err(Failure::bad_input(format!("{system}: a row is no measurement: {row}")));
            }
        }
    }
    let report = report.ok_or_else(|| Failure::bad_input("there is nothing to measure"))?;
    check_scenarios(&report)?;
    Ok(report)
}

/// A figure of seL4 stands beside a row of its own scenario only.
fn check_scenarios(report: &Report) -> Result<(), Failure> {
    let misplaced = report.misplaced().next();
    misplaced.map_or(Ok(()), |(path, found, wanted)| {
        Err(Failure::bad_input(format!(
            "{path}: measured with {found:?}, but its reference is of {wanted:?}: give the row another name, or measure \
             it in the scenario of the reference"
        )))
    })
}

/// How long each instance took to its root task, and how much memory it keeps from it.
fn instance_values(document: &Value) -> Vec<NamedValue> {
    let system = document["system"].as_str().unwrap_or_default();
    let instances = document["instances"].as_array().into_iter().flatten();
    let plans = document["plan"]["instances"].as_array().into_iter().flatten();
    let mut values = Vec::new();
    for (state, plan) in instances.zip(plans) {
        let name = |what: &str| format!("{system}, {}: {what}", state["name"].as_str().unwrap_or_default());
        if let Some(value) = state["boot_us"].as_u64() {
            values.push(NamedValue { name: name("boot to root task"), value, unit: "us".to_owned() });
        }
        // What the boot code gives back is in the untypeds of the first instance.
        let ranges =
            [&plan["partition"], &plan["reclaimed"]].into_iter().filter_map(Value::as_array).flatten();
        let size = |range: &Value| Some(range["end"].as_u64()? - range["start"].as_u64()?);
        let all: u64 = ranges.filter_map(size).sum();
        let value = all.saturating_sub(untyped_bytes(plan));
        values.push(NamedValue { name: name("memory not in untypeds"), value, unit: "bytes".to_owned() });
    }
    values
}

/// Runs a system by itself, in a process of its own, and gives the document it wrote.
fn run_system(options: &BenchOptions, system: &Path) -> Result<Value, Failure> {
    let file = tempfile::NamedTempFile::new().doing("making a file for the results")?;
    let tool = std::env::current_exe().doing("finding this tool")?;
    let mut command = Command::new(tool);
    command.arg("run").arg(system).args(["--quiet", "--profile", "bench", "--timeout", TIMEOUT]);
    command
        .args(["--arch", options.arch.name()])
        .args(instrument_arguments(options))
        .arg("--json")
        .arg(file.path());
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.doing(format_args!("running {}", system.display()))?;
    if !output.status.success() {
        let shown = String::from_utf8_lossy(&output.stdout);
        let exit = exit_of(output.status.code());
        return Err(Failure { message: format!("{} failed:\n{shown}", system.display()), exit });
    }
    let text = fs::read_to_string(file.path()).doing("reading the results")?;
    serde_json::from_str(&text).doing("reading the results")
}

fn exit_of(code: Option<i32>) -> Exit {
    let all = [Exit::RootTask, Exit::Timeout, Exit::Kernel, Exit::Interrupted];
    all.into_iter().find(|&exit| code == Some(exit as i32)).unwrap_or(Exit::BadInput)
}

/// Emulated machines count instructions: the time stamps of emulation alone compare nothing.
fn instrument_arguments(options: &BenchOptions) -> &'static [&'static str] {
    match options.accel.resolve(options.arch, false) {
        Accelerator::Kvm => &["--accel", "kvm"],
        _ => &["--accel", "tcg", "--icount"],
    }
}

/// The figures of a report, or of a baseline those of this compiler.
fn read_figures(path: &Path, compiler: &str) -> Result<Figures, Failure> {
    let text = fs::read_to_string(path).doing(format_args!("reading {}", path.display()))?;
    let Ok(baseline) = serde_json::from_str::<Baseline>(&text) else {
        return serde_json::from_str(&text).doing(format_args!("reading the figures in {}", path.display()));
    };
    baseline.of(compiler).cloned().ok_or_else(|| {
        let compilers: Vec<&str> = baseline.compilers().collect();
        Failure::bad_input(format!(
            "{}: there are no figures of code by {compiler}\n  expected: one of {}",
            path.display(),
            compilers.join(", ")
        ))
    })
}

/// Writes the baselines of every toolchain and every architecture that there is here, one after another.
fn update_all(options: &BenchOptions) -> Result<Exit, Failure> {
    let tool = std::env::current_exe().doing("finding this tool")?;
    for choice in Choice::installed() {
        for arch in Arch::ALL.into_iter().filter(|&arch| prerequisites::has_qemu(arch)) {
            anstream::println!("=== {} for {}", choice.name(), arch.name());
            let mut command = Command::new(&tool);
            command.args(["bench", "--update-baseline", "--toolchain", choice.name(), "--arch", arch.name()]);
            let status = command.args(options.quick.then_some("--quick")).status().doing("measuring")?;
            if !status.success() {
                return Ok(exit_of(status.code()));
            }
        }
    }
    Ok(Exit::Success)
}

fn write(options: &BenchOptions, workspace: &Workspace, report: &Report) -> Result<(), Failure> {
    let save =
        |path: &Path, bytes: &[u8]| fs::write(path, bytes).doing(format_args!("writing {}", path.display()));
    if let Some(path) = &options.json {
        save(path, (json(report)? + "\n").as_bytes())?;
    }
    if let Some(path) = &options.csv {
        save(path, &report.csv().doing("writing values")?)?;
    }
    if let Some(path) = &options.html {
        save(path, page(report).doing("drawing plots")?.as_bytes())?;
    }
    if options.update_baseline {
        let path = workspace.root().join(baseline(options.arch));
        let mut baseline: Baseline = fs::read_to_string(&path)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        baseline.replace(report.figures());
        save(&path, (json(&baseline)? + "\n").as_bytes())?;
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).doing("encoding the report")
}

/// The committed figures.
fn baseline(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "benches/baseline.json",
        Arch::Aarch32 => "benches/baseline-aarch32.json",
    }
}

/// What moved; of a quick run, nothing about paths that it does not measure.
fn print_changes(old: &Figures, report: &Report, quick: bool) {
    let Figures { architecture, compiler, instrument, .. } = old;
    if (architecture, compiler, instrument) != (&report.architecture, &report.compiler, &report.instrument) {
        anstream::println!("the old figures are {instrument} of {architecture}, of code by {compiler}");
    }
    let mut changes = changes(&old.paths, &report.figures().paths);
    changes.retain(|change| !quick || change.new.is_some());
    if changes.is_empty() {
        anstream::println!("nothing moved");
    }
    changes.iter().for_each(|change: &Change| anstream::println!("{}", change.describe()));
}

/// Whether the table tells how far the samples spread: only when all of it was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spread {
    Shown,
    Hidden,
}

impl Spread {
    fn of(options: &BenchOptions) -> Self {
        if options.quick { Spread::Hidden } else { Spread::Shown }
    }
}

/// All paths with what they are compared with, if there is anything for their architecture.
fn table(report: &Report, spread: Spread) -> Table {
    let mut names = vec!["path", "n", "min", "median"];
    names.extend(if spread == Spread::Shown { &["mean", "σ", "p99", "max"][..] } else { &[] });
    let compared = ["seL4 MCS", "seL4 classic", "at most", "aim", ""];
    names.extend(if report.has_references() { &compared[..] } else { &[] });
    let mut table = new_table();
    table.set_header(&names);
    for path in report.undisturbed() {
        table.add_row(cells(report, path, spread));
    }
    let numbers = names.iter().filter(|name| !name.is_empty()).count();
    for index in 1..numbers {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Medians of the paths that were measured beside busy instances, if any were.
fn interference_table(report: &Report) -> Option<Table> {
    let matrix = Interference::of(&report.paths);
    let mut table = new_table();
    table.set_header(["path, while others"].into_iter().chain(matrix.activities.iter().map(String::as_str)));
    for (path, figures) in &matrix.paths {
        let median =
            |cell: &Option<(u64, u64)>| cell.map(|(_, median)| median.to_string()).unwrap_or_default();
        table.add_row([path.clone()].into_iter().chain(figures.iter().map(median)));
    }
    (!matrix.paths.is_empty()).then_some(table)
}

fn cells(report: &Report, path: &Measurement, spread: Spread) -> Vec<String> {
    let mut cells = vec![path.path.clone()];
    cells.extend([path.n, path.min, path.median].map(|number| number.to_string()));
    if spread == Spread::Shown {
        cells.extend([path.mean, path.sigma].map(|number| format!("{number:.1}")));
        cells.extend([path.p99, path.max].map(|number| number.to_string()));
    }
    if report.has_references() {
        let compared = report.reference(path);
        let numbers = [compared.sel4_mcs, compared.sel4_classic, compared.at_most, compared.aim];
        cells.extend(numbers.map(|number| number.map(|number| number.to_string()).unwrap_or_default()));
        cells.push(Verdict::of(path.median, compared).describe());
    }
    cells
}

/// What the numbers are.
fn legend(report: &Report) -> String {
    let mut lines = vec![format!("measured in {}, code by {}", report.instrument, report.compiler)];
    lines.extend(report.values.iter().map(|value| format!("{}: {} {}", value.name, value.value, value.unit)));
    lines.extend(report.omitted.iter().cloned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn memory_that_an_instance_keeps_is_what_it_has_less_its_untypeds() {
        let document = json!({
            "system": "pair",
            "instances": [{"name": "a", "boot_us": 70}],
            "plan": {"instances": [{
                "partition": [{"start": 0x10_0000, "end": 0x20_0000}],
                "reclaimed": [{"start": 0x20_0000, "end": 0x20_1000}],
                "untyped": [{"base": 0x10_0000, "size_bits": 19, "device": false}],
            }]},
        });
        let values = instance_values(&document);
        let read: Vec<(&str, u64)> = values.iter().map(|value| (value.name.as_str(), value.value)).collect();
        assert_eq!(read, [("pair, a: boot to root task", 70), ("pair, a: memory not in untypeds", 0x8_1000)]);
    }

    #[test]
    fn a_failed_run_keeps_its_exit_code() {
        assert_eq!(exit_of(Some(4)), Exit::Kernel);
        assert_eq!(exit_of(Some(3)), Exit::Timeout);
        assert_eq!(exit_of(None), Exit::BadInput);
    }

    #[test]
    fn every_system_that_measures_is_a_valid_description() {
        let workspace = Workspace::find().expect("the tree is there");
        let programs = workspace.programs().expect("the tree is readable");
        for system in QUICK.iter().chain(COMPLETE).chain([&SENDERS_ON_8]) {
            let path = workspace.root().join(system);
            assert!(crate::description::load(&path, &programs).is_ok(), "{system}");
        }
    }

    #[test]
    fn a_row_measured_in_another_scenario_than_its_reference_is_refused() {
        let mut report = Report::new(Arch::X86_64.name(), "instructions", "rustc");
        report.paths.extend(Measurement::new("Call, 10 words, active server", 1, vec![(170, 10)]));
        let failure = check_scenarios(&report).expect_err("it has no active partner");
        assert!(
            failure.message.starts_with("Call, 10 words, active server: measured with \"\""),
            "{failure:?}"
        );
        report.paths[0].scenario = "active partner of equal priority in another address space".to_owned();
        assert!(check_scenarios(&report).is_ok());
    }

    #[test]
    fn the_table_puts_the_references_beside_the_figures() {
        let mut report = Report::new(Arch::X86_64.name(), "instructions", "rustc");
        report.paths.extend(Measurement::new("Call, 0 words", 1, vec![(170, 10)]));
        report.paths[0].scenario = "passive partner of equal priority in another address space".to_owned();
        let shown = table(&report, Spread::Hidden).to_string();
        for part in ["Call, 0 words", "212", "184", "180", "within"] {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
        assert!(!shown.contains("p99"), "the spread is for the complete table");
        let arm = Report { architecture: Arch::Aarch32.name().to_owned(), ..report };
        let shown = table(&arm, Spread::Hidden).to_string();
        assert!(shown.contains("170") && !shown.contains("212"), "seL4's figures are for x86_64");
    }
}
