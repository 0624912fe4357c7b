// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest of a few instructions that stands in for the kernel: it writes text to console ports and then waits or
//! resets the machine.
//!
//! ```text
//!   0      ELF header, two program headers (load, note)
//!   0xb0   PVH note with the entry address
//!   0x100  32-bit code, then the texts
//! ```

use std::path::{Path, PathBuf};

/// Console port of the boot code.
pub(crate) const BOOT: u16 = 0x8dff;
/// Console port of instance 0.
pub(crate) const CORE_0: u16 = 0x8e00;
/// The first serial port.
pub(crate) const COM1: u16 = 0x3f8;

const BASE: u32 = 0x20_0000;
const NOTE: u32 = 0xb0;
const CODE: u32 = 0x100;

/// What the guest does after it has written everything.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    /// Waits for ever.
    Halt,
    /// Resets the machine.
    Reset,
    /// Writes everything again, for ever.
    Repeat,
}

/// Writes an image that writes each text to its port into `dir`.
pub(crate) fn image(dir: &Path, texts: &[(u16, &str)], then: Then) -> PathBuf {
    let path = dir.join("guest.elf");
    std::fs::write(&path, elf(&code(texts, then))).expect("the image can be written");
    path
}

fn code(texts: &[(u16, &str)], then: Then) -> Vec<u8> {
    const PER_TEXT: usize = 5 + 5 + 4 + 2;
    let length = 1 + texts.len() * PER_TEXT;
    let jump_back = [&[0xe9][..], &(-(length as i32) - 5).to_le_bytes()].concat();
    let end: &[u8] = match then {
        Then::Repeat => &jump_back,
        Then::Halt => &[0xfa, 0xf4, 0xeb, 0xfc], // cli; hlt; jmp back
        Then::Reset => &[0x66, 0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xf4, 0xeb, 0xfd], // out 6 to 0xcf9; hlt
    };
    let mut code = vec![0xfc]; // cld
    let mut address = BASE + CODE + (length + end.len()) as u32;
    for (port, text) in texts {
        code.push(0xbe); // mov esi, text
        code.extend(address.to_le_bytes());
        code.push(0xb9); // mov ecx, length
        code.extend((text.len() as u32).to_le_bytes());
        code.extend([0x66, 0xba]); // mov dx, port
        code.extend(port.to_le_bytes());
        code.extend([0xf3, 0x6e]); // rep outsb
        address += text.len() as u32;
    }
    code.extend(end);
    texts.iter().for_each(|(_, text)| code.extend(text.as_bytes()));
    code
}

fn elf(code: &[u8]) -> Vec<u8> {
    let mut elf = Vec::new();
    elf.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    half(&mut elf, &[2, 62]); // EXEC, x86-64
    word(&mut elf, &[1]);
    long(&mut elf, &[u64::from(BASE + CODE), 64, 0]);
    word(&mut elf, &[0]);
    half(&mut elf, &[64, 56, 2, 0, 0, 0]);
    let size = u64::from(CODE) + code.len() as u64;
    program_header(&mut elf, 1, 0, size);
    program_header(&mut elf, 4, u64::from(NOTE), 20);
    word(&mut elf, &[4, 4, 18]);
    elf.extend(b"Xen\0");
    word(&mut elf, &[BASE + CODE]);
    elf.resize(CODE as usize, 0);
    elf.extend(code);
    elf
}

fn program_header(elf: &mut Vec<u8>, kind: u32, offset: u64, size: u64) {
    word(elf, &[kind, 7]);
    let address = u64::from(BASE) + offset;
    long(elf, &[offset, address, address, size, size, 4]);
}

fn half(elf: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| elf.extend(value.to_le_bytes()));
}

fn word(elf: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| elf.extend(value.to_le_bytes()));
}

fn long(elf: &mut Vec<u8>, values: &[u64]) {
    values.iter().for_each(|value| elf.extend(value.to_le_bytes()));
}
