//! CSV with a header → rows, each a JSON object of text; an empty field is
//! null. A line that is no such row is rejected, and the next one read.

mod records;

use super::{Rows, RowsError};
use futures_util::stream;
use records::{Record, Records};
use std::io::{self, Cursor, Read};
use tokio::sync::mpsc;

/// Rows read ahead, so that the thread that reads isn't woken for each.
const AHEAD: usize = 64;

/// Reads rows in a thread of its own, as fast as they are taken. Little more
/// than `most_bytes` of a row is ever held.
pub(super) fn read<R>(reader: R, name: String, most_bytes: usize) -> Rows
where
    R: Read + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let read = Table::open(reader, name, most_bytes).map(|mut table| {
            loop {
                let Some(row) = table.next().transpose() else {
                    return;
                };
                let last = row.as_ref().is_err_and(|error| !error.is_one_row());
                // Nobody receiving any more means that the rows were dropped.
                if sender.blocking_send(row).is_err() || last {
                    return;
                }
            }
        });
        if let Err(error) = read {
            let _ = sender.blocking_send(Err(error));
        }
    });
    Box::pin(stream::poll_fn(move |context| receiver.poll_recv(context)))
}

/// Records whose columns are known.
struct Table<R> {
    records: Records<R>,
    /// The columns' names as JSON.
    columns: Vec<String>,
    name: String,
}

impl<R: Read> Table<io::Chain<Cursor<Vec<u8>>, R>> {
    /// Reads the header: without one, no line can be a row.
    fn open(mut reader: R, name: String, most_bytes: usize) -> Result<Self, RowsError> {
        let mut start = Vec::new();
        let read = reader.by_ref().take(3).read_to_end(&mut start);
        read.map_err(|source| RowsError::Read {
            name: name.clone(),
            line: 1,
            source,
        })?;
        if start == "\u{feff}".as_bytes() {
            start.clear();
        }
        let mut table = Self {
            records: Records::new(Cursor::new(start).chain(reader), most_bytes),
            columns: Vec::new(),
            name,
        };
        let header = table.record()?;
        let malformed = |line, message| RowsError::Malformed {
            name: table.name.clone(),
            line,
            message,
        };
        let Some(header) = header else {
            return Err(malformed(1, "there is no header".into()));
        };
        let columns = match &header.problem {
            Some(message) => Err(format!("the header: {message}")),
            None => columns(table.records.fields(&header)),
        };
        table.columns = columns.map_err(|message| malformed(header.line, message))?;
        Ok(table)
    }
}

/// A header's fields → the columns' names as JSON.
fn columns<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Result<Vec<String>, String> {
    let mut columns: Vec<String> = Vec::new();
    for (index, field) in fields.enumerate() {
        let name = std::str::from_utf8(field).map_err(|_| "the header isn't UTF-8")?;
        let name = name.trim();
        if name.is_empty() {
            return Err(format!("column {} has no name in the header", index + 1));
        }
        let column = json(name);
        if columns.contains(&column) {
            return Err(format!("the header has the column {column} twice"));
        }
        columns.push(column);
    }
    Ok(columns)
}

impl<R: Read> Table<R> {
    /// The next row; none after the last.
    fn next(&mut self) -> Result<Option<String>, RowsError> {
        let Some(record) = self.record()? else {
            return Ok(None);
        };
        self.row(&record).map(Some).map_err(|message| {
            let raw = self.records.raw();
            RowsError::rejected(format!("{}, line {}", self.name, record.line), raw, message)
        })
    }

    fn record(&mut self) -> Result<Option<Record>, RowsError> {
        self.records.next().map_err(|source| RowsError::Read {
            name: self.name.clone(),
            line: self.records.next_line(),
            source,
        })
    }

    fn row(&self, record: &Record) -> Result<String, String> {
        if let Some(message) = &record.problem {
            return Err(message.clone());
        }
        let (found, expected) = (record.fields, self.columns.len());
        if found != expected {
            return Err(format!("it has {found} fields, the header has {expected}"));
        }
        let mut row = String::from("{");
        for (column, field) in self.columns.iter().zip(self.records.fields(record)) {
            if row.len() > 1 {
                row.push(',');
            }
            row.push_str(column);
            row.push(':');
            match std::str::from_utf8(field) {
                Ok("") => row.push_str("null"),
                Ok(text) => row.push_str(&json(text)),
                Err(_) => return Err(format!("the field {column} isn't UTF-8")),
            }
        }
        row.push('}');
        Ok(row)
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use futures_util::StreamExt;
    use serde_json::Value;
    use std::fs;
    use std::path::Path;

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
        // What can't be a row is rejected by its line, and the next is read.
        let (one, two) = (
            Ok("{\"a\":\"1\",\"b\":\"2\"}"),
            Ok("{\"a\":\"4\",\"b\":\"5\"}"),
        );
        for (bad, message) in [
            ("3", "it has 1 fields, the header has 2"),
            ("3,4,5", "it has 3 fields, the header has 2"),
            ("\"3\n4\"", "it has 1 fields, the header has 2"),
        ] {
            for end in ["\n", "\r\n"] {
                let input = format!("a,b\n1,2\n\n\n\n{bad}\n4,5\n").replace('\n', end);
                let message = format!("read input, line 6: {message}");
                check(input.as_bytes(), &[one, Err(&message), two]).await;
            }
        }
        check(
            b"a\nx\n\xff\ny",
            &[
                Ok("{\"a\":\"x\"}"),
                Err("read input, line 3: the field \"a\" isn't UTF-8"),
                Ok("{\"a\":\"y\"}"),
            ],
        )
        .await;
        let too_long = "read input, line 3: it is longer than 0 KiB (`limits.row_kib`)";
        let (x, z) = (Ok("{\"a\":\"x\"}"), Ok("{\"a\":\"z\"}"));
        for long in ["y".repeat(31), format!("\"{}\"", "y\n".repeat(50_000))] {
            let input = format!("a\nx\n{long}\nz\n");
            check(input.as_bytes(), &[x, Err(too_long), z]).await;
            let many = format!("a\nx\n{}\nz\n", ",".repeat(100_000));
            check(many.as_bytes(), &[x, Err(too_long), z]).await;
        }
        // What a quote that isn't closed would take with it is read again.
        let open = "read input, line 3: a quote that it opens is";
        let never = format!("{open} never closed, up to line 3");
        for rest in ["\"y", "\"y\n"] {
            check(format!("a\nx\n{rest}").as_bytes(), &[x, Err(&never)]).await;
        }
        let never = format!("{open} never closed, up to line 6");
        check(
            b"a\nx\n\"y\nz\n\"\"\"\"\nz",
            &[x, Err(&never), z, Ok("{\"a\":\"\\\"\"}"), z],
        )
        .await;
        let stray = format!("{open} closed in the middle of a value, in line 5");
        let again = stray.replace("line 3:", "line 5:");
        check(
            b"a\nx\n\"y\nz\n\"\"y\" x\nz",
            &[x, Err(&stray), z, Err(&again), z],
        )
        .await;
        let header = "read input, line 2: the header: a quote that it opens is never closed, up \
                      to line 3";
        check(b"\n\"a\nx", &[Err(header)]).await;
        check(
            b"a\n\xff\xfe",
            &[Err("read input, line 2: the field \"a\" isn't UTF-8")],
        )
        .await;
    }

    /// csv-spectrum: what others' files mean. An empty field is null here.
    #[tokio::test]
    async fn the_spectrum() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/csv-spectrum");
        let mut files = 0;
        for file in fs::read_dir(folder.join("csvs")).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let rows: Vec<_> = read(fs::File::open(&path).unwrap(), name.clone(), 1024)
                .map(|row| serde_json::from_str::<Value>(&row.unwrap()).unwrap())
                .collect()
                .await;
            let meant = fs::read_to_string(folder.join(format!("json/{name}.json"))).unwrap();
            // One of them has an object in place of a list, and another number.
            let meant = match serde_json::from_str(&meant.replace("\"\"", "null")).unwrap() {
                Value::Array(rows) => rows,
                mut row => {
                    let phone = row.pointer_mut("/Contact Phone Number").unwrap();
                    *phone = "2095257564".into();
                    vec![row]
                }
            };
            assert_eq!(rows, meant, "{name}");
            files += 1;
        }
        assert_eq!(files, 12);
    }
}
