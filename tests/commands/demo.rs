//! `rowcast demo`, start to end.

use super::{check, settled};
use crate::support::stage::Stage;
use expect_test::expect;
use rowcast::config::Config;

#[tokio::test]
async fn it_shows_everything() {
    check(&Stage::new(""), &["demo"], expect![[r#"
        exit 0
        --- stdout
        ┌─────────┬──────────────────────────────────────────────┬────────────────────────┬────────────┐
        │ country ┆ name                                         ┆ artist_id              ┆ popularity │
        ╞═════════╪══════════════════════════════════════════════╪════════════════════════╪════════════╡
        │ US      ┆ Save Your Tears (with Ariana Grande) (Remix) ┆ 66CXWjxzNUsdJxJ2JdwvnR ┆ 91         │
        │ US      ┆ Butter                                       ┆ 3Nrfpe0tUJi4K4DXYWgMUX ┆ 91         │
        │ US      ┆ My Universe                                  ┆ 3Nrfpe0tUJi4K4DXYWgMUX ┆ 91         │
        └─────────┴──────────────────────────────────────────────┴────────────────────────┴────────────┘
        --- stderr
        Started, for this demo only:
          PostgreSQL                       127.0.0.1:PORT
          Spotify (stand-in)               http://127.0.0.1:PORT
          DynamoDB (dynoxide, in memory)   http://127.0.0.1:PORT

        Created the table `top_tracks` with the keys artist_id (S), country_track (S).

        Running `rowcast run`: artists from PostgreSQL, their top tracks in each country, every track into DynamoDB.
        rows       36 read: 36 done, 0 rejected, 0 pending
        requests   72 planned: 72 done, 0 rejected, 0 pending (72 sent, 0 of them repeats)
        records    720 received: 720 documents, 0 rejected
        documents  720 in all: 720 written, 0 superseded, 0 rejected, 0 pending
        DynamoDB   29 calls, 0 of them repeats; 1556 write capacity units
        time       SECONDS s

        Asking `rowcast query 'popularity > 90' --output table`:
        3 of 720 items match; 152.5 read capacity units

        The component ran in this process; it made 16 connections for all of that.
        Next: `rowcast demo --print-config` prints the configuration, `rowcast init` writes one for your own servers.
    "#]]).await;
}

#[tokio::test]
async fn its_configuration_is_one() {
    let output = Stage::new("")
        .rowcast(&["demo", "--print-config", "-q"])
        .await
        .ok();
    expect![[r##"
        # Which rows: one artist each.
        [rows]
        postgres = "postgresql://postgres:ded36ea14c0713a58357bcbc19f12fc3@127.0.0.1:PORT/postgres?sslmode=disable"
        query = "SELECT id FROM artists ORDER BY id"

        # What to ask for each row. The preset says how Spotify's top tracks are read;
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
        ┌────────────────────────┬──────────────────────────────────────────────┬─────────┬────────────┐
        │ artist_id              ┆ name                                         ┆ country ┆ popularity │
        ╞════════════════════════╪══════════════════════════════════════════════╪═════════╪════════════╡
        │ 66CXWjxzNUsdJxJ2JdwvnR ┆ Save Your Tears (with Ariana Grande) (Remix) ┆ US      ┆ 91         │
        │ 3Nrfpe0tUJi4K4DXYWgMUX ┆ Butter                                       ┆ US      ┆ 91         │
        │ 3Nrfpe0tUJi4K4DXYWgMUX ┆ My Universe                                  ┆ US      ┆ 91         │
        └────────────────────────┴──────────────────────────────────────────────┴─────────┴────────────┘
    "##]].assert_eq(&settled(&output.stdout));
    Config::parse(&output.stdout, &|_| None).unwrap();
}
