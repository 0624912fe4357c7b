// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a program gets besides its memory: capabilities in its own CNode, mappings, and the entries of its start info.
//!
//! ```text
//!   slots of the program   | thread | service | events | line handlers and signals, interrupts, ports
//!   bits of its events     | lines of the first channel it receives | ... | interrupts
//! ```

use alloc::vec::Vec;

use abi::chunk::skerry::{self, Direction, Name};
use abi::start::{self, EVENTS_SLOT, FIRST_SLOT};
use abi::{Rights, VmAttributes, vector};
use skerry_system::launch::Launch;
use skerry_system::{Access, DeviceKind, Interrupt, InterruptSource, OnTimeout, Program};
use userland::object::{AnyPage, Msi, Pin, Ports};
use userland::{
    CNode, CPtr, Capability, IO_PORT_CONTROL, IRQ_CONTROL, IrqHandler, Notification, RootTask, Slot,
    SmallPage, VSpace, message_address,
};

use crate::Why;
use crate::memory::{self, PAGE, Scratch};
use crate::supplies::Supplies;
use crate::timeouts;

/// Slots of the endpoint and the reply object of timeouts.
const FOR_TIMEOUTS: u64 = 2;

/// A program's CNode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProgramSlots {
    pub(crate) cnode: CNode,
    pub(crate) bits: u32,
}

impl ProgramSlots {
    /// One with room for everything that a program gets.
    pub(crate) fn new(root: &mut RootTask, launch: &Launch<'_>, program: &Program) -> Result<Self, Why> {
        let lines = |channel: &usize| u64::from(launch.description.channels[*channel].lines);
        let channels = program.receive.iter().chain(&program.signal);
        let single = (program.interrupts.len() + program.ports.len()) as u64 + FOR_TIMEOUTS;
        let slots = FIRST_SLOT + channels.map(lines).sum::<u64>() + single;
        let bits = slots.next_power_of_two().ilog2();
        Ok(Self { cnode: root.make_cnode(bits)?, bits })
    }

    /// One of its slots.
    pub(crate) fn slot(self, index: u64) -> Slot {
        Slot { root: self.cnode, index, depth: self.bits.into() }
    }
}

/// The entries of a program's start info.
#[derive(Default)]
pub(crate) struct Told {
    regions: Vec<start::Region>,
    channels: Vec<start::Channel>,
    interrupts: Vec<start::Interrupt>,
    ports: Vec<start::Ports>,
    registers: Vec<start::Registers>,
    timeouts: Vec<start::Timeout>,
    /// Slots of the endpoint and the reply object of timeouts.
    timeout_slots: [u64; 2],
}

impl Told {
    /// The bytes of the start info.
    pub(crate) fn encode(&self, head: start::Head, arguments: &str) -> Vec<u8> {
        let [timeout_endpoint, timeout_reply] = self.timeout_slots;
        let contents = start::Contents {
            head: start::Head { timeout_endpoint, timeout_reply, ..head },
            arguments,
            regions: &self.regions,
            channels: &self.channels,
            interrupts: &self.interrupts,
            ports: &self.ports,
            registers: &self.registers,
            timeouts: &self.timeouts,
        };
        let mut bytes = alloc::vec![0; start::INFO_BYTES as usize];
        let length = contents.encode(&mut bytes);
        bytes.truncate(length.unwrap_or(0));
        bytes
    }
}

/// Gives one program what its description says.
pub(crate) struct Giver<'a> {
    root: &'a mut RootTask,
    supplies: &'a mut Supplies,
    launch: &'static Launch<'static>,
    program: &'static Program,
    index: usize,
    vspace: VSpace,
    slots: ProgramSlots,
    events: Notification,
    scratch: Scratch,
    next_slot: u64,
    next_event: u32,
    told: Told,
    handlers: Vec<IrqHandler>,
    status_pages: Vec<u32>,
}

impl<'a> Giver<'a> {
    pub(crate) fn new(
        root: &'a mut RootTask,
        supplies: &'a mut Supplies,
        (launch, index): (&'static Launch<'static>, usize),
        (vspace, slots): (VSpace, ProgramSlots),
        scratch: Scratch,
    ) -> Result<Self, Why> {
        let program = &launch.description.programs[index];
        let events = supplies.events(index).ok_or(Why::NotHere { what: "program", name: &program.name })?;
        slots.slot(EVENTS_SLOT).mint_from(events.slot(), Rights::READ, 0)?;
        Ok(Self {
            root,
            supplies,
            launch,
            program,
            index,
            vspace,
            slots,
            events,
            scratch,
            next_slot: FIRST_SLOT,
            next_event: 0,
            told: Told::default(),
            handlers: Vec::new(),
            status_pages: Vec::new(),
        })
    }

    /// Gives everything; returns what to tell the program, and the handlers that init keeps for its restart.
    pub(crate) fn give(mut self) -> Result<(Told, Vec<IrqHandler>), Why> {
        self.regions()?;
        self.channels()?;
        self.interrupts()?;
        self.ports()?;
        self.registers()?;
        self.timeouts()?;
        Ok((self.told, self.handlers))
    }

    fn regions(&mut self) -> Result<(), Why> {
        let description = &self.launch.description;
        let addresses = self.program.addresses(description).regions;
        for (mapped, address) in self.program.regions.iter().zip(addresses) {
            let name = &description.regions[mapped.region].name;
            let region = self.root.boot.region(name).ok_or(Why::NotHere { what: "region", name })?;
            let is_writable = mapped.access == Access::ReadWrite;
            for page in 0..u64::from(region.slot_count) {
                let slot = self.root.slots.take()?;
                slot.slot().copy_from(CPtr(region.first_slot + page).slot(), Rights::ALL)?;
                let frame = AnyPage::new(slot, region.page_bits);
                memory::map(
                    self.root,
                    self.vspace,
                    (address + (page << region.page_bits), frame),
                    is_writable,
                )?;
            }
            let rights = if is_writable { Rights::READ_WRITE } else { Rights::READ };
            let rights = rights.word() as u32;
            let entry = start::Region { name: region.name, address, size: region.size, rights, reserved: 0 };
            self.told.regions.push(entry);
        }
        Ok(())
    }

    fn channels(&mut self) -> Result<(), Why> {
        for &index in &self.program.receive {
            let channel = &self.launch.description.channels[index];
            let entry = self.channel_entry(index, channel.from, Direction::Receive)?;
            for line in 0..channel.lines {
                if channel.is_within_instance() {
                    // Who signals it gets a capability with the badge.
                    self.next_badge()?;
                    continue;
                }
                let handler = IrqHandler(self.root.slots.take()?);
                IRQ_CONTROL.get_line(line.into(), channel.from as u32, handler.slot())?;
                self.handle(handler)?;
            }
            self.told.channels.push(entry);
        }
        for &index in &self.program.signal {
            let channel = &self.launch.description.channels[index];
            let entry = self.channel_entry(index, channel.to, Direction::Send)?;
            for line in 0..channel.lines {
                let slot = self.next_slot();
                if channel.is_within_instance() {
                    self.give_signal(index, line, slot)?;
                } else {
                    IRQ_CONTROL.issue_line_signal(line.into(), channel.to as u32, slot)?;
                }
            }
            self.told.channels.push(entry);
        }
        Ok(())
    }

    /// Gives the right to signal a line of a channel within the instance: the receiver's notification, with the line's badge.
    fn give_signal(&mut self, channel: usize, line: u32, slot: Slot) -> Result<(), Why> {
        let description = &self.launch.description;
        let nobody =
            || Why::NotHere { what: "receiver of channel", name: &description.channels[channel].name };
        let (receiver, first_event) = description.receiver(channel).ok_or_else(nobody)?;
        let events = self.supplies.events(receiver).ok_or_else(nobody)?;
        slot.mint_from(events.slot(), Rights::WRITE, badge_of(first_event + line)?)?;
        Ok(())
    }

    fn channel_entry(
        &mut self,
        index: usize,
        peer: usize,
        direction: Direction,
    ) -> Result<start::Channel, Why> {
        let channel = &self.launch.description.channels[index];
        // A notification is never masked, so there is nothing to acknowledge.
        let has_handlers = !channel.is_within_instance();
        Ok(start::Channel {
            name: name(&channel.name),
            direction: direction.word() as u32,
            lines: channel.lines,
            flags: if has_handlers && channel.ack { skerry::Channel::ACK } else { 0 },
            peer: peer as u32,
            first_slot: if has_handlers || direction == Direction::Send { self.next_slot } else { 0 },
            first_event: if direction == Direction::Receive { self.next_event } else { 0 },
            reserved: 0,
            status: self.status_page(peer as u32)?,
        })
    }

    /// Maps the status page of an instance, once; its address, or 0 when there is none.
    fn status_page(&mut self, peer: u32) -> Result<u64, Why> {
        let slot = match self.root.boot.chunk() {
            Some(chunk) if chunk.instance() == peer => chunk.own_status_slot(),
            chunk => {
                let mut peers = chunk.into_iter().flat_map(|chunk| chunk.peers());
                peers.find(|known| known.instance == peer).map_or(0, |peer| peer.status_slot)
            }
        };
        if slot == 0 {
            return Ok(0);
        }
        let address = start::STATUS + u64::from(peer) * PAGE;
        if !self.status_pages.contains(&peer) {
            let copy = self.root.slots.take()?;
            copy.slot().copy_from(CPtr(slot).slot(), Rights::ALL)?;
            memory::map(self.root, self.vspace, (address, SmallPage(copy)), false)?;
            self.status_pages.push(peer);
        }
        Ok(address)
    }

    fn interrupts(&mut self) -> Result<(), Why> {
        for (position, interrupt) in self.program.interrupts.iter().enumerate() {
            let vector = self.launch.description.vector(self.index, position);
            let none = Why::NotHere { what: "vector for interrupt", name: &interrupt.name };
            let vector = vector.ok_or(none)?;
            let handler = IrqHandler(self.root.slots.take()?);
            let (message_address, message_data) = self.issue(interrupt, handler, vector)?;
            let (slot, event) = (self.next_slot, self.next_event);
            self.handle(handler)?;
            let name = name(&interrupt.name);
            self.told.interrupts.push(start::Interrupt { name, slot, event, message_data, message_address });
        }
        Ok(())
    }

    /// Makes the handler of an interrupt; returns address and data of the message that raises it, zeros if it is none.
    fn issue(
        &self,
        interrupt: &'static Interrupt,
        handler: IrqHandler,
        vector: u8,
    ) -> Result<(u64, u32), Why> {
        match interrupt.source {
            InterruptSource::Pin { io_apic, pin, is_level, is_low } => {
                let ioapic = io_apic.and_then(|device| self.launch.description.io_apic_number(device));
                let (ioapic, pin) = (ioapic.unwrap_or(0).into(), pin.into());
                let pin = Pin { ioapic, pin, level: is_level.into(), polarity: is_low.into() };
                IRQ_CONTROL.get_pin(handler.slot(), pin, vector.into())?;
                Ok((0, 0))
            }
            InterruptSource::Message { bus, device, function, handle } => {
                let none = Why::NotHere { what: "message for interrupt", name: &interrupt.name };
                let address = message_address().ok_or(none)?;
                let [bus, device, function] = [bus, device, function].map(u64::from);
                let msi = Msi { bus, device, function, handle: handle.into() };
                IRQ_CONTROL.get_msi(handler.slot(), msi, vector.into())?;
                Ok((address, u32::from(vector::FIRST_USER + vector)))
            }
        }
    }

    /// Lets a handler signal the next event, and gives the program a copy to acknowledge with.
    fn handle(&mut self, handler: IrqHandler) -> Result<(), Why> {
        let badge = self.next_badge()?;
        let badged = self.scratch.0.slot();
        badged.mint_from(self.events.slot(), Rights::ALL, badge)?;
        handler.set_notification(Notification(self.scratch.0))?;
        badged.delete()?;
        self.next_slot().copy_from(handler.slot(), Rights::ALL)?;
        self.handlers.push(handler);
        Ok(())
    }

    /// The bit of the next event.
    fn next_badge(&mut self) -> Result<u64, Why> {
        let badge = badge_of(self.next_event)?;
        self.next_event += 1;
        Ok(badge)
    }

    fn ports(&mut self) -> Result<(), Why> {
        for &device in &self.program.ports {
            let device = &self.launch.description.devices[device];
            let DeviceKind::IoPorts { first, last } = device.kind else { continue };
            let slot = self.next_slot;
            IO_PORT_CONTROL.issue(Ports { first: first.into(), last: last.into() }, self.next_slot())?;
            let entry =
                start::Ports { name: name(&device.name), first: first.into(), last: last.into(), slot };
            self.told.ports.push(entry);
        }
        Ok(())
    }

    fn registers(&mut self) -> Result<(), Why> {
        let addresses = self.program.addresses(&self.launch.description).mmio;
        for (&device, address) in self.program.mmio.iter().zip(addresses) {
            let device = &self.launch.description.devices[device];
            let DeviceKind::Mmio { base, size } = device.kind else { continue };
            let frames = self.supplies.devices.frames(self.root, base, size)?;
            let frames = frames.ok_or(Why::NotHere { what: "registers of", name: &device.name })?;
            for (page, frame) in (0..).zip(frames) {
                let (at, attributes) = (address + page * PAGE, VmAttributes::UNCACHEABLE);
                self.root.map(self.vspace, frame, at, Rights::READ_WRITE, attributes)?;
            }
            self.told.registers.push(start::Registers { name: name(&device.name), address, size });
        }
        Ok(())
    }

    fn timeouts(&mut self) -> Result<(), Why> {
        let Some(timeouts) = self.supplies.timeouts(self.index) else { return Ok(()) };
        self.told.timeout_slots = [self.next_slot, self.next_slot + 1];
        timeouts.give(self.next_slot(), self.next_slot())?;
        let programs = self.launch.description.programs_of(self.launch.instance).enumerate();
        let handler = OnTimeout::Handler(self.index);
        for (position, (_, program)) in programs.filter(|(_, (_, program))| program.on_timeout == handler) {
            let number = timeouts::number_of(position);
            self.told.timeouts.push(start::Timeout { name: name(&program.name), number });
        }
        Ok(())
    }

    fn next_slot(&mut self) -> Slot {
        let slot = self.slots.slot(self.next_slot);
        self.next_slot += 1;
        slot
    }
}

/// The bit of an event.
fn badge_of(event: u32) -> Result<u64, Why> {
    if event < start::MAX_EVENTS { Ok(1 << event) } else { Err(Why::Events) }
}

/// Names of a valid description fit.
pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap_or_default()
}
