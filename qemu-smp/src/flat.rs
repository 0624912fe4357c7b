// SPDX-License-Identifier: MIT OR Apache-2.0
//! The boot image of machines that load no ELF file: its segments as they are in memory, from the lowest address on.
//!
//! Zeros between contents are in the image, those behind them are not: the code at its start clears that memory.

use object::Endianness;
use object::elf::{FileHeader32, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::failure::{Doing, Failure};

/// Larger images are a mistake in the linker script: two segments far apart.
const LARGEST: u64 = 64 << 20;

/// The flat image of a 32-bit ELF file, which must be loaded at `address` and entered there.
pub fn image(elf: &[u8], address: u64) -> Result<Vec<u8>, Failure> {
    const LITTLE: Endianness = Endianness::Little;
    let header = FileHeader32::<Endianness>::parse(elf).doing("reading the boot image")?;
    let headers = header.program_headers(LITTLE, elf).doing("reading the boot image")?;
    let mut image = Vec::new();
    for segment in headers.iter().filter(|header| header.p_type(LITTLE) == PT_LOAD) {
        let start = u64::from(segment.p_paddr(LITTLE));
        let end = start + u64::from(segment.p_memsz(LITTLE));
        let data = segment.data(LITTLE, elf).ok();
        let place = start.checked_sub(address).filter(|_| end - address <= LARGEST).zip(data);
        let (place, data) = place.ok_or_else(|| {
            Failure::bad_input(format!(
                "the boot image has a segment {start:#x}..{end:#x}\n  expected: segments within 64 MiB from {address:#x}"
            ))
        })?;
        let place = place as usize;
        image.resize(image.len().max(place + data.len()), 0);
        image[place..][..data.len()].copy_from_slice(data);
    }
    let entry = u64::from(header.e_entry(LITTLE));
    if image.is_empty() || entry != address {
        return Err(Failure::bad_input(format!(
            "the boot image begins at {entry:#x} and has {} bytes\n  expected: an entry point at {address:#x}",
            image.len()
        )));
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u32 = 0x4001_0000;

    /// An ELF file of segments: address, contents, size in memory.
    fn elf(entry: u32, segments: &[(u32, &[u8], u32)]) -> Vec<u8> {
        let mut file = b"\x7fELF\x01\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend([2u16, 40].iter().flat_map(|half| half.to_le_bytes()));
        file.extend([1, entry, 52, 0, 0].iter().flat_map(|word: &u32| word.to_le_bytes()));
        let halves = [52u16, 32, segments.len() as u16, 0, 0, 0];
        file.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
        let mut offset = 52 + 32 * segments.len() as u32;
        for (address, data, size) in segments {
            let length = data.len() as u32;
            let words = [PT_LOAD.0, offset, 0xf000_0000, *address, length, *size, 7, 4];
            file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            offset += length;
        }
        segments.iter().for_each(|(_, data, _)| file.extend(*data));
        file
    }

    #[test]
    fn segments_are_at_their_physical_addresses_with_zeros_between() {
        let file = elf(BASE, &[(BASE, b"text", 4), (BASE + 8, b"data", 6)]);
        assert_eq!(image(&file, BASE.into()).expect("it is well formed"), b"text\0\0\0\0data");
    }

    #[test]
    fn files_that_cannot_be_loaded_there_are_refused() {
        let refused = |file: &[u8]| image(file, BASE.into()).expect_err("it is refused").message;
        assert!(refused(b"no ELF file").starts_with("reading the boot image"));
        assert!(refused(&elf(BASE, &[])).contains("has 0 bytes"));
        assert!(refused(&elf(BASE + 4, &[(BASE, b"text", 4)])).contains("begins at 0x40010004"));
        assert!(refused(&elf(BASE, &[(BASE - 8, b"text", 4)])).contains("0x4000fff8..0x4000fffc"));
        assert!(
            refused(&elf(BASE, &[(BASE, b"text", 4), (0xf000_0000, b"data", 4)])).contains("within 64 MiB")
        );
        let mut cut = elf(BASE, &[(BASE, b"text", 4)]);
        cut.pop();
        assert!(refused(&cut).contains("0x40010000..0x40010004"));
    }
}
