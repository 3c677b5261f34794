//! A folder with a `rowcast.toml` whose parts are running servers.

use super::command::{Output, rowcast, rowcast_with};
use rowcast::config::Config;
use rowcast::host::Host;
use std::path::Path;
use tempfile::TempDir;

/// A folder with a configuration.
pub struct Stage {
    folder: TempDir,
}

impl Stage {
    /// A stage with that text as its `rowcast.toml`.
    pub fn new(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rowcast.toml"), configuration).unwrap();
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `rowcast` here.
    pub async fn rowcast(&self, arguments: &[&str]) -> Output {
        rowcast(self.path(), arguments).await
    }

    /// Runs `rowcast` here with a standard input.
    pub async fn rowcast_with_input(&self, arguments: &[&str], input: &str) -> Output {
        rowcast_with(self.path(), arguments, &[], input).await
    }
}

/// `[table]` of a local DynamoDB, with the keys that the preset has.
pub fn table_section(endpoint: &str, name: &str) -> String {
    format!(
        r#"
[table]
name = "{name}"
region = "us-east-1"
endpoint = "{endpoint}"
keys.partition = {{ name = "artist_id", type = "S" }}
keys.sort = {{ name = "country_track", type = "S" }}

[table.credentials]
access_key_id = "test"
secret_access_key = "test"
"#
    )
}

/// `[source]` of the stand-in for Spotify, and the addresses it may be at.
pub fn spotify_section(origin: &str) -> String {
    format!(
        r#"
[source]
preset = "spotify-top-tracks"
url = "{origin}/v1/artists/{{id}}/top-tracks?market={{country}}"

[source.auth]
type = "client-credentials"
token_url = "{origin}/api/token"
client_id = "demo-client"
client_secret = "demo-secret"

[egress]
addresses = ["127.0.0.1"]
"#
    )
}

/// `[source]` that asks for each row's `id`, in chunks of so many rows.
pub fn source_section(origin: &str, chunk_rows: u32) -> String {
    format!(
        r#"
[source]
url = "{origin}/{{id}}"

[egress]
addresses = ["127.0.0.1"]

[run]
chunk_rows = {chunk_rows}
"#
    )
}

/// `[rows]` of a PostgreSQL query.
pub fn rows_section(url: &str, query: &str) -> String {
    format!("[rows]\npostgres = \"{url}\"\nquery = \"\"\"{query}\"\"\"\n")
}

/// The library's host for that configuration.
pub async fn host(configuration: &str) -> Host {
    let config = Config::parse(configuration, |_| None).unwrap();
    Host::new(config).await.unwrap()
}
