// SPDX-License-Identifier: MIT OR Apache-2.0
//! All tests.

use crate::check::Test;

mod asid;
mod bootinfo;
mod cnode;
mod debug;
mod domain;
pub(crate) mod fault;
mod ipc;
mod lifetime;
mod line;
mod notification;
mod reply;
mod sched_context;
mod tcb;
pub(crate) mod tcb_registers;
mod time;
mod transfer;
mod untyped;
pub(crate) mod vspace;

/// The tests of every file, but for those of one processor.
pub(crate) const ALL: &[&[Test]] = &[
    untyped::TESTS,
    cnode::TESTS,
    tcb_registers::TESTS,
    tcb::TESTS,
    fault::TESTS,
    ipc::TESTS,
    debug::TESTS,
    bootinfo::TESTS,
    lifetime::TESTS,
    asid::TESTS,
    domain::TESTS,
    line::TESTS,
    sched_context::TESTS,
    vspace::TESTS,
    notification::TESTS,
    transfer::TESTS,
    reply::TESTS,
];

pub(crate) use crate::machine::TESTS as OF_THIS_PROCESSOR;

/// Tests that run only when asked for by name.
pub(crate) const ON_REQUEST: &[Test] = debug::NOISY;

/// Tests that measure time.
pub(crate) const TIMED: &[Test] = time::TESTS;

#[cfg(test)]
mod names {
    use super::{ALL, OF_THIS_PROCESSOR, ON_REQUEST, TIMED};
    use crate::check::Test;

    fn all() -> impl Iterator<Item = &'static Test> + Clone {
        ALL.iter().chain(OF_THIS_PROCESSOR).copied().flatten().chain(TIMED).chain(ON_REQUEST)
    }

    /// Rows that the suite cannot show: it would not go on afterwards, or the kernel it runs on has no such call.
    const ELSEWHERE: &[&str] = &["syscall_debug_halt", "syscall_benchmark_"];

    /// The last column of the tables of calls in `docs/compatibility.md`.
    fn documented() -> impl Iterator<Item = &'static str> {
        include_str!("../../../../docs/compatibility.md")
            .lines()
            .filter_map(|row| row.strip_suffix("` |")?.rsplit_once('`').map(|(_, name)| name))
    }

    #[cfg(target_arch = "x86_64")] // the page is about it
    #[test]
    fn every_row_of_the_compatibility_page_has_a_test() {
        assert!(documented().count() > 90, "the tables were read");
        let tests = all();
        for name in documented().filter(|name| !ELSEWHERE.iter().any(|prefix| name.starts_with(prefix))) {
            assert!(tests.clone().any(|test| test.name.starts_with(name)), "no test begins with {name}");
        }
    }

    #[test]
    fn names_of_tests_are_unique() {
        let mut names: Vec<&str> = all().map(|test| test.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

#[cfg(test)]
mod registers {
    use crate::machine::channels::{CLOSED, OPEN, SWITCHED};

    const HEAD: &str =
        if cfg!(target_arch = "arm") { "### Registers of AArch32" } else { "### Registers of x86_64" };

    /// The first two columns of the table of this processor in docs/isolation.md.
    fn documented() -> Vec<(&'static str, &'static str)> {
        let page = include_str!("../../../../docs/isolation.md");
        let (_, section) = page.split_once(HEAD).expect("the page has the section");
        let rows = section.lines().skip_while(|line| !line.starts_with("|--"));
        let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
        let cells = rows.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        cells.map(|cells| (cells[1], cells[2])).collect()
    }

    #[test]
    fn every_register_that_programs_could_write_is_in_the_page_as_the_tests_find_it() {
        let of = |how, names: &[&'static str]| names.iter().map(|name| (*name, how)).collect::<Vec<_>>();
        let mut closed: Vec<_> = CLOSED.iter().map(|entry| (entry.0, "closed")).collect();
        closed.dedup();
        let tried = [of("of a thread", SWITCHED), closed, of("open", OPEN)].concat();
        assert_eq!(documented(), tried);
    }
}
