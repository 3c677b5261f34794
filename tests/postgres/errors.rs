//! What PostgreSQL refuses → an error that says what, where and what to do.

use crate::support::postgres::{Postgres, all, describe};
use crate::support::stage::{Stage, rows_section, source_section};
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;

async fn refusal(url: &str, query: &str) -> String {
    match all(url, query).await {
        Ok(rows) => panic!("{query}: {rows:?}"),
        Err(error) => describe(&error),
    }
}

#[expect(clippy::too_many_lines, reason = "one table")]
#[tokio::test]
async fn errors_say_what_where_and_what_to_do() {
    let server = Postgres::start().await;
    server
        .run(
            "CREATE TABLE secrets (id int);
             CREATE SEQUENCE numbers;
             CREATE FUNCTION add_secret() RETURNS int LANGUAGE sql
                 AS 'INSERT INTO secrets VALUES (1) RETURNING id';
             CREATE ROLE reader LOGIN PASSWORD 'r';
             CREATE ROLE stranger PASSWORD 's' NOLOGIN;
",
        )
        .await;
    let url = server.url();
    let mut found = Vec::new();
    for query in [
        "SELECT id\nFROM artsts",
        "SELECT id,\n  'é😀' AS x, nam FROM artists",
        "SELEC id FROM artists",
        "SELECT nothing(1) AS id",
        "SELECT 1 AS id; SELECT 2 AS id",
        "SELECT 1 AS id; -- a comment behind it",
        "",
        "SELECT id, name AS id FROM artists",
        "SELECT 1",
        "SELECT 1 AS id, id + 1 FROM secrets",
        "SELECT FROM secrets",
        "SELECT id FROM artists WHERE id = $1",
        "INSERT INTO secrets VALUES (1)",
        "INSERT INTO secrets VALUES (1) RETURNING id",
        "WITH a AS (DELETE FROM secrets RETURNING id) SELECT id FROM a",
        "SELECT add_secret() AS id",
        "SELECT nextval('numbers') AS id",
        "SELECT 6 / (3 - n) AS id FROM generate_series(1, 5) n",
        "SHOW server_version",
        "SELECT repeat('x', 1024 * 1024) AS id",
    ] {
        found.push(format!("{query}\n{}", refusal(&url, query).await));
    }
    let denied = server.url_of("reader", "r");
    found.push(refusal(&denied, "SELECT id FROM secrets").await);
    found.push(refusal(&server.url_of("reader", "wrong"), "SELECT 1 AS id").await);
    found.push(refusal(&server.url_of("stranger", "s"), "SELECT 1 AS id").await);
    let elsewhere = url.replace("/postgres?", "/elsewhere?");
    found.push(refusal(&elsewhere, "SELECT 1 AS id").await);
    // The only thing that differs between runs.
    let found = found.join("\n\n").replace(&server.port(), "PORT");
    expect_test::expect![[r#"
        SELECT id
        FROM artsts
        prepare the query (line 2, column 6)
          because: ERROR: relation "artsts" does not exist
          hint: check the name, its schema (the search_path), and the database connected to

        SELECT id,
          'é😀' AS x, nam FROM artists
        prepare the query (line 2, column 14)
          because: ERROR: column "nam" does not exist
        HINT: Perhaps you meant to reference the column "artists.name".
          hint: check `rows.query`

        SELEC id FROM artists
        prepare the query (line 1, column 10)
          because: ERROR: syntax error at or near "FROM"
          hint: check `rows.query`

        SELECT nothing(1) AS id
        prepare the query (line 1, column 8)
          because: ERROR: function nothing(integer) does not exist
        HINT: No function matches the given name and argument types. You might need to add explicit type casts.
          hint: check `rows.query`

        SELECT 1 AS id; SELECT 2 AS id
        prepare the query (line 1, column 15)
          because: ERROR: syntax error at or near ";"
          hint: check `rows.query`

        SELECT 1 AS id; -- a comment behind it
        prepare the query (line 1, column 15)
          because: ERROR: syntax error at or near ";"
          hint: check `rows.query`


        use the query's columns: the query can't be part of another
          hint: `rows.query` must be a SELECT, VALUES, TABLE or WITH query that only reads

        SELECT id, name AS id FROM artists
        use the query's columns: two columns are called id
          hint: rename one: SELECT … AS another_name

        SELECT 1
        use the query's columns: column 1 has no name
          hint: name it: SELECT … AS name

        SELECT 1 AS id, id + 1 FROM secrets
        use the query's columns: column 2 has no name
          hint: name it: SELECT … AS name

        SELECT FROM secrets
        use the query's columns: the query returns none
          hint: `rows.query` must be a SELECT

        SELECT id FROM artists WHERE id = $1
        use the query's columns: the query has parameters, such as $1
          hint: write the values into `rows.query`; ${NAME} there is an environment variable

        INSERT INTO secrets VALUES (1)
        use the query's columns: the query can't be part of another
          hint: `rows.query` must be a SELECT, VALUES, TABLE or WITH query that only reads

        INSERT INTO secrets VALUES (1) RETURNING id
        use the query's columns: the query can't be part of another
          hint: `rows.query` must be a SELECT, VALUES, TABLE or WITH query that only reads

        WITH a AS (DELETE FROM secrets RETURNING id) SELECT id FROM a
        prepare the query (line 1, column 6)
          because: ERROR: WITH clause containing a data-modifying statement must be at the top level

        SELECT add_secret() AS id
        read row 1 from PostgreSQL
          because: ERROR: cannot execute INSERT in a read-only transaction
          hint: rows are read in a read-only transaction: the query must not write

        SELECT nextval('numbers') AS id
        read row 1 from PostgreSQL
          because: ERROR: cannot execute nextval() in a read-only transaction
          hint: rows are read in a read-only transaction: the query must not write

        SELECT 6 / (3 - n) AS id FROM generate_series(1, 5) n
        read row 3 from PostgreSQL
          because: ERROR: division by zero

        SHOW server_version
        use the query's columns: the query can't be part of another
          hint: `rows.query` must be a SELECT, VALUES, TABLE or WITH query that only reads

        SELECT repeat('x', 1024 * 1024) AS id
        read row 1 from PostgreSQL: it is longer than 1024 KiB (`limits.row_kib`)

        prepare the query
          because: ERROR: permission denied for table secrets
          hint: GRANT SELECT on what the query reads to the user of `rows.postgres`
          denied

        connect to PostgreSQL at 127.0.0.1 port PORT
          because: FATAL: password authentication failed for user "reader"
          hint: check the user and the password in `rows.postgres`
          denied

        connect to PostgreSQL at 127.0.0.1 port PORT
          because: FATAL: role "stranger" is not permitted to log in
          hint: the server doesn't let this user in from here: see its roles and pg_hba.conf
          denied

        connect to PostgreSQL at 127.0.0.1 port PORT
          because: FATAL: database "elsewhere" does not exist
          hint: check the database's name in `rows.postgres`"#]].assert_eq(&found);
    // Nothing of all that wrote.
    assert_eq!(
        server
            .ask("SELECT count(*)::text FROM secrets")
            .await
            .as_deref(),
        Some("0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_exits_as_the_error_deserves() {
    let server = Postgres::start().await;
    server
        .run("CREATE TABLE secrets (id int); CREATE ROLE reader LOGIN PASSWORD 'r'")
        .await;
    let source = ScriptedSource::start(|_, _| Reply::json("{}")).await;
    let gone = "postgresql://u@127.0.0.1:1/x?sslmode=disable";
    for (url, query, code) in [
        (server.url(), "SELECT id FROM artsts", 2),
        (server.url(), "SELECT 1 / 0 AS id", 2),
        (server.url_of("reader", "r"), "SELECT id FROM secrets", 3),
        (server.url_of("reader", "wrong"), "SELECT 1 AS id", 3),
        (gone.to_owned(), "SELECT 1 AS id", 4),
    ] {
        let stage =
            Stage::new(&(rows_section(&url, query) + &source_section(&source.origin(), 50)));
        let output = stage.rowcast(&["extract"]).await;
        assert_eq!(output.code, Some(code), "{query}: {}", output.stderr);
        assert_eq!(output.stdout, "", "{query}");
        assert!(
            output.stderr.contains("hint: ") || query.contains("/ 0"),
            "{}",
            output.stderr
        );
        assert!(!output.stderr.contains("wrong"), "{}", output.stderr);
    }
    assert_eq!(source.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_row_is_one_line_of_the_file_whatever_its_json_looks_like() {
    let server = Postgres::start().await;
    let source = ScriptedSource::start(|_, _| Reply::json("{\n  \"a\": 1.50\n}")).await;
    let query = "SELECT CASE WHEN n = 2 THEN n END AS id, E'{\n  \"b\":\r\n 2.50 }'::json AS more
        FROM generate_series(1, 3) n";
    let stage =
        Stage::new(&(rows_section(&server.url(), query) + &source_section(&source.origin(), 50)));
    let output = stage
        .rowcast(&["extract", "--rejected", "rejected.jsonl"])
        .await;
    assert_eq!(output.code, Some(5), "{}", output.stderr);
    assert_eq!(output.stdout, "{\"a\":1.50}\n");
    let rejected = std::fs::read_to_string(stage.path().join("rejected.jsonl")).unwrap();
    let rejected: Vec<serde_json::Value> = rejected
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rejected.len(), 2);
    assert_eq!(rejected[0]["row"]["more"]["b"].to_string(), "2.50");
}
