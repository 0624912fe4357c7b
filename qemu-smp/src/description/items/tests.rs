// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

/// Keys, types and defaults in a section of the page on descriptions.
fn documented(page: &str, title: &str) -> Vec<[String; 3]> {
    let begin = page.find(&format!("\n## `{title}`\n")).unwrap_or_else(|| panic!("no section {title}"));
    let section = page[begin + 1..].split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| {
        let (key, rest) = row.split_once("` | ")?;
        let mut cells = rest.split(" | ");
        Some([key.to_owned(), cells.next()?.to_owned(), cells.next()?.to_owned()])
    });
    cells.collect()
}

#[test]
fn every_key_is_documented_with_type_and_default_and_no_other() {
    let path = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
        .join("../docs/system-description.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let under =
        |list: &str, keys: &[Key]| keys.iter().map(|(key, _)| format!("{list}{key}")).collect::<Vec<_>>();
    let program = [
        under("", programs::KEYS),
        under("regions[].", programs::REGION),
        under("interrupts[].", programs::INTERRUPT),
    ];
    for (title, keys) in [
        ("[system]", under("", SYSTEM)),
        ("[[instance]]", under("", INSTANCE)),
        ("[[region]]", [under("", REGION), under("members[].", MEMBER)].concat()),
        ("[[channel]]", under("", CHANNEL)),
        ("[[device]]", under("", DEVICE)),
        ("[[program]]", program.concat()),
    ] {
        let rows = documented(&page, title);
        let named = |key: &str| {
            // Keys that belong together share a row.
            rows.iter().filter(|[names, ..]| names.split("`, `").any(|name| name == key)).count()
        };
        for key in &keys {
            // The name within a region or an interrupt may be told with the list.
            assert!(named(key) == 1 || key == "regions[].name", "{title}: `{key}` has {} rows", named(key));
        }
        for [names, kind, default] in &rows {
            assert!(!kind.is_empty() && !default.is_empty(), "{title}: `{names}` lacks its type or default");
            assert!(names.split("`, `").all(|name| keys.iter().any(|key| key == name)), "{title}: {names}?");
        }
    }
}
