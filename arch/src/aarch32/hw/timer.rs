// SPDX-License-Identifier: MIT OR Apache-2.0
//! The generic timer of the core (Arm ARM, ARMv7-A, B8): the virtual counter is the clock, the virtual timer the alarm.
//!
//! All cores read the same counter, so there is no offset between instances. It may run at a frequency that is no whole
//! number of MHz; ticks are then counts times the smallest factor that makes one.

use aarch32_cpu::register::{CntVct, Cntkctl, CntvCtl, CntvCval};

use crate::Ticks;

/// Interrupt number of the virtual timer, a private interrupt of each core.
pub(super) const INTERRUPT: u32 = 27;

/// The clock of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    ticks_per_count: u32,
}

impl Clock {
    /// A clock of so many ticks in one count of the counter, at least one.
    pub const fn new(ticks_per_count: u32) -> Self {
        Self { ticks_per_count: if ticks_per_count == 0 { 1 } else { ticks_per_count } }
    }

    /// The time now. Reads of one core never go backwards; a read may be early by what the pipeline holds.
    #[inline(always)]
    pub fn now(self) -> Ticks {
        Ticks(CntVct::read().0.wrapping_mul(u64::from(self.ticks_per_count)))
    }

    /// Asks for an interrupt at `deadline`, at once if that has passed.
    #[inline]
    pub(super) fn set_deadline(self, deadline: Ticks) {
        CntvCval::write(CntvCval(self.counts(deadline)));
    }

    /// The first count at or after `deadline`, without a division where the factor is a power of two.
    #[inline]
    fn counts(self, deadline: Ticks) -> u64 {
        let last = deadline.0.saturating_add(u64::from(self.ticks_per_count - 1));
        if self.ticks_per_count.is_power_of_two() {
            last >> self.ticks_per_count.trailing_zeros()
        } else {
            last / u64::from(self.ticks_per_count)
        }
    }
}

/// Turns the alarm on, far in the future, and lets user code read the counter but not touch the timers.
pub(super) fn start() {
    CntvCval::write(CntvCval(u64::MAX));
    let mut control = CntvCtl::new_with_raw_value(0);
    control.set_enable(true);
    CntvCtl::write(control);
    let mut access = Cntkctl::new_with_raw_value(0);
    access.set_el0vcten(true);
    Cntkctl::write(access);
}

/// The alarm does not ring any more.
pub(super) fn silence() {
    CntvCtl::write(CntvCtl::new_with_raw_value(0));
}
