//! The ledger in a DynamoDB table, for runs without a disk: an item for each
//! run, finished row and written key.
//!
//! Its keys are `id` and `part`, both text. Rows of runs carry `expires`, for
//! a table whose time to live is set to that attribute.

use super::content::{self, Entry};
use super::item_key::item_key;
use super::known::Kept;
use super::lease::Lease;
use super::{Hash, LedgerError, RunRecord, TableToRead};
use crate::config::{KeyAttribute, KeyType, Keys, Retry};
use crate::dynamodb::DynamoDb;
use crate::dynamodb::admin::TableError;
use rowcast_json::digest::{Digest, Digester};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where all runs are.
const RUNS: &str = "runs";
/// Nobody resumes a run that is older.
const ROW_LIFE: Duration = Duration::from_hours(30 * 24);

/// A ledger table.
#[derive(Clone, Debug)]
pub struct TableStore {
    dynamodb: DynamoDb,
    name: String,
    retry: Retry,
}

/// The keys of a ledger table.
#[must_use]
pub fn keys() -> Keys {
    let key = |name: &str| KeyAttribute {
        name: name.to_owned(),
        kind: KeyType::Text,
    };
    Keys {
        partition: key("id"),
        sort: Some(key("part")),
    }
}

impl TableStore {
    /// The table must be there, with the right keys.
    pub async fn open(dynamodb: DynamoDb, name: &str, retry: Retry) -> Result<Self, LedgerError> {
        let table = dynamodb.describe_table(name).await?;
        if table.keys != keys() {
            return Err(LedgerError::Keys {
                name: name.to_owned(),
                actual: table.keys.to_string(),
            });
        }
        Ok(Self {
            dynamodb,
            name: name.to_owned(),
            retry,
        })
    }

    /// The right to write to the tables of that scope.
    pub async fn lease(&self, scope: Hash) -> Result<Lease, LedgerError> {
        Lease::take(self.dynamodb.clone(), &self.name, self.retry, scope).await
    }

    pub async fn finished(&self, run: &str, rows: Vec<Hash>) -> Result<Vec<bool>, LedgerError> {
        let found = self
            .get(rows.iter().map(|row| row_id(run, *row)), "row")
            .await?;
        Ok(rows
            .iter()
            .map(|row| found.contains_key(&row_id(run, *row)))
            .collect())
    }

    pub async fn contents(&self, keys: Vec<Hash>) -> Result<Vec<Option<Kept>>, LedgerError> {
        let found = self.get(keys.iter().map(content_id), "content").await?;
        let kept = |key: &Hash| {
            let item = found.get(&content_id(key))?;
            let hash = |name| Hash::parse(text(item, name)?);
            let (content, at) = (hash("content")?, hash("at")?);
            Some(Kept { content, at })
        };
        Ok(keys.iter().map(kept).collect())
    }

    pub async fn forget(&self, keys: Vec<Hash>) -> Result<(), LedgerError> {
        let delete = |key: &Hash| json!({ "DeleteRequest": { "Key": item_key(&content_id(key), "content") } });
        self.write(keys.iter().map(delete).collect()).await
    }

    /// Contents first: a finished row never stands for documents that weren't
    /// recorded, though either would be true alone.
    pub async fn record(
        &self,
        run: Option<&str>,
        rows: Vec<Hash>,
        contents: Vec<(Hash, Kept)>,
    ) -> Result<(), LedgerError> {
        let content = |(key, kept): &(Hash, Kept)| {
            let mut item = item_key(&content_id(key), "content");
            item.insert("content".into(), json!({ "S": kept.content.to_string() }));
            item.insert("at".into(), json!({ "S": kept.at.to_string() }));
            json!({ "PutRequest": { "Item": item } })
        };
        self.write(contents.iter().map(content).collect()).await?;
        let Some(run) = run.filter(|_| !rows.is_empty()) else {
            return Ok(());
        };
        let expires = SystemTime::now() + ROW_LIFE;
        let expires = expires.duration_since(UNIX_EPOCH).unwrap_or_default();
        let row = |row: &Hash| {
            let mut item = item_key(&row_id(run, *row), "row");
            item.insert(
                "expires".into(),
                json!({ "N": expires.as_secs().to_string() }),
            );
            json!({ "PutRequest": { "Item": item } })
        };
        self.write(rows.iter().map(row).collect()).await?;
        let update = json!({
            "TableName": self.name,
            "Key": item_key(RUNS, run),
            "UpdateExpression": "ADD finished :rows",
            "ExpressionAttributeValues": { ":rows": { "N": rows.len().to_string() } },
        });
        self.dynamodb
            .item("UpdateItem", &self.name, &update, &self.retry)
            .await?;
        Ok(())
    }

    pub async fn runs(&self) -> Result<Vec<RunRecord>, LedgerError> {
        let mut runs = Vec::new();
        let mut start = None;
        loop {
            let mut query = json!({
                "TableName": self.name,
                "KeyConditionExpression": "id = :runs",
                "ExpressionAttributeValues": { ":runs": { "S": RUNS } },
                "ConsistentRead": true,
            });
            if let (Some(start), Some(query)) = (start.take(), query.as_object_mut()) {
                query.insert("ExclusiveStartKey".into(), start);
            }
            let mut answer = self
                .dynamodb
                .item("Query", &self.name, &query, &self.retry)
                .await?;
            for item in answer
                .get("Items")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                runs.extend(item.as_object().and_then(read_run));
            }
            start = answer.remove("LastEvaluatedKey");
            if start.is_none() {
                return Ok(runs);
            }
        }
    }

    pub async fn put(&self, run: RunRecord) -> Result<(), LedgerError> {
        let update = json!({
            "TableName": self.name,
            "Key": item_key(RUNS, &run.id),
            "UpdateExpression": "SET about = :about",
            "ExpressionAttributeValues": {
                ":about": { "S": serde_json::to_string(&run).unwrap_or_default() },
            },
        });
        self.dynamodb
            .item("UpdateItem", &self.name, &update, &self.retry)
            .await?;
        Ok(())
    }

    pub async fn remove(&self, runs: Vec<String>) -> Result<(), LedgerError> {
        let delete = |run: &String| json!({ "DeleteRequest": { "Key": item_key(RUNS, run) } });
        self.write(runs.iter().map(delete).collect()).await
    }

    /// Items by their ids.
    async fn get(
        &self,
        ids: impl Iterator<Item = String>,
        part: &str,
    ) -> Result<HashMap<String, Map<String, Value>>, LedgerError> {
        let mut ids: Vec<String> = ids.collect();
        ids.sort_unstable();
        // DynamoDB refuses a batch that names a key twice.
        ids.dedup();
        let keys = ids.iter().map(|id| Value::Object(item_key(id, part)));
        let items = self
            .dynamodb
            .get_items(&self.name, keys.collect(), &self.retry)
            .await?;
        let named = items
            .into_iter()
            .filter_map(|item| Some((text(&item, "id")?.to_owned(), item)));
        Ok(named.collect())
    }

    async fn write(&self, mut requests: Vec<Value>) -> Result<(), LedgerError> {
        // Equal rows of a chunk are one item, and a batch may name it once.
        let mut seen = HashSet::new();
        requests.retain(|request| seen.insert(request.to_string()));
        Ok(self
            .dynamodb
            .write_items(&self.name, requests, &self.retry)
            .await?)
    }
}

impl From<TableError> for LedgerError {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}

fn row_id(run: &str, row: Hash) -> String {
    format!("row {run} {row}")
}

fn content_id(key: &Hash) -> String {
    format!("content {key}")
}

fn text<'a>(item: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

fn read_run(item: &Map<String, Value>) -> Option<RunRecord> {
    let mut run: RunRecord = serde_json::from_str(text(item, "about")?).ok()?;
    let finished = item
        .get("finished")
        .and_then(|rows| rows.get("N")?.as_str());
    run.rows = finished
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(run.rows);
    Some(run)
}

/// What is in a table under the keys of these entries.
pub async fn read(
    dynamodb: &DynamoDb,
    entries: &[&Entry],
    keys: &Keys,
    digest_key: Digest,
    table: &TableToRead,
) -> Result<Vec<Option<Hash>>, LedgerError> {
    let mut wanted: Vec<Value> = Vec::with_capacity(entries.len());
    let mut seen = HashSet::new();
    for entry in entries {
        if seen.insert(entry.key) && entry.item_key.is_object() {
            wanted.push(entry.item_key.clone());
        }
    }
    let items = dynamodb
        .get_items(&table.name, wanted, &table.retry)
        .await?;
    let mut digester = Digester::new(digest_key);
    let found = items
        .iter()
        .filter_map(|item| content::of_item(item, keys, &mut digester));
    let found: HashMap<Hash, Hash> = found.collect();
    Ok(entries
        .iter()
        .map(|entry| found.get(&entry.key).copied())
        .collect())
}
