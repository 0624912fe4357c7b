// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far two cores' time-stamp counters are apart, and how well that is known.

/// One counter minus another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset {
    /// The difference in ticks.
    pub ticks: i64,
    /// The true difference is at most this far away.
    pub uncertainty: u64,
}

impl Offset {
    /// The other core took `stamp` at some time between `sent` and `received` of this core's counter.
    pub fn from_exchange(sent: u64, stamp: u64, received: u64) -> Self {
        let half = received.wrapping_sub(sent).div_ceil(2);
        Offset { ticks: stamp.wrapping_sub(sent.wrapping_add(half)) as i64, uncertainty: half }
    }

    /// The first counter minus the second, both measured against a third.
    pub fn between(first: Self, second: Self) -> Self {
        Offset {
            ticks: first.ticks.wrapping_sub(second.ticks),
            uncertainty: first.uncertainty.saturating_add(second.uncertainty),
        }
    }

    /// The difference to reckon with: none where it may just as well be an error of measurement.
    pub fn applied(self) -> i64 {
        if self.ticks.unsigned_abs() > self.uncertainty { self.ticks } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_is_compared_with_the_middle_of_the_exchange() {
        assert_eq!(Offset::from_exchange(1000, 1050, 1100), Offset { ticks: 0, uncertainty: 50 });
        assert_eq!(Offset::from_exchange(1000, 50, 1101), Offset { ticks: -1001, uncertainty: 51 });
    }

    #[test]
    fn uncertainties_add_up() {
        let [first, second] =
            [(500, 20), (-300, 30)].map(|(ticks, uncertainty)| Offset { ticks, uncertainty });
        assert_eq!(Offset::between(first, second), Offset { ticks: 800, uncertainty: 50 });
    }

    #[test]
    fn an_offset_within_its_uncertainty_is_not_applied() {
        assert_eq!(Offset { ticks: -50, uncertainty: 50 }.applied(), 0);
        assert_eq!(Offset { ticks: -51, uncertainty: 50 }.applied(), -51);
    }
}
