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
/// Bytes before a member's name: the magic and thirteen numbers of eight hexadecimal digits.
const CPIO_HEADER: usize = 110;
const CPIO_DIGITS: usize = 8;
/// Which of the numbers are the length of the file and that of the name with its zero.
const CPIO_FILE_LENGTH: usize = 6;
const CPIO_NAME_LENGTH: usize = 11;
/// Headers, names and contents begin at multiples of this.
const CPIO_ALIGN: usize = 4;

/// Most members of a system image: each instance's root task is looked for among them.
pub const MAX_MEMBERS: usize = 4096;
/// Longest encoded description that is read: decoded, it takes up to sixteen times as much of the boot's heap.
pub const MAX_DESCRIPTION: usize = 256 << 10;

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
    /// The archive has more members than are read.
    TooManyMembers,
    /// The archive has no description.
    NoDescription,
    /// The description is longer than is read.
    LongDescription {
        /// Its bytes.
        length: usize,
    },
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
            Self::TooManyMembers => {
                write!(
                    f,
                    "module 0: the system image has more than {MAX_MEMBERS} members, at most so many are read"
                )
            }
            Self::LongDescription { length } => write!(
                f,
                "module 0: {DESCRIPTION} has {length} bytes, at most {MAX_DESCRIPTION} are read: describe fewer channels \
                 and programs"
            ),
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
    image.check()?;
    let description = image.member(DESCRIPTION).ok_or(ModuleError::NoDescription)?;
    if description.len() > MAX_DESCRIPTION {
        return Err(ModuleError::LongDescription { length: description.len() });
    }
    Ok(Module::System(SystemImage { description, ..image }))
}

impl<'a> SystemImage<'a> {
    /// Contents of the member called `name`.
    pub fn member(&self, name: &str) -> Option<&'a [u8]> {
        self.members().find(|member| member.name == name.as_bytes()).map(|member| member.file)
    }

    /// The members up to the trailer, or to what is none.
    fn members(&self) -> impl Iterator<Item = Member<'a>> {
        let archive = self.archive;
        let mut at = 0;
        core::iter::from_fn(move || {
            let member = Member::read(archive, at)?;
            at = member.end;
            Some(member)
        })
        .take_while(|member| member.name != CPIO_TRAILER)
        .take(MAX_MEMBERS + 1)
    }

    /// Whether the members are few, and followed by the trailer.
    fn check(&self) -> Result<(), ModuleError> {
        let (count, end) = self.members().fold((0, 0), |(count, _), member| (count + 1, member.end));
        if count > MAX_MEMBERS {
            return Err(ModuleError::TooManyMembers);
        }
        match Member::read(self.archive, end) {
            Some(_) => Ok(()),
            None => Err(ModuleError::Truncated { length: self.archive.len() }),
        }
    }
}

/// One file of an archive.
struct Member<'a> {
    name: &'a [u8],
    file: &'a [u8],
    /// Where the next one begins.
    end: usize,
}

impl<'a> Member<'a> {
    /// The member that begins at byte `at`, if all of it is there.
    fn read(archive: &'a [u8], at: usize) -> Option<Self> {
        let name_at = at.checked_add(CPIO_HEADER)?;
        let numbers = archive.get(at..name_at)?.strip_prefix(CPIO_MAGIC)?;
        let number =
            |index: usize| numbers.get(index * CPIO_DIGITS..)?.get(..CPIO_DIGITS).and_then(hexadecimal);
        let name_end = name_at.checked_add(number(CPIO_NAME_LENGTH)?)?;
        let name = archive.get(name_at..name_end)?.strip_suffix(&[0])?;
        let file_at = name_end.checked_next_multiple_of(CPIO_ALIGN)?;
        let file_end = file_at.checked_add(number(CPIO_FILE_LENGTH)?)?;
        let file = match file_at == file_end {
            true => &[],
            false => archive.get(file_at..file_end)?,
        };
        Some(Member { name, file, end: file_end.checked_next_multiple_of(CPIO_ALIGN)? })
    }
}

fn hexadecimal(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)? as usize))
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

    #[test]
    fn more_members_than_are_read_are_refused() {
        let many = |count| {
            let mut bytes = member(DESCRIPTION, b"described");
            bytes.extend(member("x", b"").repeat(count - 1));
            bytes.extend(member("TRAILER!!!", &[]));
            bytes
        };
        assert!(identify(Some(&many(MAX_MEMBERS))).is_ok());
        for count in [MAX_MEMBERS + 1, MAX_MEMBERS + 2, 4 * MAX_MEMBERS] {
            assert_eq!(identify(Some(&many(count))).err(), Some(ModuleError::TooManyMembers));
        }
    }

    #[test]
    fn a_description_that_would_exhaust_the_heap_is_refused() {
        let with = |length| archive(&[(DESCRIPTION, &vec![0; length])]);
        assert!(identify(Some(&with(MAX_DESCRIPTION))).is_ok());
        let length = MAX_DESCRIPTION + 1;
        assert_eq!(identify(Some(&with(length))).err(), Some(ModuleError::LongDescription { length }));
    }

    #[test]
    fn a_member_whose_numbers_lead_out_of_the_archive_ends_it() {
        let good = archive(&[(DESCRIPTION, b"described"), ("ping", b"x")]);
        for number in [CPIO_FILE_LENGTH, CPIO_NAME_LENGTH] {
            for digits in [b"ffffffff", b"7fffffff", b"00000fff", b"-0000001", b"+0000001", b"        "] {
                let mut bytes = good.clone();
                let at = CPIO_MAGIC.len() + number * CPIO_DIGITS;
                bytes[at..at + CPIO_DIGITS].copy_from_slice(digits);
                assert_eq!(
                    identify(Some(&bytes)).err(),
                    Some(ModuleError::Truncated { length: bytes.len() })
                );
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_archive_is_read_or_refused(
            changes in proptest::collection::vec((0..500usize, proptest::prelude::any::<u8>()), 0..8),
            cut in 6..500usize,
        ) {
            let mut bytes = archive(&[(DESCRIPTION, b"described"), ("ping", b"\x7fELF ping"), ("pong", b"")]);
            changes.iter().for_each(|(at, value)| if let Some(byte) = bytes.get_mut(*at) { *byte = *value });
            bytes.truncate(cut);
            if let Ok(Module::System(image)) = identify(Some(&bytes)) {
                assert!(image.description.len() <= bytes.len());
                assert!(image.members().count() <= 3);
            }
        }
    }
}
