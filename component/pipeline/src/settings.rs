//! JSON text → the settings of a source, a table or a query, or everything
//! that is wrong with their form. The only definition of settings: their
//! schemas are derived from these types, and defaults stand nowhere else.
//!
//! What can't work although its form is right is found where it is used: by
//! `extract`, `load` and `query`, before their first request.

mod auth;
mod batch;
mod body;
mod duration;
mod format;
mod mistakes;
mod pagination;
pub mod preset;
mod query;
mod rate;
mod read;
mod retry;
mod rules;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod schema;
mod secret;
mod source;
mod steps;
mod table;
mod tree;

pub use auth::{ApiKey, Auth, Basic, Bearer, ClientCredentials, CredentialsIn, RefreshToken};
pub use batch::Batch;
pub use body::Body;
pub use duration::{Duration, milliseconds};
pub use format::{Format, RecordsAs};
pub use mistakes::{Mistake, Mistakes, UNKNOWN, nearest, within};
pub use pagination::{CursorPagination, End, LinkHeader, NextUrl, Offset, PageNumber, Pagination};
pub use query::Query;
pub use rate::Rate;
pub use read::read;
pub use retry::Retry;
pub use rowcast_json::pointer::{escaped, unescaped};
pub use rules::{
    BodyCondition, HeaderCondition, JsonType, Rule, Scalar, Statuses, Then, Unit, Wait, When,
};
pub use secret::Secret;
pub use source::{Axis, Field, Header, Method, Source, origin};
pub use steps::origin_of;
pub use table::{KeyAttribute, KeyType, Keys, Table};
pub use tree::Node;

/// Reads a source's settings; none where too little of them can be read.
pub fn source(text: &str, mistakes: &mut Mistakes) -> Option<Source> {
    let mut tree = Node::parse(text, mistakes)?;
    let is_open = !preset::fill(&mut tree, mistakes);
    steps::fill(&mut tree, mistakes);
    let mut found = Mistakes::default();
    let source = read::read(tree, &mut found);
    // What is missing, a preset that nobody knows would have given.
    let (open, told): (Vec<_>, Vec<_>) =
        (found.into_list().into_iter()).partition(|it| is_open && it.is_of_absence());
    mistakes.add_at("", told);
    source.filter(|_| open.is_empty())
}

/// Reads a list of rules that has no mistakes.
pub(crate) fn rules(text: &str) -> Vec<Rule> {
    #[derive(serde::Deserialize)]
    struct Rules {
        rules: Vec<Rule>,
    }
    let mut mistakes = Mistakes::default();
    let tree = Node::parse(&format!("{{\"rules\":{text}}}"), &mut mistakes);
    let rules = tree.and_then(|tree| read::read(tree, &mut mistakes));
    debug_assert!(mistakes.is_empty(), "{mistakes}");
    rules.map_or_else(Vec::new, |rules: Rules| rules.rules)
}

/// Reads a table's settings.
pub fn table(text: &str, mistakes: &mut Mistakes) -> Option<Table> {
    read::read(Node::parse(text, mistakes)?, mistakes)
}

/// Reads a query's settings.
pub fn query(text: &str, mistakes: &mut Mistakes) -> Option<Query> {
    read::read(Node::parse(text, mistakes)?, mistakes)
}
