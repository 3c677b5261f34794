//! A configuration's ledger → opened, and runs begun in it.

use super::{Host, HostError};
use crate::config;
use crate::dynamodb::admin::{Polling, TableDescription};
use crate::ledger::{self, Begin, Hash, Ledger, LedgerRun};
use crate::plan;
use crate::rows::{self, Identity};
use std::sync::PoisonError;
use std::time::SystemTime;

impl Host {
    /// The configured ledger; none where it's off.
    pub async fn ledger(&self) -> Result<Option<Ledger>, HostError> {
        Ok(match &self.config.ledger {
            config::LedgerSettings::Off => None,
            config::LedgerSettings::File(file) => Some(Ledger::open_file(file).await?),
            config::LedgerSettings::Table(name) => {
                let retry = self.plan.table()?.retry;
                Some(Ledger::open_table(self.dynamodb()?.clone(), name, retry).await?)
            }
        })
    }

    /// Whether the configured ledger can be opened; it is not made. False where it's
    /// off.
    pub async fn check_ledger(&self) -> Result<bool, HostError> {
        if let config::LedgerSettings::File(file) = &self.config.ledger
            && !file.exists()
        {
            Ledger::check_new_file(file)?;
            return Ok(true);
        }
        Ok(self.ledger().await?.is_some())
    }

    /// Begins a run over these rows in a ledger, or continues with one. For
    /// [`Run::ledger`]. One over rows that can be read only once is continued
    /// only by its name.
    pub async fn begin(
        &self,
        ledger: &Ledger,
        how: &Begin,
        rows: &config::Rows,
    ) -> Result<LedgerRun, HostError> {
        let rows = rows::identity(rows).await?;
        let work = plan::work(&rows, self.source()?);
        let scope = self.scope().await?;
        let how = match (&rows, how) {
            // They may be others than the open run's.
            (Identity::Unknown(_), Begin::Continue(_)) => &Begin::Fresh,
            _ => how,
        };
        Ok(ledger.begin(how, work, scope, SystemTime::now()).await?)
    }

    /// What the table is known by in a ledger. Right after [`Self::run`], [`Self::load`]
    /// or [`Self::checked_table`] DynamoDB isn't asked again.
    pub async fn scope(&self) -> Result<Hash, HostError> {
        let seen = self.seen.lock();
        let seen = seen.unwrap_or_else(PoisonError::into_inner).take();
        let table = match seen {
            Some(table) => table,
            None => self.describe_table().await?,
        };
        Ok(plan::scope(self.dynamodb()?.origin(), &table))
    }

    /// Creates the ledger's table.
    pub async fn create_ledger_table(&self, name: &str) -> Result<TableDescription, HostError> {
        let keys = ledger::table_keys();
        Ok(self
            .dynamodb()?
            .create_table(name, &keys, Polling::default())
            .await?)
    }
}
