//! Values of a shape ↔ WAVE, the text in which the wasmtime command takes
//! arguments and prints results.

use super::shape::{Shape, Signature};
use serde_json::{Map, Value};
use std::fmt::Write;

/// What a case or field must not be called without `%` before it.
const KEYWORDS: [&str; 8] = ["true", "false", "inf", "nan", "some", "none", "ok", "err"];

/// A call as `--invoke` takes it.
pub fn call(signature: &Signature, arguments: &[Value]) -> String {
    let mut text = format!("{}(", signature.function);
    for (position, ((_, shape), value)) in signature.parameters.iter().zip(arguments).enumerate() {
        if position > 0 {
            text.push_str(", ");
        }
        write(shape, value, &mut text);
    }
    text + ")"
}

fn write(shape: &Shape, value: &Value, out: &mut String) {
    match (shape, value) {
        (Shape::Option(_), Value::Null) => out.push_str("none"),
        (Shape::Option(of), value) => payload("some", of, value, out),
        (Shape::List(of), Value::Array(values)) => {
            out.push('[');
            for value in values {
                write(of, value, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        (Shape::Record(fields), Value::Object(given)) => {
            out.push('{');
            for (name, shape) in fields {
                write!(out, "{}: ", identifier(name)).unwrap();
                write(shape, &given[name], out);
                out.push_str(", ");
            }
            out.push('}');
        }
        (Shape::Enum(_) | Shape::Variant(_), Value::String(case)) => {
            out.push_str(&identifier(case));
        }
        (Shape::Variant(cases), Value::Object(given)) => {
            let (case, value) = given.iter().next().unwrap();
            let (_, of) = cases.iter().find(|(known, _)| known == case).unwrap();
            payload(&identifier(case), of.as_ref().unwrap(), value, out);
        }
        (Shape::Text | Shape::Document, Value::String(text)) => quote(text, out),
        (_, value) => write!(out, "{value}").unwrap(),
    }
}

fn payload(name: &str, shape: &Shape, value: &Value, out: &mut String) {
    write!(out, "{name}(").unwrap();
    write(shape, value, out);
    out.push(')');
}

fn identifier(name: &str) -> String {
    let mark = if KEYWORDS.contains(&name) { "%" } else { "" };
    format!("{mark}{name}")
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(out, "\\{character}").unwrap(),
            _ if character.is_control() => write!(out, "{}", character.escape_unicode()).unwrap(),
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// What the command printed: `ok(…)` or `err(…)`, or a value alone.
pub fn answer(signature: &Signature, text: &str) -> Result<Value, Value> {
    let mut reader = Reader(text.trim());
    let result = match &signature.error {
        None => Ok(reader.value(&signature.ok)),
        Some(error) => match reader.word() {
            "ok" => Ok(reader.payload(&signature.ok)),
            "err" => Err(reader.payload(error)),
            other => panic!("{other:?} begins no result: {text}"),
        },
    };
    assert_eq!(reader.0, "", "something follows the result");
    result
}

/// What is still to be read.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn value(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Bool | Shape::Integer | Shape::Long | Shape::Float => {
                let word = self.word();
                serde_json::from_str(word).unwrap_or_else(|_| panic!("{word:?} is no {shape:?}"))
            }
            Shape::Text | Shape::Document => Value::String(self.quoted()),
            Shape::List(of) => {
                let mut values = Vec::new();
                self.expect('[');
                while !self.found(']') {
                    values.push(self.value(of));
                    self.found(',');
                }
                Value::Array(values)
            }
            Shape::Record(fields) => {
                let mut record = Map::new();
                self.expect('{');
                // An empty record is `{:}`.
                self.found(':');
                while !self.found('}') {
                    let name = self.word();
                    self.expect(':');
                    let (_, shape) = fields.iter().find(|(known, _)| known == name).unwrap();
                    record.insert(name.to_owned(), self.value(shape));
                    self.found(',');
                }
                Value::Object(record)
            }
            Shape::Option(of) => match self.word() {
                "none" => Value::Null,
                "some" => self.payload(of),
                other => panic!("{other:?} is not an option"),
            },
            Shape::Enum(_) => Value::String(self.word().to_owned()),
            Shape::Variant(cases) => {
                let case = self.word();
                let (_, payload) = cases.iter().find(|(known, _)| known == case).unwrap();
                match payload {
                    None => Value::String(case.to_owned()),
                    Some(of) => {
                        let payload = self.payload(of);
                        Value::Object(Map::from_iter([(case.to_owned(), payload)]))
                    }
                }
            }
        }
    }

    fn payload(&mut self, shape: &Shape) -> Value {
        self.expect('(');
        let value = self.value(shape);
        self.expect(')');
        value
    }

    /// A number, a name or a keyword; the `%` before a name isn't part of it.
    fn word(&mut self) -> &'a str {
        self.found('%');
        let end = self.0.find(|character: char| {
            !character.is_alphanumeric() && !matches!(character, '-' | '+' | '.' | '_')
        });
        let (word, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.trim_start();
        word
    }

    fn quoted(&mut self) -> String {
        self.expect_exactly('"');
        let mut text = String::new();
        loop {
            match self.next() {
                '"' => break,
                '\\' => text.push(self.escaped()),
                other => text.push(other),
            }
        }
        self.0 = self.0.trim_start();
        text
    }

    fn escaped(&mut self) -> char {
        match self.next() {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' => '\0',
            'u' => {
                self.expect_exactly('{');
                let (digits, rest) = self.0.split_once('}').unwrap();
                self.0 = rest;
                char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap()
            }
            other => other,
        }
    }

    fn next(&mut self) -> char {
        let mut characters = self.0.chars();
        let next = characters.next().unwrap();
        self.0 = characters.as_str();
        next
    }

    fn expect_exactly(&mut self, wanted: char) {
        assert_eq!(self.next(), wanted, "before {:?}", self.0);
    }

    fn expect(&mut self, wanted: char) {
        self.expect_exactly(wanted);
        self.0 = self.0.trim_start();
    }

    fn found(&mut self, wanted: char) -> bool {
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.map_or(self.0, str::trim_start);
        rest.is_some()
    }
}

#[test]
fn values_return_from_wave() {
    use serde_json::json;

    let record = |fields: &[(&str, Shape)]| {
        let owned = |(name, shape): &(&str, Shape)| ((*name).to_owned(), shape.clone());
        Shape::Record(fields.iter().map(owned).collect())
    };
    let check = |shape: &Shape, value: Value, text: &str| {
        let mut written = String::new();
        write(shape, &value, &mut written);
        assert_eq!(written, text);
        let mut reader = Reader(text);
        assert_eq!(reader.value(shape), value, "{text}");
        assert_eq!(reader.0, "");
    };
    check(
        &Shape::Long,
        json!(18_446_744_073_709_551_615_u64),
        "18446744073709551615",
    );
    check(&Shape::Float, json!(-0.5), "-0.5");
    let text = json!("a \"quote\" \\ \n \u{0} 봄");
    check(&Shape::Text, text, r#""a \"quote\" \\ \u{a} \u{0} 봄""#);
    let numbers = Shape::List(Box::new(Shape::Integer));
    check(&numbers, json!([]), "[]");
    check(&numbers, json!([1, 2]), "[1, 2, ]");
    let cases = [
        ("none".to_owned(), None),
        ("some-text".to_owned(), Some(Shape::Text)),
    ];
    let variant = Shape::Variant(cases.into());
    check(&variant, json!("none"), "%none");
    check(&variant, json!({"some-text": "x"}), r#"some-text("x")"#);
    let optional = Shape::Option(Box::new(variant.clone()));
    check(&optional, Value::Null, "none");
    check(&optional, json!("none"), "some(%none)");
    let whole = record(&[("ok", optional), ("of-two", numbers)]);
    check(
        &whole,
        json!({"ok": {"some-text": ""}, "of-two": [3]}),
        r#"{%ok: some(some-text("")), of-two: [3, ], }"#,
    );
}
