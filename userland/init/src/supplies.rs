// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the programs of an instance are given from, made before the first of them.

use alloc::vec::Vec;

use skerry_system::launch::Launch;
use userland::{AllocError, Notification, RootTask};

use crate::device_memory::DeviceMemory;
use crate::timeouts::Timeouts;

/// What there is once on an instance.
pub(crate) struct Supplies {
    pub(crate) devices: DeviceMemory,
    /// Of each program, by its position in the description, what collects its lines and interrupts.
    events: Vec<(usize, Notification)>,
    /// The same of each program that handles timeouts of others.
    timeouts: Vec<(usize, Timeouts)>,
}

impl Supplies {
    pub(crate) fn new(root: &mut RootTask, launch: &Launch<'_>) -> Result<Self, AllocError> {
        let description = &launch.description;
        let (mut events, mut timeouts) = (Vec::new(), Vec::new());
        for (index, _) in description.programs_of(launch.instance) {
            events.push((index, root.make()?));
            if description.handled_by(index).next().is_some() {
                timeouts.push((index, Timeouts::new(root)?));
            }
        }
        Ok(Self { devices: DeviceMemory::new(&root.boot), events, timeouts })
    }

    /// What collects the events of a program of this instance.
    pub(crate) fn events(&self, program: usize) -> Option<Notification> {
        self.events.iter().find(|(index, _)| *index == program).map(|(_, events)| *events)
    }

    /// What a program of this instance handles timeouts with, if it does.
    pub(crate) fn timeouts(&self, program: usize) -> Option<Timeouts> {
        self.timeouts.iter().find(|(index, _)| *index == program).map(|(_, timeouts)| *timeouts)
    }
}
