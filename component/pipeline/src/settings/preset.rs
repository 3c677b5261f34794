//! A preset's name → the settings that it stands for, and how they are filled
//! in where a caller's settings say nothing.

use super::mistakes::{Mistakes, nearest};
use super::tree::Node;
use rowcast_json::pointer::escaped;

/// Settings that a name stands for. `${…}` in them are credentials that a
/// caller has to give: a host may take them from its environment.
#[derive(Debug)]
pub struct Preset {
    /// What `preset` in a source's settings says.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The source's settings.
    pub source: &'static str,
    /// Settings of a table that fits.
    pub table: &'static str,
}

/// A preset's files are named like it.
macro_rules! preset {
    ($name:literal, $summary:literal) => {
        Preset {
            name: $name,
            summary: $summary,
            source: include_str!(concat!("../../presets/", $name, ".source.json")),
            table: include_str!(concat!("../../presets/", $name, ".table.json")),
        }
    };
}

/// All of them.
pub const PRESETS: &[Preset] = &[
    preset!(
        "deezer-top-tracks",
        "An artist's most popular tracks, by Deezer's API; rows need a column `id`, Deezer's \
         number of the artist."
    ),
    preset!(
        "github-issues",
        "A repository's issues and pull requests, by GitHub's REST API; rows need the columns \
         `owner` and `repo`."
    ),
    preset!(
        "listenbrainz-top-recordings",
        "The recordings of an artist that are listened to most, by ListenBrainz; rows need a \
         column `mbid`, the artist's MusicBrainz ID."
    ),
    preset!(
        "musicbrainz-recordings",
        "An artist's recordings, by MusicBrainz; rows need a column `mbid`, the artist's \
         MusicBrainz ID. Set `contact`: MusicBrainz blocks those that it can't ask."
    ),
    preset!(
        "spotify-top-tracks",
        "An artist's top tracks in each country, by Spotify's Web API; rows need a column `id`, \
         the artist's. Since February 2026 only for apps with extended quota."
    ),
    preset!(
        "tmdb-movie-credits",
        "The movies that a person played in, by The Movie Database; rows need a column `id`, the \
         person's."
    ),
];

/// Fills in what a source with a preset doesn't say. Whether the preset is known, if there
/// is one.
pub fn fill(source: &mut Node, mistakes: &mut Mistakes) -> bool {
    let Some(Node::Text(name)) = source.get("preset") else {
        return true;
    };
    let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) else {
        let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
        let hint = match nearest(name, &names) {
            Some(name) => format!("did you mean \"{name}\"?"),
            None => format!("known presets: {}", names.join(", ")),
        };
        mistakes.add_with_hint("/preset", "is not the name of a preset", hint);
        return false;
    };
    if let Some(preset) = Node::parse(preset.source, mistakes) {
        fill_from(source, &preset, |_, node| {
            (!is_placeholder(node)).then(|| without_placeholders(node))
        });
    }
    true
}

/// Fills in what a source doesn't say. A setting that it does say replaces the
/// preset's whole, so that no axis or attribute is left over; `auth` is filled
/// up if it is of the same type. `take` makes a preset's setting, by its pointer,
/// the source's, or leaves it out.
pub fn fill_from(
    source: &mut Node,
    preset: &Node,
    mut take: impl FnMut(&str, &Node) -> Option<Node>,
) {
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

fn fill_up(
    given: &mut Node,
    preset: &Node,
    at: &str,
    take: &mut impl FnMut(&str, &Node) -> Option<Node>,
) {
    let (Node::Object(given), Node::Object(preset)) = (given, preset) else {
        return;
    };
    for (name, node) in preset {
        if given.iter().all(|(known, _)| known != name) {
            let taken = take(&format!("{at}/{}", escaped(name)), node);
            given.extend(taken.map(|node| (name.clone(), node)));
        }
    }
}

fn without_placeholders(node: &Node) -> Node {
    match node {
        Node::Object(members) => Node::Object(
            members
                .iter()
                .filter(|(_, node)| !is_placeholder(node))
                .map(|(name, node)| (name.clone(), without_placeholders(node)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn is_placeholder(node: &Node) -> bool {
    matches!(node, Node::Text(text) if text.starts_with("${"))
}
