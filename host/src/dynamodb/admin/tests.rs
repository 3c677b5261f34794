//! Tables of a scripted DynamoDB.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use super::super::credentials::{Keyring, StaticCredentials};
use super::*;
use crate::Secret;
use crate::config::{KeyAttribute, KeyType, Retry};
use crate::http_out::client::tests::loopback_client;
use crate::limits::Limits;
use rowcast_aws::endpoint::Endpoint;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;

const AT_ONCE: Polling = Polling {
    first: Duration::ZERO,
    longest: Duration::ZERO,
    total: Duration::from_secs(20),
};

fn key(name: &str, kind: KeyType) -> KeyAttribute {
    KeyAttribute {
        name: name.to_owned(),
        kind,
    }
}

fn keys() -> Keys {
    Keys {
        partition: key("id", KeyType::Text),
        sort: Some(key("rank", KeyType::Number)),
    }
}

fn table(member: &str, status: &str) -> Reply {
    let attribute = |name, kind| json!({ "AttributeName": name, "AttributeType": kind });
    let part = |name, role| json!({ "AttributeName": name, "KeyType": role });
    let description = json!({
        "TableName": "tracks",
        "TableStatus": status,
        "AttributeDefinitions": [attribute("id", "S"), attribute("rank", "N"), attribute("raw", "B")],
        "KeySchema": [part("id", "HASH"), part("rank", "RANGE")],
        "ItemCount": 7,
        "TableSizeBytes": 700,
        "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
        "GlobalSecondaryIndexes": [{ "IndexName": "by-raw", "KeySchema": [part("raw", "HASH")], "IndexStatus": "ACTIVE" }],
        "TableId": "unknown members are fine",
    });
    Reply::status(200, json!({ member: description }).to_string())
}

fn fault(status: u16, kind: &str) -> Reply {
    Reply::status(
        status,
        json!({ "__type": format!("x#{kind}"), "message": "m" }).to_string(),
    )
}

async fn dynamodb(script: Vec<Reply>) -> (DynamoDb, ScriptedSource) {
    let stand_in = ScriptedSource::replies(script).await;
    (dynamodb_at(&stand_in.origin()), stand_in)
}

fn dynamodb_at(origin: &str) -> DynamoDb {
    let given = StaticCredentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: Secret::new("hunter2"),
        session_token: None,
    };
    let keyring = Keyring::fixed(&given, Duration::from_secs(1));
    let endpoint = Endpoint::resolve(Some("us-east-1"), Some(origin)).unwrap();
    DynamoDb::new(loopback_client(), endpoint, keyring, &Limits::default())
}

/// A script → what the call says, and how many requests it took.
async fn check(create: bool, script: Vec<Reply>, expected: &str, requests: usize) {
    let (dynamodb, stand_in) = dynamodb(script).await;
    let result = if create {
        dynamodb.create_table("tracks", &keys(), AT_ONCE).await
    } else {
        dynamodb.describe_table("tracks").await
    };
    let text = match result {
        Ok(table) => format!("{} {}", table.name, table.status),
        Err(error) => format!("{error:?}"),
    };
    assert!(text.starts_with(expected), "{text} instead of {expected}");
    assert_eq!(stand_in.received().len(), requests, "{text}");
}

/// Being throttled costs time and no attempts, as exceptions and as what is left over.
#[tokio::test]
async fn the_hosts_own_writes_keep_to_the_pace() {
    let left = r#"{"UnprocessedItems":{"tracks":[{"PutRequest":{"Item":{}}}]}}"#;
    let mut script: Vec<_> = (0..6).map(|_| fault(400, "ThrottlingException")).collect();
    script.extend((0..6).map(|_| Reply::json(left)));
    script.push(Reply::json("{}"));
    let (dynamodb, stand_in) = dynamodb(script).await;
    let retry = crate::config::Retry {
        max_attempts: 2,
        base_delay_ms: 1,
        max_delay_ms: 5,
        ..crate::config::Retry::default()
    };
    let puts = vec![json!({ "PutRequest": { "Item": {} } })];
    dynamodb.write_items("tracks", puts, &retry).await.unwrap();
    assert_eq!(stand_in.received().len(), 13);
}

#[tokio::test]
async fn describes() {
    let (dynamodb, stand_in) = dynamodb(vec![table("Table", "ACTIVE")]).await;
    let by_raw = IndexDescription {
        name: "by-raw".into(),
        keys: Keys {
            partition: key("raw", KeyType::Bytes),
            sort: None,
        },
        global: true,
        projects_all: false,
    };
    let expected = TableDescription {
        name: "tracks".into(),
        status: TableStatus::Active,
        keys: keys(),
        indexes: vec![by_raw],
        item_count: 7,
        size_bytes: 700,
        billing: Billing::OnDemand,
        identity: "unknown members are fine ".into(),
    };
    assert_eq!(dynamodb.describe_table("tracks").await.unwrap(), expected);
    let request = &stand_in.received()[0];
    assert_eq!(
        request.headers()["x-amz-target"],
        "DynamoDB_20120810.DescribeTable"
    );
    assert_eq!(request.body(), r#"{"TableName":"tracks"}"#);
    check(
        false,
        vec![fault(400, "ResourceNotFoundException")],
        "NotFound(\"tracks\")",
        1,
    )
    .await;
    check(
        false,
        vec![fault(400, "AccessDeniedException")],
        "Denied(",
        1,
    )
    .await;
    check(
        false,
        vec![fault(400, "ThrottlingException")],
        "Throttled(",
        1,
    )
    .await;
    check(
        false,
        vec![fault(500, "InternalServerError")],
        "Unavailable(",
        1,
    )
    .await;
    check(false, vec![Reply::Reset], "Unavailable(", 1).await;
    check(false, vec![Reply::status(200, "{}")], "Unavailable(", 1).await;
}

#[tokio::test]
async fn creates_and_waits() {
    let creating = || table("TableDescription", "CREATING");
    let script = vec![
        creating(),
        fault(400, "ResourceNotFoundException"),
        Reply::Reset,
        table("Table", "CREATING"),
        table("Table", "ACTIVE"),
    ];
    check(true, script, "tracks ACTIVE", 5).await;
    check(
        true,
        vec![table("TableDescription", "ACTIVE")],
        "tracks ACTIVE",
        1,
    )
    .await;
    check(
        true,
        vec![fault(400, "ResourceInUseException")],
        "Exists(\"tracks\")",
        1,
    )
    .await;
    check(true, vec![fault(400, "ValidationException")], "Invalid(", 1).await;
    check(
        true,
        vec![creating(), fault(400, "AccessDeniedException")],
        "Denied(",
        2,
    )
    .await;
}

/// The credentials have no part in it, so no permission would help.
#[tokio::test]
async fn what_is_not_sent_hints_at_no_permission() {
    let error = dynamodb_at("https://10.0.0.1")
        .describe_table("tracks")
        .await
        .unwrap_err();
    assert!(matches!(error, TableError::Unsent(_)), "{error:?}");
    assert!(error.hint().is_none());
}

#[tokio::test]
async fn waits_no_longer_than_told() {
    let (dynamodb, stand_in) = dynamodb(vec![table("TableDescription", "CREATING")]).await;
    let never = Polling {
        first: Duration::from_secs(1),
        ..AT_ONCE
    };
    let never = Polling {
        total: Duration::ZERO,
        ..never
    };
    let error = dynamodb
        .create_table("tracks", &keys(), never)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("still CREATING"), "{error}");
    let body: Value = serde_json::from_slice(stand_in.received()[0].body()).unwrap();
    let expected = json!({
        "TableName": "tracks",
        "AttributeDefinitions": [
            { "AttributeName": "id", "AttributeType": "S" },
            { "AttributeName": "rank", "AttributeType": "N" },
        ],
        "KeySchema": [
            { "AttributeName": "id", "KeyType": "HASH" },
            { "AttributeName": "rank", "KeyType": "RANGE" },
        ],
        "BillingMode": "PAY_PER_REQUEST",
    });
    assert_eq!(body, expected);
}

/// The host repeats what the component would.
#[tokio::test]
async fn what_passes_is_asked_again() {
    let retry = Retry {
        base_delay_ms: 1,
        ..Retry::default()
    };
    for (first, expected) in [
        (fault(400, "ReplicatedWriteConflictException"), 2),
        (fault(400, "ThrottledException"), 2),
        (Reply::status(429, "slow down"), 2),
        (fault(400, "ValidationException"), 1),
        (fault(400, "AccessDeniedException"), 1),
    ] {
        let (dynamodb, stand_in) = dynamodb(vec![first, Reply::status(200, "{}")]).await;
        let put = json!({ "TableName": "tracks", "Item": {} });
        let answer = dynamodb.item("PutItem", "tracks", &put, &retry).await;
        assert_eq!(answer.is_ok(), expected == 2, "{answer:?}");
        assert_eq!(stand_in.received().len(), expected, "{answer:?}");
    }
}

/// The same against a DynamoDB that nobody scripted.
#[tokio::test]
async fn a_real_table() {
    let server = TemporaryDynamoDb::start().await.unwrap();
    let dynamodb = dynamodb_at(&server.endpoint());

    let error = dynamodb.describe_table("tracks").await.unwrap_err();
    assert!(matches!(error, TableError::NotFound(_)), "{error}");
    let created = dynamodb
        .create_table("tracks", &keys(), AT_ONCE)
        .await
        .unwrap();
    assert_eq!(
        (created.status, created.keys),
        (TableStatus::Active, keys())
    );
    assert_eq!(created.billing, Billing::OnDemand);
    let error = dynamodb
        .create_table("tracks", &keys(), AT_ONCE)
        .await
        .unwrap_err();
    assert!(matches!(error, TableError::Exists(_)), "{error}");
    let error = dynamodb
        .create_table("x", &keys(), AT_ONCE)
        .await
        .unwrap_err();
    assert!(matches!(error, TableError::Invalid(_)), "{error}");
    let item = json!({ "id": { "S": "1" }, "rank": { "N": "1" }, "name": { "S": "Björk 雨" } });
    let put = json!({ "TableName": "tracks", "Item": item });
    assert_eq!(
        dynamodb
            .send("PutItem", put.to_string())
            .await
            .unwrap()
            .status,
        200
    );
    let scan = json!({ "TableName": "tracks" }).to_string();
    let answer = dynamodb.send("Scan", scan).await.unwrap();
    let found: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, &found["Items"]), (200, &json!([item])));
}
