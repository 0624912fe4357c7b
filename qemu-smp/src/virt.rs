// SPDX-License-Identifier: MIT OR Apache-2.0
//! What QEMU's virt machine tells the boot code, as far as a plan depends on it: for plans before anything boots.

use memory_partition::{Core, Firmware, MemoryRange};

/// Where its memory begins.
const MEMORY: u64 = 0x4000_0000;
/// A kernel reaches so much of it; the rest stays unused.
const MOST_MEMORY: u64 = 0x7000_0000;

/// The record of a machine with so many cores and so much memory.
pub fn firmware(cpus: u32, memory: u64) -> Firmware {
    let cores = (0..cpus).map(|number| Core { apic_id: number, enabled: true, node: 0 });
    let usable = vec![MemoryRange::of_size(MEMORY, memory.min(MOST_MEMORY))];
    Firmware { usable, cores: cores.collect(), ..Firmware::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_begins_at_1_gib_and_what_a_kernel_cannot_reach_is_left_out() {
        assert_eq!(firmware(4, 512 << 20).usable, [MemoryRange::new(0x4000_0000, 0x6000_0000)]);
        assert_eq!(firmware(4, 4 << 30).usable, [MemoryRange::new(0x4000_0000, 0xb000_0000)]);
    }
}
