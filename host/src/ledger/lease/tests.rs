//! Two processes and a lease, on a DynamoDB in this process.

use super::*;
use crate::Secret;
use crate::dynamodb::credentials::{Keyring, StaticCredentials};
use crate::dynamodb::{DynamoDb, Endpoint};
use crate::http_out::client::tests::loopback_client;
use crate::limits::Limits;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;

const RETRY: Retry = Retry {
    max_attempts: 1,
    base_delay_ms: 0,
    max_delay_ms: 0,
    max_retry_after_ms: 0,
};

/// Each has a connection and a clock of its own.
fn process(server: &TemporaryDynamoDb) -> DynamoDb {
    let endpoint = Endpoint::resolve(Some("us-east-1"), Some(&server.endpoint())).unwrap();
    let given = StaticCredentials {
        access_key_id: "test".into(),
        secret_access_key: Secret::new("test"),
        session_token: None,
    };
    let keyring = Keyring::fixed(&given, Duration::from_secs(1));
    DynamoDb::new(loopback_client(), endpoint, keyring, &Limits::default())
}

async fn take(server: &TemporaryDynamoDb, scope: &str) -> Result<Lease, LedgerError> {
    Lease::take(process(server), "ledger", RETRY, Hash::of(&[scope])).await
}

async fn server() -> TemporaryDynamoDb {
    let server = TemporaryDynamoDb::start().await.unwrap();
    server.create("ledger", "id S, part S").await;
    server
}

/// Makes the lease end at that second.
async fn end(server: &TemporaryDynamoDb, scope: &str, until: u64) {
    let update = json!({
        "TableName": "ledger",
        "Key": super::super::item_key::item_key(LEASES, &Hash::of(&[scope]).to_string()),
        "UpdateExpression": "SET #until = :until",
        "ExpressionAttributeNames": { "#until": "until" },
        "ExpressionAttributeValues": { ":until": { "N": until.to_string() } },
    });
    assert_eq!(server.call("UpdateItem", &update).await.0, 200);
}

#[tokio::test]
async fn one_process_has_it_until_it_lets_go() {
    let server = server().await;
    let first = take(&server, "a").await.unwrap();
    let Err(LedgerError::Leased { holder, until, .. }) = take(&server, "a").await else {
        panic!("two have it");
    };
    assert!(holder.starts_with(&format!("process {} on ", std::process::id())));
    let left = until.duration_since(SystemTime::now()).unwrap();
    assert!(left <= LASTS && left > TRUSTED, "{left:?}");
    // Another table's is another.
    take(&server, "b").await.unwrap();
    first.check().await.unwrap();
    first.release().await;
    take(&server, "a").await.unwrap();
}

#[tokio::test]
async fn one_that_has_ended_is_taken_and_its_holder_notices() {
    let server = server().await;
    let first = take(&server, "a").await.unwrap();
    end(&server, "a", 1_000).await;
    // Nobody took it yet: it is renewed.
    first.held.renew().await.unwrap();
    assert!(take(&server, "a").await.is_err());
    end(&server, "a", 1_000).await;
    let second = take(&server, "a").await.unwrap();
    // It trusts it no longer than it may.
    let asked = Moment {
        steady: Instant::now(),
        wall: SystemTime::now() - TRUSTED,
    };
    *first.held.asked.lock().unwrap() = asked;
    assert!(matches!(
        first.check().await,
        Err(LedgerError::Leased { .. })
    ));
    second.check().await.unwrap();
    // What isn't its own it doesn't let go of.
    first.release().await;
    assert!(take(&server, "a").await.is_err());
}

#[test]
fn it_is_trusted_for_less_than_it_lasts() {
    // An answer tells the time, and takes as long as this at most.
    let slowest = Limits::default().dynamodb() + Duration::from_secs(1);
    assert!(TRUSTED + slowest < LASTS && RENEWED * 2 < TRUSTED);
}
