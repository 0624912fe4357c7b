// SPDX-License-Identifier: MIT OR Apache-2.0
//! Licences and origins of all that is linked, from cargo's own metadata, against the list in `deny.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cargo_metadata::{MetadataCommand, Package};
use serde::Deserialize;

use crate::failure::{Doing, Failure};
use crate::toolchain::{AARCH32, X86_64};

/// The list, as cargo-deny reads it too.
const LIST: &str = "deny.toml";
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Debug, Deserialize)]
struct List {
    licenses: Licences,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: Vec<String>,
}

/// Packages without a licence that the list allows, and those from elsewhere.
pub(super) fn violations(root: &Path) -> Result<Vec<String>, Failure> {
    let file = root.join(LIST);
    let text = fs::read_to_string(&file).doing(format_args!("reading {}", file.display()))?;
    let list: List = toml::from_str(&text).doing(format_args!("reading {}", file.display()))?;
    let mut complaints = BTreeSet::new();
    // What other systems need is neither linked here nor downloaded.
    for platform in [host(), X86_64.triple.to_owned(), AARCH32.triple.to_owned()] {
        let mut command = MetadataCommand::new();
        command
            .current_dir(root)
            .other_options(["--locked".to_owned(), format!("--filter-platform={platform}")]);
        let metadata = command.exec().doing("asking cargo for the packages")?;
        let needed: BTreeSet<_> =
            metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).map(|node| &node.id).collect();
        for package in metadata.packages.iter().filter(|package| needed.contains(&package.id)) {
            complaints.extend(complaint(package, &list.licenses));
        }
    }
    Ok(complaints.into_iter().collect())
}

fn host() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

fn complaint(package: &Package, list: &Licences) -> Option<String> {
    let (name, version) = (package.name.as_str(), &package.version);
    if package.source.as_ref().is_some_and(|source| source.repr != REGISTRY) {
        return Some(format!("{name} {version}: it does not come from crates.io"));
    }
    let Some(licence) = &package.license else {
        return Some(format!("{name} {version}: it names no licence"));
    };
    let own = list
        .exceptions
        .iter()
        .filter(|exception| exception.package == name)
        .flat_map(|exception| &exception.allow);
    let allowed: Vec<&str> = list.allow.iter().chain(own).map(String::as_str).collect();
    (!is_allowed(licence, &allowed))
        .then(|| format!("{name} {version}: its licence {licence} is not in {LIST}"))
}

/// Whether an SPDX expression can be fulfilled with these licences. An old form has `/` for OR.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, allowed) && rest.is_empty()
}

fn either(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut holds = both(words, allowed);
    while let Some((&"OR", rest)) = words.split_first() {
        *words = rest;
        holds |= both(words, allowed);
    }
    holds
}

fn both(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut holds = single(words, allowed);
    while let Some((&"AND", rest)) = words.split_first() {
        *words = rest;
        holds &= single(words, allowed);
    }
    holds
}

fn single(words: &mut &[&str], allowed: &[&str]) -> bool {
    let Some((&first, rest)) = words.split_first() else { return false };
    *words = rest;
    if first == "(" {
        let holds = either(words, allowed);
        let Some((&")", rest)) = words.split_first() else { return false };
        *words = rest;
        return holds;
    }
    if let Some((&"WITH", rest)) = words.split_first() {
        let Some((exception, rest)) = rest.split_first() else { return false };
        *words = rest;
        return allowed.contains(&format!("{first} WITH {exception}").as_str());
    }
    allowed.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_fulfilled_as_spdx_says() {
        let allowed = ["MIT", "Apache-2.0"];
        for expression in [
            "MIT",
            "MIT OR GPL-2.0",
            "MIT/Apache-2.0",
            "(GPL-2.0 OR MIT) AND Apache-2.0",
            "GPL-2.0 AND Zlib OR MIT",
        ] {
            assert!(is_allowed(expression, &allowed), "{expression}");
        }
        for expression in [
            "",
            "GPL-2.0",
            "MIT AND GPL-2.0",
            "Apache-2.0 WITH LLVM-exception",
            "(MIT",
            "MIT)",
            "GPL-2.0 OR",
            "AND MIT",
        ] {
            assert!(!is_allowed(expression, &allowed), "{expression}");
        }
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception", &["Apache-2.0 WITH LLVM-exception"]));
    }
}
