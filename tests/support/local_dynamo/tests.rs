#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

const ANY_SIGNATURE: &str = "AWS4-HMAC-SHA256 \
    Credential=demo/20261123/us-east-1/dynamodb/aws4_request, \
    SignedHeaders=host;x-amz-date, Signature=00";

async fn call(server: &DynamoDbLocal, operation: &str, body: Value) -> Value {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap();
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::post("/")
        .header("host", "127.0.0.1")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("x-amz-date", "20261123T000000Z")
        .header("authorization", ANY_SIGNATURE)
        .body(Full::<Bytes>::from(body.to_string()))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(status.is_success(), "{operation}: {body:?}");
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn keeps_an_item() {
    let server = DynamoDbLocal::start().await.unwrap();
    let create = json!({
        "TableName": "tracks", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    });
    call(&server, "CreateTable", create).await;
    let item = json!({"id": {"S": "봄"}, "popularity": {"N": "91"}, "preview_url": {"NULL": true}});
    call(
        &server,
        "PutItem",
        json!({"TableName": "tracks", "Item": item}),
    )
    .await;
    let key = json!({"TableName": "tracks", "Key": {"id": {"S": "봄"}}});
    assert_eq!(call(&server, "GetItem", key).await, json!({ "Item": item }));

    let port = server.port;
    drop(server);
    assert!(
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err(),
        "it still listens"
    );
}
