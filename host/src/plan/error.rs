//! Why a configuration and a component don't fit, and what to do about it.

use crate::hint::Hint;
use crate::http_out::egress::{Origin, OriginError};

/// An origin that can't be used, or isn't granted.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A setting names no usable origin.
    #[error("`{setting}` names an origin that can't be used")]
    Unusable {
        /// The setting, such as `source`.
        setting: &'static str,
        /// What is wrong with it.
        source: OriginError,
        /// Whether a template's braces stand where the origin should.
        template: bool,
    },
    /// The component names one that the configuration doesn't.
    #[error("the component wants to send requests to {0}, which the configuration doesn't name")]
    Unwritten(Origin),
    /// The source's credentials would go nowhere.
    #[error("`source.auth` is for none of the origins that `[source]` names")]
    Unauthenticated,
}

impl PlanError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Unusable { template, .. } => template.then(|| {
                Hint::new(
                    "write its scheme, host and port out: a row may not choose which server is asked",
                )
            }),
            Self::Unauthenticated => Some(Hint::new(
                "write the URL of the API in [source]: credentials go only where it says",
            )),
            Self::Unwritten(origin) => Some(Hint::new(format!(
                "to allow it, set `[egress] origins = [\"{origin}\"]` in rowcast.toml"
            ))),
        }
    }
}
