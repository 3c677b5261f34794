//! `[rows]`: where rows come from.

use crate::Secret;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Settings")]
pub enum Rows {
    /// A query to PostgreSQL.
    Postgres(PostgresRows),
    /// A file, or standard input.
    File(FileRows),
}

/// A query to PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresRows {
    /// How to connect: a URL or `key=value` pairs, as for libpq.
    pub connection: Secret,
    /// The query whose columns the templates name.
    pub query: String,
}

/// A file, or standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRows {
    /// Where from.
    pub input: Input,
    /// How to cut it into rows.
    pub format: Format,
}

/// Where a file's bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input, written `-`.
    Stdin,
    /// A file.
    Path(PathBuf),
}

/// How a file is cut into rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Format {
    /// One JSON object per line.
    #[serde(rename = "jsonl")]
    JsonLines,
    /// CSV (RFC 4180) with a header line.
    #[serde(rename = "csv")]
    Csv,
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    postgres: Option<Secret>,
    query: Option<String>,
    file: Option<String>,
    format: Option<Format>,
}

impl TryFrom<Settings> for Rows {
    type Error = &'static str;

    fn try_from(settings: Settings) -> Result<Self, Self::Error> {
        let Settings {
            postgres,
            query,
            file,
            format,
        } = settings;
        match (postgres, file) {
            (Some(_), Some(_)) => Err("has both `postgres` and `file`, which exclude each other"),
            (None, None) => Err("needs `postgres` and `query`, or `file`"),
            (Some(_), None) if format.is_some() => {
                Err("has a `format`, which is for `file`, not `postgres`")
            }
            (Some(connection), None) => match query {
                Some(query) => Ok(Self::Postgres(PostgresRows { connection, query })),
                None => Err("has `postgres`, which needs a `query`"),
            },
            (None, Some(_)) if query.is_some() => {
                Err("has a `query`, which is for `postgres`, not `file`")
            }
            (None, Some(file)) => FileRows::new(&file, format).map(Self::File),
        }
    }
}

impl FileRows {
    /// A file by its name, `-` being standard input; the format by the name's
    /// extension if none is given.
    pub fn new(name: &str, format: Option<Format>) -> Result<Self, &'static str> {
        let input = match name {
            "" => return Err("has an empty `file`; `-` is standard input"),
            "-" => Input::Stdin,
            path => Input::Path(path.into()),
        };
        let format = format.or_else(|| by_extension(Path::new(name))).ok_or(
            "needs a `format`, \"jsonl\" or \"csv\": it can't be told from the file's name",
        )?;
        Ok(Self { input, format })
    }
}

fn by_extension(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "jsonl" | "ndjson" | "json" => Some(Format::JsonLines),
        "csv" => Some(Format::Csv),
        _ => None,
    }
}
