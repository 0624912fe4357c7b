// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scheduling contexts and the control over them.

use crate::capability::{Capability, Notification, SchedContext, SchedControl, Tcb};
use crate::error::Error;
use crate::machine;
use crate::message::{invoke, invoke_unit, time};
use abi::Label;

/// The time a scheduling context has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SchedParameters {
    /// Microseconds in each period.
    pub budget_us: u64,
    /// The period in microseconds; the same as the budget for round robin.
    pub period_us: u64,
    /// Refills besides the two there always are.
    pub extra_refills: u64,
    /// The word that timeout faults carry.
    pub data: u64,
    /// See [`abi::flags::SCHED_CONTEXT_SPORADIC`].
    pub flags: u64,
}

impl SchedParameters {
    /// Runs `slice_us` at a time, in turns with others of its priority.
    pub const fn round_robin(slice_us: u64) -> Self {
        Self::periodic(slice_us, slice_us)
    }

    /// Runs `budget_us` in every `period_us`.
    pub const fn periodic(budget_us: u64, period_us: u64) -> Self {
        Self { budget_us, period_us, extra_refills: 0, data: 0, flags: 0 }
    }
}

impl SchedControl {
    /// Gives a scheduling context its time.
    #[doc(alias = "seL4_SchedControl_ConfigureFlags")]
    pub fn configure(self, context: SchedContext, parameters: SchedParameters) -> Result<(), Error> {
        let words = machine::sched_words(&parameters);
        invoke_unit(self.0, Label::SchedControlConfigureFlags, words, [context.cptr()])
    }
}

/// What a scheduling context can be bound to.
pub trait Bindable: Capability {}

impl Bindable for Tcb {}
impl Bindable for Notification {}

impl SchedContext {
    /// Binds a thread or a notification.
    #[doc(alias = "seL4_SchedContext_Bind")]
    pub fn bind(self, object: impl Bindable) -> Result<(), Error> {
        invoke_unit(self.0, Label::SchedContextBind, [], [object.cptr()])
    }

    /// Dissolves all bonds.
    #[doc(alias = "seL4_SchedContext_Unbind")]
    pub fn unbind(self) -> Result<(), Error> {
        invoke_unit(self.0, Label::SchedContextUnbind, [], [])
    }

    /// Dissolves the bond with a thread or a notification.
    #[doc(alias = "seL4_SchedContext_UnbindObject")]
    pub fn unbind_object(self, object: impl Bindable) -> Result<(), Error> {
        invoke_unit(self.0, Label::SchedContextUnbindObject, [], [object.cptr()])
    }

    /// Microseconds consumed since the last report.
    #[doc(alias = "seL4_SchedContext_Consumed")]
    pub fn consumed(self) -> Result<u64, Error> {
        consumed(self, Label::SchedContextConsumed)
    }

    /// Runs the bound thread before the caller; returns the microseconds it consumed.
    #[doc(alias = "seL4_SchedContext_YieldTo")]
    pub fn yield_to(self) -> Result<u64, Error> {
        consumed(self, Label::SchedContextYieldTo)
    }
}

/// Makes an invocation whose result is a time.
fn consumed(context: SchedContext, label: Label) -> Result<u64, Error> {
    invoke(context.0, label, [], []).map(|reply| time(|word| reply.words[word]))
}
