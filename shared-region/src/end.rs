// SPDX-License-Identifier: MIT OR Apache-2.0
//! What both ends of a ring do: keep a position, tell it to the peer, and notice when the peer is another.
//!
//! An end trusts only its own fields. From the shared words it takes the peer's stamp, and nothing else.

use crate::layout::{PADDED_WORDS, RingLayout};
use crate::orderings::{Site, at};
use crate::ring::RingError;
use crate::stamp::Stamp;
use crate::sync::Word;

/// Where an end's stamp and its peer's lie in the ring, and under which orderings they are used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    mine: usize,
    theirs: usize,
    store: Site,
    load: Site,
}

impl Side {
    /// The producer's.
    pub(crate) const TAIL: Side =
        Side { mine: 0, theirs: PADDED_WORDS, store: Site::TailStore, load: Site::HeadLoad };
    /// The consumer's.
    pub(crate) const HEAD: Side =
        Side { mine: PADDED_WORDS, theirs: 0, store: Site::HeadStore, load: Site::TailLoad };
}

/// One end of a ring.
#[derive(Debug)]
pub(crate) struct End<'a> {
    words: &'a [Word],
    side: Side,
    pub(crate) ring: RingLayout,
    own_life: u16,
    peer_life: u16,
    /// The peer has named this life, and `peer_position` belongs to it.
    pub(crate) connected: bool,
    /// The slot to work on next.
    pub(crate) position: u32,
    published: u32,
    pub(crate) peer_position: u32,
    /// A new life of the peer was named in this end's stamp, and the peer has not been told to look.
    greeting: bool,
}

impl<'a> End<'a> {
    /// Begins a new life. `words` are those of the ring.
    pub(crate) fn attach(words: &'a [Word], ring: &RingLayout, side: Side) -> Self {
        let former = Stamp::unpack(words[side.mine].load(at(side.load)));
        let mut end = Self {
            words,
            side,
            ring: *ring,
            own_life: former.next_life(),
            peer_life: 0,
            connected: false,
            position: 0,
            published: 0,
            peer_position: 0,
            greeting: false,
        };
        end.follow(end.peer_stamp().own);
        end
    }

    /// The words of the slot to work on next.
    #[inline]
    pub(crate) fn slot(&self) -> &'a [Word] {
        let index = (self.position & (self.ring.capacity() - 1)) as usize;
        let start = 2 * PADDED_WORDS + index * self.ring.slot_words();
        &self.words[start..start + self.ring.slot_words()]
    }

    /// Tells the peer the position and returns how far it moved.
    #[inline]
    pub(crate) fn publish(&mut self) -> u32 {
        let moved = self.position.wrapping_sub(self.published);
        if moved != 0 {
            self.published = self.position;
            self.store_stamp();
        }
        moved
    }

    /// Reads the peer's position, and first its lives: a position counts only between two lives that name each other.
    ///
    /// The peer touches no slot before it finds itself named here, so following a new life is what frees the ring for
    /// it; the store in `follow` therefore comes after every access to a slot on behalf of the old one.
    pub(crate) fn observe(&mut self) -> Result<(), RingError> {
        let theirs = self.peer_stamp();
        if theirs.own != self.peer_life {
            let restarted = self.connected;
            self.follow(theirs.own);
            if restarted {
                return Err(RingError::Restarted);
            }
        }
        if theirs.own == 0 || theirs.peer != self.own_life {
            return Err(RingError::NotConnected);
        }
        self.connected = true;
        self.peer_position = theirs.position;
        Ok(())
    }

    /// Whether the peer is to be told that it was named, asked once for each time.
    pub(crate) fn take_greeting(&mut self) -> bool {
        core::mem::take(&mut self.greeting)
    }

    /// Starts again from position zero, together with that life of the peer.
    fn follow(&mut self, peer_life: u16) {
        self.peer_life = peer_life;
        self.connected = false;
        self.position = 0;
        self.published = 0;
        self.peer_position = 0;
        self.greeting = peer_life != 0;
        self.store_stamp();
    }

    #[inline]
    fn peer_stamp(&self) -> Stamp {
        Stamp::unpack(self.words[self.side.theirs].load(at(self.side.load)))
    }

    #[inline]
    fn store_stamp(&self) {
        let stamp = Stamp { own: self.own_life, peer: self.peer_life, position: self.published };
        self.words[self.side.mine].store(stamp.pack(), at(self.side.store));
    }
}
