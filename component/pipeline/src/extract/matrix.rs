//! Axes and rows → combinations, counted and looked up by index. Nothing is
//! multiplied out.

use crate::bindings::exports::rowcast::pipeline::extract::Axis;
use std::collections::HashSet;

/// Checked axes.
pub struct Matrix<'a> {
    axes: &'a [Axis],
    combinations: u32,
}

/// Why axes are no matrix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// An axis without values would make no requests.
    #[error("the axis `{0}` has no values; it needs at least one")]
    Empty(String),
    /// An axis without a name.
    #[error("an axis of the matrix has no name")]
    Nameless,
    /// Two axes have one name.
    #[error("two axes are named `{0}`")]
    Duplicate(String),
    /// Cells are counted in 32 bits.
    #[error("rows times combinations is more than 4294967295 requests; give fewer rows per call")]
    TooMany,
}

impl<'a> Matrix<'a> {
    /// Checks the axes, and that `rows` rows of them can be counted.
    pub fn new(axes: &'a [Axis], rows: usize) -> Result<Self, MatrixError> {
        let mut names = HashSet::new();
        let mut combinations = 1_u32;
        for axis in axes {
            if axis.name.is_empty() {
                return Err(MatrixError::Nameless);
            }
            if axis.values.is_empty() {
                return Err(MatrixError::Empty(axis.name.clone()));
            }
            if !names.insert(&axis.name) {
                return Err(MatrixError::Duplicate(axis.name.clone()));
            }
            combinations = u32::try_from(axis.values.len())
                .ok()
                .and_then(|values| combinations.checked_mul(values))
                .ok_or(MatrixError::TooMany)?;
        }
        u32::try_from(rows)
            .ok()
            .and_then(|rows| rows.checked_mul(combinations))
            .ok_or(MatrixError::TooMany)?;
        Ok(Self { axes, combinations })
    }

    /// How many combinations there are; 1 without axes.
    #[must_use]
    pub fn combinations(&self) -> u32 {
        self.combinations
    }

    /// The axes' names.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.axes.iter().map(|axis| axis.name.as_str())
    }

    /// An axis's value in a combination; the last axis changes fastest.
    #[must_use]
    pub fn get(&self, combination: u32, name: &str) -> Option<&'a str> {
        let mut rest = usize::try_from(combination).ok()?;
        for axis in self.axes.iter().rev() {
            let place = rest.checked_rem(axis.values.len())?;
            if axis.name == name {
                return axis.values.get(place).map(String::as_str);
            }
            rest = rest.checked_div(axis.values.len())?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(axes: &[(&str, &[&str])]) -> Vec<Axis> {
        let parse = |(name, values): &(&str, &[&str])| Axis {
            name: (*name).to_owned(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        };
        axes.iter().map(parse).collect()
    }

    fn check(list: &[(&str, &[&str])], rows: usize, expected: &str) {
        let axes = axes(list);
        let shown = match Matrix::new(&axes, rows) {
            Ok(matrix) => (0..matrix.combinations())
                .map(|combination| {
                    let value = |name| matrix.get(combination, name).unwrap_or("?");
                    matrix.names().map(value).collect::<String>()
                })
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{list:?}");
    }

    #[test]
    fn the_last_axis_changes_fastest() {
        check(&[], 3, "");
        check(&[("a", &["1", "2"])], 3, "1 2");
        check(
            &[("a", &["1", "2"]), ("b", &["x", "y", "z"])],
            1,
            "1x 1y 1z 2x 2y 2z",
        );
        check(
            &[("a", &["1"]), ("b", &["x", "y"]), ("c", &["p", "q"])],
            0,
            "1xp 1xq 1yp 1yq",
        );
        check(
            &[("a", &[])],
            1,
            "the axis `a` has no values; it needs at least one",
        );
        check(&[("a", &["1"]), ("a", &["2"])], 1, "two axes are named `a`");
        check(&[("", &["1"])], 1, "an axis of the matrix has no name");
    }

    #[test]
    fn cells_fit_32_bits() {
        let ten = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let wide = axes(&[("a", &ten)]);
        assert!(Matrix::new(&wide, 429_496_729).is_ok());
        assert_eq!(
            Matrix::new(&wide, 429_496_730).err(),
            Some(MatrixError::TooMany)
        );
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let deep = axes(&names.map(|name| (name, ten.as_slice())));
        assert_eq!(Matrix::new(&deep, 0).err(), Some(MatrixError::TooMany));
    }
}
