//! A body that isn't JSON → JSON text with its index; records in another shape →
//! a list of them, as text.

use super::records::{self, BodyError};
use super::snippet;
use crate::settings::{Format, RecordsAs};
use rowcast_json::{Bytes, Index, Kind, Output, Value, quoted};
use std::borrow::Cow;

/// Reads a body: its index, and the text that it is of where that isn't the
/// body's own.
pub fn read(format: Format, body: &Bytes) -> Result<(Index, Option<String>), BodyError> {
    let mut index = Index::default();
    let whole = records::text_of(body)?;
    let text = match format {
        Format::Json => {
            records::parse(&mut index, whole)?;
            return Ok((index, None));
        }
        Format::Ndjson => lines(whole),
        Format::Csv => table(whole, ',')?,
        Format::Tsv => table(whole, '\t')?,
    };
    match index.read(&text) {
        Ok(_) => Ok((index, Some(text))),
        // What is missing is noticed at the bracket that was added.
        Err(flaw) if flaw.is_end || flaw.at + 1 >= text.len() => {
            Err(BodyError::Truncated(whole.len(), snippet::line(whole)))
        }
        Err(_) => Err(BodyError::NotJson(snippet::line(whole))),
    }
}

/// Lines of JSON as one array.
fn lines(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    format!("[{}]", lines.join(","))
}

/// Rows of values as an array of objects.
fn table(text: &str, separator: char) -> Result<String, BodyError> {
    let mut rows = Rows {
        rest: text,
        separator,
        line: 0,
    };
    if text.trim_ascii_start().starts_with(['{', '[', '<']) {
        return Err(BodyError::NotTable(snippet::line(text)));
    }
    let Some(names) = rows.next().transpose()? else {
        return Ok("[]".to_owned());
    };
    let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
    let mut json = Output::with_capacity(text.len() * 2);
    let mut before = "[";
    while let Some(values) = rows.next().transpose()? {
        if values.len() != names.len() {
            return Err(BodyError::Ragged {
                line: rows.line,
                values: values.len(),
                names: names.len(),
            });
        }
        json.put(before);
        for (place, (name, value)) in names.iter().zip(&values).enumerate() {
            json.put(if place == 0 { "{" } else { "," });
            json.put(name);
            json.put(":");
            json.put_quoted(value);
        }
        json.put("}");
        before = ",";
    }
    if before == "[" {
        json.put(before);
    }
    json.put("]");
    Ok(json.into_text())
}

/// A table's rows; empty lines are none.
struct Rows<'t> {
    rest: &'t str,
    separator: char,
    /// Rows that were read.
    line: usize,
}

impl<'t> Iterator for Rows<'t> {
    type Item = Result<Vec<Cow<'t, str>>, BodyError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.trim_start_matches(['\r', '\n']);
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let mut values = Vec::new();
        loop {
            let value = if let Some(text) = self.rest.strip_prefix('"') {
                self.quoted(text)
            } else {
                Ok(self.plain())
            };
            match value {
                Ok(value) => values.push(value),
                Err(error) => return Some(Err(error)),
            }
            match self.rest.strip_prefix(self.separator) {
                Some(rest) => self.rest = rest,
                None => return Some(Ok(values)),
            }
        }
    }
}

impl<'t> Rows<'t> {
    /// A value that ends where the next one starts.
    fn plain(&mut self) -> Cow<'t, str> {
        let end = self.rest.find([self.separator, '\r', '\n']);
        let (value, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Cow::Borrowed(value)
    }

    /// A value between quotes, of which two stand for one.
    fn quoted(&mut self, text: &'t str) -> Result<Cow<'t, str>, BodyError> {
        let mut from = 0;
        loop {
            let end = text.get(from..).and_then(|rest| rest.find('"'));
            let Some(end) = end.map(|end| from + end) else {
                return Err(BodyError::Truncated(text.len(), snippet::line(text)));
            };
            let (value, rest) = text.split_at(end);
            let rest = rest.strip_prefix('"').unwrap_or_default();
            if rest.starts_with('"') {
                from = end + 2;
                continue;
            }
            let ends = rest.is_empty() || rest.starts_with([self.separator, '\r', '\n']);
            if !ends {
                return Err(BodyError::Quote(self.line));
            }
            self.rest = rest;
            return Ok(if from == 0 {
                Cow::Borrowed(value)
            } else {
                Cow::Owned(value.replace("\"\"", "\""))
            });
        }
    }
}

/// Records in another shape as the text of a list; none where they are a list
/// already.
pub fn reshaped(
    value: Value<'_>,
    shape: RecordsAs,
    id_attribute: Option<&str>,
    pointer: &str,
) -> Result<Option<String>, BodyError> {
    if shape == RecordsAs::List {
        return Ok(None);
    }
    // PHP writes an empty object so.
    if value.kind() == Kind::Array && value.is_empty() {
        return Ok(Some("[]".to_owned()));
    }
    if value.kind() != Kind::Object {
        return Err(BodyError::NotObject {
            pointer: pointer.to_owned(),
            kind: value.kind(),
        });
    }
    let records: Vec<String> = match shape {
        RecordsAs::List => Vec::new(),
        RecordsAs::ById => value
            .members()
            .map(|(id, record)| with_id(id.quoted(), record, id_attribute))
            .collect(),
        RecordsAs::Columns => columns(value, pointer)?,
    };
    Ok(Some(format!("[{}]", records.join(","))))
}

fn with_id(id: &str, record: Value<'_>, attribute: Option<&str>) -> String {
    let text = record.text();
    match (attribute, text.strip_prefix('{')) {
        (Some(attribute), Some(rest)) if record.member(attribute).is_none() => {
            let comma = if record.is_empty() { "" } else { "," };
            format!("{{{}:{id}{comma}{rest}", quoted(attribute))
        }
        _ => text.to_owned(),
    }
}

fn columns(value: Value<'_>, pointer: &str) -> Result<Vec<String>, BodyError> {
    let mut records: Option<Vec<String>> = None;
    for (name, column) in value.members() {
        let uneven = || BodyError::Uneven {
            pointer: pointer.to_owned(),
            name: snippet::line(&name.content().unwrap_or_default()),
        };
        if column.kind() != Kind::Array {
            return Err(uneven());
        }
        let length = column.elements().count();
        let all = records.get_or_insert_with(|| vec!["{".to_owned(); length]);
        if all.len() != length {
            return Err(uneven());
        }
        for (record, value) in all.iter_mut().zip(column.elements()) {
            if record.len() > 1 {
                record.push(',');
            }
            record.push_str(name.quoted());
            record.push(':');
            record.push_str(value.text());
        }
    }
    let mut records = records.unwrap_or_default();
    for record in &mut records {
        record.push('}');
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_format(format: Format, body: &str, expected: &str) {
        let shown = match read(format, &Bytes::new(body.as_bytes().to_vec())) {
            Ok((_, text)) => text.unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{body:?}");
    }

    #[test]
    fn lines_of_json_are_a_list() {
        let check = |body: &str, expected: &str| check_format(Format::Ndjson, body, expected);
        check("{\"a\":1.0}\r\n\n{\"b\":[2]}\n", r#"[{"a":1.0},{"b":[2]}]"#);
        check("", "[]");
        check("\u{feff}1", "[1]");
        let cut =
            "the body ends before its JSON does, after 13 bytes; it starts with: {\"a\":1} {\"b\":";
        check("{\"a\":1}\n{\"b\":", cut);
        check("<p>\n<p>", "the body is not JSON; it starts with: <p> <p>");
    }

    #[test]
    fn tables_are_lists_of_objects() {
        let check = |body: &str, expected: &str| check_format(Format::Csv, body, expected);
        check(
            "a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n\r\n,é\n",
            r#"[{"a":"1","b":"x, \"y\"\nz"},{"a":"","b":"é"}]"#,
        );
        check("a,b\n", "[]");
        check("\"a\"\n\"\"", r#"[{"a":""}]"#);
        check("", "[]");
        check("\n", "[]");
        for other in ["{\"error\":\"quota\"}", " []", "<html>"] {
            let start = format!("the body is not a table; it starts with: {}", other.trim());
            check(other, &start);
        }
        check(
            "a,b\n1",
            "row 2 of the body has 1 values, but there are 2 columns",
        );
        check(
            "a\n\"x\"y",
            "row 2 of the body has a quote in the middle of a value",
        );
        check(
            "a\n\"x",
            "the body ends before its JSON does, after 1 bytes; it starts with: x",
        );
        check_format(Format::Tsv, "a\tb\n1\t2,3", r#"[{"a":"1","b":"2,3"}]"#);
    }

    fn check_shape(shape: RecordsAs, id: Option<&str>, value: &str, expected: &str) {
        let mut index = Index::default();
        let shown = index
            .read(value)
            .map_err(|flaw| flaw.to_string())
            .and_then(|value| {
                let text = reshaped(value, shape, id, "/r").map_err(|error| error.to_string())?;
                Ok(text.unwrap_or_else(|| "as it is".to_owned()))
            });
        assert_eq!(shown.unwrap_or_else(|error| error), expected, "{value}");
    }

    #[test]
    fn records_by_id_and_in_columns_become_a_list() {
        check_shape(RecordsAs::List, None, "[]", "as it is");
        let by_id = |value: &str, expected: &str| {
            check_shape(RecordsAs::ById, Some("key"), value, expected);
        };
        by_id(
            r#"{"x\"1":{"a":1},"y":{},"z":{"key":7},"n":null}"#,
            r#"[{"key":"x\"1","a":1},{"key":"y"},{"key":7},null]"#,
        );
        by_id("{}", "[]");
        by_id("[]", "[]");
        by_id(
            "[1]",
            "the body has an array at `/r`, which should be an object",
        );
        let columns = |value: &str, expected: &str| {
            check_shape(RecordsAs::Columns, None, value, expected);
        };
        columns(
            r#"{"time":["t1","t2"],"rain":[0.10,null]}"#,
            r#"[{"time":"t1","rain":0.10},{"time":"t2","rain":null}]"#,
        );
        columns(r#"{"a":[],"b":[]}"#, "[]");
        let uneven = "the columns at `/r` are not lists of equal length: `b` differs";
        columns(r#"{"a":[1],"b":[1,2]}"#, uneven);
        columns(r#"{"a":[1],"b":1}"#, uneven);
    }
}
