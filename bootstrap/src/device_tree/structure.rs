// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of a device tree's bytes that the `fdt` crate leaves to its caller.
//!
//! The crate panics where names, lengths or nesting lead out of the tree, and loses its way at the no-operation tokens
//! that loaders leave in place of what they take out. [`normalised`] is asked first.

use alloc::vec::Vec;

use super::be_u32;

const BEGIN: u32 = 1;
const END: u32 = 2;
const PROPERTY: u32 = 3;
const NOTHING: u32 = 4;
const FINISH: u32 = 9;
/// Nodes within nodes that the crate has room for.
const MAX_DEPTH: u32 = 32;
/// Cells of an address or a size: the most of any bus is three.
const MAX_CELLS: u32 = 4;
/// Bytes of an entry of the list of reservations, which an empty one ends.
const RESERVATION: usize = 16;

/// Offsets of fields of the header.
mod header {
    pub(super) const STRUCTURE: usize = 8;
    pub(super) const STRINGS: usize = 12;
    pub(super) const RESERVATIONS: usize = 16;
    pub(super) const STRINGS_SIZE: usize = 32;
    pub(super) const STRUCTURE_SIZE: usize = 36;
}

/// The same tree without tokens that mean nothing, if its structure can be walked.
pub(super) fn normalised(tree: &[u8]) -> Option<Vec<u8>> {
    let field = |at| be_u32(tree, at).map(|value| value as usize);
    let block = |start: usize, size: usize| tree.get(start..start.checked_add(size)?);
    check_reservations(tree.get(field(header::RESERVATIONS)?..)?)?;
    let start = field(header::STRUCTURE)?;
    let structure = block(start, field(header::STRUCTURE_SIZE)?)?;
    let strings = block(field(header::STRINGS)?, field(header::STRINGS_SIZE)?)?;
    let walked = Walk { structure, strings, at: 0, tokens: Vec::with_capacity(structure.len()) }.walk()?;
    let mut tree = tree.to_vec();
    let target = &mut tree[start..start + structure.len()];
    target.fill(0);
    target[..walked.len()].copy_from_slice(&walked);
    Some(tree)
}

fn check_reservations(list: &[u8]) -> Option<()> {
    list.chunks_exact(RESERVATION).find(|entry| entry.iter().all(|byte| *byte == 0)).map(|_| ())
}

struct Walk<'a> {
    structure: &'a [u8],
    strings: &'a [u8],
    at: usize,
    /// What was walked and means something.
    tokens: Vec<u8>,
}

impl<'a> Walk<'a> {
    /// One root node, in each node properties and then nodes.
    fn walk(mut self) -> Option<Vec<u8>> {
        let mut depth = 0u32;
        let mut may_have_properties = false;
        loop {
            let start = self.at;
            let token = self.word()?;
            match token {
                BEGIN if depth < MAX_DEPTH && (depth > 0 || self.tokens.is_empty()) => {
                    self.name(self.structure, self.at).map(|name| self.skip(name.len() + 1))??;
                    depth += 1;
                }
                END => depth = depth.checked_sub(1)?,
                PROPERTY if may_have_properties => self.property()?,
                NOTHING => continue,
                FINISH if depth == 0 && !self.tokens.is_empty() => {}
                _ => return None,
            }
            may_have_properties = matches!(token, BEGIN | PROPERTY);
            self.tokens.extend_from_slice(&self.structure[start..self.at]);
            if token == FINISH {
                return Some(self.tokens);
            }
        }
    }

    fn property(&mut self) -> Option<()> {
        let length = self.word()? as usize;
        let name = self.word()? as usize;
        let name = self.name(self.strings, name)?;
        if matches!(name, "#address-cells" | "#size-cells") {
            // The crate takes it for granted, and computes with it.
            be_u32(self.structure, self.at).filter(|cells| *cells <= MAX_CELLS && length >= 4)?;
        }
        self.skip(length)
    }

    fn word(&mut self) -> Option<u32> {
        let word = be_u32(self.structure, self.at)?;
        self.at += 4;
        Some(word)
    }

    /// Leaves so many bytes behind, and what fills their last word.
    fn skip(&mut self, length: usize) -> Option<()> {
        let end = self.at.checked_add(length)?.checked_next_multiple_of(4)?;
        self.structure.get(self.at..end)?;
        self.at = end;
        Some(())
    }

    fn name(&self, bytes: &'a [u8], at: usize) -> Option<&'a str> {
        let rest = bytes.get(at..)?;
        let length = rest.iter().position(|byte| *byte == 0)?;
        core::str::from_utf8(&rest[..length]).ok()
    }
}
