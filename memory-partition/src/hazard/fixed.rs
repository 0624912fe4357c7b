// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ports and addresses of a PC that are the same on every one, or on every emulator of one.
//!
//! docs/isolation.md says of each why it is here, and of the rest why it is not.

use super::Unit;
use skerry_system::MemoryRange;

/// Ports that are nobody's, ascending: first, last, what they belong to.
#[rustfmt::skip]
pub(super) const PORTS: [(u16, u16, Unit); 40] = [
    (0x0000, 0x001f, Unit::DmaController),
    (0x0020, 0x002d, Unit::OldInterruptController),
    (0x002e, 0x002f, Unit::Chipset),
    (0x0030, 0x003f, Unit::OldInterruptController),
    (0x0044, 0x004d, Unit::NmiControl),
    (0x004e, 0x004f, Unit::Chipset),
    (0x0060, 0x0060, Unit::KeyboardController),
    (0x0061, 0x0061, Unit::NmiControl),
    (0x0062, 0x0062, Unit::KeyboardController),
    (0x0063, 0x0063, Unit::NmiControl),
    (0x0064, 0x0064, Unit::KeyboardController),
    (0x0065, 0x0065, Unit::NmiControl),
    (0x0066, 0x0066, Unit::KeyboardController),
    (0x0067, 0x0067, Unit::NmiControl),
    (0x0068, 0x006f, Unit::KeyboardController),
    (0x0070, 0x0077, Unit::Clock),
    (0x0080, 0x0091, Unit::DmaController),
    (0x0092, 0x0092, Unit::Reset),
    (0x0093, 0x009f, Unit::DmaController),
    (0x00a0, 0x00af, Unit::OldInterruptController),
    (0x00b0, 0x00b3, Unit::SystemManagement),
    (0x00b4, 0x00bf, Unit::OldInterruptController),
    (0x00c0, 0x00df, Unit::DmaController),
    (0x00e0, 0x00ef, Unit::FirmwareConsole),
    (0x00f4, 0x00f7, Unit::HostExit),
    (0x0400, 0x0401, Unit::DmaController),
    (0x0402, 0x0402, Unit::FirmwareConsole),
    (0x0403, 0x04ff, Unit::DmaController),
    (0x0500, 0x050f, Unit::HostExit),
    (0x0510, 0x051b, Unit::FwCfg),
    (0x0600, 0x067f, Unit::PowerManagement),
    (0x0700, 0x073f, Unit::Chipset),
    (0x0a00, 0x0aff, Unit::Hotplug),
    (0x0c00, 0x0cf7, Unit::Chipset),
    (0x0cf8, 0x0cff, Unit::PciConfiguration),
    (0x5658, 0x567f, Unit::HostCall),
    (0x8900, 0x8901, Unit::HostExit),
    (0xae00, 0xafff, Unit::Hotplug),
    (0xb000, 0xb07f, Unit::PowerManagement),
    (0xb100, 0xb13f, Unit::Chipset),
];

/// Addresses that are nobody's, ascending.
pub(super) const REGISTERS: [(Unit, MemoryRange); 5] = [
    (Unit::InterruptRouting, MemoryRange::new(0xfec0_0000, 0xfed0_0000)),
    (Unit::Chipset, MemoryRange::new(0xfed0_0000, 0xfee0_0000)),
    (Unit::InterruptRouting, MemoryRange::new(0xfee0_0000, 0xfef0_0000)),
    (Unit::Chipset, MemoryRange::new(0xfef0_0000, 0xff00_0000)),
    (Unit::Flash, MemoryRange::new(0xff00_0000, 0x1_0000_0000)),
];
