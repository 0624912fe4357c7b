// SPDX-License-Identifier: MIT OR Apache-2.0
//! Devices of a program: IO ports and registers, counted from the first one.
#![allow(unsafe_code)] // registers that init mapped

use crate::capability::{CPtr, IoPort};
use crate::error::Error;
use abi::start;

/// A range of IO ports. Offsets are counted from its first port; the kernel refuses those behind the last one.
#[derive(Clone, Copy, Debug)]
pub struct IoPorts {
    cap: IoPort,
    first: u16,
}

impl IoPorts {
    pub(super) fn new(entry: start::Ports) -> Self {
        Self { cap: IoPort(CPtr(entry.slot)), first: entry.first as u16 }
    }

    /// Reads a byte.
    pub fn read8(&self, offset: u16) -> Result<u8, Error> {
        self.cap.in8(self.port(offset)).map(|value| value as u8)
    }

    /// Reads two bytes.
    pub fn read16(&self, offset: u16) -> Result<u16, Error> {
        self.cap.in16(self.port(offset)).map(|value| value as u16)
    }

    /// Reads four bytes.
    pub fn read32(&self, offset: u16) -> Result<u32, Error> {
        self.cap.in32(self.port(offset)).map(|value| value as u32)
    }

    /// Writes a byte.
    pub fn write8(&self, offset: u16, value: u8) -> Result<(), Error> {
        self.cap.out8(self.port(offset), value)
    }

    /// Writes two bytes.
    pub fn write16(&self, offset: u16, value: u16) -> Result<(), Error> {
        self.cap.out16(self.port(offset), value)
    }

    /// Writes four bytes.
    pub fn write32(&self, offset: u16, value: u32) -> Result<(), Error> {
        self.cap.out32(self.port(offset), value)
    }

    fn port(&self, offset: u16) -> u16 {
        self.first.saturating_add(offset)
    }
}

/// Registers of a device, mapped uncached.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    entry: start::Registers,
}

impl Registers {
    pub(super) fn new(entry: start::Registers) -> Self {
        Self { entry }
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.entry.size
    }

    /// Reads the register of four bytes at an offset.
    ///
    /// # Panics
    ///
    /// When the register is not aligned or not of this device.
    pub fn read32(&self, offset: u64) -> u32 {
        let place = self.place(offset);
        // SAFETY: init mapped the registers there, and the offset is inside.
        unsafe { place.read_volatile() }
    }

    /// Writes the register of four bytes at an offset.
    ///
    /// # Panics
    ///
    /// When the register is not aligned or not of this device.
    pub fn write32(&self, offset: u64, value: u32) {
        let place = self.place(offset);
        // SAFETY: as for reading.
        unsafe { place.write_volatile(value) }
    }

    fn place(&self, offset: u64) -> *mut u32 {
        let is_inside = offset.checked_add(4).is_some_and(|end| end <= self.entry.size);
        assert!(
            offset.is_multiple_of(4) && is_inside,
            "register {offset:#x} of {:#x} bytes",
            self.entry.size
        );
        (self.entry.address + offset) as *mut u32
    }
}
