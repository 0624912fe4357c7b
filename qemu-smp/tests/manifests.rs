// SPDX-License-Identifier: MIT OR Apache-2.0
//! The crates that this project is to be built on are there, and used.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Crates, and the packages that use each. `acpi` is not among them for the reasons in docs/adr/0004-boot-crates.md.
const CARD: &[(&str, &[&str])] = &[
    ("x86_64", &["arch", "bootstrap"]),
    ("x2apic", &["arch", "bootstrap"]),
    ("aarch32-cpu", &["arch", "bootstrap"]),
    ("crossbeam-utils", &["shared-region"]),
    ("spin", &["bootstrap"]),
    ("uart_16550", &["arch", "bootstrap"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether a table of a manifest, or one inside, is a list of dependencies with this crate.
fn depends(table: &Table, name: &str) -> bool {
    table.iter().any(|(key, value)| match value {
        Value::Table(inner) => {
            key == "dependencies" && inner.contains_key(name)
                || matches!(key.as_str(), "target" | "dependencies") && depends(inner, name)
                || key.starts_with("cfg(") && depends(inner, name)
        }
        _ => false,
    })
}

/// Whether a source file under `dir` names the crate in a path.
fn is_used(dir: &Path, name: &str) -> bool {
    let path = format!("{}::", name.replace('-', "_"));
    fs::read_dir(dir).expect("sources are readable").any(|entry| {
        let file = entry.expect("sources are readable").path();
        if file.is_dir() {
            return is_used(&file, name);
        }
        file.extension().is_some_and(|extension| extension == "rs")
            && fs::read_to_string(&file).expect("sources are text").contains(&path)
    })
}

#[test]
fn the_crates_of_the_card_are_dependencies_and_used() {
    for (name, packages) in CARD {
        for package in *packages {
            let dir = root().join(package);
            let manifest = fs::read_to_string(dir.join("Cargo.toml")).expect("the manifest is there");
            let manifest: Table = manifest.parse().expect("the manifest is TOML");
            assert!(depends(&manifest, name), "{package} does not depend on {name}");
            assert!(is_used(&dir.join("src"), name), "{package} does not use {name}");
        }
    }
}

#[test]
fn the_kernel_library_depends_on_nothing_but_this_workspace() {
    let manifest = fs::read_to_string(root().join("kernel/Cargo.toml")).expect("the manifest is there");
    let manifest: Table = manifest.parse().expect("the manifest is TOML");
    let dependencies = manifest["dependencies"].as_table().expect("it is a table");
    let own = |value: &Value| value.get("workspace").and_then(Value::as_bool) == Some(true);
    let foreign: Vec<_> = dependencies.iter().filter(|(_, value)| !own(value)).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}
