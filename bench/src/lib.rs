//! What the programs of a measurement share: the work that each of them does,
//! and the answers that they get.

pub mod tracks;

use std::env;

/// The work, from the environment: the same for every program.
#[derive(Clone, Debug)]
pub struct Work {
    /// Where the rows are.
    pub postgres: String,
    /// The source's origin.
    pub source: String,
    /// DynamoDB's endpoint.
    pub dynamodb: String,
    /// Requests to the source at once.
    pub in_flight: usize,
}

/// The combinations of each row.
pub const COUNTRIES: [&str; 2] = ["US", "CA"];

/// Rowcast's workers, of which each has its share of the requests at once.
pub const WORKERS: usize = 4;

/// Requests to the source at once: what Rowcast's defaults come to.
pub const IN_FLIGHT: usize = 32;

/// Items that a Scan finds.
pub const SCANNED: u64 = 100_000;

impl Work {
    /// Reads the environment.
    pub fn read() -> anyhow::Result<Self> {
        Ok(Self {
            postgres: env::var("BENCH_POSTGRES")?,
            source: env::var("BENCH_SOURCE")?,
            dynamodb: env::var("BENCH_DYNAMODB")?,
            in_flight: env::var("BENCH_IN_FLIGHT")?.parse()?,
        })
    }

    /// The artists' ids.
    pub async fn rows(&self) -> anyhow::Result<Vec<String>> {
        let (client, connection) =
            tokio_postgres::connect(&self.postgres, tokio_postgres::NoTls).await?;
        let connection = tokio::spawn(connection);
        let rows = client
            .query("SELECT id FROM artists ORDER BY id", &[])
            .await?;
        let ids = rows.iter().map(|row| row.get(0)).collect();
        drop(client);
        connection.await??;
        Ok(ids)
    }
}
