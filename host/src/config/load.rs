//! A file, or its text → environment → the host's own sections, checked, and
//! the component's as they are.

use super::tree::Tree;
use super::written::Written;
use super::{Config, ConfigError, Egress, LedgerSettings, Rows, Run, Table, check, interpolate};
use crate::limits::Limits;
use rowcast_pipeline::settings::{Mistakes, Node};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// A configuration that may still be wrong. [`Host`](crate::host::Host) has the
/// component check `[source]` and `[table]`, and tells of everything at once.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(crate) config: Config,
    pub(crate) mistakes: Mistakes,
}

/// The file as the host reads it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sections {
    component: Option<PathBuf>,
    rows: Option<Rows>,
    #[serde(rename = "source")]
    _source: Option<IgnoredAny>,
    table: Option<Table>,
    egress: Egress,
    run: Run,
    ledger: LedgerSettings,
    limits: Limits,
}

impl Draft {
    /// Reads some sections of a file, and all that aren't sections of
    /// [`Section`]. The environment is a function of a variable's name.
    pub fn load(
        path: &Path,
        sections: &[Section],
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut draft = Self::parse(&text, sections, env).map_err(|error| error.in_file(path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let Config {
            ledger, component, ..
        } = &mut draft.config;
        *ledger = std::mem::take(ledger).beside(folder);
        *component = component.take().map(|file| folder.join(file));
        Ok(draft)
    }

    /// The same with the file's text.
    pub fn parse(
        text: &str,
        sections: &[Section],
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        let mut tree = Tree::parse(text, &mut mistakes)?;
        let preset = preset(&tree.node, &env);
        if let Node::Object(members) = &mut tree.node {
            members.retain(|(name, _)| {
                let skipped = Section::ALL.iter().find(|section| section.name() == name);
                skipped.is_none_or(|section| sections.contains(section))
            });
        }
        let filled = &mut tree.places.interpolated;
        interpolate::fill(&mut tree.node, "", &env, filled, &mut mistakes);
        if tree.node.get("source").is_some_and(|it| !it.is_object()) {
            mistakes.add("/source", "must be a table");
        }
        let read: Option<Sections> = tree.read(&mut mistakes);
        let Some(read) = read else {
            return Err(ConfigError::Invalid(tree.places.problems(mistakes)));
        };
        let config = Config {
            component: read.component,
            rows: read.rows,
            table: read.table,
            egress: read.egress,
            run: read.run,
            ledger: read.ledger,
            limits: read.limits,
            written: Written {
                tree,
                preset,
                environment: Some(Arc::new(env)),
            },
        };
        check::check(&config, &mut mistakes);
        Ok(Self { config, mistakes })
    }

    /// The component that the file names, if it does.
    #[must_use]
    pub fn component(&self) -> Option<&Path> {
        self.config.component.as_deref()
    }

    /// The configuration, if nothing is wrong that can be known without the
    /// component.
    pub fn finish(self) -> Result<Config, ConfigError> {
        let Self { config, mistakes } = self;
        if mistakes.is_empty() {
            return Ok(config);
        }
        let problems = config.written.tree.places.problems(mistakes);
        Err(ConfigError::Invalid(problems))
    }
}

impl From<Config> for Draft {
    fn from(config: Config) -> Self {
        Self {
            config,
            mistakes: Mistakes::default(),
        }
    }
}

impl Config {
    /// Reads a file; the environment is a function of a variable's name.
    pub fn load(
        path: &Path,
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        Draft::load(path, Section::ALL, env)?.finish()
    }

    /// Reads the text of a file.
    pub fn parse(
        text: &str,
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        Draft::parse(text, Section::ALL, env)?.finish()
    }
}

/// The preset's name, which also tells which keys a new table gets.
fn preset(node: &Node, env: interpolate::Environment<'_>) -> Option<String> {
    match node.get("source")?.get("preset")? {
        Node::Text(name) => interpolate::expand(name, env).ok(),
        _ => None,
    }
}
