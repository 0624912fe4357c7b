// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

/// Builds the structure of a tree: nodes and properties.
#[derive(Default)]
struct Builder {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

const BEGIN: u32 = 1;
const END: u32 = 2;
const PROPERTY: u32 = 3;
const FINISH: u32 = 9;

impl Builder {
    fn word(&mut self, word: u32) {
        self.structure.extend(word.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.structure.extend(bytes);
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    fn node(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.word(BEGIN);
        self.bytes(format!("{name}\0").as_bytes());
        inside(self);
        self.word(END);
    }

    fn property(&mut self, name: &str, value: &[u8]) {
        self.word(PROPERTY);
        self.word(value.len() as u32);
        self.word(self.strings.len() as u32);
        self.strings.extend(format!("{name}\0").bytes());
        self.bytes(value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.property(name, format!("{value}\0").as_bytes());
    }

    fn cells(&mut self, name: &str, cells: &[u32]) {
        let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.property(name, &bytes);
    }

    /// Header, an empty list of reservations, structure, strings.
    fn finish(mut self) -> Vec<u8> {
        const HEADER: u32 = 40;
        const RESERVATIONS: u32 = 16;
        self.word(FINISH);
        let (structure, strings) = (self.structure.len() as u32, self.strings.len() as u32);
        let start = HEADER + RESERVATIONS;
        let total = start + structure + strings;
        let header = [MAGIC, total, start, start + structure, HEADER, 17, 16, 0, strings, structure];
        let mut tree: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
        tree.extend([0; RESERVATIONS as usize]);
        tree.extend(self.structure);
        tree.extend(self.strings);
        tree
    }
}

/// The tree of QEMU's virt machine, as far as it is read, with the nodes of which `has` says so.
fn virt(has: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut tree = Builder::default();
    tree.node("", |root| {
        root.cells("#address-cells", &[2]);
        root.cells("#size-cells", &[2]);
        let mut node = |name: &str, inside: &dyn Fn(&mut Builder)| {
            if has(name) {
                root.node(name, inside);
            }
        };
        node("psci", &|psci| {
            let versions: &[u8] = b"arm,psci-1.0\0arm,psci-0.2\0arm,psci\0";
            psci.property("compatible", if has("psci-0.2") { versions } else { b"arm,psci\0" });
            psci.text("method", if has("smc") { "hvc" } else { "fax" });
        });
        node("memory@40000000", &|memory| {
            memory.cells("reg", &[0, 0x4000_0000, 0, 0x2000_0000]);
            memory.text("device_type", "memory");
        });
        node("pl011@9000000", &|uart| {
            uart.property("compatible", b"arm,pl011\0arm,primecell\0");
            let address = match (has("uart below 256 MiB"), has("uart above 16 MiB")) {
                (true, true) => 0x900_0000,
                (false, _) => 0xfff_f000,
                (_, false) => 0xff_f000,
            };
            uart.cells("reg", &[0, address, 0, if address == 0xfff_f000 { 0x2000 } else { 0x1000 }]);
        });
        node("intc@8000000", &|intc| {
            intc.text("compatible", "arm,cortex-a15-gic");
            let high = if has("gic below 256 MiB") { 0 } else { 0x4000_0000 };
            intc.cells("reg", &[0, 0x800_0000, 0, 0x1_0000, 0, high + 0x801_0000, 0, 0x1_0000]);
        });
        node("fw-cfg@9020000", &|files| {
            files.text("compatible", "qemu,fw-cfg-mmio");
            files.cells("reg", &[0, 0x902_0000, 0, 0x18]);
        });
        node("flash@0", &|flash| {
            flash.text("compatible", "cfi-flash");
            flash.cells("reg", &[0, 0, 0, 0x400_0000, 0, 0x400_0000, 0, 0x400_0000]);
            flash.text("status", "disabled");
        });
        node("cpus", &|cpus| {
            cpus.cells("#address-cells", &[1]);
            cpus.cells("#size-cells", &[0]);
            for number in 0..3 {
                cpus.node(&format!("cpu@{number}"), |cpu| {
                    cpu.cells("reg", &[number]);
                    if number != 1 {
                        cpu.text("enable-method", "psci");
                    }
                });
            }
        });
        node("timer", &|timer| {
            timer
                .cells("interrupts", &[1, 13, 4, 1, 14, 4, 1, if has("ppi") { 11 } else { 12 }, 4, 1, 10, 4]);
            timer.text("compatible", "arm,armv7-timer");
        });
        node("chosen", &|chosen| {
            chosen.text("bootargs", "console=tagged");
            chosen.cells("linux,initrd-start", &[0x4800_0000]);
            chosen.cells("linux,initrd-end", &[0x4801_2345]);
        });
    });
    tree.finish()
}

#[test]
fn the_tree_of_a_virt_machine_is_copied_out() {
    let bytes = virt(|_| true);
    assert_eq!(length(&bytes[..8]), Ok(bytes.len() as u64));
    assert_eq!(console(&bytes), ("console=tagged".into(), Some(0x900_0000)));
    let tree = read(&bytes, 0).expect("nothing is missing");
    assert_eq!(tree.memory, [MemoryRange::new(0x4000_0000, 0x6000_0000)]);
    assert_eq!(tree.distributor, MemoryRange::new(0x800_0000, 0x801_0000));
    assert_eq!(tree.cpu_interface, MemoryRange::new(0x801_0000, 0x802_0000));
    assert_eq!(tree.console, Some(MemoryRange::new(0x900_0000, 0x900_1000)));
    assert_eq!(tree.module, Some(MemoryRange::new(0x4800_0000, 0x4801_2345)));
    assert_eq!((tree.psci, tree.timer_hz), (Method::Hvc, None));
    let reaching = [
        (Unit::FwCfg, MemoryRange::new(0x902_0000, 0x902_0018)),
        (Unit::Flash, MemoryRange::new(0, 0x400_0000)),
        (Unit::Flash, MemoryRange::new(0x400_0000, 0x800_0000)),
    ];
    assert_eq!(tree.hazards, reaching, "a device that is turned off can be turned on");
}

#[test]
fn a_core_that_the_firmware_does_not_start_is_not_enabled_but_for_the_boot_core() {
    let enabled = |boot_core| {
        let tree = read(&virt(|_| true), boot_core).expect("nothing is missing");
        tree.cores.iter().map(|core| core.enabled).collect::<Vec<_>>()
    };
    assert_eq!(enabled(0), [true, false, true]);
    assert_eq!(enabled(1), [true, true, true]);
    let unknown = read(&virt(|_| true), 7);
    assert_eq!(unknown, Err(TreeError::BootCore { core: 7, listed: 3 }));
}

#[test]
fn a_missing_node_is_named_with_what_was_expected_and_what_to_do() {
    for (node, error) in [
        ("psci", TreeError::PSCI),
        ("memory@40000000", TreeError::MEMORY),
        ("intc@8000000", TreeError::INTERRUPTS),
        ("cpus", TreeError::CPUS),
        ("timer", TreeError::TIMER),
        ("chosen", TreeError::CHOSEN),
    ] {
        let refused = read(&virt(|name| name != node), 0).expect_err(node);
        assert_eq!(refused, error);
        let (name, text) =
            (node.split('@').next().unwrap_or(node), alloc::string::ToString::to_string(&refused));
        assert!(text.contains(&format!("no node /{name}; expected: ")), "{text}");
    }
    let silent = read(&virt(|name| name != "pl011@9000000"), 0).expect("a console is not needed");
    assert_eq!(silent.console, None);
}

#[test]
fn properties_that_the_kernels_cannot_use_are_named() {
    let refused = read(&virt(|name| name != "smc"), 0);
    assert_eq!(refused, Err(TreeError::Method { found: "fax".into() }));
    let refused = read(&virt(|name| name != "ppi"), 0);
    assert_eq!(refused, Err(TreeError::Property { node: "timer".into(), property: "interrupts" }));
}

#[test]
fn psci_before_its_functions_had_fixed_numbers_is_refused() {
    let refused = read(&virt(|name| name != "psci-0.2"), 0);
    assert_eq!(refused, Err(TreeError::PSCI));
}

#[test]
fn registers_that_kernels_have_no_address_for_are_refused() {
    for (place, node, start, end) in [
        ("gic below 256 MiB", "intc@8000000", 0x4801_0000, 0x4802_0000),
        ("uart below 256 MiB", "pl011@9000000", 0xfff_f000, 0x1000_1000),
        ("uart above 16 MiB", "pl011@9000000", 0xff_f000, 0x100_0000),
    ] {
        let refused = read(&virt(|name| name != place), 0);
        let range = MemoryRange::new(start, end);
        assert_eq!(refused, Err(TreeError::Registers { node: node.into(), range, expected: REGISTERS }));
    }
    let (_, uart) = console(&virt(|name| name != "uart above 16 MiB"));
    assert_eq!(uart, None, "nothing is printed where nothing is mapped");
}

#[test]
fn nodes_and_properties_that_a_loader_took_out_are_passed_over() {
    let bytes = virt(|_| true);
    let expected = read(&bytes, 0).expect("nothing is missing");
    let nothing = 4u32.to_be_bytes();
    let words: Vec<usize> = (56..bytes.len() - 4).step_by(4).collect();
    let mut begins = words.iter().filter(|at| bytes[**at..][..4] == BEGIN.to_be_bytes());
    let memory = begins.clone().find(|at| bytes[**at + 4..].starts_with(b"memory")).expect("it has memory");
    let next = begins.clone().find(|at| *at > memory).expect("it has more nodes");
    let mut without = bytes.clone();
    without[*memory..*next].chunks_exact_mut(4).for_each(|word| word.copy_from_slice(&nothing));
    assert_eq!(read(&without, 0), Err(TreeError::MEMORY), "the rest is still read up to the end");
    let chosen = begins.next_back().expect("it has nodes");
    assert!(bytes[chosen + 4..].starts_with(b"chosen"));
    without[*chosen + 12..][..28].chunks_exact_mut(4).for_each(|word| word.copy_from_slice(&nothing));
    assert_eq!(console(&without), (String::new(), expected.console.map(|range| range.start)));
}

#[test]
fn a_tree_that_is_changed_or_cut_at_any_byte_is_read_or_refused() {
    let bytes = virt(|_| true);
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length], 0).is_err(), "cut to {length}");
    }
    for at in 0..bytes.len() {
        for change in [0x01, 0x02, 0x03, 0x04, 0x7f, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            let _ = (read(&changed, 0), console(&changed));
        }
    }
}

#[test]
fn addresses_and_sizes_without_cells_are_no_ranges() {
    let cells = |bytes: &mut [u8], from: &[u8; 8]| {
        let at = bytes.windows(8).position(|window| window == from).expect("the root node has it");
        bytes[at + 4..at + 8].fill(0);
    };
    let mut bytes = virt(|_| true);
    // Length, place of the name, value: of #address-cells and of #size-cells, the first two properties.
    cells(&mut bytes, &[0, 0, 0, 0, 0, 0, 0, 2]);
    cells(&mut bytes, &[0, 0, 0, 15, 0, 0, 0, 2]);
    assert_eq!(read(&bytes, 0), Err(TreeError::Property { node: "intc@8000000".into(), property: "reg" }));
}

#[test]
fn something_else_in_place_of_a_tree_is_refused() {
    assert_eq!(length(&[0; 8]), Err(TreeError::NotATree { magic: 0 }));
    assert_eq!(length(&[]), Err(TreeError::NotATree { magic: 0 }));
    let mut long = virt(|_| true);
    long[4] = 0xff;
    assert!(matches!(length(&long), Err(TreeError::TooLong { .. })));
    let whole = virt(|_| true);
    assert_eq!(read(&whole[..whole.len() - 1], 0), Err(TreeError::Malformed));
}
