// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interrupt controller, GICv2 (Arm IHI 0048B): distributor, interface of this core, doorbells.
//!
//! ```text
//! 0..15   software-generated, one set for each core     1 is the doorbell
//! 16..31  private to a core                             27 is the virtual timer
//! 32..    shared: routed by the instance that owns the distributor, one instance at most
//! ```
//!
//! The registers for 0 to 31 are banked: a core sees its own. The register that sends a doorbell is not, so every instance
//! has the distributor's page in its window; docs/isolation.md says what a faulty kernel could do with it.

use abi::vector::{DOORBELL, SPURIOUS, TIMER};

use super::{barrier, timer};
use crate::{CoreId, PinMask, Trigger};

/// Number of the software-generated interrupt that is the doorbell.
const DOORBELL_INTERRUPT: u32 = 1;
/// First shared interrupt.
pub const FIRST_SHARED: u32 = 32;
/// Interrupt numbers from here on say that there is none.
const FIRST_SPECIAL: u32 = 1020;
/// What acknowledging answers when there is nothing.
const NOTHING: u32 = 1023;
/// The interrupt number in what acknowledging answers; above it stands the sender of a doorbell.
const NUMBER_MASK: u32 = 0x3ff;
/// Shared interrupts that can be connected to vectors.
const MAX_SHARED: usize = 256;

/// Registers of the distributor.
mod distributor {
    pub(super) const CONTROL: usize = 0x000;
    pub(super) const TYPE: usize = 0x004;
    pub(super) const SET_ENABLE: usize = 0x100;
    pub(super) const CLEAR_ENABLE: usize = 0x180;
    pub(super) const CLEAR_PENDING: usize = 0x280;
    pub(super) const CLEAR_ACTIVE: usize = 0x380;
    pub(super) const PRIORITY: usize = 0x400;
    pub(super) const TARGETS: usize = 0x800;
    pub(super) const CONFIGURATION: usize = 0xc00;
    pub(super) const GENERATE: usize = 0xf00;
    pub(super) const CLEAR_GENERATED: usize = 0xf10;
}

/// Registers of a core's interface.
mod interface {
    pub(super) const CONTROL: usize = 0x00;
    pub(super) const PRIORITY_MASK: usize = 0x04;
    pub(super) const BINARY_POINT: usize = 0x08;
    pub(super) const ACKNOWLEDGE: usize = 0x0c;
    pub(super) const END: usize = 0x10;
}

/// The priority of every interrupt: they never interrupt each other.
const PRIORITY: u32 = 0xa0a0_a0a0;
/// Priorities below this one (numerically) are let through.
const LOWEST_PRIORITY: u32 = 0xf0;
const ENABLE: u32 = 1;

/// Where the registers are, and which interrupts are connected to what.
#[derive(Clone, Copy, Debug)]
pub struct Gic {
    distributor: usize,
    interface: usize,
    /// Bit of each core's interface in lists of targets.
    targets: [u8; Self::CORES],
    /// What acknowledging answered for the interrupt being handled.
    active: u32,
    /// Vector of each shared interrupt; 0 for none.
    vectors: [u8; MAX_SHARED],
}

impl Gic {
    /// Cores that it has interfaces for.
    pub const CORES: usize = 8;

    /// The controller whose registers start at these virtual addresses, with what [`Gic::own_target`] answers on each
    /// core.
    pub const fn at(distributor: usize, interface: usize, targets: [u8; Self::CORES]) -> Self {
        Self { distributor, interface, targets, active: NOTHING, vectors: [0; MAX_SHARED] }
    }

    /// The bit of this core's interface in lists of targets, which need not be that of the core's number: interrupts that
    /// are private to a core have it as their target. A controller for a single core answers 0, and looks at no list.
    pub fn own_target(&self) -> u8 {
        self.read(distributor::TARGETS) as u8
    }

    /// Interrupt numbers that the distributor has.
    pub fn interrupts(&self) -> u32 {
        32 * ((self.read(distributor::TYPE) & 0x1f) + 1)
    }

    /// Masks every shared interrupt and lets the others through to the cores.
    ///
    /// # Safety
    ///
    /// Called once, by the boot core, before any core has enabled its interface.
    pub unsafe fn start_distributor(&self) {
        self.write(distributor::CONTROL, 0);
        for word in 1..self.interrupts() as usize / 32 {
            self.write(distributor::CLEAR_ENABLE + 4 * word, u32::MAX);
            self.write(distributor::CLEAR_PENDING + 4 * word, u32::MAX);
            self.write(distributor::CLEAR_ACTIVE + 4 * word, u32::MAX);
        }
        for word in FIRST_SHARED as usize / 4..self.interrupts() as usize / 4 {
            self.write(distributor::PRIORITY + 4 * word, PRIORITY);
            self.write(distributor::TARGETS + 4 * word, 0);
        }
        self.write(distributor::CONTROL, ENABLE);
    }

    /// Turns on the interface of this core, with doorbell and timer let through.
    ///
    /// Doorbells from before are dropped: whoever waits for a line looks at it first (NOT-LOST).
    ///
    /// # Safety
    ///
    /// The exception vectors of this core are ready, and its interrupts masked.
    pub(super) unsafe fn start_core(&mut self) {
        self.write(distributor::CLEAR_ENABLE, u32::MAX);
        self.write(distributor::CLEAR_PENDING, u32::MAX);
        // What was taken before and never ended holds back all interrupts of its priority.
        self.write(distributor::CLEAR_ACTIVE, u32::MAX);
        for word in 0..4 {
            self.write(distributor::CLEAR_GENERATED + 4 * word, u32::MAX);
        }
        for word in 0..FIRST_SHARED as usize / 4 {
            self.write(distributor::PRIORITY + 4 * word, PRIORITY);
        }
        self.write(distributor::SET_ENABLE, 1 << DOORBELL_INTERRUPT | 1 << timer::INTERRUPT);
        self.write_interface(interface::PRIORITY_MASK, LOWEST_PRIORITY);
        self.write_interface(interface::BINARY_POINT, 0);
        self.write_interface(interface::CONTROL, ENABLE);
    }

    /// Takes the most urgent interrupt and answers its vector, or nothing if it has gone.
    #[inline]
    pub(super) fn acknowledge(&mut self) -> Option<u8> {
        let answer = self.read_interface(interface::ACKNOWLEDGE);
        let number = answer & NUMBER_MASK;
        if number >= FIRST_SPECIAL {
            return None;
        }
        self.active = answer;
        Some(match number {
            DOORBELL_INTERRUPT => {
                // The inbox must not have been read before the doorbell was taken: a later one would then be for nothing,
                // and this one's signal be missed.
                barrier::loads_in_order();
                DOORBELL
            }
            timer::INTERRUPT => TIMER,
            _ => self.shared_vector(number),
        })
    }

    /// Vector of an interrupt other than doorbell and timer.
    fn shared_vector(&self, number: u32) -> u8 {
        match number.checked_sub(FIRST_SHARED).and_then(|index| self.vectors.get(index as usize)) {
            Some(&vector @ 1..) => vector,
            _ => SPURIOUS,
        }
    }

    /// Ends the interrupt being handled; nothing if there is none, as when the kernel looks at its inbox unasked.
    #[inline]
    pub(super) fn end(&mut self) {
        if self.active != NOTHING {
            self.write_interface(interface::END, self.active);
            self.active = NOTHING;
        }
    }

    /// Sends the doorbell to `core`, once earlier stores are visible to it: the store to the distributor is one to a
    /// device, which nothing else orders behind stores to memory (docs/design/signalling.md).
    #[inline]
    pub(super) fn ring(&self, core: CoreId) {
        const TARGETS: u32 = 16;
        barrier::stores_visible();
        self.write(distributor::GENERATE, u32::from(self.target(core)) << TARGETS | DOORBELL_INTERRUPT);
    }

    #[inline(always)]
    fn target(&self, core: CoreId) -> u8 {
        self.targets[core.0 as usize % Self::CORES]
    }

    /// Connects shared interrupt `index` to `vector` on `core`, and lets it through.
    pub(super) fn route(&mut self, index: u8, vector: u8, trigger: Trigger, core: CoreId) {
        let number = FIRST_SHARED as usize + usize::from(index);
        self.mask(index, PinMask::Masked);
        self.vectors[usize::from(index)] = vector;
        self.write_byte(distributor::TARGETS + number, self.target(core));
        let place = distributor::CONFIGURATION + 4 * (number / 16);
        let edge = 0b10 << (2 * (number % 16));
        let others = self.read(place) & !edge;
        self.write(place, if trigger == Trigger::Edge { others | edge } else { others });
        self.mask(index, PinMask::Unmasked);
    }

    /// Masks or unmasks shared interrupt `index`.
    pub(super) fn mask(&self, index: u8, mask: PinMask) {
        let number = FIRST_SHARED as usize + usize::from(index);
        let register = match mask {
            PinMask::Masked => distributor::CLEAR_ENABLE,
            PinMask::Unmasked => distributor::SET_ENABLE,
        };
        self.write(register + 4 * (number / 32), 1 << (number % 32));
    }

    /// No interrupt reaches this core any more.
    pub(super) fn silence(&self) {
        self.write_interface(interface::CONTROL, 0);
    }

    #[inline(always)]
    fn read(&self, offset: usize) -> u32 {
        let register: *const u32 = core::ptr::with_exposed_provenance(self.distributor + offset);
        // SAFETY: the registers are mapped as a device, by whoever made this value.
        unsafe { register.read_volatile() }
    }

    #[inline(always)]
    fn write(&self, offset: usize, value: u32) {
        let register: *mut u32 = core::ptr::with_exposed_provenance_mut(self.distributor + offset);
        // SAFETY: as for `read`.
        unsafe { register.write_volatile(value) };
    }

    fn write_byte(&self, offset: usize, value: u8) {
        let register: *mut u8 = core::ptr::with_exposed_provenance_mut(self.distributor + offset);
        // SAFETY: as for `read`; the registers written so can be accessed by bytes.
        unsafe { register.write_volatile(value) };
    }

    #[inline(always)]
    fn read_interface(&self, offset: usize) -> u32 {
        let register: *const u32 = core::ptr::with_exposed_provenance(self.interface + offset);
        // SAFETY: as for `read`.
        unsafe { register.read_volatile() }
    }

    #[inline(always)]
    fn write_interface(&self, offset: usize, value: u32) {
        let register: *mut u32 = core::ptr::with_exposed_provenance_mut(self.interface + offset);
        // SAFETY: as for `read`.
        unsafe { register.write_volatile(value) };
    }
}
