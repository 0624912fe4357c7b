// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two levels of tables below the root: checks in their order, and which entry each takes.

use crate::check::{Outcome, refused, same, tests};
use crate::code;
use crate::env::{Env, invoke};
use crate::machine::READ_MISSING;
use crate::tests::vspace::touch;
use crate::window::{ADDRESS, CACHED, FAR_ADDRESS};
use abi::limits::USER_TOP;
use abi::{Label, ObjectType, Rights};
use userland::object::{Frame, Table};
use userland::{
    Capability, Error, INIT_TCB, INIT_VSPACE, LargePage, PageDirectory, PageTable, SmallPage, VSpace,
};

tests!(
    table_map_checks_in_order,
    pdpt_is_no_object_here,
    page_directory_map_finds_the_entry_taken,
    page_directory_unmap_makes_mapping_possible_again,
    page_directory_unmap_refuses_a_table_with_copies,
    page_table_map_needs_the_table_above,
    page_table_map_finds_the_entry_taken,
    page_table_unmap_clears_the_table,
    page_map_needs_the_tables,
);

const TABLES: [(Label, ObjectType); 2] =
    [(Label::PageDirectoryMap, ObjectType::PageDirectory), (Label::PageTableMap, ObjectType::PageTable)];

fn table_map_checks_in_order(env: &mut Env) -> Outcome {
    for (label, object) in TABLES {
        let table = env.slot()?;
        env.memory.retype(object, 0, table, 1)?;
        let table = PageTable(table);
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
    let directory: PageDirectory = env.make()?;
    directory.map(INIT_VSPACE, FAR_ADDRESS + 0x123, CACHED)?;
    // That it is mapped decides before everything but the message.
    refused(directory.map(VSpace(INIT_TCB.0), u64::MAX, CACHED), Error::InvalidCapability(0))
}

fn pdpt_is_no_object_here(env: &mut Env) -> Outcome {
    let slot = env.slot()?;
    refused(env.memory.retype(ObjectType::Pdpt, 0, slot, 1), Error::InvalidArgument(0))
}

fn page_directory_map_finds_the_entry_taken(env: &mut Env) -> Outcome {
    let (directory, second): (PageDirectory, PageDirectory) = (env.make()?, env.make()?);
    directory.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    refused(second.map(INIT_VSPACE, FAR_ADDRESS + (1 << 29), CACHED), Error::DeleteFirst)
}

fn page_directory_unmap_makes_mapping_possible_again(env: &mut Env) -> Outcome {
    let directory: PageDirectory = env.make()?;
    directory.unmap()?;
    directory.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    directory.unmap()?;
    directory.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    directory.slot().delete()?;
    let second: PageDirectory = env.make()?;
    second.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    Ok(())
}

fn page_directory_unmap_refuses_a_table_with_copies(env: &mut Env) -> Outcome {
    let directory: PageDirectory = env.make()?;
    directory.map(INIT_VSPACE, FAR_ADDRESS, CACHED)?;
    let copy = env.copy(directory, Rights::ALL)?;
    refused(directory.unmap(), Error::RevokeFirst)?;
    refused(copy.unmap(), Error::RevokeFirst)?;
    copy.slot().delete()?;
    directory.unmap()?;
    Ok(())
}

fn page_table_map_needs_the_table_above(env: &mut Env) -> Outcome {
    let table: PageTable = env.make()?;
    refused(table.map(INIT_VSPACE, FAR_ADDRESS, CACHED), Error::missing(30))
}

fn page_table_map_finds_the_entry_taken(env: &mut Env) -> Outcome {
    let (table, second): (PageTable, PageTable) = (env.make()?, env.make()?);
    table.map(INIT_VSPACE, ADDRESS, CACHED)?;
    refused(second.map(INIT_VSPACE, ADDRESS + (1 << 20), CACHED), Error::DeleteFirst)?;
    let large: LargePage = env.make()?;
    large.map(INIT_VSPACE, ADDRESS + (1 << 21), Rights::READ, CACHED)?;
    refused(second.map(INIT_VSPACE, ADDRESS + (1 << 21), CACHED), Error::DeleteFirst)
}

fn page_table_unmap_clears_the_table(env: &mut Env) -> Outcome {
    let (table, page): (PageTable, SmallPage) = (env.make()?, env.make()?);
    table.map(INIT_VSPACE, ADDRESS, CACHED)?;
    page.map(INIT_VSPACE, ADDRESS, Rights::READ_WRITE, CACHED)?;
    table.unmap()?;
    table.map(INIT_VSPACE, ADDRESS, CACHED)?;
    let fault = touch(env, INIT_VSPACE, code::read())?;
    same(fault, Some(READ_MISSING))?;
    // The frame still believes to be mapped, and unmapping it does no harm.
    page.unmap()?;
    Ok(())
}

fn page_map_needs_the_tables(env: &mut Env) -> Outcome {
    let (page, large): (SmallPage, LargePage) = (env.make()?, env.make()?);
    let to = |frame: SmallPage, address| frame.map(INIT_VSPACE, address, Rights::READ, CACHED);
    refused(to(page, FAR_ADDRESS), Error::missing(30))?;
    refused(to(SmallPage(large.0), FAR_ADDRESS), Error::missing(30))?;
    refused(to(page, ADDRESS), Error::missing(21))?;
    to(SmallPage(large.0), ADDRESS)?;
    refused(to(page, ADDRESS), Error::missing(21))
}
