//! `rowcast run`: rows → extract → load, and a summary.

use super::error::exit_of_stop;
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
use std::pin::pin;
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
        let report = watch(run, rows, self.rejected, global.talks(), Parts::All, |_| ()).await?;
        input.mention_left_out(global.talks())?;
        if self.report == Report::Json {
            let counts = serde_json::to_string(&report.tally).map_err(anyhow::Error::from)?;
            writeln!(stdout(), "{counts}")?;
        }
        finish(report)
    }
}

/// Which parts of the pipeline a run has, for its summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Rows → extract → load.
    All,
    /// Rows → extract.
    Extract,
    /// Documents → load.
    Load,
}

/// Runs with progress, rejections, Ctrl-C and a summary.
pub async fn watch(
    run: rowcast::run::Run,
    rows: Rows,
    rejected: Option<PathBuf>,
    talks: bool,
    parts: Parts,
    documents: impl Fn(Vec<String>) + Send + Sync + 'static,
) -> Result<RunReport, Failure> {
    let progress = Arc::new(Progress::start(talks));
    let rejections = Arc::new(Rejections::open(
        rejected.as_deref(),
        Arc::clone(&progress),
    )?);
    let stop = run.stop_handle();
    let observer = {
        let (rejections, progress) = (Arc::clone(&rejections), Arc::clone(&progress));
        move |event| match event {
            Event::Progress(tally) => progress.show(&tally),
            Event::Rejected(rejection) => rejections.add(&rejection),
            Event::Documents(chunk) => documents(chunk),
            _ => {}
        }
    };
    let report = tokio::select! {
        report = run.start(rows, observer) => Some(report),
        () = interrupted(&stop, &progress) => None,
    };
    let elapsed = progress.finish();
    rejections.finish()?;
    let Some(report) = report else {
        let error = anyhow::anyhow!("the run was ended at once");
        return Err(Failure::new(
            error,
            Stopped::Requested.hint(),
            Exit::Interrupted,
        ));
    };
    let report = report.map_err(|error| Failure::new(error, None, Exit::Internal))?;
    if talks {
        stderr().write_all(summary(parts, &report.tally, elapsed).as_bytes())?;
    }
    Ok(report)
}

/// The exit that a report deserves; a run that was stopped fails with the
/// reason.
pub fn finish(report: RunReport) -> Result<Exit, Failure> {
    let Some(reason) = report.stopped else {
        return Ok(if report.tally.has_rejections() {
            Exit::Rejected
        } else {
            Exit::Done
        });
    };
    let exit = exit_of_stop(&reason);
    let hint = ledger::hint(&reason, report.run.as_deref()).or_else(|| reason.hint());
    let error = anyhow::Error::new(reason).context("the run stopped before its end");
    Err(Failure::new(error, hint, exit))
}

/// The first Ctrl-C ends the run in order; returns at the second.
async fn interrupted(stop: &StopHandle, progress: &Progress) {
    control_c().await;
    // Listened for before it is asked for: one that comes at once must count.
    let mut again = pin!(control_c());
    if futures_util::poll!(&mut again).is_ready() {
        return;
    }
    stop.stop();
    progress.say("stopping: finishing what is in flight; Ctrl-C again ends it at once");
    again.await;
}

/// Returns at the next Ctrl-C after it was first polled.
pub async fn control_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // No signals can be had, so none will come.
        std::future::pending::<()>().await;
    }
}

fn summary(parts: Parts, tally: &Tally, elapsed: Duration) -> String {
    let Tally {
        rows,
        requests,
        records,
        documents,
        effort,
    } = tally;
    let mut lines = Vec::new();
    if parts != Parts::Load {
        lines.push(format!(
            "rows       {} read: {} done, {} rejected, {} pending",
            rows.read, rows.done, rows.rejected, rows.pending,
        ));
        lines.push(format!(
            "requests   {} planned: {} done, {} rejected, {} pending ({} sent, {} of them repeats)",
            requests.planned,
            requests.done,
            requests.rejected,
            requests.pending,
            effort.source_requests,
            effort.source_retries,
        ));
        lines.push(format!(
            "records    {} received: {} accepted, {} rejected",
            records.received, records.documents, records.rejected,
        ));
    }
    if parts == Parts::Extract {
        lines.push(format!("documents  {} printed", documents.handed_over));
    } else {
        lines.push(format!(
            "documents  {} in all: {} written, {} superseded, {} rejected, {} pending",
            documents.total,
            documents.written,
            documents.superseded,
            documents.rejected,
            documents.pending,
        ));
        lines.push(format!(
            "DynamoDB   {} sent, {} of them repeats; {} write capacity units",
            effort.dynamodb_requests, effort.dynamodb_retries, effort.write_capacity,
        ));
    }
    lines.push(format!("time       {:.1} s", elapsed.as_secs_f64()));
    lines.extend(ledger::summary(tally));
    if documents.superseded > 0 {
        lines.push(format!(
            "note: superseded: {}; a later document has the same key, and the table keeps one. If both \
             matter, the key must tell them apart, such as by an attribute that contains the country.",
            documents.superseded
        ));
    }
    lines.join("\n") + "\n"
}
