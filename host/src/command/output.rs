//! Documents → standard output, as JSON lines, JSON, a table or CSV. Numbers
//! are printed with the digits they have.

use anyhow::Context;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use rowcast::document::one_line;
use serde_json::{Map, Value};
use std::io::{self, Write};

/// How documents are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One document a line, as soon as it's there.
    Jsonl,
    /// One JSON array, as it comes.
    Json,
    /// A table; held in memory until the end, as its columns depend on all.
    Table,
    /// CSV with a header; held in memory like the table.
    Csv,
}

/// Prints documents as they come; [`Printer::finish`] prints what is held.
pub struct Printer<W: Write> {
    format: Format,
    out: W,
    /// Terminal columns, where there is a terminal.
    width: Option<u16>,
    printed: u64,
    held: Vec<Map<String, Value>>,
}

/// Longest cell of a table, in characters.
const CELL_CHARACTERS: usize = 60;

impl<W: Write> Printer<W> {
    pub fn new(format: Format, out: W, width: Option<u16>) -> Self {
        Self {
            format,
            out,
            width,
            printed: 0,
            held: Vec::new(),
        }
    }

    pub fn print(&mut self, document: &str) -> anyhow::Result<()> {
        match self.format {
            Format::Jsonl => writeln!(self.out, "{}", one_line(document))?,
            Format::Json => {
                let before = if self.printed == 0 { "[\n" } else { ",\n" };
                write!(self.out, "{before}{document}")?;
            }
            Format::Table | Format::Csv => {
                let document =
                    serde_json::from_str(document).context("read a document for the table")?;
                self.held.push(document);
            }
        }
        self.printed += 1;
        Ok(())
    }

    pub fn finish(mut self) -> anyhow::Result<()> {
        match self.format {
            Format::Jsonl => {}
            Format::Json if self.printed == 0 => writeln!(self.out, "[]")?,
            Format::Json => writeln!(self.out, "\n]")?,
            Format::Table => self.table()?,
            Format::Csv => self.csv()?,
        }
        self.out.flush()?;
        Ok(())
    }

    fn columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = Vec::new();
        for name in self.held.iter().flat_map(Map::keys) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        columns
    }

    fn table(&mut self) -> io::Result<()> {
        let columns = self.columns();
        if columns.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        if let Some(width) = self.width {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width);
        }
        table.set_header(&columns);
        for document in &self.held {
            table.add_row(
                columns
                    .iter()
                    .map(|name| shorten(&cell(document.get(name)))),
            );
        }
        writeln!(self.out, "{table}")
    }

    fn csv(&mut self) -> anyhow::Result<()> {
        let columns = self.columns();
        if columns.is_empty() {
            return Ok(());
        }
        let mut writer = csv::Writer::from_writer(&mut self.out);
        writer.write_record(&columns)?;
        for document in &self.held {
            writer.write_record(columns.iter().map(|name| cell(document.get(name))))?;
        }
        writer.flush()?;
        Ok(())
    }
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

fn shorten(text: &str) -> String {
    if text.chars().count() <= CELL_CHARACTERS {
        return text.to_owned();
    }
    text.chars()
        .take(CELL_CHARACTERS - 1)
        .chain(['…'])
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn check(format: Format, documents: &[&str], expected: &str) {
        let mut out = Vec::new();
        let mut printer = Printer::new(format, &mut out, None);
        for document in documents {
            printer.print(document).unwrap();
        }
        printer.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn json_lines_are_the_documents() {
        check(
            Format::Jsonl,
            &[r#"{"a":1.50}"#, r#"{"b":"é"}"#],
            "{\"a\":1.50}\n{\"b\":\"é\"}\n",
        );
        check(Format::Jsonl, &[], "");
        check(Format::Jsonl, &["{\n  \"a\": 1.50\n}"], "{\"a\":1.50}\n");
    }

    #[test]
    fn json_is_one_array() {
        check(Format::Json, &["{}", "{}"], "[\n{},\n{}\n]\n");
        check(Format::Json, &[], "[]\n");
    }

    #[test]
    fn csv_has_every_column_and_quotes_what_needs_it() {
        check(
            Format::Csv,
            &[r#"{"a":1.50,"b":"x,y"}"#, r#"{"c":[1,null],"a":null}"#],
            "a,b,c\n1.50,\"x,y\",\n,,\"[1,null]\"\n",
        );
        check(Format::Csv, &[], "");
    }

    #[test]
    fn a_table_has_every_column() {
        check(
            Format::Table,
            &[r#"{"a":1.50}"#, r#"{"b":{"c":true}}"#],
            "┌──────┬────────────┐\n│ a    ┆ b          │\n╞══════╪════════════╡\n│ 1.50 ┆            │\n│      ┆ {\"c\":true} │\n└──────┴────────────┘\n",
        );
    }

    #[test]
    fn long_cells_are_shortened_by_characters() {
        assert_eq!(shorten(&"é".repeat(60)).chars().count(), 60);
        assert_eq!(shorten(&"é".repeat(61)).chars().last(), Some('…'));
    }
}
