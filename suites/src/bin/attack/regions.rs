// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attempts to turn frames of shared regions and status pages into more than they are.

use abi::{GuardData, Label, ObjectType, Rights, VmAttributes};
use userland::object::{Frame, Space};
use userland::{
    ASID_CONTROL, AsidPool, CPtr, Capability, Error, INIT_ASID_POOL, INIT_CNODE, INIT_TCB, INIT_VSPACE,
    Message, RootTask, SmallPage, Tcb, Untyped, VSpace,
};

use crate::attempts::Attempts;
use crate::intruder::{Fault, Intruder};
use crate::machine::{NO_POOL, store};
use crate::memory::{Range, untypeds};
use crate::{Failure, peer, region};

pub(crate) fn attack(
    task: &mut RootTask,
    attempts: &mut Attempts,
    intruder: &Intruder,
) -> Result<(), Failure> {
    let shown = frame(region(task, "shown")?.first_slot);
    let open = frame(region(task, "open")?.first_slot);
    let status = frame(peer(task, "victim")?.status_slot);
    let own_status = frame(task.boot.chunk().map_or(0, |chunk| chunk.own_status_slot()));
    attempts.absent("a region of others", task.boot.region("hidden").is_some());
    for (what, frame) in [
        ("a read-only region", shown),
        ("the status page of a peer", status),
        ("the own status page", own_status),
    ] {
        write(task, attempts, intruder, (what, frame))?;
    }
    for (what, frame) in
        [("a read-only region", shown), ("a writable region", open), ("a status page", status)]
    {
        retype(task, attempts, (what, frame))?;
        as_kernel_memory(task, attempts, (what, frame), intruder.thread())?;
    }
    Ok(())
}

fn frame(slot: u64) -> SmallPage {
    SmallPage(CPtr(slot))
}

/// Maps a read-only frame writable, itself, copied and minted, and stores.
fn write(
    task: &mut RootTask,
    attempts: &mut Attempts,
    intruder: &Intruder,
    (what, frame): (&str, SmallPage),
) -> Result<(), Failure> {
    let (copy, mint) = (task.slots.take()?, task.slots.take()?);
    copy.slot().copy_from(frame.slot(), Rights::ALL)?;
    mint.slot().mint_from(frame.slot(), Rights::ALL, u64::MAX)?;
    for (how, frame) in [("mapped", frame), ("copied", SmallPage(copy)), ("minted", SmallPage(mint))] {
        let address = task.take_addresses(1 << frame.size_bits(), frame.size_bits());
        task.map(INIT_VSPACE, frame, address, Rights::READ_WRITE, VmAttributes::WRITE_BACK)?;
        userland::println!("store to {what}, {how} with all rights ...");
        attempts.stopped(what, intruder.try_code(store, address)?, Fault::Page(address));
        frame.unmap()?;
    }
    Ok(())
}

/// Looks for an untyped that covers the frame, and invokes the frame as one.
fn retype(
    task: &mut RootTask,
    attempts: &mut Attempts,
    (what, frame): (&str, SmallPage),
) -> Result<(), Failure> {
    let start = frame.get_address()?;
    let range = Range { start, end: start + 1 };
    userland::println!("{what} as untyped memory ...");
    attempts.absent("an untyped that covers it", untypeds(task).any(|(untyped, _)| untyped.overlaps(range)));
    let slot = task.slots.take()?;
    let retyped = Untyped(frame.0).retype(ObjectType::SmallPage, 0, slot, 1);
    attempts.refused("Retype of it", retyped, Error::IllegalOperation);
    let pool = ASID_CONTROL.make_pool(Untyped(frame.0), slot.slot());
    attempts.refused("an ASID pool in it", pool, Error::InvalidCapability(1));
    Ok(())
}

/// Offers the frame where the kernel expects an object of its own.
fn as_kernel_memory(
    task: &mut RootTask,
    attempts: &mut Attempts,
    (what, frame): (&str, SmallPage),
    thread: Tcb,
) -> Result<(), Failure> {
    userland::println!("{what} as kernel memory ...");
    let cap = frame.cptr();
    let page: SmallPage = task.make()?;
    let address = task.take_addresses(1 << page.size_bits(), page.size_bits());
    let buffer = thread.set_ipc_buffer(address, frame);
    attempts.refused("the IPC buffer of a thread", buffer, Error::IllegalOperation);
    for (what, label) in [("page table", Label::PageTableMap), ("page directory", Label::PageDirectoryMap)] {
        let mapped = Message::new(label.word(), &[address, 0]).with_caps(&[INIT_VSPACE.cptr()]).invoke(cap);
        attempts.refused(what, mapped, Error::IllegalOperation);
    }
    let mapped = page.map(VSpace(cap), address, Rights::READ_WRITE, VmAttributes::WRITE_BACK);
    attempts.refused("top-level table of a mapping", mapped, Error::InvalidCapability(1));
    attempts.refused("VSpace for an ASID", INIT_ASID_POOL.assign(VSpace(cap)), Error::InvalidCapability(1));
    let assigned = AsidPool(cap).assign(INIT_VSPACE);
    attempts.refused("ASID pool", assigned, NO_POOL);
    let no_guard = GuardData(0);
    let vspace = Space { cspace: INIT_CNODE, guard: no_guard, vspace: VSpace(cap) };
    attempts.refused("VSpace of a thread", thread.set_space(None, vspace), Error::IllegalOperation);
    let cspace = Space { cspace: userland::CNode(cap), guard: no_guard, vspace: INIT_VSPACE };
    attempts.refused("CSpace of a thread", thread.set_space(None, cspace), Error::IllegalOperation);
    attempts.refused("thread", Tcb(cap).suspend(), Error::IllegalOperation);
    let bound = INIT_TCB.bind_notification(userland::Notification(cap));
    attempts.refused("notification", bound, Error::IllegalOperation);
    Ok(())
}
