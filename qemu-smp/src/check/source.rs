// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules for source files as text: the licence line, and how long a file may be.

use std::fs;
use std::path::Path;

use super::tokens;
use crate::failure::{Doing, Failure};

/// A source file, its path counted from the workspace.
#[derive(Debug, Clone)]
pub(super) struct SourceFile {
    /// With `/` between directories.
    pub(super) path: String,
    pub(super) text: String,
}

/// Lines of a file, tests not counted.
const MOST_LINES: usize = 500;
/// Lines of a function, tests not counted.
const MOST_IN_FUNCTION: usize = 60;
const LICENCE: &str = "SPDX-License-Identifier: MIT OR Apache-2.0";
/// What begins the explanation of a longer file, in its head, and of a file with a longer function.
const EXCUSE: &str = "Longer than 500 lines because";
const EXCUSE_OF_FUNCTION: &str = "Longer than 60 lines because";

/// Every source file of the workspace.
pub(super) fn files(root: &Path) -> Result<Vec<SourceFile>, Failure> {
    let mut found = Vec::new();
    visit(root, "", &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn visit(dir: &Path, prefix: &str, found: &mut Vec<SourceFile>) -> Result<(), Failure> {
    for entry in fs::read_dir(dir).doing(format_args!("listing {}", dir.display()))? {
        let path = entry.doing(format_args!("listing {}", dir.display()))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let relative = format!("{prefix}{name}");
        if path.is_dir() {
            // At the root, as in .gitignore: a module may have such a name.
            if !(prefix.is_empty() && matches!(name, "target" | "out" | ".git")) {
                visit(&path, &format!("{relative}/"), found)?;
            }
        } else if is_source(&relative) {
            let text = fs::read_to_string(&path).doing(format_args!("reading {}", path.display()))?;
            found.push(SourceFile { path: relative, text });
        }
    }
    Ok(())
}

fn is_source(path: &str) -> bool {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "s" | "S" | "ld" | "c" | "h")) || matches!(path, "x" | ".ci/run")
}

/// Files whose first line (the second behind `#!`) does not name the licence.
pub(super) fn without_licence_line(files: &[SourceFile]) -> Vec<String> {
    let has_line = |file: &&SourceFile| {
        let mut lines = file.text.lines().filter(|line| !line.starts_with("#!/"));
        lines.next().is_some_and(|line| line.contains(LICENCE))
    };
    let without = files.iter().filter(|file| !has_line(file));
    without.map(|file| format!("{}: the first line does not say `{LICENCE}`", file.path)).collect()
}

/// Rust files and functions with more lines than allowed that do not explain it.
pub(super) fn too_long(files: &[SourceFile]) -> Vec<String> {
    let mut complaints = Vec::new();
    for SourceFile { path, text } in
        files.iter().filter(|file| file.path.ends_with(".rs") && !is_test(&file.path))
    {
        let Some(facts) = tokens::read(text) else { continue };
        let explains = |excuse| text.lines().take(30).any(|line| line.contains(excuse));
        let lines = text.lines().count() - facts.test_lines;
        if lines > MOST_LINES && !explains(EXCUSE) {
            complaints.push(format!(
                "{path}: {lines} lines without tests, {MOST_LINES} allowed; split it or say why in its head"
            ));
        }
        if explains(EXCUSE_OF_FUNCTION) {
            continue;
        }
        for (name, line, length) in facts.functions.iter().filter(|(_, _, length)| *length > MOST_IN_FUNCTION)
        {
            complaints.push(format!(
                "{path}:{line}: {name} has {length} lines, {MOST_IN_FUNCTION} allowed; split it"
            ));
        }
    }
    complaints
}

/// Whether a file holds nothing but tests.
pub(super) fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: impl Into<String>) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.into() }
    }

    #[test]
    fn the_licence_stands_in_the_first_line_or_behind_the_interpreter() {
        let good = [file("a.rs", format!("// {LICENCE}\n")), file("x", format!("#!/bin/sh\n# {LICENCE}\n"))];
        assert!(without_licence_line(&good).is_empty());
        let late = file("b.rs", format!("//! Late\n// {LICENCE}\n"));
        assert_eq!(without_licence_line(&[late, file("empty.rs", "")]).len(), 2);
    }

    #[test]
    fn tests_do_not_count_towards_the_length() {
        let long = "use x;\n".repeat(MOST_LINES);
        let tested = file("a.rs", format!("{long}#[cfg(test)]\nmod tests {{\n{long}}}\n"));
        assert!(too_long(&[tested]).is_empty());
        assert_eq!(too_long(&[file("a.rs", format!("{long}use x;\n"))]).len(), 1);
        assert!(too_long(&[file("a/tests.rs", format!("{long}use x;\n"))]).is_empty());
    }

    #[test]
    fn an_early_item_for_tests_does_not_end_the_count() {
        let text = format!("#[cfg(test)]\nuse y;\n{}", "use x;\n".repeat(MOST_LINES + 1));
        assert_eq!(too_long(&[file("a.rs", text)]).len(), 1);
    }

    #[test]
    fn a_function_has_a_limit_of_its_own() {
        let body = "    f();\n".repeat(MOST_IN_FUNCTION - 2);
        assert!(too_long(&[file("a.rs", format!("fn f() {{\n{body}}}\n"))]).is_empty());
        let found = too_long(&[file("a.rs", format!("fn f() {{\n{body}f();\n}}\n"))]);
        assert_eq!(found, ["a.rs:1: f has 61 lines, 60 allowed; split it"]);
    }

    #[test]
    fn a_longer_file_may_say_why() {
        let text = format!("//! {EXCUSE} it is one table.\n{}", "use x;\n".repeat(MOST_LINES));
        assert!(too_long(&[file("a.rs", text)]).is_empty());
    }
}
