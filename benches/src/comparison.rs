// SPDX-License-Identifier: MIT OR Apache-2.0
//! What moved between two reports.

use serde::{Deserialize, Serialize};

use crate::measurement::Measurement;

/// The part of a report that others are compared with; the baseline of the source tree has nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The architecture that was measured.
    #[serde(default = "crate::report::first_architecture")]
    pub architecture: String,
    /// The compiler that made what was measured.
    pub compiler: String,
    /// What the numbers count.
    pub instrument: String,
    /// One entry for each path.
    pub paths: Vec<PathFigures>,
}

/// What is kept of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFigures {
    /// Its name.
    pub path: String,
    /// How many instances took part.
    pub instances: u32,
    /// The least sample.
    pub min: u64,
    /// The middle one.
    pub median: u64,
}

impl PathFigures {
    /// What is kept of a measurement.
    pub fn of(measurement: &Measurement) -> Self {
        let Measurement { path, instances, min, median, .. } = measurement;
        PathFigures { path: path.clone(), instances: *instances, min: *min, median: *median }
    }
}

/// One path whose figures differ, or that only one of the two has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path.
    pub path: String,
    /// How many instances took part.
    pub instances: u32,
    /// Minimum and median before.
    pub old: Option<(u64, u64)>,
    /// Minimum and median now.
    pub new: Option<(u64, u64)>,
}

impl Change {
    /// Whether the median grew by more than two parts in a hundred.
    pub fn is_regression(&self) -> bool {
        matches!((self.old, self.new), (Some((_, old)), Some((_, new))) if new * 100 > old * 102)
    }

    /// One line for people: what it was, what it is, by how much it moved.
    pub fn describe(&self) -> String {
        let Change { path, old, new, .. } = self;
        match (old, new) {
            (Some((_, old)), Some((_, new))) => {
                let percent = (*new as f64 - *old as f64) / *old as f64 * 100.0;
                format!("{path}: {old} -> {new} ({percent:+.1} %)")
            }
            (None, Some((_, new))) => format!("{path}: new, {new}"),
            _ => format!("{path}: no longer measured"),
        }
    }
}

/// Every path that moved, in the order of `new`, then those that `new` does not have.
pub fn changes(old: &[PathFigures], new: &[PathFigures]) -> Vec<Change> {
    let in_other = |other: &[PathFigures], path: &str| {
        other.iter().find(|figures| figures.path == path).map(|figures| (figures.min, figures.median))
    };
    let moved = new.iter().map(|figures| Change {
        path: figures.path.clone(),
        instances: figures.instances,
        old: in_other(old, &figures.path),
        new: Some((figures.min, figures.median)),
    });
    let gone = old.iter().filter(|figures| in_other(new, &figures.path).is_none()).map(|figures| Change {
        path: figures.path.clone(),
        instances: figures.instances,
        old: Some((figures.min, figures.median)),
        new: None,
    });
    moved.filter(|change| change.old != change.new).chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(path: &str, median: u64) -> PathFigures {
        PathFigures { path: path.to_owned(), instances: 1, min: median, median }
    }

    #[test]
    fn growth_of_two_percent_is_tolerated_and_more_is_not() {
        let regression =
            |old, new| changes(&[figures("a", old)], &[figures("a", new)]).iter().any(Change::is_regression);
        assert!(!regression(200, 204));
        assert!(regression(200, 205));
        assert!(!regression(200, 100));
        assert!(!regression(200, 200));
    }

    #[test]
    fn what_moved_came_or_went_is_listed_and_the_rest_is_not() {
        let old = [figures("same", 5), figures("moved", 100), figures("gone", 7)];
        let new = [figures("moved", 90), figures("same", 5), figures("came", 3)];
        let lines: Vec<String> = changes(&old, &new).iter().map(Change::describe).collect();
        assert_eq!(lines, ["moved: 100 -> 90 (-10.0 %)", "came: new, 3", "gone: no longer measured"]);
    }
}
