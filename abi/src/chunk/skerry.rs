// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Skerry chunk (id 0x5352): what the plan gave this instance.
//!
//! The last chunk of the extra bootinfo. It is absent when a plain program owns the whole machine. All fields
//! are little endian and follow each other without holes; the chunk may start at any address.
//!
//! ```text
//!   0 id   8 len   16 version   20 instance   24 name[32]   56 own status slot
//!  64 arguments {offset, len}   72 peers   80 channels   88 regions   96 devices {offset, count}
//! 104 tables, in that order, then the text of the arguments; offsets count from the start of the chunk
//! ```

use super::wire::{Field, Reader, Writer, wire_struct};
use super::{ChunkId, HEADER_LEN};
use crate::limits::MAX_NAME;
use core::fmt;
use core::marker::PhantomData;

/// The version of the layout.
pub const VERSION: u32 = 1;

/// A name of at most 32 bytes, filled up with zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Name(pub [u8; MAX_NAME]);

impl Name {
    /// Takes a name, or nothing if it is too long.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; MAX_NAME];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self(bytes))
    }

    /// The text; empty if the bytes are no UTF-8.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(MAX_NAME);
        core::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Field for Name {
    const LEN: usize = MAX_NAME;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.take().map(Self)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Option<()> {
        writer.put(self.0)
    }
}

wire_struct! {
    /// Another instance of this machine.
    Peer {
        /// Its number.
        instance: u32,
        /// The APIC id of its core.
        apic_id: u32,
        /// Its name.
        name: Name,
        /// Its TSC minus ours, in ticks.
        tsc_offset: i64,
        /// How wrong the offset may be, in ticks.
        tsc_uncertainty: u64,
        /// The slot of the frame of its status page, or 0.
        status_slot: u64,
        /// The slot of the capability that controls it, or 0.
        control_slot: u64,
    }
}

wire_struct! {
    /// Lines from or to another instance.
    Channel {
        /// The other instance.
        peer: u32,
        /// See [`Direction`].
        direction: u32,
        /// How many lines there are.
        lines: u32,
        /// See [`Channel::ACK`].
        flags: u32,
        /// Its name.
        name: Name,
    }
}

impl Channel {
    /// Flag: a delivery masks the line until it is acknowledged.
    pub const ACK: u32 = 1 << 0;

    /// Must each delivery be acknowledged?
    pub const fn has_ack(&self) -> bool {
        self.flags & Self::ACK != 0
    }
}

numbered! {
    /// Which way the signals of a channel go.
    Direction: u64 {
        /// From the peer to this instance.
        Receive = 0,
        /// From this instance to the peer.
        Send = 1,
    }
}

wire_struct! {
    /// A shared region this instance is a member of.
    Region {
        /// Its name.
        name: Name,
        /// Bytes.
        size: u64,
        /// The slot of its first frame.
        first_slot: u64,
        /// How many frames it has.
        slot_count: u32,
        /// The size of each frame as a power of two.
        page_bits: u32,
        /// The rights of the frames, as in [`crate::Rights`].
        rights: u32,
        /// Zero.
        reserved: u32,
    }
}

wire_struct! {
    /// A device this instance owns.
    Device {
        /// See [`DeviceKind`].
        kind: u32,
        /// Zero.
        reserved: u32,
        /// Its first physical address or port.
        base: u64,
        /// Bytes or ports.
        size: u64,
        /// Its name.
        name: Name,
    }
}

numbered! {
    /// What kind of thing a device's range is.
    DeviceKind: u64 {
        /// Physical addresses.
        Mmio = 0,
        /// IO ports.
        IoPorts = 1,
        /// An IOAPIC, with all its pins.
        IoApic = 2,
    }
}

wire_struct! {
    /// Where a table or text is.
    Table {
        /// Its offset from the start of the chunk.
        offset: u32,
        /// Entries, or bytes of text.
        count: u32,
    }
}

wire_struct! {
    /// The fixed part of the chunk, behind its header.
    Head {
        /// See [`VERSION`].
        version: u32,
        /// This instance.
        instance: u32,
        /// Its name.
        name: Name,
        /// The slot of the frame of its own status page.
        own_status_slot: u64,
        /// The text of the arguments.
        arguments: Table,
        /// The [`Peer`]s.
        peers: Table,
        /// The [`Channel`]s.
        channels: Table,
        /// The [`Region`]s.
        regions: Table,
        /// The [`Device`]s.
        devices: Table,
    }
}

impl Table {
    /// The text that it is the place of; empty if that is no UTF-8 or not inside these bytes.
    pub(crate) fn text(self, bytes: &[u8]) -> &str {
        let rest = bytes.get(self.offset as usize..);
        let text = rest.and_then(|rest| rest.get(..self.count as usize));
        core::str::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }
}

/// The offset of the first table.
const TABLES: usize = HEADER_LEN + Head::LEN;

const _: () = assert!(TABLES == 104);
const _: () = assert!(Peer::LEN == 72 && Channel::LEN == 48 && Region::LEN == 64 && Device::LEN == 56);

/// What goes into a chunk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Contents<'a> {
    /// The instance the chunk is for.
    pub instance: u32,
    /// Its name.
    pub name: Name,
    /// The slot of the frame of its own status page.
    pub own_status_slot: u64,
    /// The arguments from the description.
    pub arguments: &'a str,
    /// The other instances.
    pub peers: &'a [Peer],
    /// The channels from and to this instance.
    pub channels: &'a [Channel],
    /// The shared regions it is a member of.
    pub regions: &'a [Region],
    /// The devices it owns.
    pub devices: &'a [Device],
}

impl Contents<'_> {
    /// Bytes of the chunk.
    pub const fn encoded_len(&self) -> usize {
        TABLES
            + size_of_val(self.peers)
            + size_of_val(self.channels)
            + size_of_val(self.regions)
            + size_of_val(self.devices)
            + self.arguments.len()
    }

    /// Writes the chunk; returns its length, or nothing if it does not fit.
    pub fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let len = self.encoded_len();
        let mut writer = Writer::new(out.get_mut(..len)?);
        writer.put(ChunkId::Skerry.word())?;
        writer.put(len as u64)?;
        writer.put(self.head())?;
        put_all(&mut writer, self.peers)?;
        put_all(&mut writer, self.channels)?;
        put_all(&mut writer, self.regions)?;
        put_all(&mut writer, self.devices)?;
        writer.bytes(self.arguments.as_bytes())?;
        Some(len)
    }

    fn head(&self) -> Head {
        let mut offset = TABLES as u32;
        let mut place = |count: usize, entry: usize| {
            let table = Table { offset, count: count as u32 };
            offset += (count * entry) as u32;
            table
        };
        let peers = place(self.peers.len(), Peer::LEN);
        let channels = place(self.channels.len(), Channel::LEN);
        let regions = place(self.regions.len(), Region::LEN);
        let devices = place(self.devices.len(), Device::LEN);
        let arguments = place(self.arguments.len(), 1);
        Head {
            version: VERSION,
            instance: self.instance,
            name: self.name,
            own_status_slot: self.own_status_slot,
            arguments,
            peers,
            channels,
            regions,
            devices,
        }
    }
}

/// Writes the entries of a table.
pub(crate) fn put_all<T: Field>(writer: &mut Writer<'_>, entries: &[T]) -> Option<()> {
    entries.iter().try_for_each(|entry| entry.write(writer))
}

/// The Skerry chunk as a program reads it.
#[derive(Clone, Copy, Debug)]
pub struct SkerryChunk<'a> {
    bytes: &'a [u8],
    head: Head,
}

impl<'a> SkerryChunk<'a> {
    /// Takes the bytes of a chunk, header included; nothing if it is another chunk or version.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let (id, len) = (reader.take::<u64>()?, reader.take::<u64>()?);
        let head: Head = reader.take()?;
        let bytes = bytes.get(..usize::try_from(len).ok()?)?;
        (id == ChunkId::Skerry.word() && head.version == VERSION).then_some(Self { bytes, head })
    }

    /// Finds the chunk in an extra bootinfo.
    pub fn find(extra: &'a [u8]) -> Option<Self> {
        super::Chunks::new(extra).find(ChunkId::Skerry).and_then(|chunk| Self::parse(chunk.bytes))
    }

    /// This instance.
    pub const fn instance(&self) -> u32 {
        self.head.instance
    }

    /// Its name.
    pub const fn name(&self) -> Name {
        self.head.name
    }

    /// The slot of the frame of its own status page.
    pub const fn own_status_slot(&self) -> u64 {
        self.head.own_status_slot
    }

    /// The arguments; empty if they are no UTF-8 or not inside the chunk.
    pub fn arguments(&self) -> &'a str {
        self.head.arguments.text(self.bytes)
    }

    /// The other instances.
    pub fn peers(&self) -> Entries<'a, Peer> {
        Entries::new(self.bytes, self.head.peers)
    }

    /// The channels from and to this instance.
    pub fn channels(&self) -> Entries<'a, Channel> {
        Entries::new(self.bytes, self.head.channels)
    }

    /// The shared regions it is a member of.
    pub fn regions(&self) -> Entries<'a, Region> {
        Entries::new(self.bytes, self.head.regions)
    }

    /// The devices it owns.
    pub fn devices(&self) -> Entries<'a, Device> {
        Entries::new(self.bytes, self.head.devices)
    }
}

/// The entries of a table; they end early if the table is not inside the chunk.
#[derive(Clone, Debug)]
pub struct Entries<'a, T> {
    reader: Reader<'a>,
    left: u32,
    kind: PhantomData<T>,
}

impl<'a, T> Entries<'a, T> {
    pub(crate) fn new(bytes: &'a [u8], table: Table) -> Self {
        let rest = bytes.get(table.offset as usize..).unwrap_or_default();
        Self { reader: Reader::new(rest), left: table.count, kind: PhantomData }
    }
}

impl<T: Field> Iterator for Entries<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        self.reader.take()
    }
}

#[cfg(test)]
mod tests;
