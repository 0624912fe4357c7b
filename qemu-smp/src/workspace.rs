// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where things are in the source tree, and which programs it holds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Failure};

/// The directory with a directory for each suite.
const SUITES: &str = "suites/src/bin";

/// Where `./x` says its tree is.
pub const ROOT_VARIABLE: &str = "SKERRY_ROOT";

fn is_root(place: &Path) -> bool {
    place.join("x").is_file() && place.join("qemu-smp/Cargo.toml").is_file()
}

fn no_tree(place: &Path) -> Failure {
    Failure::bad_input(format!(
        "{} is not Skerry's source tree\n  expected: {ROOT_VARIABLE} set to it; start this tool by the ./x of the tree",
        place.display()
    ))
}

/// The source tree that is worked with.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the tree: where `./x` says, in `SKERRY_ROOT`; without it the one that this program, or the current directory,
    /// lies in. Nothing of it is compiled in: trees are copied and moved.
    pub fn find() -> Result<Self, Failure> {
        if let Some(root) = std::env::var_os(ROOT_VARIABLE) {
            let root = PathBuf::from(root);
            let root =
                root.canonicalize().doing(format_args!("finding the source tree {}", root.display()))?;
            return if is_root(&root) { Ok(Workspace { root }) } else { Err(no_tree(&root)) };
        }
        let places = [std::env::current_exe(), std::env::current_dir()];
        let places: Vec<PathBuf> =
            places.into_iter().filter_map(|place| place.ok()?.canonicalize().ok()).collect();
        let root = places.iter().flat_map(|place| place.ancestors()).find(|place| is_root(place));
        root.map(|root| Workspace { root: root.to_owned() }).ok_or_else(|| no_tree(Path::new(".")))
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
