// SPDX-License-Identifier: MIT OR Apache-2.0
use alloc::string::ToString;

use super::*;
use crate::description::{Access, Mapped};

fn segment(address: u64, size: u64, is_writable: bool, data: &'static [u8]) -> Segment<'static> {
    Segment { address, size, is_writable, is_executable: !is_writable, data }
}

fn image(segments: &[Segment<'static>]) -> Image<'static> {
    Image { name: "work", entry: 0x40_0000, segments: segments.to_vec() }
}

fn description() -> Description {
    let mut description = Description::equal(2, "init");
    let mut program = Program::new("a", 0, "work");
    program.regions.push(Mapped { region: 0, access: Access::ReadWrite, address: Some(0x80_0000) });
    description.programs = [program, Program::new("b", 1, "work")].into();
    description
}

fn refused(image: &Image<'_>) -> Option<ImageError> {
    let description = description();
    image.check(&description.programs[0], &description).err()
}

#[test]
fn a_launch_survives_its_encoding() {
    let images = vec![image(&[segment(0x40_0000, 0x3000, false, b"code")])];
    let launch = Launch { description: description(), instance: 1, images };
    let bytes = launch.encode().expect("it can be encoded");
    assert_eq!(bytes.len() % 4096, 0);
    assert_eq!(Launch::decode(&bytes), Some(launch.clone()));
    assert_eq!(launch.image(&launch.description.programs[0]).map(|image| image.entry), Some(0x40_0000));
}

#[test]
fn what_is_no_launch_is_refused() {
    let launch = Launch { description: description(), instance: 0, images: Vec::new() };
    let bytes = launch.encode().expect("it can be encoded");
    let length = 16 + u64::from_le_bytes(*bytes[8..].first_chunk().expect("a header")) as usize;
    for cut in 0..length {
        assert_eq!(Launch::decode(&bytes[..cut]), None, "cut to {cut}");
    }
    let mut wrong = bytes.clone();
    wrong[0] ^= 1;
    assert_eq!(Launch::decode(&wrong), None);
    for at in 16..length {
        let mut wrong = bytes.clone();
        wrong[at] = 0xff;
        // Whatever it means, it is read without a panic.
        drop(Launch::decode(&wrong));
    }
}

#[test]
fn an_image_lies_between_the_first_page_and_the_area_of_init() {
    assert_eq!(refused(&image(&[segment(0x40_0000, 0x1000, false, b"")])), None);
    assert_eq!(refused(&image(&[])), Some(ImageError::Empty));
    for address in [0, start::AREA - 0x1000, 0xffff_ffff_8000_0000] {
        let range = MemoryRange::of_size(address, 0x2000);
        assert_eq!(
            refused(&image(&[segment(address, 0x2000, false, b"")])),
            Some(ImageError::Forbidden { range })
        );
    }
    let found = refused(&image(&[segment(0x50_0000, 0x1000, false, b"")]));
    assert_eq!(found, Some(ImageError::EntryOutside { entry: 0x40_0000 }));
    let range = MemoryRange::of_size(0x40_0000, 3);
    assert_eq!(
        refused(&image(&[segment(0x40_0000, 3, false, b"four")])),
        Some(ImageError::Contents { range })
    );
}

#[test]
fn segments_lie_over_nothing_else() {
    let first = segment(0x40_0000, 0x1800, false, b"");
    let range = MemoryRange::new(0x40_1000, 0x40_1800);
    let found = refused(&image(&[first.clone(), segment(0x40_1000, 0x1000, true, b"")]));
    assert_eq!(found, Some(ImageError::SegmentsOverlap { range }));
    let range = MemoryRange::of_size(0x7f_f000, 0x1001);
    let found = refused(&image(&[first, segment(0x7f_f000, 0x1001, true, b"")]));
    assert_eq!(found, Some(ImageError::OverMapping { range, mapping: "hop-0-1".into() }));
}

#[test]
fn pages_are_ascending_and_writable_if_a_segment_on_them_is() {
    let image = image(&[segment(0x40_1800, 0x1000, true, b""), segment(0x40_0000, 0x1800, false, b"")]);
    let pages = image.pages().into_iter();
    let pages: Vec<_> = pages.map(|page| (page.address, page.is_writable, page.is_executable)).collect();
    assert_eq!(pages, [(0x40_0000, false, true), (0x40_1000, true, true), (0x40_2000, true, false)]);
}

#[test]
fn a_page_is_filled_with_what_its_segments_have_there() {
    let image = image(&[segment(0x40_0ffe, 0x10, false, b"abcdef"), segment(0x40_1010, 0x10, true, b"xy")]);
    let filled = |address| {
        let mut found = Vec::new();
        image.fill(address, |offset, bytes| found.push((offset, bytes.to_vec())));
        found
    };
    assert_eq!(filled(0x40_0000), [(0xffe, b"ab".to_vec())]);
    assert_eq!(filled(0x40_1000), [(0, b"cdef".to_vec()), (0x10, b"xy".to_vec())]);
    assert_eq!(filled(0x40_2000), []);
}

#[test]
fn texts_say_what_is_wrong_with_an_image() {
    let range = MemoryRange::new(0x1000, 0x3000);
    for (error, expected) in [
        (ImageError::Empty, "it has nothing to load"),
        (
            ImageError::Forbidden { range },
            "its segment 0x1000..0x3000 is at a forbidden address; link it between 0x1000 and ",
        ),
        (ImageError::SegmentsOverlap { range }, "two of its segments share 0x1000..0x3000; link it again"),
        (
            ImageError::OverMapping { range, mapping: "frames".into() },
            "its segment 0x1000..0x3000 lies over frames; give that another address, or leave it out",
        ),
        (ImageError::EntryOutside { entry: 0x10 }, "its entry point 0x10 is in no segment"),
        (ImageError::Contents { range }, "its segment 0x1000..0x3000 is smaller than its contents"),
    ] {
        let text = error.to_string();
        assert!(text.starts_with(expected), "{text}");
    }
}
