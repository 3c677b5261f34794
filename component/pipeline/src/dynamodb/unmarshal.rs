//! Answers of Scan and Query → documents: DynamoDB's typed JSON becomes plain
//! JSON in one pass, without trees. Text is copied as it was escaped, numbers
//! digit for digit.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use std::fmt;

/// One page, borrowed from the answer's text.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Page<'a> {
    /// The items, each as a document; empty where only a count was asked for.
    pub items: Vec<Document>,
    /// Where the next page begins, as DynamoDB wrote it. Only its absence is
    /// the end.
    #[serde(borrow)]
    pub last_evaluated_key: Option<&'a RawValue>,
    /// Items that fulfil the filter.
    pub count: u64,
    /// Items read.
    pub scanned_count: u64,
    consumed_capacity: Option<ConsumedCapacity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ConsumedCapacity {
    capacity_units: f64,
}

/// An item's plain JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct Document(pub String);

/// The answer isn't what DynamoDB's documentation says.
#[derive(Debug, thiserror::Error)]
#[error("read DynamoDB's answer")]
pub struct UnmarshalError(#[from] serde_json::Error);

impl<'a> Page<'a> {
    /// Reads the answer of a Scan or a Query.
    pub fn parse(body: &'a str) -> Result<Self, UnmarshalError> {
        Ok(serde_json::from_str(body)?)
    }

    /// Read capacity units consumed.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        self.consumed_capacity
            .as_ref()
            .map_or(0.0, |consumed| consumed.capacity_units)
    }
}

/// One item as a document.
pub fn document(item: &str) -> Result<String, UnmarshalError> {
    let Document(text) = serde_json::from_str(item)?;
    Ok(text)
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = String::new();
        Members(&mut text).deserialize(deserializer)?;
        Ok(Self(text))
    }
}

/// `{"name": value, …}` of typed values → the same of plain ones.
struct Members<'t>(&'t mut String);

/// `[value, …]` of typed values → the same of plain ones.
struct Elements<'t>(&'t mut String);

/// `{"S": "text"}` and its like → `"text"`.
struct TypedValue<'t>(&'t mut String);

/// `["1", "2"]` of a set: text as it is, numbers without their quotes.
struct SetElements<'t>(&'t mut String, fn(&mut String, &str) -> Result<(), String>);

#[derive(Deserialize)]
#[serde(variant_identifier)]
enum Kind {
    S,
    N,
    B,
    #[serde(rename = "BOOL")]
    Bool,
    #[serde(rename = "NULL")]
    Null,
    L,
    M,
    #[serde(rename = "SS")]
    Texts,
    #[serde(rename = "NS")]
    Numbers,
    #[serde(rename = "BS")]
    Bytes,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let text = self.0;
        let mut opening = '{';
        while let Some(name) = members.next_key::<&RawValue>()? {
            text.push(opening);
            text.push_str(name.get());
            text.push(':');
            members.next_value_seed(TypedValue(&mut *text))?;
            opening = ',';
        }
        text.push_str(if opening == '{' { "{}" } else { "}" });
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of attribute values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let text = self.0;
        text.push('[');
        let start = text.len();
        loop {
            let before = text.len();
            if before > start {
                text.push(',');
            }
            if elements
                .next_element_seed(TypedValue(&mut *text))?
                .is_none()
            {
                text.truncate(before);
                text.push(']');
                return Ok(());
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for SetElements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for SetElements<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of a set's elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self(text, push) = self;
        let mut opening = '[';
        while let Some(element) = elements.next_element::<&RawValue>()? {
            text.push(opening);
            push(text, element.get()).map_err(A::Error::custom)?;
            opening = ',';
        }
        text.push_str(if opening == '[' { "[]" } else { "]" });
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for TypedValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TypedValue<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of one type and a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let text = self.0;
        let Some(kind) = members.next_key::<Kind>()? else {
            return Err(de::Error::custom("an attribute value without a type"));
        };
        match kind {
            Kind::L => members.next_value_seed(Elements(text))?,
            Kind::M => members.next_value_seed(Members(text))?,
            Kind::Texts | Kind::Bytes => members.next_value_seed(SetElements(text, push_text))?,
            Kind::Numbers => members.next_value_seed(SetElements(text, push_number))?,
            Kind::Bool => text.push_str(if members.next_value()? {
                "true"
            } else {
                "false"
            }),
            Kind::Null => {
                members.next_value::<IgnoredAny>()?;
                text.push_str("null");
            }
            Kind::S | Kind::B => {
                push_text(text, members.next_value::<&RawValue>()?.get())
                    .map_err(A::Error::custom)?;
            }
            Kind::N => {
                push_number(text, members.next_value::<&RawValue>()?.get())
                    .map_err(A::Error::custom)?;
            }
        }
        match members.next_key::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(de::Error::custom("an attribute value of two types")),
        }
    }
}

/// Text is JSON text already; base64 is.
fn push_text(text: &mut String, json: &str) -> Result<(), String> {
    if !json.starts_with('"') {
        return Err(format!("expected text, found {json}"));
    }
    text.push_str(json);
    Ok(())
}

/// Numbers are text in DynamoDB's JSON, and their digits a number's in ours.
fn push_number(text: &mut String, json: &str) -> Result<(), String> {
    let digits = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match digits.filter(|digits| is_json_number(digits)) {
        Some(digits) => {
            text.push_str(digits);
            Ok(())
        }
        None => Err(format!("expected a number as text, found {json}")),
    }
}

/// RFC 8259, section 6.
fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
