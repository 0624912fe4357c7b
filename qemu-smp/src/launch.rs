// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that init starts: read from their ELF files, checked, and appended to the image of init.
//!
//! ```text
//!   init's ELF  | ELF header | ... | segments | launch | program headers, the last one for the launch |
//! ```

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};
use skerry_system::launch::{Image, Launch, MOST_PAGES, Segment};
use skerry_system::{Description, INIT, Item};

use crate::arch::Arch;
use crate::failure::{Doing, Failure};
use crate::image::Program;
use crate::results::bytes;

const PAGE: u64 = 4096;
const LITTLE: Endianness = Endianness::Little;

/// What is wrong with a program, by the item and field that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMistake {
    /// The item.
    pub item: Item,
    /// Its field.
    pub field: &'static str,
    /// What is wrong; behind a semicolon, what to do about it.
    pub text: String,
}

/// The root tasks of a system by their member names; init once for each instance that has programs.
///
/// `files` are the files of all root tasks and programs by the names that the description gives them.
/// `untyped` is the memory that each partition leaves for programs, as far as it is known.
pub fn root_tasks(
    arch: Arch,
    description: &Description,
    files: &[Program],
    untyped: &[u64],
) -> Result<Vec<Program>, LaunchError> {
    let file = |name: &str| files.iter().find(|file| file.name == name);
    let (mut members, mut mistakes) = (Vec::<Program>::new(), Vec::new());
    for (index, instance) in description.instances.iter().enumerate() {
        let Some(root_task) = file(&instance.root_task.name) else { continue };
        let name = instance.member();
        if root_task.name == INIT {
            let images = images(description, index, files)?;
            mistakes.extend(image_mistakes(arch, description, index, &images));
            let needs = Needs::of(description, index, (&root_task.bytes, &images));
            mistakes.extend(needs.lacking(description, index, untyped.get(index).copied()));
            let launch = Launch { description: description.clone(), instance: index, images };
            members.push(Program { name, bytes: append(&root_task.bytes, &launch)? });
        } else if !members.iter().any(|member| member.name == name) {
            members.push(root_task.clone());
        }
    }
    if mistakes.is_empty() { Ok(members) } else { Err(LaunchError::Mistakes(mistakes)) }
}

/// Why the root tasks of a system cannot be put together.
#[derive(Debug)]
pub enum LaunchError {
    /// Programs that cannot be what the description says.
    Mistakes(Vec<ImageMistake>),
    /// A file that cannot be read.
    Failure(Failure),
}

impl From<Failure> for LaunchError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// The images of the programs that an instance starts, each once.
fn images<'a>(
    description: &Description,
    instance: usize,
    files: &'a [Program],
) -> Result<Vec<Image<'a>>, Failure> {
    let mut names: Vec<&str> =
        description.programs_of(instance).map(|(_, program)| program.image.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let file = |name: &str| files.iter().find(|file| file.name == name);
    names.into_iter().filter_map(file).map(|file| image(&file.name, &file.bytes)).collect()
}

/// Reads the loadable segments of a file that [`crate::image::check_program`] has accepted.
fn image<'a>(name: &'a str, bytes: &'a [u8]) -> Result<Image<'a>, Failure> {
    match Class::of(bytes) {
        Class::Bits64 => read_image::<elf::FileHeader64<Endianness>>(name, bytes),
        Class::Bits32 => read_image::<elf::FileHeader32<Endianness>>(name, bytes),
    }
}

fn read_image<'a, F: FileHeader<Endian = Endianness>>(
    name: &'a str,
    bytes: &'a [u8],
) -> Result<Image<'a>, Failure> {
    let header = F::parse(bytes).doing(format_args!("reading the program {name}"))?;
    let headers = header.program_headers(LITTLE, bytes).doing(format_args!("reading the program {name}"))?;
    let load = headers
        .iter()
        .filter(|header| header.p_type(LITTLE) == elf::PT_LOAD && header.p_memsz(LITTLE).into() > 0);
    let segments = load.map(|header| Segment {
        address: header.p_vaddr(LITTLE).into(),
        size: header.p_memsz(LITTLE).into(),
        is_writable: header.p_flags(LITTLE).0 & elf::PF_W.0 != 0,
        is_executable: header.p_flags(LITTLE).0 & elf::PF_X.0 != 0,
        data: header.data(LITTLE, bytes).unwrap_or_default(),
    });
    Ok(Image { name, entry: header.e_entry(LITTLE).into(), segments: segments.collect() })
}

/// What is wrong with the images of an instance's programs.
fn image_mistakes(
    arch: Arch,
    description: &Description,
    instance: usize,
    images: &[Image<'_>],
) -> Vec<ImageMistake> {
    let programs = description.programs_of(instance);
    let check = programs.filter_map(|(index, program)| {
        let image = images.iter().find(|image| image.name == program.image)?;
        let wrong = image.check(program, description).err().map(|error| error.to_string());
        let error = wrong.or_else(|| forbidden(arch, image))?;
        let text = format!("{} cannot be program {}: {error}", program.image, program.name);
        Some(ImageMistake { item: Item::Program(index), field: "image", text })
    });
    check.collect()
}

/// What is wrong with the addresses of an image for another architecture than this host's.
fn forbidden(arch: Arch, image: &Image<'_>) -> Option<String> {
    let area = match arch {
        Arch::X86_64 => return None,
        Arch::Aarch32 => abi::aarch32::start::AREA,
    };
    let range = image.segments.iter().map(Segment::range).find(|range| range.end > area)?;
    Some(format!("its segment {range} is at a forbidden address; link it between 0x1000 and {area:#x}"))
}

/// What the programs of an instance need: page frames of their own, slots of init's root CNode, bytes of untyped memory.
struct Needs {
    pages: u64,
    slots: u64,
    bytes: u64,
}

impl Needs {
    fn of(description: &Description, instance: usize, (init, images): (&[u8], &[Image<'_>])) -> Self {
        /// Initial capabilities that are not for pages of the image, and what init makes for itself.
        const SLOTS_BESIDE: u64 = 512;
        /// Objects of a program that are not frames: page tables, and untypeds on the way to them.
        const SLOTS_PER_PROGRAM: u64 = 128;
        /// Init's heap, and what is lost to alignment before the first program.
        const BYTES_BESIDE: u64 = 4 << 20;
        /// Page tables, CNode, thread and scheduling context.
        const BYTES_PER_PROGRAM: u64 = 64 << 10;
        let contents = images.iter().flat_map(|image| &image.segments).map(|segment| segment.data.len());
        let init = (init.len() + contents.sum::<usize>()) as u64;
        let mut needs = Needs { pages: 0, slots: SLOTS_BESIDE + init / PAGE, bytes: BYTES_BESIDE + init };
        for (index, program) in description.programs_of(instance) {
            let image = images.iter().find(|image| image.name == program.image);
            let pages = image.map_or(0, |image| image.pages().len() as u64)
                + (program.stack_bytes() + description.info_bytes(index)) / PAGE;
            let lines = program.receive.iter().map(|&channel| u64::from(description.channels[channel].lines));
            let regions = program.regions.iter().map(|mapped| &description.regions[mapped.region]);
            let frames = regions.map(|region| region.bytes() / region.alignment());
            needs.pages += pages;
            needs.slots += SLOTS_PER_PROGRAM + pages + lines.sum::<u64>() + frames.sum::<u64>();
            needs.bytes += BYTES_PER_PROGRAM + pages * PAGE;
        }
        needs
    }

    /// What of this the instance does not have.
    fn lacking(&self, description: &Description, instance: usize, untyped: Option<u64>) -> Vec<ImageMistake> {
        let described = &description.instances[instance];
        let of_instance = |field, text| ImageMistake { item: Item::Instance(instance), field, text };
        let mut found = Vec::new();
        let bits = self.slots.next_power_of_two().ilog2() as u8;
        if bits > described.cnode_bits {
            let (slots, has) = (self.slots, 1u64 << described.cnode_bits);
            let text = format!(
                "the programs of instance {} need about {slots} capability slots, it has {has}; set cnode-bits = {bits}",
                described.name
            );
            found.push(of_instance("cnode_bits", text));
        }
        if let Some(untyped) = untyped.filter(|untyped| *untyped < self.bytes) {
            let text = format!(
                "the programs of instance {} need {}, its partition leaves {}; give it more memory, or its programs \
                 smaller stacks",
                described.name,
                bytes(self.bytes),
                bytes(untyped)
            );
            found.push(of_instance("memory", text));
        }
        if self.pages > MOST_PAGES {
            let text = format!(
                "the programs of instance {} have {} of memory, init can keep account of {}; spread them over instances",
                described.name,
                bytes(self.pages * PAGE),
                bytes(MOST_PAGES * PAGE)
            );
            found.push(of_instance("name", text));
        }
        found
    }
}

/// Init's ELF with the programs of one instance in a segment of its own, from the first page behind the others.
fn append(init: &[u8], launch: &Launch<'_>) -> Result<Vec<u8>, Failure> {
    match Class::of(init) {
        Class::Bits64 => append_to::<elf::FileHeader64<Endianness>>(init, launch),
        Class::Bits32 => append_to::<elf::FileHeader32<Endianness>>(init, launch),
    }
}

fn append_to<F: FileHeader<Endian = Endianness>>(
    init: &[u8],
    launch: &Launch<'_>,
) -> Result<Vec<u8>, Failure> {
    let launch = launch.encode().doing("encoding the programs of an instance")?;
    let header = F::parse(init).doing("reading init")?;
    let headers = header.program_headers(LITTLE, init).doing("reading init")?;
    let end = |header: &F::ProgramHeader| header.p_vaddr(LITTLE).into() + header.p_memsz(LITTLE).into();
    let loads = headers.iter().filter(|header| header.p_type(LITTLE) == elf::PT_LOAD);
    let address = loads.map(end).max().unwrap_or(0).next_multiple_of(PAGE);

    let table = usize::try_from(header.e_phoff(LITTLE).into()).doing("reading init")?;
    let mut file = init.to_vec();
    file.resize(file.len().next_multiple_of(PAGE as usize), 0);
    let offset = file.len() as u64;
    let size = launch.len() as u64;
    file.extend(launch);
    let new_table = file.len() as u64;
    file.extend(&init[table..table + size_of_val(headers)]);
    let class = Class::of(init);
    file.extend(class.program_header(offset, address, size));

    let (place_of_table, place_of_count) = class.places();
    let new_table = class.word(new_table);
    let count = headers.len() as u16 + 1;
    file[place_of_table..][..new_table.len()].copy_from_slice(&new_table);
    file[place_of_count..][..2].copy_from_slice(&count.to_le_bytes());
    Ok(file)
}

/// How wide the addresses of an ELF file are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Bits32,
    Bits64,
}

impl Class {
    /// The class of a well-formed file.
    fn of(file: &[u8]) -> Self {
        const PLACE: usize = 4;
        if file.get(PLACE) == Some(&elf::ELFCLASS32.0) { Class::Bits32 } else { Class::Bits64 }
    }

    /// Where the file header has the place of the program headers, and their number.
    fn places(self) -> (usize, usize) {
        match self {
            Class::Bits32 => (28, 44),
            Class::Bits64 => (32, 56),
        }
    }

    /// An address or a size as the file has it. What it is in is smaller than what this holds.
    fn word(self, value: u64) -> Vec<u8> {
        match self {
            Class::Bits32 => (value as u32).to_le_bytes().to_vec(),
            Class::Bits64 => value.to_le_bytes().to_vec(),
        }
    }

    /// The header of a segment to be loaded and read.
    fn program_header(self, offset: u64, address: u64, size: u64) -> Vec<u8> {
        let kind = elf::PT_LOAD.0.to_le_bytes().to_vec();
        let flags = elf::PF_R.0.to_le_bytes().to_vec();
        let places = [offset, address, address, size, size].map(|word| self.word(word)).concat();
        let alignment = self.word(PAGE);
        match self {
            Class::Bits32 => [kind, places, flags, alignment].concat(),
            Class::Bits64 => [kind, flags, places, alignment].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skerry_system::Program as Described;

    /// An ELF file of a header and one page of text at an address.
    fn file(address: u64) -> Vec<u8> {
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend([elf::ET_EXEC.0, elf::EM_X86_64.0].iter().flat_map(|half| half.to_le_bytes()));
        file.extend(1u32.to_le_bytes());
        file.extend([address, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
        file.extend(0u32.to_le_bytes());
        file.extend([64u16, 56, 1, 0, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
        file.extend([elf::PT_LOAD.0, elf::PF_R.0 | elf::PF_W.0].iter().flat_map(|word| word.to_le_bytes()));
        file.extend([120, address, address, 4, 0x1800, PAGE].iter().flat_map(|word| word.to_le_bytes()));
        file.extend(b"text");
        file
    }

    /// The same with addresses of 32 bits.
    fn file_32(address: u32) -> Vec<u8> {
        let mut file = b"\x7fELF\x01\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend([elf::ET_EXEC.0, elf::EM_ARM.0].iter().flat_map(|half| half.to_le_bytes()));
        file.extend([1, address, 52, 0, 0].iter().flat_map(|word: &u32| word.to_le_bytes()));
        file.extend([52u16, 32, 1, 0, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
        let flags = elf::PF_R.0 | elf::PF_W.0;
        let header = [elf::PT_LOAD.0, 84, address, address, 4, 0x1800, flags, PAGE as u32];
        file.extend(header.iter().flat_map(|word| word.to_le_bytes()));
        file.extend(b"text");
        file
    }

    fn description() -> Description {
        let mut description = Description::equal(2, INIT);
        description.programs = vec![Described::new("a", 1, "work"), Described::new("b", 1, "work")];
        description
    }

    #[test]
    fn an_image_holds_what_is_loaded() {
        let files = [Program { name: "work".to_owned(), bytes: file(0x40_0000) }];
        let images = images(&description(), 1, &files).expect("the file is well formed");
        let [image] = images.as_slice() else { panic!("two programs share one image: {images:?}") };
        assert_eq!((image.entry, image.segments.len()), (0x40_0000, 1));
        assert_eq!((image.segments[0].data, image.segments[0].size), (&b"text"[..], 0x1800));
    }

    /// The members for programs linked at an address, or what is wrong.
    fn linked_at(address: u64, description: &Description) -> Result<Vec<Program>, Vec<ImageMistake>> {
        let files = ["work", INIT].map(|name| {
            let address = if name == INIT { 0x40_0000 } else { address };
            Program { name: name.to_owned(), bytes: file(address) }
        });
        root_tasks(Arch::X86_64, description, &files, &[64 << 20; 2]).map_err(|error| match error {
            LaunchError::Mistakes(mistakes) => mistakes,
            LaunchError::Failure(failure) => panic!("{failure}"),
        })
    }

    #[test]
    fn each_instance_has_an_init_of_its_own() {
        let members = linked_at(0x40_0000, &description()).expect("nothing is wrong");
        let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["init.instance-0", "init.instance-1"]);
        let image = image("init", &members[1].bytes).expect("it is well formed");
        let launch = Launch::decode(image.segments[1].data).expect("behind the image are the programs");
        assert_eq!((launch.instance, launch.images.len()), (1, 1));
    }

    #[test]
    fn programs_of_32_bits_are_read_and_appended_to_an_init_of_32_bits() {
        let files = ["work", INIT].map(|name| Program { name: name.to_owned(), bytes: file_32(0x40_0000) });
        let members =
            root_tasks(Arch::Aarch32, &description(), &files, &[64 << 20; 2]).expect("nothing is wrong");
        let init = &members[1].bytes;
        crate::image::check_program(Arch::Aarch32, "init", init).expect("it is still a program");
        let image = image("init", init).expect("it is well formed");
        assert_eq!(
            (image.entry, image.segments[0].size, image.segments[0].data),
            (0x40_0000, 0x1800, &b"text"[..])
        );
        assert_eq!((image.segments[1].address, image.segments[1].is_writable), (0x40_2000, false));
        let launch = Launch::decode(image.segments[1].data).expect("behind the image are the programs");
        assert_eq!(launch.images[0].segments, image.segments[..1]);
        let files = [("work", 0x7000_0000), (INIT, 0x40_0000)]
            .map(|(name, address)| Program { name: name.to_owned(), bytes: file_32(address) });
        let found = root_tasks(Arch::Aarch32, &description(), &files, &[64 << 20; 2]);
        let Err(LaunchError::Mistakes(found)) = found else { panic!("0x70000000 is init's: {found:?}") };
        assert!(found[0].text.ends_with("link it between 0x1000 and 0x60000000"), "{found:?}");
    }

    #[test]
    fn a_forbidden_address_is_a_mistake_of_every_program_that_has_it() {
        let found = linked_at(0xffff_ffff_8000_0000, &description()).expect_err("it is a kernel address");
        let places: Vec<_> = found.iter().map(|mistake| (mistake.item, mistake.field)).collect();
        assert_eq!(places, [(Item::Program(0), "image"), (Item::Program(1), "image")]);
        let text = "work cannot be program a: its segment 0xffffffff80000000..0xffffffff80001800 is at a forbidden \
                    address; link it between 0x1000 and 0x7f0000000000";
        assert_eq!(found[0].text, text);
    }

    #[test]
    fn too_few_slots_are_a_mistake_of_the_instance() {
        let mut description = description();
        description.instances[1].cnode_bits = 9;
        let found = linked_at(0x40_0000, &description).expect_err("512 slots are too few");
        assert_eq!((found[0].item, found[0].field), (Item::Instance(1), "cnode_bits"));
        assert!(found[0].text.ends_with("it has 512; set cnode-bits = 10"), "{found:?}");
    }

    #[test]
    fn memory_that_a_partition_does_not_have_is_a_mistake_of_the_instance() {
        let mut description = description();
        description.instances[1].cnode_bits = 20;
        let stack = |description: &mut Description, size| description.programs[1].stack = size;
        stack(&mut description, 64 << 20);
        let found = linked_at(0x40_0000, &description).expect_err("64 MiB are not left");
        let text = "the programs of instance instance-1 need 68.2 MiB, its partition leaves 64.0 MiB; give it more \
                    memory, or its programs smaller stacks";
        assert_eq!((found[0].field, found[0].text.as_str(), found.len()), ("memory", text, 1));
        stack(&mut description, 100 << 20);
        let found = linked_at(0x40_0000, &description).expect_err("nor is there room for so many pages");
        assert!(
            found[1].text.ends_with("init can keep account of 80.0 MiB; spread them over instances"),
            "{found:?}"
        );
    }

    #[test]
    fn init_gets_one_more_segment_behind_its_own() {
        let launch = Launch { description: description(), instance: 1, images: Vec::new() };
        let appended = append(&file(0x40_0000), &launch).expect("the file is well formed");
        crate::image::check_program(Arch::X86_64, "init", &appended).expect("it is still a program");
        let image = image("init", &appended).expect("it is well formed");
        let [own, added] = image.segments.as_slice() else { panic!("two segments expected") };
        assert_eq!((own.data, added.address), (&b"text"[..], 0x40_2000));
        assert_eq!(Launch::decode(added.data), Some(launch));
    }
}
