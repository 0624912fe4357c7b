// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupts and their handlers.
//!
//! An [`Irq`] numbers the sources a handler can own: user vectors 0..=107, then the incoming lines of the
//! instance. Every source has one slot in the instance's interrupt table for the notification capability that it
//! signals; the slots are memory of the partition, set up at boot.

use abi::limits::USER_VECTORS;
use arch::{Pin, Polarity, Trigger};

/// Number of an interrupt source: a user vector below 108, else an incoming line counted from 108.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub struct Irq(pub u32);

/// Number of user vectors.
pub const VECTORS: usize = USER_VECTORS as usize;

/// What an issued user vector is connected to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum VectorUse {
    /// Not issued.
    #[default]
    Free,
    /// A pin of an IOAPIC.
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
}

use arch::Machine;

use crate::Kernel;
use crate::args::Args;
use crate::cap::Cap;
use crate::cap::slot::SlotRef;
use crate::error::{Preempted, SyscallError};
use crate::invocation::Reply;

/// A decoded invocation.
#[derive(Clone, Copy, Debug)]
pub enum Invocation {}

impl<M: Machine> Kernel<M> {
    pub(crate) fn decode_irq_control(
        &self,
        _slot: SlotRef,
        _args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn decode_irq_handler(&self, _irq: Irq, _args: &Args<'_>) -> Result<Invocation, SyscallError> {
        unimplemented!()
    }

    pub(crate) fn execute_irq(&mut self, _invocation: Invocation) -> Result<Reply, Preempted> {
        unimplemented!()
    }

    pub(crate) fn handle_interrupt(&mut self, _vector: u8) {
        unimplemented!()
    }

    pub(crate) fn finalise_irq_handler(&mut self, _irq: Irq) {
        unimplemented!()
    }
}
