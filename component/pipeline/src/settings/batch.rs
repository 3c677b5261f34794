//! Several rows in one request.

use super::{Mistakes, within};
use serde::Deserialize;

/// Several rows in one request: in `url`, `{column*}` is the values of that
/// column of them all. A request that is rejected is repeated in halves, down to
/// the row that is at fault. Counts are still by row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Rows at most.
    #[cfg_attr(test, schemars(range(min = 2, max = 1_000), example = 50))]
    pub size: u32,
    /// What stands between two values, as it is in a URL.
    #[serde(default = "comma")]
    #[cfg_attr(test, schemars(example = &"&id="))]
    pub separator: String,
    /// JSON Pointer to the value of that column in each record: the rows that
    /// it belongs to. A record of no row is rejected.
    #[cfg_attr(test, schemars(example = &"/id"))]
    pub pointer: String,
}

impl Batch {
    /// Adds what can't work whatever the rest is.
    pub fn check(&self, mistakes: &mut Mistakes) {
        within(mistakes, "/batch/size", self.size.into(), 2, 1_000);
        if self.separator.is_empty() {
            mistakes.add("/batch/separator", "is empty");
        }
    }
}

fn comma() -> String {
    ",".to_owned()
}
