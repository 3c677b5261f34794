//! Rows that can't be had.

use super::files;
use crate::support::stage::{Stage, rows_section};
use expect_test::expect;
use rowcast_stand_ins::catalog::Catalog;
use rowcast_stand_ins::postgres::TemporaryPostgres;

const SOURCE: &str = "[source]\nurl = \"https://api.example.com/{id}\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_refuses() {
    let catalog = Catalog::synthetic(1, 1);
    let server = TemporaryPostgres::start(catalog.artists()).await.unwrap();
    let url = server.url();
    let (user, address) = url.split_once('@').unwrap();
    let (user, _) = user.rsplit_once(':').unwrap();
    let wrong = format!("{user}:wrong@{address}");
    let stage = |url: &str, query| Stage::new(&[&rows_section(url, query), SOURCE].concat());
    stage(&wrong, "SELECT id FROM artists")
        .check(expect![[r#"
            $ rowcast extract
            exit 3
            --- stderr
            error: connect to PostgreSQL at 127.0.0.1 port PORT
              because: FATAL: password authentication failed for user "postgres"
              hint: check the user and the password in `rows.postgres`
        "#]])
        .await;
    stage(&url, "SELECT id FROM artist")
        .check(expect![[r#"
            $ rowcast extract
            exit 2
            --- stderr
            error: prepare the query (line 1, column 16)
              because: ERROR: relation "artist" does not exist
              hint: check the name, its schema (the search_path), and the database connected to
        "#]])
        .await;
    stage(&url, "SELECT identity FROM artists")
        .check(expect![[r#"
            $ rowcast extract
            exit 2
            --- stderr
            error: prepare the query (line 1, column 8)
              because: ERROR: column "identity" does not exist
              hint: check `rows.query`
        "#]])
        .await;
    server.shutdown().await;
    stage(&url, "SELECT id FROM artists")
        .check(expect![[r#"
            $ rowcast extract
            exit 4
            --- stderr
            error: connect to PostgreSQL at 127.0.0.1 port PORT
              because: error connecting to server
              because: Connection refused (os error 111)
              hint: is PostgreSQL running there? check host and port in `rows.postgres`
        "#]])
        .await;
}

#[tokio::test]
async fn a_file_is_missing_or_malformed() {
    let stage =
        files("[rows]\nfile = \"none.csv\"\n[source]\nurl = \"https://api.example.com/{id}\"\n");
    stage
        .check(expect![[r#"
            $ rowcast extract
            exit 2
            --- stderr
            error: open none.csv
              because: No such file or directory (os error 2)
              hint: check the file's name; a relative one is looked for where the command is run
        "#]])
        .await;
    std::fs::write(stage.path().join("none.csv"), "id,name\na1,Ann,what\n").unwrap();
    stage
        .check(expect![[r#"
            $ rowcast extract
            exit 5
            --- stderr
            rejected: none.csv, line 2: it has 3 fields, the header has 2
            rows       1 read: 0 done, 1 rejected, 0 pending
            requests   0 planned: 0 done, 0 rejected, 0 pending (0 sent, 0 of them repeats)
            records    0 received: 0 accepted, 0 rejected
            documents  0 printed
            time       SECONDS s
        "#]])
        .await;
}
