//! A connection with its transaction, and a query's answer being read.

use super::super::RowsError;
use super::{connection, query, tls};
use crate::limits::Limits;
use crate::secret::Secret;
use futures_util::TryStreamExt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, Error, RowStream, SimpleQueryMessage};

/// How long a connection may take to say goodbye, or to say why it broke.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection in a read-only transaction. Dropping it closes both.
pub(super) struct Session {
    client: Client,
    link: Link,
    limits: Limits,
}

/// The task that moves bytes between the client and the server.
struct Link(JoinHandle<Result<(), Error>>);

impl Drop for Link {
    fn drop(&mut self) {
        // Otherwise it would read an abandoned answer to its end.
        self.0.abort();
    }
}

impl Session {
    /// Connects and begins the transaction.
    pub async fn connect(setting: &Secret, limits: &Limits) -> Result<Self, RowsError> {
        let connection = connection::parse(setting, limits)?;
        let tls = tls::connector(&connection.verification)?;
        let act = format!("connect to PostgreSQL at {}", connection.place);
        let connected = timeout(connection.timeout, connection.config.connect(tls)).await;
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
        let mut session = Self {
            client,
            link,
            limits: limits.clone(),
        };
        let begun = session
            .bounded(session.client.batch_execute("BEGIN READ ONLY"))
            .await;
        session
            .named(begun, || "begin a read-only transaction".into())
            .await?;
        Ok(session)
    }

    /// The server's version.
    pub async fn server_version(&mut self) -> Result<Option<String>, RowsError> {
        let version = self
            .bounded(self.client.simple_query("SHOW server_version"))
            .await;
        let version = self
            .named(version, || "ask PostgreSQL for its version".into())
            .await?;
        Ok(version.into_iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    /// Has the query checked as the user wrote it, so that PostgreSQL's
    /// complaints are about that text. Its columns' names.
    pub async fn prepare(&mut self, text: &str) -> Result<Vec<String>, RowsError> {
        let statement = self.bounded(self.client.prepare(text)).await;
        let at = match &statement {
            Ok(Err(error)) => query::place(text, error),
            _ => String::new(),
        };
        let statement = self
            .named(statement, || format!("prepare the query{at}"))
            .await?;
        let columns = statement.columns();
        let parameters = statement.params().len();
        query::check_columns(columns.iter().map(tokio_postgres::Column::name), parameters)?;
        Ok(columns
            .iter()
            .map(|column| column.name().to_owned())
            .collect())
    }

    /// Starts the query, which has been prepared; `only` bounds the rows.
    pub async fn read(mut self, text: &str, only: Option<u32>) -> Result<Reading, RowsError> {
        let wrapped = query::wrapped(text, only);
        let statement = self.bounded(self.client.prepare(&wrapped)).await;
        if let Ok(Err(error)) = &statement
            && error.as_db_error().is_some()
        {
            // Alone it was sound, so it is no SELECT (or ends in a comment).
            return Err(RowsError::Columns {
                message: "the query can't be part of another".into(),
                hint: "`rows.query` must be a SELECT, VALUES, TABLE or WITH query that only \
                       reads, with nothing after a semicolon",
            });
        }
        let act = || "prepare the query for JSON".into();
        let statement = self.named(statement, act).await?;
        let none: [&str; 0] = [];
        let answer = self.bounded(self.client.query_raw(&statement, none)).await;
        let answer = self.named(answer, || "run the query".into()).await?;
        Ok(Reading {
            session: self,
            answer: Box::pin(answer),
            rows: 0,
        })
    }

    /// Waits no longer than for a row.
    async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<Result<T, Error>, u64> {
        timeout(self.limits.row(), work)
            .await
            .map_err(|_| self.limits.row_seconds)
    }

    /// Names the act that failed. Of a closed connection, the link knows why.
    async fn named<T>(
        &mut self,
        outcome: Result<Result<T, Error>, u64>,
        act: impl FnOnce() -> String,
    ) -> Result<T, RowsError> {
        let source = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(source)) => source,
            Err(seconds) => {
                let setting = "limits.row_seconds";
                return Err(RowsError::Timeout {
                    act: act(),
                    seconds,
                    setting,
                });
            }
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
        let row = self.session.bounded(self.answer.try_next()).await;
        let Some(row) = self.session.named(row, act).await? else {
            return Ok(None);
        };
        self.rows = number;
        let text = row.try_get::<_, &str>(0);
        let text = text.map_err(|error| RowsError::postgres(act(), error))?;
        let kib = usize::try_from(self.session.limits.row_kib).unwrap_or(usize::MAX);
        if text.len() > kib.saturating_mul(1024) {
            return Err(RowsError::TooLong {
                place: act().replacen("read ", "", 1),
                kib,
            });
        }
        Ok(Some(text.to_owned()))
    }

    /// Ends the transaction and the connection as the server likes it.
    pub async fn close(self) {
        let Session {
            client, mut link, ..
        } = self.session;
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
