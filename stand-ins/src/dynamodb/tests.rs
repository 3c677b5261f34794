#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

const ANY_SIGNATURE: &str = "AWS4-HMAC-SHA256 \
    Credential=demo/20261123/us-east-1/dynamodb/aws4_request, \
    SignedHeaders=host;x-amz-date, Signature=00";

struct Client(SendRequest<Full<Bytes>>);

impl Client {
    async fn connect(server: &TemporaryDynamoDb) -> Self {
        let stream = tokio::net::TcpStream::connect(server.address)
            .await
            .unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn call(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        let request = Request::post("/")
            .header("host", "127.0.0.1")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("x-amz-date", "20261123T000000Z")
            .header("authorization", ANY_SIGNATURE)
            .body(Full::from(body.to_string()))
            .unwrap();
        self.0.ready().await.unwrap();
        let response = self.0.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Sends a request and compares what `expected` mentions.
    async fn check(&mut self, operation: &str, body: Value, status: u16, expected: Value) {
        let (given, answer) = self.call(operation, &body).await;
        assert_eq!(given, status, "{operation} {body}: {answer}");
        for (pointer, value) in expected.as_object().unwrap() {
            assert_eq!(
                answer.pointer(pointer),
                Some(value),
                "{operation} {pointer}: {answer}"
            );
        }
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
    let mut client = Client::connect(&server).await;
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
    client
        .check("CreateTable", create.clone(), 200, json!({}))
        .await;
    let error = "com.amazonaws.dynamodb.v20120810#ResourceInUseException";
    client
        .check("CreateTable", create, 400, json!({"/__type": error}))
        .await;
    client
        .check(
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
    client
        .check(
            "BatchWriteItem",
            puts,
            200,
            json!({"/UnprocessedItems": {}}),
        )
        .await;
    let twice = json!({"RequestItems": {"tracks": [put("x", "1"), put("x", "2")]}});
    let error = "com.amazon.coral.validate#ValidationException";
    client
        .check("BatchWriteItem", twice, 400, json!({"/__type": error}))
        .await;
    let filter = json!({
        "TableName": "tracks", "FilterExpression": "#p > :p",
        "ExpressionAttributeNames": {"#p": "popularity"},
        "ExpressionAttributeValues": {":p": {"N": "90"}},
    });
    client
        .check(
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
    client
        .check(
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
        let mut client = Client::connect(&server).await;
        client
            .check("ListTables", json!({}), 200, json!({"/TableNames": []}))
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
        while client.0.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
