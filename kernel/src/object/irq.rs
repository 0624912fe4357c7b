// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupts and their handlers.
//!
//! An [`Irq`] numbers the sources a handler can own: user vectors, and incoming lines (see `line.rs`). Every source
//! has a slot in the instance's interrupt table for the notification capability that it signals; the slots are memory
//! of the partition, set up at boot. Which invocation of IRQControl gives a user vector, and what it is connected to,
//! depends on the processor (`x86_64/irq_control.rs`, `aarch32/irq_control.rs`).
//!
//! ```text
//! Irq      0 .. 107           108 + 64 * sending instance + line
//! slots  | user vectors 0..107 | incoming lines of all channels, by `Peer::base_in` |
//! ```

use abi::limits::{MAX_LINES, USER_VECTORS, VECTOR_OFFSET};
use abi::status::Word as StatusWord;
use abi::vector::{DOORBELL, FIRST_USER, LAST_USER, TIMER};
use abi::{Label, TIME_WORDS};
use arch::{Machine, Pin, PinMask, PinRoute, Polarity, Trigger};

use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;
use crate::object::line::Line;

/// Number of an interrupt source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub struct Irq(pub u32);

/// Number of user vectors.
pub const VECTORS: usize = USER_VECTORS as usize;

/// What an [`Irq`] stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A user vector, below [`VECTORS`].
    Vector(usize),
    /// A line from another instance.
    Line {
        /// The sending instance.
        from: u8,
        /// Its line.
        line: Line,
    },
}

impl Irq {
    /// The number of a line.
    pub const fn of_line(from: u8, line: Line) -> Self {
        Self((VECTORS + from as usize * MAX_LINES + line.0 as usize) as u32)
    }

    /// What the number stands for.
    #[inline]
    pub const fn source(self) -> Source {
        let number = self.0 as usize;
        if number < VECTORS {
            return Source::Vector(number);
        }
        let line = number - VECTORS;
        Source::Line { from: (line / MAX_LINES) as u8, line: Line((line % MAX_LINES) as u8) }
    }
}

/// What an issued user vector is connected to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum VectorUse {
    /// Not issued.
    #[default]
    Free,
    /// A pin of an interrupt controller.
    Pin {
        /// The pin.
        pin: Pin,
        /// Edge or level.
        trigger: Trigger,
        /// Active level.
        polarity: Polarity,
    },
    /// Message-signalled; the kernel programs nothing.
    Message,
    /// A pin that was issued again since: it routes to another vector now, and this one is connected to nothing.
    Displaced,
}

impl VectorUse {
    /// The pin that routes to the vector.
    #[inline]
    const fn pin(self) -> Option<Pin> {
        match self {
            Self::Pin { pin, .. } => Some(pin),
            Self::Free | Self::Message | Self::Displaced => None,
        }
    }
}

/// A decoded invocation of IRQControl or of a handler.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {
    /// Makes a handler for a vector.
    IssueVector {
        /// The vector, below [`VECTORS`].
        vector: usize,
        /// What it is connected to.
        connection: VectorUse,
        /// Slot of the control capability.
        control: SlotRef,
        /// Where the capability goes.
        dest: SlotRef,
    },
    /// Makes a handler for an incoming line.
    IssueLine {
        /// The sending instance.
        from: u8,
        /// Its line.
        line: Line,
        /// Slot of the control capability.
        control: SlotRef,
        /// Where the capability goes.
        dest: SlotRef,
    },
    /// Makes a signal capability.
    IssueLineSignal {
        /// The capability.
        cap: Cap,
        /// Slot of the control capability.
        control: SlotRef,
        /// Where the capability goes.
        dest: SlotRef,
    },
    /// Allows the next interrupt.
    Ack(Irq),
    /// Allows the next signal of several lines of one channel.
    AckLines {
        /// The line whose handler is invoked.
        irq: Irq,
        /// The lines, a bit each.
        lines: u64,
    },
    /// Connects a handler to a notification.
    SetNotification {
        /// The source.
        irq: Irq,
        /// Slot of the notification capability.
        notification: SlotRef,
    },
    /// Disconnects a handler.
    Clear(Irq),
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_irq_control(
        &self,
        slot: SlotRef,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        match args.label() {
            Some(Label::IssueLineSignal) => self.decode_issue_line_signal(slot, args),
            Some(Label::GetLine) => self.decode_get_line(slot, args),
            Some(label) => self.decode_issue_vector(slot, label, args),
            None => Err(SyscallError::IllegalOperation),
        }
    }

    pub(crate) fn decode_irq_handler(&self, irq: Irq, args: &Args<'_>) -> Result<Invocation, SyscallError> {
        match args.label() {
            Some(Label::IrqHandlerAck) => Ok(Invocation::Ack(irq)),
            Some(Label::IrqHandlerSetNotification) => {
                args.require(0, 1)?;
                let notification = args.cap(0)?;
                match self.objs[notification].cap.unpack() {
                    Cap::Notification { rights, .. } if rights.can_write() => {
                        Ok(Invocation::SetNotification { irq, notification })
                    }
                    _ => Err(SyscallError::InvalidCapability(0)),
                }
            }
            Some(Label::IrqHandlerClear) => Ok(Invocation::Clear(irq)),
            Some(Label::IrqHandlerAckLines) if matches!(irq.source(), Source::Line { .. }) => {
                args.require(TIME_WORDS, 0)?;
                Ok(Invocation::AckLines { irq, lines: args.words().take_time() })
            }
            _ => Err(SyscallError::IllegalOperation),
        }
    }

    pub(crate) fn execute_irq(&mut self, invocation: Invocation) -> Result<Reply, Preempted> {
        match invocation {
            Invocation::IssueVector { vector, connection, control, dest } => {
                self.connect_vector(vector, connection);
                self.insert_cap(Cap::IrqHandler(Irq(vector as u32)), control, dest);
            }
            Invocation::IssueLine { from, line, control, dest } => {
                self.peers[usize::from(from)].handled |= line.bit();
                self.insert_cap(Cap::IrqHandler(Irq::of_line(from, line)), control, dest);
            }
            Invocation::IssueLineSignal { cap, control, dest } => self.insert_cap(cap, control, dest),
            Invocation::Ack(irq) => self.acknowledge(irq),
            Invocation::AckLines { irq, lines } => self.acknowledge_lines(irq, lines),
            Invocation::SetNotification { irq, notification } => self.connect_irq(irq, notification),
            Invocation::Clear(irq) => self.disconnect_irq(irq),
        }
        Ok(Reply::Done)
    }

    /// Connects a vector that is issued. A pin routes to one vector, that of its last issue (ROUTED).
    fn connect_vector(&mut self, vector: usize, connection: VectorUse) {
        if let VectorUse::Pin { pin, trigger, polarity } = connection {
            for other in &mut self.vectors {
                if other.pin() == Some(pin) {
                    *other = VectorUse::Displaced;
                }
            }
            let vector = (VECTOR_OFFSET as usize + vector) as u8;
            self.machine.route_pin(pin, PinRoute { vector, trigger, polarity });
        }
        self.vectors[vector] = connection;
    }

    fn acknowledge(&mut self, irq: Irq) {
        match irq.source() {
            Source::Vector(vector) => self.unmask_vector(vector),
            Source::Line { from, line } => self.open_line(from, line),
        }
    }

    /// Opens those of `lines` that signal the same notification as `irq`, a line of the same channel.
    fn acknowledge_lines(&mut self, irq: Irq, lines: u64) {
        let Source::Line { from, .. } = irq.source() else { return };
        let Some(notification) = self.objs[self.irq_slot(irq)].cap.signallable_notification() else { return };
        let first = self.irq_slot(Irq::of_line(from, Line(0)));
        let count = self.peers[usize::from(from)].lines_in;
        let mut opened = 0;
        for line in ipi::Line::each(lines).map(|line| Line(line.number() as u8)) {
            if line.0 >= count {
                break;
            }
            let cap = self.objs[first.element(usize::from(line.0))].cap;
            if cap.signallable_notification() == Some(notification) {
                opened |= line.bit();
            }
        }
        self.open_lines(from, opened);
    }

    fn connect_irq(&mut self, irq: Irq, notification: SlotRef) {
        self.disconnect_irq(irq);
        let slot = self.irq_slot(irq);
        let cap = self.objs[notification].cap.unpack();
        self.insert_cap(cap, notification, slot);
        if let Source::Line { from, line } = irq.source() {
            self.open_line(from, line);
        }
    }

    fn disconnect_irq(&mut self, irq: Irq) {
        if let Source::Line { from, line } = irq.source() {
            self.close_line(from, line);
        }
        self.delete_simple_cap(self.irq_slot(irq));
    }

    /// Slot of the notification capability that `irq` signals.
    #[inline]
    pub(crate) fn irq_slot(&self, irq: Irq) -> SlotRef {
        let index = match irq.source() {
            Source::Vector(vector) => vector,
            Source::Line { from, line } => {
                VECTORS + self.peers[usize::from(from)].base_in as usize + usize::from(line.0)
            }
        };
        self.irq_slots.element(index)
    }

    /// Signals the notification that `irq` is connected to, if there is one.
    #[inline]
    pub(crate) fn signal_irq(&mut self, irq: Irq) {
        if let Cap::Notification { notification, badge, .. } = self.objs[self.irq_slot(irq)].cap.unpack() {
            self.send_signal(notification, badge);
        }
    }

    /// Lets the interrupt at a vector come again.
    #[inline(always)]
    pub(crate) fn unmask_vector(&mut self, vector: usize) {
        self.mask_vector(vector, PinMask::Unmasked);
    }

    fn mask_vector(&mut self, vector: usize, mask: PinMask) {
        if let Some(pin) = self.vectors[vector].pin() {
            self.machine.mask_pin(pin, mask);
        }
    }

    /// Handles the interrupt at CPU vector `vector`. What a timer interrupt is about is found out on the way out.
    pub(crate) fn handle_interrupt(&mut self, vector: u8) {
        match vector {
            DOORBELL => self.take_doorbell(),
            TIMER => {}
            FIRST_USER..=LAST_USER => self.handle_user_vector(usize::from(vector - FIRST_USER)),
            _ => self.count([StatusWord::UnownedInterrupts]),
        }
        self.machine.end_of_interrupt();
    }

    /// A pin stays masked until the handler acknowledges, so that its level cannot interrupt again and again.
    fn handle_user_vector(&mut self, vector: usize) {
        if self.vectors[vector] == VectorUse::Free {
            self.count([StatusWord::UnownedInterrupts]);
            return;
        }
        self.signal_irq(Irq(vector as u32));
        self.mask_vector(vector, PinMask::Masked);
    }

    /// Ends a source whose last handler goes.
    pub(crate) fn finalise_irq_handler(&mut self, irq: Irq) {
        match irq.source() {
            Source::Vector(vector) => {
                self.mask_vector(vector, PinMask::Masked);
                self.vectors[vector] = VectorUse::Free;
            }
            Source::Line { from, line } => self.forget_line(from, line),
        }
        self.delete_simple_cap(self.irq_slot(irq));
    }
}

#[cfg(not(target_os = "none"))]
impl<M: Machine> Kernel<M> {
    /// ROUTED, and only sources that have a handler are connected, and to notifications.
    pub(crate) fn check_irqs(&self) {
        for (vector, connection) in self.vectors.iter().enumerate() {
            let twin = self.vectors[..vector]
                .iter()
                .position(|other| connection.pin().is_some_and(|pin| other.pin() == Some(pin)));
            assert_eq!(twin, None, "ROUTED: {connection:?} routes to vector {vector} too");
        }
        let vectors =
            (0..VECTORS).map(|vector| (Irq(vector as u32), self.vectors[vector] != VectorUse::Free));
        let lines = self.peers.iter().enumerate().flat_map(|(from, peer)| {
            (0..peer.lines_in)
                .map(move |line| (Irq::of_line(from as u8, Line(line)), peer.handled & Line(line).bit() != 0))
        });
        for (irq, has_handler) in vectors.chain(lines) {
            match self.objs[self.irq_slot(irq)].cap.unpack() {
                Cap::Null => {}
                Cap::Notification { .. } => assert!(has_handler, "{irq:?} is connected without handler"),
                other => panic!("{irq:?} is connected to {other:?}"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
