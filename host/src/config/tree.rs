//! TOML text → a tree that keeps the file's order and lines.

use super::ConfigError;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Counted from 1; none for what isn't from the file.
    pub line: Option<usize>,
    pub value: Value,
}

/// A table's entries in the file's order.
pub(super) type Entries = Vec<(String, Node)>;

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    /// Text that was put together from the environment. It may stand where a
    /// number or a truth value is expected.
    Interpolated(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Entries),
}

impl Node {
    /// The entries of a table; none of anything else.
    pub fn entries(&self) -> Option<&Entries> {
        match &self.value {
            Value::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// A table's entry of that name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries()?
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, node)| node)
    }

    /// A table's entry of that name.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Table(entries) => entries
                .iter_mut()
                .find(|(key, _)| key == name)
                .map(|(_, node)| node),
            _ => None,
        }
    }
}

/// Parses the text.
pub(super) fn parse(text: &str) -> Result<Node, ConfigError> {
    let table = DeTable::parse(text).map_err(|error| ConfigError::syntax(text, &error))?;
    table_node(text, "", Some(1), table.get_ref())
}

fn table_node(
    text: &str,
    path: &str,
    line: Option<usize>,
    table: &DeTable<'_>,
) -> Result<Node, ConfigError> {
    let mut entries: Vec<_> = table.iter().collect();
    // The table itself is sorted by name; the file's order is in the spans.
    entries.sort_by_key(|(key, _)| key.span().start);
    let entries = entries
        .into_iter()
        .map(|(key, value)| {
            let name = key.get_ref().to_string();
            let path = join(path, &name);
            Ok((
                name,
                node(text, &path, Some(line_of(text, key.span().start)), value)?,
            ))
        })
        .collect::<Result<_, ConfigError>>()?;
    Ok(Node {
        line,
        value: Value::Table(entries),
    })
}

fn node(
    text: &str,
    path: &str,
    line: Option<usize>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Node, ConfigError> {
    let invalid = |message: &str| ConfigError::Invalid {
        setting: path.to_owned(),
        line,
        message: message.to_owned(),
        hint: None,
    };
    let value = match value.get_ref() {
        DeValue::String(string) => Value::Text(string.to_string()),
        DeValue::Integer(integer) => Value::Integer(
            i64::from_str_radix(integer.as_str(), integer.radix())
                .map_err(|_| invalid("this number is too large"))?,
        ),
        DeValue::Float(float) => Value::Float(
            float
                .as_str()
                .parse()
                .map_err(|_| invalid("this number can't be represented"))?,
        ),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(_) => return Err(invalid("no setting is a date")),
        DeValue::Array(array) => Value::Array(
            array
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let line = Some(line_of(text, item.span().start));
                    node(text, &join(path, &index.to_string()), line, item)
                })
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => return table_node(text, path, line, table),
    };
    Ok(Node { line, value })
}

/// A setting's path with one more name.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or_default().matches('\n').count() + 1
}
