// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client: a window of requests to each replica, filled again as answers come.

use shared_region::channel::{ChannelError, Client, Ticket};
use userland::program::{Events, Receiver, SenderDoorbell};
use userland::{Program, println, report_row};

use crate::{CAPACITY, Failure, LINE, divisors, layout};

/// Requests that are answered in all.
const REQUESTS: u64 = 3000;
const WINDOW: usize = CAPACITY as usize;

/// Where a replica is, in names of the description.
const REPLICAS: [[&str; 4]; 3] = [
    ["replica-1", "desk-1", "ask-1", "answer-1"],
    ["replica-2", "desk-2", "ask-2", "answer-2"],
    ["replica-3", "desk-3", "ask-3", "answer-3"],
];

/// Numbers to ask about: new ones, and those that a failed replica left unanswered.
struct Work {
    next: u64,
    again: [u64; WINDOW * REPLICAS.len()],
    kept: usize,
}

impl Work {
    fn take(&mut self) -> Option<u64> {
        if self.kept > 0 {
            self.kept -= 1;
            return Some(self.again[self.kept]);
        }
        self.next += 1;
        (self.next <= REQUESTS).then_some(self.next)
    }

    fn give_back(&mut self, number: u64) {
        self.again[self.kept] = number;
        self.kept += 1;
    }
}

/// A replica and what it was asked.
struct Replica {
    name: &'static str,
    client: Client<'static, u64, u64, SenderDoorbell>,
    answers: Receiver,
    asked: [Option<(Ticket, u64)>; WINDOW],
    answered: u64,
    has_failed: bool,
}

impl Replica {
    fn open(program: &Program, [name, region, ask, answer]: [&'static str; 4]) -> Result<Self, Failure> {
        let region = program.region(region)?;
        let doorbell = program.sender(ask)?.doorbell(LINE);
        let opened = region.open().ok_or(Failure::Region)?;
        let client = opened.client(&layout(&region)?, doorbell).ok_or(Failure::Region)?;
        let answers = program.receiver(answer)?;
        Ok(Self { name, client, answers, asked: [None; WINDOW], answered: 0, has_failed: false })
    }

    /// Takes all answers and fills the window; gives everything back if the replica has failed.
    fn serve(&mut self, work: &mut Work) -> Result<(), Failure> {
        if self.has_failed {
            return Ok(());
        }
        match self.collect().and_then(|()| self.ask(work)) {
            Err(Failure::Channel(ChannelError::PeerFailed)) => {
                println!("{} has failed after {} answers", self.name, self.answered);
                self.has_failed = true;
                self.asked.iter_mut().filter_map(Option::take).for_each(|(_, number)| work.give_back(number));
                Ok(())
            }
            other => other,
        }
    }

    fn collect(&mut self) -> Result<(), Failure> {
        while let Some((ticket, answer)) = self.client.receive()? {
            let asked = self.asked.iter_mut().find(|asked| asked.is_some_and(|(own, _)| own == ticket));
            let Some((_, number)) = asked.and_then(Option::take) else { continue };
            if answer != divisors(number) {
                return Err(Failure::Wrong { name: self.name, number, answer });
            }
            self.answered += 1;
        }
        Ok(())
    }

    fn ask(&mut self, work: &mut Work) -> Result<(), Failure> {
        for place in self.asked.iter_mut().filter(|place| place.is_none()) {
            let Some(number) = work.take() else { break };
            match self.client.try_send(&number) {
                Ok(ticket) => *place = Some((ticket, number)),
                Err(error) => {
                    work.give_back(number);
                    match error {
                        ChannelError::Full | ChannelError::NotConnected => break,
                        error => return Err(error.into()),
                    }
                }
            }
        }
        self.client.flush();
        Ok(())
    }

    fn acknowledge(&self, events: Events) {
        self.answers.ack(self.answers.lines(events));
    }
}

/// Asks until everything is answered.
pub(crate) fn run(program: &Program) -> Result<(), Failure> {
    let [first, second, third] = REPLICAS.map(|names| Replica::open(program, names));
    let mut replicas = [first?, second?, third?];
    let mut work = Work { next: 0, again: [0; WINDOW * REPLICAS.len()], kept: 0 };
    loop {
        for replica in &mut replicas {
            replica.serve(&mut work)?;
        }
        if replicas.iter().map(|replica| replica.answered).sum::<u64>() == REQUESTS {
            break;
        }
        if replicas.iter().all(|replica| replica.has_failed) {
            return Err(Failure::Nobody);
        }
        let events = program.wait_any();
        replicas.iter().for_each(|replica| replica.acknowledge(events));
    }
    println!("{REQUESTS} requests answered");
    for Replica { name, answered, .. } in &replicas {
        report_row(format_args!("{{\"replica\":\"{name}\",\"answered\":{answered}}}"));
    }
    Ok(())
}
