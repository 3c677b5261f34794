//! Counts → a line on standard error: one that's redrawn on a terminal, a new
//! one now and then elsewhere.

use super::error::plain;
use super::print::note;
use indicatif::{ProgressBar, ProgressStyle};
use rowcast::run::{Tally, Upstream, clock};
use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shorter waits are no news.
const WORTH_SAYING: Duration = Duration::from_secs(3);

/// Shows how far a run is.
pub struct Progress {
    started: Instant,
    shown: Shown,
}

enum Shown {
    Nowhere,
    Terminal(ProgressBar),
    /// When the last line was printed, and until when a wait was said to last.
    Lines(Mutex<(Instant, Option<SystemTime>)>),
}

impl Progress {
    pub fn start(talks: bool) -> Self {
        let started = Instant::now();
        let shown = match (talks, stderr().is_terminal()) {
            (false, _) => Shown::Nowhere,
            (true, true) => Shown::Terminal(bar()),
            (true, false) => Shown::Lines(Mutex::new((started, None))),
        };
        Self { started, shown }
    }

    pub fn show(&self, tally: &Tally) {
        match &self.shown {
            Shown::Nowhere => {}
            Shown::Terminal(bar) => bar.set_message(line(tally, self.started.elapsed())),
            Shown::Lines(last) => {
                let Ok(mut last) = last.lock() else { return };
                if last.0.elapsed() >= LINE_EVERY {
                    last.0 = Instant::now();
                    note(&(line(tally, self.started.elapsed()) + "\n"));
                }
            }
        }
    }

    /// Shows for whom the run waits, and until when, if that is long.
    pub fn wait(&self, by: Upstream, until: SystemTime, reason: &str) {
        let left = until.duration_since(SystemTime::now()).unwrap_or_default();
        if left < WORTH_SAYING {
            return;
        }
        let line = format!("waiting for {by} until {}: {}", clock(until), plain(reason));
        match &self.shown {
            Shown::Nowhere => {}
            Shown::Terminal(bar) => bar.set_message(line),
            Shown::Lines(last) => {
                let Ok(mut last) = last.lock() else { return };
                // All workers wait for the same.
                if last.1.is_none_or(|said| until > said + WORTH_SAYING) {
                    last.1 = Some(until);
                    note(&(line + "\n"));
                }
            }
        }
    }

    /// Prints a line of its own, above the one that's redrawn.
    pub fn say(&self, line: &str) {
        let print = || note(&format!("{line}\n"));
        match &self.shown {
            Shown::Nowhere => {}
            Shown::Terminal(bar) => bar.suspend(print),
            Shown::Lines(_) => print(),
        }
    }

    /// Removes the line, for what comes next.
    pub fn finish(&self) {
        if let Shown::Terminal(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {wide_msg}") {
        bar.set_style(style);
    }
    bar.set_message(line(&Tally::default(), Duration::ZERO));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn line(tally: &Tally, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs().max(1);
    let documents = tally.documents.written + tally.documents.emitted;
    let rejected = tally.rejections();
    format!(
        "{} rows, {} requests, {documents} documents ({}/s), {rejected} rejected",
        tally.rows.read,
        tally.requests.done,
        documents / seconds,
    )
}
