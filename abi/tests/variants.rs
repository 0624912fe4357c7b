// SPDX-License-Identifier: MIT OR Apache-2.0
//! Labels and object types of every variant agree with the tables of `docs/abi/variants.md`.
#![cfg(not(target_arch = "arm"))] // variants are builds for x86_64

mod markdown;

use abi::{FpuArea, Label, ObjectType, Variant};
use markdown::{Table, docs, number, read, tables};

/// The table whose first column has this name.
fn table(first: &str) -> Table {
    let page = read(&docs().join("abi/variants.md"));
    tables(&page).into_iter().find(|table| table.head[0] == first).expect("the page has the table")
}

/// The variant with the switches that the head of a column names by their letters.
fn column(head: &str) -> Variant {
    let letters = head.split(' ').next().unwrap_or_default();
    let has = |letter| letters != "base" && letters.contains(letter);
    Variant {
        iommu: has('I'),
        hardware_debug: has('H'),
        vtx: has('V'),
        vtx_64bit_guests: has('G'),
        huge_page: !head.ends_with("without P"),
        ..Variant::BASE
    }
}

#[test]
fn every_label_of_every_combination_agrees_with_the_page() {
    let table = table("Operation");
    assert_eq!(table.head.len(), 13);
    for (index, head) in table.head.iter().enumerate().skip(1) {
        let variant = column(head);
        let mut known = Vec::new();
        for row in &table.rows {
            if row[0].starts_with('*') {
                assert_eq!(Some(variant.first_unused_label()), number(&row[index]), "{head}");
                continue;
            }
            let label = *Label::ALL.iter().find(|label| label.name() == row[0]).expect("a known operation");
            let word = number(&row[index]);
            assert_eq!(variant.label_word(label), word, "{head}: {}", row[0]);
            known.extend(word);
        }
        known.sort_unstable();
        assert_eq!(
            known,
            (1..variant.first_unused_label()).collect::<Vec<_>>(),
            "{head}: labels have no hole"
        );
        for word in [0, variant.first_unused_label(), Label::FIRST_OF_VARIANTS, Label::FIRST_OWN - 1] {
            assert_eq!(variant.label(word), None, "{head}: {word:#x}");
        }
        assert_eq!(variant.label(Label::FIRST_OWN), Some(Label::IssueLineSignal));
    }
}

#[test]
fn every_object_type_agrees_with_the_page() {
    let table = table("Object");
    for (index, head) in table.head.iter().enumerate().skip(1) {
        let variant = column(head);
        for row in &table.rows {
            let object =
                *ObjectType::ALL.iter().find(|object| object.name() == row[0]).expect("a known object");
            assert_eq!(variant.object_type_word(object), number(&row[index]), "{head}: {}", row[0]);
        }
        let last =
            table.rows.iter().filter_map(|row| number(&row[index])).max().expect("a column has numbers");
        for word in [last + 1, last + 2, u64::MAX] {
            assert_eq!(variant.object_type(word), None, "{head}: {word:#x}");
        }
    }
}

#[test]
fn the_base_variant_translates_nothing() {
    for word in 0..Label::FIRST_OF_VARIANTS {
        assert_eq!(Variant::BASE.label(word), Label::from_word(word), "{word:#x}");
    }
    for word in 0..ObjectType::COUNT {
        assert_eq!(Variant::BASE.object_type(word), ObjectType::from_word(word));
    }
}

#[test]
fn names_agree_with_the_page_and_every_variant_survives_its_word() {
    for (name, variant) in Variant::NAMED {
        assert_eq!(variant.check(), Ok(variant), "{name}");
        assert_eq!(Variant::from_word(variant.to_word()), Some(variant), "{name}");
        assert_eq!(Variant::named(name), Some(variant));
        assert_eq!(variant.name(), Some(name));
    }
    for row in table("Variant").rows.iter().filter(|row| !row[0].ends_with('…')) {
        let variant = Variant::named(&row[0]).unwrap_or_else(|| panic!("no variant {}", row[0]));
        let numbers = [variant.nodes, variant.domains, variant.domain_schedules, variant.root_cnode_bits];
        assert_eq!(
            numbers.map(|value| Some(value.into())),
            [6, 7, 8, 9].map(|cell| number(&row[cell])),
            "{}",
            row[0]
        );
        let switches =
            [variant.iommu, variant.hardware_debug, variant.vtx, variant.vtx_64bit_guests, !variant.fsgsbase];
        assert_eq!(switches, [1, 2, 3, 4, 5].map(|cell| row[cell] != "-"), "{}", row[0]);
    }
}

#[test]
fn a_word_that_is_no_variant_is_refused() {
    let base = Variant::BASE.to_word();
    for word in
        [0, u64::MAX, base | 1 << 12, base | 3 << 16, base | 1 << 3, base & !(0xff << 24), base | 1 << 60]
    {
        assert_eq!(Variant::from_word(word), None, "{word:#x}");
    }
    let avx = Variant { fpu_area: FpuArea::Avx, ..Variant::BASE };
    assert_eq!(Variant::from_word(avx.to_word()), Some(avx));
}
