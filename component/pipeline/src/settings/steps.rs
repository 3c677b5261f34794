//! A source's settings → the same with its steps filled in: what a step doesn't
//! say is taken from its preset, and from the source if both ask one origin.

use super::mistakes::Mistakes;
use super::preset;
use super::source::origin;
use super::tree::Node;

/// What the requests to one origin have in common.
const COMMON: [&str; 9] = [
    "auth",
    "headers",
    "accept",
    "contact",
    "rate",
    "retry",
    "concurrency",
    "request_timeout_ms",
    "max_body_bytes",
];

/// Fills in the settings of each step.
pub fn fill(source: &mut Node, mistakes: &mut Mistakes) {
    let common: Vec<_> = COMMON
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), source.get(name)?.clone())))
        .collect();
    let asked = origin_of(source);
    let Some(Node::List(steps)) = source.get_mut("then") else {
        return;
    };
    for (index, step) in steps.iter_mut().enumerate() {
        let mut found = Mistakes::default();
        preset::fill(step, &mut found);
        mistakes.add_under(&format!("/then/{index}"), found);
        if step.get("then").is_some() {
            mistakes.add_with_hint(
                format!("/then/{index}/then"),
                "is inside of a step",
                "write all steps one after another in `then`",
            );
        }
        if asked.is_none() || origin_of(step) != asked {
            continue;
        }
        if let Node::Object(members) = step {
            for (name, node) in &common {
                if !members.iter().any(|(known, _)| known == name) {
                    members.push((name.clone(), node.clone()));
                }
            }
        }
    }
}

/// The origin that a source or a step asks.
#[must_use]
pub fn origin_of(source: &Node) -> Option<String> {
    match source.get("url") {
        Some(Node::Text(url)) => Some(origin(url)),
        _ => None,
    }
}
