//! A component's preset → the settings that a configuration doesn't give.

use rowcast_pipeline::settings::{Node, escaped};

/// Fills in what a source doesn't say. A setting that it does say replaces the
/// preset's whole, so that no axis or attribute is left over; `auth` is filled
/// up if it is of the same type. `take` makes a preset's setting the source's,
/// with its pointer.
pub(super) fn fill(source: &mut Node, preset: &Node, mut take: impl FnMut(&str, &Node) -> Node) {
    let type_of = |node: &Node| node.get("auth").and_then(|auth| auth.get("type")).cloned();
    let given = type_of(source);
    let same_type = given.is_none() || given == type_of(preset);
    if let (true, Some(given), Some(preset)) =
        (same_type, source.get_mut("auth"), preset.get("auth"))
    {
        fill_up(given, preset, "/auth", &mut take);
    }
    fill_up(source, preset, "", &mut take);
}

fn fill_up(given: &mut Node, preset: &Node, at: &str, take: &mut impl FnMut(&str, &Node) -> Node) {
    let (Node::Object(given), Node::Object(preset)) = (given, preset) else {
        return;
    };
    for (name, node) in preset {
        if given.iter().all(|(known, _)| known != name) {
            let node = take(&format!("{at}/{}", escaped(name)), node);
            given.push((name.clone(), node));
        }
    }
}
