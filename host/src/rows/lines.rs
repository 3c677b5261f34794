//! Bytes → rows, one JSON object per line. A line that is none is rejected, and
//! the next one read.

use super::{Rows, RowsError};
use futures_util::stream;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Reads rows; little more than `most_bytes` of a line is ever held.
pub(super) fn read<R>(reader: R, name: String, most_bytes: usize) -> Rows
where
    R: AsyncRead + Send + Unpin + 'static,
{
    let lines = Lines {
        reader: BufReader::new(reader),
        name,
        line: 0,
        most_bytes,
    };
    Box::pin(stream::unfold(Some(lines), |lines| async move {
        let mut lines = lines?;
        match lines.next().await {
            Ok(row) => row.map(|row| (Ok(row), Some(lines))),
            Err(error) if error.is_one_row() => Some((Err(error), Some(lines))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// The names of an object's members, in order.
pub(super) fn names(row: &str) -> Vec<String> {
    serde_json::from_str::<Names>(row)
        .map(|names| names.0)
        .unwrap_or_default()
}

struct Lines<R> {
    reader: BufReader<R>,
    name: String,
    /// Counted from 1.
    line: u64,
    most_bytes: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// The next row; blank lines are passed over.
    async fn next(&mut self) -> Result<Option<String>, RowsError> {
        while let Some(line) = self.line().await? {
            let rejected = |message| {
                RowsError::rejected(format!("{}, line {}", self.name, self.line), &line, message)
            };
            if line.len() > self.most_bytes {
                let kib = self.most_bytes / 1024;
                let message = format!("it is longer than {kib} KiB (`limits.row_kib`)");
                return Err(rejected(message));
            }
            let text = std::str::from_utf8(&line).map_err(|error| {
                let from = error.valid_up_to() + 1;
                rejected(format!("it isn't UTF-8 from byte {from} on"))
            })?;
            let text = if self.line == 1 {
                text.trim_start_matches('\u{feff}')
            } else {
                text
            };
            let text = text.trim();
            if !text.is_empty() {
                return object(text).map(Some).map_err(rejected);
            }
        }
        Ok(None)
    }

    /// The next line's bytes, without its end; none after the last. Of one that
    /// is too long, the beginning.
    async fn line(&mut self) -> Result<Option<Vec<u8>>, RowsError> {
        self.line += 1;
        let failed = |source| RowsError::Read {
            name: self.name.clone(),
            line: self.line,
            source,
        };
        let most = u64::try_from(self.most_bytes).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        let mut reader = (&mut self.reader).take(most.saturating_add(1));
        if reader.read_until(b'\n', &mut bytes).await.map_err(failed)? == 0 {
            return Ok(None);
        }
        if bytes.pop_if(|last| *last == b'\n').is_none() && bytes.len() > self.most_bytes {
            let mut rest = Vec::new();
            while !rest.ends_with(b"\n") {
                rest.clear();
                let mut reader = (&mut self.reader).take(most.saturating_add(1));
                if reader.read_until(b'\n', &mut rest).await.map_err(failed)? == 0 {
                    break;
                }
            }
        }
        Ok(Some(bytes))
    }
}

fn object(text: &str) -> Result<String, String> {
    // serde_json's own message would repeat a text that stands alone.
    if !text.starts_with('{') {
        return Err("it is not a JSON object".into());
    }
    match serde_json::from_str::<Object>(text) {
        Ok(Object) => Ok(text.to_owned()),
        Err(error) => {
            // It says `… at line 1 column n`, of this line.
            let message = error.to_string();
            let what = message.split(" at line ").next().unwrap_or_default();
            Err(format!("{what} at column {}", error.column()))
        }
    }
}

/// Any JSON object, looked at and not kept.
struct Object;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ignore;
        impl<'de> Visitor<'de> for Ignore {
            type Value = Object;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Object)
            }
        }
        deserializer.deserialize_map(Ignore)
    }
}

struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Names;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    async fn check(input: &[u8], expected: &[Result<&str, &str>]) {
        // Bytes that come one at a time must not make a difference.
        for piece in [1, input.len().max(1)] {
            let reader = tokio_test_reader(input, piece);
            let found: Vec<_> = read(reader, "input".into(), 40).collect().await;
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
    }

    /// A reader that gives pieces of that size.
    fn tokio_test_reader(input: &[u8], piece: usize) -> impl AsyncRead + Send + Unpin + 'static {
        let (mut writer, reader) = tokio::io::duplex(piece);
        let input = input.to_vec();
        tokio::spawn(async move {
            // The reader may stop early, after an error.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut writer, &input).await;
        });
        reader
    }

    #[tokio::test]
    async fn lines() {
        let long = format!("{{\"a\":1}}\n{{\"a\":\"{}\"}}\n{{}}", "x".repeat(60));
        check(b"", &[]).await;
        check(b"{}", &[Ok("{}")]).await;
        check(
            b"{\"id\":1}\n{\"id\":2}\n",
            &[Ok("{\"id\":1}"), Ok("{\"id\":2}")],
        )
        .await;
        check(
            b"\xef\xbb\xbf{\"a\":[{}]}\r\n\r\n \n{}\r\n",
            &[Ok("{\"a\":[{}]}"), Ok("{}")],
        )
        .await;
        check(b" {\"n\":1.50e400} ", &[Ok("{\"n\":1.50e400}")]).await;
        check(
            b"{}\n[1]\n{}",
            &[
                Ok("{}"),
                Err("read input, line 2: it is not a JSON object"),
                Ok("{}"),
            ],
        )
        .await;
        check(
            b"\"secret\"",
            &[Err("read input, line 1: it is not a JSON object")],
        )
        .await;
        check(
            b"\n\n{\"a\":}\n",
            &[Err("read input, line 3: expected value at column 6")],
        )
        .await;
        check(
            b"{\"a\":1",
            &[Err(
                "read input, line 1: EOF while parsing an object at column 6",
            )],
        )
        .await;
        check(
            b"{} {}",
            &[Err("read input, line 1: trailing characters at column 4")],
        )
        .await;
        check(
            b"{\"a\":\"\xff\"}\n\n{\"b\":2}",
            &[
                Err("read input, line 1: it isn't UTF-8 from byte 7 on"),
                Ok("{\"b\":2}"),
            ],
        )
        .await;
        check(
            long.as_bytes(),
            &[
                Ok("{\"a\":1}"),
                Err("read input, line 2: it is longer than 0 KiB (`limits.row_kib`)"),
                Ok("{}"),
            ],
        )
        .await;
    }

    #[test]
    fn names_in_order() {
        assert_eq!(names("{\"b\":1,\"a\":{\"c\":2}}"), ["b", "a"]);
    }
}
