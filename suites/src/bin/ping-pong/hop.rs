// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two hops of an instance: it asks over the one and answers over the other.

use crate::Failure;
use crate::frame::{Frame, Words};
use crate::ring::{Neighbour, Neighbours};
use shared_region::RegionLayout;
use shared_region::channel::{ChannelLayout, Client, Server, Ticket};
use userland::sharing::LineDoorbell;
use userland::{IrqHandler, Notification, RootTask, Samples, println, report_row, syscall, ticks};

/// Round trips that are measured, after as many as `WARM_UP` that are not.
const ROUND_TRIPS: u64 = 1000;
const WARM_UP: u64 = 16;
/// Room in each ring of a hop.
const CAPACITY: u32 = 8;
/// The line that says: look into the region.
const LINE: u64 = 0;

type Asking = Client<'static, Words, Words, LineDoorbell>;
type Answering = Server<'static, Words, Words, LineDoorbell>;

/// A notification that a line signals, and the line's handler.
#[derive(Clone, Copy, Debug)]
struct Wake {
    notification: Notification,
    handler: IrqHandler,
}

impl Wake {
    fn new(task: &mut RootTask, from: u32) -> Result<Self, Failure> {
        let notification = task.make()?;
        let handler = task.receive_line(from, LINE, notification)?;
        Ok(Self { notification, handler })
    }

    /// Waits for the next signal. The line is acknowledged first: signals since the last one count.
    fn wait(self) -> Result<(), Failure> {
        self.handler.ack()?;
        syscall::wait(self.notification.0);
        Ok(())
    }
}

/// What an instance needs for its hops.
#[derive(Debug)]
pub(crate) struct Hops {
    asking: Option<(Asking, Wake)>,
    answering: Option<(Answering, Wake)>,
}

impl Hops {
    /// Opens the regions, rings and lines.
    pub(crate) fn open(task: &mut RootTask, neighbours: &Neighbours) -> Result<Self, Failure> {
        let mut hops = Self { asking: None, answering: None };
        if let Some(previous) = neighbours.previous {
            let wake = Wake::new(task, previous.peer.instance)?;
            let (region, layout, doorbell) = open(task, &previous)?;
            hops.answering = Some((region.server(&layout, doorbell).ok_or(Failure::Region)?, wake));
        }
        if let Some(next) = neighbours.next {
            let wake = Wake::new(task, next.peer.instance)?;
            let (region, layout, doorbell) = open(task, &next)?;
            hops.asking = Some((region.client(&layout, doorbell).ok_or(Failure::Region)?, wake));
        }
        Ok(hops)
    }

    /// Pings the next instance, reports the times, and passes the token on.
    pub(crate) fn ping(&mut self, neighbours: &Neighbours) -> Result<(), Failure> {
        let (Some((client, wake)), Some(next)) = (&mut self.asking, neighbours.next) else { return Ok(()) };
        let mut samples = Samples::<{ ROUND_TRIPS as usize }>::new();
        for sequence in 0..WARM_UP + ROUND_TRIPS {
            let start = ticks();
            let answer = ask(client, *wake, Frame::Ping(sequence))?;
            let elapsed = ticks().wrapping_sub(start);
            if answer != Frame::Pong(sequence) {
                return Err(Failure::Corrupt { sequence });
            }
            if sequence >= WARM_UP {
                samples.push(elapsed);
            }
        }
        report(&next, &mut samples);
        ask(client, *wake, Frame::Token).map(|_| ())
    }

    /// Answers pings until the token comes.
    pub(crate) fn serve_until_token(&mut self) -> Result<(), Failure> {
        let Some((server, wake)) = &mut self.answering else { return Ok(()) };
        loop {
            match server.receive()? {
                Some((ticket, words)) => {
                    let frame = Frame::decode(&words).map_err(|sequence| Failure::Corrupt { sequence })?;
                    answer(server, ticket, frame)?;
                    if frame == Frame::Token {
                        return Ok(());
                    }
                }
                None => wake.wait()?,
            }
        }
    }
}

type Opened = (shared_region::Region<'static>, ChannelLayout<Words, Words>, LineDoorbell);

/// What both ends of a hop need.
fn open(task: &mut RootTask, neighbour: &Neighbour) -> Result<Opened, Failure> {
    let peer = &neighbour.peer;
    let signal = task.send_line(peer.instance, LINE)?;
    let status = if peer.status_slot == 0 { None } else { Some(task.map_status(peer.status_slot)?) };
    let region = task.open_region(&neighbour.region)?;
    let layout = RegionLayout::new(neighbour.region.size as usize).channel(CAPACITY);
    Ok((region, layout.map_err(|_| Failure::Region)?, LineDoorbell::new(signal, status)))
}

/// Sends a frame and waits for the answer.
fn ask(client: &mut Asking, wake: Wake, frame: Frame) -> Result<Frame, Failure> {
    let mut waited = Ok(());
    let answer = client.call(&frame.encode(), || waited = wake.wait());
    waited?;
    Frame::decode(&answer?).map_err(|sequence| Failure::Corrupt { sequence })
}

fn answer(server: &mut Answering, ticket: Ticket, frame: Frame) -> Result<(), Failure> {
    let answer = match frame {
        Frame::Ping(sequence) => Frame::Pong(sequence),
        other => other,
    };
    server.reply(ticket, &answer.encode())?;
    server.flush();
    Ok(())
}

fn report(next: &Neighbour, samples: &mut Samples<{ ROUND_TRIPS as usize }>) {
    let (region, peer) = (next.region.name, next.peer.name);
    let (count, min, median) =
        (samples.count(), samples.min().unwrap_or_default(), samples.median().unwrap_or_default());
    println!("{count} round trips to {}: minimum {min}, median {median} ticks", peer.as_str());
    let channel = region.as_str();
    report_row(format_args!(
        "{{\"channel\":\"{channel}\",\"round_trips\":{count},\"min\":{min},\"median\":{median}}}"
    ));
}
