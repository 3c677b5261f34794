//! PostgreSQL's types and queries, as rows see them.

mod errors;
mod sessions;
mod stopping;
mod tls;

use crate::support::postgres::{Postgres, all};

#[expect(clippy::too_many_lines, reason = "one table")]
#[tokio::test]
async fn every_type_becomes_json() {
    let server = Postgres::start().await;
    server
        .run(
            "ALTER ROLE postgres SET timezone = 'Asia/Kolkata';
             CREATE TYPE mood AS ENUM ('sad', 'very \"happy\"');
             CREATE TYPE place AS (name text, at point, tags text[]);
             CREATE DOMAIN percent AS numeric CHECK (VALUE BETWEEN 0 AND 100);",
        )
        .await;
    let url = server.url();
    for (value, expected) in [
        // Text.
        (r#"'plain'"#, r#""plain""#),
        (r#"''"#, r#""""#),
        (r#"'a "b" \ / ''c'''"#, r#""a \"b\" \\ / 'c'""#),
        (
            r#"E'tab\t line\n return\r \x01 del\x7f'"#,
            "\"tab\\t line\\n return\\r \\u0001 del\u{7f}\"",
        ),
        ("'Björk 😀 \u{2028}'", "\"Björk 😀 \u{2028}\""),
        ("'ab'::char(4)", r#""ab  ""#),
        // Numbers keep their digits.
        ("(-32768)::smallint", "-32768"),
        ("32767::smallint", "32767"),
        ("(-2147483648)::int", "-2147483648"),
        ("2147483647::int", "2147483647"),
        ("(-9223372036854775808)::bigint", "-9223372036854775808"),
        ("9223372036854775807::bigint", "9223372036854775807"),
        (
            "12345678901234567890123456789012345678901234.5670::numeric",
            "12345678901234567890123456789012345678901234.5670",
        ),
        ("1e-20::numeric", "0.00000000000000000001"),
        ("(-1.50)::numeric(10, 4)", "-1.5000"),
        ("99.9::percent", "99.9"),
        ("0.1::real", "0.1"),
        ("0.1::double precision", "0.1"),
        ("1e300::double precision", "1e+300"),
        ("5e-324::double precision", "5e-324"),
        ("'-0'::double precision", "-0"),
        // What JSON has no number for is text.
        ("'NaN'::numeric", r#""NaN""#),
        ("'-Infinity'::numeric", r#""-Infinity""#),
        ("'NaN'::real", r#""NaN""#),
        ("'Infinity'::double precision", r#""Infinity""#),
        ("'-Infinity'::real", r#""-Infinity""#),
        ("1234.5::money", r#""$1,234.50""#),
        // Truth and nothing.
        ("true", "true"),
        ("false", "false"),
        ("NULL", "null"),
        ("NULL::int[]", "null"),
        // Time, as in ISO 8601.
        ("date '2024-02-29'", r#""2024-02-29""#),
        (
            "timestamp '2024-02-29 23:59:59.123456'",
            r#""2024-02-29T23:59:59.123456""#,
        ),
        (
            "timestamptz '2024-02-29 12:00:00+00'",
            r#""2024-02-29T17:30:00+05:30""#,
        ),
        ("timestamp 'infinity'", r#""infinity""#),
        ("date '0044-03-15 BC'", r#""0044-03-15 BC""#),
        ("time '04:05:06.7'", r#""04:05:06.7""#),
        (
            "interval '1 year 2 months 3 days 04:05:06'",
            r#""1 year 2 mons 3 days 04:05:06""#,
        ),
        // Other scalars are text.
        (
            "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid",
            r#""a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11""#,
        ),
        (r#"'\xDEADBEEF'::bytea"#, r#""\\xdeadbeef""#),
        ("'10.0.0.0/8'::inet", r#""10.0.0.0/8""#),
        ("'[1,5)'::int4range", r#""[1,5)""#),
        ("'sad'::mood", r#""sad""#),
        (r#"'very "happy"'::mood"#, r#""very \"happy\"""#),
        // Lists.
        ("ARRAY[]::text[]", "[]"),
        ("ARRAY[1, NULL, 3]", "[1,null,3]"),
        ("ARRAY[[1, 2], [3, 4]]", "[[1,2],[3,4]]"),
        (
            r#"ARRAY['a,b', '"', NULL, 'NULL']"#,
            r#"["a,b","\"",null,"NULL"]"#,
        ),
        (
            "ARRAY[1.50, 1e20]::numeric[]",
            "[1.50,100000000000000000000]",
        ),
        (
            "ARRAY[timestamp '2024-01-01']",
            r#"["2024-01-01T00:00:00"]"#,
        ),
        // JSON stays as it was written, JSONB as PostgreSQL keeps it.
        (
            r#"'{"a" : 1.500, "b": [1e2, 12345678901234567890.10], "a": null}'::json"#,
            r#"{"a" : 1.500, "b": [1e2, 12345678901234567890.10], "a": null}"#,
        ),
        (
            r#"'{"b" : 1.500, "a": [1e2, 12345678901234567890.10, {"c": {}}]}'::jsonb"#,
            r#"{"a": [100, 12345678901234567890.10, {"c": {}}], "b": 1.500}"#,
        ),
        ("'null'::jsonb", "null"),
        ("ARRAY['{\"a\":1}'::jsonb, NULL]", r#"[{"a": 1},null]"#),
        // Composites are objects.
        (
            "ROW('x', '(1,2)', ARRAY['y', NULL])::place",
            r#"{"name":"x","at":"(1,2)","tags":["y",null]}"#,
        ),
        (
            "ARRAY[ROW('x', NULL, NULL)::place]",
            r#"[{"name":"x","at":null,"tags":null}]"#,
        ),
    ] {
        let rows = all(&url, &format!("SELECT {value} AS v")).await;
        let rows = rows.unwrap_or_else(|error| panic!("{value}: {error:?}"));
        assert_eq!(rows, [format!("{{\"v\":{expected}}}")], "{value}");
        serde_json::from_str::<serde_json::Value>(&rows[0]).unwrap();
    }
}

#[tokio::test]
async fn queries_of_every_shape() {
    let server = Postgres::start().await;
    server
        .run("CREATE TABLE artists_2 (id int, name text); INSERT INTO artists_2 VALUES (1, 'x')")
        .await;
    let url = server.url();
    let one = vec![r#"{"id":1,"name":"x"}"#];
    for (query, expected) in [
        ("SELECT * FROM artists_2", one.clone()),
        ("SELECT * FROM artists_2 ; ;\n", one.clone()),
        ("SELECT * FROM artists_2 -- all; of them", one.clone()),
        ("-- first\nSELECT * FROM artists_2 /* ; */;", one.clone()),
        ("TABLE artists_2", one.clone()),
        ("WITH a AS (TABLE artists_2) SELECT * FROM a", one.clone()),
        (
            "VALUES (1), (2)",
            vec![r#"{"column1":1}"#, r#"{"column1":2}"#],
        ),
        ("SELECT id FROM artists_2 WHERE false", vec![]),
        ("SELECT 1 AS id LIMIT 0", vec![]),
        (
            "SELECT n AS id FROM generate_series(1, 3) n ORDER BY n DESC LIMIT 2",
            vec![r#"{"id":3}"#, r#"{"id":2}"#],
        ),
        (
            "SELECT 1 AS \"Id\", 2 AS \"a \"\"b\"\" \\\", 3 AS \"select\", 4 AS \"é😀\", 5 AS id",
            vec![r#"{"Id":1,"a \"b\" \\":2,"select":3,"é😀":4,"id":5}"#],
        ),
        // PostgreSQL names these itself.
        (
            "SELECT count(*), max(id) FROM artists_2",
            vec![r#"{"count":1,"max":1}"#],
        ),
    ] {
        let rows = all(&url, query).await;
        let rows = rows.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        assert_eq!(rows, expected, "{query}");
    }
}
