// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a program that `userland/init` starts is told, and how it talks to init.
//!
//! The start info lies at [`INFO`] in the program's address space, read-only; the argument register and the TLS pointer hold
//! its address when the program begins, so the first two fields serve as the thread's own record. All fields are little endian and follow
//! each other without holes.
//!
//! ```text
//!   0 IPC buffer   8 zero   16 magic   24 version   28 length   32 name[32]   64 instance name[32]
//!  96 service   104 events   112 starts   116 MHz of the TSC   120 budget   128 period
//! 136 arguments {offset, len}   144 regions   152 channels   160 interrupts   168 ports   176 registers {offset, count}
//! 184 timeouts {offset, count}   192 endpoint and   200 reply object of timeouts
//! 208 tables, in that order, then the text of the arguments; offsets count from the start of the info
//! ```
//!
//! ```text
//!  0 ... image ... REGIONS ... chosen addresses ... AREA  | INFO | BUFFER | status pages |  guard | stack | END
//! ```

use crate::chunk::skerry::{Entries, Name, Table, put_all};
use crate::chunk::wire::{Reader, Writer, wire_struct};
use crate::machine::start as machine;

/// The version of the layout.
pub const VERSION: u32 = 1;
/// Marks a start info: "SRSTART" and a zero.
pub const MAGIC: u64 = 0x0054_5241_5453_5253;

/// Regions and registers whose address is not given lie from here on.
pub const REGIONS: u64 = machine::REGIONS;
/// No image, region or register reaches beyond this address: init puts the rest there.
pub const AREA: u64 = machine::AREA;
/// Where the start info is.
pub const INFO: u64 = AREA;
/// Most bytes of a start info.
pub const INFO_BYTES: u64 = 64 << 10;
/// Where the IPC buffer is.
pub const BUFFER: u64 = AREA + 0x10_0000;
/// Where the status pages of other instances are, one page for each, by their number.
pub const STATUS: u64 = AREA + 0x20_0000;
/// Where the stack ends; it grows down, and the page below its last one is never mapped.
pub const STACK_END: u64 = AREA + machine::AREA_SIZE;
/// Most bytes of a stack.
pub const MAX_STACK: u64 = machine::MAX_STACK;

/// The slot of the endpoint that init listens to.
pub const SERVICE_SLOT: u64 = 2;
/// The slot of the notification that lines and interrupts signal.
pub const EVENTS_SLOT: u64 = 3;
/// The first slot of what the program asked for.
pub const FIRST_SLOT: u64 = 4;

/// Most lines and interrupts that one program receives: each has a bit of a word.
pub const MAX_EVENTS: u32 = crate::WORD_BITS;

numbered! {
    /// The label of a message to init.
    Request: u64 {
        /// A line of text: as many bytes as register 0 says, in the registers behind it. Answered without words.
        Print = 0x100,
        /// The same, but the text is one JSON object that becomes a row of the results: its members are texts, numbers,
        /// `true`, `false` or `null`, no two of the same name. Anything else is a fault of the program.
        Row = 0x101,
        /// The program has finished, with the code in register 0. Not answered.
        Exit = 0x102,
        /// The program whose timeout this one handles is to be treated like one that faults: its number as in
        /// [`Timeout`] in register 0, the microseconds it consumed from register 1 on, as a time. Answered without words.
        GiveUp = 0x103,
        /// The program wants the priority in register 0. Answered without words; or, when that is above what its
        /// description allows, with the label of a RangeError and the words 0 and the highest priority it may have.
        SetPriority = 0x104,
    }
}

/// Most bytes of one line of text.
pub const MAX_LINE: usize = (crate::ipc_buffer::MAX_LENGTH - 1) * crate::WORD_BYTES;

wire_struct! {
    /// The fixed part.
    Head {
        /// Where the IPC buffer is.
        buffer: u64,
        /// Zero: a program has no capability for its own thread.
        tcb: u64,
        /// See [`MAGIC`].
        magic: u64,
        /// See [`VERSION`].
        version: u32,
        /// Bytes of the whole.
        len: u32,
        /// The name of the program.
        name: Name,
        /// The name of its instance.
        instance: Name,
        /// The slot of the endpoint that takes a [`Request`].
        service: u64,
        /// The slot of the notification that lines and interrupts signal.
        events: u64,
        /// How often the program was started, from 1.
        starts: u32,
        /// Whole megahertz of the TSC; 0 if unknown.
        tsc_mhz: u32,
        /// Microseconds of time in each period.
        budget_us: u64,
        /// The period in microseconds.
        period_us: u64,
        /// The text of the arguments.
        arguments: Table,
        /// The [`Region`]s.
        regions: Table,
        /// The [`Channel`]s.
        channels: Table,
        /// The [`Interrupt`]s.
        interrupts: Table,
        /// The [`Ports`].
        ports: Table,
        /// The [`Registers`].
        registers: Table,
        /// The [`Timeout`]s.
        timeouts: Table,
        /// The slot of the endpoint that they come to; 0 if there are none.
        timeout_endpoint: u64,
        /// The slot of the reply object to receive them with, one at a time; 0 if there are none.
        timeout_reply: u64,
    }
}

wire_struct! {
    /// A shared region, mapped.
    Region {
        /// Its name.
        name: Name,
        /// Its first address.
        address: u64,
        /// Bytes.
        size: u64,
        /// How it is mapped, as in [`crate::Rights`].
        rights: u32,
        /// Zero.
        reserved: u32,
    }
}

wire_struct! {
    /// Lines from or to another instance, or another program of this one.
    Channel {
        /// Its name.
        name: Name,
        /// See [`crate::chunk::skerry::Direction`].
        direction: u32,
        /// How many lines there are.
        lines: u32,
        /// See [`crate::chunk::skerry::Channel::ACK`].
        flags: u32,
        /// Number of the instance at the other end.
        peer: u32,
        /// The slot of line 0: a handler, or a right to signal. The other lines follow. 0 when lines come from within the
        /// instance and have no handlers.
        first_slot: u64,
        /// The bit of line 0 in the word of events, when this end receives.
        first_event: u32,
        /// Zero.
        reserved: u32,
        /// Where the status page of the instance at the other end is.
        status: u64,
    }
}

wire_struct! {
    /// An interrupt.
    Interrupt {
        /// Its name.
        name: Name,
        /// The slot of its handler.
        slot: u64,
        /// Its bit in the word of events.
        event: u32,
        /// What its device has to write, when the interrupt is a message; else 0.
        message_data: u32,
        /// The physical address to write that to; 0 when the interrupt is no message.
        message_address: u64,
    }
}

wire_struct! {
    /// A range of IO ports.
    Ports {
        /// The name of the device.
        name: Name,
        /// The first port.
        first: u32,
        /// The last port.
        last: u32,
        /// The slot of the capability.
        slot: u64,
    }
}

wire_struct! {
    /// Registers of a device, mapped uncached.
    Registers {
        /// The name of the device.
        name: Name,
        /// The first address.
        address: u64,
        /// Bytes.
        size: u64,
    }
}

wire_struct! {
    /// A program whose timeouts this one handles.
    Timeout {
        /// Its name.
        name: Name,
        /// Its number: the badge of the message.
        number: u64,
    }
}

const _: () = assert!(Head::LEN == 208 && Timeout::LEN == 40 && Region::LEN == 56 && Channel::LEN == 72);
const _: () = assert!(Interrupt::LEN == 56 && Ports::LEN == 48 && Registers::LEN == 48);

/// What goes into a start info.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// The fixed part; lengths and places of the tables are filled in.
    pub head: Head,
    /// The text of the arguments.
    pub arguments: &'a str,
    /// The regions it maps.
    pub regions: &'a [Region],
    /// The channels it has an end of.
    pub channels: &'a [Channel],
    /// The interrupts it handles.
    pub interrupts: &'a [Interrupt],
    /// The ports it has.
    pub ports: &'a [Ports],
    /// The registers it maps.
    pub registers: &'a [Registers],
    /// The programs whose timeouts it handles.
    pub timeouts: &'a [Timeout],
}

impl Head {
    /// A program that was given nothing.
    pub const EMPTY: Self = {
        let table = Table { offset: 0, count: 0 };
        Self {
            buffer: BUFFER,
            tcb: 0,
            magic: MAGIC,
            version: VERSION,
            len: 0,
            name: Name([0; crate::limits::MAX_NAME]),
            instance: Name([0; crate::limits::MAX_NAME]),
            service: SERVICE_SLOT,
            events: EVENTS_SLOT,
            starts: 1,
            tsc_mhz: 0,
            budget_us: 0,
            period_us: 0,
            arguments: table,
            regions: table,
            channels: table,
            interrupts: table,
            ports: table,
            registers: table,
            timeouts: table,
            timeout_endpoint: 0,
            timeout_reply: 0,
        }
    };
}

/// Bytes of a start info with so many entries of each kind.
pub const fn encoded_len(counts: &Counts) -> usize {
    Head::LEN
        + counts.regions * Region::LEN
        + counts.channels * Channel::LEN
        + counts.interrupts * Interrupt::LEN
        + counts.ports * Ports::LEN
        + counts.registers * Registers::LEN
        + counts.timeouts * Timeout::LEN
        + counts.arguments
}

/// How many entries a start info has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Bytes of the arguments.
    pub arguments: usize,
    /// Regions.
    pub regions: usize,
    /// Channels.
    pub channels: usize,
    /// Interrupts.
    pub interrupts: usize,
    /// Ranges of ports.
    pub ports: usize,
    /// Devices with registers.
    pub registers: usize,
    /// Programs whose timeouts it handles.
    pub timeouts: usize,
}

impl Contents<'_> {
    const fn counts(&self) -> Counts {
        Counts {
            arguments: self.arguments.len(),
            regions: self.regions.len(),
            channels: self.channels.len(),
            interrupts: self.interrupts.len(),
            ports: self.ports.len(),
            registers: self.registers.len(),
            timeouts: self.timeouts.len(),
        }
    }

    /// Writes the start info; returns its length, or nothing if it does not fit.
    pub fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let len = encoded_len(&self.counts());
        let mut writer = Writer::new(out.get_mut(..len)?);
        writer.put(self.head(len))?;
        put_all(&mut writer, self.regions)?;
        put_all(&mut writer, self.channels)?;
        put_all(&mut writer, self.interrupts)?;
        put_all(&mut writer, self.ports)?;
        put_all(&mut writer, self.registers)?;
        put_all(&mut writer, self.timeouts)?;
        writer.bytes(self.arguments.as_bytes())?;
        Some(len)
    }

    fn head(&self, len: usize) -> Head {
        let mut offset = Head::LEN as u32;
        let mut place = |count: usize, entry: usize| {
            let table = Table { offset, count: count as u32 };
            offset += (count * entry) as u32;
            table
        };
        let regions = place(self.regions.len(), Region::LEN);
        let channels = place(self.channels.len(), Channel::LEN);
        let interrupts = place(self.interrupts.len(), Interrupt::LEN);
        let ports = place(self.ports.len(), Ports::LEN);
        let registers = place(self.registers.len(), Registers::LEN);
        let timeouts = place(self.timeouts.len(), Timeout::LEN);
        let (arguments, len) = (place(self.arguments.len(), 1), len as u32);
        Head { len, arguments, regions, channels, interrupts, ports, registers, timeouts, ..self.head }
    }
}

/// The length of the start info whose fixed part this is; nothing if it is none, or of another version.
pub fn length(head: &[u8]) -> Option<usize> {
    let head: Head = Reader::new(head).take()?;
    (head.magic == MAGIC && head.version == VERSION).then_some(head.len as usize)
}

/// The start info as a program reads it.
#[derive(Clone, Copy, Debug)]
pub struct StartInfo<'a> {
    bytes: &'a [u8],
    /// The fixed part.
    pub head: Head,
}

impl<'a> StartInfo<'a> {
    /// Takes the bytes of a start info, or more; nothing if they are none, or of another version.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let head: Head = Reader::new(bytes).take()?;
        Some(Self { bytes: bytes.get(..length(bytes)?)?, head })
    }

    /// The arguments; empty if they are no UTF-8 or not inside the info.
    pub fn arguments(&self) -> &'a str {
        self.head.arguments.text(self.bytes)
    }

    /// The regions it maps.
    pub fn regions(&self) -> Entries<'a, Region> {
        Entries::new(self.bytes, self.head.regions)
    }

    /// The channels it has an end of.
    pub fn channels(&self) -> Entries<'a, Channel> {
        Entries::new(self.bytes, self.head.channels)
    }

    /// The interrupts it handles.
    pub fn interrupts(&self) -> Entries<'a, Interrupt> {
        Entries::new(self.bytes, self.head.interrupts)
    }

    /// The ports it has.
    pub fn ports(&self) -> Entries<'a, Ports> {
        Entries::new(self.bytes, self.head.ports)
    }

    /// The registers it maps.
    pub fn registers(&self) -> Entries<'a, Registers> {
        Entries::new(self.bytes, self.head.registers)
    }

    /// The programs whose timeouts it handles.
    pub fn timeouts(&self) -> Entries<'a, Timeout> {
        Entries::new(self.bytes, self.head.timeouts)
    }
}

#[cfg(test)]
mod tests;
