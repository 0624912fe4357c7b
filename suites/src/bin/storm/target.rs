// SPDX-License-Identifier: MIT OR Apache-2.0
//! The target: works under the storm and counts what is left of its time.

use core::hint::{black_box, spin_loop};
use core::sync::atomic::{AtomicU64, Ordering};

use abi::chunk::skerry::Direction;
use abi::status::Word;
use userland::object::SchedParameters;
use userland::sharing::StatusPage;
use userland::{
    INIT_TCB, IrqHandler, Notification, Options, RootTask, SchedContext, Stack, Tcb, Thread, report_row,
    syscall, ticks,
};

use crate::board::{Board, Phase};
use crate::{Failure, LINES, MOST, STORMED};

/// Least units of work in each phase, and least turns of the senders.
const UNITS: u64 = 50_000;
const TURNS: u64 = 100_000;
/// Turns of the loop that a unit is: about as many instructions as a signal takes.
const UNIT: u64 = 45;
/// Units before each measurement.
const WARM_UP: u64 = 100;

/// Priority of the thread that works; the one that answers signals is above it or below it.
const WORK: u64 = 100;
/// How signals are answered: name, priority, time.
const ANSWERS: [(&str, u64, SchedParameters); 3] = [
    ("at once", 200, UNBOUNDED),
    ("on a tenth of the time", 200, TENTH),
    ("when there is no work", 50, UNBOUNDED),
];
/// Counted instructions are those of all four cores, of which this one has a quarter.
const TENTH: SchedParameters = SchedParameters::periodic(125, 5000);
const UNBOUNDED: SchedParameters = SchedParameters::round_robin(5000);

static STACK: Stack<16384> = Stack::new();
/// Acks of the answering thread.
static ACKS: AtomicU64 = AtomicU64::new(0);

/// Lines of all senders, by badge bit.
type Handlers = [Option<IrqHandler>; MOST * LINES];

struct Target {
    board: Board,
    senders: usize,
    status: StatusPage,
    has_ack: bool,
}

/// What a phase took.
#[derive(Clone, Copy)]
struct Sample {
    /// Units of work, and ticks in all.
    units: u64,
    all: u64,
    /// Ticks of the senders' turns, and how many there were; in a storm each is a signal.
    foreign: u64,
    turns: u64,
    /// Acks, and doorbell interrupts.
    acks: u64,
    doorbells: u64,
}

impl Sample {
    /// What was counted since `before`.
    fn since(self, before: Self) -> Self {
        Self {
            units: self.units - before.units,
            all: self.all - before.all,
            foreign: self.foreign - before.foreign,
            turns: self.turns - before.turns,
            acks: self.acks - before.acks,
            doorbells: self.doorbells - before.doorbells,
        }
    }

    /// Ticks that a unit of work took on this core, interruptions included.
    fn unit(self) -> u64 {
        self.all.saturating_sub(self.foreign) / self.units.max(1)
    }
}

pub(crate) fn run(task: &mut RootTask, board: Board) -> Result<(), Failure> {
    let chunk = task.boot.chunk().ok_or(Failure::Description("instances"))?;
    let first = task.boot.channel(1, Direction::Receive).ok_or(Failure::Description("channel from 1"))?;
    let status = task.map_status(chunk.own_status_slot())?;
    let target = Target { board, senders: chunk.peers().count(), status, has_ack: first.has_ack() };
    let context = task.make_sched_context(UNBOUNDED)?;
    let answering = start(task, &target, context)?;
    INIT_TCB.set_priority(INIT_TCB, WORK)?;
    target.await_senders();
    for (answered, priority, time) in ANSWERS {
        task.boot.sched_control().configure(context, time)?;
        answering.set_priority(INIT_TCB, priority)?;
        let quiet = target.measure(Phase::Quiet);
        let storm = target.measure(Phase::Storm);
        target.report(answered, quiet, storm)?;
    }
    board.set_phase(Phase::End);
    Ok(())
}

/// Connects all lines and starts the thread that answers them.
fn start(task: &mut RootTask, target: &Target, context: SchedContext) -> Result<Tcb, Failure> {
    let notification: Notification = task.make()?;
    let mut handlers: Handlers = [None; MOST * LINES];
    for (sender, line) in (0..target.senders).flat_map(|sender| (0..STORMED).map(move |line| (sender, line)))
    {
        let bit = sender * LINES + line;
        let place = handlers.get_mut(bit).ok_or(Failure::Description("room for so many senders"))?;
        let badged = task.badged(notification, 1 << bit)?;
        *place = Some(task.receive_line(sender as u32 + 1, line as u64, badged)?);
    }
    let has_ack = target.has_ack;
    let tcb = task.make()?;
    let thread = Thread::prepare(&task.boot, tcb, &STACK, Options::new(WORK + 1, Some(context)))?;
    thread.start(move || answer(notification, &handlers, has_ack))?;
    Ok(tcb)
}

fn answer(notification: Notification, handlers: &Handlers, has_ack: bool) {
    loop {
        let mut word = syscall::wait(notification.0).badge;
        while has_ack && word != 0 {
            if let Some(handler) = handlers[word.trailing_zeros() as usize] {
                handler.ack().expect("the kernel has handlers acknowledged");
                ACKS.fetch_add(1, Ordering::Relaxed);
            }
            word &= word - 1;
        }
    }
}

impl Target {
    /// Every sender has taken turns.
    fn await_senders(&self) {
        let senders = &self.board.senders[1..=self.senders];
        while senders.iter().any(|sender| sender.turns.get() == 0) {
            spin_loop();
        }
    }

    fn measure(&self, phase: Phase) -> Sample {
        self.board.set_phase(phase);
        (0..WARM_UP).for_each(|_| work());
        let (before, mut units) = (self.snapshot(0), 0);
        while units < UNITS || self.snapshot(units).since(before).turns < TURNS {
            (0..UNITS).for_each(|_| work());
            units += UNITS;
        }
        let after = self.snapshot(units);
        self.board.set_phase(Phase::Quiet);
        (0..WARM_UP).for_each(|_| work());
        after.since(before)
    }

    fn snapshot(&self, units: u64) -> Sample {
        let senders = &self.board.senders[1..=self.senders];
        let word = |word| self.status.word(word);
        Sample {
            units,
            all: ticks(),
            foreign: senders.iter().map(|sender| sender.ticks.get()).sum(),
            turns: senders.iter().map(|sender| sender.turns.get()).sum(),
            acks: ACKS.load(Ordering::Relaxed),
            doorbells: word(Word::DoorbellsTaken) + word(Word::SpuriousDoorbells),
        }
    }

    fn report(&self, answered: &str, quiet: Sample, storm: Sample) -> Result<(), Failure> {
        let (ack, senders) = (self.has_ack, self.senders);
        let (unit, stormed, signal) = (quiet.unit(), storm.unit(), storm.foreign / storm.turns.max(1));
        let share = (100 * unit).checked_div(stormed).unwrap_or(0);
        let Sample { turns, acks, doorbells, .. } = storm;
        report_row(format_args!(
            "{{\"ack\":{ack},\"senders\":{senders},\"answered\":\"{answered}\",\"share_percent\":{share},\
             \"unit_quiet\":{unit},\"unit_storm\":{stormed},\"signal\":{signal},\"signals\":{turns},\
             \"doorbells\":{doorbells},\"acks\":{acks}}}"
        ));
        // Every line may have been open at the beginning, and each Ack opens one.
        let openings = acks + (senders * STORMED) as u64;
        if ack && doorbells > openings {
            return Err(Failure::Interrupted { doorbells, openings });
        }
        Ok(())
    }
}

/// A unit of work, and the end of the turn.
fn work() {
    for turn in 0..black_box(UNIT) {
        black_box(turn);
    }
    spin_loop();
}
