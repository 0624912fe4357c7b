// SPDX-License-Identifier: MIT OR Apache-2.0
//! Likely causes of the first fault that stops a root task.
//!
//! All numbers of seL4's interface are compiled into programs, and differ between its configurations. A program of
//! another one does something else here than it means, and dies of that sooner or later. What it did first tells which
//! configuration it is for.

use std::collections::BTreeSet;

use regex::Regex;

use crate::console::Source;

/// Watches what kernels say of threads that stopped.
#[derive(Debug)]
pub struct Hints {
    unknown_call: Regex,
    odd_label: Regex,
    given: BTreeSet<Source>,
}

/// The name that the kernel gives the thread of a root task.
const ROOT: &str = "rootserver";

impl Hints {
    /// Nothing has stopped yet.
    pub fn new() -> Self {
        let pattern =
            |rest: &str| Regex::new(&format!("^thread \"{ROOT}\" {rest}$")).expect("the pattern is valid");
        Hints {
            unknown_call: pattern("stopped at 0x[0-9a-f]+: UnknownSyscall (-?[0-9]+)"),
            odd_label: pattern("has invoked GetAddress of a frame with the arguments of Map"),
            given: BTreeSet::new(),
        }
    }

    /// What to tell the user after this line, the first time that there is something for its source.
    pub fn line(&mut self, source: Source, line: &str) -> Option<String> {
        let hint = if self.odd_label.is_match(line) {
            Some(ODD_LABEL.to_owned())
        } else {
            let number = self.unknown_call.captures(line)?[1].parse().ok()?;
            of_call(number)
        }?;
        self.given.insert(source).then(|| format!("hint: {hint}; see \"Which programs run\" in README.md"))
    }
}

impl Default for Hints {
    fn default() -> Self {
        Self::new()
    }
}

const ODD_LABEL: &str = "the label that is GetAddress in this ABI variant is Map in builds with KernelIOMMU=ON: try \
    --abi sel4-iommu, or name the gen_config.json of the build";

/// What a call of this number probably means.
fn of_call(number: i64) -> Option<String> {
    let cause = match number {
        -30 => "is SetTLSBase in builds without MCS: the program was probably built with KernelIsMCS=OFF",
        -17..=-12 => "is one for debugging: it exists in profile debug (--profile debug)",
        -29..=-21 => "is one for benchmarks: profile bench has those that can be had",
        -33..=-1 => "does not exist in this ABI variant or profile",
        _ => "is none of seL4's: the program was probably built for another system",
    };
    Some(format!("system call {number} {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(line: &str) -> Option<String> {
        Hints::new().line(Source::Core(0), line)
    }

    #[test]
    fn the_first_stop_of_a_root_task_is_explained_once_for_each_instance() {
        let line = "thread \"rootserver\" stopped at 0x401000: UnknownSyscall -30";
        let mut hints = Hints::new();
        let first = hints.line(Source::Core(0), line).expect("it is known");
        assert!(first.starts_with("hint: system call -30 is SetTLSBase in builds without MCS"), "{first}");
        assert_eq!(hints.line(Source::Core(0), line), None);
        assert_eq!(hints.line(Source::Core(1), line), Some(first));
    }

    #[test]
    fn numbers_and_labels_of_other_configurations_are_told_apart() {
        for (line, part) in [
            ("stopped at 0x1: UnknownSyscall -12", "profile debug"),
            ("stopped at 0x1: UnknownSyscall -25", "profile bench"),
            ("stopped at 0x1: UnknownSyscall -33", "does not exist in this ABI variant or profile"),
            ("stopped at 0x1: UnknownSyscall 60", "another system"),
            ("has invoked GetAddress of a frame with the arguments of Map", "KernelIOMMU=ON"),
        ] {
            let text = hint(&format!("thread \"rootserver\" {line}")).unwrap_or_default();
            assert!(text.contains(part), "{line}: {text}");
        }
    }

    #[test]
    fn other_threads_other_faults_and_quotations_get_no_hint() {
        for line in [
            "thread \"worker\" stopped at 0x1: UnknownSyscall -30",
            "thread \"rootserver\" stopped at 0x1: page fault at 0x0, code 0x4",
            "it said: thread \"rootserver\" stopped at 0x1: UnknownSyscall -30",
        ] {
            assert_eq!(hint(line), None, "{line}");
        }
    }
}
