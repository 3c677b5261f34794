//! What `run`, `load` and `extract` say and are told of the ledger, and the
//! rows and documents that are given in again.

use super::print::note;
use super::{Exit, Failure};
use clap::{Args, ValueEnum};
use rowcast::config::{FileRows, Format, Input as Place, LedgerSettings, Rows};
use rowcast::hint::Hint;
use rowcast::host::Host;
use rowcast::ledger::Begin;
use rowcast::run::{Run, Stopped, Tally, Unchanged, clock, documents_again, rows_again};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Rows that are given in place of the configured ones.
#[derive(Debug, Args)]
pub struct GivenRows {
    /// Take these rows (JSON lines or CSV) instead of `[rows]`; a file that
    /// `--rejected` wrote is fine, and `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub rows: Option<String>,
    /// Their format; by default what the file's name ends in, or JSON lines.
    #[arg(long, value_enum, value_name = "FORMAT", requires = "rows")]
    rows_format: Option<RowsFormat>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RowsFormat {
    Jsonl,
    Csv,
}

/// Which run to begin.
#[derive(Debug, Args)]
pub struct RunBooks {
    /// Begin anew, even if an earlier run was stopped before its end.
    #[arg(long)]
    fresh: bool,
    /// Go on with this run, or fail.
    #[arg(long, value_name = "RUN", conflicts_with = "fresh")]
    resume: Option<String>,
    /// Resume even if the source asked for a pause and that isn't over.
    #[arg(long)]
    now: bool,
}

/// What to do with documents that haven't changed.
#[derive(Debug, Args)]
pub struct UnchangedBooks {
    /// Write documents even if they haven't changed.
    #[arg(long)]
    write_unchanged: bool,
    /// Compare with the table itself instead of trusting the ledger; it costs
    /// reading each item.
    #[arg(long, conflicts_with = "write_unchanged")]
    verify: bool,
}

impl RunBooks {
    /// Begins the run in the ledger, and says so if an earlier one goes on.
    pub async fn begin(
        &self,
        host: &Host,
        run: Run,
        input: &Input,
        talks: bool,
    ) -> Result<Run, Failure> {
        let Some(ledger) = host.ledger().await? else {
            if self.resume.is_some() {
                let hint = "without a ledger there are no runs to resume";
                return Err(Failure::invalid("`[ledger]` is off", Some(hint)));
            }
            return Ok(run);
        };
        let how = match &self.resume {
            Some(id) => Begin::Resume(id.clone()),
            None if self.fresh => Begin::Fresh,
            None => Begin::Continue(host.config().run.resume_within.0),
        };
        let recording = host.begin(&ledger, &how, &input.rows).await?;
        if let (Some(id), Some(until)) = (recording.id(), recording.silent_until(SystemTime::now()))
            && !self.now
        {
            recording.release().await;
            let error = anyhow::anyhow!("the run {id} may not continue before {}", clock(until));
            let hint = "the source asked for a pause until then; `--now` asks it anyway";
            return Err(Failure::new(error, Some(Hint::new(hint)), Exit::Incomplete));
        }
        if let (true, Some(id), Some(rows)) = (talks, recording.id(), recording.resumed()) {
            let started = clock(recording.started().unwrap_or(SystemTime::UNIX_EPOCH));
            note(&format!(
                "continuing the run {id}, begun at {started}: {rows} rows were finished (--fresh begins anew)\n"
            ));
        }
        if let (true, Some(old)) = (talks, recording.outdated()) {
            note(&format!(
                "beginning anew: the run {} of {} wasn't finished, and is older than `[run] resume_within`\n",
                old.id,
                clock(old.started())
            ));
        }
        Ok(run.ledger(recording))
    }
}

impl UnchangedBooks {
    pub fn apply(&self, host: &Host, run: Run) -> Result<Run, Failure> {
        if self.write_unchanged {
            return Ok(run.unchanged(Unchanged::Write));
        }
        if self.verify {
            if host.config().ledger == rowcast::config::LedgerSettings::Off {
                let hint = "leave out `--verify`: without a ledger everything is written";
                return Err(Failure::invalid("`[ledger]` is off", Some(hint)));
            }
            return Ok(run.unchanged(Unchanged::Verify(host.dynamodb()?.clone())));
        }
        Ok(run)
    }
}

/// Where rows or documents come from.
pub struct Input {
    rows: Rows,
    again: Again,
    left_out: Arc<AtomicU64>,
}

/// What may be a line of a rejections file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Nothing,
    Rows,
    Documents,
}

/// The configured rows, or those of a file.
pub fn input(host: &Host, given: &GivenRows, rejected: Option<&Path>) -> Result<Input, Failure> {
    not_the_ledger(host, rejected)?;
    let (rows, again) = match &given.rows {
        Some(file) => {
            let format = given.rows_format.map(|format| match format {
                RowsFormat::Jsonl => Format::JsonLines,
                RowsFormat::Csv => Format::Csv,
            });
            // Whatever isn't said to be CSV is JSON lines, as `--rejected` writes.
            let file = FileRows::new(file, format)
                .or_else(|_| FileRows::new(file, Some(Format::JsonLines)))
                .map_err(|reason| Failure::invalid(reason, None))?;
            (Rows::File(file), Again::Rows)
        }
        None => (host.config().rows()?.clone(), Again::Nothing),
    };
    Input::new(rows, again, rejected)
}

/// A rejections file replaces what is there.
fn not_the_ledger(host: &Host, rejected: Option<&Path>) -> Result<(), Failure> {
    let LedgerSettings::File(ledger) = &host.config().ledger else {
        return Ok(());
    };
    match rejected {
        Some(rejected) if same_file(ledger, rejected) => {
            let hint = "give `--rejected` another name";
            let message = format!("{} is the ledger", rejected.display());
            Err(Failure::invalid(message, Some(hint)))
        }
        _ => Ok(()),
    }
}

/// Does the work of a run, and lets others use its ledger, however it ends.
pub async fn releasing<T>(run: &Run, work: impl Future<Output = T>) -> T {
    let done = work.await;
    run.release().await;
    done
}

/// Whether both names lead to one file; also one that isn't there yet.
pub fn same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Two names of one file lead nowhere else by being resolved.
        let file = |path: &Path| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.dev(), found.ino()))
        };
        if let (Some(one), Some(other)) = (file(one), file(other)) {
            return one == other;
        }
    }
    let whole = |path: &Path| {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => whole(one).is_some_and(|one| Some(one) == whole(other)),
    }
}

/// Documents of a file.
pub fn documents(host: &Host, file: FileRows, rejected: Option<&Path>) -> Result<Input, Failure> {
    not_the_ledger(host, rejected)?;
    Input::new(Rows::File(file), Again::Documents, rejected)
}

impl Input {
    fn new(rows: Rows, again: Again, rejected: Option<&Path>) -> Result<Self, Failure> {
        if let (Rows::File(file), Some(rejected)) = (&rows, rejected)
            && let Place::Path(path) = &file.input
            && same_file(path, rejected)
        {
            let hint = "give `--rejected` another name";
            let message = format!("{} can't be read and replaced at once", path.display());
            return Err(Failure::invalid(message, Some(hint)));
        }
        let left_out = Arc::default();
        Ok(Self {
            rows,
            again,
            left_out,
        })
    }

    /// Whether the rows' address can be read, before anything is connected to.
    pub fn verify(&self, host: &Host) -> Result<(), Failure> {
        Ok(rowcast::rows::verify(&self.rows, &host.config().limits)?)
    }

    pub async fn open(&self, host: &Host) -> Result<rowcast::rows::Rows, Failure> {
        let rows = host.rows_of(&self.rows).await?;
        let left_out = Arc::clone(&self.left_out);
        Ok(match self.again {
            Again::Nothing => rows,
            Again::Rows => rows_again(rows, left_out),
            Again::Documents => documents_again(rows, left_out),
        })
    }

    pub fn prepare(&self, run: Run) -> Run {
        if self.again == Again::Rows {
            run.rejected_rows()
        } else {
            run
        }
    }

    /// Says what of a rejections file is for another command.
    pub fn mention_left_out(&self, talks: bool) {
        let left_out = self.left_out.load(Ordering::Relaxed);
        if talks && left_out > 0 {
            let (what, command) = match self.again {
                Again::Documents => ("rejected requests or records", "rowcast run --rows FILE"),
                Again::Rows | Again::Nothing => ("rejected documents", "rowcast load FILE"),
            };
            note(&format!(
                "note: {left_out} lines are {what}, which `{command}` takes\n"
            ));
        }
    }
}

/// How to continue with a run that was stopped.
/// `rows` is the file that was named instead of the configured rows.
pub fn hint(stopped: &Stopped, run: Option<&str>, rows: Option<&str>) -> Option<Hint> {
    let mends = match stopped {
        Stopped::Invalid(_) => true,
        Stopped::Rows(error) => !error.is_denied() && !error.is_unavailable(),
        _ => false,
    };
    if mends {
        // What mends it makes it other work: there is nothing to continue with.
        return None;
    }
    let rows = rows.map_or_else(String::new, |rows| format!("--rows {rows} "));
    let resume = format!("`rowcast run {rows}--resume {}`", run?);
    Some(Hint::new(match (stopped, stopped.hint()) {
        (Stopped::Requested, _) => format!("{resume} continues where it stopped"),
        (Stopped::RateLimited { resume_at, .. }, _) => {
            format!("{resume} continues at or after {}", clock(*resume_at))
        }
        (_, Some(hint)) => format!("{hint}; then {resume} continues where it stopped"),
        (_, None) => format!("once the cause is fixed, {resume} continues where it stopped"),
    }))
}

/// What a ledger saved, for the summary; nothing where there is nothing.
pub fn summary(tally: &Tally) -> Vec<String> {
    let mut lines = Vec::new();
    if tally.rows.resumed > 0 {
        let resumed = tally.rows.resumed;
        lines.push(format!(
            "resumed    {resumed} rows were finished before, and not asked for again"
        ));
    }
    if tally.documents.unchanged > 0 {
        let (unchanged, saved) = (tally.documents.unchanged, tally.effort.write_capacity_saved);
        lines.push(format!(
            "unchanged  {unchanged} documents are in the table as they are; about {saved} write \
             capacity units saved"
        ));
    }
    lines
}
