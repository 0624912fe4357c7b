// SPDX-License-Identifier: MIT OR Apache-2.0
//! The committed figures of an architecture: those of each compiler, as each makes other code.

use serde::{Deserialize, Serialize};

use crate::comparison::Figures;

/// Figures by compiler, the older one first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Baseline(Vec<Figures>);

/// Major and minor version in what a compiler says to `--version`.
fn version(compiler: &str) -> Option<(u32, u32)> {
    let word = compiler.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut numbers = word.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

impl Baseline {
    /// The figures of code by this compiler. A release with a third number, or another build of it, is the same one.
    pub fn of(&self, compiler: &str) -> Option<&Figures> {
        let wanted = version(compiler)?;
        self.0.iter().find(|figures| version(&figures.compiler) == Some(wanted))
    }

    /// The compilers that there are figures for.
    pub fn compilers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|figures| figures.compiler.as_str())
    }

    /// Takes figures in, in place of older ones of the same compiler.
    pub fn replace(&mut self, figures: Figures) {
        let replaced = version(&figures.compiler);
        self.0.retain(|old| version(&old.compiler) != replaced);
        self.0.push(figures);
        self.0.sort_by_key(|figures| version(&figures.compiler));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(compiler: &str, instrument: &str) -> Figures {
        let (architecture, instrument) = ("x86_64".to_owned(), instrument.to_owned());
        Figures { architecture, compiler: compiler.to_owned(), instrument, paths: Vec::new() }
    }

    #[test]
    fn figures_of_one_compiler_leave_those_of_another_alone() {
        let mut baseline = Baseline::default();
        for (compiler, instrument) in [
            ("rustc 1.96.0 (a)", "old"),
            ("rustc 1.95.0 (b)", "b"),
            ("rustc 1.96.1 (c) (built from source)", "new"),
        ] {
            baseline.replace(figures(compiler, instrument));
        }
        let compilers: Vec<&str> = baseline.compilers().collect();
        assert_eq!(compilers, ["rustc 1.95.0 (b)", "rustc 1.96.1 (c) (built from source)"]);
        assert_eq!(baseline.of("rustc 1.96.3").map(|figures| figures.instrument.as_str()), Some("new"));
        assert_eq!(baseline.of("rustc 1.97.0"), None);
        assert_eq!(baseline.of("no version"), None);
    }

    #[test]
    fn the_committed_files_have_figures_of_two_compilers_at_least() {
        for text in [include_str!("../baseline.json"), include_str!("../baseline-aarch32.json")] {
            let baseline: Baseline = serde_json::from_str(text).expect("it is a baseline");
            assert!(baseline.compilers().count() >= 2, "{:?}", baseline.compilers().collect::<Vec<_>>());
            assert!(baseline.0.iter().all(|figures| figures.paths.len() > 20));
        }
    }
}
