//! Where a query stands ↔ opaque text. A cursor is the caller's to keep, so
//! nothing in it is trusted: it must be well formed, of this version, and of
//! the very query it's passed with.

use crate::bindings::exports::rowcast::pipeline::query::Access;
use crate::settings::Query;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const VERSION: u32 = 1;

/// Where a query stands between two calls.
#[derive(Debug, Deserialize, Serialize)]
pub struct Cursor {
    #[serde(rename = "v")]
    version: u32,
    /// Of the query, see [`fingerprint`].
    #[serde(rename = "q")]
    query: String,
    /// Matches still to be returned; none: all.
    #[serde(rename = "left")]
    pub remaining: Option<u32>,
    /// Whether the segments are of a scan; otherwise the one is of a query.
    scan: bool,
    /// Each segment's state, in order.
    #[serde(rename = "at")]
    pub segments: Vec<Segment>,
}

/// How far one segment has been read.
#[derive(Debug, Deserialize, Serialize)]
pub enum Segment {
    /// Not at all.
    #[serde(rename = "new")]
    NotStarted,
    /// To this `LastEvaluatedKey`, kept as DynamoDB wrote it.
    #[serde(rename = "key")]
    At(Box<RawValue>),
    /// To its end.
    #[serde(rename = "done")]
    Done,
}

/// Why a cursor can't be continued.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// Not written by this component, or damaged.
    #[error("the cursor is not one that a query returned")]
    Malformed,
    /// Of another release.
    #[error("the cursor is of another version of this component; ask again without it")]
    Version,
    /// Of another query.
    #[error("the cursor belongs to another query; pass it with the one that returned it")]
    Query,
    /// The table's keys aren't what they were.
    #[error("the table has changed since the cursor was returned; ask again without it")]
    Table,
    /// It can't be written.
    #[error("write the cursor")]
    Write(#[source] serde_json::Error),
}

impl Cursor {
    /// The state before the first call.
    #[must_use]
    pub fn start(query: &Query, access: Access, segments: u32) -> Self {
        let scan = access == Access::Scan;
        // DynamoDB cuts scans into segments, not queries.
        let segments = if scan { segments } else { 1 };
        Self {
            version: VERSION,
            query: fingerprint(query),
            remaining: query.limit,
            scan,
            segments: (0..segments).map(|_| Segment::NotStarted).collect(),
        }
    }

    /// Reads what [`Cursor::write`] wrote.
    pub fn read(text: &str, query: &Query, access: Access) -> Result<Self, CursorError> {
        let json = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| CursorError::Malformed)?;
        let cursor: Self = serde_json::from_slice(&json).map_err(|_| CursorError::Malformed)?;
        if cursor.version != VERSION {
            return Err(CursorError::Version);
        }
        if cursor.query != fingerprint(query) {
            return Err(CursorError::Query);
        }
        if cursor.scan != (access == Access::Scan) {
            return Err(CursorError::Table);
        }
        let objects = cursor.segments.iter().all(|segment| match segment {
            Segment::At(key) => key.get().starts_with('{'),
            Segment::NotStarted | Segment::Done => true,
        });
        let sized = (1..=if cursor.scan { 64 } else { 1 }).contains(&cursor.segments.len());
        let limited = cursor.remaining.is_some() == query.limit.is_some();
        if objects && sized && limited {
            Ok(cursor)
        } else {
            Err(CursorError::Malformed)
        }
    }

    /// Writes it as text without meaning to anyone else.
    pub fn write(&self) -> Result<String, CursorError> {
        let json = serde_json::to_vec(self).map_err(CursorError::Write)?;
        Ok(URL_SAFE_NO_PAD.encode(json))
    }

    /// Whether every segment has been read to its end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.segments
            .iter()
            .all(|segment| matches!(segment, Segment::Done))
    }
}

/// FNV-1a over what the answer depends on. It guards against mix-ups, not
/// against forgery: whoever can forge a cursor can also ask another query.
fn fingerprint(query: &Query) -> String {
    let Query {
        table,
        index,
        filter,
        select,
        limit,
        segments,
        consistent,
        retry: _,
    } = query;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |text: &str| {
        // The length goes first, so that texts can't run into each other.
        for byte in text
            .len()
            .to_string()
            .bytes()
            .chain([b':'])
            .chain(text.bytes())
        {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    add(table);
    add(&format!("{limit:?} {segments} {consistent}"));
    add(if index.is_some() { "index" } else { "table" });
    add(index.as_deref().unwrap_or_default());
    add(filter);
    for path in select {
        add(path);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::settings::Retry;

    fn query() -> Query {
        Query {
            table: "tracks".to_owned(),
            index: None,
            filter: "a = 1".to_owned(),
            select: vec!["a".to_owned()],
            limit: Some(5),
            segments: 3,
            consistent: false,
            retry: Retry {
                max_attempts: 1,
                base_delay_ms: 0,
                max_delay_ms: 0,
                max_retry_after_ms: 0,
            },
        }
    }

    fn written() -> String {
        let mut cursor = Cursor::start(&query(), Access::Scan, 3);
        let key = RawValue::from_string(r#"{"id":{"S":"ü"},"n":{"N":"1E+2"}}"#.to_owned());
        cursor.segments = vec![
            Segment::NotStarted,
            Segment::At(key.unwrap()),
            Segment::Done,
        ];
        cursor.remaining = Some(2);
        cursor.write().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let cursor = Cursor::read(&written(), &query(), Access::Scan).unwrap();
        assert_eq!(cursor.remaining, Some(2));
        assert!(!cursor.is_done());
        assert!(
            matches!(&cursor.segments[..], [Segment::NotStarted, Segment::At(key), Segment::Done]
            if key.get() == r#"{"id":{"S":"ü"},"n":{"N":"1E+2"}}"#)
        );
        let mut patient = query();
        patient.retry.max_attempts = 20;
        assert!(Cursor::read(&written(), &patient, Access::Scan).is_ok());
    }

    fn check(text: &str, query: &Query, expected: &str) {
        let error = Cursor::read(text, query, Access::Scan).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{text}: {error}");
    }

    #[test]
    fn what_is_foreign_is_refused() {
        let json = String::from_utf8(URL_SAFE_NO_PAD.decode(written()).unwrap()).unwrap();
        let altered = |from: &str, to: &str| URL_SAFE_NO_PAD.encode(json.replace(from, to));
        for text in [
            String::new(),
            "not a cursor".to_owned(),
            URL_SAFE_NO_PAD.encode("{}"),
            altered(r#"{"key":{"#, r#"{"key":5,"x":{"#),
            altered(r#"{"S":"ü"}"#, r#"{"S""#),
            altered(r#""left":2"#, r#""left":null"#),
            altered(r#"["new","#, &format!("[{}", r#""new","#.repeat(63))),
        ] {
            check(&text, &query(), "the cursor is not one");
        }
        let error = Cursor::read(&written(), &query(), Access::Query).unwrap_err();
        assert!(matches!(error, CursorError::Table));
        check(
            &altered(r#""v":1"#, r#""v":2"#),
            &query(),
            "the cursor is of another version",
        );
        let others: [fn(&mut Query); 7] = [
            |other| other.table.push('s'),
            |other| other.index = Some(String::new()),
            |other| other.filter.push(' '),
            |other| other.select = vec![],
            |other| other.limit = Some(6),
            |other| other.segments = 4,
            |other| other.consistent = true,
        ];
        for alter in others {
            let mut other = query();
            alter(&mut other);
            check(&written(), &other, "the cursor belongs to another query");
        }
    }
}
