//! Any error of the library → what the command prints of it, and its exit.

use super::exit::Exit;
use rowcast::dynamodb::EndpointError;
use rowcast::dynamodb::admin::TableError;
use rowcast::engine::{CallError, DescribeError, EngineError};
use rowcast::hint::Hint;
use rowcast::host::{HostError, RowsOrConfigError};
use rowcast::ledger::LedgerError;
use rowcast::plan::PlanError;
use rowcast::rows::RowsError;
use rowcast::run::{OutputError, Stopped};
use std::fmt::Write;

/// Why a command failed: an error with its causes, what to do, and the exit.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    hint: Option<Hint>,
    exit: Exit,
}

impl Failure {
    /// Whether it isn't said where DynamoDB is.
    pub fn lacks_region(&self) -> bool {
        let error = self.error.downcast_ref::<HostError>();
        matches!(error, Some(HostError::Endpoint(EndpointError::NoRegion)))
    }

    /// A mistake in how the command was called.
    pub fn invalid(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self {
            error: anyhow::Error::msg(message.into()),
            hint: hint.map(Hint::new),
            exit: Exit::Invalid,
        }
    }

    pub fn new(error: impl Into<anyhow::Error>, hint: Option<Hint>, exit: Exit) -> Self {
        Self {
            error: error.into(),
            hint,
            exit,
        }
    }

    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What is printed: `error:`, the message, each cause once, and the hint.
    pub fn render(&self) -> String {
        format!("error: {}", self.explain())
    }

    /// The message, each cause once, and the hint.
    pub fn explain(&self) -> String {
        let mut text = self.error.to_string();
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
        plain(&text)
    }
}

/// A text that may quote a server or the component, fit for a terminal: what
/// could steer it is taken out.
pub fn plain(text: &str) -> String {
    let steers = |letter: char| letter.is_control() && letter != '\n';
    text.replace(steers, "\u{fffd}")
}

/// What isn't mapped by name is a disk that is full or broken, or not expected: an
/// internal error.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let mut causes = error.chain();
        let of_files = causes.any(<dyn std::error::Error>::is::<std::io::Error>);
        let exit = if of_files {
            Exit::Incomplete
        } else {
            Exit::Internal
        };
        Self::new(error, None, exit)
    }
}

impl From<rowcast::config::ConfigError> for Failure {
    fn from(error: rowcast::config::ConfigError) -> Self {
        let hint = error.hint();
        Self::new(error, hint, Exit::Invalid)
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let exit = match &error {
            HostError::Plan(PlanError::Unwritten(_)) => Exit::Denied,
            HostError::Config(_)
            | HostError::Plan(_)
            | HostError::Component { .. }
            | HostError::Rule(_)
            | HostError::Endpoint(_)
            | HostError::Client(_)
            | HostError::Keys { .. }
            | HostError::Engine(_) => Exit::Invalid,
            HostError::NotActive { .. } => Exit::Unavailable,
            HostError::Table(error) => exit_of_table(error),
            HostError::Ledger(error) => exit_of_ledger(error),
            HostError::Rows(error) => exit_of_rows(error),
            _ => Exit::Internal,
        };
        let hint = error.hint();
        Self::new(error, hint, exit)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        HostError::from(error).into()
    }
}

impl From<DescribeError> for Failure {
    fn from(error: DescribeError) -> Self {
        HostError::from(error).into()
    }
}

impl From<RowsOrConfigError> for Failure {
    fn from(error: RowsOrConfigError) -> Self {
        match error {
            RowsOrConfigError::Config(error) => error.into(),
            RowsOrConfigError::Rows(error) => error.into(),
        }
    }
}

impl From<RowsError> for Failure {
    fn from(error: RowsError) -> Self {
        let (hint, exit) = (error.hint(), exit_of_rows(&error));
        Self::new(error, hint, exit)
    }
}

pub fn exit_of_table(error: &TableError) -> Exit {
    match error {
        TableError::NotFound(_)
        | TableError::Exists(_)
        | TableError::Condition(_)
        | TableError::Invalid(_) => Exit::Invalid,
        TableError::Denied(_) | TableError::Unsent(_) | TableError::Credentials(_) => Exit::Denied,
        TableError::Unavailable(_) => Exit::Unavailable,
        TableError::Throttled(_) => Exit::Incomplete,
    }
}

/// The exit for a ledger that can't be used.
fn exit_of_ledger(error: &LedgerError) -> Exit {
    match error {
        LedgerError::InUse { .. } | LedgerError::Leased { .. } => Exit::Unavailable,
        LedgerError::Table(error) => exit_of_table(error),
        // A full disk.
        LedgerError::File { .. } => Exit::Incomplete,
        error if error.is_full_disk() => Exit::Incomplete,
        _ => Exit::Invalid,
    }
}

/// A reason to stop, as the cause of what it stopped.
pub fn stopped(stopped: Stopped, context: &'static str) -> Failure {
    let (hint, exit) = (stopped.hint(), exit_of_stop(&stopped));
    Failure::new(anyhow::Error::new(stopped).context(context), hint, exit)
}

/// What a reason to stop means as an exit.
pub fn exit_of_stop(stopped: &Stopped) -> Exit {
    match stopped {
        Stopped::Denied { .. } | Stopped::Policy(_) => Exit::Denied,
        Stopped::Invalid(_)
        | Stopped::Output(OutputError::TooMuch { .. })
        // The values that are to be sent are too long.
        | Stopped::Component(CallError::Headers(_)) => Exit::Invalid,
        Stopped::Unavailable(_) => Exit::Unavailable,
        Stopped::Component(_) => Exit::Internal,
        Stopped::Rows(error) => exit_of_rows(error),
        Stopped::Ledger(error) => exit_of_ledger(error),
        // Asked to stop, a rate limit, no more budget, rejections that can't be kept or
        // are too many.
        _ => Exit::Incomplete,
    }
}

/// The exit for rows that can't be read.
fn exit_of_rows(error: &RowsError) -> Exit {
    if error.is_denied() {
        Exit::Denied
    } else if error.is_unavailable() {
        Exit::Unavailable
    } else {
        Exit::Invalid
    }
}
