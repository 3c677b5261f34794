//! What of a configuration is kept for the component: its sections as they are
//! written, where they stand, and the environment for what a preset adds.

use super::preset::OwnPreset;
use super::tree::Tree;
use std::fmt;
use std::sync::Arc;

/// The environment, as a function of a variable's name.
type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A file as it is written, with its variables filled in.
#[derive(Clone, Default)]
pub(crate) struct Written {
    pub tree: Tree,
    /// What `source.preset` says, also where that section was left out.
    pub preset: Option<String>,
    /// The file that it is, if it is one.
    pub own_preset: Option<Arc<OwnPreset>>,
    pub environment: Option<Environment>,
}

/// It has secrets in it.
impl fmt::Debug for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Written(…)")
    }
}
