//! Nothing → everything that a demonstration needs: servers on 127.0.0.1, and a
//! configuration that points at them. The integration tests use them too.

use crate::StartError;
use crate::api::{Api, ApiStandIn, KEY, TOKEN};
use crate::catalog::Catalog;
use crate::dynamodb::TemporaryDynamoDb;
use crate::postgres::TemporaryPostgres;
use crate::spotify::{Credentials, SpotifyStandIn};
use crate::track::Artist;
use std::io;

const CLIENT_ID: &str = "demo-client";
const CLIENT_SECRET: &str = "demo-secret";
/// One artist each.
const QUERY: &str = "SELECT id FROM artists ORDER BY id";
const TARGET: &str = "/v1/artists/{id}/top-tracks?market={country}";
const REGION: &str = "us-east-1";
/// The table that the configuration names.
pub const TABLE: &str = "top_tracks";
/// The preset of the demo that starts without any.
pub const PRESET: &str = "spotify-top-tracks";

/// The three servers of `rowcast demo`. Dropping it ends them.
pub struct Demo<S = SpotifyStandIn> {
    postgres: TemporaryPostgres,
    source: S,
    dynamodb: TemporaryDynamoDb,
}

/// A source's stand-in, and how the demo is configured for it.
pub trait Source: Send + Sync {
    /// Where it listens.
    fn origin(&self) -> String;
    /// The configuration for it.
    fn show(&self) -> Show<'_>;
    /// What it takes to be asked, by name.
    fn credentials(&self) -> Vec<(&'static str, String)>;
    /// Ends it and returns once its port is free.
    fn shutdown(self) -> impl Future<Output = ()> + Send;
}

/// What a configuration says of a source.
#[derive(Clone, Debug)]
pub struct Show<'a> {
    /// What people call the source.
    pub name: &'a str,
    preset: &'a str,
    /// Which rows.
    query: &'a str,
    /// Path and query of the requests.
    target: &'a str,
    /// More lines of `[source]`.
    settings: String,
    /// The table's name.
    pub table: &'a str,
    /// The keys; those that the preset proposes, if empty.
    keys: &'a str,
}

impl Source for SpotifyStandIn {
    fn origin(&self) -> String {
        self.origin()
    }

    fn show(&self) -> Show<'_> {
        Show {
            name: "Spotify",
            preset: PRESET,
            query: QUERY,
            target: TARGET,
            settings: format!(
                r#"
[source.auth]
type = "client-credentials"
token_url = "{}/api/token"
client_id = "{CLIENT_ID}"
client_secret = "{CLIENT_SECRET}"
"#,
                self.origin()
            ),
            table: TABLE,
            keys: r#"
[table.keys]
partition = { name = "artist_id", type = "S" }
sort = { name = "country_track", type = "S" }
"#,
        }
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        vec![
            ("token_url", format!("{}/api/token", self.origin())),
            ("client_id", CLIENT_ID.to_owned()),
            ("client_secret", CLIENT_SECRET.to_owned()),
        ]
    }

    async fn shutdown(self) {
        self.shutdown().await;
    }
}

impl Source for ApiStandIn {
    fn origin(&self) -> String {
        self.origin()
    }

    fn show(&self) -> Show<'_> {
        let api = self.api();
        let mut settings = api.settings.join("\n");
        if !settings.is_empty() {
            settings.push('\n');
        }
        Show {
            name: &api.name,
            preset: &api.preset,
            query: &api.query,
            target: &api.target,
            settings,
            table: &api.preset,
            keys: "",
        }
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        vec![("token", TOKEN.to_owned()), ("key", KEY.to_owned())]
    }

    async fn shutdown(self) {
        self.shutdown().await;
    }
}

/// One of the demo's servers, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub name: String,
    /// Where it listens.
    pub place: String,
}

impl Demo {
    /// Starts PostgreSQL, the stand-in for Spotify and DynamoDB with the
    /// demo's own catalogue. No table exists yet.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_with(Catalog::demo()).await
    }

    /// The same with another catalogue.
    pub async fn start_with(catalog: Catalog) -> Result<Self, StartError> {
        let artists = catalog.artists().to_vec();
        let credentials = Credentials {
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
        };
        let spotify = SpotifyStandIn::start(catalog, credentials);
        Self::around(&artists, spotify, "the stand-in for Spotify").await
    }

    /// The source's stand-in.
    #[must_use]
    pub fn spotify(&self) -> &SpotifyStandIn {
        &self.source
    }
}

impl Demo<ApiStandIn> {
    /// Starts PostgreSQL, a stand-in for that API and DynamoDB.
    pub async fn start_api(api: Api) -> Result<Self, StartError> {
        let artists = Catalog::demo().artists().to_vec();
        Self::around(&artists, ApiStandIn::start(api), "the API's stand-in").await
    }
}

impl<S: Source> Demo<S> {
    async fn around(
        artists: &[Artist],
        source: impl Future<Output = io::Result<S>>,
        server: &'static str,
    ) -> Result<Self, StartError> {
        let source = async {
            let listen = |source| StartError::Listen { server, source };
            source.await.map_err(listen)
        };
        let (postgres, source, dynamodb) = tokio::try_join!(
            TemporaryPostgres::start(artists),
            source,
            TemporaryDynamoDb::start()
        )?;
        Ok(Self {
            postgres,
            source,
            dynamodb,
        })
    }

    /// The database that has the artists.
    #[must_use]
    pub fn postgres(&self) -> &TemporaryPostgres {
        &self.postgres
    }

    /// The source's stand-in.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The destination.
    #[must_use]
    pub fn dynamodb(&self) -> &TemporaryDynamoDb {
        &self.dynamodb
    }

    /// What runs, and where.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let part = |name: &str, place| Part {
            name: name.to_owned(),
            place,
        };
        let source = format!("{} (stand-in)", self.source.show().name);
        vec![
            part("PostgreSQL", self.postgres.address()),
            part(&source, self.source.origin()),
            part("DynamoDB (dynoxide, in memory)", self.dynamodb.endpoint()),
        ]
    }

    /// A `rowcast.toml` for these servers.
    #[must_use]
    pub fn config_text(&self) -> String {
        let Show {
            name,
            preset,
            query,
            target,
            settings,
            table,
            keys,
        } = self.source.show();
        let postgres = self.postgres.url();
        let source = self.source.origin();
        let dynamodb = self.dynamodb.endpoint();
        format!(
            r#"# Which rows.
[rows]
postgres = "{postgres}"
query = "{query}"

# What to ask for each row. The preset says how answers of {name} are read;
# here they come from a stand-in on this machine.
[source]
preset = "{preset}"
url = "{source}{target}"
{settings}
# Where every record goes. This DynamoDB accepts any credentials.
[table]
name = "{table}"
region = "{REGION}"
endpoint = "{dynamodb}"

[table.credentials]
access_key_id = "demo"
secret_access_key = "demo"
{keys}
# Addresses of this machine and of private networks are only reached if named.
[egress]
origins = ["{source}"]
addresses = ["127.0.0.1"]
"#
        )
    }

    /// Where the servers are and how they are spoken to, for programs that
    /// can't read the configuration: one JSON object of texts. DynamoDB accepts
    /// any credentials.
    #[must_use]
    pub fn addresses(&self) -> serde_json::Value {
        let show = self.source.show();
        let source = self.source.origin();
        let credentials = self.source.credentials();
        let addresses = [
            ("postgres", self.postgres.url()),
            ("query", show.query.to_owned()),
            ("url", format!("{source}{}", show.target)),
            ("source", source),
            ("dynamodb", self.dynamodb.endpoint()),
            ("region", REGION.to_owned()),
            ("table", show.table.to_owned()),
        ];
        let all = addresses.into_iter().chain(credentials);
        all.map(|(name, value)| (name.to_owned(), value.into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// Ends the servers and returns once nothing of them is left.
    pub async fn shutdown(self) {
        tokio::join!(
            self.postgres.shutdown(),
            self.source.shutdown(),
            self.dynamodb.shutdown()
        );
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn configuration_points_at_the_servers() {
        let demo = Demo::start().await.unwrap();
        let config: toml::Table = demo.config_text().parse().unwrap();
        assert_eq!(
            config["rows"]["postgres"].as_str(),
            Some(demo.postgres().url().as_str())
        );
        let origin = demo.spotify().origin();
        assert_eq!(
            config["source"]["url"].as_str(),
            Some(format!("{origin}/v1/artists/{{id}}/top-tracks?market={{country}}").as_str())
        );
        assert_eq!(
            config["source"]["auth"]["token_url"].as_str(),
            Some(format!("{origin}/api/token").as_str())
        );
        assert_eq!(
            config["table"]["endpoint"].as_str(),
            Some(demo.dynamodb().endpoint().as_str())
        );
        assert_eq!(
            config["table"]["keys"]["sort"]["name"].as_str(),
            Some("country_track")
        );
        assert_eq!(
            config["egress"]["origins"][0].as_str(),
            Some(origin.as_str())
        );

        let addresses = demo.addresses();
        for (name, place) in [
            ("postgres", &config["rows"]["postgres"]),
            ("query", &config["rows"]["query"]),
            ("url", &config["source"]["url"]),
            ("token_url", &config["source"]["auth"]["token_url"]),
            ("client_id", &config["source"]["auth"]["client_id"]),
            ("client_secret", &config["source"]["auth"]["client_secret"]),
            ("dynamodb", &config["table"]["endpoint"]),
            ("region", &config["table"]["region"]),
            ("table", &config["table"]["name"]),
            ("source", &config["egress"]["origins"][0]),
        ] {
            assert_eq!(addresses[name].as_str(), place.as_str(), "{name}");
        }

        let places: Vec<_> = demo.parts().into_iter().map(|part| part.place).collect();
        let password = demo.postgres().url();
        assert!(
            places.iter().all(|place| place.contains("127.0.0.1:")),
            "{places:?}"
        );
        assert!(!password.is_empty() && places.iter().all(|place| !place.contains('@')));
        demo.shutdown().await;
        for place in places {
            let address = place.trim_start_matches("http://").to_owned();
            assert!(
                tokio::net::TcpStream::connect(&address).await.is_err(),
                "{place}"
            );
        }
    }
}
