// SPDX-License-Identifier: MIT OR Apache-2.0
//! The closed list of functions that make references to kernel objects.

use super::source::SourceFile;

/// Functions that make a reference to a kernel object out of an address, by file: TYPED rests on them and on nothing
/// else. Tests and checkers use `ObjRef::on_host`, which does not exist on bare metal.
const FORGERS: &[(&str, &str)] = &[
    ("kernel/src/boot/build.rs", "allocated"),
    ("kernel/src/cap/raw.rs", "object"),
    ("kernel/src/cap/slot.rs", "slot"),
    ("kernel/src/handover.rs", "built"),
    ("kernel/src/memory/objects.rs", "element"),
    ("kernel/src/memory/objects.rs", "on_host"),
    ("kernel/src/memory/user.rs", "word"),
    ("kernel/src/object/endpoint.rs", "endpoint_of"),
    ("kernel/src/object/endpoint.rs", "thread"),
    ("kernel/src/object/notification.rs", "notification_of"),
    ("kernel/src/object/reply.rs", "link"),
    ("kernel/src/object/sched_context.rs", "refill"),
    ("kernel/src/object/table.rs", "entries"),
    ("kernel/src/object/tcb.rs", "slots"),
    ("kernel/src/object/untyped.rs", "new_object"),
];
/// What makes such a reference.
const FORGING: [&str; 5] = ["ObjRef::at(", "SlotRef::at(", "Self::at(", ">::at(", "from_paddr("];

/// References made outside the list, and functions on it that make none.
pub(super) fn violations(files: &[SourceFile]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut seen = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("kernel/src/")) {
        for (number, _) in (1..).zip(file.text.lines()).filter(|(_, line)| forges(line)) {
            let function = function_at(&file.text, number).unwrap_or("");
            match FORGERS.iter().find(|forger| **forger == (file.path.as_str(), function)) {
                Some(forger) => seen.push(forger),
                None => complaints.push(format!(
                    "{}:{number}: `{function}` makes a reference to an object, outside the closed list",
                    file.path
                )),
            }
        }
    }
    let gone = FORGERS.iter().filter(|forger| !seen.contains(forger));
    complaints.extend(
        gone.map(|(file, function)| format!("{file}: `{function}` makes no reference: take it off the list")),
    );
    complaints
}

/// Whether the `unsafe` in a line is that of a function on the list.
pub(super) fn is_listed(path: &str, text: &str, line: usize) -> bool {
    let code = text.lines().nth(line - 1).unwrap_or("");
    let function = function_at(text, line).unwrap_or("");
    forges(code) && FORGERS.contains(&(path, function))
}

/// Whether a line of code makes a reference to an object; declaring what can is no use of it.
fn forges(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or("");
    FORGING.iter().any(|call| code.contains(call)) && !code.contains(" fn ")
}

/// The last function that begins at or above a line.
fn function_at(text: &str, line: usize) -> Option<&str> {
    text.lines().take(line).filter_map(name_of_function).last()
}

/// The function that begins in this line.
fn name_of_function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_declaration = before.trim_end().is_empty() || before.ends_with(' ');
    let name = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    (is_declaration && !before.contains("//") && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_to_an_object_is_made_by_the_functions_on_the_list_only() {
        let made_by = |path: &str, function: &str| {
            let text = format!(
                "const fn {function}<T>(at: PhysAddr) -> T {{\n    unsafe {{ ObjRef::at(at) }}\n}}\n"
            );
            let file = SourceFile { path: path.to_owned(), text };
            let outside = |complaint: &String| complaint.contains("outside the closed list");
            violations(&[file]).into_iter().filter(outside).collect::<Vec<_>>()
        };
        assert_eq!(made_by("kernel/src/cap/raw.rs", "object"), [""; 0]);
        assert_eq!(made_by("kernel/src/cap/tree.rs", "object").len(), 1);
        let found = made_by("kernel/src/cap/raw.rs", "other");
        assert!(found[0].contains("raw.rs:2: `other` makes a reference"), "{found:?}");
    }

    #[test]
    fn a_function_on_the_list_that_makes_no_reference_is_named() {
        assert_eq!(violations(&[]).len(), FORGERS.len());
    }
}
