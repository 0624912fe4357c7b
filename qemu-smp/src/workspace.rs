// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where things are in the source tree, and which programs it holds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Failure};

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

    /// The names of the programs under `userland/`: the packages that have a `main.rs`.
    pub fn programs(&self) -> Result<Vec<String>, Failure> {
        let dir = self.root.join("userland");
        let mut names = Vec::new();
        for entry in fs::read_dir(&dir).doing(format_args!("listing {}", dir.display()))? {
            let path = entry.doing(format_args!("listing {}", dir.display()))?.path();
            if path.join("src/main.rs").is_file() {
                names.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
            }
        }
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_the_packages_with_a_main() {
        let programs =
            Workspace::find().and_then(|workspace| workspace.programs()).expect("the tree is readable");
        assert!(programs.contains(&"ping-pong".to_owned()));
        assert!(!programs.contains(&"runtime".to_owned()), "a library is not a program");
    }
}
