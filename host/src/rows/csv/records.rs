//! Bytes → CSV's records and their fields, each with its line. Knows no columns.

use csv_core::{ReadRecordResult, Reader};
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Bytes of a record and fields in it that there is room for at first.
const ROOM: (usize, usize) = (1024, 32);

/// Bytes → records. The grammar is `csv_core`'s; lines are counted here, for it
/// counts a record's from the blank lines before it.
///
/// A quote that is closed nowhere, or in the middle of a value, would take the lines
/// up to there with it: only its own line is rejected, and the next is read.
pub(super) struct Records<R> {
    reader: BufReader<R>,
    /// What was read and is to be read again.
    again: Cursor<Vec<u8>>,
    core: Reader,
    /// Ends of lines that were read.
    lines: u64,
    /// The present record as it was read, its fields one after the other, and
    /// where each of them ends.
    raw: Vec<u8>,
    fields: Vec<u8>,
    ends: Vec<usize>,
    most_bytes: usize,
}

/// A record by its place: what is in it stays where it was read into.
pub(super) struct Record {
    /// Its first line, counted from 1.
    pub(super) line: u64,
    pub(super) fields: usize,
    /// Why it can't be a row.
    pub(super) problem: Option<String>,
}

impl<R: Read> Records<R> {
    pub(super) fn new(reader: R, most_bytes: usize) -> Self {
        Self {
            reader: BufReader::new(reader),
            again: Cursor::default(),
            core: Reader::new(),
            lines: 0,
            raw: Vec::new(),
            fields: vec![0; ROOM.0],
            ends: vec![0; ROOM.1],
            most_bytes,
        }
    }

    /// The line that is read next, counted from 1.
    pub(super) fn next_line(&self) -> u64 {
        self.lines + 1
    }

    /// The present record as it was read.
    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The next record; none after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Record>> {
        self.skip_line_ends()?;
        let line = self.lines + 1;
        let (mut written, mut fields) = (0, 0);
        let (mut too_long, mut ending, mut open) = (false, false, false);
        let mut last = b'\n';
        self.raw.clear();
        loop {
            let input = fill(&mut self.again, &mut self.reader)?;
            // At the end of the file the record is given one more end of line:
            // only an open quote would swallow it.
            let at_end = input.is_empty() && !self.raw.is_empty();
            let asks = at_end && !ending;
            ending |= at_end;
            let given = if asks { b"\n" } else { input };
            let output = self.fields.get_mut(written..).unwrap_or_default();
            let ends = self.ends.get_mut(fields..).unwrap_or_default();
            let (result, taken, wrote, ended) = self.core.read_record(given, output, ends);
            written += wrote;
            fields += ended;
            if asks {
                open = result == ReadRecordResult::InputEmpty;
            } else {
                let taken = given.get(..taken).unwrap_or_default();
                let new_lines = taken.split(|byte| *byte == b'\n').skip(1).count();
                self.lines += u64::try_from(new_lines).unwrap_or_default();
                last = taken.last().copied().unwrap_or(last);
                if !too_long {
                    self.raw.extend_from_slice(taken);
                }
                let taken = taken.len();
                self.consume(taken);
            }
            too_long |= written > self.most_bytes;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if too_long => written = 0,
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if too_long => fields = 0,
                ReadRecordResult::OutputEndsFull => {
                    too_long = self.ends.len() > self.most_bytes;
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        let last = self.lines + u64::from(last != b'\n');
        let problem = if open {
            Some(format!(
                "a quote that it opens is never closed, up to line {last}"
            ))
        } else if too_long {
            let kib = self.most_bytes / 1024;
            Some(format!("it is longer than {kib} KiB (`limits.row_kib`)"))
        } else if is_stray(&self.raw) {
            Some(format!(
                "a quote that it opens is closed in the middle of a value, in line {last}"
            ))
        } else {
            None
        };
        if problem.is_some() && !too_long {
            self.reread(line);
            fields = 0;
        }
        Ok(Some(Record {
            line,
            fields,
            problem,
        }))
    }

    /// Only the present record's first line is what can't be read; the others are read
    /// again.
    fn reread(&mut self, first_line: u64) {
        self.core.reset();
        let Some(end) = memchr::memchr(b'\n', &self.raw) else {
            return;
        };
        let mut again = self.raw.split_off(end + 1);
        // What was to be read again, and wasn't yet.
        let unread = usize::try_from(self.again.position()).unwrap_or(usize::MAX);
        again.extend_from_slice(self.again.get_ref().get(unread..).unwrap_or_default());
        self.again = Cursor::new(again);
        self.lines = first_line;
    }

    /// Blank lines are no records.
    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            match fill(&mut self.again, &mut self.reader)?.first() {
                Some(b'\n') => self.lines += 1,
                Some(b'\r') => {}
                Some(_) | None => return Ok(()),
            }
            self.consume(1);
        }
    }

    fn consume(&mut self, bytes: usize) {
        match self.again.fill_buf() {
            Ok(again) if !again.is_empty() => self.again.consume(bytes),
            _ => self.reader.consume(bytes),
        }
    }

    /// The record's fields.
    pub(super) fn fields(&self, record: &Record) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().take(record.fields).map(move |&end| {
            let field = self.fields.get(start..end).unwrap_or_default();
            start = end;
            field
        })
    }
}

/// What is read next: what is to be read again comes first.
fn fill<'r, R: Read>(
    again: &'r mut Cursor<Vec<u8>>,
    reader: &'r mut BufReader<R>,
) -> io::Result<&'r [u8]> {
    if !again.fill_buf()?.is_empty() {
        return again.fill_buf();
    }
    // A call that was interrupted is made again; its borrow ends here.
    while let Err(error) = reader.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    reader.fill_buf()
}

/// Whether a record has something else behind a closing quote than the end of its value.
fn is_stray(record: &[u8]) -> bool {
    if memchr::memchr(b'"', record).is_none() {
        return false;
    }
    let mut rest = record.trim_ascii_end();
    loop {
        if let Some(quoted) = rest.strip_prefix(b"\"") {
            rest = quoted;
            // Up to the quote that closes it.
            loop {
                let Some(end) = memchr::memchr(b'"', rest) else {
                    return false;
                };
                rest = rest.get(end + 1..).unwrap_or_default();
                match rest.strip_prefix(b"\"") {
                    Some(after) => rest = after,
                    None => break,
                }
            }
            if !rest.is_empty() && !rest.starts_with(b",") {
                return true;
            }
        }
        match memchr::memchr(b',', rest) {
            Some(comma) => rest = rest.get(comma + 1..).unwrap_or_default(),
            None => return false,
        }
    }
}
