//! Axes and rows → combinations, counted and looked up by index. Nothing is
//! multiplied out.

use crate::settings::{Axis, Mistakes};
use rowcast_json::pointer::escaped;
use std::collections::HashSet;

/// Checked axes.
pub struct Matrix<'a> {
    axes: &'a [Axis],
    combinations: u32,
}

impl<'a> Matrix<'a> {
    /// Checks the axes.
    pub fn new(axes: &'a [Axis], mistakes: &mut Mistakes) -> Self {
        let mut names = HashSet::new();
        let mut combinations = 1_u32;
        for axis in axes {
            let at = format!("/matrix/{}", escaped(&axis.name));
            if axis.name.is_empty() {
                mistakes.add(&at, "has no name");
            }
            if axis.values.is_empty() && !mistakes.is_inside(&at) {
                mistakes.add(&at, "has no values; it needs at least one");
            }
            let different: HashSet<_> = axis.values.iter().collect();
            if different.len() < axis.values.len() {
                mistakes.add(&at, "has a value twice");
            }
            if !names.insert(&axis.name) {
                mistakes.add(&at, "is given twice");
            }
            let product = u32::try_from(axis.values.len()).ok();
            let product = product.and_then(|values| combinations.checked_mul(values));
            combinations = product.unwrap_or_else(|| {
                mistakes.add("/matrix", "has more than 4294967295 combinations");
                u32::MAX
            });
        }
        Self { axes, combinations }
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
    #![expect(
        clippy::indexing_slicing,
        reason = "a test stops at the first surprise"
    )]
    use super::*;

    fn axes(axes: &[(&str, &[&str])]) -> Vec<Axis> {
        let parse = |(name, values): &(&str, &[&str])| Axis {
            name: (*name).to_owned(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        };
        axes.iter().map(parse).collect()
    }

    fn check(list: &[(&str, &[&str])], expected: &str) {
        let axes = axes(list);
        let mut mistakes = Mistakes::default();
        let matrix = Matrix::new(&axes, &mut mistakes);
        let shown = if mistakes.is_empty() {
            (0..matrix.combinations())
                .map(|combination| {
                    let value = |name| matrix.get(combination, name).unwrap_or("?");
                    matrix.names().map(value).collect::<String>()
                })
                .collect::<Vec<_>>()
                .join(" ")
        } else {
            mistakes.to_string()
        };
        assert_eq!(shown, expected, "{list:?}");
    }

    #[test]
    fn the_last_axis_changes_fastest() {
        check(&[], "");
        check(&[("a", &["1", "2"])], "1 2");
        check(
            &[("a", &["1", "2"]), ("b", &["x", "y", "z"])],
            "1x 1y 1z 2x 2y 2z",
        );
        check(
            &[("a", &["1"]), ("b", &["x", "y"]), ("c", &["p", "q"])],
            "1xp 1xq 1yp 1yq",
        );
        check(
            &[("a", &[])],
            "/matrix/a has no values; it needs at least one",
        );
        check(&[("a", &["1"]), ("a", &["2"])], "/matrix/a is given twice");
        check(&[("a", &["1", "2", "1"])], "/matrix/a has a value twice");
        check(&[("", &["1"])], "/matrix/ has no name");
        check(
            &[("", &["1"]), ("b/c", &[])],
            "/matrix/ has no name; /matrix/b~1c has no values; it needs at least one",
        );
    }

    #[test]
    fn combinations_fit_32_bits() {
        let ten = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let axes = axes(&names.map(|name| (name, ten.as_slice())));
        let mut mistakes = Mistakes::default();
        Matrix::new(&axes[..9], &mut mistakes);
        assert!(mistakes.is_empty());
        Matrix::new(&axes, &mut mistakes);
        assert_eq!(
            mistakes.to_string(),
            "/matrix has more than 4294967295 combinations"
        );
    }
}
