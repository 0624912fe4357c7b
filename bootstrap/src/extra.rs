// SPDX-License-Identifier: MIT OR Apache-2.0
//! The extra bootinfo of an instance: what every seL4 root task gets, then the Skerry chunk.

use alloc::vec::Vec;

use abi::chunk::skerry::{Channel, Contents, Device, DeviceKind, Direction, Name, Peer, Region};
use abi::chunk::{self, MEMORY_MAP_LEN, RSDP_LEN, RSDP_PAYLOAD, TSC_LEN};
use abi::{Rights, SlotRegion};
use kernel::boot::Slots;
use memory_partition::{Firmware, Plan, RegionPlan};
use skerry_system::{Access, Description, Mode};

use crate::offset::Offset;

/// Type of usable memory in the firmware's map.
const USABLE: u32 = 1;
/// What the extra bootinfo of one instance is made of.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The system.
    pub description: &'a Description,
    /// Who owns what.
    pub plan: &'a Plan,
    /// The machine.
    pub firmware: &'a Firmware,
    /// The ACPI root pointer, on a machine with ACPI.
    pub rsdp: Option<[u8; RSDP_PAYLOAD]>,
    /// Whole megahertz of the clock that the kernels count.
    pub tsc_mhz: u32,
    /// Each instance's counter, measured against the boot core's.
    pub offsets: &'a [Offset],
}

/// Slots that nobody has yet: good for the length.
const NO_SLOTS: Slots = {
    const NONE: SlotRegion = SlotRegion { start: 0, end: 0 };
    Slots {
        sched_control: NONE,
        paging: NONE,
        extra_pages: NONE,
        image_frames: NONE,
        shared_frames: NONE,
        status_pages: NONE,
        controls: NONE,
        untyped: NONE,
        empty: NONE,
    }
};

impl Facts<'_> {
    /// Bytes of the extra bootinfo of instance `index`.
    pub fn len(&self, index: usize) -> usize {
        self.common() + self.skerry(index, &NO_SLOTS).len()
    }

    /// Bytes of the chunks before the Skerry chunk.
    fn common(&self) -> usize {
        self.rsdp.map_or(0, |_| RSDP_LEN) + MEMORY_MAP_LEN + TSC_LEN
    }

    /// The extra bootinfo of instance `index`, whose capabilities are in `slots`.
    pub fn encode(&self, index: usize, slots: &Slots) -> Vec<u8> {
        let mut bytes = alloc::vec![0; self.common()];
        let memory = self.memory_map();
        let root = self.rsdp.map_or(Some(0), |rsdp| chunk::write_rsdp(&mut bytes, &rsdp));
        let written = root
            .and_then(|at| Some(at + chunk::write_memory_map(&mut bytes[at..], memory)?))
            .and_then(|at| Some(at + chunk::write_tsc_frequency(&mut bytes[at..], self.tsc_mhz)?));
        debug_assert_eq!(written, Some(bytes.len()));
        bytes.extend(self.skerry(index, slots));
        bytes
    }

    /// The firmware's memory map, ascending.
    fn memory_map(&self) -> Vec<chunk::MemoryRange> {
        let usable = self.firmware.usable.iter().map(|range| (*range, USABLE));
        let other = self.firmware.other.iter().map(|other| (other.range, other.kind));
        let mut ranges: Vec<_> = usable.chain(other).collect();
        ranges.sort_unstable();
        ranges
            .into_iter()
            .map(|(range, kind)| chunk::MemoryRange { base: range.start, length: range.size(), kind })
            .collect()
    }

    /// The Skerry chunk; empty where one program owns the machine, which knows nothing of it.
    fn skerry(&self, index: usize, slots: &Slots) -> Vec<u8> {
        if self.description.mode == Mode::Plain {
            return Vec::new();
        }
        let contents = Contents {
            instance: index as u32,
            name: name(&self.plan.instances[index].name),
            own_status_slot: slots.status_pages.slots().start,
            arguments: &self.description.instances[index].root_task.arguments,
            peers: &self.peers(index, slots),
            channels: &self.channels(index),
            regions: &self.regions(index, slots),
            devices: &self.devices(index),
        };
        let mut bytes = alloc::vec![0; contents.encoded_len()];
        contents.encode(&mut bytes).expect("the buffer has the length announced");
        bytes
    }

    /// The status pages are the own one and then those of the peers, in the order of the instances.
    fn peers(&self, index: usize, slots: &Slots) -> Vec<Peer> {
        let others = self.plan.instances.iter().enumerate().filter(|(peer, _)| *peer != index);
        let offset = |of: usize| self.offsets.get(of).copied().unwrap_or_default();
        others
            .zip(1u64..)
            .map(|((peer, instance), position)| {
                let measured = Offset::between(offset(peer), offset(index));
                Peer {
                    instance: peer as u32,
                    apic_id: instance.apic_id,
                    name: name(&instance.name),
                    tsc_offset: measured.ticks,
                    tsc_uncertainty: measured.uncertainty,
                    status_slot: slots.status_pages.slots().start + position,
                    control_slot: 0,
                }
            })
            .collect()
    }

    fn channels(&self, index: usize) -> Vec<Channel> {
        let ends = self.plan.channels.iter().flat_map(|channel| {
            [
                (channel, channel.from, channel.to, Direction::Send),
                (channel, channel.to, channel.from, Direction::Receive),
            ]
        });
        ends.filter(|(_, own, ..)| *own == index)
            .map(|(channel, _, peer, direction)| Channel {
                peer: peer as u32,
                direction: direction.word() as u32,
                lines: channel.lines,
                flags: if channel.ack { Channel::ACK } else { 0 },
                name: name(&channel.name),
            })
            .collect()
    }

    fn regions(&self, index: usize, slots: &Slots) -> Vec<Region> {
        let mut next = slots.shared_frames.slots().start;
        shared_with(self.plan, index)
            .map(|(region, access)| {
                let count = region.range.size() >> region.page_bits;
                let first_slot = next;
                next += count;
                Region {
                    name: name(&region.name),
                    size: region.range.size(),
                    first_slot,
                    slot_count: count as u32,
                    page_bits: u32::from(region.page_bits),
                    rights: rights(access).0 as u32,
                    reserved: 0,
                }
            })
            .collect()
    }

    fn devices(&self, index: usize) -> Vec<Device> {
        let owned = self.plan.devices.iter().filter(|device| device.owner == index);
        owned.map(|device| self.device(device)).collect()
    }

    fn device(&self, device: &memory_partition::DeviceGrant) -> Device {
        use skerry_system::DeviceKind as Planned;
        let (kind, base, size) = match device.kind {
            Planned::Mmio { base, size } => (DeviceKind::Mmio, base, size),
            Planned::IoPorts { first, last } => {
                (DeviceKind::IoPorts, u64::from(first), u64::from(last) - u64::from(first) + 1)
            }
            Planned::IoApic { index } => {
                let chip = self.plan.io_apics.get(index as usize);
                (DeviceKind::IoApic, chip.map_or(0, |chip| chip.address), crate::program::PAGE)
            }
        };
        Device { kind: kind.word() as u32, reserved: 0, base, size, name: name(&device.name) }
    }
}

/// The regions that instance `index` is a member of, with its access, in the order of the description.
pub fn shared_with(plan: &Plan, index: usize) -> impl Iterator<Item = (&RegionPlan, Access)> {
    plan.regions.iter().filter_map(move |region| {
        let member = region.members.iter().find(|(member, _)| *member == index)?;
        Some((region, member.1))
    })
}

fn rights(access: Access) -> Rights {
    match access {
        Access::ReadOnly => Rights::READ,
        Access::ReadWrite => Rights::READ_WRITE,
    }
}

/// Descriptions are refused when a name is too long.
fn name(text: &str) -> Name {
    Name::new(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use abi::chunk::skerry::SkerryChunk;
    use abi::chunk::{ChunkId, Chunks};

    use super::*;
    use crate::testing::{description, firmware, planned};

    const RSDP: [u8; RSDP_PAYLOAD] = *b"RSD PTR .BOCHS .................... ";

    fn offsets() -> [Offset; 3] {
        [0, 100, -40].map(|ticks| Offset { ticks, uncertainty: ticks.unsigned_abs() / 10 })
    }

    /// Slots as they would be for a small image.
    fn slots() -> Slots {
        let region = |start, end| SlotRegion { start, end };
        Slots { shared_frames: region(40, 56), status_pages: region(60, 63), ..NO_SLOTS }
    }

    fn with_facts<T>(description: &Description, check: impl Fn(&Facts) -> T) -> T {
        let (plan, firmware, offsets) = (planned(), firmware(), offsets());
        check(&Facts {
            description,
            plan: &plan,
            firmware: &firmware,
            rsdp: Some(RSDP),
            tsc_mhz: 2596,
            offsets: &offsets,
        })
    }

    #[test]
    fn the_length_is_known_before_the_slots() {
        with_facts(&description(), |facts| {
            for index in 0..3 {
                assert_eq!(facts.len(index), facts.encode(index, &slots()).len());
            }
        });
    }

    #[test]
    fn a_program_that_owns_the_machine_gets_what_upstream_gives_and_nothing_else() {
        let bytes = with_facts(&Description::plain(), |facts| facts.encode(0, &slots()));
        let ids: Vec<u64> = Chunks::new(&bytes).map(|chunk| chunk.id).collect();
        let expected = [ChunkId::X86Rsdp, ChunkId::X86MemoryMap, ChunkId::X86TscFrequency].map(ChunkId::word);
        assert_eq!((ids.as_slice(), bytes.len()), (&expected[..], 1292));
        assert_eq!(&bytes[16..52], RSDP);
    }

    #[test]
    fn peers_come_with_their_status_slots_and_the_difference_of_the_clocks() {
        let bytes = with_facts(&description(), |facts| facts.encode(1, &slots()));
        let chunk = SkerryChunk::find(&bytes).expect("described systems have the chunk");
        assert_eq!((chunk.instance(), chunk.own_status_slot()), (1, 60));
        let peers: Vec<_> =
            chunk.peers().map(|peer| (peer.instance, peer.apic_id, peer.status_slot)).collect();
        assert_eq!(peers, [(0, 0, 61), (2, 2, 62)]);
        let clocks: Vec<_> = chunk.peers().map(|peer| (peer.tsc_offset, peer.tsc_uncertainty)).collect();
        assert_eq!(clocks, [(-100, 10), (-140, 14)]);
    }

    #[test]
    fn a_channel_is_named_at_both_ends_and_nowhere_else() {
        let channels = |index| {
            let bytes = with_facts(&description(), |facts| facts.encode(index, &slots()));
            let chunk = SkerryChunk::find(&bytes).expect("described systems have the chunk");
            chunk
                .channels()
                .map(|channel| (channel.peer, channel.direction, channel.has_ack()))
                .collect::<Vec<_>>()
        };
        assert_eq!(channels(0), [(1, Direction::Send.word() as u32, true)]);
        assert_eq!(channels(1), [(0, Direction::Receive.word() as u32, true)]);
        assert_eq!(channels(2), []);
    }
}
