// SPDX-License-Identifier: MIT OR Apache-2.0
//! The architectures that systems are built for: what the host's side has to know of each, and what one of them lacks.
//!
//! | | x86_64 | aarch32 |
//! |---|---|---|
//! | machine | `qemu-system-x86_64 -M q35` | `qemu-system-arm -M virt` |
//! | boot image | an ELF file with a PVH note | a flat binary, made of the ELF file (flat.rs) |
//! | consoles | a port for the boot code and each instance | one UART for all; its bytes say whose they are (tagged.rs) |
//! | cores | 255 | 8, the interfaces of a GICv2 |

use abi::Variant;
use clap::ValueEnum;
use memory_partition::Firmware;

use crate::cli::SystemOptions;
use crate::compile::Profile;
use crate::console::{Line, Source};
use crate::failure::Failure;
use crate::machine::{Accelerator, CONSOLE_PORT};
use crate::toolchain::{AARCH32, Target, X86_64};
use crate::{q35, virt};

/// An architecture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Arch {
    /// A PC: QEMU's q35
    #[default]
    #[value(name = "x86_64")]
    X86_64,
    /// 32-bit Arm: Cortex-A15 cores on QEMU's virt
    Aarch32,
}

/// A program that emulates machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Emulator {
    /// Its name on the `PATH`.
    pub program: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
}

impl Arch {
    /// All of them.
    pub const ALL: [Arch; 2] = [Arch::X86_64, Arch::Aarch32];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch32 => "aarch32",
        }
    }

    /// What kernels and programs are compiled for.
    pub fn target(self) -> Target {
        match self {
            Arch::X86_64 => X86_64,
            Arch::Aarch32 => AARCH32,
        }
    }

    /// What emulates its machine.
    pub fn emulator(self) -> Emulator {
        match self {
            Arch::X86_64 => Emulator { program: "qemu-system-x86_64", package: "qemu-system-x86" },
            Arch::Aarch32 => Emulator { program: "qemu-system-arm", package: "qemu-system-arm" },
        }
    }

    /// The machine, as QEMU names it.
    pub fn machine(self) -> &'static str {
        match self {
            Arch::X86_64 => "q35",
            Arch::Aarch32 => "virt,gic-version=2",
        }
    }

    /// The CPU model unless one is asked for; on x86_64 the one with everything QEMU can emulate or pass on.
    pub fn default_cpu(self) -> &'static str {
        match self {
            Arch::X86_64 => "max",
            Arch::Aarch32 => "cortex-a15",
        }
    }

    /// The most processors that its machine can have.
    pub fn most_cpus(self) -> u32 {
        match self {
            Arch::X86_64 => 255, // without an IOMMU
            Arch::Aarch32 => 8,
        }
    }

    /// What tells the kernels where to write.
    pub fn console_word(self) -> String {
        match self {
            Arch::X86_64 => format!("console=debugcon:{CONSOLE_PORT:#x}"),
            Arch::Aarch32 => "console=tagged".to_owned(),
        }
    }

    /// The lines out of a machine of so many instances, in the order in which QEMU connects to their sockets.
    pub fn lines(self, instances: u32, serial_owner: u32) -> Vec<Line> {
        match self {
            Arch::X86_64 => {
                let cores = (0..instances).map(Source::Core);
                [Source::Boot, Source::Serial(serial_owner)].into_iter().chain(cores).map(Line::Own).collect()
            }
            Arch::Aarch32 => vec![Line::Tagged],
        }
    }

    /// What the machine's firmware tells the boot code, as far as a plan depends on it.
    pub fn firmware(self, cpus: u32, memory: u64) -> Firmware {
        match self {
            Arch::X86_64 => q35::firmware(cpus, memory),
            Arch::Aarch32 => virt::firmware(cpus, memory),
        }
    }

    /// Whether a plan before the boot is that of the boot, to the byte.
    pub fn is_planned_exactly(self) -> bool {
        self == Arch::X86_64
    }

    /// Refuses a machine that there is not.
    pub fn check_system(self, options: &SystemOptions) -> Result<(), Failure> {
        match options.cpus {
            Some(cpus) if cpus > self.most_cpus() => Err(self.lacks(
                &format!("--cpus {cpus}"),
                &format!("its machine has {} at most, one for each interface of a GICv2", self.most_cpus()),
                &format!("a number from 1 to {}", self.most_cpus()),
            )),
            _ => Ok(()),
        }
    }

    /// Refuses variants of another architecture's ABI.
    pub fn check_variant(self, variant: Variant) -> Result<Variant, Failure> {
        match self {
            Arch::Aarch32 if variant != Variant::BASE => Err(self.lacks(
                "an ABI variant",
                "variants are builds of x86_64; here there is the one that docs/abi/aarch32.md describes",
                "no `abi`, or sel4",
            )),
            _ => Ok(variant),
        }
    }

    /// Refuses what cannot execute the guest's instructions here.
    pub fn check_accelerator(self, accelerator: Accelerator) -> Result<(), Failure> {
        match (self, accelerator) {
            (Arch::Aarch32, Accelerator::Kvm) => Err(self.lacks(
                "--accel kvm",
                "the host's CPU cannot execute its instructions",
                "--accel tcg, or nothing: auto takes it",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses to run a kernel that would not be heard.
    pub fn check_profile(self, profile: Profile) -> Result<(), Failure> {
        match (self, profile) {
            (Arch::Aarch32, Profile::Release) => Err(self.lacks(
                "--profile release",
                "a release kernel prints nothing, and the only UART cannot be given to each program",
                "--profile debug or bench; `./x image` makes release images",
            )),
            _ => Ok(()),
        }
    }

    /// What was given, why this architecture does not have it, what it has.
    pub fn lacks(self, given: &str, why: &str, expected: &str) -> Failure {
        Failure::bad_input(format!("{given} with --arch {}: {why}\n  expected: {expected}", self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(cpus: u32) -> SystemOptions {
        SystemOptions { cpus: Some(cpus), arch: Arch::Aarch32, ..SystemOptions::default() }
    }

    #[test]
    fn more_cores_than_interfaces_of_the_interrupt_controller_are_refused() {
        assert!(Arch::Aarch32.check_system(&options(8)).is_ok());
        assert!(Arch::X86_64.check_system(&options(255)).is_ok());
        let failure = Arch::Aarch32.check_system(&options(9)).expect_err("a GICv2 has eight interfaces");
        assert_eq!(
            failure.message,
            "--cpus 9 with --arch aarch32: its machine has 8 at most, one for each interface of a GICv2\n  expected: a \
             number from 1 to 8"
        );
    }

    #[test]
    fn what_only_one_architecture_has_is_refused_for_the_other() {
        for accelerator in [Accelerator::Auto, Accelerator::Tcg] {
            assert!(Arch::Aarch32.check_accelerator(accelerator).is_ok());
        }
        assert!(Arch::Aarch32.check_accelerator(Accelerator::Kvm).is_err());
        assert!(Arch::Aarch32.check_profile(Profile::Release).is_err());
        assert!(Arch::X86_64.check_accelerator(Accelerator::Kvm).is_ok());
        assert!(Arch::X86_64.check_profile(Profile::Release).is_ok());
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for arch in Arch::ALL {
            assert_eq!(Arch::from_str(arch.name(), false), Ok(arch));
        }
    }
}
