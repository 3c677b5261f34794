//! A document, or the values of a key → 128 bits, the same for what DynamoDB
//! would hold as the same. For the component, which knows documents by them,
//! and for the host, which reads items back from the table.
//!
//! What is hashed, by SipHash-2-4 with 128 bits of output, is a form that has
//! one notation for each value:
//!
//! | value | form |
//! |---|---|
//! | text | its UTF-8, unescaped, then `ff`, which is in no UTF-8 |
//! | a string | `s`, then it as text |
//! | a number | `n`, then its notation as text: a minus sign, the digits without zeros at either end, `e`, the power of ten of the last digit; `0` for zero |
//! | `true`, `false`, `null` | `t`, `f`, `z` |
//! | an array | `a`, the forms of its elements, `fe` |
//! | an object | `o`, for each member its name as text and the form of its value, `fe`; members are in the order of the bytes of their names |
//!
//! A document's form is the object's, a key's the texts of its values: a
//! string's content, a number's notation, base64 for bytes, the partition key
//! first. A key and a digest are numbers of 128 bits; the hash's bytes are their
//! little-endian notation. The upper 32 bits of a key's digest are those of its
//! partition key's alone, so that what is kept in the order of digests has all of
//! a partition in one place.

use super::output::append;
use super::text::{Piece, pieces};
use super::value::{Kind, Name, Value};
use siphasher::sip128::SipHasher24;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::io::Write as _;

/// Ends a text; no UTF-8 has it.
const END_OF_TEXT: u8 = 0xff;
/// Ends an array or an object: no value and no name begins with it.
const END: u8 = 0xfe;

/// DynamoDB holds fewer, so that nothing deeper is ever written.
const MOST_LEVELS: u32 = 64;

/// The bits of a key's digest that are its partition's.
const PARTITION: u64 = 0xffff_ffff_0000_0000;

/// 128 bits: of a keyed hash, or its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// The upper half.
    pub high: u64,
    /// The lower half.
    pub low: u64,
}

/// A value that is in no index.
#[derive(Clone, Copy, Debug)]
pub enum Scalar<'t> {
    /// A string's content, or bytes in base64 as DynamoDB writes it.
    Text(&'t str),
    /// A number or a boolean as JSON writes it.
    Literal(&'t str),
}

/// Makes digests with one key; its memory is used again for the next.
pub struct Digester {
    hasher: SipHasher24,
    form: Vec<u8>,
}

impl Digester {
    /// One whose digests only those can tell who know the key.
    #[must_use]
    pub fn new(key: Digest) -> Self {
        Self {
            hasher: SipHasher24::new_with_keys(key.low, key.high),
            form: Vec::new(),
        }
    }

    /// Of a document. None where it is no object, a text of it isn't Unicode, or
    /// it is nested too deeply: it is no item then.
    pub fn content(&mut self, document: Value<'_>) -> Option<Digest> {
        if document.kind() != Kind::Object {
            return None;
        }
        self.form.clear();
        let mut form = Form {
            form: &mut self.form,
            members: Vec::new(),
        };
        form.object(document, 0)?;
        Some(self.digest())
    }

    /// Of the document that has these members before the record's own, which has
    /// none of their names.
    pub fn with_members(
        &mut self,
        added: &[(&str, Scalar<'_>)],
        record: Value<'_>,
    ) -> Option<Digest> {
        if added.is_empty() || record.kind() != Kind::Object {
            return self.content(record);
        }
        let added = added.iter().map(|(name, value)| {
            let member = Member::Added(*value);
            Some((Cow::Borrowed(*name), member))
        });
        let own = record.members().map(|(name, value)| {
            let name = name.content().ok()?;
            Some((name, Member::Own(value)))
        });
        let members: Option<Vec<_>> = added.chain(own).collect();
        let mut members = members?;
        members.sort_by(|one, other| one.0.cmp(&other.0));
        self.form.clear();
        let mut form = Form {
            form: &mut self.form,
            members: Vec::new(),
        };
        form.form.push(b'o');
        for (name, member) in &members {
            form.content(name);
            match member {
                Member::Own(value) => form.value(*value, 1)?,
                Member::Added(value) => form.scalar(*value),
            }
        }
        form.form.push(END);
        Some(self.digest())
    }

    /// Of a key's attributes.
    pub fn key(&mut self, parts: &[Scalar<'_>]) -> Digest {
        self.form.clear();
        let mut partition = None;
        for part in parts {
            match part {
                Scalar::Text(text) => append(&mut self.form, text.as_bytes()),
                Scalar::Literal(text) => put_number(text, &mut self.form),
            }
            self.form.push(END_OF_TEXT);
            partition = partition.or_else(|| Some(self.digest().high & PARTITION));
        }
        let Digest { high, low } = self.digest();
        Digest {
            high: partition.unwrap_or_default() | high & !PARTITION,
            low,
        }
    }

    fn digest(&self) -> Digest {
        let hash = self.hasher.hash(&self.form);
        Digest {
            high: hash.h2,
            low: hash.h1,
        }
    }
}

enum Member<'t> {
    Own(Value<'t>),
    Added(Scalar<'t>),
}

struct Form<'f, 't> {
    form: &'f mut Vec<u8>,
    /// Of objects that are open and whose members had to be sorted.
    members: Vec<(Name<'t>, Value<'t>)>,
}

impl<'t> Form<'_, 't> {
    fn value(&mut self, value: Value<'t>, level: u32) -> Option<()> {
        if level > MOST_LEVELS {
            return None;
        }
        match value.kind() {
            Kind::Null => self.form.push(b'z'),
            Kind::Boolean if value.text() == "true" => self.form.push(b't'),
            Kind::Boolean => self.form.push(b'f'),
            Kind::String => {
                self.form.push(b's');
                self.text(value.as_string()?)?;
            }
            Kind::Number => {
                self.form.push(b'n');
                put_number(value.text(), self.form);
                self.form.push(END_OF_TEXT);
            }
            Kind::Array => {
                self.form.push(b'a');
                for element in value.elements() {
                    self.value(element, level + 1)?;
                }
                self.form.push(END);
            }
            Kind::Object => self.object(value, level)?,
        }
        Some(())
    }

    fn object(&mut self, object: Value<'t>, level: u32) -> Option<()> {
        self.form.push(b'o');
        if is_sorted(object) {
            for (name, value) in object.members() {
                self.text(name)?;
                self.value(value, level + 1)?;
            }
        } else {
            let start = self.members.len();
            self.members.extend(object.members());
            let own = self.members.get_mut(start..).unwrap_or_default();
            own.sort_by(|one, other| compare(one.0, other.0));
            let mut at = start;
            while let Some((name, value)) = self.members.get(at).copied() {
                self.text(name)?;
                self.value(value, level + 1)?;
                at += 1;
            }
            self.members.truncate(start);
        }
        self.form.push(END);
        Some(())
    }

    fn scalar(&mut self, value: Scalar<'_>) {
        match value {
            Scalar::Text(text) => {
                self.form.push(b's');
                self.content(text);
            }
            Scalar::Literal("true") => self.form.push(b't'),
            Scalar::Literal("false") => self.form.push(b'f'),
            Scalar::Literal(number) => {
                self.form.push(b'n');
                put_number(number, self.form);
                self.form.push(END_OF_TEXT);
            }
        }
    }

    fn content(&mut self, text: &str) {
        append(self.form, text.as_bytes());
        self.form.push(END_OF_TEXT);
    }

    #[inline]
    fn text(&mut self, text: Name<'_>) -> Option<()> {
        if text.is_escaped() {
            pieces(text.raw(), |piece| match piece {
                Piece::Plain(text) => append(self.form, text.as_bytes()),
                Piece::Escaped(character) => {
                    let bytes = &mut [0; 4];
                    let text = character.encode_utf8(bytes);
                    self.form.extend_from_slice(text.as_bytes());
                }
            })
            .ok()?;
        } else {
            append(self.form, text.raw().as_bytes());
        }
        self.form.push(END_OF_TEXT);
        Some(())
    }
}

/// Whether the members are in the order of their names, by a first look.
fn is_sorted(object: Value<'_>) -> bool {
    let mut last = "";
    object.members().all(|(name, _)| {
        let before = std::mem::replace(&mut last, name.raw());
        !name.is_escaped() && is_before(before, last)
    })
}

/// Mostly the first bytes say it, and no call compares the rest.
#[inline]
fn is_before(one: &str, other: &str) -> bool {
    match (one.as_bytes().first(), other.as_bytes().first()) {
        (Some(first), Some(second)) if first != second => first < second,
        _ => one <= other,
    }
}

fn compare(one: Name<'_>, other: Name<'_>) -> Ordering {
    if !one.is_escaped() && !other.is_escaped() {
        return one.raw().cmp(other.raw());
    }
    // What isn't Unicode is noticed when it is written.
    match (one.content(), other.content()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        _ => one.raw().cmp(other.raw()),
    }
}

/// A number's one notation. A text that is no number stands for itself.
fn put_number(text: &str, form: &mut Vec<u8>) {
    if let Some((digits, zeros)) = small(text.as_bytes()) {
        append(form, digits);
        form.extend_from_slice(&[b'e', b'0' + zeros]);
        return;
    }
    let start = form.len();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let leading = integer.trim_start_matches('0');
    let fractional = if leading.is_empty() {
        fraction.trim_start_matches('0')
    } else {
        fraction
    };
    form.extend_from_slice(sign.as_bytes());
    form.extend_from_slice(leading.as_bytes());
    form.extend_from_slice(fractional.as_bytes());
    let mut zeros = 0_i64;
    while form.len() > start + sign.len() && form.last() == Some(&b'0') {
        form.pop();
        zeros += 1;
    }
    if form.len() == start + sign.len() {
        form.truncate(start);
        form.push(b'0');
        return;
    }
    let Ok(exponent) = exponent.parse::<i64>() else {
        form.truncate(start);
        form.extend_from_slice(text.as_bytes());
        return;
    };
    let decimals = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let exponent = exponent.saturating_sub(decimals).saturating_add(zeros);
    match u8::try_from(exponent) {
        Ok(digit @ 0..=9) => form.extend_from_slice(&[b'e', b'0' + digit]),
        _ => {
            // Into memory, which takes everything.
            let _ = write!(form, "e{exponent}");
        }
    }
}

/// Integers of few digits, as most numbers are: their digits without the zeros at
/// the end, and how many of these there are.
#[inline]
fn small(text: &[u8]) -> Option<(&[u8], u8)> {
    if text.len() > 9 || !matches!(text.first()?, b'1'..=b'9') {
        return None;
    }
    let (mut last, mut zeros) = (0, 0);
    for (byte, count) in text.iter().zip(1..) {
        match byte {
            b'0' => zeros += 1,
            b'1'..=b'9' => (last, zeros) = (count, 0),
            _ => return None,
        }
    }
    Some((text.get(..last)?, zeros))
}

#[cfg(test)]
mod tests;
