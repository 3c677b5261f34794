//! Documents → standard output, as JSON lines, JSON, a table or CSV. Numbers
//! are printed with the digits they have.

mod spool;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;

use anyhow::Context;
use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use rowcast::document::one_line;
use rowcast::hint::Hint;
use serde_json::{Map, Value};
use spool::Spool;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufWriter, Write};

/// How documents are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One document a line, as soon as it's there.
    Jsonl,
    /// One JSON array, as it comes.
    Json,
    /// A table of 10,000 documents at most: it is held in memory.
    Table,
    /// CSV with a header of all columns; kept in a temporary file until the end.
    Csv,
}

/// Which members are printed first, and as which columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Columns {
    /// In the order of the documents' own members.
    AsTheyCome,
    /// Exactly these, whether or not a document has them.
    Selected(Vec<String>),
    /// These first, the others by name.
    Sorted {
        /// What stands first.
        first: Vec<String>,
    },
}

impl Columns {
    /// The members that such paths lead into, in their order.
    pub fn selected(paths: &[String]) -> Self {
        let mut names: Vec<String> = Vec::new();
        for path in paths {
            let name = member(path);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Self::Selected(names)
    }
}

/// A path's first step: `album` of `album.images[0]`. Backticks quote a name,
/// and doubled stand for one.
fn member(path: &str) -> String {
    let path = path.trim();
    let Some(quoted) = path.strip_prefix('`') else {
        let end = path.find(['.', '[']).unwrap_or(path.len());
        return path.get(..end).unwrap_or(path).trim_end().to_owned();
    };
    let mut name = String::new();
    let mut letters = quoted.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '`' && letters.next_if_eq(&'`').is_none() {
            break;
        }
        name.push(letter);
    }
    name
}

/// Prints documents as they come; [`Printer::finish`] prints what is held.
pub struct Printer<W: Write> {
    format: Format,
    columns: Columns,
    out: BufWriter<W>,
    /// Terminal columns, where there is a terminal.
    width: Option<u16>,
    printed: u64,
    held: Vec<Map<String, Value>>,
    spool: Spool,
}

/// A table can't have so many documents.
#[derive(Debug, thiserror::Error)]
#[error("a table has {MOST_IN_TABLE} documents at most, and there are more")]
pub struct TooMany;

impl TooMany {
    /// What has no such bound.
    pub fn hint(format: &str) -> Hint {
        Hint::new(format!("{format}`-o csv` and `-o jsonl` have no bound"))
    }
}

/// Documents that a table is made of at most; they are in memory, several
/// times as large as their text.
const MOST_IN_TABLE: usize = 10_000;

/// Longest cell of a table, in characters.
const CELL_CHARACTERS: usize = 60;

impl<W: Write> Printer<W> {
    pub fn new(format: Format, columns: Columns, out: W, width: Option<u16>) -> Self {
        Self {
            format,
            columns,
            out: BufWriter::new(out),
            width,
            printed: 0,
            held: Vec::new(),
            spool: Spool::default(),
        }
    }

    pub fn print(&mut self, document: &str) -> anyhow::Result<()> {
        match self.format {
            Format::Jsonl => {
                let document = self.ordered(document)?;
                writeln!(self.out, "{}", one_line(&document))?;
            }
            Format::Json => {
                let before = if self.printed == 0 { "[\n" } else { ",\n" };
                let document = self.ordered(document)?;
                write!(self.out, "{before}{document}")?;
            }
            Format::Table if self.held.len() >= MOST_IN_TABLE => return Err(TooMany.into()),
            Format::Table => self.held.push(read(document)?),
            Format::Csv => self.spool.add(document, &self.columns)?,
        }
        self.printed += 1;
        Ok(())
    }

    /// Shows what was printed so far to whoever reads it.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.out.flush()?)
    }

    pub fn finish(mut self) -> anyhow::Result<()> {
        match self.format {
            Format::Jsonl => {}
            Format::Json if self.printed == 0 => writeln!(self.out, "[]")?,
            Format::Json => writeln!(self.out, "\n]")?,
            Format::Table => self.table()?,
            Format::Csv => {
                std::mem::take(&mut self.spool).print(&self.columns, &mut self.out)?;
            }
        }
        self.flush()
    }

    /// The document, with its members in the order they were asked for.
    fn ordered<'a>(&self, document: &'a str) -> anyhow::Result<Cow<'a, str>> {
        let Columns::Selected(names) = &self.columns else {
            return Ok(Cow::Borrowed(document));
        };
        let mut members = read(document)?;
        let mut ordered = Map::new();
        for name in names {
            if let Some((name, value)) = members.shift_remove_entry(name) {
                ordered.insert(name, value);
            }
        }
        ordered.append(&mut members);
        Ok(Cow::Owned(serde_json::to_string(&ordered)?))
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut known = HashSet::new();
        for name in self.held.iter().flat_map(Map::keys) {
            if known.insert(name) {
                names.push(name.clone());
            }
        }
        ordered(names, &self.columns)
    }

    fn table(&mut self) -> io::Result<()> {
        let names = self.names();
        if self.held.is_empty() || names.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        if let Some(width) = self.width {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width);
        }
        table.set_header(names.iter().map(|name| printable(name)));
        for document in &self.held {
            table.add_row(
                names
                    .iter()
                    .map(|name| printable(&cell(document.get(name)))),
            );
        }
        for (index, name) in names.iter().enumerate() {
            if let Some(column) = table.column_mut(index)
                && self.is_numeric(name)
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(self.out, "{table}")
    }

    /// Whether all that has a value there has a number.
    fn is_numeric(&self, name: &str) -> bool {
        let mut values = self
            .held
            .iter()
            .filter_map(|document| document.get(name))
            .filter(|value| !value.is_null())
            .peekable();
        values.peek().is_some() && values.all(Value::is_number)
    }
}

/// The columns of documents with these members, which are in the order in which
/// they came.
fn ordered(mut names: Vec<String>, columns: &Columns) -> Vec<String> {
    match columns {
        Columns::AsTheyCome => {}
        Columns::Selected(selected) => return selected.clone(),
        Columns::Sorted { first } => {
            let place = |name: &String| first.iter().position(|key| key == name);
            names.sort_by_cached_key(|name| (place(name).unwrap_or(usize::MAX), name.clone()));
        }
    }
    names
}

fn read(document: &str) -> anyhow::Result<Map<String, Value>> {
    serde_json::from_str(document).context("read a document to print it")
}

/// Text as it is, null as nothing, everything else as JSON.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Columns of the terminal that standard output is, if it is one.
pub fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}

/// One line of bounded length; control characters must not reach a terminal.
fn printable(text: &str) -> String {
    let short = text.chars().count() <= CELL_CHARACTERS;
    let length = if short {
        CELL_CHARACTERS
    } else {
        CELL_CHARACTERS - 1
    };
    text.chars()
        .take(length)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .chain((!short).then_some('…'))
        .collect()
}
