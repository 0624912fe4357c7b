// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests and responses: back-pressure, batching, restarts, failures, and peers that break the rules.
#![cfg(not(loom))]

use shared_region::channel::{ChannelError, ChannelLayout, Client, Doorbell, Server};
use shared_region::{Memory, Message, RegionLayout, Slot, SlotMut};
use std::cell::Cell;

const WORDS: usize = 512;

/// A doorbell that counts, and a status page that says what it is told.
#[derive(Default)]
struct Bell {
    rings: Cell<u32>,
    failed: Cell<bool>,
}

impl Doorbell for &Bell {
    fn ring(&self) {
        self.rings.set(self.rings.get() + 1);
    }

    fn peer_failed(&self) -> bool {
        self.failed.get()
    }
}

/// A message of which not every word is one.
#[derive(Debug, PartialEq)]
struct Even(u64);

impl Message for Even {
    const WORDS: usize = 1;

    fn encode(&self, mut slot: SlotMut<'_>) {
        slot.set(0, self.0);
    }

    fn decode(slot: Slot<'_>) -> Option<Self> {
        Some(slot.get(0)).filter(|word| word % 2 == 0).map(Self)
    }
}

type Asking<'a> = Client<'a, Even, [u64; 2], &'a Bell>;
type Answering<'a> = Server<'a, Even, [u64; 2], &'a Bell>;

/// The memory of a channel and the bells of its two sides.
#[derive(Default)]
struct Setup {
    memory: Memory<WORDS>,
    client_rings: Bell,
    server_rings: Bell,
}

impl Setup {
    fn layout(&self) -> ChannelLayout<Even, [u64; 2]> {
        RegionLayout::new(WORDS * 8).channel(4).expect("fits")
    }

    fn client(&self) -> Asking<'_> {
        self.memory.region().client(&self.layout(), &self.client_rings).expect("fits")
    }

    fn server(&self) -> Answering<'_> {
        self.memory.region().server(&self.layout(), &self.server_rings).expect("fits")
    }

    /// Two sides that know each other.
    fn connected(&self) -> (Asking<'_>, Answering<'_>) {
        let (mut client, mut server) = (self.client(), self.server());
        assert_eq!(client.receive(), Ok(None));
        assert_eq!(server.receive(), Ok(None));
        assert_eq!(client.receive(), Ok(None));
        self.client_rings.rings.set(0);
        self.server_rings.rings.set(0);
        (client, server)
    }
}

#[test]
fn responses_find_their_requests_in_any_order() {
    let setup = Setup::default();
    let (mut client, mut server) = setup.connected();
    let tickets = [2, 4].map(|word| client.try_send(&Even(word)).expect("room"));
    assert_eq!(server.receive(), Ok(None), "nothing is flushed yet");
    client.flush();
    assert_eq!(setup.client_rings.rings.get(), 1, "one doorbell for the batch");
    let first = server.receive().expect("connected").expect("a request");
    let second = server.receive().expect("connected").expect("a request");
    assert_eq!((&first.1, &second.1), (&Even(2), &Even(4)));
    server.reply(second.0, &[4, 4]).expect("room");
    server.reply(first.0, &[2, 2]).expect("room");
    server.flush();
    assert_eq!(client.receive(), Ok(Some((tickets[1], [4, 4]))));
    assert_eq!(client.receive(), Ok(Some((tickets[0], [2, 2]))));
    assert_eq!(client.receive(), Ok(None));
}

#[test]
fn a_full_channel_pushes_back_until_a_response_is_taken() {
    let setup = Setup::default();
    let (mut client, mut server) = setup.connected();
    for _ in 0..4 {
        client.try_send(&Even(0)).expect("room");
    }
    client.flush();
    assert_eq!(client.try_send(&Even(0)), Err(ChannelError::Full));
    while let Ok(Some((ticket, _))) = server.receive() {
        server.reply(ticket, &[0, 0]).expect("a server always has room for its answers");
    }
    server.flush();
    assert_eq!(client.try_send(&Even(0)), Err(ChannelError::Full), "responses are waiting");
    assert!(matches!(client.receive(), Ok(Some(_))));
    assert!(client.try_send(&Even(0)).is_ok());
}

#[test]
fn a_client_that_starts_first_is_woken_by_the_new_server() {
    let setup = Setup::default();
    let mut client = setup.client();
    assert_eq!(client.try_send(&Even(0)), Err(ChannelError::NotConnected));
    let _server = setup.server();
    assert_eq!(setup.server_rings.rings.get(), 1);
    assert!(client.try_send(&Even(0)).is_ok(), "the server found the client when it started");
}

#[test]
fn a_client_that_starts_second_is_woken_when_the_server_has_seen_it() {
    let setup = Setup::default();
    let (mut server, mut client) = (setup.server(), setup.client());
    assert_eq!(setup.client_rings.rings.get(), 1, "a new client makes the server look");
    assert_eq!(client.try_send(&Even(0)), Err(ChannelError::NotConnected));
    setup.server_rings.rings.set(0);
    assert_eq!(server.receive(), Ok(None));
    assert_eq!(setup.server_rings.rings.get(), 1);
    assert!(client.try_send(&Even(0)).is_ok());
}

#[test]
fn a_failed_server_is_an_error_after_its_last_response() {
    let setup = Setup::default();
    let (mut client, mut server) = setup.connected();
    let answered = client.try_send(&Even(2)).expect("room");
    client.try_send(&Even(4)).expect("room");
    client.flush();
    let (ticket, _) = server.receive().expect("connected").expect("a request");
    server.reply(ticket, &[2, 0]).expect("room");
    server.flush();
    setup.client_rings.failed.set(true);
    assert_eq!(client.receive(), Ok(Some((answered, [2, 0]))));
    assert_eq!(client.receive(), Err(ChannelError::PeerFailed));
    setup.server_rings.failed.set(true);
    assert!(matches!(server.receive(), Ok(Some(_))), "requests that arrived are still served");
    assert_eq!(server.receive(), Err(ChannelError::PeerFailed));
}

#[test]
fn a_call_waits_for_its_response_and_ends_when_the_server_fails() {
    let setup = Setup::default();
    let (mut client, mut server) = setup.connected();
    let answer = client.call(&Even(6), || {
        if let Ok(Some((ticket, Even(word)))) = server.receive() {
            server.reply(ticket, &[word, 1]).expect("room");
            server.flush();
        }
    });
    assert_eq!(answer, Ok([6, 1]));
    assert_eq!(client.call(&Even(8), || setup.client_rings.failed.set(true)), Err(ChannelError::PeerFailed));
}

#[test]
fn a_restarted_server_voids_what_was_outstanding_and_is_told_once() {
    let setup = Setup::default();
    let (mut client, _server) = setup.connected();
    client.try_send(&Even(2)).expect("room");
    client.flush();
    let mut reborn = setup.server();
    assert_eq!(client.receive(), Err(ChannelError::PeerRestarted));
    assert_eq!(reborn.receive(), Ok(None), "requests to the old life are gone");
    let ticket = client.try_send(&Even(4)).expect("connected to the new life, with all slots free");
    client.flush();
    let (number, request) = reborn.receive().expect("connected").expect("a request");
    assert_eq!(request, Even(4));
    reborn.reply(number, &[4, 4]).expect("room");
    reborn.flush();
    assert_eq!(client.receive(), Ok(Some((ticket, [4, 4]))));
}

#[test]
fn a_restarted_client_gets_no_answer_meant_for_its_former_life() {
    let setup = Setup::default();
    let (mut client, mut server) = setup.connected();
    client.try_send(&Even(2)).expect("room");
    client.flush();
    let (old, _) = server.receive().expect("connected").expect("a request");
    let mut reborn = setup.client();
    assert_eq!(server.receive(), Err(ChannelError::PeerRestarted));
    assert_eq!(server.reply(old, &[2, 2]), Err(ChannelError::PeerRestarted));
    let ticket = reborn.try_send(&Even(4)).expect("connected");
    reborn.flush();
    assert_eq!(reborn.receive(), Ok(None));
    let (new, _) = server.receive().expect("connected").expect("a request");
    server.reply(new, &[4, 4]).expect("room");
    server.flush();
    assert_eq!(reborn.receive(), Ok(Some((ticket, [4, 4]))));
}

#[test]
fn words_that_are_no_message_are_refused_and_do_not_stop_the_server() {
    let setup = Setup::default();
    let (mut client, mut server) = setup.connected();
    client.try_send(&Even(3)).expect("the sender does not check");
    client.try_send(&Even(4)).expect("room");
    client.flush();
    assert_eq!(server.receive(), Err(ChannelError::Malformed));
    assert!(matches!(server.receive(), Ok(Some((_, Even(4))))));
}

#[test]
fn a_repeated_answer_does_not_upset_the_count_of_requests() {
    let setup = Setup::default();
    let (mut client, mut server) = setup.connected();
    let ticket = client.try_send(&Even(2)).expect("room");
    client.flush();
    let (number, _) = server.receive().expect("connected").expect("a request");
    server.reply(number, &[1, 1]).expect("room");
    server.reply(number, &[2, 2]).expect("a careless server finds room too");
    server.flush();
    assert_eq!(client.receive(), Ok(Some((ticket, [1, 1]))));
    assert_eq!(client.receive(), Ok(Some((ticket, [2, 2]))), "what to make of it is the caller's to say");
    for _ in 0..4 {
        assert!(client.try_send(&Even(0)).is_ok());
    }
    assert_eq!(client.try_send(&Even(0)), Err(ChannelError::Full));
}
