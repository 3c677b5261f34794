#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use tokio::io::AsyncReadExt;

/// Sends a request and compares what `expected` mentions.
async fn check(
    server: &TemporaryDynamoDb,
    operation: &str,
    body: Value,
    status: u16,
    expected: Value,
) {
    let (given, answer) = server.call(operation, &body).await;
    assert_eq!(given, status, "{operation} {body}: {answer}");
    for (pointer, value) in expected.as_object().unwrap() {
        assert_eq!(
            answer.pointer(pointer),
            Some(value),
            "{operation} {pointer}: {answer}"
        );
    }
}

fn put(sort: &str, popularity: &str) -> Value {
    json!({"PutRequest": {"Item": {
        "artist_id": {"S": "a"}, "country_track": {"S": sort}, "popularity": {"N": popularity},
    }}})
}

#[tokio::test]
async fn keeps_and_finds_items() {
    let server = TemporaryDynamoDb::start().await.unwrap();
    assert!(
        server.endpoint().starts_with("http://127.0.0.1:"),
        "{}",
        server.endpoint()
    );
    let create = json!({
        "TableName": "tracks", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "artist_id", "KeyType": "HASH"},
            {"AttributeName": "country_track", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "artist_id", "AttributeType": "S"},
            {"AttributeName": "country_track", "AttributeType": "S"},
        ],
    });
    check(&server, "CreateTable", create.clone(), 200, json!({})).await;
    let error = "com.amazonaws.dynamodb.v20120810#ResourceInUseException";
    check(
        &server,
        "CreateTable",
        create,
        400,
        json!({"/__type": error}),
    )
    .await;
    check(
        &server,
        "DescribeTable",
        json!({"TableName": "tracks"}),
        200,
        json!({
            "/Table/TableStatus": "ACTIVE",
            "/Table/KeySchema/1/AttributeName": "country_track",
        }),
    )
    .await;
    let puts = json!({"RequestItems": {"tracks": [put("x", "91"), put("y", "90")]}});
    check(
        &server,
        "BatchWriteItem",
        puts,
        200,
        json!({"/UnprocessedItems": {}}),
    )
    .await;
    let twice = json!({"RequestItems": {"tracks": [put("x", "1"), put("x", "2")]}});
    let error = "com.amazon.coral.validate#ValidationException";
    check(
        &server,
        "BatchWriteItem",
        twice,
        400,
        json!({"/__type": error}),
    )
    .await;
    let filter = json!({
        "TableName": "tracks", "FilterExpression": "#p > :p",
        "ExpressionAttributeNames": {"#p": "popularity"},
        "ExpressionAttributeValues": {":p": {"N": "90"}},
    });
    check(
        &server,
        "Scan",
        filter,
        200,
        json!({"/Count": 1, "/ScannedCount": 2, "/Items/0/country_track/S": "x"}),
    )
    .await;
    let key = json!({
        "TableName": "tracks", "KeyConditionExpression": "artist_id = :a AND country_track > :x",
        "ExpressionAttributeValues": {":a": {"S": "a"}, ":x": {"S": "x"}},
    });
    check(
        &server,
        "Query",
        key,
        200,
        json!({"/Count": 1, "/Items/0/popularity/N": "90"}),
    )
    .await;
}

#[tokio::test]
async fn ends() {
    for graceful in [true, false] {
        let server = TemporaryDynamoDb::start().await.unwrap();
        let mut stream = tokio::net::TcpStream::connect(server.address)
            .await
            .unwrap();
        check(
            &server,
            "ListTables",
            json!({}),
            200,
            json!({"/TableNames": []}),
        )
        .await;
        if graceful {
            let address = server.address;
            server.shutdown().await;
            assert!(
                tokio::net::TcpStream::connect(address).await.is_err(),
                "it still listens"
            );
        } else {
            drop(server);
        }
        // The server closes it, so the client's connection ends.
        let mut nothing = Vec::new();
        let _ = stream.read_to_end(&mut nothing).await;
        assert!(nothing.is_empty());
    }
}
