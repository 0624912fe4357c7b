// SPDX-License-Identifier: MIT OR Apache-2.0
//! Samples of one path, and the row that tells the host about them.
//!
//! A row holds every sample, as pairs of a value and how often it came, so that the host can compute what it likes.

use crate::interference::{self, Suffix};
use crate::lab::Partner;
use crate::stub;
use core::fmt;
use userland::{Error, report_row};

/// Samples of each path.
pub(crate) const SAMPLES: usize = 1000;
/// Rounds before the first sample.
const WARM_UP: usize = 16;

/// Samples of one path, 4 KiB on the stack. Functions that take some are not inlined into their callers, which would
/// have the samples of all of them on the stack at once.
pub(crate) struct Series {
    values: [u32; SAMPLES],
    count: usize,
}

impl Series {
    /// No samples.
    pub(crate) const fn new() -> Self {
        Self { values: [0; SAMPLES], count: 0 }
    }

    /// Samples of what `once` returns, after rounds that do not count.
    pub(crate) fn take(once: impl FnMut() -> Result<u64, Error>) -> Result<Self, Error> {
        Self::take_some(SAMPLES, once)
    }

    /// The same with fewer samples, for what takes long.
    pub(crate) fn take_some(
        samples: usize,
        mut once: impl FnMut() -> Result<u64, Error>,
    ) -> Result<Self, Error> {
        let [series] = Self::take_each(samples, || Ok([once()?]))?;
        Ok(series)
    }

    /// Several paths that `once` takes one after the other.
    pub(crate) fn take_each<const N: usize>(
        samples: usize,
        mut once: impl FnMut() -> Result<[u64; N], Error>,
    ) -> Result<[Self; N], Error> {
        let mut all = [const { Self::new() }; N];
        for round in 0..WARM_UP + samples {
            interference::begin_round();
            let values = once()?;
            if round >= WARM_UP {
                all.iter_mut().zip(values).for_each(|(series, value)| series.push(value));
            }
        }
        Ok(all)
    }

    /// Two such paths.
    pub(crate) fn take_two(once: impl FnMut() -> Result<[u64; 2], Error>) -> Result<[Self; 2], Error> {
        Self::take_each(SAMPLES, once)
    }

    /// Adds a sample while there is room.
    pub(crate) fn push(&mut self, value: u64) {
        if let Some(place) = self.values.get_mut(self.count) {
            *place = stub::elapsed(value);
            self.count += 1;
        }
    }

    /// The least sample.
    pub(crate) fn min(&self) -> u64 {
        self.values[..self.count].iter().copied().min().map_or(0, u64::from)
    }

    /// Subtracts `cost` from every sample and reports them, with what others were doing.
    pub(crate) fn report(self, path: impl fmt::Display, cost: u64) {
        self.report_row(path, cost, None);
    }

    /// The same for a path with a partner, with whom it was measured.
    pub(crate) fn report_with(self, path: impl fmt::Display, cost: u64, partner: Partner) {
        self.report_row(path, cost, Some(partner));
    }

    fn report_row(mut self, path: impl fmt::Display, cost: u64, partner: Option<Partner>) {
        let values = &mut self.values[..self.count];
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        values.iter_mut().for_each(|value| *value = value.saturating_sub(cost));
        values.sort_unstable();
        let (min, median) = (values.first(), values.get(values.len() / 2));
        let (Some(min), Some(median)) = (min, median) else { return };
        let (count, runs, scenario) = (values.len(), Runs(values), Scenario(partner));
        report_row(format_args!(
            "{{\"path\":\"{path}{Suffix}\",{scenario}\"n\":{count},\"min\":{min},\"median\":{median},\"samples\":[{runs}]}}"
        ));
    }
}

/// Says that a path is not measured, and why.
pub(crate) fn omit(path: impl fmt::Display, why: &str) {
    report_row(format_args!("{{\"omitted\":\"{path}\",\"why\":\"{why}\"}}"));
}

/// The member of a row that says with whom it was measured; nothing without a partner.
struct Scenario(Option<Partner>);

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |partner| write!(f, "\"scenario\":\"{partner}\","))
    }
}

/// Sorted values as `[value, count]` pairs.
struct Runs<'a>(&'a [u32]);

impl fmt::Display for Runs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, run) in self.0.chunk_by(|a, b| a == b).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}[{},{}]", run[0], run.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{LOWER, Place};

    #[test]
    fn equal_samples_are_told_once_with_their_number() {
        assert_eq!(Runs(&[3, 3, 4, 9, 9, 9]).to_string(), "[3,2],[4,1],[9,3]");
    }

    #[test]
    fn a_row_says_what_its_partner_was_made_of() {
        let shown = |partner| Scenario(partner).to_string();
        let passive = Partner::passive(Place::Elsewhere);
        let text = "\"scenario\":\"passive partner of equal priority in another address space\",";
        assert_eq!(shown(Some(passive)), text);
        let text = "\"scenario\":\"active partner of lower priority in the same address space\",";
        assert_eq!(shown(Some(Partner::active(Place::Here, LOWER))), text);
        assert_eq!(shown(None), "");
    }

    #[test]
    fn warm_up_rounds_do_not_count() {
        let mut calls = 0;
        let series = Series::take(|| {
            calls += 1;
            Ok(calls)
        });
        let series = series.expect("nothing was refused");
        assert_eq!((calls as usize, series.count), (WARM_UP + SAMPLES, SAMPLES));
        assert_eq!(series.values[0] as usize, WARM_UP + 1);
    }
}
