//! `rowcast check`: every connection and credential, tried without writing.

use super::error::{exit_of_table, stopped};
use super::{Exit, Failure, Global};
use super::{print, run};
use clap::Args;
use rowcast::config::{Input, KeyType, Keys, Retry, Rows, Section};
use rowcast::dynamodb::admin::TableError;
use rowcast::engine::{Extraction, PendingRequest, Request, Stop, counted};
use rowcast::hint::Hint;
use rowcast::host::Host;
use rowcast::rows;
use rowcast::run::{Stopped, Upstream};
use serde_json::{Map, Value};

/// Try every connection and credential, writing nothing.
///
/// It reads the first row, asks the source for it once, looks at the table,
/// asks DynamoDB to write an item that it can only refuse, and opens the ledger.
#[derive(Debug, Args)]
pub struct Check {}

impl Check {
    pub async fn execute(self, global: &Global) -> Result<Exit, Failure> {
        // Where it isn't said where the table is, all else is tried.
        let (host, no_table) = match global.host(global.config(Section::ALL)?).await {
            Err(failure) if failure.lacks_region() => {
                let sections = [Section::Rows, Section::Source];
                (global.host(global.config(&sections)?).await?, Some(failure))
            }
            host => (host?, None),
        };
        let mut steps = Steps { worst: None };
        let row = steps.report("rows", self::rows(&host).await)?;
        let document = match row.and_then(|found| found.json) {
            Some(row) => steps.report("source", source(&host, row).await)?,
            None => steps.skip("source", "there is no row to ask it for")?,
        };
        let document = document.and_then(|found| found.json);
        let table = match no_table {
            Some(failure) => Err(failure),
            None => table(&host, document.as_deref()).await,
        };
        if steps.report("table", table)?.is_some() {
            steps.report("permission", permission(&host).await)?;
            steps.report("ledger", ledger(&host).await)?;
        } else {
            steps.skip("permission", "the table comes first")?;
            steps.skip("ledger", "the table comes first")?;
        }
        Ok(steps.worst.unwrap_or(Exit::Done))
    }
}

/// What a step found, and a row or document for the next.
struct Found {
    text: String,
    json: Option<String>,
}

impl Found {
    fn new(text: impl Into<String>) -> Self {
        let (text, json) = (text.into(), None);
        Self { text, json }
    }
}

/// Prints a line a step.
struct Steps {
    /// The first failing step's exit: what fails after it may only follow.
    worst: Option<Exit>,
}

impl Steps {
    fn report(
        &mut self,
        step: &str,
        result: Result<Found, Failure>,
    ) -> Result<Option<Found>, Failure> {
        match result {
            Ok(found) => {
                print::data(format!("ok      {step:10}  {}\n", found.text))?;
                Ok(Some(found))
            }
            Err(failure) => {
                let text = failure.explain().replace('\n', "\n        ");
                print::data(format!("FAILED  {step:10}  {}\n", text.trim_end()))?;
                self.worst.get_or_insert(failure.exit());
                Ok(None)
            }
        }
    }

    #[expect(clippy::unused_self, reason = "it stands among the others")]
    fn skip(&self, step: &str, reason: &str) -> Result<Option<Found>, Failure> {
        print::data(format!("skipped {step:10}  {reason}\n"))?;
        Ok(None)
    }
}

async fn rows(host: &Host) -> Result<Found, Failure> {
    let configured = host.config().rows()?;
    if let Rows::File(file) = configured
        && file.input == Input::Stdin
    {
        return Ok(Found::new("standard input, which is left for the run"));
    }
    let found = rows::check(configured, &host.config().limits).await?;
    let mut text = Vec::new();
    if let Some(version) = found.server_version {
        text.push(format!("PostgreSQL {version}"));
    }
    if found.first.is_none() {
        text.push("no row".to_owned());
    }
    text.push(match found.columns.as_slice() {
        [] => "no columns known".to_owned(),
        columns => format!("columns {}", columns.join(", ")),
    });
    let (text, json) = (text.join("; "), found.first);
    Ok(Found { text, json })
}

/// One request for the first row and the first combination.
async fn source(host: &Host, row: String) -> Result<Found, Failure> {
    const FAILED: &str = "ask the source for the first row";
    let source = host.source()?;
    let only = [PendingRequest {
        request: Request {
            row: 0,
            combination: 0,
        },
        resume: None,
    }];
    let pipeline = host.pipeline();
    let called = pipeline
        .extract(source.text(), &[row], Some(&only), None)
        .await;
    let violation = called.violation;
    let extraction = match called.result {
        Ok(extraction) => extraction,
        Err(error) => {
            let reason = rowcast::run::call_stopped(error, violation, Upstream::Source);
            return Err(stopped(reason, FAILED));
        }
    };
    if let Some(violation) = violation {
        return Err(stopped(Stopped::Policy(violation), FAILED));
    }
    if let Some((reason, exit)) = problem(&extraction) {
        let error = anyhow::Error::msg(reason).context(FAILED);
        return Err(Failure::new(error, None, exit));
    }
    let mut text = match extraction.documents.len() {
        1 => "one request, 1 record in the answer".to_owned(),
        count => format!("one request, {count} records in the answer"),
    };
    if counted(&extraction.counters, "source.unfollowed") > 0.0 {
        let note = run::unfollowed("the answer announces");
        text = format!("{text}\n                    note: {note}");
    }
    let json = extraction.documents.into_iter().next();
    Ok(Found { text, json })
}

/// What is wrong with an answer, if anything is.
fn problem(extraction: &Extraction) -> Option<(String, Exit)> {
    if let Some(rejected) = extraction.rejected.first() {
        let refused = matches!(rejected.status, Some(401 | 403));
        let exit = if refused {
            Exit::Denied
        } else {
            Exit::Rejected
        };
        return Some((rejected.reason.clone(), exit));
    }
    if let Some(rejected) = extraction.rejected_records.first() {
        return Some((rejected.reason.clone(), Exit::Rejected));
    }
    Some(match extraction.stopped.as_ref()? {
        Stop::Budget => ("the time for the call ran out".to_owned(), Exit::Incomplete),
        Stop::RateLimited(limit) => (limit.reason.clone(), Exit::Incomplete),
        Stop::Denied(stop) => (stop.reason.clone(), Exit::Denied),
        Stop::Invalid(stop) => (stop.reason.clone(), Exit::Invalid),
        Stop::Unavailable(stop) => (stop.reason.clone(), Exit::Unavailable),
    })
}

/// The table's keys, and whether a document of the source has them.
async fn table(host: &Host, document: Option<&str>) -> Result<Found, Failure> {
    host.checked_table().await?;
    let description = host.describe_table().await?;
    let document: Option<Map<String, Value>> =
        document.and_then(|document| serde_json::from_str(document).ok());
    let mut text = format!("`{}`, keys {}", description.name, description.keys);
    if let Some(document) = document {
        if let Some(reason) = lacks(&document, &description.keys) {
            return Err(Failure::invalid(
                format!(
                    "write the source's records to `{}`: {reason}",
                    description.name
                ),
                Some("fix it under [source.attributes], or name another table"),
            ));
        }
        text.push_str(", which the source's records have");
    }
    Ok(Found::new(text))
}

/// Which key attribute a document doesn't have as it should, if there is one.
fn lacks(document: &Map<String, Value>, keys: &Keys) -> Option<String> {
    std::iter::once(&keys.partition)
        .chain(&keys.sort)
        .find_map(|key| {
            let name = &key.name;
            let fits = match (key.kind, document.get(name)) {
                (_, None) => return Some(format!("they lack its key attribute `{name}`")),
                (KeyType::Number, Some(value)) => value.is_number(),
                (KeyType::Text | KeyType::Bytes, Some(value)) => {
                    value.as_str().is_some_and(|text| !text.is_empty())
                }
            };
            let wanted = match key.kind {
                KeyType::Number => "a number",
                KeyType::Text => "text that isn't empty",
                KeyType::Bytes => "base64 text that isn't empty",
            };
            (!fits).then(|| format!("its key attribute `{name}` must be {wanted}, and isn't"))
        })
}

/// Whether what was done can be kept.
async fn ledger(host: &Host) -> Result<Found, Failure> {
    Ok(Found::new(if host.check_ledger().await? {
        "it can be opened"
    } else {
        "off"
    }))
}

/// Asks to write an item without keys: DynamoDB refuses it as invalid to those
/// who may write, and as forbidden to those who may not.
async fn permission(host: &Host) -> Result<Found, Failure> {
    let name = &host.config().table()?.name;
    let put = serde_json::json!([{ "PutRequest": { "Item": {} } }]);
    let body = serde_json::json!({ "RequestItems": { name: put } });
    let dynamodb = host.dynamodb()?;
    let retry = Retry::default();
    match dynamodb.item("BatchWriteItem", name, &body, &retry).await {
        Ok(_) | Err(TableError::Invalid(_)) => Ok(Found::new("BatchWriteItem may be called")),
        Err(error) => {
            let hint = match error {
                TableError::Denied(_) => Some(Hint::new(
                    "the AWS identity needs dynamodb:BatchWriteItem and dynamodb:PutItem on the table",
                )),
                _ => error.hint(),
            };
            let exit = exit_of_table(&error);
            let error = anyhow::Error::new(error).context("try to write, without an item");
            Err(Failure::new(error, hint, exit))
        }
    }
}
