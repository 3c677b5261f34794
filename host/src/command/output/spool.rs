//! Documents → CSV, which begins with a header of all their members: so they
//! are kept in a temporary file until the last one has come. Memory grows with
//! the columns, not with the documents.

use super::{Columns, cell, ordered, read};
use anyhow::Context;
use rowcast::document::one_line;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, IntoInnerError, Seek, Write};

/// Documents on their way to CSV.
#[derive(Default)]
pub struct Spool {
    /// None as long as no document has come.
    file: Option<BufWriter<File>>,
    names: Vec<String>,
    known: HashSet<String>,
}

impl Spool {
    /// Keeps a document. The file has no name, and goes with the process.
    pub fn add(&mut self, document: &str, columns: &Columns) -> anyhow::Result<()> {
        if !matches!(columns, Columns::Selected(_)) {
            for name in read(document)?.keys() {
                if !self.known.contains(name) {
                    self.known.insert(name.clone());
                    self.names.push(name.clone());
                }
            }
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => BufWriter::new(tempfile::tempfile().with_context(kept)?),
        };
        writeln!(file, "{}", one_line(document)).with_context(kept)?;
        self.file = Some(file);
        Ok(())
    }

    /// Prints the header, and all documents.
    pub fn print(self, columns: &Columns, out: &mut impl Write) -> anyhow::Result<()> {
        let names = ordered(self.names, columns);
        let Some(file) = self.file.filter(|_| !names.is_empty()) else {
            return Ok(());
        };
        let mut file = file.into_inner().map_err(IntoInnerError::into_error)?;
        file.rewind().with_context(kept)?;
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(&names).map_err(unwritten)?;
        for line in BufReader::new(file).lines() {
            let document: Map<String, Value> = read(&line.with_context(kept)?)?;
            let cells = names.iter().map(|name| cell(document.get(name)));
            writer.write_record(cells).map_err(unwritten)?;
        }
        writer.flush()?;
        Ok(())
    }
}

fn kept() -> String {
    let folder = std::env::temp_dir();
    format!("keep documents for CSV in {}", folder.display())
}

/// The cause itself: a closed pipe must be known for what it is.
fn unwritten(error: csv::Error) -> anyhow::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => anyhow::anyhow!("write CSV: {other:?}"),
    }
}
