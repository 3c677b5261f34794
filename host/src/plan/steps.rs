//! A source's further steps → what of them is the host's: their credentials go
//! to the component or nowhere.

use rowcast_pipeline::settings::{Mistakes, Node};

/// The source's settings without its further steps.
pub fn first(source: &Node) -> Node {
    let mut first = source.clone();
    first.remove(&["then".to_owned()]);
    first
}

/// Whether the source or one of its steps is asked by POST.
pub fn posts(source: &Node) -> bool {
    let is_post = |part: &Node| matches!(part.get("method"), Some(Node::Text(it)) if it == "POST");
    let steps = match source.get("then") {
        Some(Node::List(steps)) => steps.as_slice(),
        _ => &[],
    };
    is_post(source) || steps.iter().any(is_post)
}

/// The host authenticates requests to the source's own origin, whichever step
/// makes them. Other credentials of a step are the component's.
pub fn take_auth(source: &mut Node, mistakes: &mut Mistakes) {
    let Some(Node::List(steps)) = source.get_mut("then") else {
        return;
    };
    let mut found = Mistakes::default();
    for (index, step) in steps.iter_mut().enumerate() {
        let Some(auth) = step.get_mut("auth") else {
            continue;
        };
        let text = |name: &str| match auth.get(name) {
            Some(Node::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        if text("by") == Some("component") {
            auth.remove(&["by".to_owned()]);
        } else if text("type") != Some("none") {
            found.add_with_hint(
                format!("/then/{index}/auth"),
                "is not done by the host for a step",
                "leave it out where the step asks the origin of [source]; otherwise add \
                 `by = \"component\"`: the component is given the secret then",
            );
        }
    }
    mistakes.add_at("/source", found.into_list());
}
