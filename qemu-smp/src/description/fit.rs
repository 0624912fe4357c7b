// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a description fits a machine and its programs: refusals, shown at the place that caused them.

use memory_partition::{CoreError, DeviceError, Firmware, Footprint, Plan, PlanError, SizeError, plan};
use skerry_system::{Description, Item};

use super::mistakes::{Mistake, render};
use super::{Loaded, places};
use crate::failure::Failure;
use crate::launch::ImageMistake;

/// What every instance needs at least for its kernel and root task, its root CNode not counted: the boot code, which
/// knows the programs, computes it exactly.
const LEAST_RESERVE: u64 = 1 << 20;

impl Loaded {
    /// Divides a machine as described, or says what does not fit.
    pub fn plan(&self, firmware: &Firmware) -> Result<Plan, Failure> {
        plan(firmware, &self.description, &least_footprints(&self.description))
            .map_err(|error| self.refusal(&error))
    }

    /// What is wrong with the programs that the description names, each at its place.
    pub fn image_mistakes(&self, mistakes: &[ImageMistake]) -> Failure {
        let mistakes: Vec<Mistake> = mistakes
            .iter()
            .map(|ImageMistake { item, field, text }| {
                let (what, help) = text.split_once("; ").unwrap_or((text, ""));
                Mistake::new(self.places.find(*item, field), what).help(help)
            })
            .collect();
        Failure::bad_input(render(&self.source.name, &self.source.text, &mistakes))
    }

    fn refusal(&self, error: &PlanError) -> Failure {
        let text = error.to_string();
        let (what, help) = text.split_once("; ").unwrap_or((&text, ""));
        let Some((item, field)) = self.cause(error) else { return Failure::bad_input(text) };
        let mistake = Mistake::new(self.places.find(item, field), what).help(help);
        Failure::bad_input(render(&self.source.name, &self.source.text, &[mistake]))
    }

    /// The item and field that an error is about; none when it is about the machine.
    fn cause(&self, error: &PlanError) -> Option<(Item, &'static str)> {
        let description = &self.description;
        let instance =
            |name: &str| description.instances.iter().position(|i| i.name == name).map(Item::Instance);
        let region = |name: &str| description.regions.iter().position(|r| r.name == name).map(Item::Region);
        let device = |name: &str| description.devices.iter().position(|d| d.name == name).map(Item::Device);
        let program =
            |name: &str| description.programs.iter().position(|p| p.name == name).map(Item::Program);
        Some(match error {
            PlanError::Core(CoreError::TooFew { cores, .. }) => (Item::Instance(*cores), places::WHOLE),
            PlanError::Core(CoreError::NoSuchCore { instance: name, .. }) => (instance(name)?, "core"),
            PlanError::Size(SizeError::Region { region: name, .. }) => (region(name)?, "size"),
            PlanError::Size(SizeError::CNode { instance: name, .. }) => (instance(name)?, "cnode_bits"),
            PlanError::Size(
                SizeError::Pages { instance: name, .. }
                | SizeError::Partition { instance: name, .. }
                | SizeError::Reserve { instance: name, .. },
            ) => (instance(name)?, "memory"),
            PlanError::Device(DeviceError::RegistersTaken { device: name, .. }) => (device(name)?, "base"),
            PlanError::Device(DeviceError::Reaches { device: name, kind, .. }) => {
                (device(name)?, kind.field())
            }
            PlanError::Device(DeviceError::NoPorts { device: name, .. }) => (device(name)?, "first"),
            PlanError::Device(DeviceError::NoSuchIoApic { device: name, .. }) => (device(name)?, "index"),
            PlanError::Device(DeviceError::IoApicCannotReach { device: name, .. }) => {
                (device(name)?, "owner")
            }
            PlanError::Device(DeviceError::MessageCannotReach { program: name, .. }) => {
                (program(name)?, "instance")
            }
            PlanError::Description(error) => (error.item, error.field),
            PlanError::FootprintCount { .. } | PlanError::Core(_) | PlanError::Firmware(_) => return None,
        })
    }
}

/// Footprints for when programs and kernel are not known yet: at least this much is needed.
pub fn least_footprints(description: &Description) -> Vec<Footprint> {
    let slots = |bits: u8| 1u64 << (u32::from(bits) + 5);
    let of = |bits| Footprint { reserve_bytes: LEAST_RESERVE + slots(bits), record_bytes: 0 };
    description.instances.iter().map(|instance| of(instance.cnode_bits)).collect()
}
