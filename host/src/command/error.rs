//! Any error of the library → what the command prints of it, and its exit.

use super::exit::Exit;
use rowcast::hint::Hint;
use std::fmt::Write;

/// Why a command failed: an error with its causes, what to do, and the exit.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    hint: Option<Hint>,
    exit: Exit,
}

impl Failure {
    /// A mistake in how the command was called.
    pub fn invalid(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { error: anyhow::Error::msg(message.into()), hint: hint.map(Hint::new), exit: Exit::Invalid }
    }

    pub fn new(error: impl Into<anyhow::Error>, hint: Option<Hint>, exit: Exit) -> Self {
        Self { error: error.into(), hint, exit }
    }

    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The message, each cause once, and the hint.
    pub fn render(&self) -> String {
        let mut text = format!("error: {}", self.error);
        let mut said = self.error.to_string();
        for cause in self.error.chain().skip(1) {
            let cause = cause.to_string();
            // Some libraries repeat their cause in their own text.
            if !said.ends_with(&cause) {
                let _ = write!(text, "\n  because: {cause}");
            }
            said = cause;
        }
        if let Some(hint) = &self.hint {
            let _ = write!(text, "\n  hint: {hint}");
        }
        text.push('\n');
        text
    }
}

/// What isn't mapped by name is not expected: an internal error.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { error, hint: None, exit: Exit::Internal }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        anyhow::Error::from(error).into()
    }
}

impl From<rowcast::config::ConfigError> for Failure {
    fn from(error: rowcast::config::ConfigError) -> Self {
        let hint = error.hint();
        Self::new(error, hint, Exit::Invalid)
    }
}
