// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processor itself, a Cortex-A15: everything here exists on bare metal only.
//!
//! [`HwMachine`] is the [`Machine`] of an instance on its core. The boot core has set the registers of the MMU
//! (one function, compared across cores) before any of this runs.
#![allow(unsafe_code)]

mod abort;
mod barrier;
pub mod cache;
mod console;
mod fpu;
mod gic;
mod memory;
mod psci;
mod registers;
mod timer;
mod user;

use aarch32_cpu::register::{
    BpIAll, SysRegRead, SysRegRead64, SysRegWrite, SysRegWrite64, TlbIAll, Tpidruro, Tpidrurw, Vbar,
};

use super::tags::{Mark, Rollover, Tags};
pub use crate::bare::stack;
use crate::{
    BaseRegisters, CacheOperation, CoreId, FpuAccess, FpuState, Machine, PhysAddr, Pin, PinMask, PinRoute,
    Space, StopReason, Ticks, VirtAddr, WINDOW_BASE,
};
pub use abort::Abort;
pub use console::Console;
pub use gic::{FIRST_SHARED, Gic};
pub use memory::fill_with_zero;
pub use psci::{Conduit, PsciError};
use registers::{Isr, LongTtbr0, TlbiAsid, TlbiMva};
pub use timer::Clock;
pub use user::CounterAccess;

/// Where the processor enters the kernel: the address of code that the kernel program brings.
#[derive(Clone, Copy, Debug)]
pub struct EntryStubs {
    /// The table of exception vectors.
    pub vectors: usize,
}

/// Whether an interrupt waits, though masked.
#[inline]
pub fn has_pending_interrupt() -> bool {
    const IRQ: u32 = 1 << 7;
    Isr::read_raw() & IRQ != 0
}

/// What the machine must be told about its core.
#[derive(Clone, Copy, Debug)]
pub struct MachineConfig {
    /// The interrupt controller.
    pub gic: Gic,
    /// The clock.
    pub clock: Clock,
    /// Where debug output goes.
    pub console: Console,
    /// How the firmware is called.
    pub conduit: Conduit,
    /// Number of this core among those that have an interface at the interrupt controller.
    pub core: CoreId,
    /// Whether user code may use the cycle counter.
    pub counters: CounterAccess,
}

/// The machine of one instance.
pub struct HwMachine {
    config: MachineConfig,
    /// Numbers of address spaces.
    tags: Tags,
    /// A deadline that is always kept, for fault injection.
    pub extra_deadline: Option<Ticks>,
}

impl HwMachine {
    /// A machine that has not been started.
    pub const fn new() -> Self {
        Self {
            config: MachineConfig {
                gic: Gic::at(0, 0, [0; Gic::CORES]),
                clock: Clock::new(1),
                console: Console::Silent,
                conduit: Conduit::None,
                core: CoreId(0),
                counters: CounterAccess::Closed,
            },
            tags: Tags::new(),
            extra_deadline: None,
        }
    }

    /// Takes over the core: vectors, floating point, counters, timer, interrupts.
    ///
    /// # Safety
    ///
    /// Called once, on the core `config` speaks of, with interrupts masked, on the kernel's own page tables, which map
    /// the interrupt controller. `stubs` take what the processor hands over.
    pub unsafe fn start(&mut self, config: MachineConfig, stubs: EntryStubs) {
        self.config = config;
        // SAFETY: the caller vouches for the stubs; before user code runs they only report a fault.
        unsafe { Vbar::write(Vbar(stubs.vectors as u32)) };
        fpu::start();
        timer::start();
        user::close(config.counters);
        // SAFETY: the vectors are loaded, and the caller vouches for the rest.
        unsafe { self.config.gic.start_core() };
    }

    /// Where debug output goes.
    pub const fn console(&self) -> Console {
        self.config.console
    }

    /// How the firmware is called.
    pub const fn conduit(&self) -> Conduit {
        self.config.conduit
    }

    /// Sends every system call to another stub, for fault injection.
    ///
    /// # Safety
    ///
    /// As for [`HwMachine::start`].
    pub unsafe fn redirect_syscalls(&mut self, stubs: EntryStubs) {
        // SAFETY: the caller vouches for the stubs.
        unsafe { Vbar::write(Vbar(stubs.vectors as u32)) };
    }

    /// Takes the interrupt that waits and answers its vector, or nothing if it has gone.
    #[inline]
    pub fn acknowledge(&mut self) -> Option<u8> {
        self.config.gic.acknowledge()
    }
}

impl HwMachine {
    /// Gives the address space at `root` a number, and answers its upper half of TTBR0.
    #[cold]
    #[inline(never)]
    fn give_number(&mut self, root: PhysAddr) -> u32 {
        let (mark, rollover) = self.tags.next();
        // SAFETY: the entry of the kernel's window is one that no walk reads, of a table that nobody refers to now.
        unsafe { mark_place(root).write(mark) };
        barrier::stores_visible();
        let upper_half = mark.high();
        if rollover == Rollover::ForgetAll {
            // First, or walks of the tables that are still active could bring back an old number.
            load_tables(upper_half, root);
            barrier::synchronise();
            TlbIAll::write();
            BpIAll::write();
            barrier::maintenance_complete();
        }
        upper_half
    }

    /// The number under which the TLB may hold something of `space`.
    #[inline(always)]
    fn number_of(&self, space: Space) -> Option<u32> {
        let upper_half = if space.is_active {
            Some((LongTtbr0::read_raw() >> 32) as u32)
        } else {
            self.tags.upper_half(mark_of(space.root))
        };
        upper_half.map(|upper_half| upper_half >> Mark::NUMBER_SHIFT)
    }
}

/// Makes the table at `root` the active one, under the number in `upper_half`, at the latest for user code: the return to it
/// synchronises. Until then walks of the tables before may go on, and those are still what they were: a table becomes other
/// memory by a later system call.
#[inline(always)]
fn load_tables(upper_half: u32, root: PhysAddr) {
    // SAFETY: the table maps user addresses only; the kernel's are in tables of their own (CONFINED).
    unsafe { LongTtbr0::write_raw(u64::from(upper_half) << 32 | u64::from(root.0 as u32)) };
}

/// Where the address space with the top-level table at `root` has its mark.
#[inline(always)]
fn mark_place(root: PhysAddr) -> *mut Mark {
    core::ptr::with_exposed_provenance_mut((WINDOW_BASE + root.0 + Mark::OFFSET) as usize)
}

/// The mark of the address space with the top-level table at `root`.
///
/// Volatile, so that both words are loaded at once: else a compiler loads the second behind a branch that it makes for that.
#[inline(always)]
fn mark_of(root: PhysAddr) -> Mark {
    // SAFETY: top-level tables are in the kernel's window, and every bit pattern is a mark.
    unsafe { mark_place(root).read_volatile() }
}

impl Default for HwMachine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine for HwMachine {
    #[inline(always)]
    fn now(&self) -> Ticks {
        self.config.clock.now()
    }

    fn set_deadline(&mut self, deadline: Ticks) {
        let deadline = self.extra_deadline.map_or(deadline, |extra| extra.min(deadline));
        self.config.clock.set_deadline(deadline);
    }

    fn put_char(&mut self, byte: u8) {
        self.config.console.put(byte);
    }

    #[inline(always)]
    fn activate_vspace(&mut self, root: PhysAddr) {
        let mark = mark_of(root);
        let mut upper_half = mark.high();
        if !self.tags.counts(mark) {
            upper_half = self.give_number(root);
        }
        load_tables(upper_half, root);
    }

    /// Walks look no earlier than user code does, and the return to it waits for what is before.
    #[inline(always)]
    fn publish_tables(&mut self) {
        barrier::stores_visible();
    }

    #[inline]
    fn invalidate_page(&mut self, space: Space, address: VirtAddr) {
        const PAGE_MASK: u32 = !0xfff;
        let Some(number) = self.number_of(space) else { return };
        barrier::stores_visible();
        // SAFETY: what the TLB forgets it finds in the tables again.
        unsafe { TlbiMva::write_raw(address.0 as u32 & PAGE_MASK | number) };
        BpIAll::write();
        barrier::maintenance_complete();
    }

    #[inline]
    fn invalidate_all(&mut self, space: Space) {
        let Some(number) = self.number_of(space) else { return };
        barrier::stores_visible();
        // SAFETY: what the TLB forgets it finds in the tables again.
        unsafe { TlbiAsid::write_raw(number) };
        BpIAll::write();
        barrier::maintenance_complete();
    }

    fn save_fpu(&mut self, state: &mut FpuState) {
        fpu::save(state);
    }

    fn load_fpu(&mut self, state: &FpuState) {
        fpu::load(state);
    }

    fn set_fpu_access(&mut self, access: FpuAccess) {
        fpu::set_access(access);
    }

    #[inline(always)]
    fn base_registers(&self) -> BaseRegisters {
        BaseRegisters { tpidrurw: Tpidrurw::read().0, tpidruro: Tpidruro::read().0 }
    }

    #[inline(always)]
    fn load_base_registers(&mut self, bases: BaseRegisters) {
        // SAFETY: the two registers are the user's; the kernel uses neither.
        unsafe { Tpidrurw::write(Tpidrurw(bases.tpidrurw)) };
        // SAFETY: as above.
        unsafe { Tpidruro::write(Tpidruro(bases.tpidruro)) };
    }

    fn has_pending_interrupt(&self) -> bool {
        has_pending_interrupt()
    }

    #[inline]
    fn end_of_interrupt(&mut self) {
        self.config.gic.end();
    }

    fn route_pin(&mut self, pin: Pin, route: PinRoute) {
        self.config.gic.route(pin.input, route.vector, route.trigger, self.config.core);
    }

    fn mask_pin(&mut self, pin: Pin, mask: PinMask) {
        self.config.gic.mask(pin.input, mask);
    }

    fn stack_high_water(&self) -> u64 {
        stack::high_water()
    }

    #[inline]
    fn ring_doorbell(&mut self, core: CoreId) {
        self.config.gic.ring(core);
    }

    fn maintain_caches(&mut self, operation: CacheOperation, start: VirtAddr, bytes: u64) {
        // The address space may have become active just now.
        barrier::synchronise();
        cache::maintain(operation, start.0 as u32, bytes as u32);
    }

    fn flush_caches(&mut self) {
        cache::flush_all();
    }

    /// A core can only turn itself off (PSCI): there is nothing to stop another one with, and no instance is controlled.
    fn stop_core(&mut self, _core: CoreId) {}

    /// As for [`HwMachine::stop_core`].
    fn start_core(&mut self, _core: CoreId) {}

    fn stop_self(&mut self, _reason: StopReason) {
        timer::silence();
        self.config.gic.silence();
    }
}
