// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many instances, and high APIC ids. `./x test` runs these; plain `cargo test` does not.

mod system;

use system::{Run, run};

/// The measurement that must not grow with the senders there could be: two signals, two deliveries.
const ROUND_TRIP: &str = "cross-core signal, round trip, both halt";
/// Memory of the machine: so much, and so much for each instance.
const MEMORY_MIB: u32 = 200;
const INSTANCE_MIB: u32 = 6;

/// Instance 0 signals instance 1, which all others could signal as well.
fn description(instances: u32) -> String {
    let mut text = "[system]\nname = 'senders'\n".to_owned();
    let mut add = |part: String| text.push_str(&part);
    for number in 0..instances {
        let program = match number {
            0 => "'bench'\narguments = ['cross=sender']",
            1 => "'bench'\narguments = ['cross=receiver']",
            _ => "'ping-pong'",
        };
        add(format!("[[instance]]\nname = 'i{number}'\nprogram = {program}\n"));
    }
    for from in (0..instances).filter(|&from| from != 1) {
        add(format!("[[channel]]\nfrom = 'i{from}'\nto = 'i1'\nlines = 64\n"));
    }
    add("[[channel]]\nfrom = 'i1'\nto = 'i0'\nlines = 64\n".to_owned());
    add("[[region]]\nname = 'bench'\nsize = '4K'\n".to_owned());
    add("members = [{ instance = 'i0' }, { instance = 'i1' }]\n".to_owned());
    text
}

fn boot(instances: u32) -> Run {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let file = dir.path().join("senders.toml");
    std::fs::write(&file, description(instances)).expect("it can be written");
    let memory = format!("{}M", MEMORY_MIB + instances * INSTANCE_MIB);
    let options = ["--icount", "--quiet", "--timeout", "900", "--memory", &memory];
    let run = run(&[&[file.to_str().expect("paths are text here")], &options[..]].concat()).expect(0);
    assert_eq!(run.finished().len(), instances as usize, "{}", run.shown);
    run
}

/// Instructions of most round trips. Others include turns of cores that are still starting.
fn round_trip(run: &Run) -> u64 {
    let rows = run.document["table"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = rows.iter().find(|row| row["path"] == ROUND_TRIP);
    let samples = row.and_then(|row| row["samples"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let usual = samples.iter().max_by_key(|sample| sample[1].as_u64());
    usual.and_then(|sample| sample[0].as_u64()).unwrap_or_else(|| panic!("no samples:\n{}", run.shown))
}

#[test]
#[ignore = "boots"]
fn a_delivery_costs_the_same_however_many_instances_could_have_signalled() {
    let costs = [2, 8, 64].map(|instances| round_trip(&boot(instances)));
    assert!(costs.iter().all(|&cost| cost == costs[0]), "{costs:?}");
}

#[test]
#[ignore = "boots"]
fn as_many_instances_as_there_can_be_run_and_a_delivery_costs_the_same_at_length() {
    assert_eq!(round_trip(&boot(255)), round_trip(&boot(2)));
}

#[test]
#[ignore = "boots"]
fn a_core_with_an_apic_id_above_254_runs_an_instance() {
    let core = "max-x86_64-cpu,socket-id=280,core-id=0,thread-id=0";
    let run = run(&["--cpus", "2", "--", "-smp", "1,maxcpus=300,sockets=300", "-device", core]).expect(0);
    assert_eq!(run.finished().len(), 2, "{}", run.shown);
    assert_eq!(run.document["plan"]["instances"][1]["apic_id"], 280);
    let round_trips = run.document["table"][0]["round_trips"].as_u64();
    assert_eq!(round_trips, Some(1000), "signals find the core: {}", run.shown);
}
