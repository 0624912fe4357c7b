// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bounds that programs can run into.

pub use crate::machine::{DEVICE_TOP, IO_PORTS, OBJECT_MEMORY_TOP, USER_TOP, USER_TOP_PAGE};

/// Interrupt vectors a program can ask for: 0 to one less.
pub const USER_VECTORS: u64 = 108;
/// What is added to such a vector to get the CPU's.
#[doc(alias = "IRQ_OFFSET")]
pub const VECTOR_OFFSET: u64 = 48;

/// Priorities: 0 to one less.
pub const PRIORITIES: usize = 256;
/// The highest priority.
pub const MAX_PRIORITY: u64 = 255;
/// Domains.
pub const DOMAINS: u64 = 1;
/// Entries of the domain schedule; the last one is always the end marker.
pub const DOMAIN_SCHEDULES: u64 = 2;
/// The longest domain slice in ticks.
pub const MAX_DOMAIN_DURATION: u64 = (1 << 56) - 1;

/// The most objects of one Retype.
#[doc(alias = "seL4_UntypedRetypeMaxObjects")]
pub const MAX_RETYPE_OBJECTS: u64 = 256;
/// The bytes Retype clears between two preemption points.
pub const RESET_CHUNK: u64 = 1024;
/// A preemption point looks at the clock and the interrupts once in so many.
pub const WORK_UNITS_PER_PREEMPTION: u64 = 100;

/// The least budget in microseconds, which is also the least period.
pub const MIN_BUDGET_US: u64 = 20;
/// The budget of a root task's scheduling context in microseconds.
pub const ROOT_TASK_SLICE_US: u64 = 5000;

/// The longest period in microseconds with a clock of `mhz` MHz.
#[inline]
pub const fn max_period_us(mhz: u64) -> u64 {
    u64::MAX / mhz / 8
}

/// Instances on one machine.
pub const MAX_INSTANCES: usize = 255;
/// Lines of one channel.
pub const MAX_LINES: usize = 64;
/// Bytes of an instance, region, channel or device name.
pub const MAX_NAME: usize = 32;

const _: () = assert!(MAX_LINES == u64::BITS as usize);
