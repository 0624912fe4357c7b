// SPDX-License-Identifier: MIT OR Apache-2.0
//! Paths that commands are given, checked before the work that would be lost over a misspelt one.

use std::fs::{self, OpenOptions};
use std::path::Path;

use crate::failure::{Doing, Failure};

/// Refuses a file that cannot be read.
pub fn check_readable(path: &Path) -> Result<(), Failure> {
    fs::File::open(path).map(drop).doing(format_args!("reading {}", path.display()))
}

/// Refuses a directory that holds no crate.
pub fn check_crate(dir: &Path) -> Result<(), Failure> {
    if dir.join("Cargo.toml").is_file() {
        return Ok(());
    }
    Err(Failure::bad_input(format!(
        "the directory {} has no Cargo.toml\n  expected: an ELF file, a C file or the directory of a crate",
        dir.display()
    )))
}

/// Refuses a file that could not be written later, and leaves everything as it is.
pub fn check_writable(path: &Path) -> Result<(), Failure> {
    let is_new = !path.exists();
    // To open a pipe, even for a moment, would tell its reader that it has ended.
    if !is_new && !path.is_file() && !path.is_dir() {
        return Ok(());
    }
    OpenOptions::new().append(true).create(true).open(path).map(drop).map_err(|error| {
        Failure::bad_input(format!(
            "writing {}: {error}\n  expected: a file in a directory that exists",
            path.display()
        ))
    })?;
    if is_new {
        fs::remove_file(path).doing(format_args!("writing {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_can_be_written_is_left_as_it_is() {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let (new, old) = (dir.path().join("new.json"), dir.path().join("old.json"));
        fs::write(&old, "{}").expect("the file can be written");
        assert!(check_writable(&new).is_ok() && check_writable(&old).is_ok());
        assert!(!new.exists());
        assert_eq!(fs::read_to_string(&old).ok().as_deref(), Some("{}"));
    }

    #[test]
    fn a_file_that_cannot_be_written_or_read_is_named() {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let lost = dir.path().join("none").join("out.json");
        let unwritable = check_writable(&lost).expect_err("its directory is not there").message;
        assert!(unwritable.contains("none/out.json: No such file"), "{unwritable}");
        assert!(unwritable.ends_with("expected: a file in a directory that exists"), "{unwritable}");
        assert!(check_writable(dir.path()).is_err(), "a directory is no file");
        let unreadable = check_readable(&lost).expect_err("it is not there").message;
        assert!(unreadable.contains("none/out.json: No such file"), "{unreadable}");
    }
}
