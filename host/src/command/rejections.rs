//! Rejections → a file of JSON lines, and the first few on standard error.

use super::error::plain;
use super::progress::Progress;
use super::{Exit, Failure};
use rowcast::run::Rejection;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How many are shown; the file has all.
const SHOWN: u64 = 5;

/// Where rejections go.
pub struct Rejections {
    progress: Arc<Progress>,
    path: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    seen: u64,
    file: Option<BufWriter<File>>,
    error: Option<std::io::Error>,
}

impl Rejections {
    pub fn open(path: Option<&Path>, progress: Arc<Progress>) -> Result<Self, Failure> {
        let file = path.map(File::create).transpose().map_err(|error| {
            let path = path
                .map(Path::display)
                .map(|path| path.to_string())
                .unwrap_or_default();
            let error =
                anyhow::Error::new(error).context(format!("create the rejections file {path}"));
            Failure::new(error, None, Exit::Invalid)
        })?;
        let state = Mutex::new(State {
            seen: 0,
            file: file.map(BufWriter::new),
            error: None,
        });
        Ok(Self {
            progress,
            path: path.map(Path::to_owned),
            state,
        })
    }

    pub fn add(&self, rejection: &Rejection) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.seen += 1;
        if state.seen <= SHOWN {
            self.progress
                .say(&format!("rejected: {}", plain(&describe(rejection))));
        }
        let State {
            file,
            error: failed,
            ..
        } = &mut *state;
        if let Some(file) = file {
            let line = serde_json::to_string(rejection).map_err(std::io::Error::from);
            if let Err(error) = line.and_then(|line| writeln!(file, "{line}")) {
                failed.get_or_insert(error);
            }
        }
    }

    /// Makes sure that the file has all of them.
    pub fn finish(&self) -> Result<(), Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.seen > SHOWN {
            let rest = state.seen - SHOWN;
            let whereabouts = self.path.as_ref().map_or_else(
                || "--rejected FILE would keep them".to_owned(),
                |path| format!("all are in {}", path.display()),
            );
            self.progress
                .say(&format!("rejected: {rest} more ({whereabouts})"));
        }
        let flushed = state.file.as_mut().map_or(Ok(()), Write::flush);
        if let Err(error) = flushed {
            state.error.get_or_insert(error);
        }
        match state.error.take() {
            Some(error) => Err(anyhow::Error::new(error)
                .context("write the rejections file")
                .into()),
            None => Ok(()),
        }
    }
}

fn describe(rejection: &Rejection) -> String {
    match rejection {
        Rejection::Row { place, reason, .. } => format!("{place}: {reason}"),
        Rejection::Request {
            row_number,
            combination,
            reason,
            ..
        } => {
            format!("row {}{}: {reason}", row_number + 1, values(combination))
        }
        Rejection::Record {
            row_number,
            combination,
            index,
            reason,
            ..
        } => {
            format!(
                "row {}{}, record {}: {reason}",
                row_number + 1,
                values(combination),
                index + 1
            )
        }
        Rejection::Document { path, reason, .. } if path.is_empty() => {
            format!("document: {reason}")
        }
        Rejection::Document { path, reason, .. } => format!("document, {path}: {reason}"),
        _ => rejection.reason().to_owned(),
    }
}

fn values(combination: &[(String, String)]) -> String {
    let values = combination.iter();
    let each: Vec<String> = values
        .map(|(axis, value)| format!(", {axis} {value}"))
        .collect();
    each.concat()
}
