//! `rowcast load`: JSON lines → the table.

use super::run::{self, Parts};
use super::{Exit, Failure, Global};
use clap::Args;
use rowcast::config::{FileRows, Format, Section};
use std::path::PathBuf;

/// Write documents (JSON lines) to the table.
#[derive(Debug, Args)]
pub struct Load {
    /// A file of one JSON object per line; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    file: String,
    /// Write what is rejected to this file, as JSON lines.
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
}

impl Load {
    pub async fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let host = global.host(global.config(&[Section::Table])?).await?;
        let file = FileRows::new(&self.file, Some(Format::JsonLines))
            .map_err(|reason| Failure::invalid(reason, None))?;
        let load = host.load().await?;
        let rows = host.rows_of(&rowcast::config::Rows::File(file)).await?;
        run::finish(
            run::watch(
                load,
                rows,
                self.rejected,
                global.talks(),
                Parts::Load,
                |_| (),
            )
            .await?,
        )
    }
}
