// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables and frames: checks in their order, and what the hardware then does.

use crate::check::{Outcome, refused, same, tests};
use crate::code;
use crate::env::{Env, SLICE, invoke, kind};
use crate::machine::{
    self, FAR_MISSING, READ_MISSING, READ_PROTECTED, UpperTable, WRITE_MISSING, WRITE_PROTECTED, WRITTEN,
};
use crate::window::{ADDRESS, CACHED, FAR_ADDRESS, Window, map};
use abi::limits::USER_TOP;
use abi::{CapTag, Label, Rights, VmAttributes};
use userland::object::{Frame, Table};
use userland::{
    Capability, Endpoint, Error, INIT_TCB, INIT_VSPACE, LargePage, LookupFailure, LookupSide, Options, Reply,
    SmallPage, VSpace,
};

tests!(
    page_map_checks_in_order,
    page_map_wants_aligned_addresses,
    page_map_bounds_the_address,
    page_map_of_a_mapped_frame_keeps_address_and_space,
    page_map_replaces_another_page,
    page_map_large_finds_a_table_there,
    page_map_with_fewer_rights_faults,
    page_map_accepts_every_attribute,
    page_map_copies_are_not_mapped,
    page_unmap_removes_the_mapping,
    page_unmap_of_any_copy_leaves_the_others,
    page_get_address_is_the_same_for_copies,
    page_deleted_is_not_mapped_any_more,
    vspace_has_no_invocations,
    vspace_of_its_own_sees_what_is_mapped_in_it,
    vspace_without_asid_is_no_root,
);

/// Lets a thread in `vspace` run a piece of code on [`ADDRESS`]; returns the access of its page fault, if it has one.
pub(crate) fn touch(
    env: &mut Env,
    vspace: VSpace,
    code: code::Code,
) -> Result<Option<u64>, crate::check::Failure> {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let context = env.sched_context(SLICE)?;
    let options =
        Options { fault_handler: Some(endpoint), vspace, ..Options::new(crate::env::MIDDLE, Some(context)) };
    let thread = env.thread(options)?;
    thread.start_at(code.address(), ADDRESS)?;
    // Without page fault it comes to an undefined opcode.
    let fault = env.receive(endpoint, reply)?;
    if fault.info.label() == abi::FaultKind::VmFault.word() {
        return Ok(Some(machine::access(&fault)));
    }
    Ok(None)
}

fn page_map_checks_in_order(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    let words = [u64::MAX, 3, 0];
    refused(invoke(page, Label::PageMap, &words[..2], &[INIT_VSPACE.0]), Error::TruncatedMessage)?;
    refused(invoke(page, Label::PageMap, &words, &[]), Error::TruncatedMessage)?;
    refused(invoke(page, Label::PageMap, &words, &[INIT_TCB.0]), Error::InvalidCapability(1))?;
    refused(invoke(page, Label::PageMap, &words, &[INIT_VSPACE.0]), Error::InvalidArgument(0))?;
    refused(invoke(page, Label::PageTableMap, &words, &[INIT_VSPACE.0]), Error::IllegalOperation)
}

fn page_map_wants_aligned_addresses(env: &mut Env) -> Outcome {
    let (page, large): (SmallPage, LargePage) = (env.make()?, env.make()?);
    // The alignment decides before the tables.
    refused(page.map(INIT_VSPACE, FAR_ADDRESS + 8, Rights::READ, CACHED), Error::Alignment)?;
    refused(large.map(INIT_VSPACE, FAR_ADDRESS + 0x1000, Rights::READ, CACHED), Error::Alignment)
}

fn page_map_bounds_the_address(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    for address in [USER_TOP & !0xfff, USER_TOP + 1, !0xfff] {
        refused(page.map(INIT_VSPACE, address, Rights::READ, CACHED), Error::InvalidArgument(0))?;
    }
    refused(
        page.map(INIT_VSPACE, (USER_TOP & !0xfff) - 0x1000, Rights::READ, CACHED),
        Error::missing(FAR_MISSING),
    )
}

fn page_map_of_a_mapped_frame_keeps_address_and_space(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    let window = Window::map(env, page, Rights::READ_WRITE)?;
    refused(page.map(INIT_VSPACE, ADDRESS + 0x1000, Rights::READ, CACHED), Error::InvalidArgument(0))?;
    let other = env.vspace()?;
    refused(page.map(other, ADDRESS, Rights::READ, CACHED), Error::InvalidCapability(1))?;
    window.remap(page, Rights::READ)?;
    same(touch(env, INIT_VSPACE, code::write())?, Some(WRITE_PROTECTED))?;
    window.remap(page, Rights::READ_WRITE)?;
    same(touch(env, INIT_VSPACE, code::write())?, None)
}

fn page_map_replaces_another_page(env: &mut Env) -> Outcome {
    let (first, second): (SmallPage, SmallPage) = (env.make()?, env.make()?);
    let window = Window::map(env, first, Rights::READ_WRITE)?;
    window.set(0, 1);
    window.remap(second, Rights::READ_WRITE)?;
    same(window.get(0), 0)?;
    // The first frame's unmapping does not touch the second one's mapping.
    first.unmap()?;
    window.set(0, 2);
    first.slot().delete()?;
    same(window.get(0), 2)
}

fn page_map_large_finds_a_table_there(env: &mut Env) -> Outcome {
    let (page, large): (SmallPage, LargePage) = (env.make()?, env.make()?);
    map(env, INIT_VSPACE, page, ADDRESS, Rights::READ)?;
    refused(large.map(INIT_VSPACE, ADDRESS, Rights::READ, CACHED), Error::DeleteFirst)?;
    large.map(INIT_VSPACE, ADDRESS + (1 << 21), Rights::READ, CACHED)?;
    Ok(())
}

fn page_map_with_fewer_rights_faults(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    let window = Window::map(env, page, Rights::READ)?;
    same(touch(env, INIT_VSPACE, code::read())?, None)?;
    same(touch(env, INIT_VSPACE, code::write())?, Some(WRITE_PROTECTED))?;
    // Write without read is no right at all: present, but not for users.
    window.remap(page, Rights::WRITE)?;
    same(touch(env, INIT_VSPACE, code::read())?, Some(READ_PROTECTED))?;
    page.unmap()?;
    let weak = env.copy(page, Rights::READ)?;
    window.remap(weak, Rights::READ_WRITE)?;
    same(touch(env, INIT_VSPACE, code::write())?, Some(WRITE_PROTECTED))
}

fn page_map_accepts_every_attribute(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    let window = Window::map(env, page, Rights::READ_WRITE)?;
    for attributes in [0, 1, 2, 3, 4, 7, u64::MAX] {
        page.map(INIT_VSPACE, ADDRESS, Rights::READ_WRITE, VmAttributes(attributes))?;
        window.set(0, attributes);
        same(window.get(0), attributes)?;
    }
    Ok(())
}

fn page_map_copies_are_not_mapped(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    let window = Window::map(env, page, Rights::READ_WRITE)?;
    let copy = env.copy(page, Rights::ALL)?;
    copy.map(INIT_VSPACE, ADDRESS + 0x1000, Rights::READ_WRITE, CACHED)?;
    window.set(512, 7);
    same(window.get(0), 7)
}

fn page_unmap_removes_the_mapping(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    page.unmap()?;
    Window::map(env, page, Rights::READ_WRITE)?;
    page.unmap()?;
    same(touch(env, INIT_VSPACE, code::read())?, Some(READ_MISSING))?;
    page.map(INIT_VSPACE, ADDRESS + 0x1000, Rights::READ, CACHED)?;
    Ok(())
}

fn page_unmap_of_any_copy_leaves_the_others(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    let window = Window::map(env, page, Rights::READ_WRITE)?;
    let copy = env.copy(page, Rights::ALL)?;
    copy.map(INIT_VSPACE, ADDRESS + 0x1000, Rights::READ_WRITE, CACHED)?;
    copy.unmap()?;
    window.set(0, 3);
    same(window.get(0), 3)
}

fn page_get_address_is_the_same_for_copies(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    let copy = env.copy(page, Rights::NONE)?;
    same(page.get_address()?, copy.get_address()?)?;
    same(page.get_address()? & 0xfff, 0)
}

fn page_deleted_is_not_mapped_any_more(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    Window::map(env, page, Rights::READ_WRITE)?;
    let copy = env.copy(page, Rights::ALL)?;
    page.slot().delete()?;
    same(touch(env, INIT_VSPACE, code::read())?, Some(READ_MISSING))?;
    same(kind(copy.0), Some(CapTag::Frame))
}

fn vspace_has_no_invocations(env: &mut Env) -> Outcome {
    let vspace = env.vspace()?;
    refused(invoke(vspace, Label::PageTableUnmap, &[], &[]), Error::IllegalOperation)?;
    refused(invoke(vspace, Label::PageMap, &[0; 4], &[]), Error::IllegalOperation)
}

fn vspace_of_its_own_sees_what_is_mapped_in_it(env: &mut Env) -> Outcome {
    let vspace = env.vspace()?;
    // Nothing is mapped: the thread faults at its first instruction.
    same(touch(env, vspace, code::write())?, Some(READ_MISSING))?;
    let code_page = env.boot.image_frame(code::write().address());
    let Some(code_page) = code_page else { return Ok(()) };
    let image = env.copy(code_page, Rights::ALL)?;
    map(env, vspace, image, code::write().address() & !0xfff, Rights::READ)?;
    same(touch(env, vspace, code::write())?, Some(WRITE_MISSING))?;
    let page: SmallPage = env.make()?;
    map(env, vspace, page, ADDRESS, Rights::READ_WRITE)?;
    same(touch(env, vspace, code::write())?, None)?;
    page.unmap()?;
    let window = Window::map(env, page, Rights::READ_WRITE)?;
    same(window.get(0), WRITTEN)
}

fn vspace_without_asid_is_no_root(env: &mut Env) -> Outcome {
    let vspace: VSpace = env.make()?;
    let (page, table): (SmallPage, UpperTable) = (env.make()?, env.make()?);
    refused(page.map(vspace, ADDRESS, Rights::READ, CACHED), Error::InvalidCapability(1))?;
    refused(table.map(vspace, ADDRESS, CACHED), Error::InvalidCapability(1))?;
    // A root whose ASID was taken away is not found.
    let numbered = env.vspace()?;
    let memory = env.untyped(12)?;
    let pool = env.slot()?;
    userland::ASID_CONTROL.make_pool(memory, pool.slot())?;
    userland::AsidPool(pool).assign(vspace)?;
    table.map(vspace, ADDRESS, CACHED)?;
    pool.slot().delete()?;
    let lost = Error::FailedLookup(LookupSide::Target, LookupFailure::InvalidRoot);
    refused(page.map(vspace, ADDRESS, Rights::READ, CACHED), lost)?;
    refused(page.map(numbered, ADDRESS, Rights::READ, CACHED), Error::missing(FAR_MISSING))
}
