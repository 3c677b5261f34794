//! A source's further steps → what of them is the host's: their credentials go
//! to the component or nowhere.

use rowcast_pipeline::settings::{Mistakes, Node, origin_of};

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
/// makes them, where it has credentials for it (`by_host`). Other credentials of a
/// step are the component's.
pub fn take_auth(source: &mut Node, by_host: bool, mistakes: &mut Mistakes) {
    let asked = origin_of(source);
    let Some(Node::List(steps)) = source.get_mut("then") else {
        return;
    };
    let mut found = Mistakes::default();
    for (index, step) in steps.iter_mut().enumerate() {
        let is_same = asked.is_some() && origin_of(step) == asked;
        let Some(auth) = step.get_mut("auth") else {
            continue;
        };
        let text = |name: &str| match auth.get(name) {
            Some(Node::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let at = format!("/then/{index}/auth");
        if by_host && is_same {
            found.add_with_hint(
                at,
                "can't be another than the source's: the host adds that to all requests to its \
                 origin",
                "leave it out; or add `by = \"component\"` to [source.auth], too: the component \
                 is given the secrets then",
            );
        } else if text("by") == Some("component") {
            auth.remove(&["by".to_owned()]);
        } else if text("type") != Some("none") {
            found.add_with_hint(
                at,
                "is not done by the host for a step",
                "leave it out where the step asks the origin of [source]; otherwise add \
                 `by = \"component\"`: the component is given the secret then",
            );
        }
    }
    mistakes.add_at("/source", found.into_list());
}
