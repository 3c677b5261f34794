//! `apis.json` → descriptions of APIs. Their shapes are facts of the APIs'
//! documentation; no data of theirs is in them.

use crate::source::Refusal;
use serde::Deserialize;
use serde_json::Value;
use std::sync::LazyLock;

/// An API, and what the demo shows of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// The preset that is for it.
    pub preset: String,
    /// What people call it.
    pub name: String,
    /// Path and query of a request, with a row's columns in braces.
    pub target: String,
    /// The demo's rows, from its table of artists.
    pub query: String,
    /// What the demo sets in `[source]` beside the URL.
    pub settings: Vec<String>,
    /// What the demo asks for at the end, and what it shows of it.
    pub condition: String,
    /// The columns that it shows.
    pub columns: Vec<String>,
    /// What a request must have.
    pub(super) needs: Vec<Need>,
    /// How much it lets through.
    pub limit: Span,
    /// How it refuses what is beyond.
    pub refuses: Refusal,
    /// With which body.
    pub(super) refused: Value,
    /// Requests that fail once.
    pub(super) hiccup: Answered,
    /// Rows that it knows nothing of.
    pub(super) missing: Answered,
    /// The fewest and the most records of a row.
    pub(super) records: (u64, u64),
    /// None: all records at once.
    pub(super) pages: Option<Pages>,
    pub(super) body: Value,
    pub(super) record: Value,
}

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Requests.
    pub most: u32,
    /// The time.
    pub per_ms: u64,
    /// Whether it is counted from one reset to the next, and not in any span.
    #[serde(default)]
    pub fixed: bool,
}

/// What a request must have, and the answer to one that lacks it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Need {
    pub kind: Needed,
    pub status: u16,
    pub body: Value,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Needed {
    /// Any `User-Agent`.
    Agent,
    /// One that says whom to ask.
    Contact,
    /// A bearer token.
    Token,
    /// A bearer token, or a key in the parameter `api_key`.
    TokenOrKey,
}

/// An answer that so many in a thousand get.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answered {
    pub in_thousand: u64,
    pub status: u16,
    pub body: Value,
}

/// How records are asked for page by page.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pages {
    /// The parameter that counts.
    pub parameter: String,
    /// The first one: 1 where pages are counted, 0 where records are.
    pub first: u64,
    /// The parameter with a page's size.
    pub size_parameter: String,
    /// The size without it.
    pub size: u64,
    /// The largest.
    pub most: u64,
}

#[expect(
    clippy::expect_used,
    reason = "the file is part of the program, and the tests read it"
)]
static APIS: LazyLock<Vec<Api>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("apis.json")).expect("apis.json has the shape of Api")
});

impl Api {
    /// All of them.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &APIS
    }

    /// The one that a preset is for.
    #[must_use]
    pub fn of(preset: &str) -> Option<Self> {
        APIS.iter().find(|api| api.preset == preset).cloned()
    }

    /// The same with another limit.
    #[must_use]
    pub fn limited(self, limit: Span) -> Self {
        Self { limit, ..self }
    }
}
