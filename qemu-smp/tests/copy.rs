// SPDX-License-Identifier: MIT OR Apache-2.0
//! A checkout that was copied builds and boots what lies in it, wherever it was copied from. `./x test` runs this.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What is not part of a checkout.
const MADE: [&str; 4] = ["target", ".git", "out", ".vscode"];

/// This checkout.
fn root() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is")).join("..")
}

/// Copies files and directories.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory can be made");
    for entry in fs::read_dir(from).expect("the tree is readable") {
        let entry = entry.expect("the tree is readable");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a file can be copied");
        }
    }
}

/// A checkout in a directory whose name a shell would not take as it is, with a boot that says so.
fn checkout(at: &Path) {
    fs::create_dir(at).expect("a directory can be made");
    for entry in fs::read_dir(root()).expect("the tree is readable") {
        let name = entry.expect("the tree is readable").file_name();
        if MADE.iter().any(|made| name == *made) {
            continue;
        }
        let (from, to) = (root().join(&name), at.join(&name));
        if from.is_dir() {
            copy(&from, &to)
        } else {
            fs::copy(from, to).map(drop).expect("a file can be copied")
        }
    }
    let boot = at.join("bootstrap/src/boot/mod.rs");
    let text = fs::read_to_string(&boot).expect("the boot is there");
    assert!(text.contains("\"handing over to "), "the boot says when it leaves");
    fs::write(&boot, text.replace("\"handing over to ", "\"handing over, as a copy does, to "))
        .expect("it can be changed");
}

/// The `./x` of a directory, started while another checkout is named in the environment.
fn x(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("./x");
    command.current_dir(dir).args(arguments).env("SKERRY_ROOT", root());
    // Kept beside what was compiled of this checkout, so that the next test of a copy has less to compile.
    command.env("CARGO_TARGET_DIR", root().canonicalize().expect("it is there").join("target/of-a-copy"));
    command.output().expect("./x starts")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
#[ignore = "compiles a copy of everything, and boots"]
fn a_copied_checkout_boots_its_own_sources() {
    let parent = tempfile::tempdir().expect("a temporary directory can be made");
    let tree = parent.path().join("a copy's tree");
    checkout(&tree);
    let run = x(&tree, &["--no-install", "run", "--icount", "--cpus", "1"]);
    assert!(
        run.status.success() && text(&run).contains("handing over, as a copy does, to 1"),
        "{}",
        text(&run)
    );

    let made = x(&tree, &["--no-install", "new", "../beacon"]);
    assert!(made.status.success(), "{}", text(&made));
    for file in ["Cargo.toml", "x", "system.toml", "build.rs", "src/main.rs"] {
        let written = fs::read_to_string(parent.path().join("beacon").join(file)).expect("it was made");
        for tree in [root().canonicalize().expect("it is there"), parent.path().to_owned()] {
            assert!(!written.contains(tree.to_str().expect("the path is text")), "{file}: {written}");
        }
    }
    let run = x(&parent.path().join("beacon"), &["--no-install", "run"]);
    assert!(
        run.status.success() && text(&run).contains("handing over, as a copy does, to 2"),
        "{}",
        text(&run)
    );
}
