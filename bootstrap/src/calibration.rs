// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arithmetic of clock calibration.

use alloc::vec::Vec;
use core::fmt;

/// Largest deviation between runs that agree, as a fraction: one in a thousand.
const AGREEMENT: u64 = 1000;

/// Where the frequency of the time-stamp counter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// CPUID leaf 0x15.
    Crystal,
    /// The hypervisor's leaf 0x40000010.
    Hypervisor,
    /// Measured against the programmable interval timer.
    Pit,
    /// The same, but the runs did not agree: the least disturbed one.
    DisturbedPit,
}

/// One measurement: counter ticks between two moments that are each known up to some ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Ticks, from the middle of one moment to the middle of the other.
    pub ticks: u64,
    /// Length of both moments: large when something took the processor away during one of them.
    pub blur: u64,
}

/// One measurement of another counter against the time-stamp counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The same time in ticks of the time-stamp counter.
    pub run: Run,
    /// What the other counter counted.
    pub counted: u64,
}

impl Comparison {
    /// Frequency of the other counter in Hz.
    pub fn hz(self, tsc_mhz: u32) -> u64 {
        let scaled = u128::from(self.counted) * u128::from(tsc_mhz) * 1_000_000;
        scaled.checked_div(self.run.ticks.into()).map_or(0, |hz| hz as u64)
    }
}

impl Run {
    /// Whether both moments are known well enough for the agreement that is asked for.
    pub fn is_sharp(self) -> bool {
        self.ticks > 0 && self.blur <= self.ticks / AGREEMENT
    }
}

/// The first sharp comparison, or else the least disturbed of at most `most`, at least one.
pub fn compare(most: usize, mut measure: impl FnMut() -> Comparison) -> Comparison {
    let mut best = measure();
    for _ in 1..most {
        if best.run.is_sharp() {
            break;
        }
        let next = measure();
        if next.run.blur < best.run.blur {
            best = next;
        }
    }
    best
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crystal => "CPUID 0x15",
            Self::Hypervisor => "CPUID 0x40000010",
            Self::Pit => "PIT, three runs within 0.1 %",
            Self::DisturbedPit => "PIT, disturbed: no three runs within 0.1 %",
        })
    }
}

/// Frequency from CPUID leaf 0x15: crystal clock `ecx` times the ratio `ebx / eax`, when all three are given.
pub fn crystal_mhz(eax: u32, ebx: u32, ecx: u32) -> Option<u32> {
    let hz = (u64::from(ecx) * u64::from(ebx)).checked_div(u64::from(eax))?;
    (hz >= 1_000_000).then(|| whole_mhz(hz))
}

/// Ticks of a run once three sharp runs agree within 0.1 %: the middle one.
pub fn agreed_ticks(runs: &[Run]) -> Option<u64> {
    let mut ticks: Vec<u64> = runs.iter().filter(|run| run.is_sharp()).map(|run| run.ticks).collect();
    ticks.sort_unstable();
    let agreed = ticks.windows(3).find(|three| three[2] - three[0] <= three[0] / AGREEMENT)?;
    Some(agreed[1])
}

/// Ticks of the least disturbed run.
pub fn sharpest_ticks(runs: &[Run]) -> Option<u64> {
    runs.iter().min_by_key(|run| run.blur).map(|run| run.ticks)
}

/// Nearest whole number of megahertz.
pub fn whole_mhz(hz: u64) -> u32 {
    u32::try_from((hz + 500_000) / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crystal_leaf_counts_only_when_complete() {
        assert_eq!(crystal_mhz(2, 216, 24_000_000), Some(2592));
        assert_eq!(crystal_mhz(2, 216, 0), None);
        assert_eq!(crystal_mhz(0, 0, 0), None);
    }

    fn sharp(ticks: u64) -> Run {
        Run { ticks, blur: 10 }
    }

    #[test]
    fn three_runs_must_agree_within_a_thousandth() {
        let agreed =
            |ticks: &[u64]| agreed_ticks(&ticks.iter().map(|ticks| sharp(*ticks)).collect::<Vec<_>>());
        assert_eq!(agreed(&[100_000, 100_050]), None);
        assert_eq!(agreed(&[100_000, 100_101, 100_050]), None);
        assert_eq!(agreed(&[100_000, 130_000, 100_100, 100_050]), Some(100_050));
    }

    #[test]
    fn a_blurred_run_does_not_count_but_is_better_than_none() {
        let blurred = Run { ticks: 100_000, blur: 101 };
        assert_eq!(agreed_ticks(&[sharp(100_000), sharp(100_000), blurred]), None);
        assert_eq!(sharpest_ticks(&[blurred, sharp(99_000)]), Some(99_000));
        assert_eq!(sharpest_ticks(&[]), None);
    }

    #[test]
    fn a_comparison_is_repeated_until_it_is_sharp_and_else_the_least_disturbed_counts() {
        let measured = |blurs: &[u64]| {
            let mut blurs = blurs.iter();
            let mut counted = 0;
            compare(4, || {
                counted += 1;
                let blur = *blurs.next().expect("no more measurements than are needed");
                Comparison { run: Run { ticks: 100_000, blur }, counted }
            })
            .counted
        };
        assert_eq!(measured(&[100]), 1);
        assert_eq!(measured(&[90_000, 100]), 2);
        assert_eq!(measured(&[90_000, 5_000, 7_000, 6_000]), 2);
    }

    #[test]
    fn a_comparison_gives_the_frequency_of_the_other_counter() {
        let compared = Comparison { run: sharp(20_000_000), counted: 10_000_000 };
        assert_eq!(compared.hz(2000), 1_000_000_000);
        assert_eq!(Comparison { run: sharp(0), counted: 1 }.hz(2000), 0);
    }

    #[test]
    fn megahertz_are_rounded_to_the_nearest() {
        assert_eq!(whole_mhz(999_998_000), 1000);
        assert_eq!(whole_mhz(2_596_400_000), 2596);
    }
}
