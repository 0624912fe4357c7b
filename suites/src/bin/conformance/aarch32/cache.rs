// SPDX-License-Identifier: MIT OR Apache-2.0
//! Maintenance of caches, and memory that is not executed. QEMU has no caches: what is seen here is which ranges are taken
//! and that nothing is lost.

use crate::check::{Failure, Outcome, refused, same, tests};
use crate::code;
use crate::env::Env;
use crate::machine::{ADDRESS, FAR_ADDRESS, UNDEFINED};
use crate::tests::fault::{Faulter, is_exception, is_fault};
use crate::window::{CACHED, Window, map};
use abi::aarch32::CacheLabel;
use abi::fault::vm_fault;
use abi::limits::USER_TOP;
use abi::{FaultKind, Rights, VmAttributes};
use userland::object::Frame;
use userland::{CPtr, Capability, Error, INIT_VSPACE, LargePage, Message, SmallPage, VSpace};

tests!(
    cache_invocations_of_frames_check_in_order,
    cache_invocations_of_address_spaces_check_in_order,
    cache_invocations_lose_nothing,
    cache_unify_lets_written_instructions_run,
    cache_invocations_reach_other_address_spaces,
    page_get_address_has_the_number_of_this_processor,
    page_map_execute_never_forbids_fetches,
    untyped_retype_gives_zero_without_caches_too,
);

const FRAME: [CacheLabel; 4] = [
    CacheLabel::PageClean,
    CacheLabel::PageInvalidate,
    CacheLabel::PageCleanInvalidate,
    CacheLabel::PageUnify,
];
const SPACE: [CacheLabel; 4] = [
    CacheLabel::VSpaceClean,
    CacheLabel::VSpaceInvalidate,
    CacheLabel::VSpaceCleanInvalidate,
    CacheLabel::VSpaceUnify,
];
const PAGE: u64 = 0x1000;
/// `udf #0`.
const UDF: u64 = 0xe7f0_00f0;

fn maintain(cptr: CPtr, label: CacheLabel, words: &[u64]) -> Result<(), Error> {
    Message::new(label.word(), words).invoke(cptr).map(|_| ())
}

fn mapped(env: &mut Env) -> Result<(SmallPage, Window), Failure> {
    let page: SmallPage = env.make()?;
    let window = Window::map(env, page, Rights::READ_WRITE)?;
    Ok((page, window))
}

fn cache_invocations_of_frames_check_in_order(env: &mut Env) -> Outcome {
    let (page, _) = mapped(env)?;
    let other: SmallPage = env.make()?;
    for label in FRAME {
        refused(maintain(other.cptr(), label, &[0]), Error::TruncatedMessage)?;
        refused(maintain(other.cptr(), label, &[PAGE, 0]), Error::IllegalOperation)?;
        refused(maintain(page.cptr(), label, &[4, 4]), Error::InvalidArgument(1))?;
        refused(maintain(page.cptr(), label, &[0, PAGE + 1]), Error::InvalidArgument(0))?;
        refused(maintain(page.cptr(), label, &[PAGE, PAGE + 1]), Error::InvalidArgument(0))?;
        maintain(page.cptr(), label, &[PAGE - 1, PAGE])?;
        maintain(page.cptr(), label, &[0, PAGE])?;
    }
    for label in SPACE {
        refused(maintain(page.cptr(), label, &[0, PAGE]), Error::IllegalOperation)?;
    }
    // Another frame is in its place: nothing is done.
    other.map(INIT_VSPACE, ADDRESS, Rights::READ_WRITE, CACHED)?;
    maintain(page.cptr(), CacheLabel::PageUnify, &[0, PAGE])?;
    Ok(())
}

fn cache_invocations_of_address_spaces_check_in_order(env: &mut Env) -> Outcome {
    mapped(env)?;
    let new: VSpace = env.make()?;
    let last = ADDRESS + PAGE - 1;
    for label in SPACE {
        refused(maintain(new.0, label, &[0]), Error::TruncatedMessage)?;
        refused(maintain(new.0, label, &[0, PAGE]), Error::InvalidCapability(0))?;
        let space = INIT_VSPACE.0;
        refused(maintain(space, label, &[ADDRESS, ADDRESS]), Error::InvalidArgument(1))?;
        refused(maintain(space, label, &[ADDRESS, USER_TOP + 1]), Error::IllegalOperation)?;
        refused(maintain(space, label, &[ADDRESS, last + 2]), Error::Range(ADDRESS, last))?;
        maintain(space, label, &[ADDRESS + 4, last + 1])?;
        // Nothing is there.
        maintain(space, label, &[FAR_ADDRESS, FAR_ADDRESS + 8])?;
    }
    for label in FRAME {
        refused(maintain(INIT_VSPACE.0, label, &[ADDRESS, last]), Error::IllegalOperation)?;
    }
    Ok(())
}

fn cache_invocations_lose_nothing(env: &mut Env) -> Outcome {
    let (page, window) = mapped(env)?;
    let words = PAGE / 8;
    for round in 0..4 {
        for index in 0..words {
            window.set(index as usize, index << 8 | round);
        }
        maintain(page.cptr(), FRAME[round as usize], &[8, PAGE - 8])?;
        maintain(INIT_VSPACE.0, SPACE[round as usize], &[ADDRESS + 4, ADDRESS + 12])?;
        for index in 0..words {
            same(window.get(index as usize), index << 8 | round)?;
        }
    }
    // Many chunks, between which others may come.
    let large: LargePage = env.make()?;
    let address = ADDRESS + (1 << 21);
    map(env, INIT_VSPACE, large, address, Rights::READ_WRITE)?;
    for label in FRAME {
        maintain(large.cptr(), label, &[0, 1 << 21])?;
    }
    Ok(())
}

fn cache_unify_lets_written_instructions_run(env: &mut Env) -> Outcome {
    let (page, window) = mapped(env)?;
    window.set(0, UDF << 32 | UDF);
    page.unify(0..8)?;
    let (_, fault) = Faulter::run(env, code::jump(), ADDRESS)?;
    is_exception(&fault, ADDRESS, UNDEFINED, 0)
}

fn cache_invocations_reach_other_address_spaces(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    let space = env.vspace()?;
    map(env, space, page, ADDRESS, Rights::READ)?;
    for (frame, whole) in FRAME.into_iter().zip(SPACE) {
        maintain(page.cptr(), frame, &[0, PAGE])?;
        maintain(space.0, whole, &[ADDRESS, ADDRESS + PAGE])?;
    }
    Ok(())
}

fn page_get_address_has_the_number_of_this_processor(env: &mut Env) -> Outcome {
    const UPSTREAM: u64 = 51;
    let page: SmallPage = env.make()?;
    let reply = Message::new(UPSTREAM, &[]).invoke(page.cptr())?;
    same(reply.word(0), page.get_address()?)
}

fn page_map_execute_never_forbids_fetches(env: &mut Env) -> Outcome {
    const PROTECTED: u64 = 0b00_1100;
    let (page, window) = mapped(env)?;
    window.set(0, UDF << 32 | UDF);
    page.unify(0..8)?;
    page.map(INIT_VSPACE, ADDRESS, Rights::READ_WRITE, VmAttributes::EXECUTE_NEVER)?;
    same(window.get(0), UDF << 32 | UDF)?;
    let (faulter, fault) = Faulter::run(env, code::jump(), ADDRESS)?;
    is_fault(&fault, FaultKind::VmFault, vm_fault::LENGTH)?;
    let words = [vm_fault::IP, vm_fault::ADDRESS, vm_fault::IS_FETCH].map(|index| fault.word(index));
    same(words, [ADDRESS, ADDRESS, 1])?;
    same(fault.word(vm_fault::CODE) & 0b11_1100, PROTECTED)?;
    page.map(INIT_VSPACE, ADDRESS, Rights::READ_WRITE, CACHED)?;
    let fault = faulter.reply(env, 0, &[])?;
    is_exception(&fault, ADDRESS, UNDEFINED, 0)
}

fn untyped_retype_gives_zero_without_caches_too(env: &mut Env) -> Outcome {
    let memory = env.untyped(12)?;
    for attributes in [CACHED, VmAttributes::WRITE_COMBINING, VmAttributes::CACHE_DISABLED] {
        let slot = env.slot()?;
        memory.retype(abi::ObjectType::SmallPage, 0, slot, 1)?;
        let page = SmallPage(slot);
        let window = Window::map(env, page, Rights::READ_WRITE)?;
        page.map(INIT_VSPACE, ADDRESS, Rights::READ_WRITE, attributes)?;
        for index in 0..512 {
            same(window.get(index), 0)?;
            window.set(index, u64::MAX);
        }
        slot.slot().delete()?;
    }
    Ok(())
}
