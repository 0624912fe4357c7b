// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::arch::Arch;
use skerry_system::{Access, DeviceKind, Idle, Silent, Size};

fn read(text: &str) -> Result<Loaded, Failure> {
    let programs = ["init", "ping-pong", "sweep"].map(str::to_owned);
    parse(Source { name: "s.toml".to_owned(), text: text.to_owned() }, Path::new("."), &programs)
}

/// The whole message for a wrong description, without colours.
fn message(text: &str) -> String {
    let failure = read(text).expect_err("the description is wrong");
    anstream::adapter::strip_str(&failure.message).to_string()
}

/// Each mistake as "line:column what (help)".
fn mistakes(text: &str) -> Vec<String> {
    let message = message(text);
    let mut found: Vec<String> = Vec::new();
    let mut what = "";
    for line in message.lines() {
        if let Some(title) = line.strip_prefix("error: ") {
            what = title;
        } else if let Some(place) = line.trim_start().strip_prefix("--> s.toml:") {
            found.push(format!("{place} {what}"));
        } else if let (Some(help), Some(last)) =
            (line.trim_start().strip_prefix("= help: "), found.last_mut())
        {
            last.push_str(&format!(" ({help})"));
        }
    }
    found
}

#[test]
fn what_is_not_utf8_is_shown_at_its_place() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    fs::write(file.path(), b"[[instance]]\nname = \"\xe4\"\n").expect("the file can be written");
    let message = load(file.path(), &[]).expect_err("it is not UTF-8").message;
    let place = format!("{}:2:9: byte 0xe4 is not UTF-8\n  expected: ", file.path().display());
    assert!(message.starts_with(&place), "{message}");
}

const TWO: &str = "\
[[instance]]
name = \"a\"
program = \"ping-pong\"
[[instance]]
name = \"b\"
program = \"ping-pong\"
";

/// The mistakes of two good instances, `a` and `b`, followed by something; lines are counted from there.
fn after_two(text: &str) -> Vec<String> {
    let lines = TWO.lines().count();
    let shift = |mistake: String| {
        let (line, rest) = mistake.split_once(':').expect("a mistake begins with line and column");
        format!("{}:{rest}", line.parse::<usize>().expect("a line is a number") - lines)
    };
    mistakes(&format!("{TWO}{text}")).into_iter().map(shift).collect()
}

/// The mistakes of one instance with further keys; lines are counted from those.
fn in_instance(keys: &str) -> Vec<String> {
    let text = format!("[[instance]]\nname = \"a\"\nprogram = \"ping-pong\"\n{keys}");
    mistakes(&text).into_iter().map(|mistake| mistake.trim_start_matches("4:").to_owned()).collect()
}

#[test]
fn every_key_has_its_effect() {
    let text = "
        system = { name = 'all' }
        [[instance]]
        name = 'a'
        program = 'ping-pong'
        arguments = ['one', 'two']
        memory = '256M'
        idle = 'poll'
        cnode-bits = 14
        boot-slice-us = 1000
        if-silent = 'leave-out'
        [[instance]]
        name = 'b'
        program = 'sweep'
        core = 2
        memory = '25%'
        [[region]]
        name = 'r'
        size = 65536
        members = [{ instance = 'a' }, { instance = 'b', rights = 'r' }]
        [[channel]]
        from = 'a'
        to = 'b'
        lines = 3
        ack = false
        [[device]]
        name = 'uart'
        owner = 'b'
        kind = 'ports'
        first = 0x3f8
        last = 0x3ff
        [[device]]
        name = 'card'
        owner = 'a'
        kind = 'mmio'
        base = 0xfd000000
        size = '64K'
    ";
    let description = read(text).expect("the description is right").description;
    assert_eq!(description.name, "all");
    let [a, b] = description.instances.as_slice() else { panic!("two instances expected") };
    assert_eq!((a.memory, a.idle, a.cnode_bits), (Size::Bytes(256 << 20), Idle::Poll, 14));
    assert_eq!((a.boot_slice_us, a.if_silent), (1000, Silent::LeaveOut));
    assert_eq!(a.root_task.arguments, "one two");
    assert_eq!((b.memory, b.core, b.root_task.name.as_str()), (Size::Percent(25), Some(2), "sweep"));
    let members: Vec<_> = description.regions[0].members.iter().map(|m| (m.instance, m.access)).collect();
    assert_eq!(members, [(0, Access::ReadWrite), (1, Access::ReadOnly)]);
    let channel = &description.channels[0];
    assert_eq!((channel.name.as_str(), channel.from, channel.to), ("a-b", 0, 1));
    assert_eq!((channel.lines, channel.ack), (3, false));
    assert_eq!(description.devices[0].kind, DeviceKind::IoPorts { first: 0x3f8, last: 0x3ff });
    assert_eq!(description.devices[1].kind, DeviceKind::Mmio { base: 0xfd00_0000, size: 65536 });
}

#[test]
fn what_is_left_out_has_its_default() {
    let description = read(TWO).expect("the description is right").description;
    let mut expected = skerry_system::Instance::new("a", "ping-pong");
    assert_eq!(description.instances[0], expected);
    expected.name = "b".to_owned();
    assert_eq!(description.instances[1], expected);
}

#[test]
fn a_mistake_is_shown_with_file_line_column_excerpt_and_suggestion() {
    let expected = "\
s.toml: one mistake

error: there is no program `ping-png` under userland/ or suites/
 --> s.toml:3:11
  |
3 | program = \"ping-png\"
  |           ^^^^^^^^^^
  |
  = help: did you mean `ping-pong`?";
    assert_eq!(message("[[instance]]\nname = \"a\"\nprogram = \"ping-png\"\n"), expected);
}

#[test]
fn all_mistakes_are_shown_in_one_run_in_the_order_of_the_file() {
    let text = "\
[system]
name = \"a b\"
[[instance]]
name = \"a\"
progam = \"ping-pong\"
memory = \"12X\"
[[channel]]
from = \"a\"
to = \"a\"
lines = 99
";
    let expected = [
        "2:8 a name is 1 to 32 letters, digits or any of `-_.`",
        "3:1 the key `program` is missing (add: program = \"ping-pong\")",
        "5:1 unknown key `progam` (did you mean `program`?)",
        "6:10 unknown unit `X`; expected a number with K, M or G, as in 512M \
         (write it as: memory = \"256M\", \"25%\" or \"rest\")",
        "9:6 the channel ends where it starts (it can join programs that init starts, a root task makes a Notification)",
        "10:9 99 is not between 1 and 64",
    ];
    assert_eq!(mistakes(text), expected);
    assert!(message(text).starts_with("s.toml: 6 mistakes"));
}

#[test]
fn errors_of_syntax_are_shown_with_the_others() {
    let found = mistakes("[[instance]]\nname = a\nprogram = \"ping-pong\"\n[[regin]]\n");
    assert_eq!(found[0], "2:8 string values must be quoted, expected literal string");
    assert_eq!(found[1], "4:3 unknown key `regin` (did you mean `region`?)");
}

#[test]
fn a_description_without_instances_is_refused() {
    assert_eq!(mistakes(""), ["1:1 0 instances (a system has 1 to 255)"]);
}

#[test]
fn mistakes_in_the_system_table() {
    assert_eq!(
        mistakes(&format!("system = 3\n{TWO}"))[0],
        "1:10 `system` must be a table (write it as: [system])"
    );
    assert_eq!(
        mistakes(&format!("[system]\nname = 3\n{TWO}")),
        ["2:8 `name` cannot be of type integer (write it as: name = \"ping-pong\")"]
    );
    assert_eq!(
        mistakes("instance = 3"),
        ["1:12 `instance` cannot be of type integer (write it as: [[instance]])"]
    );
    assert_eq!(mistakes("instance = [3]"), ["1:12 `instance` must be a table (write it as: [[instance]])"]);
}

#[test]
fn mistakes_in_the_values_of_an_instance() {
    for (keys, expected) in [
        ("core = -1", "8 `core` cannot be -1 (write it as: core = 1)"),
        ("core = 'one'", "8 `core` cannot be of type string (write it as: core = 1)"),
        ("core = 1", "8 instance 0, and no other, runs on core 0 (leave the core out to take a free one)"),
        ("memory = '0%'", "10 0 % is not between 1 and 100"),
        (
            "memory = 'x%'",
            "10 `x%` is not a percentage (write it as: memory = \"256M\", \"25%\" or \"rest\")",
        ),
        ("memory = '0'", "10 the size is 0 (give at least one page)"),
        ("idle = 'hlt'", "8 `idle` cannot be `hlt` (did you mean `halt`?)"),
        ("idle = 'none'", "8 `idle` cannot be `none` (one of: halt, mwait, poll)"),
        ("cnode-bits = 300", "14 `cnode-bits` cannot be 300 (write it as: cnode-bits = 13)"),
        ("boot-slice-us = 1", "17 1 is not between 20 and 4294967295"),
        ("if-silent = 'panic'", "13 `if-silent` cannot be `panic` (one of: fail, leave-out)"),
        (
            "arguments = 'one'",
            "13 `arguments` cannot be of type string (write it as: arguments = [\"one\", \"two\"])",
        ),
        (
            "arguments = ['a b']",
            "14 an argument is empty or contains a space (write it as: arguments = [\"one\", \"two\"])",
        ),
        ("arguments = [1]", "14 an argument is not a text (write it as: arguments = [\"one\", \"two\"])"),
    ] {
        assert_eq!(in_instance(keys), [expected], "{keys}");
    }
}

#[test]
fn programs_are_packages_of_the_tree_files_or_crates() {
    let instance = |program: &str| format!("[[instance]]\nname = 'a'\nprogram = '{program}'\n");
    assert_eq!(
        mistakes(&instance("unheard-of")),
        ["3:11 there is no program `unheard-of` under userland/ or suites/ (one of: init, ping-pong, sweep)"]
    );
    assert_eq!(
        mistakes(&instance("./no-such.elf")),
        [
            "3:11 there is no file or crate ././no-such.elf (a program with a `/` in it is an ELF file, a C file or the \
          directory of a crate, found from the directory of the description)"
        ]
    );
    let loaded = read(&instance("./Cargo.toml")).expect("the tests run in the directory of the package");
    assert_eq!(loaded.files.keys().collect::<Vec<_>>(), ["./Cargo.toml"]);
    let loaded = read(&instance("./")).expect("the directory of the package is one of a crate");
    assert_eq!(loaded.files.keys().collect::<Vec<_>>(), ["./"]);
}

#[test]
fn names_and_cores_are_given_once() {
    let text = format!("{TWO}core = 1\n[[instance]]\nname = 'a'\nprogram = 'sweep'\ncore = 1\n");
    assert_eq!(
        mistakes(&text),
        [
            "9:8 an earlier one has this name (choose another)",
            "11:8 core 1 belongs to instance `b` (name another, or none to take a free one)",
        ]
    );
    let message = message(&text);
    assert!(message.contains("2 | name = \"a\"\n  |        --- the earlier one"), "{message}");
}

#[test]
fn shares_above_100_percent_are_shown_at_the_last_instance() {
    let text = "\
[[instance]]
name = 'a'
program = 'sweep'
memory = '60%'
[[instance]]
name = 'b'
program = 'sweep'
memory = '50%'
";
    assert_eq!(mistakes(text), ["8:10 the shares of memory add up to 110 % (lower one, or use \"rest\")"]);
}

#[test]
fn mistakes_in_regions() {
    let region = |rest: &str| after_two(&format!("[[region]]\nname = 'r'\n{rest}\n"));
    let members = "members = [{ instance = 'a' }]";
    assert_eq!(region(members), ["1:1 the key `size` is missing (add: size = \"64K\")"]);
    assert_eq!(
        region(&format!("size = true\n{members}")),
        ["3:8 `size` cannot be of type boolean (write it as: size = \"64K\")"]
    );
    assert_eq!(region(&format!("size = 0\n{members}")), ["3:8 the size is 0 (give at least one page)"]);
    assert_eq!(
        region("size = 1\nmembers = []"),
        ["4:11 nobody maps the region (name a member or remove it)"]
    );
    assert_eq!(
        region("size = 1"),
        ["1:1 the key `members` is missing (add: members = [{ instance = \"worker\", rights = \"rw\" }])"]
    );
    assert_eq!(
        region("size = 1\nmembers = [{ instance = 'a' }, { instance = 'a' }]"),
        ["4:45 instance `a` is a member already (remove one of the two entries)"]
    );
    assert_eq!(
        region("size = 1\nmembers = [{ instance = 'c', rights = 'rx' }]"),
        ["4:25 there is no instance `c` (one of: a, b)", "4:39 `rights` cannot be `rx` (did you mean `r`?)"]
    );
    assert_eq!(
        region("size = 1\nmembers = ['a', { instance = 'b' }]"),
        ["4:11 a member cannot be of type string \
          (write it as: members = [{ instance = \"worker\", rights = \"rw\" }])"]
    );
}

#[test]
fn mistakes_in_channels() {
    assert_eq!(
        after_two("[[channel]]\nfrom = 'a'\n"),
        ["1:1 the key `to` is missing (add: to = \"worker\")"],
        "what follows from the missing key is not reported as well"
    );
    assert_eq!(
        after_two("[[channel]]\nfrom = 'a'\nto = 'b'\nack = 1\n"),
        ["4:7 `ack` cannot be of type integer (write it as: ack = true)"]
    );
    assert_eq!(
        after_two("[[channel]]\nfrom = 'a'\nto = 'b'\n[[channel]]\nname = 'other'\nfrom = 'a'\nto = 'b'\n"),
        ["7:6 channel `a-b` joins the same two instances (give that one more lines)"]
    );
}

#[test]
fn mistakes_in_devices() {
    let device = |rest: &str| after_two(&format!("[[device]]\nname = 'd'\nowner = 'a'\n{rest}\n"));
    assert_eq!(device(""), ["1:1 the key `kind` is missing (add: kind = \"ports\")"]);
    assert_eq!(device("kind = 'port'"), ["4:8 `kind` cannot be `port` (did you mean `ports`?)"]);
    assert_eq!(
        device("kind = 'ports'\nfirst = 9\nlast = 8"),
        ["6:8 last port 0x8 is below first port 0x9 (swap them)"]
    );
    assert_eq!(
        device("kind = 'ports'\nfirst = 1\nlast = 0x10000"),
        ["6:8 `last` cannot be 0x10000 (write it as: last = 0x3ff)"]
    );
    assert_eq!(
        device("kind = 'ioapic'\nindex = 0\nbase = 4096"),
        [
            "6:8 a device of this kind has no `base` (mmio has base and size, ports first and last, ioapic index)"
        ]
    );
    assert_eq!(
        device("kind = 'mmio'\nbase = 1\nsize = 4096"),
        ["5:8 0x1000 bytes at 0x1 are not whole pages (round to multiples of 0x1000)"]
    );
    assert_eq!(
        device("kind = 'mmio'\nbase = 0xfee00000\nsize = 4096"),
        [
            "5:8 0xfee00000..0xfee01000 is in the interrupt window 0xfee00000..0xfef00000, which nobody can own"
        ]
    );
    assert_eq!(
        device("kind = 'ioapic'\nindex = 0\n[[device]]\nname = 'e'\nowner = 'b'\nkind = 'ioapic'\nindex = 0"),
        ["10:9 device `d` overlaps it (a device has one owner)"]
    );
}

#[test]
fn what_aarch32_does_not_have_is_refused_at_its_place() {
    let text = format!(
        "{TWO}core = 8\nidle = 'mwait'\n[[device]]\nname = 'p'\nowner = 'a'\nkind = 'ports'\nfirst = 1\nlast = 2\n"
    );
    let loaded = read(&text).expect("x86_64 has all of it");
    assert!(loaded.check_available(Arch::X86_64).is_ok());
    let failure = loaded.check_available(Arch::Aarch32).expect_err("aarch32 has none of it");
    let message = anstream::adapter::strip_str(&failure.message).to_string();
    assert!(message.starts_with("s.toml: 3 mistakes\n"), "{message}");
    for (place, what) in [
        ("7:8", "there is no core 8 on aarch32: a GICv2 has 8 interfaces"),
        ("8:8", "there is no mwait on aarch32"),
        ("12:8", "there are no IO ports on aarch32"),
    ] {
        assert!(message.contains(&format!("s.toml:{place}")) && message.contains(what), "{what}:\n{message}");
    }
}

#[test]
fn what_does_not_fit_into_32_bits_is_refused_on_aarch32() {
    let text = format!(
        "{TWO}[[region]]\nname = 'r'\nsize = '4K'\nmembers = [{{ instance = 'a' }}]\n\
         [[program]]\nname = 'p'\ninstance = 'a'\nimage = 'sweep'\nstack = '128M'\n\
         regions = [{{ name = 'r', address = 0x60000000 }}]\n\
         interrupts = [{{ name = 'i', pci = '0:4.0' }}, {{ name = 'j', pin = 33, vector = 1 }}]\n"
    )
    .replacen("ping-pong", "init", 1);
    let loaded = read(&text).expect("x86_64 has room for all of it");
    let failure = loaded.check_available(Arch::Aarch32).expect_err("32 bits have not");
    let message = anstream::adapter::strip_str(&failure.message).to_string();
    assert!(message.starts_with("s.toml: 4 mistakes\n"), "{message}");
    for part in [
        "a stack on aarch32 has 0x4000000 bytes at most",
        "0x60000000..0x60001000 is not within",
        "there are no message-signalled interrupts on aarch32",
        "interrupts have no vectors on aarch32",
    ] {
        assert!(message.contains(part), "{part}:\n{message}");
    }
}

#[test]
fn what_to_do_about_it_is_said_on_aarch32() {
    let text = format!(
        "{TWO}idle = 'mwait'\n[[region]]\nname = 'r'\nsize = '3G'\nmembers = [{{ instance = 'a' }}]\n\
         [[channel]]\nfrom = 'b'\nto = 'a'\nlines = 40\n\
         [[program]]\nname = 'p'\ninstance = 'a'\nimage = 'sweep'\nregions = ['r']\nreceive = ['b-a']\n\
         interrupts = [{{ name = 'i', pci = '0:4.0' }}]\n"
    )
    .replacen("ping-pong", "init", 1);
    let loaded = read(&text).expect("x86_64 has all of it");
    let failure = loaded.check_available(Arch::Aarch32).expect_err("aarch32 has not");
    let message = anstream::adapter::strip_str(&failure.message).to_string();
    for part in [
        "use 'halt', which wakes as fast, or 'poll'",
        "41 lines and interrupts are more than the 32 bits of a word on aarch32",
        "let another program receive some",
        "these regions together are larger than the addresses for them on aarch32",
        "use addresses below 0x60000000, or smaller regions",
        "name an input of the interrupt controller: pin = 34",
    ] {
        assert!(message.contains(part), "{part}:\n{message}");
    }
}

#[test]
fn a_ninth_instance_is_refused_on_aarch32() {
    let instance = |number| format!("[[instance]]\nname = 'i{number}'\nprogram = 'ping-pong'\n");
    let of = |count| read(&(0..count).map(instance).collect::<String>()).expect("x86_64 has more cores");
    assert!(of(8).check_available(Arch::Aarch32).is_ok());
    let message = of(9).check_available(Arch::Aarch32).expect_err("there are eight").to_string();
    let message = anstream::adapter::strip_str(&message).to_string();
    assert!(message.contains("9 instances need as many cores, aarch32 has 8 at most"), "{message}");
    assert!(message.contains("s.toml:25:1"), "{message}");
}

mod programs;
