//! What goes wrong at a table.

use super::Capacity;
use crate::source::Outage;
use std::time::Duration;

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DynamoFault {
    /// Every other item of a batch, from the first on, is returned unprocessed;
    /// the others are written.
    Unprocessed,
    /// `ProvisionedThroughputExceededException`.
    Throughput,
    /// `ThrottlingException`.
    Throttling,
    /// The same, with `x-amz-retry-after`: to be left alone for so many
    /// milliseconds.
    RetryAfter(u64),
    /// 500, `InternalServerError`.
    Internal,
    /// The connection is closed, and nothing was done.
    ResetBefore,
    /// The connection is closed after the request was carried out.
    ResetAfter,
    /// Half of the answer comes after the request was carried out.
    CutAfter,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct DynamoPlan {
    /// Of all chances.
    pub seed: u64,
    /// Faults of the first batches, one after the other.
    pub first: &'static [DynamoFault],
    /// Then faults by chances in a thousand.
    pub rates: &'static [(DynamoFault, u64)],
    /// Items in a thousand that DynamoDB refuses, and their batches with them.
    pub poisoned: u64,
    /// Items with this attribute are refused as well.
    pub refused: Option<&'static str>,
    /// How far this server's clock is ahead.
    pub clock_seconds: i64,
    /// After so many calls the credentials named `first` have expired.
    pub expire_credentials_after: Option<u32>,
    /// What it writes a second. Then there are no faults by rates.
    pub capacity: Option<Capacity>,
    /// When its port is closed, by the number of calls.
    pub outage: Option<Outage>,
    /// What each answer takes besides.
    pub latency: Duration,
}

impl DynamoPlan {
    /// No faults.
    pub const QUIET: Self = Self {
        seed: 0,
        first: &[],
        rates: &[],
        poisoned: 0,
        refused: None,
        clock_seconds: 0,
        expire_credentials_after: None,
        capacity: None,
        outage: None,
        latency: Duration::ZERO,
    };
}
