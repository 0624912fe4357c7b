// SPDX-License-Identifier: MIT OR Apache-2.0
//! System descriptions: TOML with names, turned into a [`Description`] with indices.
//!
//! Every mistake is found in one run, wherever it can be seen first, and shown at its place in the file:
//!
//! ```text
//!   text ── toml ──▶ table ── items ──▶ Description ── validate() ──▶ ok
//!             │                │ places of every key      │
//!             ▼                ▼                          ▼
//!          syntax       keys, types, names          limits, doubles, sums        all: mistakes ──▶ excerpt
//! ```
//!
//! The keys are described in `docs/system-description.md`.

mod available;
mod fit;
mod items;
mod mistakes;
mod places;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use skerry_system::{Description, DescriptionError, Problem};
use toml::de::DeTable;

use crate::failure::{Doing, Failure};
pub use fit::least_footprints;
pub(crate) use mistakes::closest as nearest;
use mistakes::{Mistake, render};
use places::Places;

/// A description and what it refers to.
#[derive(Debug)]
pub struct Loaded {
    /// The description.
    pub description: Description,
    /// Programs that are files, or crates outside the tree, by the names that the description gives them.
    pub files: BTreeMap<String, PathBuf>,
    source: Source,
    places: Places,
}

/// The text of a description and its name for messages.
#[derive(Debug)]
struct Source {
    name: String,
    text: String,
}

/// Reads a description whose programs are among `programs`, or files.
pub fn load(path: &Path, programs: &[String]) -> Result<Loaded, Failure> {
    let bytes = fs::read(path).doing(format_args!("reading the description {}", path.display()))?;
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(path, error.as_bytes()))?;
    let dir = path.parent().unwrap_or(Path::new("."));
    parse(Source { name: path.display().to_string(), text }, dir, programs)
}

/// Says where a text stops being one.
fn not_utf8(path: &Path, bytes: &[u8]) -> Failure {
    let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let line = valid.matches('\n').count() + 1;
    let column = valid.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    let byte = bytes.get(valid.len()).copied().unwrap_or_default();
    Failure::bad_input(format!(
        "{}:{line}:{column}: byte {byte:#04x} is not UTF-8\n  expected: a text in UTF-8; convert it or remove the byte",
        path.display()
    ))
}

fn parse(source: Source, dir: &Path, programs: &[String]) -> Result<Loaded, Failure> {
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    let mut mistakes: Vec<Mistake> = errors.iter().map(|error| syntax(error, &source.text)).collect();
    let read = items::read(document.get_ref(), dir, programs);
    let (description, files, places) = (read.description, read.files, read.places);
    mistakes.extend(read.mistakes);
    if errors.is_empty() {
        let errors = description.validate();
        let new = errors.iter().filter(|error| !places.is_known_mistake(error.item, error.field));
        mistakes.extend(new.map(|error| at_its_place(error, &places)));
    }
    if mistakes.is_empty() {
        Ok(Loaded { description, files, source, places })
    } else {
        mistakes.sort_by_key(|mistake| mistake.span.start);
        Err(Failure::bad_input(render(&source.name, &source.text, &mistakes)))
    }
}

fn syntax(error: &toml::de::Error, text: &str) -> Mistake {
    let span = error.span().unwrap_or(text.len()..text.len());
    Mistake::new(span, error.message().replace('\n', "; "))
}

/// Finds the text that a mistake found later is about.
fn at_its_place(error: &DescriptionError, places: &Places) -> Mistake {
    let text = error.problem.to_string();
    let (what, help) = text.split_once("; ").unwrap_or((&text, ""));
    let (item, field) = match error.problem {
        Problem::PercentSum { .. } => (places.last_instance(), "memory"),
        _ => (error.item, error.field),
    };
    let mut mistake = Mistake::new(places.find(item, field), what).help(help);
    let earlier = match error.problem {
        Problem::SameName { earlier } => Some((places::sibling(error.item, earlier), "name")),
        Problem::SameCore { earlier, .. } => Some((places::sibling(error.item, earlier), "core")),
        Problem::SameChannel { earlier, .. } => Some((places::sibling(error.item, earlier), "to")),
        Problem::SameDevice { earlier, .. } => Some((places::sibling(error.item, earlier), error.field)),
        _ => None,
    };
    if let Some((item, field)) = earlier {
        mistake = mistake.see(places.find(item, field), "the earlier one");
    }
    mistake
}
