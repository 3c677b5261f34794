//! `rowcast extract`: rows → documents on standard output.

use super::ledger::{self, GivenRows};
use super::output::{Columns, Format, Printer, terminal_width};
use super::run::{self, Parts};
use super::{Exit, Failure, Global, Signals};
use clap::Args;
use rowcast::config::Section;
use std::io::stdout;
use std::path::PathBuf;

/// Print the documents of rows, writing nothing to DynamoDB.
///
/// Documents come as chunks of rows are finished, so not in the rows' order.
#[derive(Debug, Args)]
pub struct Extract {
    /// How to print them.
    #[arg(
        long,
        short,
        value_enum,
        default_value = "jsonl",
        value_name = "FORMAT"
    )]
    output: Format,
    #[command(flatten)]
    given: GivenRows,
    /// Write what is rejected to this file, as JSON lines.
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
}

impl Extract {
    pub async fn execute(self, global: &Global, signals: &Signals) -> Result<Exit, Failure> {
        let sections: &[Section] = match &self.given.rows {
            Some(_) => &[Section::Source],
            None => &[Section::Rows, Section::Source],
        };
        global.spare(self.rejected.as_deref())?;
        let host = global.host(global.config(sections)?).await?;
        let input = ledger::input(&host, &self.given, self.rejected.as_deref())?;
        let extract = input.prepare(host.extract()?);
        let printer = Printer::new(self.output, Columns::AsTheyCome, stdout(), terminal_width());
        let rows = Box::pin(input.open(&host));
        let report = run::watch(
            signals,
            extract,
            rows,
            self.rejected,
            global.talks(),
            Parts::Extract,
            Some(printer),
        )
        .await?;
        input.mention_left_out(global.talks());
        run::finish(report, None)
    }
}
