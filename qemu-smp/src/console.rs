// SPDX-License-Identifier: MIT OR Apache-2.0
//! Console bytes of a machine: where they come from, and their assembly into whole lines.

use std::fmt;

/// A line out of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// For one source.
    Own(Source),
    /// For all: [`crate::tagged`] tells them apart.
    Tagged,
}

/// What wrote console output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The boot code, before instances run.
    Boot,
    /// The kernel and programs of an instance, through its own console port.
    Core(u32),
    /// The user programs of the instance that owns COM1; shown as that one's output.
    Serial(u32),
}

impl Source {
    /// The instance that is speaking, if one is.
    pub fn instance(self) -> Option<u32> {
        match self {
            Source::Boot => None,
            Source::Core(owner) | Source::Serial(owner) => Some(owner),
        }
    }
}

/// The prefix in the merged log.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instance() {
            None => f.pad("boot"),
            Some(core) => f.pad(&format!("core {core}")),
        }
    }
}

/// Cuts a stream of bytes into lines; what is not a whole line yet waits.
#[derive(Debug, Default)]
pub struct LineAssembler {
    partial: Vec<u8>,
}

impl LineAssembler {
    /// A line longer than this is cut, so that a program that never ends one is still seen. The plan of 255 instances
    /// takes a quarter of it.
    const LONGEST: usize = 1 << 20;

    /// Adds bytes and gives the lines that they complete, without their ends.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for &byte in bytes {
            if byte == b'\n' || self.partial.len() == Self::LONGEST {
                lines.extend(self.take());
            }
            if byte != b'\n' {
                self.partial.push(byte);
            }
        }
        lines
    }

    /// What was written of a line that will not be completed any more, if anything.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        if self.partial.is_empty() { None } else { self.take() }
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let mut line = std::mem::take(&mut self.partial);
        line.pop_if(|last| *last == b'\r');
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_given_when_its_end_arrives_and_not_before() {
        let mut lines = LineAssembler::default();
        assert!(lines.push(b"hel").is_empty());
        assert_eq!(lines.push(b"lo\r\nwor"), [b"hello"]);
        assert_eq!(lines.finish().as_deref(), Some(b"wor".as_slice()));
        assert_eq!(lines.finish(), None);
    }

    #[test]
    fn empty_lines_and_bytes_that_are_not_text_are_kept() {
        let mut lines = LineAssembler::default();
        assert_eq!(lines.push(b"\n\n"), [b"", b""]);
        assert_eq!(lines.push(b"a\xffb\n"), [b"a\xffb"]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut lines = LineAssembler::default();
        let given = lines.push(&vec![b'x'; LineAssembler::LONGEST + 1]);
        assert_eq!(given.len(), 1);
        assert_eq!(given[0].len(), LineAssembler::LONGEST);
        assert_eq!(lines.finish().as_deref(), Some(b"x".as_slice()));
    }
}
