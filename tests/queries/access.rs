//! Which items a query reads: by key where it can, page by page, each item
//! once.

use crate::support::dynamodb::{Dynamo, on_each};
use crate::support::stage::{Stage, host};
use crate::support::table::{Found, ask, load, table_keyed};
use rowcast::engine::{Access, CallError, Failure};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn conditions_on_keys_read_only_what_they_must_on_each_dynamodb() {
    /// Condition, access, items read, items found.
    const QUERIES: &[(&str, Access, u64, usize)] = &[
        ("shelf = 'a'", Access::Query, 20, 20),
        ("'a' = shelf", Access::Query, 20, 20),
        ("`shelf` = 'a'", Access::Query, 20, 20),
        ("shelf = 'none'", Access::Query, 0, 0),
        ("shelf = 'a' AND id = '03'", Access::Query, 1, 1),
        ("id = '03' AND shelf = 'a'", Access::Query, 1, 1),
        ("shelf = 'a' AND id < '10'", Access::Query, 4, 4),
        ("shelf = 'a' AND '10' > id", Access::Query, 4, 4),
        (
            "shelf = 'a' AND id BETWEEN '10' AND '20'",
            Access::Query,
            3,
            3,
        ),
        (
            "id >= '10' AND shelf = 'a' AND id <= '20'",
            Access::Query,
            3,
            3,
        ),
        // Both bounds are keys of the shelf.
        (
            "shelf = 'a' AND id > '12' AND id < '30'",
            Access::Query,
            5,
            5,
        ),
        (
            "shelf = 'a' AND id >= '12' AND id < '30' AND n <> 15",
            Access::Query,
            6,
            5,
        ),
        ("shelf = 'a' AND begins_with(id, '1')", Access::Query, 3, 3),
        ("shelf = 'a' AND id > '50' AND n < 55", Access::Query, 3, 2),
        ("shelf = 'a' AND (n = 3 OR n = 4)", Access::Query, 20, 1),
        ("shelf = 'a' AND NOT n = 3", Access::Query, 20, 19),
        ("shelf IN ('a')", Access::Scan, 60, 20),
        ("shelf = 'a' OR n = 1", Access::Scan, 60, 21),
        ("NOT shelf = 'a'", Access::Scan, 60, 40),
        ("shelf > 'a'", Access::Scan, 60, 40),
        ("id = '03'", Access::Scan, 60, 1),
        ("n = 3", Access::Scan, 60, 1),
        ("shelf = 'a' AND id <> '03'", Access::Scan, 60, 19),
        ("", Access::Scan, 60, 60),
    ];
    on_each(async |dynamodb, table| {
        let host = host(&table_keyed(&dynamodb, &table, "shelf S, id S")).await;
        host.create_table().await.unwrap();
        let document = |n: usize| {
            let shelf = ["a", "b", "c"][n % 3];
            json!({ "shelf": shelf, "id": format!("{n:02}"), "n": n }).to_string()
        };
        load(&host, (0..60).map(document).collect()).await;
        for (condition, access, scanned, matched) in QUERIES {
            for consistent in [false, true] {
                let mut query = host.query(condition).unwrap();
                query.consistent = consistent;
                let found = ask(&host, &query).await;
                assert_eq!(
                    (found.access, found.scanned, found.documents.len()),
                    (*access, *scanned, *matched),
                    "{}: {condition}",
                    dynamodb.name
                );
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_bounds_of_a_number_are_one_range_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let host = host(&table_keyed(&dynamodb, &table, "k S, n N")).await;
        host.create_table().await.unwrap();
        let near = ["9.99999", "10", "10.00001", "19.99999", "20", "-3"];
        let document = |n: &str| format!("{{\"k\":\"a\",\"n\":{n}}}");
        load(&host, near.into_iter().map(document).collect()).await;
        for (condition, expected) in [
            ("k = 'a' AND n >= 10 AND n < 20", 3),
            ("k = 'a' AND n > 10 AND n < 20", 2),
            ("k = 'a' AND n > 10 AND n <= 20 AND n > -1", 3),
            ("k = 'a' AND n > -4 AND n < 10", 2),
        ] {
            let found = ask(&host, &host.query(condition).unwrap()).await;
            assert_eq!(found.access, Access::Query, "{condition}");
            assert_eq!(found.documents.len(), expected, "{condition}");
            assert_eq!(found.scanned, expected as u64, "{condition}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secondary_index_is_asked_by_its_own_keys_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let configuration = table_keyed(&dynamodb, &table, "");
        let host = host(&configuration).await;
        let create = json!({
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                { "AttributeName": "id", "AttributeType": "S" },
                { "AttributeName": "status", "AttributeType": "S" },
                { "AttributeName": "n", "AttributeType": "N" },
            ],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "GlobalSecondaryIndexes": [{
                "IndexName": "by_status",
                "KeySchema": [
                    { "AttributeName": "status", "KeyType": "HASH" },
                    { "AttributeName": "n", "KeyType": "RANGE" },
                ],
                "Projection": { "ProjectionType": "ALL" },
            }],
        });
        let created = host
            .dynamodb()
            .unwrap()
            .send("CreateTable", create.to_string());
        let created = created.await.unwrap();
        assert_eq!(created.status, 200, "{created:?}");
        let document = |n: u32| {
            let mut document = json!({ "id": format!("{n:02}"), "n": n, "status": "open" });
            match n % 3 {
                1 => document["status"] = json!("closed"),
                // Not in the index.
                2 => document["status"] = Value::Null,
                _ => {}
            }
            if n % 3 == 2 {
                document.as_object_mut().unwrap().remove("status");
            }
            document.to_string()
        };
        load(&host, (0..60).map(document).collect()).await;
        let queries = [
            ("status = 'open' AND n > 50", Access::Query, 3, 3),
            ("status = 'open' AND n BETWEEN 0 AND 9", Access::Query, 4, 4),
            ("status = 'open' AND id > '50'", Access::Query, 20, 3),
            ("n > 50", Access::Scan, 40, 6),
            ("", Access::Scan, 40, 40),
        ];
        for (condition, access, scanned, matched) in queries {
            let mut query = host.query(condition).unwrap();
            query.index = Some("by_status".to_owned());
            let found = ask(&host, &query).await;
            assert_eq!(
                (found.access, found.scanned, found.documents.len()),
                (access, scanned, matched),
                "{}: {condition}",
                dynamodb.name
            );
        }
        let stage = Stage::new(&configuration);
        let query = [
            "query",
            "status = 'open'",
            "--index",
            "by_status",
            "--count",
        ];
        assert_eq!(stage.rowcast(&query).await.ok().stdout, "20\n");
        let refusals: [(&[&str], &str); 3] = [
            (&["query", "--index", "by_staus"], "by_status"),
            (
                &["query", "--index", "by_status", "--consistent"],
                "by_status",
            ),
            (
                &["query", "status = 7", "--index", "by_status"],
                "column 10: the key `status` has type S",
            ),
        ];
        for (query, said) in refusals {
            let query = stage.rowcast(query).await;
            assert_eq!(query.code, Some(2), "{}", query.stderr);
            assert!(query.stderr.contains(said), "{}", query.stderr);
        }
    })
    .await;
}

/// Each item is read once. dynoxide counts the item that a full page has no
/// room for with that page as well as with the next.
fn check_scanned(dynamodb: &Dynamo, found: &Found, items: usize) {
    let counted_twice = match dynamodb.name {
        "dynoxide" => found.requests,
        _ => 0.0,
    };
    let exact = |count: u64| f64::from(u32::try_from(count).unwrap());
    let (items, scanned) = (exact(items as u64), exact(found.scanned));
    assert!(
        (items..=items + counted_twice).contains(&scanned),
        "{}: {} of {items} scanned",
        dynamodb.name,
        found.scanned
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_and_pages_return_each_item_once_on_each_dynamodb() {
    const ITEMS: usize = 3_000;
    on_each(async |dynamodb, table| {
        let host = host(&table_keyed(&dynamodb, &table, "id S")).await;
        host.create_table().await.unwrap();
        let filling = "x".repeat(2_000);
        let id = |n: usize| format!("{n:05}");
        let document = |n: usize| json!({ "id": id(n), "n": n, "filling": filling }).to_string();
        let report = load(&host, (0..ITEMS).map(document).collect()).await;
        assert_eq!(report.tally.documents.written, ITEMS as u64);
        let all: Vec<_> = (0..ITEMS).map(id).collect();
        for segments in [1, 4, 16] {
            let mut query = host.query("").unwrap();
            query.segments = Some(segments);
            let found = ask(&host, &query).await;
            let place = format!("{}, {segments} segments", dynamodb.name);
            assert_eq!(found.texts("id"), all, "{place}");
            check_scanned(&dynamodb, &found, ITEMS);
            // A page has 1 MB at most, and the table 6.
            assert!(found.requests > 6.0, "{place}: {} requests", found.requests);

            query.filter = "n >= 2990".to_owned();
            let found = ask(&host, &query).await;
            assert_eq!(found.texts("id"), all[2990..], "{place}");
            check_scanned(&dynamodb, &found, ITEMS);

            for (filter, limit, expected) in [
                ("", 7, 7),
                ("", 1_500, 1_500),
                ("", 4_000, ITEMS),
                ("n >= 2990", 7, 7),
                ("n >= 2990", 100, 10),
                ("n < 1000", 999, 999),
            ] {
                query.filter = filter.to_owned();
                query.limit = Some(limit);
                let found = ask(&host, &query).await;
                let mut ids = found.texts("id");
                ids.dedup();
                assert_eq!(ids.len(), expected, "{place}: {filter}, limit {limit}");
                assert_eq!(found.documents.len(), expected, "{place}: {filter}");
            }
        }
        // What a cursor continues is what it began.
        let query = host.query("n >= 10").unwrap();
        let answer = host.pipeline().query(&query.text(), None, None).await;
        let answer = answer.result.unwrap();
        let cursor = answer.cursor.unwrap();
        let other = host.query("n >= 11").unwrap();
        let error = host
            .pipeline()
            .query(&other.text(), Some(&cursor), None)
            .await;
        let error = error.result.unwrap_err();
        assert!(
            matches!(error, CallError::Failure(Failure::PermanentInvalid(_))),
            "{error:?}"
        );
    })
    .await;
}
