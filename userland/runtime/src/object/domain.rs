// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domains and their schedule.

use crate::capability::{Capability, Domain, Tcb};
use crate::error::Error;
use crate::machine;
use crate::message::invoke_unit;
use abi::Label;

impl Domain {
    /// Moves a thread to a domain.
    #[doc(alias = "seL4_DomainSet_Set")]
    pub fn set(self, domain: u64, thread: Tcb) -> Result<(), Error> {
        invoke_unit(self.0, Label::DomainSetSet, [domain], [thread.cptr()])
    }

    /// Writes an entry of the schedule; the duration is in ticks of [`crate::ticks`].
    #[doc(alias = "seL4_DomainSet_ScheduleConfigure")]
    pub fn schedule_configure(self, index: u64, domain: u64, duration: u64) -> Result<(), Error> {
        invoke_unit(
            self.0,
            Label::DomainScheduleConfigure,
            machine::domain_words(index, domain, duration),
            [],
        )
    }

    /// Starts the schedule at an entry.
    #[doc(alias = "seL4_DomainSet_ScheduleSetStart")]
    pub fn schedule_set_start(self, index: u64) -> Result<(), Error> {
        invoke_unit(self.0, Label::DomainScheduleSetStart, [index], [])
    }
}
