// SPDX-License-Identifier: MIT OR Apache-2.0
//! What cargo and libtest print, read line by line: how many tests passed, which failed, and what is worth showing.

/// What is known of a run of tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Tests that passed.
    pub(super) passed: u64,
    /// Names of those that did not.
    pub(super) failed: Vec<String>,
    /// What failed without naming a test: a target that crashed or does not compile.
    pub(super) broken: Vec<String>,
    /// The program whose tests come next, until it has one.
    announced: Option<String>,
    /// Names in the list being read.
    list: Option<Vec<String>>,
    failed_at_last_hint: usize,
}

const RESULT: &str = "test result: ";
const HINT: &str = "error: test failed, to rerun pass `";

impl Tally {
    /// Takes a line in and answers the lines to be shown for it.
    pub(super) fn line(&mut self, line: &str) -> Vec<String> {
        self.count(line);
        let trimmed = line.trim_start();
        if ["Running ", "Doc-tests "].iter().any(|word| trimmed.starts_with(word)) && line.starts_with(' ') {
            self.announced = Some(trimmed.to_owned());
            return Vec::new();
        }
        let is_dull = is_passed(line) || is_empty_run(line) || is_progress(line);
        if is_dull || (line.is_empty() && self.list.is_none()) {
            return Vec::new();
        }
        self.announced.take().into_iter().chain([line.to_owned()]).collect()
    }

    fn count(&mut self, line: &str) {
        if line == "failures:" {
            // The first list is one of outputs, the second one of names.
            self.list = Some(Vec::new());
        } else if let Some(result) = line.strip_prefix(RESULT) {
            self.passed += number_before(result, " passed");
            self.failed.extend(self.list.take().unwrap_or_default());
        } else if let (Some(list), Some(name)) = (&mut self.list, line.strip_prefix("    ")) {
            list.push(name.to_owned());
        } else if let Some(target) = line.strip_prefix(HINT) {
            if self.failed.len() == self.failed_at_last_hint {
                let target = target.trim_end_matches('`');
                self.broken.push(format!("{target}: it ended without naming a test"));
            }
            self.failed_at_last_hint = self.failed.len();
        } else if line.starts_with("error: could not compile") {
            self.broken.push(line.trim_start_matches("error: ").to_owned());
        }
    }

    /// Whether all is well.
    pub(super) fn is_well(&self) -> bool {
        self.failed.is_empty() && self.broken.is_empty()
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn is_passed(line: &str) -> bool {
    line.starts_with("test ") && (line.ends_with(" ... ok") || line.contains(" ... ignored"))
}

/// A program all of whose tests were left out.
fn is_empty_run(line: &str) -> bool {
    line.starts_with("running ") || line.starts_with("test result: ok. 0 passed; 0 failed;")
}

fn is_progress(line: &str) -> bool {
    let words = ["Compiling ", "Finished ", "Blocking ", "Downloading ", "Downloaded ", "Locking ", "Fresh "];
    words.iter().any(|word| line.trim_start().starts_with(word)) && line.starts_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Tally, String) {
        let mut tally = Tally::default();
        let shown: Vec<String> = text.lines().flat_map(|line| tally.line(line)).collect();
        (tally, shown.join("\n"))
    }

    #[test]
    fn what_passed_is_counted_and_only_closing_lines_are_shown() {
        let (tally, shown) = read(
            "   Compiling abi v0.1.0\n     Running unittests src/lib.rs (target/debug/deps/abi-1)\n\nrunning 2 tests\n\
             test a ... ok\ntest b ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\n\
             \x20    Running tests/none.rs (target/debug/deps/none-1)\n\nrunning 0 tests\n\n\
             test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out\n\n",
        );
        assert_eq!((tally.passed, tally.is_well()), (2, true));
        assert_eq!(
            shown,
            "Running unittests src/lib.rs (target/debug/deps/abi-1)\n\
             test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"
        );
    }

    #[test]
    fn what_failed_is_named_though_its_output_looks_like_a_list() {
        let (tally, shown) = read(
            "running 2 tests\ntest a::b ... FAILED\ntest c ... ok\n\nfailures:\n\n---- a::b stdout ----\n    not a name\n\n\n\
             failures:\n    a::b\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored\n\n\
             error: test failed, to rerun pass `-p x --lib`\n",
        );
        assert_eq!((tally.passed, &tally.failed[..], tally.broken.len()), (1, &["a::b".to_owned()][..], 0));
        assert!(shown.contains("    not a name") && shown.contains("test a::b ... FAILED"), "{shown}");
    }

    #[test]
    fn a_target_that_crashed_or_does_not_compile_has_failed_too() {
        let (crashed, _) = read("running 2 tests\nerror: test failed, to rerun pass `-p x --test boot`\n");
        assert_eq!(crashed.broken, ["-p x --test boot: it ended without naming a test"]);
        let (tally, _) = read("error: could not compile `x` (lib) due to 1 previous error\n");
        assert!(!tally.is_well());
    }
}
