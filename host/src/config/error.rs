//! What is wrong with a configuration, and what to do about it.

use super::FILE_NAME;
use crate::hint::Hint;
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
    /// A setting needs an environment variable that isn't set.
    #[error("`{setting}` needs the environment variable {name}, which is not set")]
    Variable {
        /// The variable.
        name: String,
        /// The setting, such as `source.auth.client_secret`.
        setting: String,
    },
    /// A setting is unknown, missing, of the wrong type or out of bounds.
    #[error("`{setting}`{}: {message}", line.map(|line| format!(" (line {line})")).unwrap_or_default())]
    Invalid {
        /// The setting, such as `source.url`.
        setting: String,
        /// Its line in the file, counted from 1, where it is known.
        line: Option<usize>,
        /// What is wrong with it.
        message: String,
        /// What to do, where it is known.
        hint: Option<Hint>,
    },
}

impl ConfigError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
                Hint::new("`rowcast init` writes a commented one to start from"),
            ),
            Self::Read { .. } | Self::Syntax { .. } => None,
            Self::Variable { name, .. } => Some(Hint::new(format!(
                "set it, or give a default in the file: ${{{name}:-…}}"
            ))),
            Self::Invalid { hint, .. } => hint.clone(),
        }
    }

    /// The setting that is to blame, where it is one.
    #[must_use]
    pub fn setting(&self) -> Option<&str> {
        match self {
            Self::Variable { setting, .. } | Self::Invalid { setting, .. } => Some(setting),
            Self::Read { .. } | Self::Syntax { .. } => None,
        }
    }

    pub(super) fn invalid(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid {
            setting: setting.into(),
            line: None,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn with_hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Invalid { hint, .. } = &mut self {
            *hint = Some(Hint::new(text));
        }
        self
    }

    /// A setting that this command needs.
    pub(crate) fn missing(setting: &str) -> Self {
        Self::invalid(
            setting,
            "this setting is missing, and this command needs it",
        )
        .with_hint("`rowcast init` writes a file that shows it")
    }

    pub(super) fn missing_section(section: &str) -> Self {
        Self::invalid(
            section,
            "this section is missing, and this command needs it",
        )
        .with_hint(format!("add [{section}]; `rowcast init` shows how"))
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
        if let Self::Syntax { path, .. } = &mut self {
            file.clone_into(path);
        }
        self
    }
}
