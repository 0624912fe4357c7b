// SPDX-License-Identifier: MIT OR Apache-2.0
//! IO ports: issuing ranges, reading and writing.
//!
//! `Kernel::ports` has a bit for every port that cannot be issued: it is in some capability, or another instance owns
//! it. No capability covers a port of the second kind, so deleting a capability frees exactly its own range.

use core::ops::RangeInclusive;

use abi::Label;
use abi::limits::IO_PORTS;
use arch::{Machine, PortWidth};

use crate::args::Args;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;
use crate::{Kernel, PortMap};

/// A decoded invocation.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {
    /// Makes a capability to a range of ports.
    Issue {
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
        /// Slot of the control capability.
        control: SlotRef,
        /// Where the capability goes.
        dest: SlotRef,
    },
    /// Reads a port.
    In {
        /// The port.
        port: u16,
        /// How much.
        width: PortWidth,
    },
    /// Writes a port.
    Out {
        /// The port.
        port: u16,
        /// How much.
        width: PortWidth,
        /// What.
        value: u32,
    },
}

/// Bits of word `index` of the map that stand for ports in `ports`.
const fn bits_in_word(index: usize, first: u16, last: u16) -> u64 {
    let (first_word, last_word) = (first as usize / 64, last as usize / 64);
    if index < first_word || index > last_word {
        return 0;
    }
    let from = if index == first_word { u64::MAX << (first % 64) } else { u64::MAX };
    let to = if index == last_word { u64::MAX >> (63 - last % 64) } else { u64::MAX };
    from & to
}

const fn words_of(first: u16, last: u16) -> RangeInclusive<usize> {
    first as usize / 64..=last as usize / 64
}

fn is_any_set(map: &PortMap, first: u16, last: u16) -> bool {
    words_of(first, last).any(|word| map[word] & bits_in_word(word, first, last) != 0)
}

const _: () = assert!(IO_PORTS == 1 << u16::BITS);

/// Direction and width of an access.
const fn access(label: Label) -> Option<(Direction, PortWidth)> {
    Some(match label {
        Label::IoPortIn8 => (Direction::In, PortWidth::Byte),
        Label::IoPortIn16 => (Direction::In, PortWidth::Word),
        Label::IoPortIn32 => (Direction::In, PortWidth::Long),
        Label::IoPortOut8 => (Direction::Out, PortWidth::Byte),
        Label::IoPortOut16 => (Direction::Out, PortWidth::Word),
        Label::IoPortOut32 => (Direction::Out, PortWidth::Long),
        _ => return None,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_io_port_control(
        &self,
        control: SlotRef,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        if args.label() != Some(Label::IoPortControlIssue) {
            return Err(SyscallError::IllegalOperation);
        }
        args.require(4, 1)?;
        let mut words = args.words();
        let (first, last) = (words.take() as u16, words.take() as u16);
        let (index, depth) = (words.take(), words.take());
        if last < first {
            return Err(SyscallError::InvalidArgument(1));
        }
        if is_any_set(&self.ports, first, last) {
            return Err(SyscallError::RevokeFirst);
        }
        let dest = self.lookup_empty_slot(args.cap(0)?, index, depth)?;
        Ok(Invocation::Issue { first, last, control, dest })
    }

    pub(crate) fn decode_io_port(
        &self,
        first: u16,
        last: u16,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        let (direction, width) = args.label().and_then(access).ok_or(SyscallError::IllegalOperation)?;
        args.require(if direction == Direction::In { 1 } else { 2 }, 0)?;
        let port = args.word(0) as u16;
        let end = u32::from(port) + u32::from(width.ports());
        if port < first || end > u32::from(last) + 1 {
            return Err(SyscallError::IllegalOperation);
        }
        Ok(match direction {
            Direction::In => Invocation::In { port, width },
            Direction::Out => Invocation::Out { port, width, value: args.word(1) as u32 & mask(width) },
        })
    }

    pub(crate) fn execute_io_port(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {
            Invocation::Issue { first, last, control, dest } => {
                for word in words_of(first, last) {
                    self.ports[word] |= bits_in_word(word, first, last);
                }
                self.insert_cap(Cap::IoPort { first, last }, control, dest);
                Ok(Reply::Done)
            }
            Invocation::In { port, width } => {
                let value = self.machine.read_port(port, width) & mask(width);
                Ok(Reply::Word(u64::from(value)))
            }
            Invocation::Out { port, width, value } => {
                self.machine.write_port(port, width, value);
                Ok(Reply::Done)
            }
        }
    }

    /// Frees a range whose last capability goes.
    pub(crate) fn finalise_io_port(&mut self, first: u16, last: u16) {
        for word in words_of(first, last) {
            self.ports[word] &= !bits_in_word(word, first, last);
        }
    }
}

const fn mask(width: PortWidth) -> u32 {
    match width {
        PortWidth::Byte => 0xff,
        PortWidth::Word => 0xffff,
        PortWidth::Long => u32::MAX,
    }
}

#[cfg(test)]
mod tests;
