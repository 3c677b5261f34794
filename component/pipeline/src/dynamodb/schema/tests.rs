//! Descriptions as DynamoDB gives them → schemas.

use super::*;

const FULL: &str = r#"{"Table":{
  "TableName":"tracks","TableStatus":"ACTIVE","ItemCount":20,"TableSizeBytes":1,
  "KeySchema":[{"AttributeName":"artist_id","KeyType":"HASH"},{"AttributeName":"rank","KeyType":"RANGE"}],
  "AttributeDefinitions":[
    {"AttributeName":"artist_id","AttributeType":"S"},
    {"AttributeName":"rank","AttributeType":"N"},
    {"AttributeName":"digest","AttributeType":"B"}],
  "LocalSecondaryIndexes":[{"IndexName":"by_digest",
    "KeySchema":[{"AttributeName":"artist_id","KeyType":"HASH"},{"AttributeName":"digest","KeyType":"RANGE"}],
    "Projection":{"ProjectionType":"ALL"}}],
  "GlobalSecondaryIndexes":[{"IndexName":"ranks",
    "KeySchema":[{"AttributeName":"rank","KeyType":"HASH"}],
    "Projection":{"ProjectionType":"KEYS_ONLY"},"IndexStatus":"ACTIVE"}]}}"#;

fn shown(keys: &Keys) -> String {
    let letter = |each: &KeyAttribute| format!("{}:{:?}", each.name, each.kind);
    let sort = keys.sort.as_ref().map(letter).unwrap_or_default();
    format!("{} {sort}", letter(&keys.partition))
}

fn check_keys(body: &str, expected: &str) {
    let seen = match parse_description(body) {
        Ok(schema) => shown(&schema.keys),
        Err(error) => error.to_string(),
    };
    assert!(
        seen.ends_with(expected),
        "{body} gave {seen}, not {expected}"
    );
}

#[test]
fn keys_and_indexes_are_read() {
    check_keys(FULL, "artist_id:Text rank:Number");
    let schema = parse_description(FULL).unwrap();
    assert_eq!(
        (schema.name.as_str(), schema.status.as_str()),
        ("tracks", "ACTIVE")
    );
    assert_eq!(schema.item_count, 20);
    let indexes: Vec<_> = schema
        .indexes
        .iter()
        .map(|each| {
            (
                each.name.as_str(),
                shown(&each.keys),
                each.global,
                each.projects_all,
            )
        })
        .collect();
    let by_digest = "artist_id:Text digest:Bytes".to_owned();
    assert_eq!(
        indexes,
        [
            ("by_digest", by_digest, false, true),
            ("ranks", "rank:Number ".to_owned(), true, false)
        ]
    );
}

#[test]
fn what_cannot_be_used_is_named() {
    check_keys("<html>", "read DynamoDB's description of the table");
    check_keys(
        r#"{"Table":{}}"#,
        "read DynamoDB's description of the table",
    );
    check_keys(
        r#"{"Table":{"TableName":"t","KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"AttributeDefinitions":[]}}"#,
        "the description of table `t` does not say the type of its key `a`",
    );
    check_keys(
        r#"{"Table":{"TableName":"t","KeySchema":[],"AttributeDefinitions":[]}}"#,
        "the description of table `t` names no partition key",
    );
}

#[test]
fn the_request_quotes_the_name() {
    let request = describe_request("a\"b");
    assert_eq!(request.operation, "DescribeTable");
    assert_eq!(request.body, r#"{"TableName":"a\"b"}"#);
}
