// SPDX-License-Identifier: MIT OR Apache-2.0
//! Samples of one path and their statistics.

use serde::{Deserialize, Serialize};

/// All samples of one path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured; measurements of different runs with the same text are compared.
    pub path: String,
    /// Whose time the partner ran on, its priority, its address space; empty where there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scenario: String,
    /// How many instances took part.
    pub instances: u32,
    /// Number of samples.
    pub n: u64,
    /// The least sample.
    pub min: u64,
    /// The middle one; of an even number of samples the upper.
    pub median: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation of the samples.
    pub sigma: f64,
    /// 99 of 100 samples are not above it.
    pub p99: u64,
    /// The greatest sample.
    pub max: u64,
    /// The samples in ascending order: value, and how often it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<(u64, u64)>,
}

impl Measurement {
    /// Statistics of samples that are in ascending order; `None` without samples.
    pub fn new(path: &str, instances: u32, samples: Vec<(u64, u64)>) -> Option<Self> {
        let n: u64 = samples.iter().map(|&(_, count)| count).sum();
        let (&(min, _), &(max, _)) = (samples.first()?, samples.last()?);
        let sum: f64 = samples.iter().map(|&(value, count)| value as f64 * count as f64).sum();
        let mean = sum / n as f64;
        let squares: f64 =
            samples.iter().map(|&(value, count)| (value as f64 - mean).powi(2) * count as f64).sum();
        Some(Measurement {
            path: path.to_owned(),
            scenario: String::new(),
            instances,
            n,
            min,
            median: nth(&samples, n / 2)?,
            mean: rounded(mean),
            sigma: rounded((squares / n as f64).sqrt()),
            p99: nth(&samples, (n * 99).div_ceil(100).saturating_sub(1))?,
            max,
            samples,
        })
    }
}

impl Measurement {
    /// The same, measured in `scenario`.
    pub fn in_scenario(self, scenario: &str) -> Self {
        Self { scenario: scenario.to_owned(), ..self }
    }
}

/// The sample at a position of the ascending order.
fn nth(samples: &[(u64, u64)], position: u64) -> Option<u64> {
    let mut seen = 0;
    samples.iter().find_map(|&(value, count)| {
        seen += count;
        (position < seen).then_some(value)
    })
}

/// To two digits, so that reports of equal samples are equal texts everywhere.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_the_expanded_samples() {
        let measurement =
            Measurement::new("x", 1, vec![(10, 90), (20, 9), (1000, 1)]).expect("there are samples");
        assert_eq!((measurement.n, measurement.min, measurement.median), (100, 10, 10));
        assert_eq!((measurement.p99, measurement.max), (20, 1000));
        assert_eq!((measurement.mean, measurement.sigma), (20.8, 98.45));
    }

    #[test]
    fn one_sample_is_everything_at_once() {
        let measurement = Measurement::new("x", 1, vec![(7, 1)]).expect("there is a sample");
        assert_eq!(
            (measurement.min, measurement.median, measurement.p99, measurement.max, measurement.sigma),
            (7, 7, 7, 7, 0.0)
        );
    }

    #[test]
    fn no_samples_are_no_measurement() {
        assert_eq!(Measurement::new("x", 1, Vec::new()), None);
    }
}
