// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed requests and responses over two rings.
//!
//! ```text
//! Client --- requests:  ticket, message ---> Server
//!        <-- responses: ticket, message ---
//! ```
//!
//! A request gets a ticket, and its response carries the same one; responses may come in any order. At most as many
//! requests are outstanding as a ring has slots, so a server that answers finds room for its answer: back-pressure is
//! at the client, as [`ChannelError::Full`]. Sending collects messages; `flush` shows them to the peer and rings its
//! doorbell once for all of them.
//!
//! Nothing here waits. Whoever gets `None`, `Full` or `NotConnected` waits for a doorbell and asks again. A peer that
//! failed is [`ChannelError::PeerFailed`] instead, once the doorbell knows; make its failure line wake the same wait.
//!
//! Both sides attach to the response ring first. So an end that sees a new life in the request ring sees it in the
//! response ring too, starts both anew at once, and no request of the new life is taken for one of the old.

use crate::layout::{LayoutError, RegionLayout, RingLayout};
use crate::message::Message;
use crate::region::Region;
use crate::ring::{Consumer, Producer, RingError};
use core::fmt;
use core::marker::PhantomData;

/// The way to the peer beside the shared memory.
pub trait Doorbell {
    /// Makes the peer look at its rings, now or when it next would wait.
    fn ring(&self);

    /// Whether the peer is known to have failed or halted, as its status page tells.
    fn peer_failed(&self) -> bool {
        false
    }
}

/// Why a channel cannot do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelError {
    /// As many requests are outstanding as the ring holds.
    Full,
    /// The peer has not attached yet.
    NotConnected,
    /// The peer is a new life: outstanding requests and tickets are void. Told at least once for each restart.
    PeerRestarted,
    /// The peer has failed and there is nothing more from it.
    PeerFailed,
    /// The peer sent words that are no message.
    Malformed,
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "as many requests are outstanding as the ring holds",
            Self::NotConnected => "the peer has not attached yet",
            Self::PeerRestarted => "the peer has restarted",
            Self::PeerFailed => "the peer has failed",
            Self::Malformed => "the peer sent words that are no message",
        })
    }
}

impl core::error::Error for ChannelError {}

/// Names a request until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    number: u64,
    session: u64,
}

/// Place and types of a channel: requests `Q`, responses `R`.
#[derive(Debug)]
pub struct ChannelLayout<Q, R> {
    requests: RingLayout,
    responses: RingLayout,
    messages: PhantomData<fn(Q) -> R>,
}

/// Words of a slot before the message: the ticket.
const TICKET_WORDS: usize = 1;

impl RegionLayout {
    /// The next channel, with room for `capacity` outstanding requests.
    pub fn channel<Q: Message, R: Message>(
        &mut self,
        capacity: u32,
    ) -> Result<ChannelLayout<Q, R>, LayoutError> {
        let requests = self.ring(capacity, TICKET_WORDS + Q::WORDS)?;
        let responses = self.ring(capacity, TICKET_WORDS + R::WORDS)?;
        Ok(ChannelLayout { requests, responses, messages: PhantomData })
    }
}

impl<'a> Region<'a> {
    /// Begins a new life as the client of a channel, or `None` when it lies outside the region.
    pub fn client<Q: Message, R: Message, D: Doorbell>(
        self,
        layout: &ChannelLayout<Q, R>,
        doorbell: D,
    ) -> Option<Client<'a, Q, R, D>> {
        let incoming = self.consumer(&layout.responses)?;
        let outgoing = self.producer(&layout.requests)?;
        let link = Link::new(incoming, outgoing, doorbell);
        let capacity = u64::from(layout.requests.capacity());
        Some(Client { link, capacity, next: 0, oldest: 0, outstanding: 0, messages: PhantomData })
    }

    /// Begins a new life as the server of a channel, or `None` when it lies outside the region.
    pub fn server<Q: Message, R: Message, D: Doorbell>(
        self,
        layout: &ChannelLayout<Q, R>,
        doorbell: D,
    ) -> Option<Server<'a, Q, R, D>> {
        let outgoing = self.producer(&layout.responses)?;
        let incoming = self.consumer(&layout.requests)?;
        Some(Server { link: Link::new(incoming, outgoing, doorbell), messages: PhantomData })
    }
}

/// The asking end of a channel.
#[derive(Debug)]
pub struct Client<'a, Q, R, D> {
    link: Link<'a, D>,
    capacity: u64,
    /// Number of the next request.
    next: u64,
    /// Number of the first request sent to the server's present life.
    oldest: u64,
    outstanding: u64,
    messages: PhantomData<fn(Q) -> R>,
}

impl<Q: Message, R: Message, D: Doorbell> Client<'_, Q, R, D> {
    /// Writes a request, to be shown to the server by [`Client::flush`].
    pub fn try_send(&mut self, request: &Q) -> Result<Ticket, ChannelError> {
        let connected = self.link.connect();
        self.note(connected)?;
        if self.outstanding >= self.capacity {
            return Err(self.link.unless_failed(ChannelError::Full));
        }
        let number = self.next;
        let sent = self.link.send(number, request);
        self.note(sent)?;
        self.next += 1;
        self.outstanding += 1;
        Ok(Ticket { number, session: self.link.session })
    }

    /// Shows the server what was sent since the last call.
    pub fn flush(&mut self) {
        self.link.flush();
    }

    /// The next response, or `None` when there is none yet.
    pub fn receive(&mut self) -> Result<Option<(Ticket, R)>, ChannelError> {
        // Answers to void requests are passed over, and no server can keep this going for more than a ringful.
        for _ in 0..=self.capacity {
            let received = self.link.receive::<R>();
            let Some((number, response)) = self.note(received)? else { return Ok(None) };
            if (self.oldest..self.next).contains(&number) {
                self.outstanding = self.outstanding.saturating_sub(1);
                let ticket = Ticket { number, session: self.link.session };
                return response.map(|response| Some((ticket, response))).ok_or(ChannelError::Malformed);
            }
        }
        Err(ChannelError::Malformed)
    }

    /// Sends a request and waits for its response with `wait`, which returns when the doorbell rang. Responses to other
    /// requests that arrive meanwhile are dropped.
    pub fn call(&mut self, request: &Q, mut wait: impl FnMut()) -> Result<R, ChannelError> {
        let ticket = loop {
            match self.try_send(request) {
                Ok(ticket) => break ticket,
                Err(ChannelError::NotConnected) => wait(),
                Err(error) => return Err(error),
            }
        };
        self.flush();
        loop {
            match self.receive()? {
                Some((answered, response)) if answered == ticket => return Ok(response),
                Some(_) => {}
                None => wait(),
            }
        }
    }

    /// Forgets outstanding requests when the server is another.
    fn note<T>(&mut self, result: Result<T, ChannelError>) -> Result<T, ChannelError> {
        if matches!(result, Err(ChannelError::PeerRestarted)) {
            self.oldest = self.next;
            self.outstanding = 0;
        }
        result
    }
}

/// The answering end of a channel.
#[derive(Debug)]
pub struct Server<'a, Q, R, D> {
    link: Link<'a, D>,
    messages: PhantomData<fn(Q) -> R>,
}

impl<Q: Message, R: Message, D: Doorbell> Server<'_, Q, R, D> {
    /// The next request, or `None` when there is none yet.
    pub fn receive(&mut self) -> Result<Option<(Ticket, Q)>, ChannelError> {
        let Some((number, request)) = self.link.receive::<Q>()? else { return Ok(None) };
        let ticket = Ticket { number, session: self.link.session };
        request.map(|request| Some((ticket, request))).ok_or(ChannelError::Malformed)
    }

    /// Writes a response, to be shown to the client by [`Server::flush`]. `Full` means that the client broke the
    /// rules; `PeerRestarted` that nobody waits for this response any more.
    pub fn reply(&mut self, ticket: Ticket, response: &R) -> Result<(), ChannelError> {
        if ticket.session != self.link.session {
            return Err(ChannelError::PeerRestarted);
        }
        self.link.send(ticket.number, response)
    }

    /// Shows the client what was replied since the last call.
    pub fn flush(&mut self) {
        self.link.flush();
    }
}

/// What client and server have in common.
#[derive(Debug)]
struct Link<'a, D> {
    incoming: Consumer<'a>,
    outgoing: Producer<'a>,
    doorbell: D,
    /// Restarts of the peer seen so far.
    session: u64,
}

impl<'a, D: Doorbell> Link<'a, D> {
    fn new(incoming: Consumer<'a>, outgoing: Producer<'a>, doorbell: D) -> Self {
        doorbell.ring();
        Self { incoming, outgoing, doorbell, session: 0 }
    }

    /// Makes sure that both rings have a peer.
    #[inline]
    fn connect(&mut self) -> Result<(), ChannelError> {
        if self.incoming.is_connected() && self.outgoing.is_connected() {
            return Ok(());
        }
        let observed = self.outgoing.observe().and(self.incoming.observe());
        self.greet();
        observed.map_err(|error| self.explain(error))
    }

    #[inline]
    fn send<M: Message>(&mut self, number: u64, message: &M) -> Result<(), ChannelError> {
        let written = self.outgoing.write_slot(|mut slot| {
            slot.set(0, number);
            message.encode(slot.skip(TICKET_WORDS));
        });
        written.map_err(|error| self.explain(error))
    }

    #[inline]
    fn receive<M: Message>(&mut self) -> Result<Option<(u64, Option<M>)>, ChannelError> {
        match self.incoming.read_slot(|slot| (slot.get(0), M::decode(slot.skip(TICKET_WORDS)))) {
            Ok(received) => {
                self.incoming.release();
                Ok(Some(received))
            }
            Err(error) => match self.explain(error) {
                ChannelError::NotConnected => Ok(None),
                error => Err(error),
            },
        }
    }

    #[inline]
    fn flush(&mut self) {
        if self.outgoing.publish() != 0 {
            self.doorbell.ring();
        }
    }

    /// What a ring's error means for the channel. A restart is looked for in both rings, to be told only once.
    #[cold]
    fn explain(&mut self, error: RingError) -> ChannelError {
        let restarts = [Err(error), self.outgoing.observe(), self.incoming.observe()];
        self.greet();
        if restarts.contains(&Err(RingError::Restarted)) {
            self.session += 1;
            return ChannelError::PeerRestarted;
        }
        match error {
            RingError::Full => self.unless_failed(ChannelError::Full),
            // Nothing there and nobody there come to the same for a reader; a writer never finds its ring empty.
            _ => self.unless_failed(ChannelError::NotConnected),
        }
    }

    fn unless_failed(&self, error: ChannelError) -> ChannelError {
        if self.doorbell.peer_failed() { ChannelError::PeerFailed } else { error }
    }

    /// Wakes a peer that waits to be noticed.
    fn greet(&mut self) {
        if self.outgoing.take_greeting() | self.incoming.take_greeting() {
            self.doorbell.ring();
        }
    }
}
