//! `rowcast check`: every connection and credential, tried without writing.

use super::{Exit, Failure, Global, run};
use clap::Args;
use rowcast::config::{Input, Rows, Section};
use rowcast::engine::{Cell, Extraction, Stop};
use rowcast::host::Host;
use rowcast::{plan, rows};
use std::io::{Write, stdout};

/// Try every connection and credential, writing nothing.
///
/// It reads the first row, asks the source for it once, looks at the table,
/// and asks DynamoDB to write an item that it can only refuse.
#[derive(Debug, Args)]
pub struct Check {}

impl Check {
    pub async fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let host = global.host(global.config(Section::ALL)?).await?;
        let row = self::rows(&host).await;
        let mut worst = report("rows", &row);
        let document = match row.as_ref().ok().and_then(|found| found.row.clone()) {
            Some(row) => {
                let document = source(&host, row).await;
                worst = worst.or(report("source", &document));
                document.ok().and_then(|found| found.row)
            }
            None => {
                let _ = writeln!(
                    stdout(),
                    "skip   source       there is no row to ask it for"
                );
                None
            }
        };
        let table = table(&host, document.as_deref()).await;
        worst = worst.or(report("table", &table));
        if table.is_ok() {
            worst = worst.or(report("permission", &permission(&host).await));
        }
        match worst {
            None => Ok(Exit::Done),
            Some(exit) => Ok(exit),
        }
    }
}

/// What a step found, and a row or document for the next.
struct Found {
    text: String,
    row: Option<String>,
}

fn report(step: &str, result: &Result<Found, Failure>) -> Option<Exit> {
    let mut out = stdout();
    match result {
        Ok(found) => {
            let _ = writeln!(out, "ok     {step:12} {}", found.text);
            None
        }
        Err(failure) => {
            let text = failure.render().replace('\n', "\n       ");
            let _ = writeln!(out, "FAILED {step:12} {}", text.trim_end());
            Some(failure.exit())
        }
    }
}

async fn rows(host: &Host) -> Result<Found, Failure> {
    let configured = host.config().rows()?;
    if let Rows::File(file) = configured
        && file.input == Input::Stdin
    {
        let text = "standard input, which is left for the run".to_owned();
        return Ok(Found { text, row: None });
    }
    let found = rows::check(configured, &host.config().limits).await?;
    let server = found
        .server_version
        .map(|version| format!("PostgreSQL {version}; "));
    let columns = found.columns.join(", ");
    let rows = if found.first.is_some() {
        ""
    } else {
        "; but no row"
    };
    let text = format!("{}columns {columns}{rows}", server.unwrap_or_default());
    Ok(Found {
        text,
        row: found.first,
    })
}

/// One request for the first row and the first combination.
async fn source(host: &Host, row: String) -> Result<Found, Failure> {
    let source = plan::source(host.config().source()?);
    let only = [Cell {
        row: 0,
        combination: 0,
    }];
    let extraction = host
        .pipeline()
        .extract(&source, &[row], Some(&only), None)
        .await;
    let extraction = extraction.map_err(|error| {
        let stopped = rowcast::run::call_stopped(error);
        let (hint, exit) = (stopped.hint(), run::exit_of(&stopped));
        Failure::new(stopped, hint, exit)
    })?;
    if let Some(reason) = trouble(&extraction) {
        return Err(Failure::new(
            anyhow::Error::msg(reason),
            None,
            Exit::Rejected,
        ));
    }
    let records = extraction.documents.len();
    let text = format!("one request answered with {records} records, all with what is required");
    Ok(Found {
        text,
        row: extraction.documents.into_iter().next(),
    })
}

fn trouble(extraction: &Extraction) -> Option<String> {
    let rejected = extraction
        .rejected
        .iter()
        .map(|rejected| rejected.reason.clone());
    let records = extraction
        .rejected_records
        .iter()
        .map(|rejected| rejected.reason.clone());
    let stopped = extraction.stopped.iter().map(|stop| match stop {
        Stop::Budget => "the time for the call ran out".to_owned(),
        Stop::RateLimited(limit) => {
            format!(
                "{}; it asks to wait {} s",
                limit.reason,
                limit.retry_after_ms.div_ceil(1000)
            )
        }
        Stop::Denied(reason) | Stop::Unavailable(reason) => reason.clone(),
    });
    rejected.chain(records).chain(stopped).next()
}

/// The table's keys, and whether a document of the source has them.
async fn table(host: &Host, document: Option<&str>) -> Result<Found, Failure> {
    let table = host.checked_table().await?;
    let description = host.describe_table().await?;
    let document: Option<serde_json::Map<_, _>> =
        document.and_then(|document| serde_json::from_str(document).ok());
    if let (Some(document), Some(keys)) = (&document, &table.keys) {
        let names = std::iter::once(&keys.partition)
            .chain(&keys.sort)
            .map(|key| &key.name);
        if let Some(missing) = names.into_iter().find(|name| !document.contains_key(*name)) {
            return Err(Failure::invalid(
                format!("the source's documents lack the table's key attribute `{missing}`"),
                Some("add it under [source.attributes], or name another table"),
            ));
        }
    }
    Ok(Found {
        text: format!("`{}`, keys {}", description.name, description.keys),
        row: None,
    })
}

/// Asks to write an item without keys: DynamoDB refuses it as invalid to those
/// who may write, and as forbidden to those who may not.
async fn permission(host: &Host) -> Result<Found, Failure> {
    let name = &host.config().table()?.name;
    let put = serde_json::json!([{ "PutRequest": { "Item": {} } }]);
    let mut tables = serde_json::Map::new();
    tables.insert(name.clone(), put);
    let body = serde_json::json!({ "RequestItems": tables }).to_string();
    let answer = host.dynamodb()?.send("BatchWriteItem", body).await;
    let (status, body) = answer.map_err(|error| Failure::new(error, None, Exit::Unavailable))?;
    if body.contains("ValidationException") {
        return Ok(Found {
            text: "BatchWriteItem is allowed".to_owned(),
            row: None,
        });
    }
    Err(Failure::new(
        anyhow::Error::msg(format!("BatchWriteItem is refused: {status} {body}")),
        Some(rowcast::hint::Hint::new(
            "the AWS identity needs dynamodb:BatchWriteItem on the table",
        )),
        Exit::Denied,
    ))
}
