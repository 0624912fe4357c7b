// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the boot says of its plan and its audit: lines for people, and the whole for the runner.

use bootstrap::audit::Report;
use memory_partition::{DropReason, Dropped, InstancePlan, Plan};

use super::console::{say, tell_runner};

/// Says who owns what.
pub(crate) fn plan(plan: &Plan) {
    for (index, instance) in plan.instances.iter().enumerate() {
        say!("instance {index} {:?}: core {}, {}", instance.name, instance.apic_id, Memory(instance));
    }
    for region in &plan.regions {
        say!("region {:?}: {}, {} members", region.name, region.range, region.members.len());
    }
    for channel in &plan.channels {
        let [from, to] = [channel.from, channel.to].map(|index| &plan.instances[index].name);
        say!("channel {:?}: {from} to {to}, {} lines", channel.name, channel.lines);
    }
    for hole in &plan.holes {
        let device = &plan.devices[hole.device];
        let (name, owner, kind) = (&device.name, &plan.instances[device.owner].name, device.kind);
        say!(
            "hole: {owner:?} is trusted with {name:?}: {kind} has {}, which {}",
            hole.unit,
            hole.unit.danger()
        );
    }
    let is_unreachable = |dropped: &&Dropped| dropped.reason == DropReason::Unreachable;
    for dropped in plan.dropped.iter().filter(is_unreachable) {
        say!("memory: {} is outside the addresses that a kernel can reach", dropped.range);
    }
    let kept: u64 = plan.kept.iter().map(|kept| kept.range.size()).sum();
    say!("kept back for restart: {kept} bytes; given to nobody: {} bytes", plan.dropped_bytes());
    if let Ok(text) = serde_json::to_string(plan) {
        tell_runner(format_args!("{{\"plan\":{text}}}"));
    }
}

/// Says that the tables are what the plan wants.
pub(crate) fn audit(found: &Report) {
    say!("{found}");
    let Report { instances, mappings, .. } = found;
    tell_runner(format_args!("{{\"audit\":{{\"instances\":{instances},\"mappings\":{mappings}}}}}"));
}

/// Memory of an instance in a few words.
struct Memory<'a>(&'a InstancePlan);

impl core::fmt::Display for Memory<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let instance = self.0;
        for (index, range) in instance.partition.iter().enumerate() {
            write!(f, "{}{range}", if index == 0 { "partition " } else { " + " })?;
        }
        let pieces = instance.untyped.iter().filter(|untyped| !untyped.device).count();
        write!(f, ", untyped {} bytes in {pieces} pieces", instance.untyped_bytes())
    }
}
