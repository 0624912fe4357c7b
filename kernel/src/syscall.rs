// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system calls: which halves they have, and what becomes of the caller.

use arch::Machine;

use crate::{Event, Kernel, Resume};

impl<M: Machine> Kernel<M> {
    /// Handles one event and says what the core does next.
    pub fn handle(&mut self, _event: Event) -> Resume {
        unimplemented!()
    }
}
