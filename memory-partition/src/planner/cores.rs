// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which instance runs on which core.

use alloc::vec::Vec;

use crate::{Core, CoreError, Firmware};
use skerry_system::Description;

/// The core of each instance: first what the description names, then the free ones in firmware order.
///
/// Core numbers of a description count enabled cores only, the boot core first. That makes core 0 the
/// boot core on every machine, whatever the order of its tables.
pub(super) fn assign(firmware: &Firmware, description: &Description) -> Result<Vec<Core>, CoreError> {
    let cores = numbered(firmware)?;
    let instances = &description.instances;
    if instances.len() > cores.len() {
        return Err(CoreError::TooFew { instances: instances.len(), cores: cores.len() });
    }
    let mut free = alloc::vec![true; cores.len()];
    let mut numbers = Vec::with_capacity(instances.len());
    for (i, instance) in instances.iter().enumerate() {
        // Instance 0 continues on the core that boots.
        let number = if i == 0 { Some(0) } else { instance.core.map(|core| core as usize) };
        if let Some(number) = number {
            let taken = free.get_mut(number).ok_or_else(|| CoreError::NoSuchCore {
                instance: instance.name.clone(),
                core: number as u32,
                cores: cores.len(),
            })?;
            *taken = false;
        }
        numbers.push(number);
    }
    let mut next = (0..cores.len()).filter(|&number| free[number]);
    let number = |named: Option<usize>| named.or_else(|| next.next());
    let assigned: Vec<_> = numbers.into_iter().filter_map(number).map(|number| cores[number]).collect();
    Ok(assigned)
}

/// Enabled cores, the boot core first, the others in firmware order, each once.
fn numbered(firmware: &Firmware) -> Result<Vec<Core>, CoreError> {
    let enabled = || firmware.cores.iter().filter(|core| core.enabled);
    let apic_id = firmware.boot_apic_id;
    let boot =
        enabled().find(|core| core.apic_id == apic_id).ok_or(CoreError::BootCoreMissing { apic_id })?;
    let mut cores = Vec::from([*boot]);
    for core in enabled() {
        // Some firmware lists a core in two entries of different kinds.
        if !cores.iter().any(|known| known.apic_id == core.apic_id) {
            cores.push(*core);
        }
    }
    Ok(cores)
}
