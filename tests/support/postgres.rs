//! A real PostgreSQL of a test's own: SQL for the test, rows for the library.

use futures_util::TryStreamExt;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rowcast::Secret;
use rowcast::config::{self, PostgresRows};
use rowcast::limits::Limits;
use rowcast::rows::{self, Rows, RowsError};
use rowcast_stand_ins::postgres::TemporaryPostgres;
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// A loaded machine takes some seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// A PostgreSQL server, and a superuser's connection to it.
pub struct Postgres {
    server: TemporaryPostgres,
    client: Client,
}

impl Postgres {
    pub async fn start() -> Self {
        let server = TemporaryPostgres::start(&[]).await.unwrap();
        let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        Self { server, client }
    }

    /// Runs statements as the superuser.
    pub async fn run(&self, statements: &str) {
        self.client.batch_execute(statements).await.unwrap();
    }

    /// A query's only value, as text.
    pub async fn ask(&self, query: &str) -> Option<String> {
        let row = self.client.query_opt(query, &[]).await.unwrap();
        row.and_then(|row| row.get(0))
    }

    /// Asks until the answer is that.
    pub async fn wait_for(&self, query: &str, expected: &str) {
        let begun = Instant::now();
        loop {
            let answer = self.ask(query).await;
            if answer.as_deref() == Some(expected) {
                return;
            }
            let passed = begun.elapsed();
            assert!(passed < PATIENCE, "{query}: {answer:?} after {passed:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    pub fn port(&self) -> String {
        let address = self.server.address();
        address.rsplit_once(':').unwrap().1.to_owned()
    }

    /// The URL of another user.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        let url = self.url();
        let (_, place) = url.split_once('@').unwrap();
        format!("postgresql://{user}:{password}@{place}")
    }

    /// The URL with another host, and these parameters alone.
    pub fn url_at(&self, host: &str, parameters: &str) -> String {
        let url = self.url().replace("127.0.0.1", host);
        let (url, _) = url.split_once('?').unwrap();
        format!("{url}?{parameters}")
    }

    /// Gives the server a certificate for that name, and turns TLS on.
    pub async fn use_tls(&self, authority: &Authority, name: &str) {
        let (certificate, key) = authority.certify(name);
        for (file, text) in [("server.crt", certificate), ("server.key", key)] {
            // Written by the server, whose user must own its key. A COPY to a
            // file would leave it readable for all, which PostgreSQL refuses.
            self.run(&format!(
                "COPY (SELECT unnest(string_to_array($pem${text}$pem$, E'\\n')))
                 TO PROGRAM 'umask 077; cat > {file}'"
            ))
            .await;
        }
        self.run("ALTER SYSTEM SET ssl = on").await;
        self.reload().await;
        self.wait_for("SHOW ssl", "on").await;
    }

    /// Makes the server read its settings again.
    pub async fn reload(&self) {
        self.run("SELECT pg_reload_conf()").await;
    }
}

/// An authority that signs certificates, with its own in a file.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let authority = Self {
            issuer: Issuer::new(parameters, key),
            folder,
        };
        std::fs::write(authority.file(), certificate.pem()).unwrap();
        authority
    }

    /// The file of its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A certificate for a server, and its key.
    fn certify(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Opens a query's rows.
pub async fn open(url: &str, query: &str) -> Result<Rows, RowsError> {
    let rows = config::Rows::Postgres(PostgresRows {
        connection: Secret::new(url),
        query: query.to_owned(),
    });
    rows::open(&rows, &Limits::default()).await
}

/// All of a query's rows.
pub async fn all(url: &str, query: &str) -> Result<Vec<String>, RowsError> {
    open(url, query).await?.try_collect().await
}

/// An error with its causes, its hint, and what exit it deserves.
pub fn describe(error: &RowsError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(each) = cause {
        let _ = write!(text, "\n  because: {each}");
        cause = each.source();
    }
    if let Some(hint) = error.hint() {
        let _ = write!(text, "\n  hint: {hint}");
    }
    match (error.is_denied(), error.is_unavailable()) {
        (false, false) => text,
        (true, false) => text + "\n  denied",
        (false, true) => text + "\n  unavailable",
        (true, true) => panic!("both denied and unavailable: {text}"),
    }
}
