// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report`: who owns what, before anything boots; `run` gives the same with what was measured.
//!
//! ```text
//!   description ── model ──▶ Plan ──┐
//!   boot's plan line ───────▶ Plan ──┴─ compose ──▶ document ──▶ text, JSON, page (HTML with drawings)
//! ```

pub mod compose;
pub mod document;
mod drawing;
pub mod page;
mod programs;
pub mod text;

use std::fs;
use std::path::Path;

use crate::cli::ReportOptions;
use crate::failure::{Doing, Exit, Failure};
use crate::log::print;
use crate::model::{Files, Model};
use crate::progress;
use crate::results::{Results, ended};
use crate::session::Session;
use crate::system::System;
use crate::terminal;
use crate::workspace::Workspace;
use compose::{Source, compose};
use document::{Basis, Machine, Measured, Progress, Report};
use page::page;

/// Stands for standard output where a file is expected.
const STANDARD_OUTPUT: &str = "-";

/// Plans a system and reports it in the forms asked for; as tables when none is.
pub fn report(options: &ReportOptions) -> Result<Exit, Failure> {
    if options.schema {
        return print(&document::schema()).map(|()| Exit::Success);
    }
    let workspace = Workspace::find()?;
    let system = System::choose(&options.what, &workspace)?;
    let report = of_model(&system, &Model::of(&system, options.what.profile, &workspace)?);
    let is_told = options.json.is_some() || options.html.is_some() || progress::is_quiet();
    if let Some(path) = &options.json {
        write(path, &json(&report)?)?;
    }
    if let Some(path) = &options.html {
        write(path, &page(&report))?;
    }
    if !is_told {
        print(&terminal::lines(&text::render(&report)))?;
    }
    Ok(Exit::Success)
}

/// The report of a run whose boot printed a plan.
pub fn of_run(
    system: &System,
    files: Option<&Files>,
    session: &Session,
    results: &Results,
) -> Option<Report> {
    let plan = serde_json::from_value(session.plan()?.clone()).ok()?;
    let description = files.map_or_else(|| system.description.clone(), |files| files.description(system));
    let machine = Machine { cpus: system.cpus, memory_bytes: system.memory };
    let source =
        Source { description: &description, plan: &plan, files, basis: Basis::Booted, machine: &machine };
    let progress = session.instances().iter().map(|state| Progress {
        instance: state.name.clone(),
        boot_us: state.boot_us,
        ended: ended(state),
        failed: state.failed.clone(),
    });
    let measured = Measured {
        instrument: results.instrument().to_owned(),
        audit: session.audit().and_then(|audit| serde_json::from_value(audit.clone()).ok()),
        instances: progress.collect(),
        results: session.rows().to_vec(),
        exit_code: results.exit().0,
        reason: results.exit().1.to_owned(),
    };
    Some(Report { measured: Some(measured), ..compose(&source) })
}

fn of_model(system: &System, model: &Model) -> Report {
    compose(&Source {
        description: &model.description,
        plan: &model.plan,
        files: model.files.as_ref(),
        basis: if model.files.is_some() { Basis::Compiled } else { Basis::Estimated },
        machine: &Machine { cpus: system.cpus, memory_bytes: system.memory },
    })
}

fn json(report: &Report) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(report).doing("encoding the report")? + "\n")
}

/// Writes a text, to standard output where `-` is given.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if path == Path::new(STANDARD_OUTPUT) {
        return print(text);
    }
    fs::write(path, text).map_err(|error| {
        Failure::bad_input(format!(
            "writing {}: {error}\n  expected: a file in a directory that exists, or - for standard output",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests;
