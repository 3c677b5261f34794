//! A preset's name → what it fills in of `[source]`, and the keys it
//! proposes for a new table.

use super::ConfigError;
use super::deserialize::nearest;
use super::tree::{Node, Value, parse};

/// The presets' names.
pub const PRESETS: &[&str] = &["spotify-top-tracks"];

/// What an artist's top tracks in each country are at Spotify. The rows need a
/// column `id`, the artist's.
const SPOTIFY_TOP_TRACKS: &str = r#"
[source]
url = "https://api.spotify.com/v1/artists/{id}/top-tracks?market={country}"
records = "/tracks"
require = ["/id", "/popularity"]

[source.matrix]
country = ["US", "CA"]

[source.attributes]
artist_id = "{id}"
country = "{country}"
country_track = "{country}#{record:/id}"

[source.auth]
type = "client-credentials"
token_url = "https://accounts.spotify.com/api/token"
client_id = "${SPOTIFY_CLIENT_ID}"
client_secret = "${SPOTIFY_CLIENT_SECRET}"

[table.preset_keys]
partition = { name = "artist_id", type = "S" }
sort = { name = "country_track", type = "S" }
"#;

/// A preset as TOML.
pub(super) fn text(name: &str) -> Result<&'static str, ConfigError> {
    if name == "spotify-top-tracks" {
        return Ok(SPOTIFY_TOP_TRACKS);
    }
    let hint = match nearest(name, PRESETS) {
        Some(name) => format!("did you mean \"{name}\"?"),
        None => format!("known presets: {}", PRESETS.join(", ")),
    };
    Err(ConfigError::invalid("source.preset", "there is no such preset").with_hint(hint))
}

/// Fills what the file doesn't give. A setting of `[source]` that it does give
/// replaces the preset's whole, so that no axis or attribute is left over;
/// `[source.auth]` is filled up if it is of the same type.
pub(super) fn fill(config: &mut Node, name: &str) -> Result<(), ConfigError> {
    let mut preset = parse(text(name)?)?;
    without_lines(&mut preset);
    if let (Some(given), Some(preset)) = (config.get_mut("source"), preset.get("source")) {
        if let (Some(given), Some(preset)) = (given.get_mut("auth"), preset.get("auth"))
            && same_type(given, preset)
        {
            fill_up(given, preset);
        }
        fill_up(given, preset);
    }
    if let (Some(given), Some(preset)) = (config.get_mut("table"), preset.get("table")) {
        fill_up(given, preset);
    }
    Ok(())
}

fn fill_up(given: &mut Node, preset: &Node) {
    let Some(preset) = preset.entries() else {
        return;
    };
    for (name, node) in preset {
        if given.get(name).is_none()
            && let Value::Table(entries) = &mut given.value
        {
            entries.push((name.clone(), node.clone()));
        }
    }
}

fn same_type(given: &Node, preset: &Node) -> bool {
    match (given.get("type"), preset.get("type")) {
        (Some(given), Some(preset)) => match (&given.value, &preset.value) {
            (Value::Text(given), Value::Text(preset)) => given == preset,
            _ => false,
        },
        (None, _) => true,
        (Some(_), None) => false,
    }
}

/// A mistake in what a preset filled in has no line in the user's file.
fn without_lines(node: &mut Node) {
    node.line = None;
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(without_lines),
        Value::Table(entries) => {
            for (_, node) in entries {
                without_lines(node);
            }
        }
        _ => {}
    }
}
