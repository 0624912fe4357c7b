// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where things are in the source tree, and which programs it holds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Failure};

/// The directory with a directory for each suite.
const SUITES: &str = "suites/src/bin";

/// The source tree that this tool was compiled from.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the tree: `SKERRY_ROOT` when set, else where this crate was compiled.
    pub fn find() -> Result<Self, Failure> {
        let root = match std::env::var_os("SKERRY_ROOT") {
            Some(root) => PathBuf::from(root),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        };
        let root = root.canonicalize().doing(format_args!("finding the source tree {}", root.display()))?;
        Ok(Workspace { root })
    }

    /// The directory that holds the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it compiles.
    pub fn target_dir(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => self.root.join(dir),
            None => self.root.join("target"),
        }
    }

    /// The names of the programs in the tree: the packages of `userland/` that have a `main.rs`, and the suites.
    pub fn programs(&self) -> Result<Vec<String>, Failure> {
        let mut names = self.directories_with("userland", "src/main.rs")?;
        names.extend(self.directories_with(SUITES, "main.rs")?);
        names.sort();
        Ok(names)
    }

    /// The package of a program in the tree. A program of `userland/` is a package; the suites share one.
    pub fn package_of<'a>(&self, program: &'a str) -> &'a str {
        if self.root.join(SUITES).join(program).is_dir() { "skerry-suites" } else { program }
    }

    /// The names of the directories in `parent` that have a file `file`.
    fn directories_with(&self, parent: &str, file: &str) -> Result<Vec<String>, Failure> {
        let dir = self.root.join(parent);
        let mut names = Vec::new();
        for entry in fs::read_dir(&dir).doing(format_args!("listing {}", dir.display()))? {
            let path = entry.doing(format_args!("listing {}", dir.display()))?.path();
            if path.join(file).is_file() {
                names.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_the_directories_with_a_main() {
        let workspace = Workspace::find().expect("the tree is there");
        let programs = workspace.programs().expect("the tree is readable");
        for (program, package) in [("init", "init"), ("ping-pong", "skerry-suites")] {
            assert!(programs.contains(&program.to_owned()), "{program} in {programs:?}");
            assert_eq!(workspace.package_of(program), package);
        }
        assert!(!programs.contains(&"runtime".to_owned()), "a library is not a program");
    }
}
