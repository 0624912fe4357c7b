// SPDX-License-Identifier: MIT OR Apache-2.0
//! The closed list of places that may contain `unsafe`, and the number of blocks in the kernel.

use super::source::{SourceFile, is_test, without_tests};

/// Files, and directories with a `/` at the end, that may contain `unsafe`, and what for.
const ALLOWED: &[(&str, &str)] = &[
    ("kernel/src/memory/objects.rs", "kernel objects by physical address"),
    ("kernel/src/memory/user.rs", "user memory"),
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
/// Most unsafe blocks in the kernel library.
const MOST_IN_KERNEL: usize = 20;

/// Every `unsafe` at a place that is not on the list, and an excess of blocks in the kernel.
pub(super) fn violations(files: &[SourceFile]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut in_kernel = 0;
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        for (number, line) in (1..).zip(file.text.lines()) {
            if has_unsafe(line) && !is_allowed(&file.path, line) {
                complaints.push(format!("{}:{number}: unsafe code outside the closed list", file.path));
            }
        }
        if in_kernel_library(&file.path) && !is_test(&file.path) {
            in_kernel += without_tests(&file.text).filter(|line| code(line).contains("unsafe {")).count();
        }
    }
    if in_kernel > MOST_IN_KERNEL {
        complaints.push(format!("kernel: {in_kernel} unsafe blocks, {MOST_IN_KERNEL} allowed"));
    }
    complaints
}

/// The kernel without the entries of its program, which are machine code and what it calls.
fn in_kernel_library(path: &str) -> bool {
    path.starts_with("kernel/src/") && !path.starts_with("kernel/src/entry/")
}

fn is_allowed(path: &str, line: &str) -> bool {
    // Types become kernel objects where they are defined.
    let becomes_object =
        path.starts_with("kernel/src/") && code(line).starts_with("unsafe impl KernelObject for");
    let listed = |place: &str| if place.ends_with('/') { path.starts_with(place) } else { path == place };
    becomes_object || ALLOWED.iter().any(|(place, _)| listed(place))
}

/// Whether a line of code has the keyword, or switches its denial off for more than one item.
fn has_unsafe(line: &str) -> bool {
    let code = code(line);
    let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.clone().any(|word| word == "unsafe") || code.starts_with("#![allow(unsafe_code")
}

/// A line without comment and without the contents of its texts; attributes are no code.
fn code(line: &str) -> String {
    let mut code = String::new();
    let mut in_text = false;
    let mut characters = line.trim_start().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if in_text => {
                characters.next();
            }
            '"' => in_text = !in_text,
            '/' if !in_text && characters.peek() == Some(&'/') => break,
            _ if in_text => {}
            other => code.push(other),
        }
    }
    // `#[unsafe(no_mangle)]` names a symbol; it runs nothing.
    if code.starts_with("#[unsafe(") { String::new() } else { code }
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
        assert!(complaints("kernel/src/memory/user.rs", text).is_empty());
    }

    #[test]
    fn comments_texts_and_longer_words_are_not_code() {
        for line in [
            "// unsafe",
            "let x = \"unsafe {\";",
            "#![deny(unsafe_op_in_unsafe_fn)]",
            "let \\\" = 'a'; // unsafe",
        ] {
            assert!(!has_unsafe(line), "{line}");
        }
        for line in ["unsafe impl X for Y {}", "let x = \"a\"; unsafe { f() }", "#![allow(unsafe_code)]"] {
            assert!(has_unsafe(line), "{line}");
        }
    }

    #[test]
    fn a_type_may_become_a_kernel_object_where_it_is_defined() {
        assert!(complaints("kernel/src/object/tcb.rs", "unsafe impl KernelObject for Tcb {}\n").is_empty());
        assert_eq!(complaints("arch/src/lib.rs", "unsafe impl KernelObject for Tcb {}\n").len(), 1);
    }

    #[test]
    fn blocks_in_the_kernel_are_counted_without_tests() {
        let blocks = "    unsafe { f() }\n".repeat(MOST_IN_KERNEL);
        let path = "kernel/src/memory/objects.rs";
        assert!(
            complaints(path, &format!("{blocks}#[cfg(test)]\nmod tests {{\n    unsafe {{}}\n}}\n"))
                .is_empty()
        );
        assert_eq!(complaints(path, &format!("{blocks}    unsafe {{ g() }}\n")).len(), 1);
    }
}
