// SPDX-License-Identifier: MIT OR Apache-2.0
//! Doorbells while nobody runs.

use abi::Rights;
use abi::status::Word as StatusWord;
use arch::Ticks;
use ipi::Memory;

use super::twins::{Taken, Twins};
use crate::cap::Cap;
use crate::ipc::testing::World;
use crate::memory::objects::ObjRef;
use crate::object::asid::{Asid, AsidPool};
use crate::object::endpoint::{Endpoint, Receive};
use crate::object::irq::Irq;
use crate::object::line::Line;
use crate::object::notification::Notification;
use crate::object::reply::Reply;
use crate::object::sched_context::SchedContext;
use crate::object::tcb::{Tcb, TcbSlot, ThreadState};
use crate::sched::refill::Rate;
use crate::testing::Random;
use crate::{Event, Kernel};

const DOORBELL: Event = Event::Interrupt(abi::vector::DOORBELL);
/// Senders, in different words of the summary.
const PEERS: [usize; 2] = [2, 69];
const LINES: usize = 4;
const BUDGET: Ticks = Ticks(1_000_000);

type Inbox = &'static Memory<70>;

/// Threads in address spaces of their own. Line n of either sender signals notification n, with bit n as badge.
struct System {
    threads: [ObjRef<Tcb>; 3],
    notifications: [ObjRef<Notification>; LINES],
    endpoint: ObjRef<Endpoint>,
    replies: [ObjRef<Reply>; 3],
}

impl System {
    /// Nobody waits and nobody runs; thread n has priority n + 1 and is bound to the notification after its own.
    fn build(world: &mut World, inbox: Inbox) -> Self {
        let pool: ObjRef<AsidPool> = world.object(12);
        world.kernel.asids[0] = Some(pool);
        let threads = [1, 2, 3].map(|number| {
            let tcb = world.thread(number);
            let root = world.memory(12);
            world.kernel.objs[pool].roots[usize::from(number)] = root.0;
            let vspace = Cap::VSpace { root, asid: Some(Asid(number.into())) };
            world.kernel.objs[tcb.slot(TcbSlot::VSpace)].cap = vspace.pack();
            tcb
        });
        let notifications = [1, 2, 3, 4].map(|cptr| world.notification(cptr));
        let system = Self {
            threads,
            notifications,
            endpoint: world.endpoint(5),
            replies: [6, 7, 8].map(|cptr| world.reply(cptr)),
        };
        system.connect(world, inbox);
        system
    }

    fn connect(&self, world: &mut World, inbox: Inbox) {
        let kernel = &mut world.kernel;
        kernel.inbox = Some(inbox.inbox().receiver());
        kernel.config.incoming_lines = (PEERS.len() * LINES) as u32;
        for (number, peer) in PEERS.into_iter().enumerate() {
            kernel.peers[peer].lines_in = LINES as u8;
            kernel.peers[peer].base_in = (number * LINES) as u32;
            for (line, &notification) in self.notifications.iter().enumerate() {
                let slot = kernel.irq_slot(Irq::of_line(peer as u8, Line(line as u8)));
                let badge = 1 << line;
                let cap = Cap::Notification { notification, badge, rights: Rights::READ_WRITE };
                kernel.insert_root_cap(cap, slot);
                open(inbox, peer, line);
            }
        }
    }

    /// Lets a thread wait for a signal of a notification.
    fn wait(&self, world: &mut World, thread: usize, notification: usize) {
        let tcb = self.threads[thread];
        world.run(tcb);
        world.kernel.receive_signal(tcb, self.notifications[notification], true);
        rest(world);
    }

    /// Lets a thread wait for messages, and for signals of a notification that is bound to it from now on.
    fn receive(&self, world: &mut World, thread: usize, notification: usize) {
        let tcb = self.threads[thread];
        world.kernel.unbind_notification(tcb);
        if let Some(other) = world.kernel.objs[self.notifications[notification]].bound_tcb {
            world.kernel.unbind_notification(other);
        }
        world.kernel.bind_notification(tcb, self.notifications[notification]);
        world.run(tcb);
        let receive = Receive { blocking: true, reply: Some(self.replies[thread]) };
        world.kernel.receive_ipc(tcb, self.endpoint, receive);
        rest(world);
    }

    fn sc(&self, world: &World, thread: usize) -> ObjRef<SchedContext> {
        world.sc(self.threads[thread]).expect("an active thread")
    }

    /// Lets a thread wait for its budget for so long.
    fn postpone(&self, world: &mut World, thread: usize, time: Ticks) {
        let sc = self.sc(world, thread);
        world.kernel.set_refills(sc, Rate { budget: BUDGET, period: BUDGET + BUDGET, max_refills: 2 });
        world.kernel.head_mut(sc).time = world.kernel.machine.time + time;
        world.kernel.set_thread_state(self.threads[thread], ThreadState::Running);
        world.kernel.enqueue_release(self.threads[thread]);
        world.kernel.sched.reprogram = false;
    }
}

fn open(inbox: Inbox, peer: usize, line: usize) {
    // What was waiting is lost, in both worlds.
    let _ = inbox.inbox().receiver().unmask(peer, ipi::Line::new(line as u64).expect("there are few lines"));
}

fn signal(inbox: Inbox, peer: usize, line: usize) {
    let sender = inbox.inbox().sender(peer).expect("the inbox has room for the peers");
    let _ = sender.signal(ipi::Line::new(line as u64).expect("there are few lines"));
}

/// Makes the idle thread the one that runs.
fn rest(world: &mut World) {
    let kernel = &mut world.kernel;
    kernel.sched.current = kernel.sched.idle;
    kernel.sched.current_sc = kernel.objs[kernel.sched.idle].sched_context.expect("the idle thread has one");
}

/// Two equal systems with an inbox each.
struct Doorbells {
    twins: Twins,
    inboxes: [Inbox; 2],
    system: System,
}

impl Doorbells {
    /// Systems that `change` has changed; time has passed since the last event.
    fn new(change: impl Fn(&mut World, &System)) -> Self {
        let inboxes: [Inbox; 2] = [(), ()].map(|()| &*Box::leak(Box::default()));
        let (mut inbox, mut system) = (inboxes.into_iter(), None);
        let twins = Twins::as_built(|world| {
            let built = System::build(world, inbox.next().expect("there are two worlds"));
            change(world, &built);
            world.kernel.machine.time += Ticks(1000);
            system = Some(built);
            world.kernel.sched.idle
        });
        Self { twins, inboxes, system: system.expect("the worlds are built") }
    }

    fn signal(&self, peer: usize, line: usize) {
        self.inboxes.into_iter().for_each(|inbox| signal(inbox, peer, line));
    }

    fn ring(&mut self) -> Taken {
        let taken = self.twins.event(DOORBELL);
        let [fast, slow] = self.inboxes.map(|inbox| format!("{:?}", inbox.inbox()));
        assert_eq!(fast, slow);
        taken
    }

    fn kernel(&self) -> &Kernel<arch::SimMachine> {
        &self.twins.fast.kernel
    }

    /// The number of the thread that runs.
    fn running(&self) -> Option<usize> {
        self.system.threads.into_iter().position(|thread| thread == self.kernel().current())
    }
}

/// Who runs after signals of `lines` of the first peer.
fn woken_by(lines: &[usize], change: impl Fn(&mut World, &System)) -> Option<usize> {
    let mut doorbells = Doorbells::new(change);
    lines.iter().for_each(|&line| doorbells.signal(PEERS[0], line));
    assert_eq!(doorbells.ring(), Taken::Fast);
    doorbells.running()
}

#[test]
fn a_signal_lets_the_thread_run_that_waits_for_it() {
    let mut doorbells = Doorbells::new(|world, system| system.wait(world, 1, 2));
    doorbells.signal(PEERS[1], 2);
    assert_eq!(doorbells.ring(), Taken::Fast);
    assert_eq!(doorbells.running(), Some(1));
    let kernel = doorbells.kernel();
    assert_eq!(kernel.objs[doorbells.system.threads[1]].context.cap_register(), 1 << 2);
    assert_eq!(kernel.counted(StatusWord::LinesDelivered), 1);
    assert_eq!(kernel.counted(StatusWord::DoorbellsTaken), 1);
}

#[test]
fn a_signal_lets_the_thread_run_that_is_bound_to_it() {
    assert_eq!(woken_by(&[1], |world, system| system.receive(world, 0, 1)), Some(0));
}

#[test]
fn signals_that_wake_nobody_are_kept_beside_one_that_does() {
    assert_eq!(woken_by(&[0, 1, 2, 3], |world, system| system.wait(world, 2, 1)), Some(2));
}

#[test]
fn the_second_signal_for_one_thread_is_kept() {
    let mut doorbells = Doorbells::new(|world, system| system.wait(world, 1, 2));
    PEERS.into_iter().for_each(|peer| doorbells.signal(peer, 2));
    assert_eq!(doorbells.ring(), Taken::Fast);
    let notification = doorbells.system.notifications[2];
    assert_eq!(doorbells.kernel().objs[notification].word, 1 << 2);
}

#[test]
fn the_best_of_several_threads_woken_runs() {
    let both = |[first, second]: [usize; 2]| {
        woken_by(&[0, 1], move |world, system| {
            system.wait(world, first, 0);
            system.wait(world, second, 1);
        })
    };
    assert_eq!([both([0, 2]), both([2, 0])], [Some(2); 2]);
    let queue = |world: &mut World, system: &System| (0..3).for_each(|thread| system.wait(world, thread, 3));
    assert_eq!(woken_by(&[3], queue), Some(2));
}

#[test]
fn a_thread_that_cannot_run_leaves_the_core_idle_or_to_another() {
    let lame = |world: &mut World, system: &System| {
        let sc = system.sc(world, 2);
        world.kernel.unbind_sched_context(sc);
        system.wait(world, 2, 0);
        system.wait(world, 0, 1);
    };
    assert_eq!(woken_by(&[0], lame), None);
    assert_eq!(woken_by(&[0, 1], lame), Some(0));
    let reversed = |world: &mut World, system: &System| {
        lame(world, system);
        world.kernel.objs[system.threads[2]].priority = 0;
    };
    assert_eq!(woken_by(&[0, 1], reversed), Some(0));
    let unconfigured = |world: &mut World, system: &System| {
        system.wait(world, 2, 0);
        let sc = system.sc(world, 2);
        world.kernel.objs[sc].max_refills = 0;
    };
    assert_eq!(woken_by(&[0], unconfigured), None);
    let postponed = |world: &mut World, system: &System| {
        system.wait(world, 2, 0);
        system.postpone(world, 2, Ticks(5000));
        world.kernel.set_thread_state(system.threads[2], ThreadState::BlockedOnNotification);
    };
    assert_eq!(woken_by(&[0], postponed), None);
}

#[test]
fn a_thread_without_address_space_runs_as_on_the_slow_path() {
    let homeless = |world: &mut World, system: &System| {
        system.wait(world, 1, 0);
        world.kernel.objs[system.threads[1].slot(TcbSlot::VSpace)].cap = Cap::Null.pack();
    };
    assert_eq!(woken_by(&[0], homeless), Some(1));
}

#[test]
fn a_thread_whose_release_is_due_runs_if_it_is_better() {
    let release_at = |time: u64, released: usize| {
        woken_by(&[0], move |world, system| {
            system.wait(world, 1, 0);
            system.postpone(world, released, Ticks(time));
        })
    };
    assert_eq!(release_at(1000, 2), Some(2));
    assert_eq!(release_at(1000, 0), Some(1));
    assert_eq!(release_at(1001, 2), Some(1));
}

#[test]
fn a_thread_gets_the_scheduling_context_of_its_notification() {
    let lend = |world: &mut World, system: &System| {
        let sc = system.sc(world, 1);
        world.kernel.unbind_sched_context(sc);
        let notification = system.notifications[0];
        world.kernel.objs[notification].sched_context = Some(sc);
        world.kernel.objs[sc].notification = Some(notification);
        system.wait(world, 1, 0);
    };
    assert_eq!(woken_by(&[0], lend), Some(1));
}

#[test]
fn contexts_with_a_period_are_unblocked_as_on_the_slow_path() {
    for sporadic in [0, 1] {
        let periodic = |world: &mut World, system: &System| {
            for thread in [0, 1] {
                let sc = system.sc(world, thread);
                let rate = Rate { budget: BUDGET, period: BUDGET + BUDGET, max_refills: 2 };
                world.kernel.set_refills(sc, rate);
                world.kernel.objs[sc].sporadic = sporadic;
                system.wait(world, thread, thread);
            }
        };
        assert_eq!(woken_by(&[0], periodic), Some(0));
        assert_eq!(woken_by(&[1, 0], periodic), Some(1));
    }
}

#[test]
fn a_doorbell_for_nothing_is_counted_as_that() {
    let mut doorbells = Doorbells::new(|world, system| system.wait(world, 1, 0));
    assert_eq!(doorbells.ring(), Taken::Fast);
    assert_eq!(doorbells.running(), None);
    assert_eq!(doorbells.kernel().counted(StatusWord::SpuriousDoorbells), 1);
}

#[test]
fn a_doorbell_while_somebody_runs_is_left_to_the_slow_path() {
    let mut doorbells = Doorbells::new(|world, system| {
        system.wait(world, 1, 0);
        world.run(system.threads[0]);
    });
    doorbells.signal(PEERS[0], 0);
    assert_eq!(doorbells.ring(), Taken::Slow);
    assert_eq!(doorbells.running(), Some(1));
}

#[test]
fn a_doorbell_without_inbox_is_left_to_the_slow_path() {
    let mut doorbells = Doorbells::new(|world, _| world.kernel.inbox = None);
    assert_eq!(doorbells.ring(), Taken::Slow);
}

/// Everybody who can run waits for something, new lines are open, and nobody runs.
fn shuffle(world: &mut World, system: &System, random: &mut Random) {
    world.kernel.machine.time += Ticks(random.below(5000) as u64);
    for thread in 0..3 {
        let tcb = system.threads[thread];
        if world.kernel.objs[tcb].in_release_queue != 0 {
            continue;
        }
        while world.state(tcb).is_runnable() || world.state(tcb) == ThreadState::Inactive {
            world.kernel.leave_queues(tcb);
            let (what, notification) = (random.below(8), random.below(LINES));
            let can_wait = world.kernel.objs[system.notifications[notification]].bound_tcb.is_none();
            match what {
                0 if world.sc(tcb).is_some() => {
                    system.postpone(world, thread, Ticks(random.below(5000) as u64));
                    break;
                }
                1..5 if can_wait => system.wait(world, thread, notification),
                _ if world.kernel.objs[system.notifications[notification]].head.is_none() => {
                    system.receive(world, thread, notification);
                }
                _ => {}
            }
        }
    }
    rest(world);
}

#[test]
fn any_signals_do_the_same_on_both_paths() {
    let (mut idle, mut woken) = (0, 0);
    for seed in 1..=60 {
        let mut doorbells = Doorbells::new(|_, _| {});
        let mut random = Random::new(seed);
        for round in 0..40 {
            let Doorbells { twins, inboxes, system } = &mut doorbells;
            twins.both(|world| shuffle(world, system, &mut Random::new(seed << 8 | round)));
            for (peer, line) in PEERS.into_iter().flat_map(|peer| (0..LINES).map(move |line| (peer, line))) {
                if random.below(2) == 0 {
                    inboxes.iter().for_each(|inbox| open(inbox, peer, line));
                }
                if random.below(3) == 0 {
                    inboxes.iter().for_each(|inbox| signal(inbox, peer, line));
                }
            }
            assert_eq!(doorbells.ring(), Taken::Fast);
            match doorbells.running() {
                Some(_) => woken += 1,
                None => idle += 1,
            }
        }
    }
    assert!(idle > 100 && woken > 1000, "{idle} doorbells woke nobody, {woken} somebody");
}
