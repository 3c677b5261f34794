//! A query → rows, streamed from one read-only transaction.

mod connection;
mod query;
mod session;
mod tls;

use super::{Rows, RowsCheck, RowsError};
use crate::config::PostgresRows;
use crate::limits::Limits;
use futures_util::stream;
use session::Session;

/// Whether the connection string can be read.
pub(super) fn verify(rows: &PostgresRows, limits: &Limits) -> Result<(), RowsError> {
    connection::parse(&rows.connection, limits).map(drop)
}

/// Opens the rows.
pub(super) async fn open(rows: &PostgresRows, limits: &Limits) -> Result<Rows, RowsError> {
    let mut session = Session::connect(&rows.connection, limits).await?;
    session.check(&rows.query).await?;
    let reading = session.read(&rows.query, None).await?;
    Ok(Box::pin(stream::unfold(
        Some(reading),
        |reading| async move {
            let mut reading = reading?;
            match reading.next().await {
                Ok(Some(row)) => Some((Ok(row), Some(reading))),
                Ok(None) => {
                    reading.close().await;
                    None
                }
                Err(error) if error.is_one_row() => Some((Err(error), Some(reading))),
                Err(error) => Some((Err(error), None)),
            }
        },
    )))
}

/// Tries the connection and the query, and reads one row.
pub(super) async fn check(rows: &PostgresRows, limits: &Limits) -> Result<RowsCheck, RowsError> {
    let mut session = Session::connect(&rows.connection, limits).await?;
    let server_version = session.server_version().await?;
    let columns = session.check(&rows.query).await?;
    let mut reading = session.read(&rows.query, Some(1)).await?;
    let first = reading.next().await?;
    reading.close().await;
    Ok(RowsCheck {
        server_version,
        columns,
        first,
    })
}
