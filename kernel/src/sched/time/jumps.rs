// SPDX-License-Identifier: MIT OR Apache-2.0
//! Timeout faults while the clock jumps: a host that is busy takes the processor away at any instruction, for up to
//! seconds.
//!
//! Clients with small budgets call servers that have none, and those call another one. A handler gets the Timeout faults
//! of servers and clients and lets them go on. Between any two instructions, inside and outside of the kernel, time may
//! jump. After each event the scheduler is judged by a model: whoever could run is queued, whoever waits for time is
//! waited for by the timer. In the end time flows evenly, and every client must get on: otherwise a wake-up was lost.
//!
//! The timer is one-shot, as the local APIC's: it fires once for each time it was set.

use abi::{MessageInfo, Register, Syscall};
use arch::Ticks;

use crate::cap::Cap;
use crate::ipc::testing::{SYSCALL_IP, World};
use crate::memory::objects::ObjRef;
use crate::object::asid::{Asid, AsidPool};
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};
use crate::sched::refill::Rate;
use crate::testing::{Random, enter_call, set_registers};
use crate::{Event, Resume};

const US: u64 = 1000;
/// Bytes between the instructions of a thread.
const STEP: u64 = 16;
const CLIENTS: usize = 3;

/// CPtrs: of what clients call, of what the first server calls, of the handler's endpoint; reply objects of each of them.
const FRONT: u64 = 1;
const BACK: u64 = 2;
const TIMEOUTS: u64 = 3;
const FRONT_REPLY: u64 = 4;
const BACK_REPLY: u64 = 5;
const HANDLER_REPLY: u64 = 6;

/// One instruction, or a stretch of them.
#[derive(Clone, Copy)]
enum Step {
    /// Computes for at most so many microseconds.
    Work(u64),
    Call(u64),
    Recv(u64, u64),
    ReplyRecv(u64, u64),
}

/// A thread's program: all steps in turn, then again from the second.
type Program = &'static [Step];

const CLIENT: Program = &[Step::Work(1), Step::Work(90), Step::Call(FRONT)];
const FRONT_SERVER: Program = &[
    Step::Recv(FRONT, FRONT_REPLY),
    Step::Work(120),
    Step::Call(BACK),
    Step::Work(60),
    Step::ReplyRecv(FRONT, FRONT_REPLY),
];
const BACK_SERVER: Program =
    &[Step::Recv(BACK, BACK_REPLY), Step::Work(150), Step::ReplyRecv(BACK, BACK_REPLY)];
const HANDLER: Program =
    &[Step::Recv(TIMEOUTS, HANDLER_REPLY), Step::Work(10), Step::ReplyRecv(TIMEOUTS, HANDLER_REPLY)];

struct Member {
    tcb: ObjRef<Tcb>,
    program: Program,
    /// How often it has come to the end.
    rounds: usize,
}

struct Machine {
    world: World,
    members: Vec<Member>,
    contexts: Vec<ObjRef<SchedContext>>,
    random: Random,
    /// The timer has been set and has not fired.
    is_armed: bool,
    /// How often the kernel had set it when it was looked at last.
    times_set: usize,
    has_jumps: bool,
    timeouts: usize,
}

impl Machine {
    fn new(seed: u64) -> Self {
        let mut world = World::new();
        let mut random = Random::new(seed);
        for cptr in [FRONT, BACK, TIMEOUTS] {
            world.endpoint(cptr as usize);
        }
        for cptr in [FRONT_REPLY, BACK_REPLY, HANDLER_REPLY] {
            world.reply(cptr as usize);
        }
        let mut machine = Self {
            world,
            members: Vec::new(),
            contexts: Vec::new(),
            is_armed: false,
            times_set: 0,
            has_jumps: true,
            timeouts: 0,
            random: Random::new(seed ^ 0x5bd1_e995),
        };
        let pool: ObjRef<AsidPool> = machine.world.object(12);
        machine.world.kernel.asids[0] = Some(pool);
        for _ in 0..CLIENTS {
            let budget = 60 + random.below(200) as u64;
            let period = 1000 + random.below(3000) as u64;
            machine.add(CLIENT, random.below(4) as u8, Some((budget, period)), random.below(2) == 0, pool);
        }
        for program in [FRONT_SERVER, BACK_SERVER] {
            machine.add(program, random.below(4) as u8, None, random.below(4) > 0, pool);
        }
        machine.add(HANDLER, random.below(5) as u8, Some((300, 1500)), false, pool);
        machine.start();
        machine
    }

    /// A thread with this program, its budget and period in microseconds, and its timeouts handled or not.
    fn add(
        &mut self,
        program: Program,
        priority: u8,
        rate: Option<(u64, u64)>,
        is_handled: bool,
        pool: ObjRef<AsidPool>,
    ) {
        let world = &mut self.world;
        let tcb = world.passive(priority);
        let number = 1 + self.members.len();
        let root = world.memory(12);
        world.kernel.objs[pool].roots[number] = root.0;
        let vspace = Cap::VSpace { root, asid: Some(Asid(number as u16)) };
        world.kernel.objs[tcb.slot(TcbSlot::VSpace)].cap = vspace.pack();
        if let Some((budget, period)) = rate {
            let sc = world.object(9);
            let max_refills = 2 + self.random.below(8) as u64;
            let rate = Rate { budget: Ticks(budget * US), period: Ticks(period * US), max_refills };
            world.kernel.set_refills(sc, rate);
            world.kernel.objs[sc].sporadic = self.random.below(2) as u64;
            world.kernel.objs[sc].tcb = Some(tcb);
            world.kernel.objs[tcb].sched_context = Some(sc);
            self.contexts.push(sc);
        }
        if is_handled && let Cap::Endpoint { endpoint, .. } = world.cap(TIMEOUTS as usize) {
            world.set_handler(tcb, TcbSlot::TimeoutHandler, endpoint, 7);
        }
        self.members.push(Member { tcb, program, rounds: 0 });
    }

    /// Lets servers and handler wait, and the clients begin.
    fn start(&mut self) {
        for index in 0..self.members.len() {
            let Member { tcb, program, .. } = self.members[index];
            self.put_at(index, 0);
            self.world.kernel.objs[tcb].set_state_raw(ThreadState::Running);
            if let Step::Recv(endpoint, reply) = program[0] {
                self.world.syscall(tcb, Syscall::Recv, endpoint, reply);
                self.world.kernel.objs[tcb].context.entry_word = 1;
            }
        }
        let idle = self.world.kernel.sched.idle;
        self.world.kernel.sched.current = idle;
        self.world.kernel.sched.current_sc = self.world.sc(idle).expect("the idle thread has one");
        for index in 0..CLIENTS {
            self.world.ready(self.members[index].tcb);
        }
        self.world.kernel.reschedule_required();
        self.world.kernel.handle(Event::Interrupt(abi::vector::TIMER));
        self.look_at_timer();
    }

    /// The step a thread is to do next.
    fn step_of(&self, index: usize) -> usize {
        let Member { tcb, program, .. } = self.members[index];
        let context = &self.world.kernel.objs[tcb].context;
        let step = ((context.fault_ip() - SYSCALL_IP) / STEP) as usize;
        let next = if context.entry_word == 0 { step } else { step + 1 };
        if next == program.len() { 1 } else { next }
    }

    /// Puts a thread in front of a step.
    fn put_at(&mut self, index: usize, step: usize) {
        let context = &mut self.world.kernel.objs[self.members[index].tcb].context;
        context.entry_word = 0;
        context.set(Register::IP, SYSCALL_IP + STEP * step as u64);
    }

    /// A host that is busy takes the processor away for a while.
    fn maybe_jump(&mut self) {
        if self.has_jumps && self.random.below(6) == 0 {
            let longest = [50, 2_000, 100_000, 3_000_000][self.random.below(4)];
            self.world.kernel.machine.time += Ticks(self.random.below(longest) as u64 * US);
        }
    }

    fn look_at_timer(&mut self) {
        let times_set = self.world.kernel.machine.deadlines_set;
        if times_set != self.times_set {
            self.times_set = times_set;
            self.is_armed = true;
        }
    }

    fn handle(&mut self, event: Event) -> Resume {
        self.maybe_jump();
        let resume = match self.world.kernel.fast_path(event) {
            Some(resume) => resume,
            None => self.world.kernel.handle(event),
        };
        self.look_at_timer();
        self.maybe_jump();
        self.judge();
        resume
    }

    /// Takes the timer interrupt if it has fired.
    fn take_timer(&mut self) -> bool {
        let machine = &self.world.kernel.machine;
        if !self.is_armed || machine.time < machine.deadline {
            return false;
        }
        self.is_armed = false;
        self.handle(Event::Interrupt(abi::vector::TIMER));
        true
    }

    /// One event.
    fn go_on(&mut self, seed: u64) {
        let current = self.world.kernel.current();
        let Some(index) = self.members.iter().position(|member| member.tcb == current) else {
            let machine = &mut self.world.kernel.machine;
            assert!(self.is_armed && machine.deadline < Ticks(u64::MAX / 2), "seed {seed}: asleep for ever");
            machine.time = machine.time.max(machine.deadline);
            self.take_timer();
            return;
        };
        let step = self.step_of(index);
        // An interrupt comes before the next instruction, unless the host is away between the two.
        if self.random.below(3) > 0 {
            self.put_at(index, step);
            if self.take_timer() {
                return;
            }
        }
        self.perform(index, step);
    }

    fn perform(&mut self, index: usize, step: usize) {
        let Member { tcb, program, .. } = self.members[index];
        if step + 1 == program.len() {
            self.members[index].rounds += 1;
        }
        let (call, target, reply) = match program[step] {
            Step::Work(longest) => {
                let machine = &mut self.world.kernel.machine;
                machine.time += Ticks(self.random.below(longest as usize * US as usize) as u64);
                self.put_at(index, step);
                // What is left of the work is done when the thread goes on.
                if !self.take_timer() {
                    self.put_at(index, step + 1);
                    self.maybe_jump();
                }
                return;
            }
            Step::Call(target) => (Syscall::Call, target, 0),
            Step::Recv(target, reply) => (Syscall::Recv, target, reply),
            Step::ReplyRecv(target, reply) => (Syscall::ReplyRecv, target, reply),
        };
        self.timeouts += usize::from(target == TIMEOUTS);
        let context = &mut self.world.kernel.objs[tcb].context;
        enter_call(context, SYSCALL_IP + STEP * step as u64);
        let registers =
            [(Register::NUMBER, call.word()), (Register::ARGUMENT, target), (Register::REPLY, reply)];
        set_registers(context, &registers);
        context.set_info(MessageInfo::new(0, 0, 0, 0).word());
        self.handle(Event::Syscall);
    }

    fn describe(&self) -> String {
        let kernel = &self.world.kernel;
        let of = |(index, member): (usize, &Member)| {
            let thread = &kernel.objs[member.tcb];
            let sc = thread.sched_context.map(|sc| (sc, kernel.head_refill(sc), kernel.is_released(sc)));
            let queues = (thread.in_ready_queue, thread.in_release_queue);
            let (state, step, rounds) = (thread.state(), self.step_of(index), member.rounds);
            format!(
                "{index}: {:?} prio {} {state:?} at {step}, {rounds} rounds, {sc:?}, in queues {queues:?}",
                member.tcb, thread.priority
            )
        };
        let lines: Vec<String> = self.members.iter().enumerate().map(of).collect();
        format!("now {:?}\n{}", kernel.machine.time, lines.join("\n"))
    }

    /// Time that the host took is charged to whoever ran, and a budget that was overrun n times comes back n periods later. All
    /// of them pass while nobody runs.
    fn sleep_until_all_is_repaid(&mut self, seed: u64) {
        let mut events = 0;
        while self.world.kernel.current() != self.world.kernel.sched.idle {
            self.go_on(seed);
            events += 1;
            assert!(events < 20_000, "seed {seed}: threads with budgets never let the processor sleep");
        }
        let kernel = &mut self.world.kernel;
        let contexts: Vec<_> = self.contexts.clone();
        let last = contexts.into_iter().map(|sc| kernel.tail_mut(sc).time).max().unwrap_or(Ticks::ZERO);
        kernel.machine.time = kernel.machine.time.max(last);
    }

    /// The scheduler as simply as can be: who can run is queued or runs; who is queued can run; the timer is in time.
    fn judge(&mut self) {
        let kernel = &self.world.kernel;
        kernel.check_queues();
        kernel.check_timer();
        let sched = &kernel.sched;
        let mut best = None;
        for Member { tcb, .. } in &self.members {
            kernel.check_thread_ipc(*tcb);
            let thread = &kernel.objs[*tcb];
            let Some(sc) = thread.sched_context.filter(|_| thread.state().is_runnable()) else { continue };
            kernel.check_refills(sc);
            let places = [*tcb == sched.current, thread.in_ready_queue != 0, thread.in_release_queue != 0];
            assert_eq!(
                places.into_iter().filter(|&is| is).count(),
                1,
                "{tcb:?} can run and is lost: {places:?}"
            );
            if thread.in_release_queue == 0 {
                best = best.max(Some(thread.priority));
            }
        }
        assert_eq!(best.is_none(), sched.current == sched.idle, "idle when somebody can run");
        assert!(best.is_none_or(|best| best == kernel.objs[sched.current].priority), "somebody better waits");
        if let Some(first) = sched.release.head {
            assert!(self.is_armed, "somebody waits for time, and the timer is off");
            assert!(kernel.machine.deadline <= kernel.release_time(first), "the timer comes too late");
        }
    }
}

#[test]
fn no_wake_up_is_lost_when_budgets_end_inside_calls_and_the_clock_jumps() {
    let mut timeouts = 0;
    for seed in 1..=80 {
        let mut machine = Machine::new(seed);
        for _ in 0..600 {
            machine.go_on(seed);
        }
        machine.has_jumps = false;
        machine.sleep_until_all_is_repaid(seed);
        let before: Vec<usize> = machine.members.iter().map(|member| member.rounds).collect();
        let end = machine.world.kernel.machine.time + Ticks(400_000 * US);
        while machine.world.kernel.machine.time < end {
            machine.go_on(seed);
        }
        let clients = machine.members.iter().zip(before).take(CLIENTS);
        let progress: Vec<(u8, usize)> = clients
            .map(|(member, before)| (machine.world.kernel.objs[member.tcb].priority, member.rounds - before))
            .collect();
        for &(priority, rounds) in &progress {
            // Callers of higher priority are served first.
            let is_outdone = progress.iter().any(|&(other, rounds)| other > priority && rounds >= 5);
            assert!(rounds >= 5 || is_outdone, "seed {seed}: {progress:?} in 400 ms\n{}", machine.describe());
        }
        timeouts += machine.timeouts;
    }
    assert!(timeouts > 1000, "{timeouts} timeouts were handled");
}
