// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that init starts, in QEMU. `./x test` runs these.

mod system;

use system::run;

#[test]
#[ignore = "boots"]
fn programs_share_regions_and_lines_and_are_restarted_when_they_fault() {
    let run = run(&["systems/programs.toml"]).expect(0);
    assert_eq!(run.finished(), ["north", "south"]);
    for line in [
        "core 0 | producer: 1000 numbers were taken",
        "core 1 | tally: 1000 numbers came in order",
        "clumsy faulted: page fault, write of 0xdead0000 at ip 0x",
        "restarted, 2 times so far",
        "clumsy: nothing wrong this time",
        "greedy overran: budget used up,",
        "greedy: computed for three budgets",
        "clerk: registers, ports and interrupt are there",
    ] {
        assert!(run.shown.contains(line), "{line}\n{}", run.shown);
    }
}

#[test]
#[ignore = "boots"]
fn programs_of_a_release_kernel_print_as_well() {
    let run = run(&["systems/programs.toml", "--profile", "release"]).expect(0);
    assert!(run.shown.contains("core 0 | producer: 1000 numbers were taken"), "{}", run.shown);
}
