//! CSV with a header → rows, each a JSON object of text; an empty field is
//! null.

use super::{Rows, RowsError};
use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};
use futures_util::stream;
use std::error::Error;
use std::io::{self, Read};
use tokio::sync::mpsc;

/// Rows read ahead, so that the thread that reads isn't woken for each.
const AHEAD: usize = 64;

/// Bytes that the reader takes from the file at once.
const BUFFER: usize = 8 * 1024;

/// Reads rows in a thread of its own, as fast as they are taken. Little more
/// than `most_bytes` of a row is ever held.
pub(super) fn read<R>(reader: R, name: String, most_bytes: usize) -> Rows
where
    R: Read + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut table = Table::new(reader, name, most_bytes);
        loop {
            let row = table.next().transpose();
            let Some(row) = row else { return };
            let last = row.is_err();
            // Nobody receiving any more means that the rows were dropped.
            if sender.blocking_send(row).is_err() || last {
                return;
            }
        }
    });
    Box::pin(stream::poll_fn(move |context| receiver.poll_recv(context)))
}

struct Table<R> {
    reader: Reader<Bounded<R>>,
    /// The columns' names as JSON; none before the header is read.
    columns: Option<Vec<String>>,
    record: ByteRecord,
    name: String,
    most_bytes: usize,
}

impl<R: Read> Table<R> {
    fn new(reader: R, name: String, most_bytes: usize) -> Self {
        let bound = most_bytes.saturating_add(BUFFER);
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .buffer_capacity(BUFFER)
            .from_reader(Bounded {
                reader,
                taken: 0,
                bound,
            });
        Self {
            reader,
            columns: None,
            record: ByteRecord::new(),
            name,
            most_bytes,
        }
    }

    /// The next row; none after the last.
    fn next(&mut self) -> Result<Option<String>, RowsError> {
        let columns = if let Some(columns) = self.columns.take() {
            columns
        } else {
            if !self.record()? {
                return Err(self.malformed(1, "there is no header"));
            }
            self.header()?
        };
        if !self.record()? {
            return Ok(None);
        }
        let row = self.row(&columns)?;
        self.columns = Some(columns);
        Ok(Some(row))
    }

    fn row(&self, columns: &[String]) -> Result<String, RowsError> {
        let mut row = String::from("{");
        for (index, (column, field)) in columns.iter().zip(&self.record).enumerate() {
            if index > 0 {
                row.push(',');
            }
            row.push_str(column);
            row.push(':');
            match std::str::from_utf8(field) {
                Ok("") => row.push_str("null"),
                Ok(text) => row.push_str(&json(text)),
                Err(_) => {
                    let message = format!("the field {column} isn't UTF-8");
                    return Err(self.malformed(self.line(), &message));
                }
            }
        }
        row.push('}');
        Ok(row)
    }

    fn header(&self) -> Result<Vec<String>, RowsError> {
        let mut columns: Vec<String> = Vec::new();
        for (index, field) in self.record.iter().enumerate() {
            let Ok(name) = std::str::from_utf8(field) else {
                return Err(self.malformed(1, "the header isn't UTF-8"));
            };
            let name = name.trim();
            if name.is_empty() {
                let message = format!("column {} has no name in the header", index + 1);
                return Err(self.malformed(1, &message));
            }
            let column = json(name);
            if columns.contains(&column) {
                let message = format!("the header has the column {column} twice");
                return Err(self.malformed(1, &message));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    /// Reads the next record; false after the last.
    fn record(&mut self) -> Result<bool, RowsError> {
        self.reader.get_mut().taken = 0;
        let line = self.reader.position().line();
        let error = match self.reader.read_byte_record(&mut self.record) {
            Ok(read) if self.record.as_slice().len() <= self.most_bytes => return Ok(read),
            Ok(_) => return Err(self.too_long(line)),
            Err(error) => error,
        };
        match error.into_kind() {
            ErrorKind::Io(source)
                if source
                    .get_ref()
                    .is_some_and(<dyn Error + Send + Sync>::is::<TooLong>) =>
            {
                Err(self.too_long(line))
            }
            ErrorKind::Io(source) => Err(RowsError::Read {
                name: self.name.clone(),
                line,
                source,
            }),
            ErrorKind::UnequalLengths {
                pos,
                expected_len,
                len,
            } => {
                let line = pos.map_or(line, |at| at.line());
                let message =
                    format!("the number of fields is {len}, in the header {expected_len}");
                Err(self.malformed(line, &message))
            }
            _ => Err(self.malformed(line, "it can't be read as CSV")),
        }
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(1, csv::Position::line)
    }

    fn too_long(&self, line: u64) -> RowsError {
        RowsError::TooLong {
            place: format!("{}, line {line}", self.name),
            kib: self.most_bytes / 1024,
        }
    }

    fn malformed(&self, line: u64, message: &str) -> RowsError {
        RowsError::Malformed {
            name: self.name.clone(),
            line,
            message: message.to_owned(),
        }
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A reader that gives no more than so many bytes for one record: a quote that
/// is never closed must not pull a whole file into memory.
struct Bounded<R> {
    reader: R,
    taken: usize,
    bound: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("the record is too long")]
struct TooLong;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken > self.bound {
            return Err(io::Error::other(TooLong));
        }
        let read = self.reader.read(buffer)?;
        self.taken += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    async fn check(input: &[u8], expected: &[Result<&str, &str>]) {
        let found: Vec<_> = read(io::Cursor::new(input.to_vec()), "input".into(), 30)
            .collect()
            .await;
        let found: Vec<_> = found
            .into_iter()
            .map(|row| row.map_err(|error| error.to_string()))
            .collect();
        let found: Vec<_> = found
            .iter()
            .map(|row| row.as_deref().map_err(String::as_str))
            .collect();
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(input));
    }

    #[tokio::test]
    async fn tables() {
        let long = format!("a\nx\n{}", "y".repeat(31));
        let open = format!("a\nx\n\"{}", "y".repeat(100_000));
        check(
            b"id,name\n1,Bj\xc3\xb6rk\n",
            &[Ok("{\"id\":\"1\",\"name\":\"Björk\"}")],
        )
        .await;
        check(
            b"\xef\xbb\xbfid\r\n1\r\n\r\n2",
            &[Ok("{\"id\":\"1\"}"), Ok("{\"id\":\"2\"}")],
        )
        .await;
        check(b"a,b\n,\"\"\n", &[Ok("{\"a\":null,\"b\":null}")]).await;
        check(
            b"a,\"b \"\"c\"\"\"\n\"x,\ny\",\"\"\"\"\n",
            &[Ok("{\"a\":\"x,\\ny\",\"b \\\"c\\\"\":\"\\\"\"}")],
        )
        .await;
        check(b"id\n", &[]).await;
        check(b"", &[Err("read input, line 1: there is no header")]).await;
        check(
            b"a,a\n",
            &[Err(
                "read input, line 1: the header has the column \"a\" twice",
            )],
        )
        .await;
        check(
            b"a,,c\n",
            &[Err(
                "read input, line 1: column 2 has no name in the header",
            )],
        )
        .await;
        check(
            b"a,b\n1,2\n3\n4,5\n",
            &[
                Ok("{\"a\":\"1\",\"b\":\"2\"}"),
                Err("read input, line 3: the number of fields is 1, in the header 2"),
            ],
        )
        .await;
        check(
            b"a\nx\n\xff\n",
            &[
                Ok("{\"a\":\"x\"}"),
                Err("read input, line 3: the field \"a\" isn't UTF-8"),
            ],
        )
        .await;
        let too_long = [
            Ok("{\"a\":\"x\"}"),
            Err("read input, line 3: it is longer than 0 KiB"),
        ];
        check(long.as_bytes(), &too_long).await;
        check(open.as_bytes(), &too_long).await;
    }
}
