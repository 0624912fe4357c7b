// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sequence of a boot.
//!
//! ```text
//!   entry.s ─▶ boot_core_main ─▶ machine ─▶ system ─▶ plan ─▶ cores started
//!           ─▶ instances built ─▶ audit ─▶ hand-over
//! ```
//!
//! Everything before the hand-over runs on the boot core; the others are started, answer, and wait halted.
#![allow(unsafe_code)] // the machine itself: every block says why it may

mod console;
mod cores;
mod error;
#[cfg_attr(target_arch = "x86_64", path = "x86_64/mod.rs")]
#[cfg_attr(target_arch = "arm", path = "aarch32/mod.rs")]
mod hardware;
mod heap;
mod instance;
mod machine;
mod physical;
mod report;
mod root_task;
mod system;

use alloc::format;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::panic::PanicInfo;
use core::sync::atomic::AtomicU32;

use bootstrap::audit::{Audit, Roots};
use bootstrap::footprint::footprints;
use bootstrap::offset::Offset;
use bootstrap::options::Options;
use bootstrap::plant;
use bootstrap::tables::Format;
use memory_partition::{Architecture, InstancePlan, Plan};
use skerry_system::Silent;

use console::say;
use cores::Started;
use error::BootError;
use hardware::{cpu, hand_over as leaving, time};
use instance::{Built, Context, Identity};
use machine::Machine;

/// Entered once, on the boot core, from `entry.s`.
#[unsafe(no_mangle)]
extern "C" fn boot_core_main(start_info: usize) -> ! {
    heap::init();
    hardware::traps::init();
    let start_info = start_info as u64;
    let options = Options::parse(&hardware::machine::command_line(start_info));
    hardware::console::init(&options);
    if options.json {
        console::report_to_runner();
    }
    match boot(start_info, options) {
        Ok(never) => match never {},
        Err(error) => error::stop(format_args!("{error}")),
    }
}

fn boot(start_info: u64, options: Options) -> Result<Infallible, BootError> {
    let mut machine = hardware::machine::discover(start_info, options)?;
    let system = system::load(&machine.firmware)?;
    if system.description.instances.len() > 1 {
        hardware::hazards::add_devices(&mut machine.firmware.hazards);
    }
    let footprints = footprints(&machine.firmware, &system.description, &system.kernel, &system.programs)
        .map_err(BootError::Footprint)?;
    let plan = memory_partition::plan(&machine.firmware, &system.description, &footprints)
        .map_err(BootError::Plan)?;
    plan.check(&machine.firmware).map_err(BootError::PlanCheck)?;
    report::plan(&plan);

    let started = start_cores(&machine, &plan)?;
    let offsets = offsets(&plan, &started)?;

    instance::zero_shared(&plan);
    let context = Context { machine: &machine, system: &system, plan: &plan, offsets: &offsets };
    let count = plan.instances.len();
    let built = (0..count).map(|index| instance::build(&context, index)).collect::<Result<Vec<_>, _>>()?;
    audit(&machine, &plan, &built)?;
    hand_over(&machine, &built, &started)
}

/// Reads back every table. The command line may ask for a defect first, which must be found.
fn audit(machine: &Machine, plan: &Plan, built: &[Built]) -> Result<(), BootError> {
    if let Some(defect) = machine.options.plant {
        let entry = plant::plant(&mut Identity, plan, (built[0].roots.kernel, Format::NATIVE), defect);
        say!("audit: planted {defect:?} in entry {entry:x?}");
    }
    let roots: Vec<Roots> = built.iter().map(|instance| instance.roots.clone()).collect();
    let found = Audit::new(Architecture::NATIVE, plan, machine.local_apic_page, physical::read_u64)
        .run(&roots)
        .map_err(BootError::Audit)?;
    report::audit(&found);
    Ok(())
}

/// Starts the cores of all instances but the first.
fn start_cores(machine: &Machine, plan: &Plan) -> Result<Started, BootError> {
    let targets: Vec<u32> = plan.instances.iter().skip(1).map(|instance| instance.apic_id).collect();
    let page = plan.trampoline.map(|range| range.start);
    let begin = cpu::timestamp();
    let started = cores::start(machine, &targets, page);
    let elapsed = (cpu::timestamp() - begin) / time::ticks(1);
    say!("cores: {} of {} started in {elapsed} us", targets.len() - started.silent.len(), targets.len());
    refuse_silent(plan, &started)?;
    started.check_posture(&machine.posture)?;
    Ok(started)
}

/// Time-stamp counter of each instance's core against the boot core's; nothing for the boot core and silent cores, and
/// where all cores read one clock.
fn offsets(plan: &Plan, started: &Started) -> Result<Vec<Offset>, BootError> {
    if hardware::HAS_COMMON_CLOCK {
        return Ok(alloc::vec![Offset::default(); plan.instances.len()]);
    }
    let measured = started.offsets()?;
    for (apic_id, offset) in &measured {
        say!("core {apic_id}: TSC {:+} ± {} ticks from the boot core's", offset.ticks, offset.uncertainty);
    }
    let of = |instance: &InstancePlan| measured.iter().find(|(apic_id, _)| *apic_id == instance.apic_id);
    Ok(plan
        .instances
        .iter()
        .map(|instance| of(instance).map_or(Offset::default(), |(_, offset)| *offset))
        .collect())
}

/// A silent core fails the boot unless the description lets the system run without its instance.
fn refuse_silent(plan: &Plan, started: &Started) -> Result<(), BootError> {
    let is_silent = |instance: &&InstancePlan| started.silent.contains(&instance.apic_id);
    let (missed, left_out): (Vec<_>, Vec<_>) =
        plan.instances.iter().filter(is_silent).partition(|instance| instance.if_silent == Silent::Fail);
    for instance in left_out {
        say!("cores: core {} stayed silent, instance {:?} is left out", instance.apic_id, instance.name);
        // Back to waiting for a start: should it wake up late, the boot image is no longer there.
        hardware::start::give_up(instance.apic_id);
    }
    if missed.is_empty() {
        return Ok(());
    }
    let name = |instance: &&InstancePlan| format!("{} ({})", instance.apic_id, instance.name);
    Err(BootError::SilentCores(missed.iter().map(name).collect()))
}

/// Sends every core into its instance, this one last: its root task may use the memory this code runs on.
fn hand_over(machine: &Machine, built: &[Built], started: &Started) -> Result<Infallible, BootError> {
    let entry =
        |apic_id| built.iter().find(|instance| instance.apic_id == apic_id).map(|instance| instance.entry);
    say!("handing over to {} instances", built.len() - started.silent.len());
    hardware::console::hand_over();
    started.enter(entry)?;
    let own = entry(machine.firmware.boot_apic_id).ok_or(BootError::NoBootInstance)?;
    hardware::console::end();
    leaving::enter(&own, &AtomicU32::new(0), 0)
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    error::stop(format_args!("{info}"))
}
