// SPDX-License-Identifier: MIT OR Apache-2.0
//! The frames that go around.

/// Words of a frame: what it is, its number, and data made from the number.
const WORDS: usize = 8;

/// A frame as it travels.
pub(crate) type Words = [u64; WORDS];

/// The first word of a ping.
const PING: u64 = 1;
/// The first word of an answer.
const PONG: u64 = 2;
/// The first word of the token.
const TOKEN: u64 = 3;

/// What a frame says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Frame {
    /// Answer me.
    Ping(u64),
    /// The answer to the ping with this number.
    Pong(u64),
    /// Your turn.
    Token,
}

impl Frame {
    /// The words that travel.
    pub(crate) fn encode(self) -> Words {
        match self {
            Self::Ping(sequence) => fill(PING, sequence),
            Self::Pong(sequence) => fill(PONG, sequence),
            Self::Token => fill(TOKEN, 0),
        }
    }

    /// Reads a frame; the number that it claims if anything in it is wrong.
    pub(crate) fn decode(words: &Words) -> Result<Self, u64> {
        let [kind, sequence, ..] = *words;
        let frame = match kind {
            PING => Self::Ping(sequence),
            PONG => Self::Pong(sequence),
            TOKEN => Self::Token,
            _ => return Err(sequence),
        };
        if frame.encode() == *words { Ok(frame) } else { Err(sequence) }
    }
}

fn fill(kind: u64, sequence: u64) -> Words {
    let mut words = [0; WORDS];
    for (place, word) in (0u64..).zip(&mut words) {
        *word = (sequence ^ place << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(kind);
    }
    words[0] = kind;
    words[1] = sequence;
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_arrive_as_they_were_sent() {
        for frame in [Frame::Ping(0), Frame::Ping(999), Frame::Pong(7), Frame::Token] {
            assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
        }
    }

    #[test]
    fn a_change_of_any_bit_is_noticed() {
        let words = Frame::Ping(12).encode();
        for bit in 0..WORDS * 64 {
            let mut changed = words;
            changed[bit / 64] ^= 1 << (bit % 64);
            assert_ne!(Frame::decode(&changed), Ok(Frame::Ping(12)));
            assert!(Frame::decode(&changed).is_err(), "bit {bit}");
        }
    }
}
