//! A file, or its text → preset → environment → types → checks.

use super::tree::{Node, Value, parse};
use super::{Config, ConfigError, check, deserialize, interpolate, preset};
use std::fs;
use std::path::Path;

/// A section that a command may not need. A section left out is not looked at,
/// so that its environment variables needn't be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `[rows]`
    Rows,
    /// `[source]`
    Source,
    /// `[table]`
    Table,
}

impl Section {
    /// All of them.
    pub const ALL: &'static [Section] = &[Section::Rows, Section::Source, Section::Table];

    fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Source => "source",
            Self::Table => "table",
        }
    }
}

impl Config {
    /// Reads a file; the environment is a function of a variable's name.
    pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::load_sections(path, Section::ALL, env)
    }

    /// Reads some sections of a file, and all that aren't sections of [`Section`].
    pub fn load_sections(
        path: &Path,
        sections: &[Section],
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut config =
            Self::parse_sections(&text, sections, env).map_err(|error| error.in_file(path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.ledger = config.ledger.beside(folder);
        Ok(config)
    }

    /// Reads the text of a file.
    pub fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::parse_sections(text, Section::ALL, env)
    }

    /// Reads some sections of the text of a file, and `egress`, `run` and
    /// `limits`.
    pub fn parse_sections(
        text: &str,
        sections: &[Section],
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut tree = parse(text)?;
        if let Some(name) = preset_name(&tree, env)? {
            preset::fill(&mut tree, &name)?;
        }
        if let Value::Table(entries) = &mut tree.value {
            entries.retain(|(name, _)| {
                let skipped = Section::ALL.iter().find(|section| section.name() == name);
                skipped.is_none_or(|section| sections.contains(section))
            });
        }
        interpolate::fill(&mut tree, "", env)?;
        let config = deserialize::read(&tree)?;
        check::check(&config)?;
        Ok(config)
    }
}

/// The preset's name. Of a wrong type it is none: reading the types says so.
fn preset_name(
    tree: &Node,
    env: interpolate::Environment<'_>,
) -> Result<Option<String>, ConfigError> {
    let Some(preset) = tree.get("source").and_then(|source| source.get("preset")) else {
        return Ok(None);
    };
    let mut preset = preset.clone();
    interpolate::fill(&mut preset, "source.preset", env)?;
    match preset.value {
        Value::Text(name) | Value::Interpolated(name) => Ok(Some(name)),
        _ => Ok(None),
    }
}
