// SPDX-License-Identifier: MIT OR Apache-2.0
//! One seL4-compatible kernel instance as a library.
//!
//! The kernel is a value with one verb: [`Kernel::handle`] takes an [`Event`] and returns what the core does next.
//! It drives one core with interrupts off, has no heap and no locks, and reaches the world only through
//! [`arch::Machine`] and its window onto memory, so it runs the same on a workstation with simulated memory.
//!
//! A system call is *decoded* (may refuse, changes nothing), then *executed* (changes, cannot refuse).
//!
//! # Invariants
//!
//! | Name | Statement |
//! |---|---|
//! | TYPED | an `ObjRef<T>` names memory that holds a `T` |
//! | MDB | derivation links of neighbours agree, and an empty slot has none |
//! | QUEUED | a thread is in an IPC queue exactly when it is blocked on that object |
//! | READY | a thread in a ready queue is schedulable and is not the current thread |
//! | RELEASED | the release queue is ordered by release time and its threads are in no ready queue |
//! | TIMER | the timer fires before the budget of the current scheduling context ends and before the first release |
//! | REFILLS | refills of a context are ordered, do not overlap, and sum up to its budget |
//! | ROUTED | a pin of an interrupt controller routes to one vector at most, that of its last issue; only handlers of that vector mask and unmask it |
//! | BOUND | a scheduling context and its thread, and a notification and its thread, name each other |
#![cfg_attr(target_os = "none", no_std)]

pub mod args;
pub mod boot;
pub mod cap;
mod debug;
mod end;
pub mod error;
mod explain;
pub mod fastpath;
#[cfg(not(target_arch = "arm"))]
pub mod gate;
pub mod handover;
#[cfg(not(target_os = "none"))]
pub mod invariants;
pub mod invocation;
pub mod ipc;
pub mod memory;
pub mod numbering;
pub mod object;
pub mod sched;
pub mod status;
pub mod syscall;
#[cfg(test)]
mod testing;

use abi::limits::{IO_PORTS, MAX_INSTANCES};
use arch::{Machine, StopReason, Ticks};

use cap::slot::SlotRef;
use memory::objects::{ObjRef, Objects};
use numbering::Numbering;
use object::asid::AsidTable;
use object::irq::{VECTORS, VectorUse};
use object::tcb::Tcb;
use sched::Scheduler;

/// Why the kernel is entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A system call; everything else is in the registers of the current thread.
    Syscall,
    /// An interrupt, given by its vector.
    Interrupt(u8),
    /// A page fault of the current thread.
    PageFault {
        /// Address touched.
        address: u64,
        /// What the hardware says of it; bit [`arch::FETCH_SHIFT`]: an instruction fetch.
        code: u64,
    },
    /// Another exception of the current thread.
    Exception {
        /// Vector; on AArch32 0, an undefined instruction.
        vector: u8,
        /// Hardware error code, 0 when there is none.
        code: u64,
    },
    /// `int n` of the current thread that counts as an unknown system call; its address is set already. On x86 only.
    UnknownSyscall {
        /// Number to report.
        number: u64,
    },
}

/// What the core does after an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resume {
    /// Goes on with this thread.
    Thread(ObjRef<Tcb>),
    /// Waits for an interrupt.
    Idle,
    /// Nothing, ever again.
    Stopped(StopReason),
}

/// Limits and numbers fixed at boot.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Ticks of the clock in a microsecond (its integer frequency in MHz).
    pub ticks_per_us: u64,
    /// This instance.
    pub instance: u8,
    /// Interrupt controllers that belong to the instance: IOAPICs, or the GIC's distributor.
    pub io_apics: u8,
    /// Inputs of each.
    pub io_apic_pins: [u8; MAX_IO_APICS],
    /// Number of incoming lines of all channels.
    pub incoming_lines: u32,
    /// Whether the CPU maps 1 GiB pages.
    pub has_huge_pages: bool,
    /// Numbers of invocations and objects.
    pub numbering: Numbering,
    /// Which optional system calls exist.
    pub profile: Profile,
    /// The instance's status page.
    pub status: ObjRef<status::StatusPage>,
    /// Which life of the instance this is, from 1.
    pub generation: u64,
}

/// Optional system calls (docs/abi/syscalls.md, "Exists when").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// `DebugPutChar`, `DebugDumpScheduler`, and messages about faults nobody handles.
    pub printing: bool,
    /// The other debug calls.
    pub debug_calls: bool,
    /// The benchmark calls.
    pub benchmarks: bool,
    /// A line for every refused invocation, where the profile prints.
    pub explains: bool,
    /// Whether a runner reads the console: then it gets lines of JSON.
    pub has_runner: bool,
}

impl Profile {
    /// The profile in the low bits of `word`: printing, debug calls, benchmark calls, explanations.
    pub const fn from_word(word: u64) -> Self {
        Self {
            printing: word & 1 != 0,
            debug_calls: word & 2 != 0,
            benchmarks: word & 4 != 0,
            explains: word & 8 != 0,
            has_runner: false,
        }
    }
}

/// Interrupt controllers one instance can own.
pub const MAX_IO_APICS: usize = 8;

impl Config {
    const EMPTY: Self = Self {
        ticks_per_us: 1,
        instance: 0,
        io_apics: 0,
        io_apic_pins: [0; MAX_IO_APICS],
        incoming_lines: 0,
        has_huge_pages: false,
        numbering: Numbering::BASE,
        profile: Profile::from_word(0),
        status: ObjRef::UNSET,
        generation: 0,
    };
}

/// A peer instance as this one sees it.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Lines this instance may signal there; 0 without a channel.
    pub lines_out: u8,
    /// Lines it may signal here.
    pub lines_in: u8,
    /// Its lines that have a handler here, one bit each.
    pub handled: u64,
    /// Whether its incoming lines are masked on delivery until acknowledged.
    pub needs_ack: bool,
    /// Index of its first line among the incoming lines of this instance.
    pub base_in: u32,
    /// Its core.
    pub core: arch::CoreId,
    /// Sending end of the channel to it.
    pub sender: Option<ipi::Sender<'static>>,
    /// Whether this instance may stop and start it.
    pub is_controlled: bool,
}

impl Peer {
    const NONE: Self = Self {
        lines_out: 0,
        lines_in: 0,
        handled: 0,
        needs_ack: true,
        base_in: 0,
        core: arch::CoreId(0),
        sender: None,
        is_controlled: false,
    };
}

/// One peer for each number that a capability can hold: those that are no instance have no lines.
const PEERS: usize = 1 << u8::BITS;
const _: () = assert!(MAX_INSTANCES <= PEERS);

/// One bit for each IO port: set while issued or not owned.
pub type PortMap = [u64; IO_PORTS / 64];

/// One instance.
#[cfg_attr(not(target_os = "none"), derive(Clone))]
pub struct Kernel<M: Machine> {
    /// Scheduling state, current thread.
    pub sched: Scheduler,
    /// Window onto kernel objects.
    pub objs: Objects,
    /// The processor.
    pub machine: M,
    /// Numbers fixed at boot.
    pub config: Config,
    /// The thread whose state is in the floating-point unit.
    pub(crate) fpu_owner: Option<ObjRef<Tcb>>,
    /// Whether user code may use the floating-point unit now.
    pub(crate) fpu_access: arch::FpuAccess,
    /// Whether an ASID pool was ever deleted: then an address space may have ended while a thread still names it.
    pub(crate) has_lost_pools: bool,
    /// Registered ASID pools.
    pub(crate) asids: AsidTable,
    /// Top-level table without user mappings, for the idle thread and threads without a VSpace.
    pub(crate) kernel_root: arch::PhysAddr,
    /// Top-level table in the processor.
    pub(crate) active_root: arch::PhysAddr,
    /// Notification slots of vectors, then of incoming lines.
    pub(crate) irq_slots: SlotRef,
    /// What issued vectors are connected to.
    pub(crate) vectors: [VectorUse; VECTORS],
    /// IO ports that cannot be issued.
    pub(crate) ports: PortMap,
    /// The other instances.
    pub(crate) peers: [Peer; PEERS],
    /// The own inbox; `None` without incoming lines.
    pub(crate) inbox: Option<ipi::Receiver<'static>>,
    /// First of all threads, the newest one, in profiles that print.
    pub(crate) threads: Option<ObjRef<Tcb>>,
    /// The slot of a source of interrupts that was connected when the instance was idle last.
    pub(crate) waker: SlotRef,
    /// How the last thread stopped whose fault nobody handles, in profiles that print.
    pub(crate) last_stop: Option<end::Stop>,
    /// Whether it was told that nothing can run any more.
    pub(crate) has_told_end: bool,
    /// Whether GetAddress of a frame got the arguments of Map.
    pub(crate) has_odd_label: bool,
    /// Whether the last character on the console was a program's and ended no line.
    pub(crate) is_mid_line: bool,
    /// Set when the instance stops for good.
    pub(crate) stopped: Option<StopReason>,
}

impl<M: Machine> Kernel<M> {
    /// A kernel before boot: no memory, no threads; [`Kernel::handle`] must wait for boot to fill it in.
    pub const fn new(machine: M, objs: Objects) -> Self {
        Self {
            sched: Scheduler::new(),
            objs,
            machine,
            config: Config::EMPTY,
            fpu_owner: None,
            fpu_access: arch::FpuAccess::Disabled,
            has_lost_pools: false,
            asids: [None; abi::sizes::ASID_POOLS],
            kernel_root: arch::PhysAddr(0),
            active_root: arch::PhysAddr(0),
            irq_slots: ObjRef::UNSET,
            vectors: [VectorUse::Free; VECTORS],
            ports: [0; IO_PORTS / 64],
            peers: [Peer::NONE; PEERS],
            inbox: None,
            threads: None,
            waker: ObjRef::UNSET,
            last_stop: None,
            has_told_end: false,
            has_odd_label: false,
            is_mid_line: false,
            stopped: None,
        }
    }

    /// The thread that runs.
    #[inline]
    pub const fn current(&self) -> ObjRef<Tcb> {
        self.sched.current
    }

    /// Whether no thread runs.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.sched.current == self.sched.idle
    }

    /// Ticks in `us` microseconds.
    #[inline]
    pub(crate) const fn us_to_ticks(&self, us: u64) -> Ticks {
        Ticks(us.wrapping_mul(self.config.ticks_per_us))
    }

    /// Whole microseconds in `ticks`.
    #[inline]
    pub(crate) const fn ticks_to_us(&self, ticks: Ticks) -> u64 {
        ticks.0 / self.config.ticks_per_us
    }
}
