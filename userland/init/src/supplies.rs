// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the programs of an instance are given from, made before the first of them.

use alloc::vec::Vec;

use memory_partition::launch::Launch;
use userland::{AllocError, Notification, RootTask};

use crate::device_memory::DeviceMemory;

/// What there is once on an instance.
pub(crate) struct Supplies {
    pub(crate) devices: DeviceMemory,
    /// Of each program, by its position in the description, what collects its lines and interrupts.
    events: Vec<(usize, Notification)>,
}

impl Supplies {
    pub(crate) fn new(root: &mut RootTask, launch: &Launch<'_>) -> Result<Self, AllocError> {
        let programs = launch.description.programs_of(launch.instance);
        let events =
            programs.map(|(index, _)| Ok((index, root.make()?))).collect::<Result<_, AllocError>>()?;
        Ok(Self { devices: DeviceMemory::new(&root.boot), events })
    }

    /// What collects the events of a program of this instance.
    pub(crate) fn events(&self, program: usize) -> Option<Notification> {
        self.events.iter().find(|(index, _)| *index == program).map(|(_, events)| *events)
    }
}
