// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers.

use shared_region::channel::{ChannelError, Server};
use userland::sharing::LineDoorbell;
use userland::{Notification, RootTask, println, report_row, syscall};

use crate::Failure;
use crate::link::Link;
use crate::question::{Answer, Question, right};

/// Most clients.
const MOST: usize = 4;

/// What became of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Asking,
    Finished,
    Failed,
}

/// A client and what was done for it.
#[derive(Debug)]
struct Served {
    instance: u32,
    link: Link,
    server: Server<'static, Question, Answer, LineDoorbell>,
    state: State,
    answered: u64,
}

pub(crate) fn run(task: &mut RootTask) -> Result<(), Failure> {
    let chunk = task.boot.chunk().ok_or(Failure::Description("instances"))?;
    let notification: Notification = task.make()?;
    let mut clients = [const { None }; MOST];
    for (place, peer) in clients.iter_mut().zip(chunk.peers()) {
        let link = Link::open(task, peer.name.as_str(), peer, notification)?;
        let server = link.region.server(&link.layout, link.doorbell);
        let server = server.ok_or(Failure::Description("room in the region"))?;
        *place = Some(Served { instance: peer.instance, link, server, state: State::Asking, answered: 0 });
    }
    serve(&mut clients, notification)
}

fn serve(clients: &mut [Option<Served>], notification: Notification) -> Result<(), Failure> {
    while clients.iter().flatten().any(|client| client.state == State::Asking) {
        let mut was_asked = false;
        for client in clients.iter_mut().flatten().filter(|client| client.state == State::Asking) {
            was_asked |= client.answer()?;
        }
        if !was_asked {
            clients.iter().flatten().try_for_each(|client| client.link.ack())?;
            syscall::wait(notification.0);
        }
    }
    let count = |state| clients.iter().flatten().filter(|client| client.state == state).count();
    let (finished, failed) = (count(State::Finished), count(State::Failed));
    let answered: u64 = clients.iter().flatten().map(|client| client.answered).sum();
    report_row(format_args!(
        "{{\"served\":{answered},\"clients_finished\":{finished},\"clients_failed\":{failed}}}"
    ));
    Ok(())
}

impl Served {
    /// Answers everything that was asked, and shows the answers at once. Whether there was anything.
    fn answer(&mut self) -> Result<bool, Failure> {
        let before = self.answered;
        let end = loop {
            match self.server.receive() {
                Ok(Some((ticket, question))) => {
                    let (Question::Ask(asked) | Question::Last(asked)) = question;
                    let answer = Answer { asked, answer: right(asked) };
                    self.server.reply(ticket, &answer).map_err(Failure::Broken)?;
                    self.answered += 1;
                    if matches!(question, Question::Last(_)) {
                        self.state = State::Finished;
                    }
                }
                end => break end.map(|_| ()),
            }
        };
        self.server.flush();
        match end {
            Ok(()) => {}
            Err(ChannelError::PeerFailed) => {
                println!("client {} has failed after {} answers", self.instance, self.answered);
                self.state = State::Failed;
            }
            Err(error) => return Err(Failure::Broken(error)),
        }
        Ok(self.answered != before)
    }
}
