// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system image: what the boot code gets as its only module.
//!
//! ```text
//!   cpio archive, "newc" format
//!   ├── skerry/description     the Description, encoded by postcard
//!   ├── ping-pong              one ELF file per program, by its name in the description
//!   └── ...
//! ```
//!
//! Alternatively the module is one plain root task: an ELF file and nothing else.

use std::io::{self, Write};
use std::path::Path;

use bootstrap::program::MAX_SEGMENTS;
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};
use skerry_system::Description;

use crate::arch::Arch;
use crate::failure::{Doing, Failure};

/// The archive member that holds the description.
pub const DESCRIPTION_MEMBER: &str = "skerry/description";

/// A program to be put into an image.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name in the description.
    pub name: String,
    /// The ELF file.
    pub bytes: Vec<u8>,
}

/// Makes the system image of a description whose programs are all given.
pub fn system_image(description: &Description, programs: &[Program]) -> Result<Vec<u8>, Failure> {
    let encoded = postcard::to_allocvec(description).doing("encoding the description")?;
    let members = std::iter::once((DESCRIPTION_MEMBER, encoded.as_slice()))
        .chain(programs.iter().map(|program| (program.name.as_str(), program.bytes.as_slice())));
    archive(members).doing("making the system image")
}

fn archive<'a>(members: impl Iterator<Item = (&'a str, &'a [u8])>) -> io::Result<Vec<u8>> {
    const REGULAR_FILE: u32 = 0o100_444;
    let mut image = Vec::new();
    for (number, (name, bytes)) in (1..).zip(members) {
        let size =
            u32::try_from(bytes.len()).map_err(|_| io::Error::other(format!("{name} exceeds 4 GiB")))?;
        let mut writer = cpio::NewcBuilder::new(name).ino(number).mode(REGULAR_FILE).write(&mut image, size);
        writer.write_all(bytes)?;
        writer.finish()?;
    }
    cpio::newc::trailer(&mut image)?;
    Ok(image)
}

/// Refuses what the boot code could not start (not ELF, cut off) and what could not run: for another machine, or in
/// need of a dynamic linker. Nothing relocates a program; one that relocates itself may be position-independent.
pub fn check_program(arch: Arch, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let (checked, expected) = match arch {
        Arch::X86_64 => (check::<elf::FileHeader64<Endianness>>(bytes, (elf::EM_X86_64, "x86-64")), "x86-64"),
        Arch::Aarch32 => (check::<elf::FileHeader32<Endianness>>(bytes, (elf::EM_ARM, "Arm")), "32-bit Arm"),
    };
    checked.map_err(|what| {
        Failure::bad_input(format!(
            "{name}: {what}\n  expected: a statically linked {expected} ELF executable"
        ))
    })
}

/// Refuses a boot image or module that is an ELF file which the machine cannot execute. Other files are passed on as they are.
pub fn check_boot_file(arch: Arch, path: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(path).doing(format_args!("reading {}", path.display()))?;
    if bytes.is_empty() || bytes.starts_with(b"\x7fELF") {
        check_program(arch, &path.display().to_string(), &bytes)?;
    }
    Ok(())
}

/// What an ELF file of 32 or 64 bits was compiled for, unless its header is truncated.
fn machine_of(bytes: &[u8]) -> Option<elf::Machine> {
    let of_64 =
        elf::FileHeader64::<Endianness>::parse(bytes).map(|header| header.e_machine(Endianness::Little));
    let of_32 =
        || elf::FileHeader32::<Endianness>::parse(bytes).map(|header| header.e_machine(Endianness::Little));
    of_64.or_else(|_| of_32()).ok()
}

/// Says what is wrong with a file that should be for a machine.
fn check<F: FileHeader<Endian = Endianness>>(
    bytes: &[u8],
    (machine, machine_name): (elf::Machine, &str),
) -> Result<(), String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    if !bytes.starts_with(b"\x7fELF") {
        return Err(format!("not an ELF file, it begins with {:02x?}", &bytes[..bytes.len().min(4)]));
    }
    if let Some(found) = machine_of(bytes).filter(|&found| found != machine) {
        return Err(format!("compiled for ELF machine {found}, not for {machine_name} ({machine})"));
    }
    let Ok(header) = F::parse(bytes) else {
        let bits = 8 * size_of::<F::Word>();
        return Err(format!("the ELF header is not a {bits}-bit one, or truncated"));
    };
    let endian = Endianness::Little;
    let Ok(segments) = header.program_headers(endian, bytes) else {
        return Err("the program headers are truncated".to_owned());
    };
    if segments.is_empty() {
        return Err("no program headers: an object file?".to_owned());
    }
    if segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP) {
        return Err("dynamically linked".to_owned());
    }
    let is_loaded = |segment: &&F::ProgramHeader| {
        segment.p_type(endian) == elf::PT_LOAD && segment.p_memsz(endian).into() > 0
    };
    let loaded = segments.iter().filter(is_loaded).count();
    if loaded > MAX_SEGMENTS {
        return Err(format!(
            "{loaded} program headers to load, at most {MAX_SEGMENTS} are read: link it with fewer"
        ));
    }
    let truncated = |segment: &F::ProgramHeader| {
        segment.p_filesz(endian).into() != 0 && segment.data(endian, bytes).is_err()
    };
    match segments.iter().position(truncated) {
        Some(index) => Err(format!("the file ends before its segment {index} does: truncated?")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(image: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut rest = image;
        let mut found = Vec::new();
        loop {
            let mut reader = cpio::NewcReader::new(rest).expect("the archive is well formed");
            if reader.entry().is_trailer() {
                return found;
            }
            let mut bytes = Vec::new();
            io::copy(&mut reader, &mut bytes).expect("the member is complete");
            found.push((reader.entry().name().to_owned(), bytes));
            rest = reader.finish().expect("another member follows");
        }
    }

    #[test]
    fn an_image_holds_the_description_and_then_the_programs_by_name() {
        let description = Description::equal(3, "ping-pong");
        let program = Program { name: "ping-pong".to_owned(), bytes: b"\x7fELF and so on".to_vec() };
        let image = system_image(&description, &[program]).expect("the image can be made");

        let members = members(&image);
        let names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [DESCRIPTION_MEMBER, "ping-pong"]);
        assert_eq!(postcard::from_bytes::<Description>(&members[0].1).ok(), Some(description));
        assert_eq!(members[1].1, b"\x7fELF and so on");
    }

    #[test]
    fn a_text_file_is_refused_as_not_elf() {
        let failure =
            check_program(Arch::X86_64, "hello", b"#!/bin/sh\n").expect_err("a script is not a program");
        assert!(
            failure.message.starts_with("hello: not an ELF file, it begins with [23, 21, 2f, 62]"),
            "{failure}"
        );
    }

    #[test]
    fn an_executable_of_this_host_is_refused_as_dynamically_linked() {
        let own = std::env::current_exe().and_then(std::fs::read).expect("the test can read itself");
        let failure =
            check_program(Arch::X86_64, "host", &own).expect_err("host programs need a dynamic linker");
        assert!(failure.message.starts_with("host: dynamically linked"), "{failure}");
    }

    #[test]
    fn a_program_for_the_other_architecture_is_refused() {
        let own = std::env::current_exe().and_then(std::fs::read).expect("the test can read itself");
        let failure = check_program(Arch::Aarch32, "host", &own).expect_err("it has 64 bits");
        let text = "host: compiled for ELF machine 62, not for Arm (40)\n  expected: a statically linked 32-bit Arm ELF \
                    executable";
        assert_eq!(failure.message, text);
    }

    #[test]
    fn a_truncated_header_is_refused() {
        let failure = check_program(Arch::X86_64, "cut", b"\x7fELF\x02\x01\x01")
            .expect_err("seven bytes are not a program");
        assert!(failure.message.contains("truncated"), "{failure}");
    }
}
