// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starting the other cores, keeping them parked, and sending each into its instance.
//!
//! ```text
//!   boot core                              other core
//!   hardware::start                   ──▶  entry.s ─▶ core_main
//!   waits, bounded                    ◀──  Arrived, with its posture; parks in hlt
//!   Measure, wake                     ──▶  answers time stamps; parks
//!   Enter, wake, then Leave           ──▶  Left; jumps into its instance
//!   enters its own instance last: from then on this image's data is instance 0's memory
//! ```
//!
//! All cores are started at once and none waits for another. They park halted: spinning, they would take processor
//! time from the boot core wherever cores are emulated.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bootstrap::offset::Offset;
use spin::Once;

use super::error::BootError;
use super::hardware::posture::{self, Posture};
use super::hardware::{cpu, hand_over, start as starter, time};
use super::machine::Machine;

/// Stack of a parked core.
pub(crate) const STACK_SIZE: usize = 8192;
/// Bound of a wait for cores: so long in any case, and so much more for each core. Emulated cores share few real ones.
const WAIT_US: u64 = 2_000_000;
const WAIT_PER_CORE_US: u64 = 50_000;
/// Exchanges of time stamps with each core; the quickest counts.
const EXCHANGES: u32 = 64;
/// Time for the exchanges with all cores together: each has its share, after which no new exchange is begun.
const EXCHANGES_US: u64 = 400_000;

/// Commands to a parked core.
const PARK: u32 = 0;
const MEASURE: u32 = 1;
const ENTER: u32 = 2;
/// Follows `ENTER` once the wake-up that belongs to it was sent.
const LEAVE: u32 = 3;

/// States of a core, in order.
const ABSENT: u32 = 0;
const ARRIVED: u32 = 1;
const LEFT: u32 = 2;

/// Where a core goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Physical address of the tables by which it comes in.
    pub(crate) root: u64,
    /// Entry of the instance image.
    pub(crate) address: u64,
    /// Virtual address of its hand-over page.
    pub(crate) argument: u64,
}

/// What a parked core works on.
pub(crate) type Stack = [u128; STACK_SIZE / 16];

/// The records, once the boot core has made them.
static RECORDS: Once<&'static [Record]> = Once::new();

/// What the boot core and one other core tell each other. The exchange words have a cache line of their own.
#[repr(C, align(64))]
struct Record {
    apic_id: u32,
    command: AtomicU32,
    state: AtomicU32,
    posture: [AtomicU64; posture::WORDS],
    entry: [AtomicU64; 3],
    exchange: Exchange,
}

#[repr(C, align(64))]
struct Exchange {
    request: AtomicU32,
    reply: AtomicU32,
    stamp: AtomicU64,
}

/// The cores that were started and answered.
pub(crate) struct Started {
    records: &'static [Record],
    /// APIC ids of cores that stayed silent.
    pub(crate) silent: Vec<u32>,
}

/// Starts `targets`, where the start code of these cores is at `page` if it has to be at one, and waits, bounded, until
/// each has arrived.
pub(crate) fn start(machine: &Machine, targets: &[u32], page: Option<u64>) -> Started {
    let records = prepare(targets);
    let stacks: &'static [Stack] = Vec::leak(alloc::vec![[0; STACK_SIZE / 16]; targets.len()]);
    if !targets.is_empty() {
        starter::start(machine, targets, stacks, page);
    }
    let silent = wait_for(records, ARRIVED);
    Started { records, silent }
}

/// Places the records.
fn prepare(targets: &[u32]) -> &'static [Record] {
    RECORDS.call_once(|| Vec::leak(targets.iter().map(|id| Record::new(*id)).collect()))
}

/// Waits until every core has reached `state`; the APIC ids of those that did not in time.
fn wait_for(records: &[Record], state: u32) -> Vec<u32> {
    let bound = time::ticks(WAIT_US + WAIT_PER_CORE_US * records.len() as u64);
    let start = cpu::timestamp();
    let late = |record: &&Record| record.state.load(Ordering::Acquire) < state;
    while records.iter().any(|record| late(&record)) && cpu::timestamp() - start < bound {
        cpu::relax();
    }
    records.iter().filter(late).map(|record| record.apic_id).collect()
}

/// First Rust code of another core.
#[unsafe(no_mangle)]
extern "C" fn core_main() -> ! {
    let posture = starter::arrive();
    let records = RECORDS.get().expect("the boot core makes the records before it starts this core");
    let own_id = cpu::core_id();
    match records.iter().find(|record| record.apic_id == own_id) {
        Some(record) => record.serve(&posture),
        None => unreachable!("a core without a record has no stack to run on"),
    }
}

impl Record {
    fn new(apic_id: u32) -> Self {
        Record {
            apic_id,
            command: AtomicU32::new(PARK),
            state: AtomicU32::new(ABSENT),
            posture: [const { AtomicU64::new(0) }; posture::WORDS],
            entry: [const { AtomicU64::new(0) }; 3],
            exchange: Exchange {
                request: AtomicU32::new(0),
                reply: AtomicU32::new(0),
                stamp: AtomicU64::new(0),
            },
        }
    }

    /// Life of a parked core. Interrupts are on only inside the wait, so a wake-up between reading the command and
    /// halting stays pending and ends the wait.
    fn serve(&self, posture: &Posture) -> ! {
        for (word, value) in self.posture.iter().zip(posture.words()) {
            word.store(value, Ordering::Relaxed);
        }
        self.state.store(ARRIVED, Ordering::Release);
        loop {
            match self.command.load(Ordering::Acquire) {
                MEASURE => self.answer(),
                ENTER => cpu::relax(),
                LEAVE => self.leave(),
                _ => starter::wait_for_wake(),
            }
        }
    }

    /// Answers time stamps until told something else.
    fn answer(&self) {
        let mut answered = 0;
        while self.command.load(Ordering::Acquire) == MEASURE {
            let request = self.exchange.request.load(Ordering::Acquire);
            if request != answered {
                answered = request;
                self.exchange.stamp.store(cpu::timestamp(), Ordering::Relaxed);
                self.exchange.reply.store(request, Ordering::Release);
            }
            cpu::relax();
        }
    }

    /// Enters the instance. A wake-up that came while the core was awake must not be left for it to find.
    fn leave(&self) -> ! {
        starter::take_wakes();
        let [root, address, argument] = [0, 1, 2].map(|word| self.entry[word].load(Ordering::Relaxed));
        hand_over::enter(&Entry { root, address, argument }, &self.state, LEFT)
    }

    fn command(&self, command: u32) {
        self.command.store(command, Ordering::Release);
        starter::wake(self.apic_id);
    }

    /// The quickest of a number of exchanges, or `None` when the core stopped answering.
    fn measure(&self, share_us: u64) -> Option<Offset> {
        let start = cpu::timestamp();
        let in_time = |round: &u32| *round == 1 || cpu::timestamp() - start < time::ticks(share_us);
        self.command(MEASURE);
        let all =
            (1..=EXCHANGES).take_while(in_time).map(|round| self.exchange(round)).collect::<Option<Vec<_>>>();
        self.command.store(PARK, Ordering::Release);
        all?.into_iter().min_by_key(|offset| offset.uncertainty)
    }

    fn exchange(&self, round: u32) -> Option<Offset> {
        let bound = time::ticks(WAIT_US);
        let sent = cpu::timestamp();
        self.exchange.request.store(round, Ordering::Release);
        while self.exchange.reply.load(Ordering::Acquire) != round {
            if cpu::timestamp() - sent > bound {
                return None;
            }
            cpu::relax();
        }
        let received = cpu::timestamp();
        let stamp = self.exchange.stamp.load(Ordering::Relaxed);
        Some(Offset::from_exchange(sent, stamp, received))
    }
}

impl Started {
    /// Refuses a core whose control registers differ from the boot core's.
    pub(crate) fn check_posture(&self, boot_core: &Posture) -> Result<(), BootError> {
        for record in self.present() {
            let words = core::array::from_fn(|word| record.posture[word].load(Ordering::Relaxed));
            boot_core.expect_same(&Posture::from_words(words), record.apic_id)?;
        }
        Ok(())
    }

    /// Time-stamp counter of each core by APIC id, one after the other: only two cores spin at any time.
    pub(crate) fn offsets(&self) -> Result<Vec<(u32, Offset)>, BootError> {
        let share_us = EXCHANGES_US / self.records.len().max(1) as u64;
        let measure = |record: &Record| {
            let offset = record.measure(share_us).ok_or(BootError::LostCore { apic_id: record.apic_id })?;
            Ok((record.apic_id, offset))
        };
        self.present().map(measure).collect()
    }

    /// Sends every core into the instance that `entry` gives for its APIC id, and waits until all have left this image.
    pub(crate) fn enter(&self, entry: impl Fn(u32) -> Option<Entry>) -> Result<(), BootError> {
        for record in self.present() {
            let Some(entry) = entry(record.apic_id) else { continue };
            for (word, value) in record.entry.iter().zip([entry.root, entry.address, entry.argument]) {
                word.store(value, Ordering::Relaxed);
            }
            record.command(ENTER);
            record.command.store(LEAVE, Ordering::Release);
        }
        let late = wait_for(self.records, LEFT).into_iter().find(|id| !self.silent.contains(id));
        late.map_or(Ok(()), |apic_id| Err(BootError::LostCore { apic_id }))
    }

    fn present(&self) -> impl Iterator<Item = &'static Record> + '_ {
        self.records.iter().filter(|record| !self.silent.contains(&record.apic_id))
    }
}
