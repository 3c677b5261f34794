//! Rows on standard input → Rowcast's component, in plain wasmtime → documents
//! in `DynamoDB`, and those that meet a condition on standard output.
//!
//! Nothing of the `rowcast` crate is used: `rowcast-standalone.wasm` signs for
//! itself by the `AWS_*` variables, and asks only origins in `ROWCAST_ALLOW`.

mod runtime;

use anyhow::{Context, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use runtime::{Component, Failure, extract, load, query, types};
use std::io::{BufRead, Write, stdin, stdout};
use std::mem::take;
use std::time::Duration;

/// Rows in one call: what is lost and repeated when a machine dies.
const CHUNK: usize = 50;
/// Calls at once. Each has an instance and a memory of its own.
const AT_ONCE: usize = 4;
/// Calls for one chunk that may end without getting on.
const IDLE_CALLS: u32 = 5;
/// What a call is told to return within; [`runtime::DEADLINE`] ends it.
const BUDGET_MS: u64 = 20_000;
/// The longest silence that is waited out. An upstream may ask for years.
const LONGEST_SILENCE: Duration = Duration::from_hours(1);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, url, table, filter] = arguments.as_slice() else {
        bail!("usage: rowcast-embed COMPONENT URL-TEMPLATE TABLE CONDITION < ROWS");
    };
    let component = Component::load(file)?;
    let rows: Vec<String> = stdin().lock().lines().collect::<Result<_, _>>()?;

    let chunks = stream::iter(rows.chunks(CHUNK).map(|rows| {
        let pipeline = Pipeline::new(&component, url, table);
        async move { pipeline.settle(rows).await }
    }));
    let counts: Vec<Counts> = chunks.buffer_unordered(AT_ONCE).try_collect().await?;
    let total = |count: fn(&Counts) -> usize| counts.iter().map(count).sum::<usize>();
    eprintln!(
        "{} rows: {} documents written, {} superseded, {} rejected, {} pending",
        rows.len(),
        total(|counts| counts.written),
        total(|counts| counts.superseded),
        total(|counts| counts.rejected),
        total(|counts| counts.pending),
    );
    Pipeline::new(&component, url, table).print(filter).await
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

struct Pipeline<'a> {
    component: &'a Component,
    source: extract::Source,
    table: load::Table,
}

impl<'a> Pipeline<'a> {
    fn new(component: &'a Component, url: &str, table: &str) -> Self {
        let source = extract::Source {
            url: url.to_owned(),
            headers: Vec::new(),
            matrix: Vec::new(),
            records: String::new(),
            attributes: Vec::new(),
            require: Vec::new(),
            auth: extract::Auth::None,
            pagination: extract::Pagination::None,
            max_pages: 1,
            concurrency: 8,
            retry: retry(),
            request_timeout_ms: 10_000,
            max_body_bytes: 8 << 20,
        };
        let table = load::Table {
            name: table.to_owned(),
            keys: None,
            retry: retry(),
            concurrency: 4,
        };
        Self {
            component,
            source,
            table,
        }
    }

    /// Extracts and loads until nothing is pending that time alone would
    /// resolve. A call that ended halfway, whatever ended it, is simply
    /// repeated for the rest: writing a document twice is writing it once.
    async fn settle(&self, rows: &[String]) -> anyhow::Result<Counts> {
        let mut counts = Counts::default();
        // None: all of them.
        let mut cells: Option<Vec<extract::Cell>> = None;
        let mut idle = 0;
        while idle < IDLE_CALLS && cells.as_ref().is_none_or(|cells| !cells.is_empty()) {
            let only = cells.as_deref();
            let source = &self.source;
            let call = self.component.call(async |instance, store| {
                let extract = instance.rowcast_pipeline_extract();
                extract
                    .call_extract(store, source, rows, only, Some(BUDGET_MS))
                    .await
            });
            let wait = match call.await? {
                Ok(extraction) => {
                    let before = cells.map_or(rows.len(), |cells| cells.len());
                    idle = if extraction.pending.len() < before {
                        0
                    } else {
                        idle + 1
                    };
                    counts.rejected +=
                        extraction.rejected.len() + extraction.rejected_records.len();
                    cells = Some(extraction.pending);
                    // At once: whatever ends the next calls, this is done.
                    self.load(extraction.documents, &mut counts).await?;
                    wait_of_stop(extraction.stopped)?
                }
                Err(failure) => {
                    idle += 1;
                    wait_of_failure(failure)?
                }
            };
            tokio::time::sleep(wait).await;
        }
        counts.pending += cells.map_or(rows.len(), |cells| cells.len());
        Ok(counts)
    }

    async fn load(&self, mut documents: Vec<String>, counts: &mut Counts) -> anyhow::Result<()> {
        let mut idle = 0;
        while idle < IDLE_CALLS && !documents.is_empty() {
            let (table, sent) = (&self.table, &documents);
            let call = self.component.call(async |instance, store| {
                let load = instance.rowcast_pipeline_load();
                load.call_load(store, table, sent, Some(BUDGET_MS)).await
            });
            let wait = match call.await? {
                Ok(report) => {
                    counts.written += usize::try_from(report.written)?;
                    counts.superseded += report.superseded.len();
                    counts.rejected += report.rejected.len();
                    idle = if report.pending.len() < documents.len() {
                        0
                    } else {
                        idle + 1
                    };
                    let mut left = Vec::new();
                    for at in report.pending {
                        let document = documents.get_mut(usize::try_from(at)?);
                        left.push(take(document.context("no such document")?));
                    }
                    documents = left;
                    wait_of_stop(report.stopped)?
                }
                Err(failure) => {
                    idle += 1;
                    wait_of_failure(failure)?
                }
            };
            tokio::time::sleep(wait).await;
        }
        counts.pending += documents.len();
        Ok(())
    }

    /// Prints page after page.
    async fn print(&self, filter: &str) -> anyhow::Result<()> {
        let question = query::Question {
            table: self.table.name.clone(),
            index: None,
            filter: filter.to_owned(),
            select: Vec::new(),
            limit: None,
            segments: 1,
            consistent: true,
            retry: retry(),
        };
        let mut cursor: Option<String> = None;
        loop {
            let (question, from) = (&question, cursor.as_deref());
            let call = self.component.call(async |instance, store| {
                let query = instance.rowcast_pipeline_query();
                query
                    .call_query(store, question, from, Some(BUDGET_MS))
                    .await
            });
            let answer = call.await??;
            for document in answer.documents {
                writeln!(stdout(), "{document}")?;
            }
            cursor = answer.cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}

/// How long to wait before the next call; an error where none can help.
fn wait_of_stop(stop: Option<types::Stop>) -> anyhow::Result<Duration> {
    match stop {
        None | Some(types::Stop::Budget) => Ok(Duration::ZERO),
        Some(types::Stop::RateLimited(limit)) => silence(&limit),
        Some(types::Stop::Unavailable(_)) => Ok(Duration::from_secs(1)),
        Some(types::Stop::Denied(reason)) => bail!(reason),
    }
}

fn wait_of_failure(failure: Failure) -> anyhow::Result<Duration> {
    match failure {
        Failure::ExecutionFailed | Failure::Unavailable(_) => Ok(Duration::from_secs(1)),
        Failure::RateLimited(limit) => silence(&limit),
        Failure::PermanentInvalid(_) | Failure::PermanentDenied(_) => Err(failure.into()),
    }
}

fn silence(limit: &types::RateLimit) -> anyhow::Result<Duration> {
    let wait = Duration::from_millis(limit.retry_after_ms);
    if wait > LONGEST_SILENCE {
        bail!(
            "nothing may be asked for {} s ({}); start again then",
            wait.as_secs(),
            limit.reason
        );
    }
    Ok(wait)
}

/// Within one call; between calls it's for the loops above.
fn retry() -> types::Retry {
    types::Retry {
        max_attempts: 4,
        base_delay_ms: 100,
        max_delay_ms: 2_000,
        max_retry_after_ms: 5_000,
    }
}
