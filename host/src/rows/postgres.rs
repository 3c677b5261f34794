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

/// Opens the rows.
pub(super) async fn open(rows: &PostgresRows, limits: &Limits) -> Result<Rows, RowsError> {
    let mut session = Session::connect(&rows.connection, limits).await?;
    session.prepare(&rows.query).await?;
    let reading = session.read(&rows.query, None).await?;
    Ok(Box::pin(stream::try_unfold(
        reading,
        |mut reading| async move {
            if let Some(row) = reading.next().await? {
                return Ok(Some((row, reading)));
            }
            reading.close().await;
            Ok(None)
        },
    )))
}

/// Tries the connection and the query, and reads one row.
pub(super) async fn check(rows: &PostgresRows, limits: &Limits) -> Result<RowsCheck, RowsError> {
    let mut session = Session::connect(&rows.connection, limits).await?;
    let server_version = session.server_version().await?;
    let columns = session.prepare(&rows.query).await?;
    let mut reading = session.read(&rows.query, Some(1)).await?;
    let first = reading.next().await?;
    reading.close().await;
    Ok(RowsCheck {
        server_version,
        columns,
        first,
    })
}
