//! A table's name → what it is, or the table itself, new. For the host's own
//! use: the component may do none of this but describe.

use super::{DynamoDb, SendError};
use crate::config::Keys;
use crate::hint::Hint;
use bytes::Bytes;
use http::Response;
use rowcast_aws::service_error::{self, ServiceError};
use serde_json::{Value, json};
use std::fmt;
use std::time::{Duration, Instant};

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

/// A secondary index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDescription {
    /// Its name.
    pub name: String,
    /// Its keys.
    pub keys: Keys,
    /// Global rather than local: no strongly consistent reads.
    pub global: bool,
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
                Err(TableError::NotFound(_) | TableError::Unavailable(_)) => {}
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
        let mut response = Response::new(Bytes::from(answer.body));
        *response.status_mut() = http::StatusCode::from_u16(answer.status)
            .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        match service_error::of_response(&response) {
            Some(found) => Err(refusal(operation, table, answer.status, &found)),
            // It came out of a string.
            None => Ok(String::from_utf8_lossy(response.body()).into_owned()),
        }
    }
}

fn refusal(operation: &str, table: &str, status: u16, error: &ServiceError) -> TableError {
    let ServiceError { kind, message } = error;
    let text = format!("{operation} of the DynamoDB table `{table}`: {status} {kind}: {message}");
    match kind.as_str() {
        "ResourceNotFoundException" => TableError::NotFound(table.to_owned()),
        "ConditionalCheckFailedException" => TableError::Condition(table.to_owned()),
        "ResourceInUseException" => TableError::Exists(table.to_owned()),
        "ValidationException" | "SerializationException" => TableError::Invalid(text),
        "LimitExceededException"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "ProvisionedThroughputExceededException" => TableError::Unavailable(text),
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException"
        | "ExpiredTokenException" => TableError::Denied(text),
        _ if status == 401 || status == 403 => TableError::Denied(text),
        _ if status >= 500 => TableError::Unavailable(text),
        _ => TableError::Invalid(text),
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
        |what: &str| TableError::Unavailable(format!("read the answer to {operation}: {what}"));
    let wire: wire::Answer =
        serde_json::from_str(answer).map_err(|error| unreadable(&error.to_string()))?;
    let table = wire.table;
    let attributes = table.attribute_definitions;
    let schema = |keys: &[wire::Key]| {
        wire::schema(keys, &attributes).ok_or_else(|| unreadable("a key without type"))
    };
    let keys = schema(&table.key_schema)?;
    let mut indexes = Vec::new();
    for (list, global) in [
        (table.global_secondary_indexes, true),
        (table.local_secondary_indexes, false),
    ] {
        for index in list.unwrap_or_default() {
            let keys = schema(&index.key_schema)?;
            indexes.push(IndexDescription {
                name: index.index_name,
                keys,
                global,
            });
        }
    }
    let on_demand = table
        .billing_mode_summary
        .is_some_and(|summary| summary.billing_mode.as_deref() == Some("PAY_PER_REQUEST"));
    let capacity = table.provisioned_throughput.unwrap_or_default();
    let billing = match (
        on_demand,
        capacity.read_capacity_units,
        capacity.write_capacity_units,
    ) {
        (true, _, _) => Billing::OnDemand,
        (false, read, write) => Billing::Provisioned { read, write },
    };
    Ok(TableDescription {
        name: table.name,
        status: TableStatus::of(&table.status),
        keys,
        indexes,
        item_count: table.item_count,
        size_bytes: table.size_bytes,
        billing,
        identity: format!(
            "{} {}",
            table.id.unwrap_or_default(),
            table
                .creation_date_time
                .map(|time| time.to_string())
                .unwrap_or_default()
        ),
    })
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
mod wire;
