// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stops a boot, and how it says so: a sentence for people, one line for the runner, then the core halts.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bootstrap::audit::Violation;
use bootstrap::carver::ReserveExhausted;
use bootstrap::json::Quoted;
use bootstrap::modules::ModuleError;
use bootstrap::program::ProgramError;
use memory_partition::PlanError;

use super::console::{say, tell_runner};
use super::hardware::cpu;
use super::hardware::error::MachineError;

/// Why the machine cannot be booted.
#[derive(Debug)]
pub(crate) enum BootError {
    /// What loader and firmware say of the machine cannot be used.
    Machine(MachineError),
    /// This image was built without the kernel of an instance.
    NoKernel,
    /// The modules are not what can be booted.
    Module(ModuleError),
    /// The description names a program that the system image does not hold.
    NoProgram { name: String },
    /// A program cannot be loaded.
    Program { name: String, error: ProgramError },
    /// A root task does not fit into an instance.
    Footprint(kernel::boot::BootError),
    /// The machine cannot be divided as described.
    Plan(PlanError),
    /// The plan itself breaks DISJOINT.
    PlanCheck(memory_partition::Violation),
    /// The first objects of an instance cannot be built.
    RootTask { instance: String, error: kernel::boot::BootError },
    /// An instance does not fit the part of its partition that was set aside for it.
    Reserve { instance: String, error: ReserveExhausted },
    /// The memory map lists memory that does not keep what is written to it.
    NoMemory { instance: String, address: u64 },
    /// The tables that were built break an invariant.
    Audit(Violation),
    /// A core needs more than this processor has.
    Processor(&'static str),
    /// No instance runs on the boot core.
    NoBootInstance,
    /// Cores that were started and did not answer, with their instances.
    SilentCores(Vec<String>),
    /// A core that had answered does not any more.
    LostCore { apic_id: u32 },
    /// A core runs with control registers that differ from the boot core's.
    PostureDiffers { apic_id: u32, register: &'static str, found: u64, expected: u64 },
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(error) => write!(f, "{error}"),
            Self::NoKernel => write!(f, "this boot image holds no instance kernel: build it with ./x image"),
            Self::Module(error) => write!(f, "{error}"),
            Self::NoProgram { name } => {
                write!(f, "system image has no program {name:?}, which an instance names")
            }
            Self::Program { name, error } => write!(f, "{name}: {error}"),
            Self::Plan(error) => write!(f, "{error}"),
            Self::PlanCheck(violation) => write!(f, "plan: {violation}"),
            Self::RootTask { instance, error } => write!(f, "instance {instance:?}: {error}"),
            Self::Footprint(error) => write!(f, "{error}"),
            Self::Reserve { instance, error } => write!(
                f,
                "instance {instance:?}: {} bytes more do not fit its reserve {}",
                error.wanted, error.reserve
            ),
            Self::NoMemory { instance, address } => write!(
                f,
                "instance {instance:?}: there is no memory at {address:#x}, which the memory map calls usable: check the firmware"
            ),
            Self::Audit(violation) => write!(f, "{violation}"),
            Self::Processor(what) => write!(f, "this processor lacks {what}"),
            Self::NoBootInstance => write!(f, "the plan has no instance for the boot core"),
            Self::SilentCores(cores) => write!(f, "cores that did not start: {}", cores.join(", ")),
            Self::LostCore { apic_id } => write!(f, "core {apic_id} started and does not answer any more"),
            Self::PostureDiffers { apic_id, register, found, expected } => {
                write!(f, "core {apic_id} has {register} = {found:#x}, the boot core {expected:#x}")
            }
        }
    }
}

/// Says why and stops the boot core. Cores that were started stay parked.
pub(crate) fn stop(reason: fmt::Arguments) -> ! {
    say!("boot stopped: {reason}");
    tell_runner(format_args!("{{\"boot_error\":{}}}", Quoted(reason)));
    cpu::halt()
}
