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
//! little-endian notation.

use super::text::{Piece, pieces};
use super::value::{Kind, Name, Value};
use siphasher::sip128::SipHasher24;
use std::cmp::Ordering;
use std::io::Write as _;

/// Ends a text; no UTF-8 has it.
const END_OF_TEXT: u8 = 0xff;
/// Ends an array or an object: no value and no name begins with it.
const END: u8 = 0xfe;

/// DynamoDB holds fewer, so that nothing deeper is ever written.
const MOST_LEVELS: u32 = 64;

/// 128 bits: of a keyed hash, or its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// The upper half.
    pub high: u64,
    /// The lower half.
    pub low: u64,
}

/// One attribute of a key.
#[derive(Clone, Copy, Debug)]
pub enum Part<'t> {
    /// A string's content, or bytes in base64 as DynamoDB writes it.
    Text(&'t str),
    /// A number in any notation.
    Number(&'t str),
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

    /// Of a key's attributes.
    pub fn key(&mut self, parts: &[Part<'_>]) -> Digest {
        self.form.clear();
        for part in parts {
            match part {
                Part::Text(text) => self.form.extend_from_slice(text.as_bytes()),
                Part::Number(text) => put_number(text, &mut self.form),
            }
            self.form.push(END_OF_TEXT);
        }
        self.digest()
    }

    fn digest(&self) -> Digest {
        let hash = self.hasher.hash(&self.form);
        Digest {
            high: hash.h2,
            low: hash.h1,
        }
    }
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

    #[inline]
    fn text(&mut self, text: Name<'_>) -> Option<()> {
        if text.is_escaped() {
            pieces(text.raw(), |piece| match piece {
                Piece::Plain(text) => self.form.extend_from_slice(text.as_bytes()),
                Piece::Escaped(character) => {
                    let bytes = &mut [0; 4];
                    let text = character.encode_utf8(bytes);
                    self.form.extend_from_slice(text.as_bytes());
                }
            })
            .ok()?;
        } else {
            self.form.extend_from_slice(text.raw().as_bytes());
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
        !name.is_escaped() && before <= last
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Index;

    const KEY: Digest = Digest {
        high: 0x0f0e_0d0c_0b0a_0908,
        low: 0x0706_0504_0302_0100,
    };

    fn content(text: &str) -> Option<Digest> {
        let mut index = Index::default();
        Digester::new(KEY).content(index.read(text).ok()?)
    }

    fn check(one: &str, other: &str, same: bool) {
        let (one_is, other_is) = (content(one), content(other));
        assert!(one_is.is_some() && other_is.is_some(), "{one} {other}");
        assert_eq!(one_is == other_is, same, "{one} {other}");
    }

    /// The vectors of its authors: the key 00 01 … 0f, messages 00 01 ….
    #[test]
    fn it_is_siphash_of_128_bits() {
        let mut digester = Digester::new(KEY);
        let (nothing, one) = (digester.digest(), [0_u8]);
        digester.form.extend_from_slice(&one);
        let hex = |digest: Digest| {
            let number = u128::from(digest.high) << 64 | u128::from(digest.low);
            format!("{:032x}", u128::from_be_bytes(number.to_le_bytes()))
        };
        assert_eq!(hex(nothing), "a3817f04ba25a8e66df67214c7550293");
        assert_eq!(hex(digester.digest()), "da87c1d86b99af44347659119b22fc45");
    }

    #[test]
    fn order_space_escapes_and_notations_make_no_difference() {
        check(r#"{"a":1,"b":2}"#, r#" { "b" : 2.0, "a" : 1e0 } "#, true);
        check(
            r#"{"c":{"y":1,"x":[2]},"b":1,"a":{"q":1,"p":2}}"#,
            r#"{"a":{"p":2,"q":1},"b":1,"c":{"x":[2],"y":1}}"#,
            true,
        );
        check(
            r#"{"\u0061b":"\/\u00e9\ud83d\ude00"}"#,
            r#"{"ab":"/é😀"}"#,
            true,
        );
        check(r#"{"b":0,"\u0061":1}"#, r#"{"a":1,"b":0}"#, true);
        check(r#"{"a":-0.0}"#, r#"{"a":0e7}"#, true);
        check(r#"{"a":-120}"#, r#"{"a":-0.12E3}"#, true);
        check(r#"{"a":0.0012}"#, r#"{"a":12e-4}"#, true);
        check(r#"{"a":1000000000000}"#, r#"{"a":1e+12}"#, true);
        check(r#"{"a":10.50}"#, r#"{"a":1050e-2}"#, true);
    }

    #[test]
    fn everything_else_makes_one() {
        let different = [
            "{}",
            r#"{"a":1}"#,
            r#"{"a":-1}"#,
            r#"{"a":10}"#,
            r#"{"a":0.1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":"1e0"}"#,
            r#"{"a":true}"#,
            r#"{"a":false}"#,
            r#"{"a":null}"#,
            r#"{"a":""}"#,
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
            r#"{"a":[[]]}"#,
            r#"{"a":[],"b":[]}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":[1,[2]]}"#,
            r#"{"a":{"b":1},"c":2}"#,
            r#"{"a":{"b":1,"c":2}}"#,
            r#"{"A":1}"#,
            r#"{"as1":1}"#,
            r#"{"a":"s","b":"t"}"#,
            r#"{"a":"t","b":"s"}"#,
        ];
        for (place, one) in different.iter().enumerate() {
            for other in different.iter().skip(place + 1) {
                check(one, other, false);
            }
        }
    }

    #[test]
    fn what_is_no_item_has_none() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(70), "]".repeat(70));
        for text in ["[]", "1", r#"{"a":"\ud800"}"#, r#"{"\ud800":1}"#, &deep] {
            assert_eq!(content(text), None, "{text}");
        }
    }

    #[test]
    fn keys_are_told_apart_by_value_and_part() {
        let key = |parts: &[Part<'_>]| Digester::new(KEY).key(parts);
        let (text, number) = (Part::Text, Part::Number);
        assert_ne!(key(&[text("ab"), text("c")]), key(&[text("a"), text("bc")]));
        assert_ne!(key(&[text("a")]), key(&[text("a"), text("")]));
        assert_eq!(key(&[number("1.20e1")]), key(&[number("12")]));
        assert_ne!(key(&[number("12")]), key(&[number("1.2")]));
        let mut other = Digester::new(Digest::default());
        assert_ne!(other.key(&[text("a")]), key(&[text("a")]));
        // Nothing of the one before is in the next.
        assert_eq!(other.key(&[text("b")]), {
            Digester::new(Digest::default()).key(&[text("b")])
        });
    }
}
