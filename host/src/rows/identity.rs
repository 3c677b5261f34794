//! Where rows come from → what they are known by: a query by its text, a file by
//! its content. What can be read only once isn't known before it's read.

use super::RowsError;
use crate::config::{self, FileRows, Input};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// What rows are known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Others of this name are the same.
    Known(String),
    /// Others of this name may be different rows.
    Unknown(String),
}

/// What these rows are known by. A file is read for it, once.
pub async fn identity(rows: &config::Rows) -> Result<Identity, RowsError> {
    let FileRows { input, format } = match rows {
        config::Rows::Postgres(rows) => {
            return Ok(Identity::Known(format!("query {}", rows.query)));
        }
        config::Rows::File(rows) => rows,
    };
    let Input::Path(path) = input else {
        return Ok(Identity::Unknown("standard input".to_owned()));
    };
    let path = path.clone();
    let digest = tokio::task::spawn_blocking(move || {
        let digest = digest(&path);
        digest.map_err(|source| RowsError::Open {
            name: path.display().to_string(),
            source,
        })
    });
    let digest = digest.await.unwrap_or_else(|error| {
        Err(RowsError::Open {
            name: "the file of rows".to_owned(),
            source: io::Error::other(error),
        })
    });
    Ok(match digest? {
        Some(digest) => Identity::Known(format!("{format:?} {digest}")),
        None => Identity::Unknown("a pipe".to_owned()),
    })
}

/// None for what isn't a file, such as a named pipe.
fn digest(path: &Path) -> io::Result<Option<String>> {
    if !std::fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let (mut file, mut buffer) = (File::open(path)?, vec![0; 64 * 1024]);
    let mut digest = Sha256::new();
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            None | Some([]) => break,
            Some(bytes) => digest.update(bytes),
        }
    }
    Ok(Some(STANDARD.encode(digest.finalize())))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_known_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let written = async |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let rows = FileRows::new(&path.display().to_string(), None).unwrap();
            identity(&config::Rows::File(rows)).await.unwrap()
        };
        let first = written("a.jsonl", "{\"id\":1}\n").await;
        assert!(matches!(first, Identity::Known(_)));
        assert_eq!(written("b.jsonl", "{\"id\":1}\n").await, first);
        assert_ne!(written("a.csv", "{\"id\":1}\n").await, first);
        assert_ne!(written("a.jsonl", "{\"id\":2}\n").await, first);
        for once in ["-", "/dev/null"] {
            let rows = FileRows::new(once, Some(config::Format::Csv)).unwrap();
            let found = identity(&config::Rows::File(rows)).await.unwrap();
            assert!(matches!(found, Identity::Unknown(_)), "{once}");
        }
        let missing = FileRows::new("nowhere.csv", None).unwrap();
        let error = identity(&config::Rows::File(missing)).await.unwrap_err();
        assert_eq!(error.to_string(), "open nowhere.csv");
    }
}
