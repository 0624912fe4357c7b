// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that init starts: what the description gave them, by name.
//!
//! ```ignore
//! #![cfg_attr(target_os = "none", no_std, no_main)]
//! use userland::{Missing, Program, println};
//!
//! userland::program!(run);
//!
//! fn run(program: &mut Program) -> Result<(), Missing> {
//!     let control = program.receiver("control")?;
//!     let frames = program.region("frames")?;
//!     let lines = control.wait();
//!     println!("lines {lines:#x}, {} words", frames.words().len());
//!     control.ack(lines);
//!     Ok(())
//! }
//! ```
//!
//! Lines and interrupts of a program are bits of one word. Waiting for one of them keeps the others for whoever asks
//! next, so [`Receiver::wait`] and [`Interrupt::wait`] can be mixed, and [`Program::wait_any`] returns whatever came.
#![allow(unsafe_code)] // reads what init mapped

mod device;
mod events;
mod region;
mod timeouts;

use crate::capability::CPtr;
use crate::error::Error;
use crate::message::Message;
use abi::chunk::skerry::{Direction, Name};
use abi::start::{Head, Request, StartInfo};
use core::fmt;

pub use device::{IoPorts, Registers};
pub use events::{Events, Interrupt, InterruptMessage, Receiver, Sender, SenderDoorbell};
pub use region::SharedRegion;
pub use timeouts::{Handled, Timeout, Timeouts, Woken};

/// A running program and what it was given.
#[derive(Debug)]
pub struct Program {
    info: StartInfo<'static>,
}

/// Something that the description does not give to this program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Missing {
    key: &'static str,
    name: Name,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, key) = (self.name.as_str(), self.key);
        if key == timeouts::KEY {
            return write!(
                f,
                "this program does not handle the timeouts of `{name}`: name it as `{key}` there"
            );
        }
        write!(f, "this program is not given `{name}`: add it to `{key}` of its [[program]]")
    }
}

impl core::error::Error for Missing {}

impl Program {
    /// The program whose start info is at `address`; nothing if none is there.
    ///
    /// # Safety
    ///
    /// `address` is what init passed in the first register, and the start info there stays mapped and as it is.
    pub unsafe fn from_address(address: u64) -> Option<Self> {
        let place = address as *const u8;
        // SAFETY: init mapped at least the fixed part.
        let head = unsafe { core::slice::from_raw_parts(place, Head::LEN) };
        let len = abi::start::length(head)?;
        // SAFETY: init mapped as much as the fixed part says.
        let bytes = unsafe { core::slice::from_raw_parts(place, len) };
        StartInfo::parse(bytes).map(|info| Self { info })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.info.head.name.as_str()
    }

    /// The name of its instance.
    pub fn instance(&self) -> &str {
        self.info.head.instance.as_str()
    }

    /// How often it was started: 1 unless it was restarted.
    pub fn starts(&self) -> u32 {
        self.info.head.starts
    }

    /// Whole megahertz of the TSC, which [`crate::ticks`] reads.
    pub fn tsc_mhz(&self) -> Option<u32> {
        Some(self.info.head.tsc_mhz).filter(|&mhz| mhz != 0)
    }

    /// Microseconds it may run in each period, and the period.
    pub fn budget_and_period_us(&self) -> (u64, u64) {
        (self.info.head.budget_us, self.info.head.period_us)
    }

    /// Changes its own priority, which init does for it: up to `mcp` in the description. The priority that the description
    /// gives is back when the program is restarted.
    pub fn set_priority(&self, priority: u64) -> Result<(), Error> {
        let words = [priority];
        Message::new(Request::SetPriority.word(), &words).invoke(CPtr(self.info.head.service)).map(drop)
    }

    /// The words of the arguments.
    pub fn arguments(&self) -> core::str::SplitAsciiWhitespace<'static> {
        self.info.arguments().split_ascii_whitespace()
    }

    /// The text behind `name=` in the arguments.
    pub fn argument(&self, name: &str) -> Option<&'static str> {
        self.arguments().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// The start info itself.
    pub fn info(&self) -> StartInfo<'static> {
        self.info
    }

    /// The end of a channel that this program receives from: `receive` in the description.
    pub fn receiver(&self, name: &str) -> Result<Receiver, Missing> {
        self.channel(name, Direction::Receive, "receive").map(Receiver::new)
    }

    /// The end of a channel that this program signals: `signal` in the description.
    pub fn sender(&self, name: &str) -> Result<Sender, Missing> {
        self.channel(name, Direction::Send, "signal").map(Sender::new)
    }

    /// A shared region: `regions` in the description.
    pub fn region(&self, name: &str) -> Result<SharedRegion, Missing> {
        let found = self.info.regions().find(|region| region.name.as_str() == name);
        found.map(SharedRegion::new).ok_or(missing("regions", name))
    }

    /// An interrupt: `interrupts` in the description.
    pub fn interrupt(&self, name: &str) -> Result<Interrupt, Missing> {
        let found = self.info.interrupts().find(|interrupt| interrupt.name.as_str() == name);
        found.map(Interrupt::new).ok_or(missing("interrupts", name))
    }

    /// IO ports of a device: `ports` in the description.
    pub fn ports(&self, name: &str) -> Result<IoPorts, Missing> {
        let found = self.info.ports().find(|ports| ports.name.as_str() == name);
        found.map(IoPorts::new).ok_or(missing("ports", name))
    }

    /// Registers of a device: `mmio` in the description.
    pub fn registers(&self, name: &str) -> Result<Registers, Missing> {
        let found = self.info.registers().find(|registers| registers.name.as_str() == name);
        found.map(Registers::new).ok_or(missing("mmio", name))
    }

    /// The timeouts of other programs that this one handles: their `timeout-handler` in the description.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts::new(self.info)
    }

    /// Waits for any line or interrupt; what came is returned once.
    pub fn wait_any(&self) -> Events {
        events::wait(u64::MAX)
    }

    /// Lines and interrupts that have come already.
    pub fn poll_any(&self) -> Events {
        events::poll(u64::MAX)
    }

    fn channel(
        &self,
        name: &str,
        direction: Direction,
        key: &'static str,
    ) -> Result<abi::start::Channel, Missing> {
        let mut channels = self.info.channels();
        let wanted = |channel: &abi::start::Channel| {
            channel.name.as_str() == name && u64::from(channel.direction) == direction.word()
        };
        channels.find(wanted).ok_or(missing(key, name))
    }
}

/// Names are at most as long as a [`Name`]; a longer one is shown in part.
fn missing(key: &'static str, name: &str) -> Missing {
    let fitting = (0..=name.len()).rev().find_map(|end| name.get(..end).and_then(Name::new));
    Missing { key, name: fitting.unwrap_or_default() }
}

#[cfg(test)]
mod tests;
