//! What is wrong with a configuration, and what to do about it.

use super::FILE_NAME;
use crate::hint::Hint;
use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

/// Why there is no configuration. No message contains a setting's value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read.
    #[error("read the configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file that `source.preset` names can't be read.
    #[error("read the preset {}", path.display())]
    ReadPreset {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The text isn't TOML.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What was expected or found.
        message: String,
    },
    /// Settings are unknown, missing, of the wrong type or out of bounds: all
    /// of them, in the file's order.
    #[error("{}", listed(.0))]
    Invalid(Vec<Problem>),
}

/// What is wrong with one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, such as `source.url`.
    pub setting: String,
    /// The file that it is in; none for the configuration's own.
    pub file: Option<PathBuf>,
    /// Its line in the file, counted from 1, or that of what it is part of,
    /// where it is known.
    pub line: Option<usize>,
    /// What is wrong with it: a sentence without its subject.
    pub message: String,
    /// What to do, where it is known.
    pub hint: Option<Hint>,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.setting.as_str() {
            "" => formatter.write_str("the file")?,
            setting => write!(formatter, "`{setting}`")?,
        }
        match (&self.file, self.line) {
            (None, None) => {}
            (None, Some(line)) => write!(formatter, " (line {line})")?,
            (Some(file), None) => write!(formatter, " ({})", file.display())?,
            (Some(file), Some(line)) => write!(formatter, " ({}, line {line})", file.display())?,
        }
        write!(formatter, " {}", self.message)
    }
}

impl Problem {
    /// The same, of another file than the configuration's.
    pub(super) fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }
}

/// One problem is a sentence, several are a list with their hints.
fn listed(problems: &[Problem]) -> String {
    if let [problem] = problems {
        return problem.to_string();
    }
    let mut text = format!("the configuration has {} problems:", problems.len());
    for problem in problems {
        let _ = write!(text, "\n  {problem}");
        if let Some(hint) = &problem.hint {
            let _ = write!(text, "\n    hint: {hint}");
        }
    }
    text
}

impl ConfigError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
                Hint::new("`rowcast init` writes a commented one to start from"),
            ),
            Self::ReadPreset { source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
                Hint::new("its path is relative to the folder of the configuration"),
            ),
            Self::Invalid(problems) => match problems.as_slice() {
                [problem] => problem.hint.clone(),
                _ => None,
            },
            Self::Read { .. } | Self::ReadPreset { .. } | Self::Syntax { .. } => None,
        }
    }

    /// What is wrong with which settings; empty where that isn't the reason.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid(problems) => problems,
            Self::Read { .. } | Self::ReadPreset { .. } | Self::Syntax { .. } => &[],
        }
    }

    fn one(setting: &str, message: &str, hint: String) -> Self {
        Self::Invalid(vec![Problem {
            setting: setting.to_owned(),
            file: None,
            line: None,
            message: message.to_owned(),
            hint: Some(Hint::new(hint)),
        }])
    }

    /// A setting that this command needs.
    pub(crate) fn missing(setting: &str) -> Self {
        let hint = "`rowcast init` writes a file that shows it".to_owned();
        Self::one(setting, "is missing, and this command needs it", hint)
    }

    pub(crate) fn missing_section(section: &str) -> Self {
        let hint = format!("add [{section}]; `rowcast init` shows how");
        Self::one(section, "is missing, and this command needs it", hint)
    }

    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        Self::Syntax {
            path: PathBuf::from(FILE_NAME),
            line: before.matches('\n').count() + 1,
            column: last_line.chars().count() + 1,
            message: error.message().to_owned(),
        }
    }

    /// The same error, with the name of the file it is really about.
    pub(super) fn in_file(mut self, file: &Path) -> Self {
        if let Self::Syntax { path, .. } = &mut self
            && *path == Path::new(FILE_NAME)
        {
            file.clone_into(path);
        }
        self
    }
}
