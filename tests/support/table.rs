//! Tables with keys other than the preset's, and what is in them.

use super::dynamodb::Dynamo;
use rowcast::engine::{Access, Query, counted};
use rowcast::host::Host;
use rowcast::run::RunReport;
use serde_json::Value;
use std::fmt::Write;

/// `[table]` of a local DynamoDB, with the keys that a preset proposes.
pub fn table_at(endpoint: &str, name: &str) -> String {
    format!(
        "[table]\nname = \"{name}\"\nregion = \"us-east-1\"\nendpoint = \"{endpoint}\"\n\
         credentials = {{ access_key_id = \"test\", secret_access_key = \"test\" }}\n"
    )
}

/// The same of that DynamoDB. `keys` is such as `pk N, sk S`; empty leaves
/// `table.keys` out.
pub fn table_keyed(dynamodb: &Dynamo, name: &str, keys: &str) -> String {
    let mut section = table_at(&dynamodb.endpoint, name);
    let roles = ["partition", "sort"];
    let keys = keys.split(", ").filter(|key| !key.is_empty());
    for (role, key) in roles.iter().zip(keys) {
        let (name, kind) = key.split_once(' ').unwrap();
        writeln!(
            section,
            "keys.{role} = {{ name = \"{name}\", type = \"{kind}\" }}"
        )
        .unwrap();
    }
    section
}

/// Loads documents through the library.
pub async fn load(host: &Host, documents: Vec<String>) -> RunReport {
    let rows = Box::pin(futures_util::stream::iter(documents.into_iter().map(Ok)));
    let run = host.load().await.unwrap();
    run.start(rows, |_| ()).await.unwrap()
}

/// A query's whole answer.
#[derive(Debug)]
pub struct Found {
    pub documents: Vec<Value>,
    pub access: Access,
    pub scanned: u64,
    pub requests: f64,
    pub pages: u32,
}

impl Found {
    /// The values of that attribute, sorted.
    pub fn texts(&self, attribute: &str) -> Vec<String> {
        let mut texts: Vec<_> = self
            .documents
            .iter()
            .map(|document| document[attribute].as_str().unwrap().to_owned())
            .collect();
        texts.sort();
        texts
    }
}

/// Asks page after page.
pub async fn ask(host: &Host, query: &Query) -> Found {
    let mut found: Option<Found> = None;
    let mut cursor: Option<String> = None;
    loop {
        let answer = host
            .pipeline()
            .query(&query.text(), cursor.as_deref(), None)
            .await
            .result
            .unwrap_or_else(|error| panic!("{}: {error:?}", query.filter));
        let documents = answer
            .documents
            .iter()
            .map(|document| serde_json::from_str(document).unwrap());
        let found = found.get_or_insert_with(|| Found {
            documents: Vec::new(),
            access: answer.access,
            scanned: 0,
            requests: 0.0,
            pages: 0,
        });
        assert_eq!(found.access, answer.access);
        found.documents.extend(documents);
        found.scanned += answer.scanned;
        found.requests += counted(&answer.counters, "dynamodb.requests");
        found.pages += 1;
        match answer.cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    found.unwrap()
}
