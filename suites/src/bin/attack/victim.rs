// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instance that is attacked. It owns the devices, so it checks what the plan may have given it too much of.

use userland::{Notification, RootTask, println, syscall};

use crate::attempts::Attempts;
use crate::machine::{self, usable_memory};
use crate::memory::{Range, look_for_forbidden, untypeds};
use crate::{DONE, Failure, peer, region};

/// What the victim writes.
const PATTERN: u64 = 0x5ca1_ab1e_0ddb_a115;

pub(crate) fn run(task: &mut RootTask) -> Result<(), Failure> {
    let shown = task.open_region(&region(task, "shown")?)?;
    let mut layout = shared_region::RegionLayout::new(region(task, "shown")?.size as usize);
    let place = layout.counter().map_err(|_| Failure::Missing("room in region shown"))?;
    let counter = shown.counter(&place).ok_or(Failure::Missing("room in region shown"))?;
    counter.set(PATTERN);
    let notification: Notification = task.make()?;
    task.receive_line(peer(task, "bystander")?.instance, DONE, notification)?;

    let mut attempts = Attempts::default();
    look_for_forbidden(task, &mut attempts);
    attempts.absent("an untyped for devices over usable memory", covers_memory(task));
    machine::devices::try_as_owner(task, &mut attempts)?;

    syscall::wait(notification.0);
    if counter.get() != PATTERN {
        return Err(Failure::Changed("the region that the attacker may only read"));
    }
    println!("the attacker has finished; nothing of mine has changed");
    attempts.finish()
}

/// Whether device memory overlaps what the firmware calls usable, which is where partitions are.
fn covers_memory(task: &RootTask) -> bool {
    let usable =
        |range: Range| untypeds(task).any(|(untyped, is_device)| is_device && untyped.overlaps(range));
    usable_memory(task).any(usable)
}
