// SPDX-License-Identifier: MIT OR Apache-2.0
//! A position and the lives it belongs to, in one word, so that they change together.
//!
//! ```text
//! 63         48 47         32 31                             0
//! |  own life  |  peer life  |            position           |
//! ```
//!
//! *Own life* is one more than the former life left behind, never 0; 0 says that nobody attached yet. *Peer life* is
//! the life of the peer that the position counts for. Two ends are connected when each names the other's life. A
//! number returns after 65535 restarts; only a peer that did not look once in between would be deceived.

/// What one end tells the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) own: u16,
    pub(crate) peer: u16,
    pub(crate) position: u32,
}

impl Stamp {
    pub(crate) const fn pack(self) -> u64 {
        (self.own as u64) << 48 | (self.peer as u64) << 32 | self.position as u64
    }

    pub(crate) const fn unpack(word: u64) -> Self {
        Self { own: (word >> 48) as u16, peer: (word >> 32) as u16, position: word as u32 }
    }

    /// The life after this one.
    pub(crate) const fn next_life(self) -> u16 {
        if self.own == u16::MAX { 1 } else { self.own + 1 }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_every_field() {
        for stamp in [
            Stamp::default(),
            Stamp { own: 1, peer: 2, position: 3 },
            Stamp { own: u16::MAX, peer: u16::MAX - 1, position: u32::MAX },
        ] {
            assert_eq!(Stamp::unpack(stamp.pack()), stamp);
        }
        assert_eq!(Stamp { own: 1, peer: 2, position: 3 }.pack(), 0x0001_0002_0000_0003);
    }

    #[test]
    fn no_life_is_numbered_zero() {
        assert_eq!(Stamp::default().next_life(), 1);
        assert_eq!(Stamp { own: u16::MAX, ..Stamp::default() }.next_life(), 1);
    }
}
