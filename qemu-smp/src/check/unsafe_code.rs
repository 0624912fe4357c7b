// SPDX-License-Identifier: MIT OR Apache-2.0
//! The closed list of places that may contain `unsafe`, and the number of blocks in the kernel.

use super::forgers;
use super::source::{SourceFile, is_test};
use super::tokens::{self, Kind, Unsafe};

/// Files, and directories with a `/` at the end, that may contain `unsafe`, and what for.
const ALLOWED: &[(&str, &str)] = &[
    ("kernel/src/memory/objects.rs", "kernel objects by physical address"),
    ("kernel/src/memory/sim.rs", "simulated memory"),
    ("kernel/src/sched/switch.rs", "two threads at once, without comparing them"),
    ("arch/src/x86_64/hw/", "the processor"),
    ("arch/src/aarch32/hw/", "the same of Arm"),
    ("arch/src/bare/", "what both have on bare metal"),
    ("ipi/src/page.rs", "memory that two kernels share"),
    ("shared-region/src/map.rs", "memory that two root tasks share"),
    ("kernel/src/entry/", "entries of the kernel program"),
    ("bootstrap/src/", "hand-over: from the machine as found to instances"),
    ("suites/", "code that is wrong on purpose"),
    ("userland/", "system calls and the memory of a root task"),
];
/// Most unsafe blocks in the kernel library, besides those of the functions that make references to objects.
const MOST_IN_KERNEL: usize = 20;

/// Every `unsafe` at a place that is not on the list, an excess of blocks in the kernel, and code that hides from this check.
pub(super) fn violations(files: &[SourceFile]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut in_kernel = 0;
    for SourceFile { path, text } in files.iter().filter(|file| file.path.ends_with(".rs")) {
        let Some(facts) = tokens::read(text) else {
            complaints.push(format!("{path}: no Rust: it cannot be read as tokens"));
            continue;
        };
        let outside =
            |found: &&Unsafe| !is_allowed(path, found.kind) && !forgers::is_listed(path, text, found.line);
        for found in facts.unsafes.iter().filter(outside) {
            complaints.push(format!("{path}:{}: unsafe code outside the closed list", found.line));
        }
        for (line, what) in facts.foreign {
            complaints
                .push(format!("{path}:{line}: {what} is code in a file whose name does not end in .rs"));
        }
        if is_of_kernel(path) {
            let is_counted = |found: &&Unsafe| {
                found.kind == Kind::Block && !found.is_test && !forgers::is_listed(path, text, found.line)
            };
            in_kernel += facts.unsafes.iter().filter(is_counted).count();
        }
    }
    if in_kernel > MOST_IN_KERNEL {
        complaints.push(format!("kernel: {in_kernel} unsafe blocks, {MOST_IN_KERNEL} allowed"));
    }
    complaints
}

/// Files of the kernel library, tests left out; the entries of the program are hardware, and simulated
/// memory is a test's.
fn is_of_kernel(path: &str) -> bool {
    let is_apart = path.starts_with("kernel/src/entry/") || path == "kernel/src/memory/sim.rs";
    path.starts_with("kernel/src/") && !is_apart && !is_test(path)
}

fn is_allowed(path: &str, kind: Kind) -> bool {
    // Types become kernel objects where they are defined.
    let becomes_object = path.starts_with("kernel/src/") && kind == Kind::KernelObject;
    let listed = |place: &str| if place.ends_with('/') { path.starts_with(place) } else { path == place };
    becomes_object || ALLOWED.iter().any(|(place, _)| listed(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> Vec<String> {
        violations(&[SourceFile { path: path.to_owned(), text: text.to_owned() }])
    }

    #[test]
    fn the_keyword_is_found_outside_the_list_only() {
        let text = "fn f() {\n    unsafe { g() }\n}\n";
        assert_eq!(
            complaints("kernel/src/ipc/mod.rs", text),
            ["kernel/src/ipc/mod.rs:2: unsafe code outside the closed list"]
        );
        assert!(complaints("arch/src/x86_64/hw/lapic.rs", text).is_empty());
        assert!(complaints("kernel/src/memory/sim.rs", text).is_empty());
    }

    #[test]
    fn a_character_does_not_hide_what_stands_behind_it() {
        let text = "const QUOTE: char = '\"';\nfn f() { unsafe { g() } }\n";
        assert_eq!(complaints("kernel/src/ipc/mod.rs", text).len(), 1);
    }

    #[test]
    fn an_early_item_for_tests_does_not_end_the_count() {
        let blocks = "fn f() { unsafe { f() } }\n".repeat(MOST_IN_KERNEL + 1);
        let text = format!("#[cfg(test)]\nuse x::y;\n{blocks}");
        assert_eq!(complaints("kernel/src/memory/objects.rs", &text).len(), 1);
    }

    #[test]
    fn files_of_another_name_are_refused() {
        let found = complaints("kernel/src/lib.rs", "include!(\"code.inc\");\n");
        assert_eq!(
            found,
            ["kernel/src/lib.rs:1: \"code.inc\" is code in a file whose name does not end in .rs"]
        );
    }

    #[test]
    fn a_type_may_become_a_kernel_object_where_it_is_defined() {
        assert!(complaints("kernel/src/object/tcb.rs", "unsafe impl KernelObject for Tcb {}\n").is_empty());
        assert_eq!(complaints("arch/src/lib.rs", "unsafe impl KernelObject for Tcb {}\n").len(), 1);
    }

    #[test]
    fn blocks_in_the_kernel_are_counted_without_tests() {
        let blocks = "fn f() { unsafe { f() } }\n".repeat(MOST_IN_KERNEL);
        let path = "kernel/src/memory/objects.rs";
        assert!(
            complaints(
                path,
                &format!("{blocks}#[cfg(test)]\nmod tests {{\n    fn f() {{ unsafe {{}} }}\n}}\n")
            )
            .is_empty()
        );
        assert_eq!(complaints(path, &format!("{blocks}fn g() {{ unsafe {{ g() }} }}\n")).len(), 1);
    }
}
