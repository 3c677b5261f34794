//! `rowcast run`: rows → extract → load, and a summary.

use super::ledger::{self, RunBooks, UnchangedBooks};
use super::progress::Progress;
use super::rejections::Rejections;
use super::{Exit, Failure, Global};
use clap::{Args, ValueEnum};
use rowcast::config::Section;
use rowcast::rows::Rows;
use rowcast::run::{Event, RunReport, StopHandle, Stopped, Tally};
use std::io::{Write, stderr, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Run the pipeline: rows → extract → load.
///
/// A run that was stopped or killed is gone on with: rows that were finished
/// aren't asked for again. Documents that haven't changed since they were
/// written aren't written again.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    books: RunBooks,
    #[command(flatten)]
    unchanged: UnchangedBooks,
    /// Take these rows (JSON lines or CSV) instead of `[rows]`; a file that
    /// `--rejected` wrote is fine.
    #[arg(long, value_name = "FILE")]
    rows: Option<String>,
    /// Write what is rejected to this file, as JSON lines.
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// What to print on standard output at the end.
    #[arg(long, value_enum, default_value = "none", value_name = "WHAT")]
    report: Report,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Report {
    /// Nothing; the summary is on standard error.
    None,
    /// All counts, as one JSON object.
    Json,
}

impl Run {
    pub async fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let sections: &[Section] = match &self.rows {
            Some(_) => &[Section::Source, Section::Table],
            None => Section::ALL,
        };
        let host = global.host(global.config(sections)?).await?;
        let input = ledger::input(&host, self.rows.as_deref(), self.rejected.as_deref())?;
        let run = self.unchanged.apply(&host, host.run().await?)?;
        let run = self.books.begin(&host, run, &input, global.talks()).await?;
        let rows = input.open(&host).await?;
        let run = input.prepare(run);
        let report = watch(run, rows, self.rejected, global.talks(), |_| ()).await?;
        input.mention_left_out(global.talks())?;
        if self.report == Report::Json {
            let counts = serde_json::to_string(&report.tally).map_err(anyhow::Error::from)?;
            writeln!(stdout(), "{counts}")?;
        }
        finish(report)
    }
}

/// Runs with progress, rejections, Ctrl-C and a summary.
pub async fn watch(
    run: rowcast::run::Run,
    rows: Rows,
    rejected: Option<PathBuf>,
    talks: bool,
    documents: impl Fn(Vec<String>) + Send + Sync + 'static,
) -> Result<RunReport, Failure> {
    let rejections = Arc::new(Rejections::open(rejected.as_deref(), talks)?);
    let progress = Arc::new(Progress::start(talks));
    let interrupt = tokio::spawn(interrupted(run.stop_handle()));
    let observer = {
        let (rejections, progress) = (Arc::clone(&rejections), Arc::clone(&progress));
        move |event| match event {
            Event::Progress(tally) => progress.show(&tally),
            Event::Rejected(rejection) => rejections.add(&rejection),
            Event::Documents(chunk) => documents(chunk),
            _ => {}
        }
    };
    let report = run.start(rows, observer).await;
    interrupt.abort();
    let elapsed = progress.finish();
    rejections.finish()?;
    let report = report.map_err(|error| Failure::new(error, None, Exit::Internal))?;
    if talks {
        stderr().write_all(summary(&report.tally, elapsed).as_bytes())?;
    }
    Ok(report)
}

/// The exit that a report deserves; a run that was stopped fails with the
/// reason.
pub fn finish(report: RunReport) -> Result<Exit, Failure> {
    let Some(stopped) = report.stopped else {
        let rejections = report.tally.has_rejections();
        return Ok(if rejections {
            Exit::Rejected
        } else {
            Exit::Done
        });
    };
    let exit = exit_of(&stopped);
    let hint = ledger::hint(&stopped, report.run.as_deref()).or_else(|| stopped.hint());
    Err(Failure::new(
        anyhow::Error::new(stopped).context("the run stopped before its end"),
        hint,
        exit,
    ))
}

/// What a reason to stop means as an exit.
pub fn exit_of(stopped: &Stopped) -> Exit {
    match stopped {
        Stopped::Denied(_) => Exit::Denied,
        Stopped::Invalid(_) => Exit::Invalid,
        Stopped::Unavailable(_) => Exit::Unavailable,
        Stopped::Component(_) => Exit::Internal,
        Stopped::Rows(error) => super::error::exit_of_rows(error),
        Stopped::Ledger(error) => super::error::exit_of_ledger(error),
        // Asked to stop, a rate limit, no more budget.
        _ => Exit::Incomplete,
    }
}

/// The first Ctrl-C ends the run in order, the second at once.
async fn interrupted(stop: StopHandle) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    stop.stop();
    let _ = writeln!(
        stderr(),
        "stopping: finishing what is in flight; Ctrl-C again ends it at once"
    );
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(130);
    }
}

fn summary(tally: &Tally, elapsed: Duration) -> String {
    let Tally {
        rows,
        requests,
        records,
        documents,
        effort,
    } = tally;
    let mut text = format!(
        "rows       {} read: {} done, {} rejected, {} pending\n\
         requests   {} planned: {} done, {} rejected, {} pending ({} sent, {} of them repeats)\n\
         records    {} received: {} documents, {} rejected\n\
         documents  {} in all: {} written, {} superseded, {} rejected, {} pending\n\
         DynamoDB   {} calls, {} of them repeats; {} write capacity units\n\
         time       {:.1} s\n",
        rows.read,
        rows.done,
        rows.rejected,
        rows.pending,
        requests.planned,
        requests.done,
        requests.rejected,
        requests.pending,
        effort.source_requests,
        effort.source_retries,
        records.received,
        records.documents,
        records.rejected,
        documents.total,
        documents.written,
        documents.superseded,
        documents.rejected,
        documents.pending,
        effort.dynamodb_requests,
        effort.dynamodb_retries,
        effort.write_capacity,
        elapsed.as_secs_f64(),
    );
    text.push_str(&ledger::summary(tally));
    if documents.superseded > 0 {
        text.push_str(&format!(
            "note: {} documents were superseded: a later one has the same key, and the table keeps one. \
             If both matter, the key must tell them apart, such as by an attribute that contains the country.\n",
            documents.superseded
        ));
    }
    text
}
