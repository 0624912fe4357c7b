// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the boot core tells an instance: a table of plain words in the instance's own partition.
//!
//! The boot image and the instance image are separate programs, so the layout is `repr(C)` and versioned. Every
//! bit pattern is a valid [`Handover`]; [`Kernel::start`] trusts its content, which the boot core wrote.

use abi::Variant;
use abi::limits::{IO_PORTS, MAX_INSTANCES};
use arch::{CoreId, Machine, PhysAddr};
use ipi::{Delivery, Inbox};

use crate::memory::objects::ObjRef;
use crate::numbering::Numbering;
use crate::sched::Action;
use crate::{Config, Kernel, MAX_IO_APICS, Peer, Profile, Resume};

/// What [`Handover::magic`] holds: "SKHAND" and the version of the layout.
pub const MAGIC: u64 = 0x534b_4841_4e44_0003;

/// What the core does when no thread is runnable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum IdleMode {
    /// `sti; hlt`, on AArch32 `wfi`.
    Halt,
    /// `monitor; mwait` on the inbox; on x86 only.
    Mwait,
    /// Reads the inbox over and over.
    Poll,
}

impl IdleMode {
    /// The mode stored as `word`.
    pub const fn from_word(word: u64) -> Self {
        match word {
            1 => Self::Mwait,
            2 => Self::Poll,
            _ => Self::Halt,
        }
    }
}

/// What a fault to inject waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum InjectEvent {
    /// So many ticks after start.
    Time,
    /// Signals to other instances, so many of them sent.
    Signals,
    /// Rows of results, so many of them printed.
    Rows,
}

impl InjectEvent {
    /// The event stored as `word`.
    pub const fn from_word(word: u64) -> Self {
        match word {
            1 => Self::Signals,
            2 => Self::Rows,
            _ => Self::Time,
        }
    }
}

/// One interrupt controller of the instance: an IOAPIC, or the GIC's distributor.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct IoApicRecord {
    /// Physical address of its registers.
    pub paddr: u64,
    /// Number of inputs; of the distributor, of shared peripheral interrupts.
    pub pins: u64,
}

/// One peer instance.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct PeerRecord {
    /// Physical address of its inbox; 0 without a channel to it.
    pub inbox: u64,
    /// Its core: local APIC id, or number of the CPU interface.
    pub core: u32,
    /// First of its lines among the incoming lines of this instance.
    pub base_in: u32,
    /// Lines this instance may signal there.
    pub lines_out: u8,
    /// Lines it may signal here.
    pub lines_in: u8,
    /// 1: its lines are masked on delivery until acknowledged.
    pub needs_ack: u8,
    /// 1: this instance may stop and start it.
    pub is_controlled: u8,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<PeerRecord>() == 24);

/// Facts the boot core hands to one instance.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Handover {
    /// [`MAGIC`].
    pub magic: u64,
    /// Number of this instance.
    pub instance: u64,
    /// Number of instances.
    pub instances: u64,
    /// Its core: local APIC id, or number of the CPU interface.
    pub core: u64,
    /// 1: the local APIC is in x2APIC mode.
    pub x2apic: u64,
    /// Frequency of the clock in MHz, an integer: TSC ticks, or [`Handover::timer_ratio`] for each tick of the generic timer.
    pub ticks_per_us: u64,
    /// Local-APIC timer ticks (divide by 1) in 2^20 TSC ticks; on AArch32, what a tick of the generic timer counts.
    pub timer_ratio: u64,
    /// What this core's TSC is ahead of instance 0's, as a signed number.
    pub tsc_offset: u64,
    /// What this core's TSC was when the boot code began.
    pub boot_began: u64,
    /// An [`IdleMode`].
    pub idle_mode: u64,
    /// IO port of the debug console (isa-debugcon), or 0. On AArch32, how the console is written: 0 not at all, 1 tagged,
    /// 2 plain.
    pub debug_port: u64,
    /// IO port of a 16550 UART used when there is no `debug_port`, or 0.
    pub serial_port: u64,
    /// Physical address of the console's registers, where it has any.
    pub console_paddr: u64,
    /// Physical address of the GIC's distributor, on AArch32.
    pub gic_distributor: u64,
    /// Physical address of the GIC's CPU interface, on AArch32.
    pub gic_cpu: u64,
    /// Bit of each core's interface in the GIC's lists of targets: one byte for each core, the lowest for core 0.
    pub gic_targets: u64,
    /// How the firmware is called (PSCI) to turn the core off: 0 not at all, 1 by `hvc`, 2 by `smc`.
    pub psci: u64,
    /// Physical address and bytes of the log ring used when there is neither, or 0.
    pub log: [u64; 2],
    /// ABI variant that the root task was built for, as [`Variant::to_word`] packs it.
    pub variant: u64,
    /// Bit 0 printing, bit 1 debug calls, bit 2 benchmark calls, bit 3 explanations of refusals.
    pub profile: u64,
    /// 1: a runner reads the console, and is told as JSON what becomes of the instance.
    pub has_runner: u64,
    /// 1: the CPU maps 1 GiB pages.
    pub has_huge_pages: u64,
    /// Bytes of the extended state enabled in XCR0; 512 without XSAVE. 0 on AArch32.
    pub fpu_bytes: u64,
    /// How much of its event a fault to inject waits for: ticks after start, signals, or rows.
    pub inject_at: u64,
    /// An [`InjectEvent`].
    pub inject_event: u64,
    /// 0 none, 1 panic, 2 double fault, 3 NMI, 4 machine check.
    pub inject_kind: u64,
    /// Top-level table of the idle thread: without anything for users.
    pub kernel_root: u64,
    /// Top-level table of the kernel's own addresses where that is another one (TTBR1 of AArch32), or 0.
    pub kernel_tables: u64,
    /// The initial thread.
    pub root_tcb: u64,
    /// Its scheduling context.
    pub root_sc: u64,
    /// Its top-level table.
    pub root_vspace: u64,
    /// The initial thread's ASID pool.
    pub asid_pool: u64,
    /// The idle thread.
    pub idle_tcb: u64,
    /// Its scheduling context.
    pub idle_sc: u64,
    /// Notification slots: 108 vectors, then the incoming lines.
    pub irq_slots: u64,
    /// Number of incoming lines of all channels.
    pub incoming_lines: u64,
    /// Own inbox; 0 without incoming lines.
    pub inbox: u64,
    /// Room for senders in every inbox.
    pub inbox_senders: u64,
    /// Own status page.
    pub status: u64,
    /// Generation to publish, from 1.
    pub generation: u64,
    /// Physical address of the initial thread's bootinfo frame, for the report.
    pub boot_info: u64,
    /// Number of interrupt controllers in the list.
    pub io_apic_count: u64,
    /// Interrupt controllers of this instance.
    pub io_apics: [IoApicRecord; MAX_IO_APICS],
    /// One bit for each IO port: set where this instance does **not** own it.
    pub foreign_ports: [u64; IO_PORTS / 64],
    /// Peers by instance number; the own entry is empty.
    pub peers: [PeerRecord; MAX_INSTANCES],
}

impl Handover {
    /// A hand-over that says nothing yet: all zero but the magic.
    pub const EMPTY: Self = {
        const NO_PEER: PeerRecord = PeerRecord {
            inbox: 0,
            core: 0,
            base_in: 0,
            lines_out: 0,
            lines_in: 0,
            needs_ack: 0,
            is_controlled: 0,
            reserved: 0,
        };
        Self {
            magic: MAGIC,
            instance: 0,
            instances: 0,
            core: 0,
            x2apic: 0,
            ticks_per_us: 0,
            timer_ratio: 0,
            tsc_offset: 0,
            boot_began: 0,
            idle_mode: 0,
            debug_port: 0,
            serial_port: 0,
            console_paddr: 0,
            gic_distributor: 0,
            gic_cpu: 0,
            gic_targets: 0,
            psci: 0,
            log: [0; 2],
            variant: Variant::BASE.to_word(),
            profile: 0,
            has_runner: 0,
            has_huge_pages: 0,
            fpu_bytes: 0,
            inject_at: 0,
            inject_event: 0,
            inject_kind: 0,
            kernel_root: 0,
            kernel_tables: 0,
            root_tcb: 0,
            root_sc: 0,
            root_vspace: 0,
            asid_pool: 0,
            idle_tcb: 0,
            idle_sc: 0,
            irq_slots: 0,
            incoming_lines: 0,
            inbox: 0,
            inbox_senders: 0,
            status: 0,
            generation: 0,
            boot_info: 0,
            io_apic_count: 0,
            io_apics: [IoApicRecord { paddr: 0, pins: 0 }; MAX_IO_APICS],
            foreign_ports: [0; IO_PORTS / 64],
            peers: [NO_PEER; MAX_INSTANCES],
        }
    };
}

/// Bytes that a hand-over takes, in whole pages.
pub const BYTES: u64 = (size_of::<Handover>() as u64).next_multiple_of(4096);

/// An object that the boot core has built at the address that the hand-over gives.
#[allow(unsafe_code)]
fn built<T>(paddr: u64) -> ObjRef<T> {
    // SAFETY: TYPED: the boot core fills the hand-over in from references to the objects that it has built.
    unsafe { ObjRef::at(PhysAddr(paddr)) }
}

impl<M: Machine> Kernel<M> {
    /// Fills a new kernel in from `handover` and makes the initial thread the current one.
    ///
    /// `inbox_at` turns the physical address of an inbox, with room for so many senders, into the inbox.
    pub fn start(&mut self, handover: &Handover, inbox_at: impl Fn(PhysAddr, usize) -> Inbox<'static>) {
        self.config = Config {
            ticks_per_us: handover.ticks_per_us.max(1),
            instance: handover.instance as u8,
            io_apics: handover.io_apic_count.min(MAX_IO_APICS as u64) as u8,
            io_apic_pins: handover.io_apics.map(|chip| chip.pins as u8),
            incoming_lines: handover.incoming_lines as u32,
            has_huge_pages: handover.has_huge_pages != 0,
            numbering: Numbering::new(
                Variant::from_word(handover.variant).expect("the boot core passes a variant that there is"),
            ),
            profile: Profile { has_runner: handover.has_runner != 0, ..Profile::from_word(handover.profile) },
            status: built(handover.status),
            generation: handover.generation,
        };
        self.kernel_root = PhysAddr(handover.kernel_root);
        // Whatever the boot core left in the processor: activating the initial thread loads its own.
        self.active_root = PhysAddr(0);
        self.irq_slots = built(handover.irq_slots);
        self.waker = self.irq_slots;
        self.ports = handover.foreign_ports;
        self.asids[0] = (handover.asid_pool != 0).then(|| built(handover.asid_pool));
        self.open_status_page();
        self.start_lines(handover, inbox_at);
        self.start_scheduler(handover);
    }

    /// Lets the initial thread run for the first time.
    pub fn begin(&mut self) -> Resume {
        let root = self.sched.current;
        self.activate_thread_context(root);
        self.finish_event();
        Resume::Thread(self.sched.current)
    }

    /// Opens no line: that is done by binding a handler. What deliveries do is fixed per channel.
    fn start_lines(&mut self, handover: &Handover, inbox_at: impl Fn(PhysAddr, usize) -> Inbox<'static>) {
        let senders = handover.inbox_senders as usize;
        let inbox = |paddr: u64| (paddr != 0).then(|| inbox_at(PhysAddr(paddr), senders));
        self.inbox = inbox(handover.inbox).map(Inbox::receiver);
        let me = usize::from(self.config.instance);
        for (number, (peer, record)) in self.peers.iter_mut().zip(&handover.peers).enumerate() {
            if let (Some(inbox), 1..) = (self.inbox, record.lines_in) {
                let delivery = if record.needs_ack != 0 { Delivery::UntilAck } else { Delivery::Continuous };
                inbox.set_delivery(number, delivery);
            }
            *peer = Peer {
                sender: inbox(record.inbox).and_then(|inbox| inbox.sender(me)),
                lines_out: record.lines_out,
                lines_in: record.lines_in,
                handled: 0,
                needs_ack: record.needs_ack != 0,
                base_in: record.base_in,
                core: CoreId(record.core),
                is_controlled: record.is_controlled != 0,
            };
        }
    }

    fn start_scheduler(&mut self, handover: &Handover) {
        let sched = &mut self.sched;
        sched.idle = built(handover.idle_tcb);
        sched.current = built(handover.root_tcb);
        sched.current_sc = built(handover.root_sc);
        sched.action = Action::ResumeCurrent;
        sched.domain_schedule[0].duration = arch::Ticks(abi::limits::MAX_DOMAIN_DURATION);
        sched.now = self.machine.now();
        sched.reprogram = true;
        self.fpu_owner = None;
        if self.config.profile.debug_calls {
            self.list_thread(self.sched.idle);
            self.list_thread(self.sched.current);
        }
    }
}
