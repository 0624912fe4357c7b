// SPDX-License-Identifier: MIT OR Apache-2.0
//! The three levels of tables below the root: checks in their order, and which entry each takes.

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
    Capability, Error, HugePage, INIT_TCB, INIT_VSPACE, LargePage, PageDirectory, PageTable, Pdpt, SmallPage,
    VSpace,
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
    page_map_needs_the_tables,
    page_map_huge_where_the_cpu_has_it,
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
    same(fault, Some(READ_MISSING))?;
    // The frame still believes to be mapped, and unmapping it does no harm.
    page.unmap()?;
    Ok(())
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
