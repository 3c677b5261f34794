//! Where rows come from → a stream of rows, each one JSON object.

mod csv;
mod error;
mod identity;
mod lines;
mod postgres;

pub use error::RowsError;
pub use identity::{Identity, identity};

use crate::config::{self, FileRows, Format, Input};
use crate::limits::Limits;
use futures_util::{Stream, StreamExt};
use std::io;
use std::pin::Pin;

/// Rows, each the text of one JSON object. They are fetched as they are asked
/// for; dropping the stream closes what it reads from. After an error it ends,
/// unless that [is about one row](RowsError::is_one_row).
pub type Rows = Pin<Box<dyn Stream<Item = Result<String, RowsError>> + Send>>;

/// Whether the address that the rows come from can be read. Nothing is
/// connected to.
pub fn verify(rows: &config::Rows, limits: &Limits) -> Result<(), RowsError> {
    match rows {
        config::Rows::Postgres(rows) => postgres::verify(rows, limits),
        config::Rows::File(_) => Ok(()),
    }
}

/// Opens the rows: connects and prepares the query, or opens the file.
pub async fn open(rows: &config::Rows, limits: &Limits) -> Result<Rows, RowsError> {
    match rows {
        config::Rows::Postgres(rows) => postgres::open(rows, limits).await,
        config::Rows::File(rows) => open_file(rows, limits).await,
    }
}

/// What [`check`] found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowsCheck {
    /// PostgreSQL's version; none for a file.
    pub server_version: Option<String>,
    /// The columns' names, in order; of JSON lines, the first row's.
    pub columns: Vec<String>,
    /// The first row; none where there is none, or on standard input, which
    /// is left alone.
    pub first: Option<String>,
}

/// Tries what [`open`] does, and reads one row.
pub async fn check(rows: &config::Rows, limits: &Limits) -> Result<RowsCheck, RowsError> {
    match rows {
        config::Rows::Postgres(rows) => postgres::check(rows, limits).await,
        config::Rows::File(FileRows {
            input: Input::Stdin,
            ..
        }) => Ok(RowsCheck::default()),
        config::Rows::File(rows) => {
            let first = open_file(rows, limits).await?.next().await.transpose()?;
            let columns = first.as_deref().map(lines::names).unwrap_or_default();
            Ok(RowsCheck {
                columns,
                first,
                ..RowsCheck::default()
            })
        }
    }
}

async fn open_file(rows: &FileRows, limits: &Limits) -> Result<Rows, RowsError> {
    let name = match &rows.input {
        Input::Stdin => "standard input".to_owned(),
        Input::Path(path) => path.display().to_string(),
    };
    let most_bytes = usize::try_from(limits.row_kib.saturating_mul(1024)).unwrap_or(usize::MAX);
    match (&rows.input, rows.format) {
        (Input::Stdin, Format::JsonLines) => Ok(lines::read(tokio::io::stdin(), name, most_bytes)),
        (Input::Path(path), Format::JsonLines) => match tokio::fs::File::open(path).await {
            Ok(file) => Ok(lines::read(file, name, most_bytes)),
            Err(source) => Err(RowsError::Open { name, source }),
        },
        (Input::Stdin, Format::Csv) => Ok(csv::read(io::stdin(), name, most_bytes)),
        (Input::Path(path), Format::Csv) => match std::fs::File::open(path) {
            Ok(file) => Ok(csv::read(file, name, most_bytes)),
            Err(source) => Err(RowsError::Open { name, source }),
        },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test]
    async fn files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("a.csv"), "id,name\n1,x\n2,\n").unwrap();
        fs::write(path("a.jsonl"), "{\"id\":1}\n{\"id\":2}\n").unwrap();
        let limits = Limits::default();
        for (name, columns, expected) in [
            (
                "a.csv",
                vec!["id", "name"],
                vec![
                    "{\"id\":\"1\",\"name\":\"x\"}",
                    "{\"id\":\"2\",\"name\":null}",
                ],
            ),
            ("a.jsonl", vec!["id"], vec!["{\"id\":1}", "{\"id\":2}"]),
        ] {
            let rows = config::Rows::File(FileRows::new(&path(name), None).unwrap());
            let found: Vec<_> = open(&rows, &limits).await.unwrap().collect().await;
            let found: Vec<_> = found.into_iter().map(Result::unwrap).collect();
            assert_eq!(found, expected, "{name}");
            let checked = check(&rows, &limits).await.unwrap();
            assert_eq!(checked.columns, columns, "{name}");
            assert_eq!(
                checked.first,
                expected.first().map(|&row| row.to_owned()),
                "{name}"
            );
        }
        let missing = config::Rows::File(FileRows::new(&path("b.csv"), None).unwrap());
        let error = check(&missing, &limits).await.unwrap_err();
        assert_eq!(error.to_string(), format!("open {}", path("b.csv")));
    }
}
