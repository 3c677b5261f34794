//! Drawn JSON: a value, and the many ways in which it can be written.

use super::numbers::accepted;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Values that DynamoDB accepts as an attribute; up to 30 levels of nesting.
pub fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        texts().prop_map(Value::String),
        accepted().prop_map(|digits| serde_json::from_str(&digits).unwrap()),
    ];
    let nested = scalar.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Array),
            objects(inner).prop_map(Value::Object),
        ]
    });
    (nested, prop_oneof![9 => Just(0), 1 => 1..25_u8]).prop_map(|(value, around)| {
        (0..around).fold(value, |value, level| {
            if level % 2 == 0 {
                Value::Array(vec![value])
            } else {
                Value::Object(Map::from_iter([("m".to_owned(), value)]))
            }
        })
    })
}

/// Objects of these values.
pub fn objects(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    vec((names(), values), 0..6).prop_map(Map::from_iter)
}

/// Names of members: few enough to meet again, and all sorts.
pub fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-c]{0,2}",
        1 => "[~/\\\\\"{}é 01\u{1f3b5}]{0,4}",
        1 => texts(),
    ]
}

/// Text with what has to be escaped, and with what takes two surrogates.
pub fn texts() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => "[ -~]",
        1 => "[\u{0}-\u{1f}\"\\\\/\u{7f}]",
        1 => "[à-ÿĀ-\u{fff}\u{2028}\u{feff}]",
        1 => "%[0-9A-F]{2}",
        1 => "[\u{10000}-\u{10ffff}]",
        1 => any::<char>().prop_map(String::from),
    ];
    vec(character, 0..8).prop_map(|characters| characters.concat())
}

/// The value as text: white space and escapes are chosen by `style`.
pub fn written(value: &Value, style: u64) -> String {
    let mut writer = Writer {
        text: String::new(),
        state: style,
    };
    writer.value(value);
    writer.text
}

struct Writer {
    text: String,
    state: u64,
}

impl Writer {
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.state >> 33) % bound
    }

    fn space(&mut self) {
        let space = ["", "", "", " ", "\n", "\t\r "][usize::try_from(self.below(6)).unwrap()];
        self.text.push_str(space);
    }

    fn value(&mut self, value: &Value) {
        self.space();
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.text.push_str(&value.to_string());
            }
            Value::String(text) => self.string(text),
            Value::Array(elements) => {
                self.text.push('[');
                for (index, element) in elements.iter().enumerate() {
                    self.text.push_str(if index == 0 { "" } else { "," });
                    self.value(element);
                }
                self.text.push(']');
            }
            Value::Object(members) => {
                self.text.push('{');
                for (index, (name, member)) in members.iter().enumerate() {
                    self.text.push_str(if index == 0 { "" } else { "," });
                    self.space();
                    self.string(name);
                    self.space();
                    self.text.push(':');
                    self.value(member);
                }
                self.space();
                self.text.push('}');
            }
        }
        self.space();
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            let short = match character {
                '"' => Some("\\\""),
                '\\' => Some("\\\\"),
                '/' => Some("\\/"),
                '\u{8}' => Some("\\b"),
                '\u{c}' => Some("\\f"),
                '\n' => Some("\\n"),
                '\r' => Some("\\r"),
                '\t' => Some("\\t"),
                _ => None,
            };
            let must = character < ' ' || character == '"' || character == '\\';
            match (self.below(4), short) {
                (0, Some(short)) => self.text.push_str(short),
                (1 | 2, _) if !must => self.text.push(character),
                (style, _) if must || style == 0 => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let escape = if self.below(2) == 0 {
                            format!("\\u{unit:04x}")
                        } else {
                            format!("\\u{unit:04X}")
                        };
                        self.text.push_str(&escape);
                    }
                }
                _ => self.text.push(character),
            }
        }
        self.text.push('"');
    }
}
