//! A table's name → what it is, or the table itself, new. For the host's own
//! use: the component may do none of this but describe.

use super::{DynamoDb, SendError};
use crate::config::Keys;
use crate::hint::Hint;
use rowcast_pipeline::dynamodb::outcome::{Outcome, judge};
use rowcast_pipeline::dynamodb::schema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt;
use std::time::{Duration, Instant};

pub use rowcast_pipeline::dynamodb::schema::IndexDescription;

/// What a table is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableStatus {
    /// It can be used.
    Active,
    /// It can't be used yet.
    Creating,
    /// It can be used while its settings change.
    Updating,
    /// It's going.
    Deleting,
    /// Anything else, in DynamoDB's words.
    Other(String),
}

/// How a table is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// By request.
    OnDemand,
    /// By capacity.
    Provisioned {
        /// Read capacity units.
        read: u64,
        /// Write capacity units.
        write: u64,
    },
}

/// A table, as DynamoDB describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDescription {
    /// Its name.
    pub name: String,
    /// What it's doing.
    pub status: TableStatus,
    /// Its keys.
    pub keys: Keys,
    /// Its secondary indexes.
    pub indexes: Vec<IndexDescription>,
    /// Items, as counted by DynamoDB every six hours or so.
    pub item_count: u64,
    /// Their bytes, as old as their number.
    pub size_bytes: u64,
    /// How it's paid for.
    pub billing: Billing,
    /// What tells it from an earlier table of the same name: DynamoDB's own
    /// id for it, and when it was created.
    pub identity: String,
}

/// How to wait for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polling {
    /// Before asking the second time; doubled each time.
    pub first: Duration,
    /// Between two requests at most.
    pub longest: Duration,
    /// In all.
    pub total: Duration,
}

impl Default for Polling {
    /// AWS creates a table in some ten seconds.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(3),
            total: Duration::from_mins(3),
        }
    }
}

/// Why an operation on a table failed.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// There is no such table.
    #[error("find the DynamoDB table `{0}`: there is none in this account and region")]
    NotFound(String),
    /// What a conditional write requires isn't so.
    #[error("write to the DynamoDB table `{0}`: its condition doesn't hold")]
    Condition(String),
    /// There is one already.
    #[error("create the DynamoDB table `{0}`: there is one already")]
    Exists(String),
    /// DynamoDB refuses the credentials or the operation.
    #[error("{0}")]
    Denied(String),
    /// Policy or a certificate that isn't trusted kept the request from being sent.
    #[error("{0}")]
    Unsent(String),
    /// There are no usable AWS credentials.
    #[error("{0}")]
    Credentials(String),
    /// No usable answer.
    #[error("{0}")]
    Unavailable(String),
    /// The table's capacity is exceeded.
    #[error("{0}")]
    Throttled(String),
    /// DynamoDB doesn't accept the name or the keys.
    #[error("{0}")]
    Invalid(String),
}

impl TableError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        Some(Hint::new(match self {
            Self::NotFound(_) => {
                "create it with `rowcast table create`, or correct the table's name or `region` in rowcast.toml"
            }
            Self::Exists(_) => "`rowcast table describe` shows its keys",
            Self::Denied(_) => {
                "the AWS identity needs dynamodb:DescribeTable, and dynamodb:CreateTable to create; `aws sts get-caller-identity` shows which it is"
            }
            Self::Throttled(_) => {
                "give that table more capacity, or make it on-demand; or run again later"
            }
            Self::Unavailable(_) => {
                "check `endpoint` and `region` in [table] of rowcast.toml, and the network on the way; or try again later"
            }
            // Its text says what to set, or whoever set a condition says what to do.
            Self::Credentials(_) | Self::Condition(_) | Self::Unsent(_) => return None,
            Self::Invalid(_) => {
                "a table's name has 3 to 255 letters, digits, `_`, `-` and `.`; its two keys differ"
            }
        }))
    }
}

impl DynamoDb {
    /// What a table is.
    pub async fn describe_table(&self, name: &str) -> Result<TableDescription, TableError> {
        let body = json!({ "TableName": name });
        let answer = self.administer("DescribeTable", name, &body).await?;
        describe("DescribeTable", &answer)
    }

    /// A new table, paid by request; waits until it can be used.
    pub async fn create_table(
        &self,
        name: &str,
        keys: &Keys,
        polling: Polling,
    ) -> Result<TableDescription, TableError> {
        let answer = self
            .administer("CreateTable", name, &creation(name, keys))
            .await?;
        let mut table = describe("CreateTable", &answer)?;
        let started = Instant::now();
        let mut pause = polling.first;
        while table.status != TableStatus::Active {
            if started.elapsed() + pause > polling.total {
                return Err(TableError::Unavailable(format!(
                    "create the DynamoDB table `{name}`: still {} after {:?}",
                    table.status, polling.total
                )));
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(polling.longest);
            match self.describe_table(name).await {
                Ok(description) => table = description,
                // A table is described a moment later than it's created, and
                // one lost answer is no reason to lose the table.
                Err(
                    TableError::NotFound(_) | TableError::Unavailable(_) | TableError::Throttled(_),
                ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(table)
    }

    pub(super) async fn administer(
        &self,
        operation: &str,
        table: &str,
        body: &Value,
    ) -> Result<String, TableError> {
        let answer = match self.send(operation, body.to_string()).await {
            Ok(answer) => answer,
            Err(SendError::Denied(text)) => return Err(TableError::Unsent(text)),
            Err(SendError::Credentials(text)) => return Err(TableError::Credentials(text)),
            Err(SendError::Unavailable(text) | SendError::TooLarge(text)) => {
                return Err(TableError::Unavailable(text));
            }
        };
        let text = |why| format!("{operation} of the DynamoDB table `{table}`: {why}");
        Err(match judge(answer.status, answer.body) {
            Outcome::Answered(body) => return Ok(body),
            Outcome::Throttled(why) => TableError::Throttled(text(why)),
            Outcome::Unavailable(why) => TableError::Unavailable(text(why)),
            Outcome::Denied(why) => TableError::Denied(text(why)),
            Outcome::TooLarge(why) => TableError::Invalid(text(why)),
            Outcome::Invalid { code, message } => match code.as_str() {
                "ConditionalCheckFailedException" => TableError::Condition(table.to_owned()),
                "ResourceInUseException" => TableError::Exists(table.to_owned()),
                code if schema::is_missing_table(code) => TableError::NotFound(table.to_owned()),
                code => TableError::Invalid(text(format!("{code}: {message}"))),
            },
        })
    }
}

fn creation(name: &str, keys: &Keys) -> Value {
    let all = || {
        std::iter::once((&keys.partition, "HASH")).chain(keys.sort.iter().map(|key| (key, "RANGE")))
    };
    let attributes: Vec<Value> = all()
        .map(|(key, _)| json!({ "AttributeName": key.name, "AttributeType": key.kind.letter() }))
        .collect();
    let schema: Vec<Value> = all()
        .map(|(key, role)| json!({ "AttributeName": key.name, "KeyType": role }))
        .collect();
    json!({
        "TableName": name,
        "AttributeDefinitions": attributes,
        "KeySchema": schema,
        "BillingMode": "PAY_PER_REQUEST",
    })
}

/// The answer to `CreateTable` or `DescribeTable` → the table.
fn describe(operation: &str, answer: &str) -> Result<TableDescription, TableError> {
    let unreadable =
        |why: String| TableError::Unavailable(format!("read the answer to {operation}: {why}"));
    let table = schema::parse_description(answer).map_err(|error| unreadable(error.reason()))?;
    let Described { table: more } =
        serde_json::from_str(answer).map_err(|error| unreadable(error.to_string()))?;
    let billing = match more.billing_mode_summary {
        Some(summary) if summary.billing_mode == "PAY_PER_REQUEST" => Billing::OnDemand,
        _ => Billing::Provisioned {
            read: more.provisioned_throughput.read_capacity_units,
            write: more.provisioned_throughput.write_capacity_units,
        },
    };
    let created = more.creation_date_time.map(|time| time.to_string());
    Ok(TableDescription {
        name: table.name,
        status: TableStatus::of(&table.status),
        keys: table.keys,
        indexes: table.indexes,
        item_count: table.item_count,
        size_bytes: more.table_size_bytes,
        billing,
        identity: format!("{} {}", more.table_id, created.unwrap_or_default()),
    })
}

/// What only the host asks of a description.
#[derive(Deserialize)]
struct Described {
    #[serde(rename = "Table", alias = "TableDescription")]
    table: More,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct More {
    table_size_bytes: u64,
    table_id: String,
    creation_date_time: Option<Value>,
    billing_mode_summary: Option<BillingMode>,
    provisioned_throughput: Capacity,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BillingMode {
    billing_mode: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Capacity {
    read_capacity_units: u64,
    write_capacity_units: u64,
}

impl TableStatus {
    fn of(text: &str) -> Self {
        match text {
            "ACTIVE" => Self::Active,
            "CREATING" => Self::Creating,
            "UPDATING" => Self::Updating,
            "DELETING" => Self::Deleting,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for TableStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Active => "ACTIVE",
            Self::Creating => "CREATING",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
            Self::Other(text) => text,
        })
    }
}

#[cfg(test)]
mod tests;
