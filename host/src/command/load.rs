//! `rowcast load`: JSON lines → the table.

use super::run::{self, Parts};
use super::{Exit, Failure, Global, Signals};
use clap::Args;
use rowcast::config::{FileRows, Format, Section};
use rowcast::host::HostError;
use std::path::PathBuf;

/// Write documents (JSON lines) to the table.
///
/// Of a file that `--rejected` wrote, the documents are taken. Documents that
/// haven't changed since they were written aren't written again.
#[derive(Debug, Args)]
pub struct Load {
    #[command(flatten)]
    unchanged: super::ledger::UnchangedBooks,
    /// A file of one JSON object per line; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    file: String,
    /// Write what is rejected to this file, as JSON lines.
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
}

impl Load {
    pub async fn execute(self, global: &Global, signals: &Signals) -> Result<Exit, Failure> {
        global.spare(self.rejected.as_deref())?;
        let host = global.host(global.config(&[Section::Table])?).await?;
        let file = FileRows::new(&self.file, Some(Format::JsonLines))
            .map_err(|reason| Failure::invalid(reason, None))?;
        let input = super::ledger::documents(&host, file, self.rejected.as_deref())?;
        let load = self.unchanged.apply(&host, host.load().await?)?;
        let load = match host.ledger().await? {
            Some(ledger) => {
                let recording = ledger.contents_only(host.scope().await?).await;
                load.ledger(recording.map_err(HostError::from)?)
            }
            None => load,
        };
        let report = super::ledger::releasing(
            &load,
            Box::pin(async {
                let rows = Box::pin(input.open(&host));
                let (load, talks) = (load.clone(), global.talks());
                run::watch(signals, load, rows, self.rejected, talks, Parts::Load, None).await
            }),
        );
        let report = report.await?;
        input.mention_left_out(global.talks());
        run::finish(report, None)
    }
}
