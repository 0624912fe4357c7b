// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is next to whom.

use abi::chunk::skerry::{Peer, Region, SkerryChunk};
use core::fmt::{self, Write};

/// A neighbour and the region shared with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbour {
    pub(crate) peer: Peer,
    pub(crate) region: Region,
}

/// The instances before and after this one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbours {
    /// This instance's number.
    own: u32,
    /// The one that this instance pings.
    pub(crate) next: Option<Neighbour>,
    /// The one that pings this instance.
    pub(crate) previous: Option<Neighbour>,
}

impl Neighbours {
    /// Reads the neighbours from the names of the regions: `A-B` belongs to the hop from A to B.
    pub(crate) fn of(chunk: &SkerryChunk<'_>) -> Self {
        let (own, own_name) = (chunk.instance(), chunk.name());
        let own_end = End { number: own, name: own_name.as_str() };
        let hop_region = |names: [Text; 2]| {
            chunk.regions().find(|region| names.iter().any(|name| name.as_str() == region.name.as_str()))
        };
        let next = chunk.peers().find_map(|peer| {
            hop_region(hop_names(own_end, End::of(&peer))).map(|region| Neighbour { peer, region })
        });
        let previous = chunk.peers().find_map(|peer| {
            hop_region(hop_names(End::of(&peer), own_end)).map(|region| Neighbour { peer, region })
        });
        Self { own, next, previous }
    }

    /// Does this instance hold the token at the start? It is the first, or nobody is before it.
    pub(crate) fn begins(&self) -> bool {
        self.own == 0 || self.previous.is_none()
    }
}

/// One end of a hop.
#[derive(Clone, Copy, Debug)]
struct End<'a> {
    number: u32,
    name: &'a str,
}

impl<'a> End<'a> {
    fn of(peer: &'a Peer) -> Self {
        Self { number: peer.instance, name: peer.name.as_str() }
    }
}

/// What the region of a hop may be called: by the names of the two, or by their numbers.
fn hop_names(from: End<'_>, to: End<'_>) -> [Text; 2] {
    [
        Text::of(format_args!("{}-{}", from.name, to.name)),
        Text::of(format_args!("hop-{}-{}", from.number, to.number)),
    ]
}

/// A text on the stack.
#[derive(Clone, Copy, Debug)]
struct Text {
    bytes: [u8; 96],
    len: usize,
}

impl Text {
    fn of(arguments: fmt::Arguments<'_>) -> Self {
        let mut text = Self { bytes: [0; 96], len: 0 };
        // Two names of 32 bytes and a dash fit.
        let _ = text.write_fmt(arguments);
        text
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let place = self.bytes[self.len..].get_mut(..text.len()).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::chunk::skerry::{Contents, Name};

    fn name(text: &str) -> Name {
        Name::new(text).expect("short")
    }

    fn neighbours(own: u32, names: &[&str], regions: &[&str]) -> (Neighbours, bool) {
        let peer = |(instance, text): (u32, &&str)| Peer {
            instance,
            apic_id: instance,
            name: name(text),
            tsc_offset: 0,
            tsc_uncertainty: 0,
            status_slot: 0,
            control_slot: 0,
        };
        let region = |text: &&str| Region {
            name: name(text),
            size: 0x10000,
            first_slot: 0,
            slot_count: 16,
            page_bits: 12,
            rights: 3,
            reserved: 0,
        };
        let peers: Vec<Peer> = (0..).zip(names).filter(|&(number, _)| number != own).map(peer).collect();
        let regions: Vec<Region> = regions.iter().map(region).collect();
        let own_name = name(names[own as usize]);
        let contents = Contents {
            instance: own,
            name: own_name,
            peers: &peers,
            regions: &regions,
            ..Contents::default()
        };
        let mut bytes = vec![0; contents.encoded_len()];
        contents.encode(&mut bytes).expect("fits");
        let found = Neighbours::of(&SkerryChunk::parse(&bytes).expect("was encoded"));
        (found, found.begins())
    }

    fn numbers(own: u32, names: &[&str], regions: &[&str]) -> (Option<u32>, Option<u32>, bool) {
        let (found, begins) = neighbours(own, names, regions);
        let number = |neighbour: Option<Neighbour>| neighbour.map(|neighbour| neighbour.peer.instance);
        (number(found.previous), number(found.next), begins)
    }

    #[test]
    fn regions_named_after_their_members_make_a_ring() {
        let names = ["north", "east", "south", "west"];
        assert_eq!(numbers(0, &names, &["north-east", "west-north"]), (Some(3), Some(1), true));
        assert_eq!(numbers(1, &names, &["north-east", "east-south"]), (Some(0), Some(2), false));
        assert_eq!(numbers(3, &names, &["south-west", "west-north"]), (Some(2), Some(0), false));
    }

    #[test]
    fn numbered_hops_make_a_ring_too() {
        let names = ["core-0", "core-1", "core-2"];
        assert_eq!(numbers(2, &names, &["hop-1-2", "hop-2-0"]), (Some(1), Some(0), false));
    }

    #[test]
    fn two_instances_are_neighbours_once() {
        let names = ["a", "b"];
        assert_eq!(numbers(0, &names, &["hop-0-1"]), (None, Some(1), true));
        assert_eq!(numbers(1, &names, &["hop-0-1"]), (Some(0), None, false));
    }
}
