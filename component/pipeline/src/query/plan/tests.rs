//! Table × filter → access, key condition and filter.

use super::*;
use crate::dynamodb::schema::IndexDescription;
use crate::query::expression::Placeholders;
use crate::query::grammar::parse_filter;

fn keys(partition: (&str, KeyType), sort: Option<(&str, KeyType)>) -> Keys {
    let attribute = |(name, kind): (&str, KeyType)| KeyAttribute {
        name: name.to_owned(),
        kind,
    };
    Keys {
        partition: attribute(partition),
        sort: sort.map(attribute),
    }
}

fn tracks() -> TableSchema {
    let index = |name: &str, keys: Keys, global: bool| IndexDescription {
        name: name.to_owned(),
        keys,
        global,
        projects_all: true,
    };
    TableSchema {
        name: "tracks".to_owned(),
        keys: keys(("artist", KeyType::Text), Some(("track", KeyType::Text))),
        indexes: vec![
            index(
                "by_year",
                keys(("year", KeyType::Number), Some(("hash", KeyType::Bytes))),
                true,
            ),
            index(
                "by_rank",
                keys(("artist", KeyType::Text), Some(("rank", KeyType::Number))),
                false,
            ),
        ],
        status: "ACTIVE".to_owned(),
        item_count: 0,
    }
}

fn shown(index: Option<&str>, consistent: bool, filter: &str) -> String {
    let planned = match plan(&tracks(), index, consistent, parse_filter(filter).unwrap()) {
        Ok(planned) => planned,
        Err(error) => return error.to_string(),
    };
    let mut placeholders = Placeholders::default();
    let mut show = |condition: &Option<Condition>| {
        let text = condition.as_ref().map(|each| placeholders.condition(each));
        text.unwrap_or_else(|| "-".to_owned())
    };
    let mut text = format!(
        "{:?} {} | {}",
        planned.access,
        show(&planned.key),
        show(&planned.filter)
    );
    for (placeholder, name) in placeholders.names().into_iter().flatten() {
        text = text.replace(&placeholder, name.as_str().unwrap());
    }
    for (placeholder, value) in placeholders.values().into_iter().flatten() {
        text = text.replace(&placeholder, &value.to_string());
    }
    text.replace(['{', '}', '"'], "")
}

fn check(index: Option<&str>, filter: &str, expected: &str) {
    assert_eq!(shown(index, false, filter), expected, "{filter}");
}

#[test]
fn key_equality_is_a_query() {
    check(None, "", "Access::Scan - | -");
    check(None, "artist = 'a'", "Access::Query artist = S:a | -");
    check(None, "'a' = artist", "Access::Query artist = S:a | -");
    check(
        None,
        "popularity > 5 AND artist = 'a'",
        "Access::Query artist = S:a | popularity > N:5",
    );
    check(
        None,
        "artist = 'a' AND track = 't'",
        "Access::Query artist = S:a AND track = S:t | -",
    );
    check(
        None,
        "'t' < track AND artist = 'a'",
        "Access::Query artist = S:a AND track > S:t | -",
    );
    check(
        None,
        "artist = 'a' AND track BETWEEN 'a' AND 'b' AND (x = 1 OR y = 2)",
        "Access::Query artist = S:a AND track BETWEEN S:a AND S:b | x = N:1 OR y = N:2",
    );
    check(
        None,
        "artist = 'a' AND begins_with(track, 't')",
        "Access::Query artist = S:a AND begins_with(track, S:t) | -",
    );
    check(
        None,
        "track <= 'b' AND x = 1 AND artist = 'a' AND 'a' <= track",
        "Access::Query artist = S:a AND track BETWEEN S:a AND S:b | x = N:1",
    );
    check(
        Some("by_rank"),
        "artist = 'a' AND rank >= 9 AND rank <= 10",
        "Access::Query artist = S:a AND rank BETWEEN N:9 AND N:10 | -",
    );
    // What is excluded is the neighbour of what is included.
    check(
        Some("by_rank"),
        "artist = 'a' AND rank >= 10 AND rank < 20",
        "Access::Query artist = S:a AND rank BETWEEN N:10 AND \
         N:1.9999999999999999999999999999999999999e1 | -",
    );
    check(
        Some("by_rank"),
        "artist = 'a' AND rank > 0 AND rank <= 20 AND rank BETWEEN -5 AND 7 AND 9 > rank",
        "Access::Query artist = S:a AND rank BETWEEN N:1e-130 AND N:7 | -",
    );
    check(
        Some("by_rank"),
        "artist = 'a' AND rank >= 10 AND rank > 12",
        "Access::Query artist = S:a AND rank >= \
         N:1.2000000000000000000000000000000000001e1 | -",
    );
    check(
        None,
        "artist = 'a' AND track > 'a' AND track <= 'b'",
        "Access::Query artist = S:a AND track BETWEEN S:a\\u0000 AND S:b | -",
    );
    check(
        Some("by_rank"),
        "artist = 'a' AND rank <= 3",
        "Access::Query artist = S:a AND rank <= N:3 | -",
    );
    check(
        Some("by_year"),
        "year = 1999 AND artist = 'a'",
        "Access::Query year = N:1999 | artist = S:a",
    );
    check(
        Some("by_year"),
        "year = 1999 AND hash = 'AAE='",
        "Access::Query year = N:1999 AND hash = B:AAE= | -",
    );
}

#[test]
fn everything_else_is_a_scan() {
    for filter in [
        "popularity > N:5",
        "artist <> S:a",
        "artist = S:a OR popularity > N:5",
        "NOT (artist = S:a)",
        "artist IN (S:a, S:b)",
        "artist = track",
        "artist.x = S:a",
        "size(artist) = N:5",
        "track = S:t",
        // The rest names a key, which a filter of Query may not.
        "artist = S:a AND artist = S:b",
        "artist = S:a AND track > S:b AND track < S:a",
        "artist = S:a AND track >= S:b AND track <= S:a",
        "artist = S:a AND track >= S:a AND track <= S:b AND track <> S:t",
        "artist = S:a AND track <> S:b",
        "artist = S:a AND NOT (track = S:b)",
        "artist = S:a AND contains(track, S:b)",
    ] {
        let mut written = filter.replace("N:", "");
        for letter in ["a", "b", "t"] {
            written = written.replace(&format!("S:{letter}"), &format!("'{letter}'"));
        }
        check(None, &written, &format!("Access::Scan - | {filter}"));
    }
    check(
        Some("by_year"),
        "artist = 'a'",
        "Access::Scan - | artist = S:a",
    );
}

#[test]
fn what_can_never_match_is_refused() {
    check(
        None,
        "artist = 5",
        "filter, column 10: the key `artist` has type S; compare it with text in single quotes",
    );
    check(
        None,
        "x = 1 OR NOT null = artist",
        "filter, column 14: the key `artist` has type S; compare it with text in single quotes",
    );
    check(
        Some("by_year"),
        "year = '1999'",
        "filter, column 8: the key `year` has type N; compare it with a number without quotes",
    );
    check(
        Some("by_year"),
        "hash BETWEEN 'AA==' AND '?'",
        "filter, column 25: the key `hash` has type B; compare it with base64 text in single quotes",
    );
    check(
        Some("by_year"),
        "year IN (1, '2')",
        "filter, column 13: the key `year` has type N; compare it with a number without quotes",
    );
    check(
        Some("by_year"),
        "begins_with(year, '1')",
        "filter, column 13: `year` is a key of type N, which has no beginning",
    );
    // Not a key of what is asked, so of any type.
    check(None, "year = '1999'", "Access::Scan - | year = S:1999");
}

#[test]
fn indexes_are_checked() {
    check(
        Some("by_name"),
        "",
        "table `tracks` has no index `by_name`; it has by_year, by_rank",
    );
    assert_eq!(shown(Some("by_rank"), true, ""), "Access::Scan - | -");
    assert_eq!(
        shown(Some("by_year"), true, ""),
        "index `by_year` is global, and DynamoDB has no strongly consistent reads of those; ask for eventually consistent ones"
    );
}
