//! A preset of one's own: a TOML file with `[source]` and `[table]` as the
//! built-in presets have them → settings, and where in that file they stand.

use super::tree::Tree;
use super::{ConfigError, Keys};
use rowcast_pipeline::settings::{self, Mistakes, Node};
use std::fs;
use std::path::{Path, PathBuf};

/// A file in place of a built-in preset.
#[derive(Clone)]
pub(crate) struct OwnPreset {
    /// As messages name it.
    pub path: PathBuf,
    /// What it has.
    pub tree: Tree,
}

impl OwnPreset {
    /// Whether `source.preset` names a file, and not a built-in preset.
    pub fn is_file(name: &str) -> bool {
        Path::new(name)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
    }

    /// Reads it. Paths are relative to the configuration's folder.
    pub fn read(name: &str, folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(name);
        let text = fs::read_to_string(&path).map_err(|source| ConfigError::ReadPreset {
            path: path.clone(),
            source,
        })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: PathBuf) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        let tree = Tree::parse(text, &mut mistakes).map_err(|error| error.in_file(&path))?;
        if let Node::Object(members) = &tree.node {
            for (name, member) in members {
                let at = format!("/{}", settings::escaped(name));
                match name.as_str() {
                    "source" | "table" if member.is_object() => {}
                    "source" | "table" => mistakes.add(at, "must be a table"),
                    "summary" if matches!(member, Node::Text(_)) => {}
                    "summary" => mistakes.add(at, "must be text"),
                    _ => mistakes.add_with_hint(
                        at,
                        "is not part of a preset",
                        "a preset has [source], [table] and a `summary`",
                    ),
                }
            }
        }
        if tree.node.get("source").is_none() {
            mistakes.add("/source", "is missing: a preset is about a source");
        }
        let path_to = |name: &str| ["source".to_owned(), name.to_owned()];
        if tree.node.at(&path_to("preset")).is_some() {
            mistakes.add("/source/preset", "can't be in a preset");
        }
        if let Some(Node::Object(members)) = tree.node.get("table") {
            for (name, member) in members {
                if name != "keys" {
                    let at = format!("/table/{}", settings::escaped(name));
                    mistakes.add(at, "is not part of a preset: of [table] it has `keys` only");
                    continue;
                }
                let mut found = Mistakes::default();
                let _: Option<Keys> = settings::read(member.clone(), &mut found);
                mistakes.add_at("/table/keys", found.into_list());
            }
        }
        let own = Self { path, tree };
        if mistakes.is_empty() {
            return Ok(own);
        }
        let problems = own.tree.places.problems(mistakes).into_iter();
        let problems = problems.map(|problem| problem.in_file(&own.path));
        Err(ConfigError::Invalid(problems.collect()))
    }

    /// The settings of its `[source]`.
    pub fn source(&self) -> Node {
        let source = self.tree.node.get("source");
        source.cloned().unwrap_or(Node::Object(Vec::new()))
    }

    /// The keys that it proposes for a new table.
    pub fn keys(&self) -> Option<Keys> {
        let path = ["table".to_owned(), "keys".to_owned()];
        settings::read(self.tree.node.at(&path)?.clone(), &mut Mistakes::default())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_file() {
        for (name, expected) in [
            ("./mine.toml", true),
            ("mine.toml", true),
            ("/etc/rowcast/mine.TOML", true),
            ("deezer-top-tracks", false),
            ("mine.json", false),
            ("toml", false),
        ] {
            assert_eq!(OwnPreset::is_file(name), expected, "{name}");
        }
    }

    #[test]
    fn what_it_has() {
        let parse = |text: &str| OwnPreset::parse(text, "mine.toml".into());
        let own = parse(
            "summary = 'Albums.'\n[source]\nurl = 'https://a.example/{id}'\n\
             [table.keys]\npartition = { name = 'id', type = 'S' }",
        );
        let own = own.map_err(|error| error.to_string()).unwrap();
        assert_eq!(own.keys().unwrap().to_string(), "id (S)");
        assert!(own.source().get("url").is_some());
        let check = |text: &str, expected: &str| {
            let error = parse(text).err().unwrap();
            assert_eq!(error.to_string(), expected, "{text}");
        };
        check(
            "[source]\nurl = 'x'\npreset = 'y'\n[table]\nname = 'z'\nkeys = 1\n[sorce]\n",
            "the configuration has 4 problems:\n  \
             `source.preset` (mine.toml, line 3) can't be in a preset\n  \
             `table.name` (mine.toml, line 5) is not part of a preset: of [table] it has `keys` only\n  \
             `table.keys` (mine.toml, line 6) is a whole number; it must be an object\n  \
             `sorce` (mine.toml, line 7) is not part of a preset\n    \
             hint: a preset has [source], [table] and a `summary`",
        );
        check(
            "",
            "`source` (mine.toml) is missing: a preset is about a source",
        );
        check("[source", "mine.toml:1:8: unclosed table, expected `]`");
    }
}
