// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs real systems for the boot tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// How a run went.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    /// The merged log and the tables.
    pub(crate) shown: String,
    /// What was written to standard error.
    pub(crate) errors: String,
    /// The JSON document, `Null` when none was written.
    pub(crate) document: Value,
}

/// `qemu-smp run` with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Run {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let json = dir.path().join("run.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    command.current_dir(root()).args(["run", "--json"]).arg(&json).args(arguments);
    let output = command.output().expect("the runner starts");
    let document = std::fs::read_to_string(json).map(|text| serde_json::from_str(&text).expect("it is JSON"));
    Run {
        code: output.status.code(),
        shown: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        document: document.unwrap_or_default(),
    }
}

impl Run {
    /// Fails with everything that was shown unless the exit code is this one.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.shown, self.errors);
        self
    }

    /// Names of the instances that reached their root task and ended well.
    pub(crate) fn finished(&self) -> Vec<&str> {
        let instances = self.document["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
        let well = instances.iter().filter(|instance| instance["exit"] == 0);
        well.filter_map(|instance| instance["name"].as_str()).collect()
    }
}

/// The workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is")).join("..")
}
