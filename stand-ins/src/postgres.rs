//! Artists → a PostgreSQL server of its own that has them in a table, gone
//! without a trace when dropped.

mod cluster;

use crate::StartError;
use crate::track::Artist;
use cluster::Cluster;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

/// A loaded machine takes some seconds; more means that it won't.
const READY_WITHIN: Duration = Duration::from_secs(30);
const READY_POLL: Duration = Duration::from_millis(25);
/// Somebody may take the port between choosing it and listening on it.
const PORT_ATTEMPTS: u32 = 3;
/// Artists per statement.
const INSERT_ROWS: usize = 10_000;

const CREATE: &str = "CREATE TABLE artists (
    id text PRIMARY KEY,
    name text NOT NULL,
    followers bigint,
    genres text[],
    added timestamptz
)";

// What the pipeline doesn't need is derived, with nulls and empty lists, so
// that other queries have something to show.
const INSERT: &str = "INSERT INTO artists
    SELECT id, name,
        CASE WHEN hash % 7 = 0 THEN NULL ELSE hash * 3 END,
        CASE WHEN hash % 5 = 0 THEN '{}' WHEN hash % 11 = 0 THEN NULL
            ELSE (ARRAY['dream pop', 'k-pop', 'r&b', '\"quoted\"'])[1 : hash % 4 + 1] END,
        timestamptz '2021-11-01 08:00:00+00' + hash % 100000 * interval '1 minute'
    FROM (
        SELECT id, name, abs(hashtext(id)::bigint) AS hash
        FROM unnest($1::text[], $2::text[]) AS artist (id, name)
    ) AS hashed";

/// A PostgreSQL server with the table `artists`, on 127.0.0.1 only. Dropping
/// it ends the server and removes its files, which takes a moment.
pub struct TemporaryPostgres {
    cluster: Cluster,
}

impl TemporaryPostgres {
    /// Starts PostgreSQL and fills the table.
    pub async fn start(artists: &[Artist]) -> Result<Self, StartError> {
        let cluster = blocking(Cluster::create).await??;
        let (cluster, client) = listen(cluster).await?;
        fill(&client, artists)
            .await
            .map_err(StartError::PostgresFill)?;
        Ok(Self { cluster })
    }

    /// A connection URL with the password in it, which is random and opens
    /// nothing but this server.
    #[must_use]
    pub fn url(&self) -> String {
        self.cluster.url()
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.cluster.port())
    }

    /// Ends the server and removes its files, without blocking the runtime.
    pub async fn shutdown(self) {
        // The thread's result says nothing: dropping reports no errors.
        let _ = blocking(move || drop(self)).await;
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StartError> {
    tokio::task::spawn_blocking(act)
        .await
        .map_err(StartError::Thread)
}

async fn listen(mut cluster: Cluster) -> Result<(Cluster, Client), StartError> {
    let mut attempt = 1;
    loop {
        cluster.start()?;
        match connect(&mut cluster).await {
            Err(StartError::Refused { .. }) if attempt < PORT_ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
            Ok(client) => return Ok((cluster, client)),
        }
    }
}

async fn connect(cluster: &mut Cluster) -> Result<Client, StartError> {
    let url = cluster.url();
    let begun = Instant::now();
    loop {
        let error = match tokio_postgres::connect(&url, NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                return Ok(client);
            }
            Err(error) => error,
        };
        // Otherwise a stranger on the same port would be asked for 30 s.
        cluster.check_running()?;
        if begun.elapsed() > READY_WITHIN {
            return Err(StartError::PostgresSilent {
                seconds: READY_WITHIN.as_secs(),
                source: error,
            });
        }
        tokio::time::sleep(READY_POLL).await;
    }
}

async fn fill(client: &Client, artists: &[Artist]) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(CREATE).await?;
    let insert = client.prepare(INSERT).await?;
    for part in artists.chunks(INSERT_ROWS) {
        let ids: Vec<_> = part.iter().map(|artist| artist.id.as_str()).collect();
        let names: Vec<_> = part.iter().map(|artist| artist.name.as_str()).collect();
        client.execute(&insert, &[&ids, &names]).await?;
    }
    client.batch_execute("ANALYZE artists").await
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[tokio::test]
    async fn has_the_artists_and_leaves_nothing() {
        let catalog = Catalog::demo();
        let server = TemporaryPostgres::start(catalog.artists()).await.unwrap();
        let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        let mut rows: Vec<_> = client
            .query("SELECT id, name FROM artists", &[])
            .await
            .unwrap()
            .iter()
            .map(|row| Artist {
                id: row.get(0),
                name: row.get(1),
            })
            .collect();
        let mut expected = catalog.artists().to_vec();
        for list in [&mut rows, &mut expected] {
            list.sort_by(|one, other| one.id.cmp(&other.id));
        }
        assert_eq!(rows, expected);
        let row = client
            .query_one(
                "SELECT count(*) FILTER (WHERE followers IS NULL) > 0,
                    count(*) FILTER (WHERE genres = '{}') > 0,
                    count(*) FILTER (WHERE cardinality(genres) > 2) > 0,
                    current_setting('listen_addresses'),
                    current_setting('server_encoding')
                 FROM artists",
                &[],
            )
            .await
            .unwrap();
        assert!((0..3).all(|column| row.get::<_, bool>(column)), "{row:?}");
        assert_eq!((row.get(3), row.get(4)), ("127.0.0.1", "UTF8"));

        let url = server.url();
        let (before, after) = url.split_once('@').unwrap();
        let (before, password) = before.rsplit_once(':').unwrap();
        assert_eq!(password.len(), 32);
        let wrong = tokio_postgres::connect(&format!("{before}:postgres@{after}"), NoTls).await;
        assert!(wrong.is_err(), "any password opens it");

        let folder = server.cluster.folder().to_owned();
        let address = server.address();
        assert!(folder.exists());
        server.shutdown().await;
        assert!(!folder.exists(), "its files are still there");
        assert!(
            tokio::net::TcpStream::connect(address).await.is_err(),
            "it still listens"
        );
    }

    #[tokio::test]
    async fn refuses_artists_with_one_id() {
        let twice = vec![
            Artist {
                id: "same".to_owned(),
                name: "One".to_owned()
            };
            2
        ];
        let error = TemporaryPostgres::start(&twice).await.err().unwrap();
        assert!(matches!(error, StartError::PostgresFill(_)), "{error:?}");
    }
}
