// SPDX-License-Identifier: MIT OR Apache-2.0
//! ELF images: root tasks and the instance kernel.
//!
//! A root task follows the rules of the seL4 boot protocol (docs/abi): one contiguous physical block, one contiguous
//! virtual block, a frame for every page from the lowest to the highest address, gaps included. The kernel image may
//! have no segment that is both writable and executable.

use alloc::vec::Vec;
use core::fmt;

use elf::ParseError;
use elf::abi::{EI_NIDENT, EM_ARM, EM_X86_64, PF_W, PF_X, PT_LOAD};
use elf::endian::LittleEndian;
use elf::file::{Class, FileHeader, parse_ident};
use elf::parse::ParseAt;
use elf::segment::{ProgramHeader, SegmentTable};
use memory_partition::Architecture;

/// Size of a page of an image.
pub const PAGE: u64 = 4096;
/// Most program headers with something to load: linkers make three to five.
pub const MAX_SEGMENTS: usize = 64;
/// Pages behind the image: IPC buffer and bootinfo.
const PAGES_BEHIND: u64 = 2;

/// One loadable piece of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Virtual address of the first byte.
    pub address: u64,
    /// Size in memory; what `data` does not fill is zero.
    pub size: u64,
    /// Contents from the file.
    pub data: &'a [u8],
    /// Whether the segment asks to be written.
    pub writable: bool,
    /// Whether the segment asks to be executed.
    pub executable: bool,
}

/// A program whose bounds have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program<'a> {
    /// What it runs on.
    pub architecture: Architecture,
    /// Lowest address, a multiple of a page.
    pub start: u64,
    /// Highest address, rounded up to a page.
    pub end: u64,
    /// Where it begins.
    pub entry: u64,
    /// The pieces, in the order of the file.
    pub segments: Vec<Segment<'a>>,
}

/// Why a program cannot be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramError {
    /// Not an ELF image.
    NotElf,
    /// An ELF image, but neither a 64-bit one for x86-64 nor a 32-bit one for Arm.
    Machine,
    /// An ELF image for another kind of machine.
    Foreign {
        /// What it is for.
        found: Architecture,
        /// What it should be for.
        expected: Architecture,
    },
    /// No program header has a size in memory.
    NothingToLoad,
    /// More program headers have one than are read.
    TooManySegments {
        /// Their number.
        found: usize,
    },
    /// A segment's bytes lie outside the file: the file was cut.
    Truncated {
        /// Virtual address of the segment.
        address: u64,
    },
    /// The lowest address is not a multiple of a page.
    Unaligned {
        /// The address.
        start: u64,
    },
    /// The image with the pages behind it leaves the user addresses.
    TooHigh {
        /// End of the image.
        end: u64,
        /// Last address they may have.
        top: u64,
    },
    /// The entry lies outside the image.
    EntryOutside {
        /// The entry.
        entry: u64,
    },
    /// A kernel segment is both writable and executable.
    WritableAndExecutable {
        /// Virtual address of the segment.
        address: u64,
    },
    /// Kernel segments with different rights share a page, or are out of order.
    SharedPage {
        /// Virtual address of the page.
        address: u64,
    },
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => write!(f, "not an ELF image"),
            Self::Machine => {
                write!(f, "neither a 64-bit ELF image for x86-64 nor a 32-bit one for Arm")
            }
            Self::Foreign { found, expected } => {
                write!(f, "an ELF image for {found}, this machine is {expected}: compile it for that")
            }
            Self::NothingToLoad => write!(f, "no program header has a size in memory"),
            Self::TooManySegments { found } => {
                write!(
                    f,
                    "{found} program headers to load, at most {MAX_SEGMENTS} are read: link it with fewer"
                )
            }
            Self::Truncated { address } => write!(f, "the file ends inside the segment at {address:#x}"),
            Self::Unaligned { start } => {
                write!(f, "lowest segment address {start:#x} is not a multiple of 4096")
            }
            Self::TooHigh { end, top } => {
                write!(f, "image end {end:#x} and two pages behind it must stay below {top:#x}")
            }
            Self::EntryOutside { entry } => write!(f, "entry point {entry:#x} lies outside the image"),
            Self::WritableAndExecutable { address } => {
                write!(f, "kernel segment at {address:#x} is both writable and executable")
            }
            Self::SharedPage { address } => {
                write!(f, "kernel segments share the page at {address:#x} or are out of order")
            }
        }
    }
}

impl<'a> Program<'a> {
    /// Reads a root task.
    pub fn root_task(file: &'a [u8]) -> Result<Self, ProgramError> {
        let program = Self::parse(file)?;
        let top = user_top(program.architecture);
        let behind = program.end.checked_add(PAGES_BEHIND * PAGE);
        if behind.is_none_or(|end| end > top) {
            return Err(ProgramError::TooHigh { end: program.end, top });
        }
        Ok(program)
    }

    /// This program, if it is for the `expected` kind of machine.
    pub fn for_machine(self, expected: Architecture) -> Result<Self, ProgramError> {
        match self.architecture {
            found if found != expected => Err(ProgramError::Foreign { found, expected }),
            _ => Ok(self),
        }
    }

    /// Reads the kernel image of an instance: segments in ascending order, none writable and executable, none sharing a
    /// page with another.
    pub fn kernel(file: &'a [u8]) -> Result<Self, ProgramError> {
        let program = Self::parse(file)?;
        let mut free = program.start;
        for segment in &program.segments {
            let address = segment.address;
            if segment.writable && segment.executable {
                return Err(ProgramError::WritableAndExecutable { address });
            }
            if address < free {
                return Err(ProgramError::SharedPage { address: address & !(PAGE - 1) });
            }
            free = (address + segment.size).next_multiple_of(PAGE);
        }
        Ok(program)
    }

    /// Number of pages from the lowest to the highest address.
    pub fn pages(&self) -> u64 {
        (self.end - self.start) / PAGE
    }

    fn parse(file: &'a [u8]) -> Result<Self, ProgramError> {
        let (header, segments) = headers(file).map_err(|_| ProgramError::NotElf)?;
        let architecture = match header.class {
            Class::ELF64 if header.e_machine == EM_X86_64 => Architecture::X86_64,
            Class::ELF32 if header.e_machine == EM_ARM => Architecture::AArch32,
            _ => return Err(ProgramError::Machine),
        };
        let load = || segments.iter().filter(|header| header.p_type == PT_LOAD && header.p_memsz > 0);
        let found = load().count();
        if found > MAX_SEGMENTS {
            return Err(ProgramError::TooManySegments { found });
        }
        let segments = load().map(|header| segment(file, &header)).collect::<Result<Vec<_>, _>>()?;
        Self::with_bounds(architecture, header.e_entry, segments)
    }

    fn with_bounds(
        architecture: Architecture,
        entry: u64,
        segments: Vec<Segment<'a>>,
    ) -> Result<Self, ProgramError> {
        let top = user_top(architecture);
        let start =
            segments.iter().map(|segment| segment.address).min().ok_or(ProgramError::NothingToLoad)?;
        let last = segments.iter().map(|segment| segment.address.saturating_add(segment.size)).max();
        let highest = last.unwrap_or(start);
        let end =
            highest.checked_next_multiple_of(PAGE).ok_or(ProgramError::TooHigh { end: highest, top })?;
        if start % PAGE != 0 {
            return Err(ProgramError::Unaligned { start });
        }
        if !(start..highest).contains(&entry) {
            return Err(ProgramError::EntryOutside { entry });
        }
        Ok(Program { architecture, start, end, entry, segments })
    }
}

/// Last user address that an image, its IPC buffer and its bootinfo may reach.
fn user_top(architecture: Architecture) -> u64 {
    match architecture {
        Architecture::X86_64 => abi::x86_64::USER_TOP,
        Architecture::AArch32 => abi::aarch32::USER_TOP,
    }
}

/// File header and program headers. Nothing else of the file is looked at: the boot protocol asks neither for a type nor
/// for sections, and tools that strip or patch programs leave section headers that lead nowhere.
fn headers(file: &[u8]) -> Result<(FileHeader<LittleEndian>, SegmentTable<'_, LittleEndian>), ParseError> {
    let (ident, tail) = file.split_at_checked(EI_NIDENT).ok_or(ParseError::IntegerOverflow)?;
    let header = FileHeader::parse_tail(parse_ident(ident)?, tail)?;
    let size = ProgramHeader::validate_entsize(header.class, usize::from(header.e_phentsize))?;
    let start = usize::try_from(header.e_phoff)?;
    let end = start.checked_add(size * usize::from(header.e_phnum));
    let table = end.and_then(|end| file.get(start..end)).ok_or(ParseError::IntegerOverflow)?;
    Ok((header, SegmentTable::new(LittleEndian, header.class, table)))
}

fn segment<'a>(file: &'a [u8], header: &ProgramHeader) -> Result<Segment<'a>, ProgramError> {
    let address = header.p_vaddr;
    let begin = usize::try_from(header.p_offset).ok();
    let length = usize::try_from(header.p_filesz.min(header.p_memsz)).ok();
    let data = match length {
        // A segment without contents: linkers let its offset lie behind the end of the file.
        Some(0) => &[],
        _ => begin
            .zip(length)
            .and_then(|(begin, length)| file.get(begin..begin.checked_add(length)?))
            .ok_or(ProgramError::Truncated { address })?,
    };
    Ok(Segment {
        address,
        size: header.p_memsz,
        data,
        writable: header.p_flags & PF_W != 0,
        executable: header.p_flags & PF_X != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: u32 = 4;

    /// An ELF image of one page of file data with the given load segments (address, memory size, flags).
    fn image(entry: u64, segments: &[(u64, u64, u32)]) -> Vec<u8> {
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend(2u16.to_le_bytes());
        file.extend(62u16.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend([entry, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
        file.extend(0u32.to_le_bytes());
        file.extend(
            [64, 56, segments.len() as u16, 0, 0, 0].iter().flat_map(|half: &u16| half.to_le_bytes()),
        );
        for (address, size, flags) in segments {
            file.extend([PT_LOAD, *flags].iter().flat_map(|word| word.to_le_bytes()));
            let words = [PAGE, *address, *address, *size.min(&16), *size, PAGE];
            file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        file.resize(file.len().max(PAGE as usize), 0);
        file.extend(b"sixteen bytes...");
        file
    }

    /// A 32-bit image for Arm of one segment.
    fn arm_image(entry: u32, (address, size): (u32, u32)) -> Vec<u8> {
        const HEADER: u32 = 52;
        let mut file = b"\x7fELF\x01\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend([2u16, EM_ARM].iter().flat_map(|half| half.to_le_bytes()));
        file.extend([1, entry, HEADER, 0, 0].iter().flat_map(|word| word.to_le_bytes()));
        file.extend([HEADER as u16, 32, 1, 0, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
        let segment = [PT_LOAD, PAGE as u32, address, address, size.min(16), size, READ | PF_X, PAGE as u32];
        file.extend(segment.iter().flat_map(|word| word.to_le_bytes()));
        file.resize(PAGE as usize, 0);
        file.extend(b"sixteen bytes...");
        file
    }

    #[test]
    fn programs_of_32_bits_are_for_arm_and_stay_below_2_gib() {
        let file = arm_image(0x40_0008, (0x40_0000, 0x1001));
        let program = Program::root_task(&file).expect("a legal image");
        assert_eq!((program.architecture, program.pages()), (Architecture::AArch32, 2));
        assert_eq!(program.segments[0].data, b"sixteen bytes...");
        let high = arm_image(0x7fff_d000, (0x7fff_d000, 16));
        let refused = ProgramError::TooHigh { end: 0x7fff_e000, top: 0x7fff_ffff };
        assert_eq!(Program::root_task(&high), Err(refused));
        let wrap = arm_image(0xffff_f000, (0xffff_f000, 0xffff_ffff));
        assert!(matches!(Program::root_task(&wrap), Err(ProgramError::TooHigh { .. })));
    }

    #[test]
    fn a_program_for_another_machine_is_refused_with_what_was_expected() {
        let file = arm_image(0x40_0000, (0x40_0000, 16));
        let program = Program::root_task(&file).expect("a legal image");
        assert_eq!(program.clone().for_machine(Architecture::AArch32), Ok(program.clone()));
        let refused = program.for_machine(Architecture::X86_64).expect_err("another machine");
        assert!(alloc::string::ToString::to_string(&refused).contains("this machine is x86_64"));
        let mut other = file;
        other[18] = 3;
        assert_eq!(Program::root_task(&other), Err(ProgramError::Machine));
        let mut other = image(0x40_0000, &[(0x40_0000, 16, READ)]);
        other[18] = 183;
        assert_eq!(Program::root_task(&other), Err(ProgramError::Machine), "64 bits, for Arm");
    }

    #[test]
    fn a_root_task_spans_whole_pages_from_its_lowest_to_its_highest_segment() {
        let file = image(0x40_0010, &[(0x40_0000, 16, READ | PF_X), (0x40_3008, 0x1000, READ | PF_W)]);
        let program = Program::root_task(&file).expect("a legal image");
        assert_eq!((program.start, program.end, program.pages()), (0x40_0000, 0x40_5000, 5));
        assert_eq!(program.segments[1].data, b"sixteen bytes...");
        assert_eq!(program.segments[1].size, 0x1000);
    }

    #[test]
    fn more_program_headers_than_are_read_are_refused_by_their_number() {
        let with = |count: usize| image(0x40_0000, &vec![(0x40_0000, 16, READ); count]);
        assert!(Program::root_task(&with(MAX_SEGMENTS)).is_ok());
        for found in [MAX_SEGMENTS + 1, 65_000] {
            assert_eq!(Program::root_task(&with(found)).err(), Some(ProgramError::TooManySegments { found }));
        }
    }

    #[test]
    fn root_tasks_that_break_the_boot_protocol_are_refused() {
        let refused = |file: &[u8]| Program::root_task(file).err();
        assert_eq!(refused(b"hello"), Some(ProgramError::NotElf));
        assert_eq!(refused(&image(0, &[])), Some(ProgramError::NothingToLoad));
        let file = image(0x40_0008, &[(0x40_0008, 16, READ)]);
        assert_eq!(refused(&file), Some(ProgramError::Unaligned { start: 0x40_0008 }));
        let file = image(0x40_1000, &[(0x40_0000, 16, READ)]);
        assert_eq!(refused(&file), Some(ProgramError::EntryOutside { entry: 0x40_1000 }));
        let file = image(0x7fff_ffff_d000, &[(0x7fff_ffff_d000, 16, READ)]);
        assert_eq!(
            refused(&file),
            Some(ProgramError::TooHigh { end: 0x7fff_ffff_e000, top: 0x7fff_ffff_ffff })
        );
        let mut cut = image(0x40_0000, &[(0x40_0000, 16, READ)]);
        cut.pop();
        assert_eq!(refused(&cut), Some(ProgramError::Truncated { address: 0x40_0000 }));
        let mut small = image(0x40_0000, &[(0x40_0000, 16, READ)]);
        small[4] = 1;
        assert!(refused(&small).is_some(), "a 32-bit program");
    }

    #[test]
    fn a_file_cut_at_any_byte_is_refused() {
        let file = image(0x40_0000, &[(0x40_0000, 16, READ)]);
        for length in 0..file.len() {
            assert!(Program::root_task(&file[..length]).is_err(), "cut after {length} bytes");
        }
    }

    #[test]
    fn neither_the_type_nor_section_headers_of_a_root_task_matter() {
        const TYPE: usize = 16;
        const SECTION_OFFSET: usize = 40;
        let plain = image(8, &[(0, 16, READ | PF_X)]);
        let expected = Program::root_task(&plain).expect("a legal image at address 0");
        let mut independent = plain.clone();
        independent[TYPE] = 3;
        assert_eq!(
            Program::root_task(&independent).as_ref(),
            Ok(&expected),
            "loaded as it is, not relocated"
        );
        let mut stripped = plain.clone();
        stripped[SECTION_OFFSET..SECTION_OFFSET + 8].copy_from_slice(&0x10_0000u64.to_le_bytes());
        assert_eq!(Program::root_task(&stripped).as_ref(), Ok(&expected), "sections were cut off");
    }

    #[test]
    fn program_headers_outside_the_file_are_refused() {
        const OFFSET: usize = 32;
        let plain = image(8, &[(0, 16, READ | PF_X)]);
        for offset in [plain.len() as u64, u64::MAX] {
            let mut file = plain.clone();
            file[OFFSET..OFFSET + 8].copy_from_slice(&offset.to_le_bytes());
            assert_eq!(Program::root_task(&file).err(), Some(ProgramError::NotElf));
        }
    }

    #[test]
    fn a_segment_without_contents_may_have_its_offset_behind_the_end_of_the_file() {
        let mut file = image(0x40_0000, &[(0x40_0000, 16, READ), (0x40_2000, 16, READ | PF_W)]);
        let second = 64 + 56;
        file[second + 8..second + 16].copy_from_slice(&0x10_0000u64.to_le_bytes());
        assert_eq!(
            Program::root_task(&file).err(),
            Some(ProgramError::Truncated { address: 0x40_2000 }),
            "with contents it is cut"
        );
        file[second + 32..second + 40].fill(0);
        let program = Program::root_task(&file).expect("nothing of the file is missing");
        assert_eq!((program.pages(), program.segments[1].data), (3, &[][..]));
    }

    #[test]
    fn a_segment_beyond_the_address_space_is_refused() {
        let file = image(0x40_0000, &[(0x40_0000, u64::MAX, READ)]);
        assert_eq!(
            Program::root_task(&file).err(),
            Some(ProgramError::TooHigh { end: u64::MAX, top: 0x7fff_ffff_ffff })
        );
    }

    #[test]
    fn a_kernel_segment_is_never_writable_and_executable() {
        let base = 0xffff_ffff_8000_0000;
        let file = image(base, &[(base, 16, PF_W | PF_X)]);
        assert_eq!(Program::kernel(&file).err(), Some(ProgramError::WritableAndExecutable { address: base }));
        let file = image(base, &[(base, 16, PF_X), (base + 16, 16, PF_W)]);
        assert_eq!(Program::kernel(&file).err(), Some(ProgramError::SharedPage { address: base }));
        let file = image(base, &[(base, 16, PF_X), (base + PAGE, 16, PF_W)]);
        assert!(Program::kernel(&file).is_ok());
    }
}
