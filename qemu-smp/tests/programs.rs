// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that init starts, in QEMU. `./x test` runs these.

mod crew;
mod system;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use system::{root, run};

/// Writes a description into a directory.
fn description(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("system.toml");
    std::fs::write(&path, text).expect("the description can be written");
    path
}

fn program(name: &str, instance: &str, keys: &str) -> String {
    format!("[[program]]\nname = '{name}'\ninstance = '{instance}'\nimage = 'crew'\n{keys}\n")
}

#[test]
#[ignore = "boots"]
fn programs_share_regions_and_lines_and_are_restarted_when_they_fault() {
    let run = run(&["systems/programs.toml"]).expect(0);
    assert_eq!(run.finished(), ["north", "south"]);
    let here = ["greedy: computed for 3 budgets", "clerk: registers, ports and interrupt are there"];
    for line in crew::SHOWN.into_iter().chain(here) {
        assert!(run.shown.contains(line), "{line}\n{}", run.shown);
    }
}

#[test]
#[ignore = "boots"]
fn programs_of_a_release_kernel_print_as_well() {
    let run = run(&["systems/programs.toml", "--profile", "release"]).expect(0);
    assert!(run.shown.contains("core 0 | producer: 1000 numbers were taken"), "{}", run.shown);
}

/// A producer in Rust on `near`, who consumes its numbers, in C, on an instance that the text is for, and company there.
fn producer_and_consumer(instance: &str) -> String {
    let system = format!(
        "[[instance]]\nname = 'near'\n[[instance]]\nname = 'far'\n\
         [[region]]\nname = 'numbers'\nsize = '4K'\nmembers = [{{ instance = 'near' }}, {{ instance = 'far' }}]\n\
         [[channel]]\nname = 'ready'\nfrom = 'near'\nto = '{instance}'\n\
         [[channel]]\nname = 'taken'\nfrom = '{instance}'\nto = 'near'\n"
    );
    let producer =
        "arguments = ['role=producer']\nregions = ['numbers']\nreceive = ['taken']\nsignal = ['ready']";
    let consumer = "regions = ['numbers']\nreceive = ['ready']\nsignal = ['taken']";
    let tally = root().join("suites/c/tally.c").display().to_string();
    [
        system,
        program("producer", "near", producer),
        program("tally", instance, consumer).replace("crew", &tally),
        program("company", "far", "arguments = ['role=greedy']"),
    ]
    .concat()
}

#[test]
#[ignore = "boots"]
fn a_program_moves_to_another_core_without_a_change() {
    for (instance, core) in [("near", 0), ("far", 1)] {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let path = description(dir.path(), &producer_and_consumer(instance));
        let run = run(&[path.to_str().expect("the path is text")]).expect(0);
        for line in [
            "core 0 | producer: 1000 numbers were taken".to_owned(),
            format!("core {core} | tally: 1000 numbers came in order"),
        ] {
            assert!(run.shown.contains(&line), "{line}\n{}", run.shown);
        }
    }
}

/// One instance whose programs fail in every way that init knows, and one that ends well all the same.
fn troubled() -> String {
    let instances = "[[instance]]\nname = 'bad'\n[[instance]]\nname = 'good'\n";
    let restarted = "arguments = ['role=clumsy']\nstack = '32K'\nrestart = 'on-fault'\nrestart-limit = 1";
    let late = "arguments = ['role=greedy']\nbudget-us = 1000\nperiod-us = 20000\non-timeout = 'fault'\npriority = 50";
    let clumsy = "arguments = ['role=clumsy']\nrestart = 'on-fault'";
    [
        instances.to_owned(),
        program("aimless", "bad", ""),
        program("restarted", "bad", restarted),
        program("late", "bad", late),
        program("lucky", "good", clumsy),
        program("service", "good", "background = true\narguments = ['role=sleeper']\npriority = 10"),
    ]
    .concat()
}

#[test]
#[ignore = "boots"]
fn programs_that_fail_stop_alone_and_decide_how_their_instance_ends() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let path = description(dir.path(), &troubled());
    let run = run(&[path.to_str().expect("the path is text")]).expect(1);
    for line in [
        "core 0 | aimless: error: the arguments name no role",
        "core 0 | aimless ended with 1",
        "restarted, once so far",
        "; stopped",
        "core 0 | late faulted: budget used up,",
        "core 1 | lucky: nothing wrong this time",
    ] {
        assert!(run.shown.contains(line), "{line}\n{}", run.shown);
    }
    let instances = &run.document["instances"];
    assert_eq!((&instances[0]["exit"], &instances[1]["exit"]), (&Value::from(1), &Value::from(0)));
    let faults = instances[0]["faults"].as_array().expect("the faults are in the document");
    let what =
        |fault: &Value| ["program", "kind", "action"].map(|key| fault[key].as_str().unwrap_or("").to_owned());
    let of = |name: &str| faults.iter().map(what).filter(|fault| fault[0] == name).collect::<Vec<_>>();
    assert_eq!(of("restarted"), [["restarted", "page", "restart"], ["restarted", "page", "stop"]]);
    assert_eq!(of("late"), [["late", "budget", "stop"]]);
    let first = faults.iter().find(|fault| fault["program"] == "restarted").expect("it faulted");
    assert_eq!((&first["address"], &first["access"]), (&Value::from(0xdead_0000u32), &Value::from("write")));
}

/// One that uses up its budget in three periods, and who handles its timeouts.
fn handled(name: &str, keys: &str, guard: &str) -> String {
    let time =
        "arguments = ['role=greedy', 'budgets=45']\npriority = 50\nbudget-us = 1000\nperiod-us = 20000";
    let handler =
        format!("arguments = ['role=guard', 'of={name}', 'then={guard}']\nbackground = true\npriority = 150");
    let watch = root().join("suites/c/watch.c").display().to_string();
    let handler = match guard {
        "C" => program("watch", "a", "").replace("crew", &watch),
        "stumble" => program("guard-of-shaken", "a", &format!("{handler}\nrestart = 'on-fault'")),
        _ => program(&format!("guard-of-{name}"), "a", &handler),
    };
    let by = if guard == "C" { "watch".to_owned() } else { format!("guard-of-{name}") };
    [program(name, "a", &format!("{time}\ntimeout-handler = '{by}'\n{keys}")), handler].concat()
}

#[test]
#[ignore = "boots"]
fn timeouts_are_handled_by_programs_and_by_init_when_those_are_gone() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let text = [
        "[[instance]]\nname = 'a'\n".to_owned(),
        handled("patient", "", "resume"),
        handled("given-up", "restart = 'on-fault'\nrestart-limit = 1", "give-up"),
        handled("orphan", "", "leave"),
        handled("shaken", "", "stumble"),
        handled("watched", "", "C"),
    ];
    let path = description(dir.path(), &text.concat());
    // Counted instructions are time that no busy host takes away.
    let run = run(&[path.to_str().expect("the path is text"), "--icount"]).expect(1);
    for line in [
        "guard-of-patient: patient has used up its budget",
        "patient: computed for 45 budgets",
        "given-up faulted: budget used up,",
        "guard-of-orphan: orphan has used up its budget",
        "orphan overran: budget used up,",
        "orphan: computed for 45 budgets",
        "guard-of-shaken faulted: page fault, write of 0xdead0000",
        "shaken: computed for 45 budgets",
        "watch: watched may go on",
        "watched faulted: budget used up,",
    ] {
        assert!(run.shown.contains(line), "{line}\n{}", run.shown);
    }
    let faults = run.document["instances"][0]["faults"].as_array().expect("the faults are in the document");
    let actions = |name: &str| {
        let of = faults.iter().filter(|fault| fault["program"] == name);
        of.map(|fault| fault["action"].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (actions("given-up"), actions("watched")),
        (vec!["restart".into(), "stop".into()], vec!["stop".into()])
    );
    assert!(actions("patient").is_empty() && actions("shaken").is_empty(), "{faults:?}");
}

#[test]
#[ignore = "boots"]
fn a_program_in_c_has_registers_ports_and_interrupts() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let device = |name: &str, keys: &str| format!("[[device]]\nname = '{name}'\nowner = 'a'\n{keys}\n");
    let gets = "ports = ['com1']\nmmio = ['hpet']\ninterrupts = [{ name = 'com1', pin = 4 }]";
    let serial = root().join("suites/c/serial.c").display().to_string();
    let text = [
        "[[instance]]\nname = 'a'\n".to_owned(),
        device("com1", "kind = 'ports'\nfirst = 0x3f8\nlast = 0x3ff"),
        device("hpet", "kind = 'mmio'\nbase = 0xfed00000\nsize = '4K'"),
        program("serial", "a", gets).replace("crew", &serial),
    ];
    let path = description(dir.path(), &text.concat());
    let run = run(&[path.to_str().expect("the path is text")]).expect(0);
    assert!(run.shown.contains("serial: registers, ports and interrupt are there"), "{}", run.shown);
}

/// A driver of QEMU's device `edu`, on the second core; the vector of its interrupt is chosen, or not.
fn driver(vector: &str) -> String {
    let device = |name: &str, keys: &str| {
        format!("[[device]]\nname = '{name}'\nowner = 'far'\ntrusted = true\n{keys}\n")
    };
    let arguments = "arguments = ['role=edu', 'function=0x2000', 'registers=0xfd000000']\nports = ['pci']\nmmio = ['edu']";
    let interrupt = format!("interrupts = [{{ name = 'edu', pci = '00:04.0'{vector} }}]");
    [
        "[[instance]]\nname = 'near'\n[[instance]]\nname = 'far'\n".to_owned(),
        device("pci", "kind = 'ports'\nfirst = 0xcf8\nlast = 0xcff"),
        device("edu", "kind = 'mmio'\nbase = 0xfd000000\nsize = '1M'"),
        program("company", "near", "arguments = ['role=greedy']"),
        program("driver", "far", &format!("{arguments}\n{interrupt}")),
    ]
    .concat()
}

#[test]
#[ignore = "boots"]
fn a_program_gets_interrupts_that_are_messages() {
    for (vector, data) in [("", 48), (", vector = 107", 155)] {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let path = description(dir.path(), &driver(vector));
        let path = path.to_str().expect("the path is text");
        let run = run(&[path, "--", "-device", "edu,addr=04.0"]).expect(0);
        let line = format!("core 1 | driver: 3 messages to 0xfee01000 with {data} came");
        assert!(run.shown.contains(&line), "{line}\n{}", run.shown);
    }
}

/// Vectors that have neither a kernel's nor a program's handler, and are not held back as exceptions are: 32 to 155 but
/// that of the device, 158 to 255.
const UNOWNED: u64 = 123 + 98;

#[test]
#[ignore = "boots"]
fn messages_of_a_device_at_all_other_vectors_disturb_nobody_and_are_counted() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let text = driver("").replace("'role=edu', ", "'role=edu', 'every=vector', ");
    let path = description(dir.path(), &text);
    let path = path.to_str().expect("the path is text");
    for cpu in ["max", "max,-x2apic"] {
        let run = run(&[path, "--cpu", cpu, "--", "-device", "edu,addr=04.0"]).expect(0);
        for line in ["255 messages at other vectors were sent", "3 messages to 0xfee01000 with 48 came"] {
            assert!(run.shown.contains(line), "{line}\n{}", run.shown);
        }
        let counters = &run.document["instances"][1]["counters"];
        assert_eq!(counters["unowned_interrupts"], UNOWNED, "{cpu}: {counters}");
    }
}

#[test]
#[ignore = "boots"]
fn programs_that_cannot_be_loaded_are_refused_without_booting() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let text = "\
[[instance]]
name = 'a'
[[region]]
name = 'frames'
size = '64K'
members = [{ instance = 'a' }]
";
    let text = [text.to_owned(), program("over", "a", "regions = [{ name = 'frames', address = 0x400000 }]")];
    let path = description(dir.path(), &text.concat());
    let mut validate = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    let output = validate.current_dir(root()).arg("validate").arg(&path).output().expect("the runner starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("crew cannot be program over: its segment 0x400000.."), "{errors}");
    assert!(errors.contains("lies over frames") && errors.contains("system.toml:10:9"), "{errors}");
}
