//! Rows on standard input → Rowcast's component, in plain wasmtime → documents
//! in `DynamoDB`, and those that meet a condition on standard output.
//!
//! Nothing of the `rowcast` crate is used: `rowcast-standalone.wasm` signs for
//! itself by the `AWS_*` variables, and asks only origins in `ROWCAST_ALLOW`.

mod runtime;

use anyhow::bail;
use futures_util::{StreamExt, TryStreamExt, stream};
use runtime::types::{Failure, Stop};
use runtime::{Component, transfer};
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
        .map(|rows| settle(&component, (source.clone(), target.clone()), rows));
    let mut counts = stream::iter(chunks).buffer_unordered(AT_ONCE);
    let mut sums = [0; 4];
    while let Some(counts) = counts.try_next().await? {
        sums.iter_mut()
            .zip(counts)
            .for_each(|(sum, count)| *sum += count);
    }
    let [written, superseded, rejected, pending] = sums;
    eprint!("{} rows: {written} documents written, ", rows.len());
    eprintln!("{superseded} superseded, {rejected} rejected, {pending} pending");
    print(&component, table, filter).await
}

/// Documents written, and superseded by a later one of the chunk; requests,
/// records and documents that were rejected, and that are left for another day.
type Counts = [usize; 4];

/// Calls `transfer` until nothing remains that time alone would resolve. A call
/// that ended halfway, whatever ended it, is simply repeated: writing a
/// document twice is writing it once.
async fn settle(
    component: &Component,
    (source, table): (String, String),
    rows: &[String],
) -> anyhow::Result<Counts> {
    let (mut written, mut superseded, mut rejected) = (0, 0, 0);
    let mut remaining: Option<transfer::Remaining> = None;
    let left = |remaining: &Option<transfer::Remaining>| match remaining {
        Some(remaining) => remaining.requests.len() + remaining.documents.len(),
        None => rows.len(),
    };
    let mut idle = 0;
    while idle < IDLE_CALLS {
        let (source, table, sent) = (&source, &table, remaining.as_ref());
        let call = component.call(async |instance, store| {
            let exports = instance.rowcast_pipeline_transfer();
            let budget = Some(BUDGET_MS);
            exports
                .call_transfer(store, source, table, rows, sent, budget)
                .await
        });
        let before = (left(&remaining), written);
        let pause = match call.await? {
            Ok(report) => {
                written += usize::try_from(report.written)?;
                superseded += usize::try_from(report.superseded)?;
                rejected += report.rejected.len()
                    + report.rejected_records.len()
                    + report.rejected_documents.len();
                if report.remaining.is_none() {
                    return Ok([written, superseded, rejected, 0]);
                }
                remaining = report.remaining;
                wait(Ok(report.stopped))?
            }
            Err(failure) => wait(Err(failure))?,
        };
        let idled = (left(&remaining), written) == before;
        idle = if idled { idle + 1 } else { 0 };
        tokio::time::sleep(pause).await;
    }
    Ok([written, superseded, rejected, left(&remaining)])
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
fn wait(ended: Result<Option<Stop>, Failure>) -> anyhow::Result<Duration> {
    match ended {
        Ok(None | Some(Stop::Budget)) => Ok(Duration::ZERO),
        Ok(Some(Stop::RateLimited(limit))) | Err(Failure::RateLimited(limit)) => {
            let wait = Duration::from_millis(limit.retry_after_ms);
            if wait > LONGEST_PAUSE {
                let (who, seconds) = (limit.upstream, wait.as_secs());
                bail!(
                    "{who} asks for a pause of {seconds} s ({}); start again then",
                    limit.reason
                );
            }
            Ok(wait)
        }
        Ok(Some(Stop::Unavailable(_)))
        | Err(Failure::ExecutionFailed | Failure::Unavailable(_)) => Ok(Duration::from_secs(1)),
        Ok(Some(Stop::Denied(stop) | Stop::Invalid(stop))) => bail!(stop.reason),
        Err(failure) => Err(failure.into()),
    }
}
