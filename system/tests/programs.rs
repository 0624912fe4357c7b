// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties of the addresses of programs: what validation accepts is mapped where it may be, and nothing twice.

use abi::start::AREA;
use proptest::{collection::vec, prelude::*};
use skerry_system::launch::{Image, Segment};
use skerry_system::{Access, Description, INIT, Mapped, Member, MemoryRange, Program, Region};

const PAGE: u64 = 4096;
const MIB: u64 = 1 << 20;

/// One instance with a program that maps regions of all sizes, some where it asked for.
fn description() -> impl Strategy<Value = Description> {
    let size = prop_oneof![
        8 => 1..64 * PAGE,
        4 => (1..8u64).prop_map(|n| n * 2 * MIB),
        1 => Just(1 << 30),
        1 => any::<u64>(),
    ];
    let address = prop_oneof![
        16 => Just(None),
        4 => (1..16u64).prop_map(|n| Some(n * 64 * PAGE)),
        8 => (0..64u64).prop_map(|n| Some((1 << 36) + n * 2 * MIB)),
        1 => any::<u64>().prop_map(Some),
    ];
    vec((size, address), 1..6).prop_map(|regions| {
        let mut description = Description::split(1, INIT);
        let mut program = Program::new("p", 0, "image");
        for (region, (size, address)) in regions.into_iter().enumerate() {
            let members = vec![Member { instance: 0, access: Access::ReadWrite }];
            description.regions.push(Region { name: format!("r{region}"), size, members });
            program.regions.push(Mapped { region, access: Access::ReadOnly, address });
        }
        description.programs.push(program);
        description
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn what_validation_accepts_is_aligned_in_reach_and_disjoint(description in description()) {
        // Also of wrong descriptions: choosing addresses ends.
        let program = &description.programs[0];
        let occupied = program.occupied(&description);
        if !description.validate().is_empty() {
            return Ok(());
        }
        for (n, (range, _)) in occupied.iter().enumerate() {
            let region = &description.regions[program.regions[n].region];
            prop_assert!(range.start >= PAGE && range.end <= AREA);
            prop_assert_eq!(range.start % region.alignment(), 0);
            prop_assert!(range.size() >= region.size);
            prop_assert!(occupied[..n].iter().all(|(other, _)| !other.overlaps(*range)));
            prop_assert!(program.regions[n].address.is_none_or(|address| address == range.start));
        }
    }

    #[test]
    fn an_accepted_image_shares_no_page_with_a_mapping(
        description in description(),
        (address, size) in (0..2048 * PAGE, 1..32 * PAGE),
    ) {
        if !description.validate().is_empty() {
            return Ok(());
        }
        let segments = vec![Segment { address, size, is_writable: true, is_executable: false, data: &[] }];
        let image = Image { name: "image", entry: address, segments };
        let program = &description.programs[0];
        let occupied = program.occupied(&description);
        if image.check(program, &description).is_ok() {
            for page in image.pages() {
                let page = MemoryRange::of_size(page.address, PAGE);
                prop_assert!(occupied.iter().all(|(mapping, _)| !mapping.overlaps(page)));
            }
        } else {
            let image = MemoryRange::new(address / PAGE * PAGE, (address + size).next_multiple_of(PAGE));
            prop_assert!(address < PAGE || occupied.iter().any(|(mapping, _)| mapping.overlaps(image)));
        }
    }
}
