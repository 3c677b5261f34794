//! `rowcast run`: rows → extract → load, and a summary.

use super::error::exit_of_stop;
use super::ledger::{self, GivenRows, RunBooks, UnchangedBooks};
use super::outputs::{Documents, LAST_WORDS, Outputs};
use super::pages;
use super::print;
use super::progress::Progress;
use super::rejections::Rejections;
use super::{Exit, Failure, Global, Signals};
use clap::{Args, ValueEnum};
use rowcast::config::Section;
use rowcast::rows::Rows;
use rowcast::run::{Observe, OutputError, RunReport, StopHandle, Stopped, Tally};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Run the pipeline: rows → extract → load.
///
/// A run that was stopped or killed is continued: rows that were finished
/// aren't asked for again. Documents that haven't changed since they were
/// written aren't written again.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    recording: RunBooks,
    #[command(flatten)]
    unchanged: UnchangedBooks,
    #[command(flatten)]
    given: GivenRows,
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
    pub async fn execute(self, global: &Global, signals: &Signals) -> Result<Exit, Failure> {
        let sections: &[Section] = match &self.given.rows {
            Some(_) => &[Section::Source, Section::Table],
            None => Section::ALL,
        };
        global.spare(self.rejected.as_deref())?;
        let host = global.host(global.config(sections)?).await?;
        let input = ledger::input(&host, &self.given, self.rejected.as_deref())?;
        input.verify(&host)?;
        let run = self.unchanged.apply(&host, host.run().await?)?;
        let run = self
            .recording
            .begin(&host, run, &input, global.talks())
            .await?;
        let run = input.prepare(run);
        let report = ledger::releasing(
            &run,
            Box::pin(async {
                let rows = Box::pin(input.open(&host));
                let (run, talks) = (run.clone(), global.talks());
                watch(signals, run, rows, self.rejected, talks, Parts::All, None).await
            }),
        );
        let report = report.await?;
        input.mention_left_out(global.talks());
        if self.report == Report::Json {
            let counts = serde_json::to_string(&report.tally).map_err(anyhow::Error::from)?;
            print::data(counts + "\n")?;
        }
        finish(report, self.given.rows.as_deref())
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

/// Runs with progress, rejections, Ctrl-C and a summary. Its time begins before
/// its rows are opened: a query's first row may take long.
pub async fn watch<E: Into<Failure>>(
    signals: &Signals,
    run: rowcast::run::Run,
    rows: impl Future<Output = Result<Rows, E>>,
    rejected: Option<PathBuf>,
    talks: bool,
    parts: Parts,
    documents: Option<Documents>,
) -> Result<RunReport, Failure> {
    let started = Instant::now();
    let rows = rows.await.map_err(Into::into)?;
    let rejections = Rejections::open(rejected.as_deref())?;
    let outputs = Outputs::start(Progress::start(talks), rejections, documents);
    let outputs = Arc::new(outputs.map_err(anyhow::Error::from)?);
    let stop = run.stop_handle();
    signals.answer();
    pages::give_back();
    let report = tokio::select! {
        report = run.start_observed(rows, Arc::clone(&outputs) as _) => Some(report),
        () = interrupted(signals, &stop, &outputs) => None,
    };
    let Some(report) = report else {
        let _ = tokio::time::timeout(LAST_WORDS, outputs.finish()).await;
        let error = anyhow::anyhow!("the run was ended at once");
        return Err(Failure::new(
            error,
            Stopped::Requested.hint(),
            Exit::Interrupted,
        ));
    };
    let report = report.map_err(|error| Failure::new(error, None, Exit::Internal))?;
    if talks {
        let printed = !matches!(report.stopped, Some(Stopped::Output(_)));
        print::note(&summary(parts, &report.tally, printed, started.elapsed()));
    }
    Ok(report)
}

/// The exit that a report deserves; a run that was stopped fails with the
/// reason. `rows` is the file that was named instead of the configured rows.
pub fn finish(report: RunReport, rows: Option<&str>) -> Result<Exit, Failure> {
    let gone = |reason: &Stopped| matches!(reason, Stopped::Output(OutputError::NobodyReads));
    let Some(reason) = report.stopped.filter(|reason| !gone(reason)) else {
        return Ok(if report.tally.has_rejections() {
            Exit::Rejected
        } else {
            Exit::Done
        });
    };
    let exit = exit_of_stop(&reason);
    let hint = ledger::hint(&reason, report.run.as_deref(), rows).or_else(|| reason.hint());
    let error = anyhow::Error::new(reason).context("the run stopped before its end");
    Err(Failure::new(error, hint, exit))
}

/// The first Ctrl-C ends the run in order; returns at the second.
async fn interrupted(signals: &Signals, stop: &StopHandle, outputs: &Outputs) {
    signals.times(1).await;
    stop.stop();
    outputs.say("stopping: finishing what is in flight; Ctrl-C again ends it at once");
    signals.times(2).await;
}

/// A further count, where there is something to count: all of a line add up.
fn besides(count: u64, what: &str) -> String {
    match count {
        0 => String::new(),
        _ => format!(", {count} {what}"),
    }
}

fn summary(parts: Parts, tally: &Tally, printed: bool, elapsed: Duration) -> String {
    let Tally {
        rows,
        requests,
        records,
        documents,
        effort,
    } = tally;
    let mut lines = Vec::new();
    let what = match parts {
        Parts::Load => "lines",
        Parts::All | Parts::Extract => "rows",
    };
    lines.push(format!(
        "{what:<10} {} read: {} done, {} rejected, {} pending{}",
        rows.read,
        rows.done,
        rows.rejected,
        rows.pending,
        besides(rows.resumed, "resumed"),
    ));
    if parts != Parts::Load {
        lines.push(format!(
            "requests   {} planned: {} done, {} rejected, {} pending ({} sent, {} of them repeats)",
            requests.planned,
            requests.done,
            requests.rejected,
            requests.pending,
            effort.source_requests,
            effort.source_retries,
        ));
        let then = effort.then_done + effort.then_rejected;
        if then > 0 {
            lines.push(format!(
                "then       {then} requests of further steps: {} done, {} rejected",
                effort.then_done, effort.then_rejected,
            ));
        }
        lines.push(format!(
            "records    {} received: {} accepted, {} rejected",
            records.received, records.documents, records.rejected,
        ));
    }
    if parts == Parts::Extract {
        let printed = if printed {
            "printed"
        } else {
            "made, not all of them printed"
        };
        lines.push(format!("documents  {} {printed}", documents.emitted));
    } else {
        lines.push(format!(
            "documents  {} in all: {} written, {} superseded, {} rejected, {} pending{}",
            documents.total,
            documents.written,
            documents.superseded,
            documents.rejected,
            documents.pending,
            besides(documents.unchanged, "unchanged"),
        ));
        lines.push(format!(
            "DynamoDB   {} sent, {} of them repeats; {} write capacity units",
            effort.dynamodb_requests, effort.dynamodb_retries, effort.write_capacity,
        ));
    }
    lines.push(format!("time       {:.1} s", elapsed.as_secs_f64()));
    lines.extend(ledger::summary(tally));
    if effort.source_unfollowed > 0 {
        let answers = format!("{} answers announce", effort.source_unfollowed);
        lines.push(format!("note: {}", unfollowed(&answers)));
    }
    if documents.superseded > 0 {
        lines.push(format!(
            "note: superseded: {}; a later document has the same key, and the table keeps one. If both \
             matter, the key must tell them apart, such as by an attribute that has the matrix' value.",
            documents.superseded
        ));
    }
    lines.join("\n") + "\n"
}

/// What to do about answers that announce more than the settings follow.
pub(super) fn unfollowed(answers: &str) -> String {
    format!(
        "{answers} more than was read; `pagination` of the source, or of the step, says how the next \
         page is found and which is the last, or `type = \"none\"` that the first is enough"
    )
}
