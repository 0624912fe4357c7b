// SPDX-License-Identifier: MIT OR Apache-2.0
//! The side that tries: what arrives when handlers come and go while the other side signals.

use abi::chunk::skerry::Direction;
use abi::{Rights, status::Word};
use userland::{
    CPtr, Capability, Error, IRQ_CONTROL, IrqHandler, LineSignal, Notification, Random, RootTask, report_row,
    syscall,
};

use crate::board::{How, Orders};
use crate::{Failure, LINES};

/// How often a handler is deleted while signals are on their way.
const ROUNDS: u64 = 2000;
/// Most turns of an empty loop before a handler is deleted.
const PAUSE: u64 = 4000;
/// How often it is looked whether something arrives that must not.
const LOOKS: u64 = 50;
/// Badges: of the handler that goes, and of the one that comes after it.
const OLD: u64 = 1;
const NEW: u64 = 2;

/// What was there before a handler is deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Before {
    /// All signals were sent while the line was open.
    Open,
    /// All signals were sent; some after one was delivered and not acknowledged.
    Delivered,
    /// All signals were sent to a handler without notification.
    Unbound,
    /// Signals are being sent.
    Sending,
}

const BEFORE: [Before; 4] = [Before::Open, Before::Delivered, Before::Unbound, Before::Sending];

/// What a trial needs.
#[derive(Debug)]
pub(crate) struct Trial {
    orders: Orders,
    from: u32,
    has_ack: bool,
    notification: Notification,
    /// The same with the badges [`OLD`] and [`NEW`].
    old: Notification,
    new: Notification,
    /// Places for handlers and their copies.
    slots: [CPtr; 2],
    random: Random,
}

impl Trial {
    pub(crate) fn new(task: &mut RootTask, orders: Orders, from: u32) -> Result<Self, Failure> {
        let channel = task.boot.channel(from, Direction::Receive);
        let channel = channel.ok_or(Failure::Description("channel from the other instance"))?;
        let notification = task.make()?;
        Ok(Self {
            orders,
            from,
            has_ack: channel.has_ack(),
            notification,
            old: task.badged(notification, OLD)?,
            new: task.badged(notification, NEW)?,
            slots: [task.slots.take()?, task.slots.take()?],
            random: Random::new(from.into()),
        })
    }

    /// Everything, and then the other side may stop.
    pub(crate) fn run(mut self, task: &mut RootTask) -> Result<(), Failure> {
        self.all_lines(task)?;
        for round in 0..ROUNDS {
            self.in_flight(BEFORE[round as usize % BEFORE.len()])?;
        }
        self.copies()?;
        self.revoked(task)?;
        self.flooded(task)?;
        self.orders.give(How::End, 0);
        self.orders.await_done();
        let chunk = task.boot.chunk().ok_or(Failure::Description("instances"))?;
        let (own, status) = (chunk.instance(), task.map_status(chunk.own_status_slot())?);
        let [taken, spurious] = [Word::DoorbellsTaken, Word::SpuriousDoorbells].map(|word| status.word(word));
        let ack = self.has_ack;
        report_row(format_args!(
            "{{\"instance\":{own},\"ack\":{ack},\"deleted_in_flight\":{ROUNDS},\"taken\":{taken},\"spurious\":{spurious}}}"
        ));
        Ok(())
    }

    fn handler(&self, place: usize, line: u64) -> Result<IrqHandler, Error> {
        IRQ_CONTROL.get_line(line, self.from, self.slots[place].slot())?;
        Ok(IrqHandler(self.slots[place]))
    }

    /// Every line arrives with its own bit, and again after Ack; without Ack only on a channel that needs none. A badge
    /// of 32 bits has one for every two lines.
    fn all_lines(&mut self, task: &mut RootTask) -> Result<(), Failure> {
        let mut handlers = [IrqHandler(CPtr::NULL); LINES as usize];
        for (line, handler) in (0..).zip(handlers.iter_mut()) {
            let badged = task.badged(self.notification, 1 << (line % u64::from(abi::WORD_BITS)))?;
            *handler = task.receive_line(self.from, line, badged)?;
        }
        self.orders.give(How::All, 0);
        self.collect();
        self.orders.give(How::All, 0);
        self.orders.await_done();
        if self.has_ack {
            self.expect_nothing("before Ack", 0)?;
        }
        handlers.iter().try_for_each(|handler| handler.ack())?;
        self.collect();
        handlers.iter().try_for_each(|handler| handler.slot().delete())?;
        self.expect_nothing("after all", 0)
    }

    /// Waits until all lines have arrived.
    fn collect(&self) {
        let mut arrived = 0;
        while arrived != abi::widen(abi::Word::MAX) {
            arrived |= syscall::wait(self.notification.0).badge;
        }
    }

    /// A handler goes while its line is signalled; the next one hears of later signals only.
    fn in_flight(&mut self, before: Before) -> Result<(), Failure> {
        let line = self.random.below(LINES);
        let handler = self.handler(0, line)?;
        if before != Before::Unbound {
            handler.set_notification(self.old)?;
        }
        if before == Before::Delivered {
            self.orders.give(How::Once, line);
            self.expect("first signal", line, OLD)?;
        }
        self.orders.give(How::Often, line);
        if before != Before::Sending {
            self.orders.await_done();
        }
        self.random.pause(PAUSE);
        handler.slot().delete()?;
        self.orders.await_done();
        syscall::nb_wait(self.notification.0);

        let handler = self.handler(1, line)?;
        handler.set_notification(self.new)?;
        if before == Before::Sending {
            // What was sent after the deletion waited for this handler.
            syscall::nb_wait(self.notification.0);
            handler.ack()?;
            syscall::nb_wait(self.notification.0);
        } else {
            self.expect_nothing("a stale signal", line)?;
        }
        self.orders.give(How::Once, line);
        self.expect("a signal to the next handler", line, NEW)?;
        self.orders.await_done();
        Ok(handler.slot().delete()?)
    }

    /// A handler is there as long as one of its copies.
    fn copies(&mut self) -> Result<(), Failure> {
        let handler = self.handler(0, 0)?;
        handler.set_notification(self.old)?;
        self.slots[1].slot().copy_from(handler.slot(), Rights::ALL)?;
        handler.slot().delete()?;
        self.orders.give(How::Once, 0);
        self.expect("a signal to the copy", 0, OLD)?;
        self.orders.await_done();
        self.refused("GetLine beside a copy", self.handler(0, 0), Error::RevokeFirst)?;
        Ok(self.slots[1].slot().delete()?)
    }

    /// Revoking IRQControl takes all handlers and signal capabilities, and forgets signals.
    fn revoked(&mut self, task: &mut RootTask) -> Result<(), Failure> {
        let handler = self.handler(0, 5)?;
        handler.set_notification(self.old)?;
        let signal: LineSignal = task.send_line(self.from, 5)?;
        self.orders.give(How::Often, 5);
        self.orders.await_done();
        IRQ_CONTROL.slot().revoke()?;
        syscall::nb_wait(self.notification.0);
        for (what, cap) in [("a revoked handler", handler.0), ("a revoked signal", signal.0)] {
            let kind = syscall::debug_cap_identify(cap);
            if kind != Some(abi::CapTag::Null) {
                return Err(unexpected(what, 5, kind.map_or(u64::MAX, |kind| kind as u64), 0));
            }
        }
        let handler = self.handler(1, 5)?;
        handler.set_notification(self.new)?;
        self.expect_nothing("a signal from before the revocation", 5)?;
        self.orders.give(How::Once, 5);
        self.expect("a signal after the revocation", 5, NEW)?;
        Ok(handler.slot().delete()?)
    }

    /// Signals that nobody waits for keep a core busy that has nothing else to do, and it stays well.
    fn flooded(&mut self, task: &mut RootTask) -> Result<(), Failure> {
        let nobody: Notification = task.make()?;
        for line in 1..LINES {
            task.receive_line(self.from, line, nobody)?;
        }
        self.handler(0, 0)?.set_notification(self.new)?;
        self.orders.give(How::Flood, 0);
        self.expect("the signal after the flood", 0, NEW)
    }

    /// Sleeps until something arrives, which has to be this.
    fn expect(&self, what: &'static str, line: u64, expected: u64) -> Result<(), Failure> {
        match syscall::wait(self.notification.0).badge {
            got if got == expected => Ok(()),
            got => Err(unexpected(what, line, got, expected)),
        }
    }

    fn expect_nothing(&mut self, what: &'static str, line: u64) -> Result<(), Failure> {
        for _ in 0..LOOKS {
            match syscall::nb_wait(self.notification.0).badge {
                0 => self.random.pause(PAUSE / LOOKS),
                got => return Err(unexpected(what, line, got, 0)),
            }
        }
        Ok(())
    }

    fn refused<T>(&self, what: &'static str, got: Result<T, Error>, expected: Error) -> Result<(), Failure> {
        match got {
            Err(error) if error == expected => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Err(unexpected(what, 0, 1, 0)),
        }
    }
}

const fn unexpected(what: &'static str, line: u64, got: u64, expected: u64) -> Failure {
    Failure::Unexpected { what, line, got, expected }
}
