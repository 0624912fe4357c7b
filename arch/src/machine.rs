// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one door between the kernel and the processor it runs on.
//!
//! The kernel decides, the machine acts. Nothing here may fail: what a user can get wrong is checked
//! before the call. At most 25 functions (style.md), so that a second machine stays a day's work.

use crate::{BaseRegisters, Context, CoreId, Devices, FpuState, PhysAddr, Ticks, VirtAddr};

/// What is done to cached copies of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CacheOperation {
    /// Data are written back to memory.
    Clean,
    /// Data are written back and dropped.
    CleanInvalidate,
    /// Instructions are fetched as data were written.
    Unify,
}

/// An address space whose tables were changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// Its top-level table.
    pub root: PhysAddr,
    /// Whether it is the active one.
    pub is_active: bool,
}

/// Whether user code may use the floating-point unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FpuAccess {
    /// Instructions run.
    Enabled,
    /// Every use raises an exception.
    Disabled,
}

/// One input of one interrupt controller: of an IOAPIC, or of the GIC's distributor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pin {
    /// Index of the IOAPIC among those the instance owns; there is one distributor.
    pub chip: u8,
    /// Input number on that chip; at the distributor, of the shared peripheral interrupts.
    pub input: u8,
}

/// How a pin signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// On a transition.
    Edge,
    /// While the level lasts.
    Level,
}

/// Which level of a pin is active.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Polarity {
    /// Active high.
    High,
    /// Active low.
    Low,
}

/// Where and how a pin is delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PinRoute {
    /// Interrupt vector on this core, as the kernel is told it.
    pub vector: u8,
    /// Edge or level.
    pub trigger: Trigger,
    /// Active level.
    pub polarity: Polarity,
}

/// Whether a pin may interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PinMask {
    /// Interrupts are held back.
    Masked,
    /// Interrupts are delivered.
    Unmasked,
}

/// Width of one IO-port access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PortWidth {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Word,
    /// 32 bits.
    Long,
}

impl PortWidth {
    /// Number of consecutive ports that one access covers.
    pub const fn ports(self) -> u16 {
        match self {
            Self::Byte => 1,
            Self::Word => 2,
            Self::Long => 4,
        }
    }
}

/// Why an instance stops for good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopReason {
    /// `DebugHalt`: asked for by a user program.
    Halted,
    /// The kernel found itself in an impossible state.
    Failed,
}

/// Effects of the kernel on its core and devices; [`Devices`] has those that only some processors know.
pub trait Machine: Devices {
    /// The time now.
    fn now(&self) -> Ticks;
    /// Asks for a timer interrupt at `deadline`, or soon if that has passed; replaces the earlier request.
    fn set_deadline(&mut self, deadline: Ticks);
    /// Writes one byte to the debug console.
    fn put_char(&mut self, byte: u8);
    /// Makes `root` the active top-level page table.
    fn activate_vspace(&mut self, root: PhysAddr);
    /// Lets the processor's walks see what was written to page tables, where they do not anyway.
    ///
    /// For entries that were not present: of others there are cached translations to forget, which does it too.
    fn publish_tables(&mut self);
    /// Forgets cached translations of the page at `address` in `space`.
    fn invalidate_page(&mut self, space: Space, address: VirtAddr);
    /// Forgets all cached translations of `space`.
    fn invalidate_all(&mut self, space: Space);
    /// Stores the floating-point unit into `state`; access is enabled.
    fn save_fpu(&mut self, state: &mut FpuState);
    /// Loads the floating-point unit from `state`; access is enabled.
    fn load_fpu(&mut self, state: &FpuState);
    /// Lets user code use the floating-point unit, or not.
    fn set_fpu_access(&mut self, access: FpuAccess);
    /// The base registers now in the processor.
    fn base_registers(&self) -> BaseRegisters;
    /// Puts the base registers into the processor; their values are allowed there.
    fn load_base_registers(&mut self, bases: BaseRegisters);
    /// Stores the base registers in `from`, and puts those of `to` into the processor.
    #[inline(always)]
    fn exchange_base_registers(&mut self, from: &mut Context, to: &Context) {
        from.set_bases(self.base_registers());
        self.load_base_registers(to.bases());
    }
    /// Whether an interrupt waits to be taken (asked at preemption points).
    fn has_pending_interrupt(&self) -> bool;
    /// Ends the interrupt being handled.
    fn end_of_interrupt(&mut self);
    /// Programs a pin, whatever it was before; it is left unmasked.
    fn route_pin(&mut self, pin: Pin, route: PinRoute);
    /// Masks or unmasks a pin.
    fn mask_pin(&mut self, pin: Pin, mask: PinMask);
    /// Bytes of the kernel stack ever used.
    fn stack_high_water(&self) -> u64;
    /// Sends the doorbell interrupt to `core`.
    fn ring_doorbell(&mut self, core: CoreId);
    /// Does `operation` to `bytes` from `start` on, an address of the kernel's or in the active address space, where a
    /// processor lets programs notice its caches.
    #[inline(always)]
    fn maintain_caches(&mut self, _operation: CacheOperation, _start: VirtAddr, _bytes: u64) {}
    /// Writes back and drops all caches.
    fn flush_caches(&mut self);
    /// Stops `core` where it is.
    fn stop_core(&mut self, core: CoreId);
    /// Starts `core` on its boot record.
    fn start_core(&mut self, core: CoreId);
    /// Stops this core for good after the current event.
    fn stop_self(&mut self, reason: StopReason);
}
