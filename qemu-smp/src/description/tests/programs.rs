// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use skerry_system::{INIT, Interrupt, InterruptSource, Mapped, OnFault, OnTimeout, Program};

/// Two instances without root tasks of their own, and one of everything between them.
const SYSTEM: &str = "\
[[instance]]
name = 'a'
[[instance]]
name = 'b'
[[region]]
name = 'frames'
size = '64K'
members = [{ instance = 'a' }, { instance = 'b', rights = 'r' }]
[[channel]]
name = 'control'
from = 'a'
to = 'b'
[[device]]
name = 'uart'
owner = 'b'
kind = 'ports'
first = 0x3f8
last = 0x3ff
[[device]]
name = 'card'
owner = 'b'
kind = 'mmio'
base = 0xfd000000
size = '64K'
[[device]]
name = 'chip'
owner = 'b'
kind = 'ioapic'
index = 0
[[program]]
name = 'first'
instance = 'a'
image = 'ping-pong'
";

/// A program for the instance that has none.
const OTHER: &str = "[[program]]\nname = 'other'\ninstance = 'b'\nimage = 'sweep'\n";

/// The mistakes of a program on instance `b` with further keys; lines are counted from those.
fn in_program(keys: &str) -> Vec<String> {
    let text = format!("{SYSTEM}[[program]]\nname = 'p'\ninstance = 'b'\nimage = 'sweep'\n{keys}");
    let lines = SYSTEM.lines().count() + 4;
    let shift = |mistake: String| {
        let (line, rest) = mistake.split_once(':').expect("a mistake begins with line and column");
        let line: usize = line.parse().expect("a line is a number");
        line.checked_sub(lines).map_or(mistake.clone(), |line| format!("{line}:{rest}"))
    };
    mistakes(&text).into_iter().map(shift).collect()
}

#[test]
fn every_key_of_a_program_has_its_effect() {
    let text = format!(
        "{SYSTEM}
        [[program]]
        name = 'second'
        instance = 'b'
        image = 'sweep'
        arguments = ['one', 'two']
        priority = 200
        mcp = 201
        budget-us = 500
        period-us = 2000
        stack = '1M'
        fpu = false
        background = true
        restart = 'on-fault'
        restart-limit = 7
        on-timeout = 'fault'
        regions = [{{ name = 'frames', rights = 'r', address = 0x20000000 }}]
        receive = ['control']
        interrupts = [{{ name = 'rx', ioapic = 'chip', pin = 4, trigger = 'level', polarity = 'low' }}]
        ports = ['uart']
        mmio = ['card']
    "
    );
    let description = read(&text).expect("the description is right").description;
    assert!(description.instances.iter().all(|instance| instance.root_task.name == INIT));
    let expected = Program {
        arguments: "one two".to_owned(),
        priority: 200,
        mcp: 201,
        budget_us: 500,
        period_us: 2000,
        stack: 1 << 20,
        fpu: false,
        background: true,
        on_fault: OnFault::Restart { limit: 7 },
        on_timeout: OnTimeout::Fault,
        regions: vec![Mapped { region: 0, access: Access::ReadOnly, address: Some(0x2000_0000) }],
        receive: vec![0],
        interrupts: vec![Interrupt {
            name: "rx".to_owned(),
            source: InterruptSource::Pin { io_apic: Some(2), pin: 4, is_level: true, is_low: true },
            vector: None,
        }],
        ports: vec![0],
        mmio: vec![1],
        ..Program::new("second", 1, "sweep")
    };
    assert_eq!(description.programs[1], expected);
}

#[test]
fn what_a_program_leaves_out_has_its_default() {
    let text = format!("{SYSTEM}regions = ['frames']\nsignal = ['control']\n");
    let mut expected = Program::new("first", 0, "ping-pong");
    // The instance lacks a program, so this is about the other one.
    let text = format!("{text}[[program]]\nname = 'p'\ninstance = 'b'\nimage = 'sweep'\n");
    expected.regions = vec![Mapped { region: 0, access: Access::ReadWrite, address: None }];
    expected.signal = vec![0];
    let description = read(&text).expect("the description is right").description;
    assert_eq!(description.programs[0], expected);
    assert_eq!(
        (expected.priority, expected.mcp, expected.budget_us, expected.period_us),
        (100, 100, 5000, 5000)
    );
}

#[test]
fn an_instance_has_a_root_task_or_programs() {
    let second = "[[program]]\nname = 'q'\ninstance = 'b'\nimage = 'sweep'\n";
    let text = format!("{SYSTEM}{second}").replace("name = 'a'\n", "name = 'a'\nprogram = 'sweep'\n");
    let what = "instance a has a root task of its own (remove `program` there, so that init starts programs)";
    assert_eq!(mistakes(&text), [format!("33:12 {what}")]);
    let missing = "3:1 the key `program` is missing (add: program = \"ping-pong\")";
    assert_eq!(mistakes(SYSTEM), [missing], "nobody names instance b");
    let empty = format!("{SYSTEM}{second}[[instance]]\nname = 'c'\nprogram = 'init'\n");
    let what = "init has nothing to start (add a [[program]] that names this instance)";
    assert_eq!(mistakes(&empty), [format!("40:11 {what}")]);
}

#[test]
fn names_of_what_a_program_gets_are_looked_up() {
    for (keys, expected) in [
        ("regions = ['frame']", "1:12 there is no region `frame` (did you mean `frames`?)"),
        ("regions = [{ name = 'frame' }]", "1:21 there is no region `frame` (did you mean `frames`?)"),
        ("receive = ['contrl']", "1:12 there is no channel `contrl` (did you mean `control`?)"),
        ("signal = ['x', 'control']", "1:11 there is no channel `x` (one of: control)"),
        ("ports = ['uarts']", "1:10 there is no device `uarts` (did you mean `uart`?)"),
        ("mmio = ['zzz']", "1:9 there is no device `zzz` (one of: uart, card, chip)"),
        (
            "interrupts = [{ name = 'i', ioapic = 'chop', pin = 1 }]",
            "1:38 there is no device `chop` (did you mean `chip`?)",
        ),
    ] {
        assert_eq!(in_program(keys)[0], expected, "{keys}");
    }
}

#[test]
fn a_channel_may_stay_within_the_instance_of_its_programs() {
    let text = |receive: &str| {
        format!(
            "{SYSTEM}signal = ['inner']\n[[channel]]\nname = 'inner'\nfrom = 'a'\nto = 'a'\n\
             [[program]]\nname = 'p'\ninstance = 'a'\nimage = 'sweep'\n{receive}\n\
             [[program]]\nname = 'q'\ninstance = 'b'\nimage = 'sweep'\n"
        )
    };
    let description = read(&text("receive = ['inner']")).expect("the description is right").description;
    assert_eq!(description.receiver(1), Some((1, 0)));
    let what = "nobody receives from channel inner (add it to `receive` of a program)";
    assert_eq!(mistakes(&text("")), [format!("34:11 {what}")]);
    let what = "the program itself receives from channel inner (let another program do that)";
    assert_eq!(mistakes(&text("receive = ['inner']\nsignal = ['inner']")), [format!("44:11 {what}")]);
}

#[test]
fn what_nobody_grants_is_refused_at_its_place() {
    for (keys, expected) in [
        (
            "regions = [{ name = 'frames', rights = 'rw' }]",
            "1:40 instance b may only read this region (ask for \"r\", or give it \"rw\" there)",
        ),
        (
            "regions = [{ name = 'frames', address = 0x123 }]",
            "1:41 the address is not aligned (use a multiple of 0x1000, or leave it out)",
        ),
        (
            "signal = ['control']",
            "1:11 channel control has instance a at this end (name a channel of this instance)",
        ),
        ("ports = ['card']", "1:10 device card is of another kind (name one of kind \"ports\")"),
        ("mmio = ['card', 'card']", "1:17 it is in this list already (remove one of the two entries)"),
        ("priority = 255", "1:12 255 is not between 0 and 254"),
        ("budget-us = 300\nperiod-us = 200", "1:13 300 is not between 20 and 200"),
        (
            "on-timeout = 'report'",
            "1:14 a budget as long as its period is never used up (give a longer period-us)",
        ),
        ("restart-limit = 3", "1:17 a limit of restarts without restarts (add: restart = \"on-fault\")"),
        ("restart = 'always'", "1:11 `restart` cannot be `always` (one of: never, on-fault)"),
        (
            "receive = [3]",
            "1:11 entry 1 of `receive` cannot be of type integer (write it as: receive = [\"commands\"])",
        ),
        ("regions = [{ nme = 'frames' }]", "1:12 the key `name` is missing (add: name = \"frames\")"),
        ("interrupts = [{ name = 'i' }]", "1:15 the key `pin` is missing (add: pin = 2)"),
        ("prority = 3", "1:1 unknown key `prority` (did you mean `priority`?)"),
    ] {
        assert_eq!(in_program(keys)[0], expected, "{keys}");
    }
}

/// Items behind the program that `in_program` is about.
const ITEMS: &str = "
[[region]]
name = 'own'
size = '4K'
members = [{ instance = 'a' }]
[[region]]
name = 'both'
size = '4K'
members = [{ instance = 'a' }, { instance = 'b' }]
[[device]]
name = 'port'
owner = 'a'
kind = 'ports'
first = 1
last = 2
[[channel]]
name = 'wide'
from = 'b'
to = 'b'
lines = 64
";

#[test]
fn what_belongs_to_others_or_is_too_much_is_refused_at_its_place() {
    for (keys, expected) in [
        ("regions = ['own']", "1:12 instance b is no member of region own (add it to the members there)"),
        ("ports = ['port']", "1:10 device port belongs to instance a (change its owner or move the program)"),
        (
            "regions = [{ name = 'frames', address = 0x7f0000000000 }]",
            "1:41 0x7f0000000000..0x7f0000010000 is not within the addresses for programs \
             (use some from 0x1000 up to 0x7f0000000000)",
        ),
        (
            "regions = [{ name = 'frames', address = 0x10000 }, { name = 'both', address = 0x11000 }]",
            "1:79 the addresses overlap those of frames (move one, or leave it out)",
        ),
        (
            "receive = ['wide', 'control']",
            "1:11 the program receives 72 lines and interrupts (a program waits for at most 64)",
        ),
    ] {
        assert_eq!(in_program(&format!("{keys}{ITEMS}"))[0], expected, "{keys}");
    }
    let long = "x".repeat(70_000);
    let found = in_program(&format!("arguments = ['{long}']"));
    let expected = "1:13 the start info would have 70208 bytes (shorten the arguments to stay within 65536)";
    assert_eq!(found, [expected]);
}

#[test]
fn interrupts_need_a_controller_of_the_instance_and_a_vector() {
    let elsewhere = SYSTEM.replace("owner = 'b'\nkind = 'ioapic'", "owner = 'a'\nkind = 'ioapic'");
    let program = |name: &str, interrupts: &str| {
        format!(
            "[[program]]\nname = '{name}'\ninstance = 'b'\nimage = 'sweep'\ninterrupts = [{interrupts}]\n"
        )
    };
    let found = mistakes(&[elsewhere, program("p", "{ name = 'i', pin = 4 }")].concat());
    let what = "instance b owns no interrupt controller (give it one with a [[device]] of kind \"ioapic\")";
    assert_eq!(found, [format!("38:15 {what}")]);
    let messages = |from: u32| {
        let one = |handle| format!("{{ name = 'i{handle}', pci = '0:4.0', handle = {handle} }}");
        (from..from + 55).map(one).collect::<Vec<_>>().join(", ")
    };
    let found = mistakes(&[SYSTEM, &program("p", &messages(0)), &program("q", &messages(55))].concat());
    let what =
        "instance b has 108 interrupt vectors, and all are taken (move the program to another instance)";
    assert!(found.len() == 2 && found[0].starts_with("43:") && found[0].ends_with(what), "{found:?}");
}

#[test]
fn a_handler_of_timeouts_is_named() {
    let text = format!("{SYSTEM}budget-us = 100\nperiod-us = 200\ntimeout-handler = 'guard'\n");
    let others = ["[[program]]\nname = 'guard'\ninstance = 'a'\nimage = 'sweep'\n", OTHER].concat();
    let description = read(&[text, others].concat()).expect("the description is right").description;
    assert_eq!(description.programs[0].on_timeout, OnTimeout::Handler(1));
    let with = |keys: &str| in_program(&format!("budget-us = 100\nperiod-us = 200\n{keys}"));
    assert_eq!(with("timeout-handler = 'fist'"), ["3:19 there is no program `fist` (did you mean `first`?)"]);
    assert_eq!(
        with("timeout-handler = 'first'"),
        ["3:19 program first runs on instance a (a timeout is handled on the same instance)"]
    );
    assert_eq!(
        with("timeout-handler = 'p'"),
        ["3:19 when program p uses up its own budget, nobody is left to handle it \
          (name a program whose timeouts do not wait for this one)"]
    );
    assert_eq!(
        with("timeout-handler = 'first'\non-timeout = 'report'")[1],
        "4:14 the handler of its timeouts decides what happens (remove this, or `timeout-handler`)"
    );
    assert_eq!(
        in_program("timeout-handler = 'first'")[0],
        "1:19 a budget as long as its period is never used up (give a longer period-us)"
    );
}

#[test]
fn interrupts_may_be_messages_of_pci_functions() {
    let keys = "interrupts = [{ name = 'a', pci = '02:1f.7', handle = 3, vector = 20 }, { name = 'b', pci = '0:4.0' }]";
    let text = format!("{SYSTEM}[[program]]\nname = 'p'\ninstance = 'b'\nimage = 'sweep'\n{keys}");
    let description = read(&text).expect("the description is right").description;
    let source = |bus, device, function, handle| InterruptSource::Message { bus, device, function, handle };
    let interrupt = |name: &str, source, vector| Interrupt { name: name.to_owned(), source, vector };
    let expected = [interrupt("a", source(2, 31, 7, 3), Some(20)), interrupt("b", source(0, 4, 0, 0), None)];
    assert_eq!(description.programs[1].interrupts, expected);
}

#[test]
fn mistakes_in_interrupts() {
    let of = |keys: &str| in_program(&format!("interrupts = [{{ name = 'i', {keys} }}]"));
    let kinds = "(a pin has ioapic, pin, trigger and polarity, a message pci and handle)";
    for place in ["00:04", "00:20.0", "00:04.8", "100:04.0", "x:04.0", "+0:04.0", "0000:00:04.0"] {
        let what = format!("`{place}` is not bus, device and function (write it as: pci = \"00:04.0\")");
        assert_eq!(of(&format!("pci = '{place}'")), [format!("1:35 {what}")]);
    }
    assert_eq!(of("pin = 4, handle = 1"), [format!("1:47 a pin has no `handle` {kinds}")]);
    assert_eq!(of("pci = '0:4.0', pin = 4"), [format!("1:50 a message has no `pin` {kinds}")]);
    assert_eq!(of("pci = '0:4.0', vector = 108"), ["1:53 108 is not between 0 and 107"]);
    let both = "pci = '0:4.0' }, { name = 'j', pci = '00:04.0'";
    assert_eq!(of(both), ["1:66 program p has it already (only one program can have it)"]);
}

#[test]
fn mistakes_of_programs_are_shown_with_all_others() {
    let found =
        in_program("ports = ['card']\nmmio = ['uart']\nreceive = ['control', 'control']\nstack = 0\n");
    assert_eq!(found.len(), 4, "{found:?}");
}
