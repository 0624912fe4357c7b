// SPDX-License-Identifier: MIT OR Apache-2.0
//! Boot modules: a system image or a plain root task.
//!
//! A system image is a cpio archive ("newc", as `cpio -H newc` writes it) with the encoded description in the member
//! [`DESCRIPTION`] and one member per program. A module that starts with the ELF magic is the root task of one
//! instance that owns the machine.

use core::fmt;

/// Member that holds the description.
pub const DESCRIPTION: &str = "skerry/description";
const ELF_MAGIC: &[u8] = b"\x7fELF";
const CPIO_MAGIC: &[u8] = b"070701";
const CPIO_TRAILER: &[u8] = b"TRAILER!!!";

/// What the first module turned out to be.
#[derive(Clone, Copy, Debug)]
pub enum Module<'a> {
    /// An archive of description and programs.
    System(SystemImage<'a>),
    /// A root task that owns the machine.
    RootTask(&'a [u8]),
}

/// A system image whose archive is complete and holds a description.
#[derive(Clone, Copy, Debug)]
pub struct SystemImage<'a> {
    archive: &'a [u8],
    /// The encoded description.
    pub description: &'a [u8],
}

/// Why a module cannot be booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleError {
    /// The loader gave none.
    None,
    /// Neither archive nor ELF: its first bytes.
    Unknown([u8; 4]),
    /// The archive ends before its trailer.
    Truncated {
        /// Bytes the module has.
        length: usize,
    },
    /// The archive has no description.
    NoDescription,
    /// The description cannot be decoded.
    BadDescription,
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => {
                write!(f, "module 0: missing; pass a system image or a root task (QEMU: -initrd FILE)")
            }
            Self::Unknown(bytes) => write!(
                f,
                "module 0 starts with {bytes:02x?}: neither a system image (cpio newc) nor an ELF root task"
            ),
            Self::Truncated { length } => {
                write!(f, "module 0 of {length} bytes ends inside the system image: build the image again")
            }
            Self::NoDescription => write!(f, "module 0: system image without member {DESCRIPTION}"),
            Self::BadDescription => write!(
                f,
                "module 0: {DESCRIPTION} cannot be decoded: build image and kernel from the same version"
            ),
        }
    }
}

/// Tells what the first module is.
pub fn identify(module: Option<&[u8]>) -> Result<Module<'_>, ModuleError> {
    let bytes = module.ok_or(ModuleError::None)?;
    if bytes.starts_with(ELF_MAGIC) {
        return Ok(Module::RootTask(bytes));
    }
    if !bytes.starts_with(CPIO_MAGIC) {
        let mut first = [0; 4];
        first.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        return Err(ModuleError::Unknown(first));
    }
    let image = SystemImage { archive: bytes, description: &[] };
    if !image.is_complete() {
        return Err(ModuleError::Truncated { length: bytes.len() });
    }
    let description = image.member(DESCRIPTION).ok_or(ModuleError::NoDescription)?;
    Ok(Module::System(SystemImage { description, ..image }))
}

impl<'a> SystemImage<'a> {
    /// Contents of the member called `name`.
    pub fn member(&self, name: &str) -> Option<&'a [u8]> {
        cpio_reader::iter_files(self.archive).find(|entry| entry.name() == name).map(|entry| entry.file())
    }

    /// Whether the members are followed by the trailer: the reader ends silently at a cut.
    fn is_complete(&self) -> bool {
        let members = cpio_reader::iter_files(self.archive).last();
        let end = members.map_or(0, |last| {
            last.file().as_ptr() as usize - self.archive.as_ptr() as usize + last.file().len()
        });
        // A header of 110 bytes precedes the trailer's name; up to three bytes pad the last member.
        self.archive[end..].windows(CPIO_TRAILER.len()).take(128).any(|window| window == CPIO_TRAILER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = format!(
            "070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
            1,
            0o100644,
            0,
            0,
            1,
            0,
            data.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0
        )
        .into_bytes();
        bytes.extend(name.bytes().chain([0]));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes: Vec<u8> = members.iter().flat_map(|(name, data)| member(name, data)).collect();
        bytes.extend(member("TRAILER!!!", &[]));
        bytes
    }

    #[test]
    fn a_system_image_gives_its_description_and_its_programs() {
        let bytes = archive(&[(DESCRIPTION, b"described"), ("ping", b"\x7fELF ping")]);
        let Ok(Module::System(image)) = identify(Some(&bytes)) else { panic!("not recognised") };
        assert_eq!(image.description, b"described");
        assert_eq!(image.member("ping"), Some(&b"\x7fELF ping"[..]));
        assert_eq!(image.member("pong"), None);
    }

    #[test]
    fn an_elf_is_a_root_task() {
        assert!(matches!(identify(Some(b"\x7fELF...")), Ok(Module::RootTask(_))));
    }

    #[test]
    fn a_cut_archive_is_refused_wherever_it_was_cut() {
        let whole = archive(&[(DESCRIPTION, b"described"), ("ping", b"\x7fELF ping")]);
        let trailer = whole.len() - member("TRAILER!!!", &[]).len();
        for length in 6..trailer + 110 {
            let found = identify(Some(&whole[..length])).err();
            assert_eq!(found, Some(ModuleError::Truncated { length }), "cut to {length}");
        }
    }

    #[test]
    fn missing_parts_are_named() {
        assert_eq!(identify(None).err(), Some(ModuleError::None));
        assert_eq!(identify(Some(b"PK\x03\x04")).err(), Some(ModuleError::Unknown(*b"PK\x03\x04")));
        assert_eq!(identify(Some(&archive(&[("ping", b"x")]))).err(), Some(ModuleError::NoDescription));
    }
}
