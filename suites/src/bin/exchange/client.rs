// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asks.

use shared_region::channel::{ChannelError, Client};
use userland::sharing::LineDoorbell;
use userland::{Notification, RootTask, println, report_row, syscall};

use crate::Failure;
use crate::link::Link;
use crate::question::{Answer, Question, right};

/// How far a client is.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    asked: u64,
    answered: u64,
    /// How often there was no room for another question, and how often all new ones were shown.
    full: u64,
    flushed: u64,
}

pub(crate) fn run(task: &mut RootTask, questions: u64) -> Result<(), Failure> {
    let chunk = task.boot.chunk().ok_or(Failure::Description("instances"))?;
    let (own, name) = (chunk.instance(), chunk.name());
    let server = task.boot.peer("server").ok_or(Failure::Description("instance named server"))?;
    let notification: Notification = task.make()?;
    let link = Link::open(task, name.as_str(), server, notification)?;
    let client = link.region.client(&link.layout, link.doorbell);
    let mut client = client.ok_or(Failure::Description("room in the region"))?;

    let mut progress = Progress::default();
    let mut failed = false;
    while progress.answered < questions && !failed {
        match progress.turn(&mut client, questions) {
            Ok(true) => {}
            Ok(false) => {
                link.ack()?;
                syscall::wait(notification.0);
            }
            Err(Failure::Broken(ChannelError::PeerFailed)) => failed = true,
            Err(failure) => return Err(failure),
        }
    }
    if failed {
        println!("the server has failed after {} answers", progress.answered);
    }
    let Progress { asked, answered, full, flushed } = progress;
    report_row(format_args!(
        "{{\"instance\":{own},\"asked\":{asked},\"answered\":{answered},\"full\":{full},\"flushed\":{flushed},\
         \"peer_failed\":{failed}}}"
    ));
    Ok(())
}

impl Progress {
    /// Asks as much as there is room for, and takes the answers there are. Whether there were any.
    fn turn(
        &mut self,
        client: &mut Client<'static, Question, Answer, LineDoorbell>,
        questions: u64,
    ) -> Result<bool, Failure> {
        let before = *self;
        while self.asked < questions {
            let question = if self.asked + 1 == questions { Question::Last } else { Question::Ask };
            match client.try_send(&question(self.asked)) {
                Ok(_) => self.asked += 1,
                Err(ChannelError::Full) => {
                    self.full += 1;
                    break;
                }
                Err(ChannelError::NotConnected) => break,
                Err(error) => return Err(Failure::Broken(error)),
            }
        }
        if self.asked != before.asked {
            self.flushed += 1;
            client.flush();
        }
        while let Some((_, Answer { asked, answer })) = client.receive().map_err(Failure::Broken)? {
            if asked != self.answered || answer != right(asked) {
                return Err(Failure::Wrong {
                    asked: self.answered,
                    got: answer,
                    right: right(self.answered),
                });
            }
            self.answered += 1;
        }
        Ok(self.answered != before.answered)
    }
}
