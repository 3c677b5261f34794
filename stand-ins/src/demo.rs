//! Nothing → everything that a demonstration needs: servers on 127.0.0.1, and a
//! configuration that points at them. The integration tests use them too.

use crate::StartError;
use crate::catalog::Catalog;
use crate::dynamodb::TemporaryDynamoDb;
use crate::postgres::TemporaryPostgres;
use crate::spotify::{Credentials, SpotifyStandIn};

const CLIENT_ID: &str = "demo-client";
const CLIENT_SECRET: &str = "demo-secret";
/// One artist each.
const QUERY: &str = "SELECT id FROM artists ORDER BY id";
const REGION: &str = "us-east-1";
/// The table that the configuration names.
pub const TABLE: &str = "top_tracks";

/// The three servers of `rowcast demo`. Dropping it ends them.
pub struct Demo {
    postgres: TemporaryPostgres,
    spotify: SpotifyStandIn,
    dynamodb: TemporaryDynamoDb,
}

/// One of the demo's servers, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub name: &'static str,
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
        let spotify = async {
            SpotifyStandIn::start(catalog, credentials)
                .await
                .map_err(|source| StartError::Listen {
                    server: "the stand-in for Spotify",
                    source,
                })
        };
        let (postgres, spotify, dynamodb) = tokio::try_join!(
            TemporaryPostgres::start(&artists),
            spotify,
            TemporaryDynamoDb::start()
        )?;
        Ok(Self {
            postgres,
            spotify,
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
    pub fn spotify(&self) -> &SpotifyStandIn {
        &self.spotify
    }

    /// The destination.
    #[must_use]
    pub fn dynamodb(&self) -> &TemporaryDynamoDb {
        &self.dynamodb
    }

    /// What runs, and where.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let part = |name, place| Part { name, place };
        vec![
            part("PostgreSQL", self.postgres.address()),
            part("Spotify (stand-in)", self.spotify.origin()),
            part("DynamoDB (dynoxide, in memory)", self.dynamodb.endpoint()),
        ]
    }

    /// A `rowcast.toml` for these servers.
    #[must_use]
    pub fn config_text(&self) -> String {
        let postgres = self.postgres.url();
        let spotify = self.spotify.origin();
        let dynamodb = self.dynamodb.endpoint();
        format!(
            r#"# Which rows: one artist each.
[rows]
postgres = "{postgres}"
query = "{QUERY}"

# What to ask for each row. The preset says how Spotify's top tracks are read;
# here they come from a stand-in on this machine.
[source]
preset = "spotify-top-tracks"
url = "{spotify}/v1/artists/{{id}}/top-tracks?market={{country}}"

[source.auth]
type = "client-credentials"
token_url = "{spotify}/api/token"
client_id = "{CLIENT_ID}"
client_secret = "{CLIENT_SECRET}"

# Where every record goes. This DynamoDB accepts any credentials.
[table]
name = "{TABLE}"
region = "{REGION}"
endpoint = "{dynamodb}"

[table.credentials]
access_key_id = "demo"
secret_access_key = "demo"

[table.keys]
partition = {{ name = "artist_id", type = "S" }}
sort = {{ name = "country_track", type = "S" }}

# Addresses of this machine and of private networks are only reached if named.
[egress]
origins = ["{spotify}"]
addresses = ["127.0.0.1"]
"#
        )
    }

    /// Where the servers are and how they are spoken to, for programs that
    /// can't read the configuration: one JSON object of texts. DynamoDB accepts
    /// any credentials.
    #[must_use]
    pub fn addresses(&self) -> serde_json::Value {
        let source = self.spotify.origin();
        serde_json::json!({
            "postgres": self.postgres.url(),
            "query": QUERY,
            "source": source,
            "url": format!("{source}/v1/artists/{{id}}/top-tracks?market={{country}}"),
            "token_url": format!("{source}/api/token"),
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "dynamodb": self.dynamodb.endpoint(),
            "region": REGION,
            "table": TABLE,
        })
    }

    /// Ends the servers and returns once nothing of them is left.
    pub async fn shutdown(self) {
        tokio::join!(
            self.postgres.shutdown(),
            self.spotify.shutdown(),
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
