//! Rows on standard input → Rowcast's component, in plain wasmtime → documents
//! in `DynamoDB`, and those that meet a condition on standard output.
//!
//! Nothing of the `rowcast` crate is used: `rowcast-standalone.wasm` signs for
//! itself by the `AWS_*` variables, and asks only origins in `ROWCAST_ALLOW`.

mod runtime;

use anyhow::bail;
use futures_util::{StreamExt, TryStreamExt, stream};
use runtime::{Component, Failure, transfer, types};
use serde_json::json;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Duration;

/// Rows in one call: what is lost and repeated when a machine dies.
const CHUNK: usize = 50;
/// Calls at once. Each has an instance and a memory of its own.
const AT_ONCE: usize = 4;
/// Calls for one chunk that may end without progress.
const IDLE_CALLS: u32 = 5;
/// What a call is told to return within; [`runtime::DEADLINE`] ends it.
const BUDGET_MS: u64 = 20_000;
/// The longest pause that is waited out. An upstream may ask for years.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, url, table, filter] = arguments.as_slice() else {
        bail!("usage: rowcast-embed COMPONENT URL-TEMPLATE TABLE CONDITION < ROWS");
    };
    let component = Component::load(file)?;
    let rows: Vec<String> = stdin().lock().lines().collect::<Result<_, _>>()?;
    // Whatever isn't said has the component's defaults: see `describe`.
    let source = json!({"url": url}).to_string();
    let target = json!({"name": table}).to_string();

    let chunks = rows
        .chunks(CHUNK)
        .map(|rows| settle(&component, &source, &target, rows));
    let counts: Vec<Counts> = stream::iter(chunks)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let total = |count: fn(&Counts) -> usize| counts.iter().map(count).sum::<usize>();
    eprintln!(
        "{} rows: {} documents written, {} superseded, {} rejected, {} pending",
        rows.len(),
        total(|counts| counts.written),
        total(|counts| counts.superseded),
        total(|counts| counts.rejected),
        total(|counts| counts.pending),
    );
    print(&component, table, filter).await
}

/// Where everything of one chunk is.
#[derive(Default)]
struct Counts {
    written: usize,
    /// Documents whose key a later one of the chunk has too.
    superseded: usize,
    /// Requests, records and documents that repeating can't help.
    rejected: usize,
    /// Requests and documents to try another day.
    pending: usize,
}

/// Calls `transfer` until nothing remains that time alone would resolve. A call
/// that ended halfway, whatever ended it, is simply repeated: writing a
/// document twice is writing it once.
async fn settle(
    component: &Component,
    source: &str,
    table: &str,
    rows: &[String],
) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    let mut remaining: Option<transfer::Remaining> = None;
    let left = |remaining: &Option<transfer::Remaining>| {
        remaining.as_ref().map_or(rows.len(), |remaining| {
            remaining.requests.len() + remaining.documents.len()
        })
    };
    let mut idle = 0;
    while idle < IDLE_CALLS {
        let (source, table) = (source.to_owned(), table.to_owned());
        let sent = remaining.as_ref();
        let call = component.call(async |instance, store| {
            let transfer = instance.rowcast_pipeline_transfer();
            transfer
                .call_transfer(store, &source, &table, rows, sent, Some(BUDGET_MS))
                .await
        });
        let before = (left(&remaining), counts.written);
        let wait = match call.await? {
            Ok(report) => {
                counts.written += usize::try_from(report.written)?;
                counts.superseded += usize::try_from(report.superseded)?;
                counts.rejected += report.rejected.len()
                    + report.rejected_records.len()
                    + report.rejected_documents.len();
                if report.remaining.is_none() {
                    return Ok(counts);
                }
                remaining = report.remaining;
                wait_of_stop(report.stopped)?
            }
            Err(failure) => wait_of_failure(failure)?,
        };
        idle = if (left(&remaining), counts.written) == before {
            idle + 1
        } else {
            0
        };
        tokio::time::sleep(wait).await;
    }
    counts.pending = left(&remaining);
    Ok(counts)
}

/// Prints page after page.
async fn print(component: &Component, table: &str, filter: &str) -> anyhow::Result<()> {
    let query = json!({"table": table, "filter": filter, "consistent": true}).to_string();
    let mut cursor: Option<String> = None;
    loop {
        let (query, from) = (&query, cursor.as_deref());
        let call = component.call(async |instance, store| {
            let exports = instance.rowcast_pipeline_query();
            exports
                .call_query(store, query, from, Some(BUDGET_MS))
                .await
        });
        let page = call.await??;
        for document in page.documents {
            writeln!(stdout(), "{document}")?;
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// How long to wait before the next call; an error where none can help.
fn wait_of_stop(stop: Option<types::Stop>) -> anyhow::Result<Duration> {
    match stop {
        None | Some(types::Stop::Budget) => Ok(Duration::ZERO),
        Some(types::Stop::RateLimited(limit)) => pause(&limit),
        Some(types::Stop::Unavailable(_)) => Ok(Duration::from_secs(1)),
        Some(types::Stop::Denied(stop) | types::Stop::Invalid(stop)) => bail!(stop.reason),
    }
}

fn wait_of_failure(failure: Failure) -> anyhow::Result<Duration> {
    match failure {
        Failure::ExecutionFailed | Failure::Unavailable(_) => Ok(Duration::from_secs(1)),
        Failure::RateLimited(limit) => pause(&limit),
        Failure::PermanentInvalid(_) | Failure::PermanentDenied(_) => Err(failure.into()),
    }
}

fn pause(limit: &types::RateLimit) -> anyhow::Result<Duration> {
    let wait = Duration::from_millis(limit.retry_after_ms);
    if wait > LONGEST_PAUSE {
        bail!(
            "{} asks for a pause of {} s ({}); start again then",
            limit.upstream,
            wait.as_secs(),
            limit.reason
        );
    }
    Ok(wait)
}
