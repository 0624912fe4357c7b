// SPDX-License-Identifier: MIT OR Apache-2.0
//! ASID pools and their control.

use crate::check::{Outcome, refused, same, tests};
use crate::env::{DEPTH, Env, invoke, kind};
use abi::sizes::{ASID_POOLS, ASIDS_PER_POOL};
use abi::{CapTag, Label, ObjectType, Rights};
use userland::{
    ASID_CONTROL, AsidPool, CPtr, Capability, Error, INIT_ASID_POOL, INIT_CNODE, INIT_TCB, INIT_VSPACE,
    LookupFailure, LookupSide, Slot, Untyped, VSpace,
};

tests!(
    asid_control_make_pool_checks_in_order,
    asid_control_make_pool_wants_a_childless_untyped_of_one_page,
    asid_control_make_pool_uses_up_the_untyped,
    asid_control_make_pool_gives_all_eight,
    asid_pool_assign_checks_in_order,
    asid_pool_assign_numbers_a_vspace_once,
    asid_pool_assign_after_the_pool_is_gone,
    asid_pool_assign_runs_out,
);

fn asid_control_make_pool_checks_in_order(env: &mut Env) -> Outcome {
    let untyped = env.untyped(12)?;
    let slot = env.slot()?;
    let (label, words) = (Label::AsidControlMakePool, [slot.0, DEPTH]);
    let caps = [untyped.0, INIT_CNODE.0];
    refused(invoke(ASID_CONTROL, Label::AsidPoolAssign, &words, &caps), Error::IllegalOperation)?;
    refused(invoke(ASID_CONTROL, label, &words[..1], &caps), Error::TruncatedMessage)?;
    refused(invoke(ASID_CONTROL, label, &words, &caps[..1]), Error::TruncatedMessage)?;
    let nowhere = Slot { depth: DEPTH + 1, ..slot.slot() };
    refused(ASID_CONTROL.make_pool(Untyped(INIT_TCB.0), nowhere), Error::InvalidCapability(1))?;
    refused(ASID_CONTROL.make_pool(untyped, nowhere), Error::Range(1, DEPTH))?;
    refused(ASID_CONTROL.make_pool(untyped, INIT_TCB.slot()), Error::DeleteFirst)?;
    ASID_CONTROL.make_pool(untyped, slot.slot())?;
    same(kind(slot), Some(CapTag::AsidPool))
}

fn asid_control_make_pool_wants_a_childless_untyped_of_one_page(env: &mut Env) -> Outcome {
    let to = env.slot()?.slot();
    for bits in [11, 13] {
        let untyped = env.untyped(bits)?;
        refused(ASID_CONTROL.make_pool(untyped, to), Error::InvalidCapability(1))?;
    }
    let device = env.boot.untypeds().find(|(_, desc)| desc.is_device == 1 && desc.size_bits == 12);
    if let Some((device, _)) = device {
        refused(ASID_CONTROL.make_pool(device, to), Error::InvalidCapability(1))?;
    }
    let parent = env.untyped(12)?;
    let child = env.slot()?;
    parent.retype(ObjectType::Endpoint, 0, child, 1)?;
    refused(ASID_CONTROL.make_pool(parent, to), Error::RevokeFirst)
}

fn asid_control_make_pool_uses_up_the_untyped(env: &mut Env) -> Outcome {
    let untyped = env.untyped(12)?;
    let (pool, slot) = (env.slot()?, env.slot()?);
    ASID_CONTROL.make_pool(untyped, pool.slot())?;
    refused(untyped.retype(ObjectType::Endpoint, 0, slot, 1), Error::NotEnoughMemory(0))?;
    untyped.slot().revoke()?;
    same(kind(pool), Some(CapTag::Null))?;
    untyped.retype(ObjectType::Endpoint, 0, slot, 1)?;
    Ok(())
}

fn asid_control_make_pool_gives_all_eight(env: &mut Env) -> Outcome {
    for _ in 1..ASID_POOLS {
        let (untyped, slot) = (env.untyped(12)?, env.slot()?);
        ASID_CONTROL.make_pool(untyped, slot.slot())?;
        let vspace: VSpace = env.make()?;
        AsidPool(slot).assign(vspace)?;
    }
    // That no number is free decides before the untyped.
    let slot = env.slot()?;
    refused(ASID_CONTROL.make_pool(Untyped(INIT_TCB.0), slot.slot()), Error::DeleteFirst)
}

fn asid_pool_assign_checks_in_order(env: &mut Env) -> Outcome {
    let vspace: VSpace = env.make()?;
    refused(invoke(INIT_ASID_POOL, Label::AsidControlMakePool, &[], &[vspace.0]), Error::IllegalOperation)?;
    refused(invoke(INIT_ASID_POOL, Label::AsidPoolAssign, &[], &[]), Error::TruncatedMessage)?;
    refused(INIT_ASID_POOL.assign(VSpace(INIT_TCB.0)), Error::InvalidCapability(1))?;
    refused(INIT_ASID_POOL.assign(VSpace(CPtr::NULL)), Error::InvalidCapability(1))?;
    refused(INIT_ASID_POOL.assign(INIT_VSPACE), Error::InvalidCapability(1))
}

fn asid_pool_assign_numbers_a_vspace_once(env: &mut Env) -> Outcome {
    let vspace: VSpace = env.make()?;
    INIT_ASID_POOL.assign(vspace)?;
    refused(INIT_ASID_POOL.assign(vspace), Error::InvalidCapability(1))?;
    env.copy(vspace, Rights::ALL)?;
    Ok(())
}

fn asid_pool_assign_after_the_pool_is_gone(env: &mut Env) -> Outcome {
    let (untyped, slot) = (env.untyped(12)?, env.slot()?);
    ASID_CONTROL.make_pool(untyped, slot.slot())?;
    let copy = env.copy(AsidPool(slot), Rights::ALL)?;
    slot.slot().delete()?;
    let vspace: VSpace = env.make()?;
    copy.assign(vspace)?;
    same(kind(copy.0), Some(CapTag::AsidPool))?;
    let lost = Error::FailedLookup(LookupSide::Target, LookupFailure::InvalidRoot);
    copy.slot().delete()?;
    let page: userland::SmallPage = env.make()?;
    let mapped = userland::object::Frame::map(page, vspace, 0x1000, Rights::READ, crate::window::CACHED);
    refused(mapped, lost)
}

fn asid_pool_assign_runs_out(env: &mut Env) -> Outcome {
    let (untyped, slot) = (env.untyped(12)?, env.slot()?);
    ASID_CONTROL.make_pool(untyped, slot.slot())?;
    let memory = env.untyped(21)?;
    let first = env.slots(ASIDS_PER_POOL as u64)?;
    for half in [0, 256] {
        memory.retype(ObjectType::Pml4, 0, CPtr(first.0 + half), 256)?;
    }
    for index in 0..ASIDS_PER_POOL as u64 {
        AsidPool(slot).assign(VSpace(CPtr(first.0 + index)))?;
    }
    let one_more: VSpace = env.make()?;
    refused(AsidPool(slot).assign(one_more), Error::DeleteFirst)?;
    // A number comes back with its address space.
    first.slot().delete()?;
    AsidPool(slot).assign(one_more)?;
    Ok(())
}
