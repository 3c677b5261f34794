//! Texts of a document → the same texts in templates and settings. Documents are
//! written by others: nothing of them may become a placeholder, or a variable of
//! the environment, whose value would be sent to the server that they name.

use percent_encoding::{AsciiSet, utf8_percent_encode};
use rowcast_pipeline::message::{FOREIGN, RESERVED};
use serde_json::Value;

/// What a part of a URL doesn't have as it is. Of what RFC 3986 has, `$` begins a
/// variable, and `?` and `#` end the part that is written.
const ADDRESS: AsciiSet = FOREIGN.add(b'$').add(b'?');

/// A URL template in the making: only `column` adds a placeholder.
#[derive(Debug, Default)]
pub struct Template {
    text: String,
    /// Parameters, and the columns that have their values.
    columns: Vec<(String, String)>,
    has_query: bool,
}

impl Template {
    /// Adds a part of a URL, as a document writes it. Its query may begin there.
    pub fn address(&mut self, part: &str) {
        for (number, part) in part.split('?').enumerate() {
            if number > 0 {
                self.text.push(if self.has_query { '&' } else { '?' });
                self.has_query = true;
            }
            self.text.push_str(&address(part));
        }
    }

    /// Adds what the server must get as it is.
    pub fn value(&mut self, value: &str) {
        self.text.extend(utf8_percent_encode(value, &RESERVED));
    }

    /// Adds a placeholder for a parameter's value.
    pub fn column(&mut self, parameter: &str) {
        let known = self.columns.iter().find(|(known, _)| known == parameter);
        let column = known.map(|(_, column)| column.clone());
        let column = column.unwrap_or_else(|| {
            let mut column = column_name(parameter);
            // Parameters may differ in what a column's name doesn't have.
            while self.columns.iter().any(|(_, known)| *known == column) {
                column.push('_');
            }
            self.columns.push((parameter.to_owned(), column.clone()));
            column
        });
        self.text.extend(["{", &column, "}"]);
    }

    /// Begins a parameter of the query: its value comes next.
    pub fn parameter(&mut self, name: &str) {
        self.address("?");
        self.value(name);
        self.text.push('=');
    }

    /// The template, and the columns in it.
    pub fn finish(self) -> (String, Vec<String>) {
        let columns = self.columns.into_iter().map(|(_, column)| column);
        (self.text, columns.collect())
    }
}

/// A part of a URL, as a document writes it, up to its query or its fragment.
pub fn address(part: &str) -> String {
    utf8_percent_encode(part, &ADDRESS).to_string()
}

/// The pieces of a path or a URL: texts, each with the name in braces after it.
pub fn pieces(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{')
        && let Some((name, after)) = after.split_once('}')
    {
        pieces.push((before, Some(name)));
        rest = after;
    }
    pieces.push((rest, None));
    pieces
}

/// A header's value as a template.
pub fn header(value: &str) -> String {
    value.replace('{', "{{").replace('}', "}}")
}

/// A parameter's name as a row's column may be called.
pub fn column_name(parameter: &str) -> String {
    let name = parameter.trim_end_matches("[]");
    let plain = |each: char| each.is_alphanumeric() || each == '_' || each == '-';
    let name: String = name
        .chars()
        .map(|each| if plain(each) { each } else { '_' })
        .collect();
    if name.is_empty() {
        "value".to_owned()
    } else {
        name
    }
}

/// Takes the meaning of a variable from all texts of the settings. Those that
/// are meant are added afterwards.
pub fn without_variables(settings: &mut Value) {
    match settings {
        Value::String(text) => *text = text.replace("${", "$${"),
        Value::Array(items) => items.iter_mut().for_each(without_variables),
        Value::Object(members) => members.values_mut().for_each(without_variables),
        _ => {}
    }
}
