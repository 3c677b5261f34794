//! `rowcast table create|describe`: the DynamoDB table.

use super::print;
use super::{Exit, Failure, Global};
use clap::Subcommand;
use rowcast::config::{LedgerSettings, Section};
use rowcast::dynamodb::admin::{Billing, TableDescription};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum Table {
    /// Create the table with the keys in `table.keys` (or the preset's), paid by request.
    Create {
        /// Create the table in `ledger.table` instead, for the ledger.
        #[arg(long)]
        ledger: bool,
    },
    /// Print what the table is, as one JSON object.
    Describe,
}

impl Table {
    pub async fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let host = global.host(global.config(&[Section::Table])?).await?;
        let table = match self {
            Self::Create { ledger } => {
                let table = match (ledger, &host.config().ledger) {
                    (false, _) => host.create_table().await?,
                    (true, LedgerSettings::Table(name)) => host.create_ledger_table(name).await?,
                    (true, _) => {
                        let hint = "add `[ledger] table = \"…\"` to the configuration";
                        return Err(Failure::invalid("the ledger is not a table", Some(hint)));
                    }
                };
                if global.talks() {
                    let (name, keys) = (&table.name, &table.keys);
                    print::note(&format!("created `{name}` with the keys {keys}\n"));
                }
                table
            }
            Self::Describe => host.describe_table().await?,
        };
        print::data(describe(&table) + "\n")?;
        Ok(Exit::Done)
    }
}

fn describe(table: &TableDescription) -> String {
    let billing = match table.billing {
        Billing::OnDemand => json!("on demand"),
        Billing::Provisioned { read, write } => json!({ "read": read, "write": write }),
    };
    let indexes: Vec<_> = table
        .indexes
        .iter()
        .map(|index| {
            json!({ "name": index.name, "keys": index.keys.to_string(), "global": index.global })
        })
        .collect();
    json!({
        "name": table.name,
        "status": table.status.to_string(),
        "keys": table.keys.to_string(),
        "indexes": indexes,
        "billing": billing,
        "items": table.item_count,
        "bytes": table.size_bytes,
    })
    .to_string()
}
