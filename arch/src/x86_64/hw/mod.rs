// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processor itself: everything here exists on bare metal only.
//!
//! [`HwMachine`] is the [`Machine`] of an instance on its core. The boot core has set the control registers
//! (one function, compared across cores) before any of this runs.
#![allow(unsafe_code)]

mod console;
mod fpu;
mod ioapic;
mod lapic;
mod memory;
mod segments;

use core::arch::asm;

pub use crate::bare::stack;
use crate::{
    BaseRegisters, Context, CoreId, Devices, FpuAccess, FpuState, Machine, PhysAddr, Pin, PinMask, PinRoute,
    PortWidth, Space, StopReason, Ticks, VirtAddr,
};
pub use console::Console;
use fpu::FpuMethod;
pub use ioapic::IoApics;
pub use lapic::{LapicMode, Timer};
pub use memory::fill_with_zero;
pub use segments::{EntryStubs, USER_CODE, USER_DATA};
use x86_64::instructions::port::Port;
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags};
use x86_64::registers::model_specific::{FsBase, GsBase};

/// What the machine must be told about its core.
#[derive(Clone, Copy, Debug)]
pub struct MachineConfig {
    /// How the local APIC is reached.
    pub lapic: LapicMode,
    /// How deadlines become timer interrupts.
    pub timer: Timer,
    /// Where debug output goes.
    pub console: Console,
    /// IOAPICs of the instance.
    pub io_apics: IoApics,
    /// Local APIC id of this core.
    pub core: CoreId,
}

/// The machine of one instance.
pub struct HwMachine {
    config: MachineConfig,
    fpu: FpuMethod,
    has_fsgsbase: bool,
    /// A deadline that is always kept, for fault injection.
    pub extra_deadline: Option<Ticks>,
}

impl HwMachine {
    /// A machine that has not been started.
    pub const fn new() -> Self {
        Self {
            config: MachineConfig {
                lapic: LapicMode::X2Apic,
                timer: Timer::Deadline,
                console: Console::Silent,
                io_apics: IoApics::NONE,
                core: CoreId(0),
            },
            fpu: FpuMethod::Fxsave,
            has_fsgsbase: false,
            extra_deadline: None,
        }
    }

    /// Takes over the core: segments, gates, system calls, local APIC.
    ///
    /// # Safety
    ///
    /// Called once, on the core `config` speaks of, with interrupts off, on the kernel's own page tables. `stubs` take what
    /// the processor hands over.
    pub unsafe fn start(&mut self, config: MachineConfig, stubs: EntryStubs) {
        self.config = config;
        let cr4 = Cr4::read();
        self.has_fsgsbase = cr4.contains(Cr4Flags::FSGSBASE);
        self.fpu = FpuMethod::of_this_core();
        memory::start(cr4.contains(Cr4Flags::OSXSAVE));
        // SAFETY: the caller vouches that this is the first and only call.
        unsafe { segments::initialise(stubs) };
        // SAFETY: as above; the LAPIC page is mapped in xAPIC mode (the plan grants it).
        unsafe { lapic::enable(config.lapic, config.timer) };
        self.config.io_apics.mask_all();
    }

    /// Where debug output goes.
    pub const fn console(&self) -> Console {
        self.config.console
    }

    /// Sends every system call to another stub, for fault injection.
    ///
    /// # Safety
    ///
    /// As for [`HwMachine::start`].
    pub unsafe fn redirect_syscalls(&mut self, stubs: EntryStubs) {
        segments::redirect_syscalls(stubs);
    }

    /// Sends this core a non-maskable interrupt, for fault injection.
    pub fn send_own_nmi(&mut self) {
        lapic::send(self.config.lapic, self.config.core, lapic::Command::Nmi);
    }
}

impl Default for HwMachine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine for HwMachine {
    #[inline(always)]
    fn now(&self) -> Ticks {
        // SAFETY: RDTSC reads a counter.
        Ticks(unsafe { core::arch::x86_64::_rdtsc() })
    }

    fn set_deadline(&mut self, deadline: Ticks) {
        let deadline = self.extra_deadline.map_or(deadline, |extra| extra.min(deadline));
        lapic::set_deadline(self.config.lapic, self.config.timer, deadline, self.now());
    }

    fn put_char(&mut self, byte: u8) {
        self.config.console.put(byte);
    }

    #[inline(always)]
    fn activate_vspace(&mut self, root: PhysAddr) {
        // SAFETY: every top-level table of this instance has its kernel half (CONFINED).
        unsafe { asm!("mov cr3, {}", in(reg) root.0, options(nostack, preserves_flags)) };
    }

    /// A walk sees the latest store of its own core (SDM vol. 3, 4.10.2.3).
    #[inline(always)]
    fn publish_tables(&mut self) {}

    /// Of an address space that is not active nothing is kept: its activation forgets all.
    #[inline(always)]
    fn invalidate_page(&mut self, space: Space, address: VirtAddr) {
        if space.is_active {
            x86_64::instructions::tlb::flush(x86_64::VirtAddr::new_truncate(address.0));
        }
    }

    /// As for [`HwMachine::invalidate_page`].
    #[inline(always)]
    fn invalidate_all(&mut self, space: Space) {
        if space.is_active {
            x86_64::instructions::tlb::flush_all();
        }
    }

    #[inline(always)]
    fn save_fpu(&mut self, state: &mut FpuState) {
        self.fpu.save(state);
    }

    #[inline(always)]
    fn load_fpu(&mut self, state: &FpuState) {
        self.fpu.load(state);
    }

    #[inline(always)]
    fn set_fpu_access(&mut self, access: FpuAccess) {
        match access {
            // SAFETY: only TS changes; the kernel itself uses no floating point.
            FpuAccess::Enabled => unsafe { asm!("clts", options(nomem, nostack, preserves_flags)) },
            // SAFETY: as above.
            FpuAccess::Disabled => unsafe {
                Cr0::write_raw(Cr0::read_raw() | Cr0Flags::TASK_SWITCHED.bits())
            },
        }
    }

    #[inline(always)]
    fn base_registers(&self) -> BaseRegisters {
        if !self.has_fsgsbase {
            return bases_by_msr();
        }
        let (fs, gs);
        // SAFETY: CR4.FSGSBASE is on; reading the bases changes nothing.
        unsafe {
            asm!("rdfsbase {}", "rdgsbase {}", out(reg) fs, out(reg) gs, options(nomem, nostack, preserves_flags));
        }
        BaseRegisters { fs, gs }
    }

    #[inline(always)]
    fn load_base_registers(&mut self, bases: BaseRegisters) {
        if !self.has_fsgsbase {
            return load_bases_by_msr(bases);
        }
        // SAFETY: CR4.FSGSBASE is on, the bases are canonical, and the kernel uses neither.
        unsafe {
            asm!(
                "wrfsbase {}", "wrgsbase {}",
                in(reg) bases.fs, in(reg) bases.gs,
                options(nomem, nostack, preserves_flags)
            );
        }
    }

    /// One at a time, with one look at what the CPU has.
    #[inline(always)]
    fn exchange_base_registers(&mut self, from: &mut Context, to: &Context) {
        if !self.has_fsgsbase {
            return exchange_bases_by_msr(from, to);
        }
        // SAFETY: CR4.FSGSBASE is on; reading the base changes nothing.
        unsafe { asm!("rdfsbase {}", out(reg) from.fs_base, options(nomem, nostack, preserves_flags)) };
        // SAFETY: as above.
        unsafe { asm!("rdgsbase {}", out(reg) from.gs_base, options(nomem, nostack, preserves_flags)) };
        // SAFETY: CR4.FSGSBASE is on, the base is canonical, and the kernel does not use it.
        unsafe { asm!("wrfsbase {}", in(reg) to.fs_base, options(nomem, nostack, preserves_flags)) };
        // SAFETY: as above.
        unsafe { asm!("wrgsbase {}", in(reg) to.gs_base, options(nomem, nostack, preserves_flags)) };
    }

    fn has_pending_interrupt(&self) -> bool {
        lapic::has_pending(self.config.lapic)
    }

    #[inline]
    fn end_of_interrupt(&mut self) {
        lapic::end_of_interrupt(self.config.lapic);
    }

    fn route_pin(&mut self, pin: Pin, route: PinRoute) {
        self.config.io_apics.route(pin, route, self.config.core);
    }

    fn mask_pin(&mut self, pin: Pin, mask: PinMask) {
        self.config.io_apics.mask(pin, mask);
    }

    fn stack_high_water(&self) -> u64 {
        stack::high_water()
    }

    #[inline(always)]
    fn ring_doorbell(&mut self, core: CoreId) {
        lapic::ring_doorbell(self.config.lapic, core);
    }

    fn flush_caches(&mut self) {
        // SAFETY: WBINVD loses nothing.
        unsafe { asm!("wbinvd", options(nostack, preserves_flags)) };
    }

    fn stop_core(&mut self, core: CoreId) {
        lapic::send(self.config.lapic, core, lapic::Command::Init);
    }

    fn start_core(&mut self, core: CoreId) {
        lapic::send(self.config.lapic, core, lapic::Command::Startup);
    }

    fn stop_self(&mut self, _reason: StopReason) {
        lapic::silence(self.config.lapic);
    }
}

impl Devices for HwMachine {
    fn read_port(&mut self, port: u16, width: PortWidth) -> u32 {
        match width {
            // SAFETY: GRANTED: the instance owns the port; what reading does is the user's affair.
            PortWidth::Byte => unsafe { Port::<u8>::new(port).read() }.into(),
            // SAFETY: GRANTED: the instance owns the port.
            PortWidth::Word => unsafe { Port::<u16>::new(port).read() }.into(),
            // SAFETY: GRANTED: the instance owns the port.
            PortWidth::Long => unsafe { Port::new(port).read() },
        }
    }

    fn write_port(&mut self, port: u16, width: PortWidth, value: u32) {
        match width {
            // SAFETY: GRANTED: the instance owns the port.
            PortWidth::Byte => unsafe { Port::new(port).write(value as u8) },
            // SAFETY: GRANTED: the instance owns the port.
            PortWidth::Word => unsafe { Port::new(port).write(value as u16) },
            // SAFETY: GRANTED: the instance owns the port.
            PortWidth::Long => unsafe { Port::new(port).write(value) },
        }
    }

    fn is_in_service(&self, vector: u8) -> bool {
        lapic::is_in_service(self.config.lapic, vector)
    }
}

/// Whether SMAP is on.
pub fn uses_smap() -> bool {
    Cr4::read().contains(Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION)
}

/// The bases of a CPU without FSGSBASE, whose user code cannot change them.
#[cold]
fn bases_by_msr() -> BaseRegisters {
    BaseRegisters { fs: FsBase::read().as_u64(), gs: GsBase::read().as_u64() }
}

#[cold]
fn load_bases_by_msr(bases: BaseRegisters) {
    FsBase::write(x86_64::VirtAddr::new_truncate(bases.fs));
    GsBase::write(x86_64::VirtAddr::new_truncate(bases.gs));
}

/// Written out, not marked as cold: a call would cost those who do not make it registers.
#[inline(always)]
fn exchange_bases_by_msr(from: &mut Context, to: &Context) {
    let (mut fs, mut gs) = (FsBase::MSR, GsBase::MSR);
    // SAFETY: reading the base changes nothing.
    from.fs_base = unsafe { fs.read() };
    // SAFETY: as above.
    from.gs_base = unsafe { gs.read() };
    // SAFETY: the base is canonical, and the kernel does not use it.
    unsafe { fs.write(to.fs_base) };
    // SAFETY: as above.
    unsafe { gs.write(to.gs_base) };
}
