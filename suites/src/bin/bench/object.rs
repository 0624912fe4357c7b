// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making and destroying objects.

use crate::lab::{LOWER, Lab};
use crate::series::{SAMPLES, Series, omit};
use crate::stub::stamp;
use abi::{GuardData, INITIAL_FLAGS, ObjectType, Register, Rights, UntypedDesc, sizes};
use core::fmt;
use userland::object::{Flow, SchedParameters, SchedParams, Space};
use userland::{
    AllocError, CPtr, Capability, INIT_CNODE, INIT_TCB, INIT_VSPACE, Notification, SchedContext, Tcb, Untyped,
};

/// Size argument of the objects that have one.
const CNODE_SLOT_BITS: u32 = 4;
const UNTYPED_BITS: u32 = 12;

const HUGE_PAGE_BITS: u8 = sizes::HUGE_PAGE_BITS as u8;

/// What to retype, with the size argument.
const OBJECTS: [(ObjectType, u32); 12] = [
    (ObjectType::Untyped, UNTYPED_BITS),
    (ObjectType::Tcb, 0),
    (ObjectType::Endpoint, 0),
    (ObjectType::Notification, 0),
    (ObjectType::CNode, CNODE_SLOT_BITS),
    (ObjectType::SchedContext, sizes::MIN_SCHED_CONTEXT_BITS),
    (ObjectType::Reply, 0),
    (ObjectType::SmallPage, 0),
    (ObjectType::LargePage, 0),
    (ObjectType::PageTable, 0),
    (ObjectType::PageDirectory, 0),
    (ObjectType::Pml4, 0),
];

/// Measures making one object of each type from an untyped that was used before, and deleting it.
#[inline(never)]
pub(crate) fn retype(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let slot = lab.task.slots.take()?;
    for (kind, size_bits) in OBJECTS {
        let untyped = lab.task.untyped(kind.size_bits(size_bits))?;
        // Two megabytes are filled with zero each time.
        let samples = if kind == ObjectType::LargePage { 10 } else { SAMPLES };
        let series = make_and_delete(untyped, (kind, size_bits), slot, samples)?;
        report(lab, series, format_args!("{kind:?}"));
    }
    // Memory for a page of this size is that of devices, which is never filled with zero.
    let is_large = |untyped: &UntypedDesc| untyped.is_device != 0 && untyped.size_bits >= HUGE_PAGE_BITS;
    match lab.task.boot.untypeds().find(|(_, untyped)| is_large(untyped)) {
        Some((untyped, _)) => {
            let series = make_and_delete(untyped, (ObjectType::HugePage, 0), slot, SAMPLES)?;
            report(lab, series, format_args!("HugePage of a device"));
        }
        None => omit("retype, delete: HugePage of a device", "no device memory is that large"),
    }
    Ok(())
}

fn make_and_delete(
    untyped: Untyped,
    (kind, size_bits): (ObjectType, u32),
    slot: CPtr,
    samples: usize,
) -> Result<[Series; 2], userland::Error> {
    Series::take_each(samples, || {
        let start = stamp();
        let made = untyped.retype(kind, size_bits, slot, 1);
        let middle = stamp();
        made?;
        let before_delete = stamp();
        let deleted = slot.slot().delete();
        let end = stamp();
        deleted?;
        Ok([middle - start, end - before_delete])
    })
}

fn report(lab: &Lab<'_>, [make, delete]: [Series; 2], object: fmt::Arguments<'_>) {
    make.report(format_args!("retype: {object}"), lab.cost.pair);
    delete.report(format_args!("delete: {object}"), lab.cost.pair);
}

/// Numbers of children, and how often to revoke so many.
const CHILDREN: [(u64, usize); 7] =
    [(1, SAMPLES), (4, SAMPLES), (16, SAMPLES), (64, 100), (256, 100), (1024, 10), (4096, 10)];

/// Measures revoking a capability with many copies.
#[inline(never)]
pub(crate) fn revoke(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let original: Notification = lab.task.make()?;
    let most = CHILDREN[CHILDREN.len() - 1].0;
    let first = lab.task.slots.take_many(most)?;
    for (children, samples) in CHILDREN {
        let series = Series::take_some(samples, || {
            for child in first.0..first.0 + children {
                CPtr(child).slot().mint_from(original.slot(), Rights::ALL, child)?;
            }
            let start = stamp();
            let revoked = original.slot().revoke();
            let end = stamp();
            revoked.map(|()| end - start)
        })?;
        series.report(format_args!("revoke {children} children"), lab.cost.pair);
    }
    Ok(())
}

/// Measures the life of a thread that never gets the processor.
#[inline(never)]
pub(crate) fn threads(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let untyped = lab.task.untyped(sizes::TCB_BITS)?;
    let context = lab.task.make_sched_context(SchedParameters::round_robin(1000))?;
    let tcb = Tcb(lab.task.slots.take()?);
    let space = Space { cspace: INIT_CNODE, guard: GuardData(0), vspace: INIT_VSPACE };
    let mut registers = [0; Register::COUNT];
    registers[Register::FLAGS.index()] = INITIAL_FLAGS;
    let params = SchedParams { mcp: LOWER, priority: LOWER, context: Some(context), fault_handler: None };
    let [life, death, both] = Series::take_each(SAMPLES, || {
        let start = stamp();
        untyped.retype(ObjectType::Tcb, 0, tcb.0, 1)?;
        tcb.configure(space, None)?;
        tcb.set_sched_params(INIT_TCB, params)?;
        tcb.write_registers(Flow::Change, &registers)?;
        let middle = stamp();
        let deleted = tcb.slot().delete();
        let end = stamp();
        deleted?;
        Ok([middle - start, end - middle, end - start])
    })?;
    life.report("thread, create and start", lab.cost.pair);
    death.report("thread, delete", lab.cost.pair);
    both.report("thread, create, start and delete", 2 * lab.cost.pair);
    Ok(())
}

/// Measures giving a scheduling context its time.
#[inline(never)]
pub(crate) fn sched_contexts(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let context: SchedContext = lab.task.make_sized(sizes::MIN_SCHED_CONTEXT_BITS)?;
    let control = lab.task.boot.sched_control();
    let series = Series::take(|| {
        let start = stamp();
        let configured = control.configure(context, SchedParameters::periodic(1000, 2000));
        let end = stamp();
        configured.map(|()| end - start)
    })?;
    series.report("configure a scheduling context", lab.cost.pair);
    Ok(())
}
