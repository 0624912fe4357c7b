// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables and frames: checks in their order, and what the hardware then does.

use crate::check::{Outcome, refused, same, tests};
use crate::code;
use crate::env::{Env, SLICE, invoke, kind};
use crate::window::{ADDRESS, CACHED, FAR_ADDRESS, Window, map};
use abi::fault::vm_fault;
use abi::limits::USER_TOP;
use abi::{CapTag, Label, ObjectType, Rights, VmAttributes};
use userland::object::{Frame, Table};
use userland::{
    Capability, Endpoint, Error, HugePage, INIT_TCB, INIT_VSPACE, LargePage, LookupFailure, LookupSide,
    Options, PageDirectory, PageTable, Pdpt, Reply, SmallPage, VSpace,
};

tests!(
    pdpt_map_checks_in_order,
    pdpt_map_finds_the_entry_taken,
    pdpt_unmap_makes_mapping_possible_again,
    page_directory_map_needs_the_table_above,
    page_directory_map_finds_the_entry_taken,
    page_directory_unmap_refuses_a_table_with_copies,
    page_table_map_needs_the_tables_above,
    page_table_map_finds_the_entry_taken,
    page_table_unmap_clears_the_table,
    page_map_checks_in_order,
    page_map_needs_the_tables,
    page_map_wants_aligned_addresses,
    page_map_bounds_the_address,
    page_map_of_a_mapped_frame_keeps_address_and_space,
    page_map_replaces_another_page,
    page_map_large_finds_a_table_there,
    page_map_huge_where_the_cpu_has_it,
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

const TABLES: [(Label, ObjectType); 3] = [
    (Label::PdptMap, ObjectType::Pdpt),
    (Label::PageDirectoryMap, ObjectType::PageDirectory),
    (Label::PageTableMap, ObjectType::PageTable),
];

fn pdpt_map_checks_in_order(env: &mut Env) -> Outcome {
    for (label, object) in TABLES {
        let table = env.slot()?;
        env.memory.retype(object, 0, table, 1)?;
        let table = Pdpt(table);
        refused(
            invoke(table, Label::PageMap, &[FAR_ADDRESS, 0, 0], &[INIT_VSPACE.0]),
            Error::IllegalOperation,
        )?;
        refused(invoke(table, label, &[FAR_ADDRESS], &[INIT_VSPACE.0]), Error::TruncatedMessage)?;
        refused(invoke(table, label, &[FAR_ADDRESS, 0], &[]), Error::TruncatedMessage)?;
        refused(invoke(table, label, &[u64::MAX, 0], &[INIT_TCB.0]), Error::InvalidCapability(1))?;
        refused(invoke(table, label, &[USER_TOP + 1, 0], &[INIT_VSPACE.0]), Error::InvalidArgument(0))?;
        refused(invoke(table, label, &[u64::MAX, 0], &[INIT_VSPACE.0]), Error::InvalidArgument(0))?;
    }
    let pdpt: Pdpt = env.make()?;
    pdpt.map(INIT_VSPACE, FAR_ADDRESS + 0x123, CACHED)?;
    // That it is mapped decides before everything but the message.
    refused(pdpt.map(VSpace(INIT_TCB.0), u64::MAX, CACHED), Error::InvalidCapability(0))
}

fn pdpt_map_finds_the_entry_taken(env: &mut Env) -> Outcome {
    let (pdpt, second): (Pdpt, Pdpt) = (env.make()?, env.make()?);
    pdpt.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    refused(second.map(INIT_VSPACE, FAR_ADDRESS + (1 << 38), CACHED), Error::DeleteFirst)
}

fn pdpt_unmap_makes_mapping_possible_again(env: &mut Env) -> Outcome {
    let pdpt: Pdpt = env.make()?;
    pdpt.unmap()?;
    pdpt.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    pdpt.unmap()?;
    pdpt.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    pdpt.slot().delete()?;
    let second: Pdpt = env.make()?;
    second.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    Ok(())
}

fn page_directory_map_needs_the_table_above(env: &mut Env) -> Outcome {
    let directory: PageDirectory = env.make()?;
    refused(directory.map(INIT_VSPACE, FAR_ADDRESS, CACHED), Error::missing(39))
}

fn page_directory_map_finds_the_entry_taken(env: &mut Env) -> Outcome {
    let (directory, second): (PageDirectory, PageDirectory) = (env.make()?, env.make()?);
    directory.map(INIT_VSPACE, ADDRESS, CACHED)?;
    refused(second.map(INIT_VSPACE, ADDRESS + (1 << 29), CACHED), Error::DeleteFirst)
}

fn page_directory_unmap_refuses_a_table_with_copies(env: &mut Env) -> Outcome {
    let directory: PageDirectory = env.make()?;
    directory.map(INIT_VSPACE, ADDRESS, CACHED)?;
    let copy = env.copy(directory, Rights::ALL)?;
    refused(directory.unmap(), Error::RevokeFirst)?;
    refused(copy.unmap(), Error::RevokeFirst)?;
    copy.slot().delete()?;
    directory.unmap()?;
    Ok(())
}

fn page_table_map_needs_the_tables_above(env: &mut Env) -> Outcome {
    let table: PageTable = env.make()?;
    refused(table.map(INIT_VSPACE, FAR_ADDRESS, CACHED), Error::missing(39))?;
    refused(table.map(INIT_VSPACE, ADDRESS, CACHED), Error::missing(30))
}

fn page_table_map_finds_the_entry_taken(env: &mut Env) -> Outcome {
    env.make::<PageDirectory>()?.map(INIT_VSPACE, ADDRESS, CACHED)?;
    let (table, second): (PageTable, PageTable) = (env.make()?, env.make()?);
    table.map(INIT_VSPACE, ADDRESS, CACHED)?;
    refused(second.map(INIT_VSPACE, ADDRESS + (1 << 20), CACHED), Error::DeleteFirst)?;
    let large: LargePage = env.make()?;
    large.map(INIT_VSPACE, ADDRESS + (1 << 21), Rights::READ, CACHED)?;
    refused(second.map(INIT_VSPACE, ADDRESS + (1 << 21), CACHED), Error::DeleteFirst)
}

fn page_table_unmap_clears_the_table(env: &mut Env) -> Outcome {
    env.make::<PageDirectory>()?.map(INIT_VSPACE, ADDRESS, CACHED)?;
    let (table, page): (PageTable, SmallPage) = (env.make()?, env.make()?);
    table.map(INIT_VSPACE, ADDRESS, CACHED)?;
    page.map(INIT_VSPACE, ADDRESS, Rights::READ_WRITE, CACHED)?;
    table.unmap()?;
    table.map(INIT_VSPACE, ADDRESS, CACHED)?;
    let fault = touch(env, INIT_VSPACE, code::read())?;
    same(fault, Some(0b100))?;
    // The frame still believes to be mapped, and unmapping it does no harm.
    page.unmap()?;
    Ok(())
}

/// Lets a thread in `vspace` run a piece of code on [`ADDRESS`]; returns the code of its page fault, if it has one.
fn touch(env: &mut Env, vspace: VSpace, code: code::Code) -> Result<Option<u64>, crate::check::Failure> {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let context = env.sched_context(SLICE)?;
    let options =
        Options { fault_handler: Some(endpoint), vspace, ..Options::new(crate::env::MIDDLE, Some(context)) };
    let thread = env.thread(options)?;
    thread.start_at(code.address(), ADDRESS)?;
    // Without page fault it comes to an undefined opcode.
    let fault = env.receive(endpoint, reply)?;
    if fault.info.label() == abi::FaultKind::VmFault.word() {
        // Whether a fetch is told depends on the CPU.
        return Ok(Some(fault.word(vm_fault::CODE) & !0x10));
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
    refused(invoke(page, Label::PdptMap, &words, &[INIT_VSPACE.0]), Error::IllegalOperation)
}

fn page_map_needs_the_tables(env: &mut Env) -> Outcome {
    let (page, large): (SmallPage, LargePage) = (env.make()?, env.make()?);
    let to = |frame: SmallPage, address| frame.map(INIT_VSPACE, address, Rights::READ, CACHED);
    refused(to(page, FAR_ADDRESS), Error::missing(39))?;
    refused(to(page, ADDRESS), Error::missing(30))?;
    refused(to(SmallPage(large.0), FAR_ADDRESS), Error::missing(39))?;
    refused(to(SmallPage(large.0), ADDRESS), Error::missing(30))?;
    env.make::<PageDirectory>()?.map(INIT_VSPACE, ADDRESS, CACHED)?;
    refused(to(page, ADDRESS), Error::missing(21))?;
    to(SmallPage(large.0), ADDRESS)?;
    refused(to(page, ADDRESS), Error::missing(21))
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
    refused(page.map(INIT_VSPACE, 0x7fff_ffff_e000, Rights::READ, CACHED), Error::missing(39))
}

fn page_map_of_a_mapped_frame_keeps_address_and_space(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    let window = Window::map(env, page, Rights::READ_WRITE)?;
    refused(page.map(INIT_VSPACE, ADDRESS + 0x1000, Rights::READ, CACHED), Error::InvalidArgument(0))?;
    let other = env.vspace()?;
    refused(page.map(other, ADDRESS, Rights::READ, CACHED), Error::InvalidCapability(1))?;
    window.remap(page, Rights::READ)?;
    same(touch(env, INIT_VSPACE, code::write())?, Some(0b111))?;
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

fn page_map_huge_where_the_cpu_has_it(env: &mut Env) -> Outcome {
    let device = env.boot.untypeds().find(|(_, desc)| desc.is_device == 1 && desc.size_bits >= 30);
    let Some((device, _)) = device else { return Ok(()) };
    let slot = env.slot()?;
    device.retype(ObjectType::HugePage, 0, slot, 1)?;
    let huge = HugePage(slot);
    refused(huge.map(INIT_VSPACE, FAR_ADDRESS + 0x1000, Rights::READ, CACHED), Error::Alignment)?;
    refused(huge.map(INIT_VSPACE, FAR_ADDRESS, Rights::READ, CACHED), Error::missing(39))?;
    env.make::<Pdpt>()?.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    huge.map(INIT_VSPACE, FAR_ADDRESS, Rights::READ, CACHED)?;
    let directory: PageDirectory = env.make()?;
    refused(directory.map(INIT_VSPACE, FAR_ADDRESS, CACHED), Error::DeleteFirst)?;
    let page: SmallPage = env.make()?;
    refused(page.map(INIT_VSPACE, FAR_ADDRESS, Rights::READ, CACHED), Error::missing(30))?;
    huge.unmap()?;
    directory.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    refused(huge.map(INIT_VSPACE, FAR_ADDRESS, Rights::READ, CACHED), Error::DeleteFirst)
}

fn page_map_with_fewer_rights_faults(env: &mut Env) -> Outcome {
    let page: SmallPage = env.make()?;
    let window = Window::map(env, page, Rights::READ)?;
    same(touch(env, INIT_VSPACE, code::read())?, None)?;
    same(touch(env, INIT_VSPACE, code::write())?, Some(0b111))?;
    // Write without read is no right at all: present, but not for users.
    window.remap(page, Rights::WRITE)?;
    same(touch(env, INIT_VSPACE, code::read())?, Some(0b101))?;
    page.unmap()?;
    let weak = env.copy(page, Rights::READ)?;
    window.remap(weak, Rights::READ_WRITE)?;
    same(touch(env, INIT_VSPACE, code::write())?, Some(0b111))
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
    same(touch(env, INIT_VSPACE, code::read())?, Some(0b100))?;
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
    same(touch(env, INIT_VSPACE, code::read())?, Some(0b100))?;
    same(kind(copy.0), Some(CapTag::Frame))
}

fn vspace_has_no_invocations(env: &mut Env) -> Outcome {
    let vspace = env.vspace()?;
    refused(invoke(vspace, Label::PdptUnmap, &[], &[]), Error::IllegalOperation)?;
    refused(invoke(vspace, Label::PageMap, &[0; 4], &[]), Error::IllegalOperation)
}

fn vspace_of_its_own_sees_what_is_mapped_in_it(env: &mut Env) -> Outcome {
    let vspace = env.vspace()?;
    // Nothing is mapped: the thread faults at its first instruction.
    same(touch(env, vspace, code::write())?, Some(0b100))?;
    let code_page = env.boot.image_frame(code::write().address());
    let Some(code_page) = code_page else { return Ok(()) };
    let image = env.copy(code_page, Rights::ALL)?;
    map(env, vspace, image, code::write().address() & !0xfff, Rights::READ)?;
    same(touch(env, vspace, code::write())?, Some(0b110))?;
    let page: SmallPage = env.make()?;
    map(env, vspace, page, ADDRESS, Rights::READ_WRITE)?;
    same(touch(env, vspace, code::write())?, None)?;
    page.unmap()?;
    let window = Window::map(env, page, Rights::READ_WRITE)?;
    same(window.get(0), 1)
}

fn vspace_without_asid_is_no_root(env: &mut Env) -> Outcome {
    let vspace: VSpace = env.make()?;
    let (page, pdpt): (SmallPage, Pdpt) = (env.make()?, env.make()?);
    refused(page.map(vspace, ADDRESS, Rights::READ, CACHED), Error::InvalidCapability(1))?;
    refused(pdpt.map(vspace, ADDRESS, CACHED), Error::InvalidCapability(1))?;
    // A root whose ASID was taken away is not found.
    let numbered = env.vspace()?;
    let memory = env.untyped(12)?;
    let pool = env.slot()?;
    userland::ASID_CONTROL.make_pool(memory, pool.slot())?;
    userland::AsidPool(pool).assign(vspace)?;
    pdpt.map(vspace, ADDRESS, CACHED)?;
    pool.slot().delete()?;
    let lost = Error::FailedLookup(LookupSide::Target, LookupFailure::InvalidRoot);
    refused(page.map(vspace, ADDRESS, Rights::READ, CACHED), lost)?;
    refused(page.map(numbered, ADDRESS, Rights::READ, CACHED), Error::missing(39))
}
