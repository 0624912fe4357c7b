// SPDX-License-Identifier: MIT OR Apache-2.0
//! Devices that reach beyond their owner, in QEMU: whose they are. `./x test` runs these.

mod system;

use std::path::Path;

use serde_json::Value;
use system::{Run, run};

/// Boots two instances, of which the second owns a device, with more arguments.
fn with_device(keys: &str, arguments: &[&str]) -> Run {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let program = |name: &str| {
        format!(
            "[[program]]\nname = '{name}'\ninstance = '{name}'\nimage = 'crew'\narguments = ['role=greedy']\n"
        )
    };
    let text = [
        "[[instance]]\nname = 'near'\n[[instance]]\nname = 'far'\n".to_owned(),
        program("near"),
        program("far"),
        format!("[[device]]\nname = 'it'\nowner = 'far'\n{keys}\n"),
    ];
    let path = dir.path().join("system.toml");
    std::fs::write(&path, text.concat()).expect("the description can be written");
    let path: &Path = &path;
    let path = path.to_str().expect("the path is text");
    run(&[&["--timeout", "120", path], arguments].concat())
}

fn reason(run: &Run) -> &str {
    run.document["exit"]["reason"].as_str().unwrap_or_default()
}

fn list<'a>(run: &'a Run, name: &str) -> &'a [Value] {
    run.document["report"][name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Where the registers of a unit that is nobody's begin.
fn ranges_of(run: &Run, unit: &str) -> Vec<u64> {
    let of = list(run, "nobodys").iter().filter(|part| part["unit"] == unit);
    of.map(|part| part["range"]["start"].as_u64().expect("a number")).collect()
}

const HPET: &str = "kind = 'mmio'\nbase = 0xfed00000\nsize = '4K'";

#[test]
#[ignore = "boots"]
fn an_hpet_that_sends_messages_is_its_owners_only_if_trusted() {
    // QEMU's sends what its timers are told to, whether or not they say that they can.
    let refused = with_device(HPET, &[]).expect(2);
    let expected = ["0xfed00000..0xfed01000 has HPET, which stores messages", "trusted = true"];
    assert!(expected.iter().all(|text| refused.errors.contains(text)), "{}", refused.errors);

    let trusted =
        with_device(&format!("{HPET}\ntrusted = true"), &["--", "-global", "hpet.msi=on"]).expect(0);
    assert_eq!(trusted.finished(), ["near", "far"]);
    assert!(trusted.shown.contains("hole: \"far\" is trusted with \"it\""), "{}", trusted.shown);
    let [hole] = list(&trusted, "holes") else { panic!("{}", trusted.document["report"]["holes"]) };
    assert_eq!(
        (&hole["device"], &hole["owner"], &hole["unit"]),
        (&"it".into(), &"far".into(), &"HPET".into())
    );
}

#[test]
#[ignore = "boots"]
fn what_every_pc_has_is_refused_before_anything_boots() {
    for (keys, unit) in [
        ("kind = 'ports'\nfirst = 0x510\nlast = 0x51b", "fw_cfg"),
        ("kind = 'ports'\nfirst = 0x51b\nlast = 0x520", "fw_cfg"),
        ("kind = 'ports'\nfirst = 0xcf8\nlast = 0xcff", "PCI configuration"),
        ("kind = 'ports'\nfirst = 0x64\nlast = 0x64", "keyboard controller"),
        ("kind = 'ports'\nfirst = 0x604\nlast = 0x605", "power management"),
        ("kind = 'ports'\nfirst = 0x8dff\nlast = 0x8dff", "boot console"),
        ("kind = 'ports'\nfirst = 0x8e00\nlast = 0x8e00", "kernel console"),
        ("kind = 'mmio'\nbase = 0xfed90000\nsize = '4K'", "chipset"),
        ("kind = 'mmio'\nbase = 0xb0000000\nsize = '1M'", "PCI configuration"),
        ("kind = 'mmio'\nbase = 0xffc00000\nsize = '4M'", "flash memory"),
        ("kind = 'mmio'\nbase = 0xfebff000\nsize = '4K'", "PCI function 00:1f.2"),
    ] {
        let run = with_device(keys, &[]).expect(2);
        assert!(run.errors.contains(&format!("has {unit}, which")), "{keys}\n{}", run.errors);
        assert!(run.errors.contains("trusted = true") && !run.shown.contains("boot "), "{}", run.errors);
    }
    // Its own console is nothing that an instance does not have already.
    with_device("kind = 'ports'\nfirst = 0x8e01\nlast = 0x8e01", &[]).expect(0);
}

#[test]
#[ignore = "boots"]
fn registers_of_a_pci_function_and_of_an_iommu_are_found_at_boot() {
    let devices =
        ["--", "-device", "e1000e,addr=04.0", "-device", "pci-serial,addr=05.0", "-device", "intel-iommu"];
    let found = with_device("kind = 'ports'\nfirst = 0x2f8\nlast = 0x2ff", &devices).expect(0);
    assert_eq!(ranges_of(&found, "HPET"), [0xfed0_0000], "it can be told to send, though it denies it");
    let ranges = |unit: &str| ranges_of(&found, unit);
    assert_eq!(ranges("IOMMU"), [0xfed9_0000]);
    let windows = ranges("PCI function 00:04.0");
    assert_eq!(windows.len(), 3, "registers, flash, and the table of messages: {windows:x?}");
    assert!(ranges("PCI function 00:05.0").is_empty(), "a serial port reaches nothing");
    for base in windows {
        let keys = format!("kind = 'mmio'\nbase = {base:#x}\nsize = '4K'");
        let refused = with_device(&keys, &devices).expect(2);
        assert!(reason(&refused).contains("has PCI function 00:04.0, which"), "{}", reason(&refused));
    }
}
