// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a program gets besides its memory: capabilities in its own CNode, mappings, and the entries of its start info.
//!
//! ```text
//!   slots of the program   | thread | service | events | line handlers and signals, interrupts, ports
//!   bits of its events     | lines of the first channel it receives | ... | interrupts
//! ```

use alloc::vec::Vec;

use abi::chunk::skerry::{self, Direction, Name};
use abi::start::{self, FIRST_SLOT};
use abi::{Rights, VmAttributes};
use memory_partition::launch::Launch;
use memory_partition::{Access, DeviceKind, Program};
use userland::object::{AnyPage, Pin, Ports};
use userland::{
    CNode, CPtr, Capability, IO_PORT_CONTROL, IRQ_CONTROL, IrqHandler, Notification, RootTask, Slot,
    SmallPage, VSpace,
};

use crate::Why;
use crate::device_memory::DeviceMemory;
use crate::memory::{self, PAGE, Scratch};

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
        let single = (program.interrupts.len() + program.ports.len()) as u64;
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
}

impl Told {
    /// The bytes of the start info.
    pub(crate) fn encode(&self, head: start::Head, arguments: &str) -> Vec<u8> {
        let contents = start::Contents {
            head,
            arguments,
            regions: &self.regions,
            channels: &self.channels,
            interrupts: &self.interrupts,
            ports: &self.ports,
            registers: &self.registers,
        };
        let mut bytes = alloc::vec![0; start::INFO_BYTES as usize];
        let length = contents.encode(&mut bytes);
        bytes.truncate(length.unwrap_or(0));
        bytes
    }
}

/// Gives one program what its description says.
pub(crate) struct Giver<'a> {
    pub(crate) root: &'a mut RootTask,
    pub(crate) devices: &'a mut DeviceMemory,
    pub(crate) launch: &'static Launch<'static>,
    pub(crate) program: &'static Program,
    pub(crate) vspace: VSpace,
    pub(crate) slots: ProgramSlots,
    pub(crate) events: Notification,
    pub(crate) scratch: Scratch,
    next_slot: u64,
    next_event: u32,
    told: Told,
    handlers: Vec<IrqHandler>,
    status_pages: Vec<u32>,
}

impl<'a> Giver<'a> {
    pub(crate) fn new(
        root: &'a mut RootTask,
        devices: &'a mut DeviceMemory,
        (launch, program): (&'static Launch<'static>, &'static Program),
        (vspace, slots, events): (VSpace, ProgramSlots, Notification),
        scratch: Scratch,
    ) -> Self {
        Self {
            root,
            devices,
            launch,
            program,
            vspace,
            slots,
            events,
            scratch,
            next_slot: FIRST_SLOT,
            next_event: 0,
            told: Told::default(),
            handlers: Vec::new(),
            status_pages: Vec::new(),
        }
    }

    /// Gives everything; returns what to tell the program, and the handlers that init keeps for its restart.
    pub(crate) fn give(mut self) -> Result<(Told, Vec<IrqHandler>), Why> {
        self.regions()?;
        self.channels()?;
        self.interrupts()?;
        self.ports()?;
        self.registers()?;
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
                IRQ_CONTROL.issue_line_signal(line.into(), channel.to as u32, slot)?;
            }
            self.told.channels.push(entry);
        }
        Ok(())
    }

    fn channel_entry(
        &mut self,
        index: usize,
        peer: usize,
        direction: Direction,
    ) -> Result<start::Channel, Why> {
        let channel = &self.launch.description.channels[index];
        Ok(start::Channel {
            name: name(&channel.name),
            direction: direction.word() as u32,
            lines: channel.lines,
            flags: if channel.ack { skerry::Channel::ACK } else { 0 },
            peer: peer as u32,
            first_slot: self.next_slot,
            first_event: if direction == Direction::Receive { self.next_event } else { 0 },
            reserved: 0,
            status: self.status_page(peer as u32)?,
        })
    }

    /// Maps the status page of another instance, once; its address, or 0 when there is none.
    fn status_page(&mut self, peer: u32) -> Result<u64, Why> {
        let mut peers = self.root.boot.chunk().into_iter().flat_map(|chunk| chunk.peers());
        let slot = peers.find(|known| known.instance == peer).map_or(0, |peer| peer.status_slot);
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
        for interrupt in &self.program.interrupts {
            let ioapic = interrupt.io_apic.and_then(|device| self.launch.description.io_apic_number(device));
            let pin = Pin {
                ioapic: ioapic.unwrap_or(0).into(),
                pin: interrupt.pin.into(),
                level: interrupt.is_level.into(),
                polarity: interrupt.is_low.into(),
            };
            let handler = IrqHandler(self.root.slots.take()?);
            IRQ_CONTROL.get_pin(handler.slot(), pin, self.devices.next_vector())?;
            let (slot, event) = (self.next_slot, self.next_event);
            self.handle(handler)?;
            let name = name(&interrupt.name);
            self.told.interrupts.push(start::Interrupt { name, slot, event, reserved: 0 });
        }
        Ok(())
    }

    /// Lets a handler signal the next event, and gives the program a copy to acknowledge with.
    fn handle(&mut self, handler: IrqHandler) -> Result<(), Why> {
        let event = Some(self.next_event).filter(|&event| event < start::MAX_EVENTS);
        let badge = 1 << event.ok_or(Why::Events)?;
        self.next_event += 1;
        let badged = self.scratch.0.slot();
        badged.mint_from(self.events.slot(), Rights::ALL, badge)?;
        handler.set_notification(Notification(self.scratch.0))?;
        badged.delete()?;
        self.next_slot().copy_from(handler.slot(), Rights::ALL)?;
        self.handlers.push(handler);
        Ok(())
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
            let frames = self.devices.frames(self.root, base, size)?;
            let frames = frames.ok_or(Why::NotHere { what: "registers of", name: &device.name })?;
            for (page, frame) in (0..).zip(frames) {
                let (at, attributes) = (address + page * PAGE, VmAttributes::UNCACHEABLE);
                self.root.map(self.vspace, frame, at, Rights::READ_WRITE, attributes)?;
            }
            self.told.registers.push(start::Registers { name: name(&device.name), address, size });
        }
        Ok(())
    }

    fn next_slot(&mut self) -> Slot {
        let slot = self.slots.slot(self.next_slot);
        self.next_slot += 1;
        slot
    }
}

/// Names of a valid description fit.
pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap_or_default()
}
