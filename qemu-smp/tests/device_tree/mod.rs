// SPDX-License-Identifier: MIT OR Apache-2.0
//! Device trees of QEMU's virt machine with something missing, for the boot tests of AArch32.
//!
//! QEMU writes the tree of a machine to a file and takes another one. Names are replaced by others of the same length,
//! so nothing in the file moves. A machine without PSCI is one whose firmware runs in the secure state: its CPUs start
//! in the flash, where a few instructions pass the first one on to the boot image.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Machine, without what a test changes.
const MACHINE: &str = "virt,gic-version=2";
/// Words of the header of a device tree: whole size, offsets and sizes of structure and strings.
const TOTAL: usize = 4;
const STRUCTURE: (usize, usize) = (8, 36);
const STRINGS: (usize, usize) = (12, 32);
/// Where a flat image is loaded.
const IMAGE: &str = "0x40010000";

/// A device tree.
pub(crate) struct Tree(Vec<u8>);

impl Tree {
    /// The tree of a machine with so many cores, without the room for additions that QEMU leaves.
    pub(crate) fn of_machine(dir: &Path, cpus: u32) -> Self {
        let file = dir.join("machine.dtb");
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args(["-M", &format!("{MACHINE},dumpdtb={}", file.display()), "-cpu", "cortex-a15"]);
        qemu.args(["-smp", &cpus.to_string(), "-m", "512M", "-nodefaults", "-display", "none"]);
        assert!(qemu.output().is_ok_and(|output| output.status.success()), "QEMU writes its device tree");
        let mut tree = fs::read(file).expect("the device tree was written");
        let end = [STRUCTURE, STRINGS].map(|(offset, size)| word(&tree, offset) + word(&tree, size));
        let size = end.into_iter().max().unwrap_or_default();
        tree.truncate(size as usize);
        tree[TOTAL..][..4].copy_from_slice(&size.to_be_bytes());
        Tree(tree)
    }

    /// The tree with a text replaced wherever it is.
    pub(crate) fn renamed(mut self, from: &str, to: &str) -> Self {
        assert_eq!(from.len(), to.len(), "nothing moves");
        let is_there = |at: &usize| self.0[*at..].starts_with(from.as_bytes());
        let places: Vec<usize> = (0..self.0.len()).filter(is_there).collect();
        assert!(!places.is_empty(), "{from} is in the tree");
        for place in places {
            self.0[place..][..to.len()].copy_from_slice(to.as_bytes());
        }
        self
    }

    /// The tree with another value of all properties that have this one.
    pub(crate) fn with_value(mut self, from: &str, to: &str) -> Self {
        assert_eq!(from.len(), to.len(), "nothing moves");
        let size = (from.len() as u32 + 1).to_be_bytes();
        let is_there =
            |at: &usize| self.0[*at..].starts_with(&size) && self.0[at + 8..].starts_with(from.as_bytes());
        let places: Vec<usize> = (0..self.0.len() - 8).filter(is_there).collect();
        assert!(!places.is_empty(), "{from} is a value in the tree");
        for place in places {
            self.0[place + 8..][..to.len()].copy_from_slice(to.as_bytes());
        }
        self
    }

    /// Writes it to a file, and gives QEMU's arguments for a machine with it.
    pub(crate) fn arguments(&self, dir: &Path) -> Vec<String> {
        let file = dir.join("changed.dtb");
        fs::write(&file, &self.0).expect("the device tree can be written");
        ["-dtb".to_owned(), file.display().to_string()].into()
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(*bytes[at..].first_chunk().expect("a device tree has a header"))
}

/// QEMU's arguments for a machine with one core, a boot image and no PSCI.
pub(crate) fn machine_without_psci(dir: &Path, image: &Path) -> Vec<String> {
    // QEMU puts the tree to the start of the memory. Other cores wait where they start.
    let instructions: [u32; 6] = [
        0xe3a0_0000, // mov r0, #0
        0xe3e0_1000, // mvn r1, #0
        0xe3a0_2101, // mov r2, #0x40000000
        0xe300_3000, // movw r3, #0
        0xe344_3001, // movt r3, #0x4001
        0xe12f_ff13, // bx r3
    ];
    let flash = dir.join("flash.bin");
    fs::write(&flash, instructions.map(u32::to_le_bytes).concat()).expect("the flash can be written");
    let mut arguments = Tree::of_machine(dir, 1).renamed("arm,psci", "xxx,psci").arguments(dir);
    let loader = format!("loader,file={},addr={IMAGE},force-raw=on", image.display());
    let machine = ["-M", "virt,secure=on", "-bios", &flash.display().to_string(), "-device", &loader];
    arguments.extend(machine.map(str::to_owned));
    arguments
}
