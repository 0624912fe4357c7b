// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where text goes.
//!
//! From a root task through DebugPutChar, unless the arguments name a port: `console=debugcon:0x8e00` or
//! `console=serial:0x3f8`. A kernel without debug calls needs one, and the instance has to own the port (`[[device]]`;
//! instance 0 owns the rest). From a program it goes to init, line by line (`service.rs`).

mod service;

use crate::allocate::AllocError;
use crate::bootinfo::Boot;
use crate::capability::{CPtr, IO_PORT_CONTROL, IoPort};
use crate::object::Ports;
use crate::root_task::RootTask;
use crate::syscall;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The slot of the port's capability; 0 while text goes through DebugPutChar.
static PORT_SLOT: AtomicU64 = AtomicU64::new(0);
/// The port and what listens there, packed by [`Port::word`].
static PORT: AtomicU64 = AtomicU64::new(0);
/// Is the next character the first of its line?
static AT_LINE_START: AtomicBool = AtomicBool::new(true);

/// Offset of a serial port's line status, and the bit that says a character may be written.
const LINE_STATUS: u16 = 5;
const TRANSMIT_READY: u64 = 1 << 5;

/// What listens at the port that text is written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Port {
    /// QEMU's debug console, which takes every byte at once.
    DebugConsole(u16),
    /// A serial port, which has to be asked before each byte.
    Serial(u16),
}

impl Port {
    /// Reads `debugcon:0x8e00` or `serial:0x3f8`.
    fn parse(text: &str) -> Option<Self> {
        let (kind, number) = text.split_once(':')?;
        let digits = number.strip_prefix("0x")?;
        let port = u16::from_str_radix(digits, 16).ok()?;
        match kind {
            "debugcon" => Some(Self::DebugConsole(port)),
            "serial" => Some(Self::Serial(port)),
            _ => None,
        }
    }

    fn ports(self) -> Ports {
        match self {
            Self::DebugConsole(port) => Ports { first: port.into(), last: port.into() },
            Self::Serial(port) => Ports { first: port.into(), last: u64::from(port) + 7 },
        }
    }

    const fn word(self) -> u64 {
        match self {
            Self::DebugConsole(port) => port as u64,
            Self::Serial(port) => port as u64 | 1 << 16,
        }
    }

    const fn from_word(word: u64) -> Self {
        if word >> 16 == 0 { Self::DebugConsole(word as u16) } else { Self::Serial(word as u16) }
    }

    /// Writes a byte; what a console refuses is lost.
    fn put(self, cap: IoPort, byte: u8) {
        let (Self::DebugConsole(port) | Self::Serial(port)) = self;
        if let Self::Serial(port) = self {
            while cap.in8(port + LINE_STATUS).is_ok_and(|status| status & TRANSMIT_READY == 0) {
                core::hint::spin_loop();
            }
        }
        // Nobody is left to tell.
        let _ = cap.out8(port, byte);
    }
}

/// Sends text to the port that the arguments name, if they name one.
pub fn choose(task: &mut RootTask) -> Result<(), AllocError> {
    let Some(port) = port_of(&task.boot) else { return Ok(()) };
    let slot = task.slots.take()?;
    IO_PORT_CONTROL.issue(port.ports(), slot.slot())?;
    PORT.store(port.word(), Ordering::Relaxed);
    PORT_SLOT.store(slot.0, Ordering::Release);
    Ok(())
}

fn port_of(boot: &Boot) -> Option<Port> {
    Port::parse(boot.argument("console")?)
}

fn put(byte: u8) {
    if service::is_used() {
        return service::put(byte);
    }
    match PORT_SLOT.load(Ordering::Acquire) {
        0 => syscall::debug_put_char(byte),
        slot => Port::from_word(PORT.load(Ordering::Relaxed)).put(IoPort(CPtr(slot)), byte),
    }
}

#[cfg(target_os = "none")]
pub(crate) use service::use_service;
pub(crate) use service::{exit, row};

/// Where text goes, for `write!`; [`crate::print`] is shorter.
#[derive(Clone, Copy, Debug)]
pub struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(put);
        if let Some(last) = text.as_bytes().last() {
            AT_LINE_START.store(*last == b'\n', Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Ends a line that was begun.
pub(crate) fn end_line() {
    if !AT_LINE_START.load(Ordering::Relaxed) {
        print(format_args!("\n"));
    }
}

/// Writes formatted text; [`crate::print`] and [`crate::println`] call it.
pub fn print(arguments: fmt::Arguments<'_>) {
    // The console takes everything; an error is one of a Display implementation.
    let _ = fmt::Write::write_fmt(&mut Console, arguments);
}

/// Writes text to the console.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::console::print(core::format_args!($($argument)*)) };
}

/// Writes a line to the console.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($format:literal $($argument:tt)*) => {
        $crate::print!("{}\n", core::format_args!($format $($argument)*))
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syscall::record;
    use abi::Syscall;

    #[test]
    fn text_goes_to_the_debug_console_character_by_character() {
        let entries = record(|| println!("a{}", 1));
        assert!(entries.iter().all(|entry| entry.number == Syscall::DebugPutChar));
        assert_eq!(entries.iter().map(|entry| entry.dest).collect::<Vec<_>>(), [97, 49, 10]);
    }

    #[test]
    fn a_line_that_was_begun_is_ended_once() {
        let entries = record(|| {
            print!("begun");
            end_line();
            end_line();
        });
        assert_eq!(entries.len(), 6);
    }

    #[test]
    fn a_port_is_a_kind_and_a_hexadecimal_number() {
        assert_eq!(Port::parse("debugcon:0x8e02"), Some(Port::DebugConsole(0x8e02)));
        assert_eq!(Port::parse("serial:0x3f8").map(Port::ports), Some(Ports { first: 0x3f8, last: 0x3ff }));
        for wrong in ["", "serial", "serial:3f8", "tty:0x3f8", "serial:0x12345"] {
            assert_eq!(Port::parse(wrong), None, "{wrong}");
        }
        for port in [Port::DebugConsole(0xe9), Port::Serial(0x3f8)] {
            assert_eq!(Port::from_word(port.word()), port);
        }
    }
}
