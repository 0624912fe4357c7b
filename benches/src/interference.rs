// SPDX-License-Identifier: MIT OR Apache-2.0
//! Paths of one instance beside what others do: a row for each path, a column for each activity.

use crate::measurement::Measurement;

/// What stands between the name of a path and what the other instances were doing.
const CONDITION: &str = ", while others ";

/// Minimum and median of a path beside each activity, in the order of [`Interference::activities`].
type Figures = Vec<Option<(u64, u64)>>;

/// What was measured beside other instances.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interference {
    /// What the others did; the first is what the rest is compared with.
    pub activities: Vec<String>,
    /// The paths.
    pub paths: Vec<(String, Figures)>,
}

impl Interference {
    /// The paths in `measurements` that were measured beside something.
    pub fn of(measurements: &[Measurement]) -> Self {
        let mut matrix = Interference::default();
        let parts = |measurement: &Measurement| {
            let (path, activity) = measurement.path.split_once(CONDITION)?;
            Some((path.to_owned(), activity.to_owned(), (measurement.min, measurement.median)))
        };
        for (path, activity, figures) in measurements.iter().filter_map(parts) {
            let column = place(&mut matrix.activities, |known| *known == activity, || activity.clone());
            let row = place(&mut matrix.paths, |(known, _)| *known == path, || (path.clone(), Vec::new()));
            let cells = &mut matrix.paths[row].1;
            cells.resize(cells.len().max(column + 1), None);
            cells[column] = Some(figures);
        }
        matrix
    }

    /// Whether a path was measured beside something, and so belongs here.
    pub fn includes(measurement: &Measurement) -> bool {
        measurement.path.contains(CONDITION)
    }

    /// Paths whose minimum or median is not the same beside every activity.
    pub fn disturbed(&self) -> Vec<&str> {
        let is_same = |figures: &Figures| {
            figures.len() == self.activities.len() && figures.iter().all(|cell| *cell == figures[0])
        };
        self.paths.iter().filter(|(_, figures)| !is_same(figures)).map(|(path, _)| path.as_str()).collect()
    }
}

/// Where the entry is that `is` it, which is made if there is none.
fn place<T>(entries: &mut Vec<T>, is: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> usize {
    entries.iter().position(is).unwrap_or_else(|| {
        entries.push(make());
        entries.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[(&str, u64)]) -> Interference {
        let measured =
            |&(path, median)| Measurement::new(path, 3, vec![(median, 9)]).expect("there are samples");
        Interference::of(&rows.iter().map(measured).collect::<Vec<_>>())
    }

    #[test]
    fn a_path_is_a_row_and_what_others_did_is_a_column() {
        let found = matrix(&[("a, 1, while others sleep", 5), ("b", 1), ("a, 1, while others call", 6)]);
        assert_eq!(found.activities, ["sleep", "call"]);
        assert_eq!(found.paths, [("a, 1".to_owned(), vec![Some((5, 5)), Some((6, 6))])]);
    }

    #[test]
    fn a_path_is_disturbed_if_a_figure_differs_or_is_missing() {
        let rows = [
            ("same, while others sleep", 5),
            ("moved, while others sleep", 5),
            ("missing, while others sleep", 5),
            ("same, while others call", 5),
            ("moved, while others call", 6),
        ];
        assert_eq!(matrix(&rows).disturbed(), ["moved", "missing"]);
    }
}
