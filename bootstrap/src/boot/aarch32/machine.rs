// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a machine of Arm is, from its device tree and the processor.

use alloc::string::String;

use arch::hw::Conduit;
use bootstrap::device_tree::{self, HEADER, Method, Tree, TreeError};
use bootstrap::options::{Options, Uart};
use memory_partition::{Architecture, Firmware, Hazards, IoApic, KernelRegisters, KernelUnit, Module};

use super::time::{self, Clocks};
use super::{console, cpu, gic, posture, start};
use crate::boot::console::say;
use crate::boot::error::BootError;
use crate::boot::machine::{self, Machine};
use crate::boot::physical;

/// Number of the first interrupt that is not of a core alone.
const FIRST_SHARED: u32 = 32;
/// Nothing of the tree is read below this address: there is no memory.
const MEMORY: u64 = 0x4000_0000;

/// The command line alone, before anything else is known; and where the console is.
pub(crate) fn command_line(tree: u64) -> String {
    let Ok(tree) = tree_bytes(tree) else { return String::new() };
    let (line, console) = device_tree::console(tree);
    if let Some(address) = console {
        console::set_base(address);
    }
    line
}

fn tree_bytes(address: u64) -> Result<&'static [u8], BootError> {
    let header = if address < MEMORY { &[] } else { physical::bytes(address, HEADER) };
    let length = device_tree::length(header).map_err(of_tree)?;
    Ok(physical::bytes(address, length))
}

/// Finds out what the machine is.
pub(crate) fn discover(tree: u64, options: Options) -> Result<Machine, BootError> {
    posture::check()?;
    let tree = device_tree::read(tree_bytes(tree)?, cpu::core_id()).map_err(of_tree)?;
    let clocks = time::find(tree.timer_hz)?;
    let began = cpu::timestamp();
    start::set_conduit(conduit(tree.psci));
    let interrupts = gic::init(tree.distributor.start, tree.cpu_interface.start);
    let machine = Machine {
        began,
        firmware: firmware(&tree, interrupts, &options),
        options,
        ticks_per_us: clocks.ticks_per_us,
        timer_ratio: clocks.ticks_per_count.into(),
        posture: posture::current(),
        rsdp: None,
        local_apic_page: None,
    };
    report(&machine, &tree, &clocks);
    Ok(machine)
}

fn of_tree(error: TreeError) -> BootError {
    BootError::Machine(error.into())
}

fn conduit(method: Method) -> Conduit {
    match method {
        Method::Hvc => Conduit::Hypervisor,
        Method::Smc => Conduit::SecureMonitor,
    }
}

/// The neutral record of the machine.
fn firmware(tree: &Tree, interrupts: u32, options: &Options) -> Firmware {
    let own = |unit, range| KernelRegisters { unit, range, owner: None };
    let console = tree.console.map(|range| KernelRegisters {
        unit: KernelUnit::Console,
        range,
        owner: (options.uart == Uart::Plain).then_some(0),
    });
    let registers =
        [own(KernelUnit::Distributor, tree.distributor), own(KernelUnit::CpuInterface, tree.cpu_interface)];
    let distributor = IoApic { address: tree.distributor.start, pins: interrupts, gsi_base: FIRST_SHARED };
    let module = |range| Module { range, command_line: String::new() };
    Firmware {
        architecture: Architecture::AArch32,
        usable: tree.memory.clone(),
        other: tree.reserved.clone(),
        cores: tree.cores.clone(),
        boot_apic_id: cpu::core_id(),
        io_apics: [distributor].into(),
        hazards: Hazards { registers: tree.hazards.clone(), ..Hazards::default() },
        kernel_registers: registers.into_iter().chain(console).collect(),
        modules: tree.module.into_iter().map(module).collect(),
        occupied: machine::image().into(),
        ..Firmware::default()
    }
}

fn report(machine: &Machine, tree: &Tree, clocks: &Clocks) {
    let Machine { firmware, posture, .. } = machine;
    for range in &firmware.usable {
        say!("memory: {range} usable");
    }
    let enabled = firmware.cores.iter().filter(|core| core.enabled).count();
    let mode = match tree.psci {
        Method::Hvc => "PSCI by hvc",
        Method::Smc => "PSCI by smc",
    };
    say!("cores: {enabled} enabled of {}, boot core {}, {mode}", firmware.cores.len(), firmware.boot_apic_id);
    for chip in &firmware.io_apics {
        say!("interrupts: GICv2 at {:#x}, {} shared from {}", chip.address, chip.pins, chip.gsi_base);
    }
    let Clocks { hz, ticks_per_us, .. } = clocks;
    say!("clocks: generic timer {hz} Hz, shared by the cores; {ticks_per_us} ticks in a microsecond");
    say!("posture: {posture}");
    if !posture.is_coherent() {
        say!("posture: ACTLR.SMP stays 0: coherent caches are left to the machine (docs/aarch32.md)");
    }
}
