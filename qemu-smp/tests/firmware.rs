// SPDX-License-Identifier: MIT OR Apache-2.0
//! Boots on machines whose firmware says odd things. `./x test` runs these; plain `cargo test` does not.
//!
//! Each either boots, with what was left out in the log, or stops with table and address. None resets, hangs or
//! faults. Shapes of tables by the thousand are tried on a workstation (`bootstrap/src/acpi/tests/`).

mod odd;
mod system;

use odd::tables::{self, Roots, Tables, core, core_x2, local_apic_address};
use odd::{Stopped, run_changed};
use system::Run;

/// A system of four instances that signal each other.
const SYSTEM: &str = "systems/ping-pong.toml";
/// A processor without x2APIC.
const XAPIC: [&str; 2] = ["--cpu", "max,-x2apic"];

/// Boots the system with the machine's tables installed at another place and then changed.
fn boot(arguments: &[&str], revision: u8, change: impl FnOnce(&mut Stopped, &Roots)) -> Run {
    boot_with(arguments, revision, |_| {}, change)
}

/// The same; `edit` changes the tables before they are installed.
fn boot_with(
    arguments: &[&str],
    revision: u8,
    edit: impl FnOnce(&mut Tables),
    change: impl FnOnce(&mut Stopped, &Roots),
) -> Run {
    let arguments = [&[SYSTEM, "--timeout", "60"], arguments].concat();
    run_changed(&arguments, |machine| {
        let mut tables = Tables::read(machine);
        edit(&mut tables);
        let roots = tables.install(machine, revision);
        change(machine, &roots);
    })
}

/// All instances ran, and the log says this of the tables.
fn expect_boot(run: Run, said: &[&str]) {
    let run = run.expect(0);
    assert_eq!(run.finished().len(), 4, "{}", run.shown);
    for part in said {
        assert!(run.shown.contains(part), "`{part}` is missing in\n{}", run.shown);
    }
}

/// The boot stopped and said this.
fn expect_stop(run: Run, said: &[&str]) {
    let run = run.expect(2);
    let reason = run.document["exit"]["reason"].as_str().unwrap_or_default();
    for part in said {
        assert!(reason.contains(part), "`{part}` is missing in {reason}\n{}", run.shown);
    }
    assert!(!run.shown.contains("vector"), "it is no fault:\n{}", run.shown);
}

#[test]
#[ignore = "boots"]
fn root_pointers_of_every_revision_lead_to_the_tables() {
    for revision in [0, 1] {
        expect_boot(
            boot(&[], revision, |machine, roots| roots.point(machine, revision, roots.rsdt, 0xdead_0000)),
            &[],
        );
    }
    expect_boot(boot(&[], 2, |machine, roots| roots.point(machine, 2, roots.rsdt, 0)), &[]);
    expect_boot(boot(&[], 2, |machine, roots| roots.point(machine, 2, 0, roots.xsdt)), &[]);
    let changed = boot(&[], 2, |machine, roots| machine.write(roots.pointer + 20, &[0xff; 4]));
    expect_boot(changed, &["its RSDT is used"]);
}

#[test]
#[ignore = "boots"]
fn a_root_pointer_that_the_loader_does_not_name_is_found() {
    expect_boot(boot(&[], 0, |machine, roots| roots.lead_here(machine, 0)), &[]);
}

#[test]
#[ignore = "boots"]
fn programs_get_the_root_pointer_that_was_found() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let path = dir.path().join("pointer.toml");
    let description = "[system]\nname = 'pointer'\n[[instance]]\nname = 'one'\nprogram = 'conformance'\n\
                       arguments = ['only=acpi_root_pointer']\n";
    std::fs::write(&path, description).expect("the description is written");
    let path = path.display().to_string();
    for named in [true, false] {
        let run = run_changed(&[&path, "--timeout", "60"], |machine| {
            if !named {
                machine.write(machine.start_info + tables::START_RSDP, &[0; 8]);
            }
        });
        let run = run.expect(0);
        assert!(run.shown.contains("1 passed, 0 failed"), "{}", run.shown);
    }
}

#[test]
#[ignore = "boots"]
fn a_root_pointer_that_leads_nowhere_stops_the_boot() {
    for address in [0xdead_0000, 0xfee0_0000, 1 << 46, u64::MAX - 16] {
        let run = boot(&[], 0, |machine, roots| roots.lead_here(machine, address));
        expect_stop(run, &[&format!("ACPI table RSDP at {address:#x}")]);
    }
    let run = boot(&[], 2, |machine, roots| roots.point(machine, 2, 0, 1 << 60));
    expect_stop(run, &["ACPI table XSDT at 0x1000000000000000", "not all of it, in memory"]);
    let run = boot(&[], 2, |machine, roots| roots.point(machine, 2, 0, 0));
    expect_stop(run, &["ACPI table RSDP at", "neither an XSDT nor an RSDT"]);
}

#[test]
#[ignore = "boots"]
fn entries_of_a_root_table_that_are_zero_are_skipped() {
    for (revision, size) in [(0, 4), (2, 8)] {
        let run = boot(&[], revision, |machine, roots| {
            let root = if revision == 0 { roots.rsdt } else { roots.xsdt };
            tables::change(machine, root, 36, &vec![0; size]);
        });
        expect_boot(run, &["1 entries are zero: skipped"]);
    }
}

#[test]
#[ignore = "boots"]
fn lengths_that_cannot_be_stop_the_boot_at_once_where_the_table_is_needed() {
    for length in [0u32, 10, u32::MAX] {
        let run = boot(&[], 0, |machine, roots| machine.write(roots.rsdt + 4, &length.to_le_bytes()));
        expect_stop(run, &["ACPI table RSDT at 0x", &format!("its length is {length}, expected 36 to")]);
    }
    let huge = |name| boot(&[], 0, move |machine, roots| machine.write(roots.table(name) + 4, &[0xff; 4]));
    expect_stop(huge(b"APIC"), &["ACPI table APIC at 0x", "its length is 4294967295"]);
    // Of a table that nobody needs only the name is read.
    expect_boot(huge(b"WAET"), &[]);
}

#[test]
#[ignore = "boots"]
fn names_in_tables_are_no_text() {
    let run = boot_with(
        &[],
        0,
        |tables| tables.find(b"APIC")[10..24].fill(0xff),
        |machine, roots| tables::change(machine, roots.rsdt, 10, &[0xff; 14]),
    );
    expect_boot(run, &[]);
}

#[test]
#[ignore = "boots"]
fn ids_that_no_core_can_have_are_ignored() {
    let more = [core_x2(0xffff_ffff, 1), core(0xff, 1)];
    let run = boot_with(&[], 0, |tables| tables.change_madt(|_| true, &more), |_, _| {});
    expect_boot(run, &["APIC id 0xffffffff (entry of type 9) is no core's in x2APIC mode"]);
    // Sent by 8 bits this id would be the boot core's.
    let more = [core_x2(0x100, 1), core_x2(0xffff_ffff, 1)];
    let run = boot_with(&XAPIC, 0, |tables| tables.change_madt(|_| true, &more), |_, _| {});
    expect_boot(run, &["APIC id 0x100 (entry of type 9) is no core's in xAPIC mode"]);
}

#[test]
#[ignore = "boots"]
fn a_core_in_two_entries_is_one_and_enabled_wins() {
    let more: Vec<_> = (0..4).map(|id| core_x2(id, 1)).chain((0..4).map(|id| core(id, 0))).collect();
    let disabled = (0..4).map(|id| core(id, 0)).chain(more).collect::<Vec<_>>();
    let run = boot_with(&[], 0, |tables| tables.change_madt(|entry| entry[0] != 0, &disabled), |_, _| {});
    expect_boot(run, &["cores: 4 enabled of 4"]);
}

#[test]
#[ignore = "boots"]
fn a_local_apic_that_is_elsewhere_stops_the_boot() {
    for address in [0xdead_0000, 0x20_0000, 1 << 50] {
        let more = [local_apic_address(address)];
        let run = boot_with(&[], 0, |tables| tables.change_madt(|_| true, &more), |_, _| {});
        expect_stop(
            run,
            &["ACPI table APIC at 0x", &format!("local APIC are at {address:#x}, expected 0xfee00000")],
        );
    }
    let short = [vec![5, 4, 0, 0]];
    let run = boot_with(&[], 0, |tables| tables.change_madt(|_| true, &short), |_, _| {});
    expect_stop(run, &["ACPI table APIC at 0x", "has type 5 and length 4, expected 12 to 4"]);
}

/// Where the start record says where the memory map is, and how many entries that has.
const MEMORY_MAP: u64 = 40;
const MEMORY_ENTRIES: u64 = 48;

/// Adds entries to the memory map that the loader gives.
fn add_memory(machine: &mut Stopped, place: u64, entries: &[[u64; 3]]) {
    let list = machine.u64(machine.start_info + MEMORY_MAP);
    let count = machine.u32(machine.start_info + MEMORY_ENTRIES);
    let mut map = machine.read(list, count as usize * 24);
    map.extend(entries.iter().flatten().flat_map(|word| word.to_le_bytes()));
    machine.write(place, &map);
    machine.write(machine.start_info + MEMORY_MAP, &place.to_le_bytes());
    machine.write(machine.start_info + MEMORY_ENTRIES, &(count + entries.len() as u32).to_le_bytes());
}

#[test]
#[ignore = "boots"]
fn memory_beyond_the_machine_is_cut_off() {
    let odd = [
        [1 << 52, 0x10_0000, 1],
        [1 << 47, 0u64.wrapping_sub(1 << 47), 1],
        [u64::MAX - 0xfff, 0x1000, 2],
        [u64::MAX, u64::MAX, 1],
    ];
    let run = boot(&[], 0, |machine, roots| add_memory(machine, roots.pointer + 0x1000, &odd));
    expect_boot(run, &["entry of type 1 at 0x10000000000000 with 0x100000 bytes reaches beyond"]);
    let run =
        boot(&["--cpu", "qemu64"], 0, |machine, roots| add_memory(machine, roots.pointer + 0x1000, &odd));
    expect_boot(run, &["entry of type 2 at 0xfffffffffffff000"]);
}

#[test]
#[ignore = "boots"]
fn memory_that_is_not_there_stops_the_boot() {
    let odd = [[1 << 32, 0u64.wrapping_sub(1 << 32), 1]];
    for processor in ["max", "qemu64"] {
        let arguments = ["--cpu", processor];
        let run = boot(&arguments, 0, |machine, roots| add_memory(machine, roots.pointer + 0x1000, &odd));
        expect_stop(run, &["there is no memory at 0x", "which the memory map calls usable"]);
    }
}

#[test]
#[ignore = "boots"]
fn a_start_record_that_leads_nowhere_stops_the_boot() {
    const MODULES: u64 = 16;
    for (field, what) in [(MEMORY_MAP, "memory map"), (MODULES, "list of modules")] {
        let nowhere = 1u64 << 50;
        let run =
            boot(&[], 0, |machine, _| machine.write(machine.start_info + field, &nowhere.to_le_bytes()));
        expect_stop(run, &[&format!("the {what} at {nowhere:#x} is not in memory")]);
    }
    for (start, length) in [(1u64 << 50, 0x1000u64), (0x10_0000, u64::MAX), (0xfee0_0000, 0x1000)] {
        let run = boot(&[], 0, |machine, _| {
            let module = machine.u64(machine.start_info + MODULES);
            machine.write(module, &[start, length].map(u64::to_le_bytes).concat());
        });
        expect_stop(run, &[&format!("module 0 of {length} bytes at {start:#x} is not in memory")]);
    }
}

/// A machine of six cores of which the tables list these.
fn boot_listed(arguments: &[&str], listed: &[u8]) -> Run {
    let arguments = [&["--cpus", "6"], arguments].concat();
    let is_listed = |entry: &[u8]| entry[0] != 0 || listed.contains(&entry[3]);
    boot_with(&arguments, 0, |tables| tables.change_madt(is_listed, &[]), |_, _| {})
}

#[test]
#[ignore = "boots"]
fn cores_that_the_tables_do_not_list_are_left_alone() {
    for mode in [&[][..], &XAPIC] {
        for listed in [[0, 1, 2, 3], [0, 2, 4, 5], [0, 5, 3, 1]] {
            expect_boot(boot_listed(mode, &listed), &["cores: 4 enabled of 4", "cores: 3 of 3 started"]);
        }
    }
}

#[test]
#[ignore = "boots"]
fn a_core_that_starts_without_being_wanted_touches_nothing() {
    for mode in [&[][..], &XAPIC] {
        for stray in ["stray=1", "stray=4", "stray=0"] {
            let arguments = [&["--append", stray], mode].concat();
            expect_boot(boot_listed(&arguments, &[0, 2, 3, 5]), &["cores: 3 of 3 started"]);
        }
    }
}

#[test]
#[ignore = "boots"]
fn a_processor_without_long_mode_is_told_so() {
    let run = system::run(&[SYSTEM, "--cpu", "qemu32", "--timeout", "30"]);
    expect_stop(run, &["this processor has no long mode"]);
}
