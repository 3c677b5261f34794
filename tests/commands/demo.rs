//! `rowcast demo`, start to end.

use super::{settled, snapshot};
use crate::support::stage::Stage;
use expect_test::expect;
use futures_util::future::join_all;
use rowcast::config::Config;
use rowcast_stand_ins::api::Api;

/// The tracks come in no order.
fn sorted(text: &str) -> String {
    let (mut rows, mut rest) = (Vec::new(), String::new());
    for line in text.split_inclusive('\n') {
        if line.starts_with('│') && !line.contains("artist_id") {
            rows.push(line);
        } else {
            rows.sort_unstable();
            rest.extend(rows.drain(..));
            rest.push_str(line);
        }
    }
    rest
}

#[tokio::test]
async fn it_shows_everything() {
    let stage = Stage::new("");
    let output = stage.rowcast(&["demo"]).await;
    expect![[r#"
        exit 0
        --- stdout
        ┌────────────────────────┬─────────┬──────────────────────────────────────────────┬────────────┐
        │ artist_id              ┆ country ┆ name                                         ┆ popularity │
        ╞════════════════════════╪═════════╪══════════════════════════════════════════════╪════════════╡
        │ 3Nrfpe0tUJi4K4DXYWgMUX ┆ US      ┆ Butter                                       ┆         91 │
        │ 3Nrfpe0tUJi4K4DXYWgMUX ┆ US      ┆ My Universe                                  ┆         91 │
        │ 66CXWjxzNUsdJxJ2JdwvnR ┆ US      ┆ Save Your Tears (with Ariana Grande) (Remix) ┆         91 │
        └────────────────────────┴─────────┴──────────────────────────────────────────────┴────────────┘
        --- stderr
        Started on this machine, for this demo only:
          PostgreSQL                       127.0.0.1:PORT
          Spotify (stand-in)               http://127.0.0.1:PORT
          DynamoDB (dynoxide, in memory)   http://127.0.0.1:PORT

        Created the table `top_tracks` with the keys artist_id (S), country_track (S).

        Running `rowcast run`: rows from PostgreSQL, requests for each of them to the stand-in for Spotify, every record into DynamoDB.
        rows       36 read: 36 done, 0 rejected, 0 pending
        requests   72 planned: 72 done, 0 rejected, 0 pending (72 sent, 0 of them repeats)
        records    720 received: 720 accepted, 0 rejected
        documents  720 in all: 720 written, 0 superseded, 0 rejected, 0 pending
        DynamoDB   29 sent, 0 of them repeats; 1556 write capacity units
        time       SECONDS s

        Asking `rowcast query 'popularity > 90' --output table`:
        matches: 3, in 720 items read; 152.5 read capacity units

        Where it ran: the pipeline in a WebAssembly component inside this process, which lent it HTTP to one origin and signed DynamoDB calls to one table; PostgreSQL in a process of its own, the other two servers in this one.
        Next: `rowcast demo --print-config` prints the configuration, `rowcast init` writes one for your own servers.
    "#]].assert_eq(&sorted(&snapshot(&stage, &output)));
}

#[tokio::test]
async fn it_measures() {
    let stage = Stage::new("");
    let output = stage.rowcast(&["demo", "--artists", "60"]).await;
    expect![[r#"
        exit 0
        --- stderr
        Started on this machine, for this demo only:
          PostgreSQL                       127.0.0.1:PORT
          Spotify (stand-in)               http://127.0.0.1:PORT
          DynamoDB (dynoxide, in memory)   http://127.0.0.1:PORT

        Created the table `top_tracks` with the keys artist_id (S), country_track (S).

        Running `rowcast run`: rows from PostgreSQL, requests for each of them to the stand-in for Spotify, every record into DynamoDB.
        rows       60 read: 60 done, 0 rejected, 0 pending
        requests   120 planned: 120 done, 0 rejected, 0 pending (120 sent, 0 of them repeats)
        records    1200 received: 1200 accepted, 0 rejected
        documents  1200 in all: 1200 written, 0 superseded, 0 rejected, 0 pending
        DynamoDB   48 sent, 0 of them repeats; 2554 write capacity units
        time       SECONDS s

        Asking `rowcast query 'popularity = 90' --count`:
        matches: 15, in 1200 items read; 251.5 read capacity units

        Where it ran: the pipeline in a WebAssembly component inside this process, which lent it HTTP to one origin and signed DynamoDB calls to one table; PostgreSQL in a process of its own, the other two servers in this one.
        Next: `rowcast demo --print-config` prints the configuration, `rowcast init` writes one for your own servers.
    "#]].assert_eq(&snapshot(&stage, &output));
}

/// Each preset's API is limited and fails at times; a demo of it ends well, with
/// records to show.
#[tokio::test(flavor = "multi_thread")]
async fn it_shows_every_preset() {
    let shown = Api::all().iter().map(async |api| {
        let stage = Stage::new("");
        let output = stage.rowcast(&["demo", "--preset", &api.preset]).await.ok();
        let lines = output.stdout.lines().filter(|line| line.starts_with('│'));
        // The first is the header.
        let records = lines.count().saturating_sub(1);
        assert!(
            (1..40).contains(&records),
            "{}: {}",
            api.preset,
            output.stdout
        );
        let said = format!("the stand-in for {}", api.name);
        assert!(output.stderr.contains(&said), "{}", output.stderr);
        assert!(
            output.stderr.contains(" 0 rejected, 0 pending"),
            "{}",
            output.stderr
        );
    });
    join_all(shown).await;
    let stage = Stage::new("");
    let output = stage.rowcast(&["demo", "--preset", "deezer"]).await;
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.stderr.contains("deezer-top-tracks"), "{output:?}");
}

#[tokio::test]
async fn its_configuration_is_one() {
    let output = Stage::new("")
        .rowcast(&["demo", "--print-config", "-q"])
        .await
        .ok();
    expect![[r##"
        # Which rows.
        [rows]
        postgres = "postgresql://postgres:PASSWORD@127.0.0.1:PORT/postgres?sslmode=disable"
        query = "SELECT id FROM artists ORDER BY id"

        # What to ask for each row. The preset says how answers of Spotify are read;
        # here they come from a stand-in on this machine.
        [source]
        preset = "spotify-top-tracks"
        url = "http://127.0.0.1:PORT/v1/artists/{id}/top-tracks?market={country}"

        [source.auth]
        type = "client-credentials"
        token_url = "http://127.0.0.1:PORT/api/token"
        client_id = "demo-client"
        client_secret = "demo-secret"

        # Where every record goes. This DynamoDB accepts any credentials.
        [table]
        name = "top_tracks"
        region = "us-east-1"
        endpoint = "http://127.0.0.1:PORT"

        [table.credentials]
        access_key_id = "demo"
        secret_access_key = "demo"

        [table.keys]
        partition = { name = "artist_id", type = "S" }
        sort = { name = "country_track", type = "S" }

        # Addresses of this machine and of private networks are only reached if named.
        [egress]
        origins = ["http://127.0.0.1:PORT"]
        addresses = ["127.0.0.1"]
    "##]]
    .assert_eq(&settled(&output.stdout));
    Config::parse(&output.stdout, |_| None).unwrap();
}
