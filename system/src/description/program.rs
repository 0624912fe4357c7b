// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that an instance's init starts, and what each gets.
//!
//! A program refers to regions, channels and devices by their index in the description. Where its regions and registers
//! are mapped follows from the description alone ([`Program::addresses`]), so host tool and init agree on it.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Access, Description, DeviceKind, Region};
use crate::layout::{HUGE_PAGE_BITS, LARGE_PAGE_BITS, PAGE_BITS};
use crate::{MemoryRange, layout::PAGE};
use abi::{limits, start};

/// The root task that starts programs: the package of this name under `userland/`.
pub const INIT: &str = "init";
/// Highest priority of a program: init itself stays above all of them.
pub const MAX_PRIORITY: u8 = limits::MAX_PRIORITY as u8 - 1;
/// Priority of a program unless it says otherwise.
const DEFAULT_PRIORITY: u8 = 100;
/// Bytes of a stack unless the program says otherwise.
const DEFAULT_STACK: u64 = 64 * 1024;

/// One program of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Name, unique among programs.
    pub name: String,
    /// Index of the instance that runs it.
    pub instance: usize,
    /// Package under `userland/`, or path of an ELF file.
    pub image: String,
    /// Text passed to the program.
    pub arguments: String,
    /// Its priority.
    pub priority: u8,
    /// The highest priority it may give itself.
    pub mcp: u8,
    /// Microseconds it may run in each period.
    pub budget_us: u64,
    /// The period in microseconds; the same as the budget for a mere time slice.
    pub period_us: u64,
    /// Bytes of its stack, rounded up to a page.
    pub stack: u64,
    /// Whether it may use the floating-point unit.
    pub fpu: bool,
    /// Whether the instance ends without waiting for it.
    pub background: bool,
    /// What happens when it faults.
    pub on_fault: OnFault,
    /// What happens when its budget is used up before the period is over.
    pub on_timeout: OnTimeout,
    /// Shared regions it maps.
    pub regions: Vec<Mapped>,
    /// Channels it receives from, by index.
    pub receive: Vec<usize>,
    /// Channels it signals, by index.
    pub signal: Vec<usize>,
    /// Interrupts it handles.
    pub interrupts: Vec<Interrupt>,
    /// Devices whose ports it has, by index.
    pub ports: Vec<usize>,
    /// Devices whose registers it maps, by index.
    pub mmio: Vec<usize>,
}

/// What happens to a program that faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFault {
    /// It stays stopped.
    Stop,
    /// It starts again with the memory it had at first, at most so many times.
    Restart {
        /// How often.
        limit: u32,
    },
}

/// What happens to a program that uses up its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnTimeout {
    /// It goes on when its next period begins.
    Wait,
    /// The same, and init says so.
    Report,
    /// It is treated like a fault.
    Fault,
    /// Another program decides: the one with this index.
    Handler(usize),
}

/// A shared region in a program's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapped {
    /// Index of the region.
    pub region: usize,
    /// What the program may do with it.
    pub access: Access,
    /// Where it is mapped; chosen when it does not matter.
    pub address: Option<u64>,
}

/// An interrupt of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupt {
    /// Name, unique in the program.
    pub name: String,
    /// Where it comes from.
    pub source: InterruptSource,
    /// Which vector of the instance it takes, from 0; chosen when it does not matter.
    pub vector: Option<u8>,
}

/// Where an interrupt comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InterruptSource {
    /// An input of an interrupt controller.
    Pin {
        /// Index of the device that is the controller; the first one of instance 0 when none is named.
        io_apic: Option<usize>,
        /// Which of its inputs.
        pin: u32,
        /// Whether a level triggers it, not an edge.
        is_level: bool,
        /// Whether it is active low.
        is_low: bool,
    },
    /// A message of a PCI function.
    Message {
        /// Bus.
        bus: u8,
        /// Device on the bus.
        device: u8,
        /// Function of the device.
        function: u8,
        /// Which of its messages.
        handle: u32,
    },
}

impl fmt::Display for InterruptSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pin { pin, .. } => write!(f, "pin {pin}"),
            Self::Message { bus, device, function, handle } => {
                write!(f, "message {handle} of {bus:02x}:{device:02x}.{function}")
            }
        }
    }
}

/// Where what a program gets is mapped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Of each region, in the order of [`Program::regions`].
    pub regions: Vec<u64>,
    /// Of each device's registers, in the order of [`Program::mmio`].
    pub mmio: Vec<u64>,
}

impl Program {
    /// A program with the defaults, which gets nothing.
    pub fn new(name: impl Into<String>, instance: usize, image: impl Into<String>) -> Self {
        Program {
            name: name.into(),
            instance,
            image: image.into(),
            arguments: String::new(),
            priority: DEFAULT_PRIORITY,
            mcp: DEFAULT_PRIORITY,
            budget_us: limits::ROOT_TASK_SLICE_US,
            period_us: limits::ROOT_TASK_SLICE_US,
            stack: DEFAULT_STACK,
            fpu: true,
            background: false,
            on_fault: OnFault::Stop,
            on_timeout: OnTimeout::Wait,
            regions: Vec::new(),
            receive: Vec::new(),
            signal: Vec::new(),
            interrupts: Vec::new(),
            ports: Vec::new(),
            mmio: Vec::new(),
        }
    }

    /// Bytes of its stack in whole pages.
    pub fn stack_bytes(&self) -> u64 {
        self.stack.next_multiple_of(PAGE)
    }

    /// Where everything is mapped: as asked, the rest one after the other where nothing was asked for.
    pub fn addresses(&self, description: &Description) -> Addresses {
        let region = |mapped: &Mapped| description.regions.get(mapped.region);
        let asked = |mapped: &Mapped| Some(MemoryRange::of_size(mapped.address?, region(mapped)?.bytes()));
        let taken: Vec<MemoryRange> = self.regions.iter().filter_map(asked).collect();
        let mut free = start::REGIONS;
        let mut choose = |size: u64, alignment: u64| {
            loop {
                // At the end of all addresses the range is empty, which ends the search; validation refuses it.
                let start = free.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
                let range = MemoryRange::of_size(start, size);
                match taken.iter().find(|other| other.overlaps(range)) {
                    Some(other) => free = other.end,
                    None => {
                        free = range.end;
                        return range.start;
                    }
                }
            }
        };
        let regions = self.regions.iter().map(|mapped| match (mapped.address, region(mapped)) {
            (Some(address), _) => address,
            (None, region) => region.map_or(0, |region| choose(region.bytes(), region.alignment())),
        });
        let regions = regions.collect();
        let registers = |device: &usize| match description.devices.get(*device)?.kind {
            DeviceKind::Mmio { size, .. } => Some(size),
            _ => None,
        };
        let mmio = self.mmio.iter().map(|device| registers(device).map_or(0, |size| choose(size, PAGE)));
        Addresses { regions, mmio: mmio.collect() }
    }

    /// What its addresses occupy, with the name of each.
    pub fn occupied<'a>(&self, description: &'a Description) -> Vec<(MemoryRange, &'a str)> {
        let addresses = self.addresses(description);
        let regions = self.regions.iter().zip(addresses.regions).filter_map(|(mapped, address)| {
            let region = description.regions.get(mapped.region)?;
            Some((MemoryRange::of_size(address, region.bytes()), region.name.as_str()))
        });
        let mmio = self.mmio.iter().zip(addresses.mmio).filter_map(|(&device, address)| {
            let device = description.devices.get(device)?;
            match device.kind {
                DeviceKind::Mmio { size, .. } => {
                    Some((MemoryRange::of_size(address, size), device.name.as_str()))
                }
                _ => None,
            }
        });
        regions.chain(mmio).collect()
    }

    /// How many bits of the word of events its lines and interrupts take.
    pub fn events(&self, description: &Description) -> u32 {
        let lines = |channel: &usize| description.channels.get(*channel).map_or(0, |channel| channel.lines);
        let lines = self.receive.iter().map(lines).fold(0, u32::saturating_add);
        lines.saturating_add(u32::try_from(self.interrupts.len()).unwrap_or(u32::MAX))
    }
}

impl Region {
    /// Its size in whole pages.
    pub fn bytes(&self) -> u64 {
        self.size.checked_next_multiple_of(PAGE).unwrap_or(!(PAGE - 1))
    }

    /// The largest page it can consist of, to which it is aligned wherever it is mapped.
    pub fn alignment(&self) -> u64 {
        let bits = [HUGE_PAGE_BITS, LARGE_PAGE_BITS, PAGE_BITS].map(|bits| 1 << bits);
        bits.into_iter().find(|page| self.bytes().is_multiple_of(*page)).unwrap_or(PAGE)
    }
}

impl Description {
    /// The programs that init starts on an instance.
    pub fn programs_of(&self, instance: usize) -> impl Iterator<Item = (usize, &Program)> {
        self.programs.iter().enumerate().filter(move |(_, program)| program.instance == instance)
    }

    /// The program that receives from a channel, and which bit of its events line 0 is.
    pub fn receiver(&self, channel: usize) -> Option<(usize, u32)> {
        let mut programs = self.programs.iter().enumerate();
        programs.find_map(|(index, program)| {
            let position = program.receive.iter().position(|&received| received == channel)?;
            let earlier = program.receive[..position].iter().filter_map(|&other| self.channels.get(other));
            Some((index, earlier.map(|channel| channel.lines).fold(0, u32::saturating_add)))
        })
    }

    /// The vector that an interrupt of a program takes: as asked, the others in their order what is left; nothing when none
    /// is left.
    pub fn vector(&self, program: usize, position: usize) -> Option<u8> {
        let own = self.programs.get(program)?;
        let all = || {
            self.programs_of(own.instance).flat_map(|(index, program)| {
                let of_program = program.interrupts.iter().enumerate();
                of_program.map(move |(position, interrupt)| ((index, position), interrupt.vector))
            })
        };
        own.interrupts.get(position)?.vector.or_else(|| {
            let before = all().take_while(|(place, _)| *place != (program, position));
            let chosen = before.filter(|(_, vector)| vector.is_none()).count();
            let is_free = |vector: &u8| all().all(|(_, asked)| asked != Some(*vector));
            (0..limits::USER_VECTORS as u8).filter(is_free).nth(chosen)
        })
    }

    /// The programs whose timeouts a program handles.
    pub fn handled_by(&self, handler: usize) -> impl Iterator<Item = (usize, &Program)> {
        let programs = self.programs.iter().enumerate();
        programs.filter(move |(_, program)| program.on_timeout == OnTimeout::Handler(handler))
    }

    /// Bytes of the start info of a program.
    pub fn info_bytes(&self, index: usize) -> u64 {
        let Some(program) = self.programs.get(index) else { return 0 };
        let counts = start::Counts {
            arguments: program.arguments.len(),
            regions: program.regions.len(),
            channels: program.receive.len() + program.signal.len(),
            interrupts: program.interrupts.len(),
            ports: program.ports.len(),
            registers: program.mmio.len(),
            timeouts: self.handled_by(index).count(),
        };
        start::encoded_len(&counts) as u64
    }

    /// Whether two interrupts of one instance would come from the same place, whether or not they name the controller.
    pub(crate) fn is_same_source(&self, one: InterruptSource, other: InterruptSource) -> bool {
        let number = |device: Option<usize>| device.map_or(Some(0), |device| self.io_apic_number(device));
        match (one, other) {
            (
                InterruptSource::Pin { io_apic, pin, .. },
                InterruptSource::Pin { io_apic: other, pin: other_pin, .. },
            ) => {
                pin == other_pin
                    && (io_apic == other || number(io_apic).is_some_and(|own| number(other) == Some(own)))
            }
            (message, other) => message == other,
        }
    }

    /// The number of an IOAPIC among those of its owner, as GetIOAPIC counts them; nothing for another device.
    pub fn io_apic_number(&self, device: usize) -> Option<u32> {
        let (owner, chip) = self.io_apic(device)?;
        let others = (0..self.devices.len()).filter_map(|other| self.io_apic(other));
        let before = others.filter(|&(_, index)| index < chip);
        Some(if owner == 0 {
            // Instance 0 has every chip that is not given away.
            chip.saturating_sub(before.filter(|(other, _)| *other != 0).count() as u32)
        } else {
            before.filter(|(other, _)| *other == owner).count() as u32
        })
    }

    /// Owner and position of a device that is an IOAPIC.
    fn io_apic(&self, device: usize) -> Option<(usize, u32)> {
        let device = self.devices.get(device)?;
        match device.kind {
            DeviceKind::IoApic { index } => Some((device.owner, index)),
            _ => None,
        }
    }
}
