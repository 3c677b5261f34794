//! A connection with its transaction, and a query's answer being read.

use super::super::RowsError;
use super::{connection, query, tls};
use crate::Secret;
use crate::limits::Limits;
use futures_util::TryStreamExt;
use std::pin::Pin;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, Client, Error, RowStream, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The server's own bounds on time don't hold for rows: they are read as slowly
/// as their documents are written. Whatever this version of PostgreSQL has of
/// them, and for this transaction only. Nor may its settings round numbers, or write
/// bytes otherwise than others do.
const SETTINGS: &str = "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN \
     ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout'); \
     SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = hex";

/// How long a connection may take to say goodbye, or to say why it broke.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection in a read-only transaction. Dropping it closes both, and ends
/// the query that it waits for.
pub(super) struct Session {
    client: Client,
    link: Link,
    running: Running,
    row_kib: usize,
}

/// The task that moves bytes between the client and the server.
struct Link(JoinHandle<Result<(), Error>>);

impl Drop for Link {
    fn drop(&mut self) {
        // Otherwise it would read an abandoned answer to its end.
        self.0.abort();
    }
}

/// Ends the query of a session that is dropped in the middle of it: a server
/// that has nothing to send doesn't notice that nobody listens.
struct Running(Option<(CancelToken, MakeRustlsConnect)>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((token, tls)) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                // Where it can't be reached, nothing is running for us.
                let _ = timeout(FAREWELL, token.cancel_query(tls)).await;
            });
        }
    }
}

impl Session {
    /// Connects and begins the transaction.
    pub async fn connect(setting: &Secret, limits: &Limits) -> Result<Self, RowsError> {
        let connection = connection::parse(setting, limits)?;
        let tls = tls::connector(&connection.verification)?;
        let act = format!("connect to PostgreSQL at {}", connection.place);
        let connected = timeout(connection.timeout, connection.config.connect(tls.clone())).await;
        let Ok(connected) = connected else {
            let seconds = connection.timeout.as_secs();
            return Err(RowsError::Timeout {
                act,
                seconds,
                setting: "limits.connect_seconds",
            });
        };
        let (client, link) = connected.map_err(|error| RowsError::postgres(act, error))?;
        let link = Link(tokio::spawn(link));
        let running = Running(Some((client.cancel_token(), tls)));
        let mut session = Self {
            client,
            link,
            running,
            row_kib: usize::try_from(limits.row_kib).unwrap_or(usize::MAX),
        };
        let begin = format!("BEGIN READ ONLY; {SETTINGS}");
        let outcome = session.client.batch_execute(&begin).await;
        session
            .named(outcome, || "begin a read-only transaction".into())
            .await?;
        Ok(session)
    }

    /// The server's version.
    pub async fn server_version(&mut self) -> Result<Option<String>, RowsError> {
        let version = self.client.simple_query("SHOW server_version").await;
        let version = self
            .named(version, || "ask PostgreSQL for its version".into())
            .await?;
        Ok(version.into_iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    /// Has the query checked, so that PostgreSQL's complaints are about the
    /// user's text. Its columns' names.
    ///
    /// Nothing is prepared by name and no type is looked up: behind a pooler,
    /// what stays of a session would meet the next one.
    pub async fn check(&mut self, text: &str) -> Result<Vec<String>, RowsError> {
        query::check_kind(text)?;
        let checked = self.rows_of(&query::wrapped(text, Some(0))).await;
        if let Err(error) = &checked
            && error.code() == Some(&SqlState::PROTOCOL_VIOLATION)
            // A pooler ends a connection with it.
            && error.as_db_error().is_some_and(|error| error.severity() == "ERROR")
        {
            return Err(query::has_parameters());
        }
        let at = checked
            .as_ref()
            .err()
            .map(|error| query::place(text, error));
        self.named(checked.map(drop), || {
            format!("prepare the query{}", at.unwrap_or_default())
        })
        .await?;
        // That was one query and no more, so this is as well.
        let described = self.client.simple_query(&query::described(text)).await;
        let described = self.named(described, || "prepare the query".into()).await?;
        let columns = described.iter().find_map(|message| match message {
            SimpleQueryMessage::RowDescription(columns) => Some(columns.iter()),
            _ => None,
        });
        let names = columns.into_iter().flatten();
        let names: Vec<_> = names.map(|column| column.name().to_owned()).collect();
        query::check_columns(names.iter().map(String::as_str))?;
        Ok(names)
    }

    /// Starts the query, which has been checked; `only` bounds the rows.
    pub async fn read(mut self, text: &str, only: Option<u32>) -> Result<Reading, RowsError> {
        let answer = self.rows_of(&query::wrapped(text, only)).await;
        let answer = self.named(answer, || "run the query".into()).await?;
        Ok(Reading {
            session: self,
            answer: Box::pin(answer),
            rows: 0,
        })
    }

    async fn rows_of(&self, query: &str) -> Result<RowStream, Error> {
        let none: [(&str, Type); 0] = [];
        self.client.query_typed_raw(query, none).await
    }

    /// Names the act that failed. Of a closed connection, the link knows why.
    async fn named<T>(
        &mut self,
        outcome: Result<T, Error>,
        act: impl FnOnce() -> String,
    ) -> Result<T, RowsError> {
        let source = match outcome {
            Ok(value) => return Ok(value),
            Err(source) => source,
        };
        if source.is_closed()
            && let Ok(Ok(Err(reason))) = timeout(FAREWELL, &mut self.link.0).await
        {
            return Err(RowsError::postgres(act(), reason));
        }
        Err(RowsError::postgres(act(), source))
    }
}

/// A query's answer, being read.
pub(super) struct Reading {
    session: Session,
    answer: Pin<Box<RowStream>>,
    rows: u64,
}

impl Reading {
    /// The next row; none after the last.
    pub async fn next(&mut self) -> Result<Option<String>, RowsError> {
        let number = self.rows + 1;
        let act = || format!("read row {number} from PostgreSQL");
        let row = self.answer.try_next().await;
        let Some(row) = self.session.named(row, act).await? else {
            return Ok(None);
        };
        self.rows = number;
        let text = row.try_get::<_, &str>(0);
        let text = text.map_err(|error| RowsError::postgres(act(), error))?;
        let kib = self.session.row_kib;
        if text.len() > kib.saturating_mul(1024) {
            let place = format!("row {number} from PostgreSQL");
            let message = format!("it is longer than {kib} KiB (`limits.row_kib`)");
            return Err(RowsError::rejected(place, text.as_bytes(), message));
        }
        Ok(Some(text.to_owned()))
    }

    /// Ends the transaction and the connection as the server likes it.
    pub async fn close(self) {
        let Session {
            client,
            mut link,
            mut running,
            ..
        } = self.session;
        running.0 = None;
        drop(self.answer);
        // Whatever happens now, every row has arrived.
        let goodbye = async {
            let _ = client.batch_execute("COMMIT").await;
            drop(client);
            let _ = (&mut link.0).await;
        };
        let _ = timeout(FAREWELL, goodbye).await;
    }
}
