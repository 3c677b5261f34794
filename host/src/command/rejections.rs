//! Rejections → a file of JSON lines, and the first few on standard error.

use super::error::plain;
use super::progress::Progress;
use super::{Exit, Failure};
use rowcast::hint::Hint;
use rowcast::run::{OutputError, Rejection};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many are shown; the file has all.
const SHOWN: u64 = 5;

/// Where rejections go.
pub struct Rejections {
    seen: u64,
    file: Option<Kept>,
}

/// The rejections file.
struct Kept {
    path: PathBuf,
    file: File,
    rejections: u64,
    bytes: u64,
}

impl Rejections {
    pub fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let file = path.map(Kept::create).transpose()?;
        Ok(Self { seen: 0, file })
    }

    pub fn add(&mut self, rejection: &Rejection, progress: &Progress) -> Result<(), OutputError> {
        self.seen += 1;
        if self.seen <= SHOWN {
            progress.say(&format!("rejected: {}", plain(&describe(rejection))));
        }
        let Some(kept) = &mut self.file else {
            return Ok(());
        };
        kept.add(rejection).map_err(|source| OutputError::Write {
            act: format!(
                "write the rejections file {}: it has the first {} rejections only",
                kept.path.display(),
                kept.rejections
            ),
            source,
        })
    }

    /// Says where those are that weren't shown.
    pub fn finish(&self, progress: &Progress) {
        if self.seen > SHOWN {
            let rest = self.seen - SHOWN;
            let whereabouts = self.file.as_ref().map_or_else(
                || "--rejected FILE would keep them".to_owned(),
                |kept| format!("all are in {}", kept.path.display()),
            );
            progress.say(&format!("rejected: {rest} more ({whereabouts})"));
        }
    }
}

impl Kept {
    fn create(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            let context = format!("create the rejections file {}", path.display());
            let error = anyhow::Error::new(error).context(context);
            Failure::new(error, None, Exit::Invalid)
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(path).map_err(failed)?;
        if file.metadata().is_ok_and(|it| it.is_file()) {
            // Where files can't be locked nobody is known to write it.
            if let Err(TryLockError::WouldBlock) = file.try_lock() {
                let message = format!("another process writes {}", path.display());
                let hint = Hint::new("wait until it has ended, or name another file");
                let error = anyhow::Error::msg(message);
                return Err(Failure::new(error, Some(hint), Exit::Unavailable));
            }
            file.set_len(0).map_err(failed)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            rejections: 0,
            bytes: 0,
        })
    }

    /// A whole line, or none: half of one could not be given in again.
    fn add(&mut self, rejection: &Rejection) -> io::Result<()> {
        let mut line = serde_json::to_vec(rejection)?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // Pipes can't be shortened.
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        self.rejections += 1;
        self.bytes += line.len() as u64;
        Ok(())
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
            format!("row {row_number}{}: {reason}", values(combination))
        }
        Rejection::Record {
            row_number,
            combination,
            index,
            reason,
            ..
        } => {
            format!(
                "row {row_number}{}, record {}: {reason}",
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
