//! An index and its text → kinds, members, elements, strings.

use super::entry::Entry;
use super::pointer;
use super::text::{self, NotUnicode};
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

/// A value in its text.
#[derive(Clone, Copy)]
pub struct Value<'t> {
    /// The whole text.
    text: &'t str,
    /// The value's own entry, and those of what is in it.
    entries: &'t [Entry],
}

/// A member's name.
#[derive(Clone, Copy)]
pub struct Name<'t> {
    /// With its quotation marks.
    text: &'t str,
    escaped: bool,
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl<'t> Value<'t> {
    /// The value that the first of these entries is of.
    pub(super) fn new(text: &'t str, entries: &'t [Entry]) -> Self {
        Self { text, entries }
    }

    /// As it is written, without the white space around it.
    #[inline]
    #[must_use]
    pub fn text(self) -> &'t str {
        self.entries
            .first()
            .map_or("null", |entry| slice(self.text, *entry))
    }

    /// What it is.
    #[inline]
    #[must_use]
    pub fn kind(self) -> Kind {
        let start = self.entries.first().map(|entry| entry.start as usize);
        let first = start.and_then(|start| self.text.as_bytes().get(start));
        match first {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// An object's members in their order; none of anything else.
    #[inline]
    pub fn members(self) -> impl Iterator<Item = (Name<'t>, Value<'t>)> {
        let mut entries = self.inside(Kind::Object);
        std::iter::from_fn(move || {
            let (name, rest) = entries.split_first()?;
            let (value, rest) = rest.split_at_checked(rest.first()?.extent())?;
            entries = rest;
            let name = Name::of(self.text, *name);
            Some((name, Value::new(self.text, value)))
        })
    }

    /// An array's elements; none of anything else.
    #[inline]
    pub fn elements(self) -> impl Iterator<Item = Value<'t>> {
        let mut entries = self.inside(Kind::Array);
        std::iter::from_fn(move || {
            let (value, rest) = entries.split_at_checked(entries.first()?.extent())?;
            entries = rest;
            Some(Value::new(self.text, value))
        })
    }

    /// An object's member; of several with one name the last, as parsers do.
    /// None if a member's name is not Unicode.
    #[must_use]
    pub fn member(self, wanted: &str) -> Option<Value<'t>> {
        let mut found = None;
        self.each_member(|name, value| {
            // Most names differ in length already.
            if !name.is_escaped() && name.length() != wanted.len() + 2 {
                return Some(());
            }
            if Name::of(self.text, name).is(wanted).ok()? {
                found = Some(Value::new(self.text, value));
            }
            Some(())
        })?;
        found
    }

    /// Whether all names of an object's members are Unicode.
    #[must_use]
    pub fn has_names(self) -> bool {
        let is_name = |name: Entry, _: &_| {
            let is_fine = !name.is_escaped() || Name::of(self.text, name).content().is_ok();
            is_fine.then_some(())
        };
        self.each_member(is_name).is_some()
    }

    /// An object's members, before their texts are looked at; until one is none.
    #[inline]
    fn each_member(self, mut look: impl FnMut(Entry, &'t [Entry]) -> Option<()>) -> Option<()> {
        let mut entries = self.inside(Kind::Object);
        while let Some((name, rest)) = entries.split_first() {
            let (value, rest) = rest.split_at_checked(rest.first()?.extent())?;
            entries = rest;
            look(*name, value)?;
        }
        Some(())
    }

    /// A string's content; none if it isn't one, or is not Unicode.
    #[must_use]
    pub fn string(self) -> Option<Cow<'t, str>> {
        self.as_string()?.content().ok()
    }

    /// A string, read like a name; none if it isn't one.
    #[inline]
    #[must_use]
    pub fn as_string(self) -> Option<Name<'t>> {
        (self.kind() == Kind::String).then(|| Name {
            text: self.text(),
            escaped: self.entries.first().is_some_and(|entry| entry.is_escaped()),
        })
    }

    /// Whether it has a member or an element.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.entries.len() <= 1
    }

    /// Where reading a container stopped, as a part of a JSON Pointer: in its
    /// last value, or, if it's the innermost one, where the next would be.
    pub(super) fn push_last(self, innermost: bool, path: &mut String) {
        let mut count = 0_usize;
        let mut last = None;
        let is_object = self.kind() == Kind::Object;
        let mut entries = self.entries.get(1..).unwrap_or_default();
        while let Some(entry) = entries.first() {
            if count.is_multiple_of(2) {
                last = Some(*entry);
            }
            count += 1;
            entries = entries.get(entry.extent()..).unwrap_or_default();
        }
        if !is_object {
            let place = if innermost {
                count
            } else {
                count.saturating_sub(1)
            };
            let _ = write!(path, "/{place}");
        } else if let Some(entry) = last
            && !(innermost && count.is_multiple_of(2))
        {
            let (text, escaped) = (slice(self.text, entry), entry.is_escaped());
            path.push_str(&Name { text, escaped }.segment());
        }
    }

    fn inside(self, kind: Kind) -> &'t [Entry] {
        if self.kind() == kind {
            self.entries.get(1..).unwrap_or_default()
        } else {
            &[]
        }
    }
}

impl<'t> Name<'t> {
    #[inline]
    fn of(text: &'t str, entry: Entry) -> Self {
        Self {
            text: slice(text, entry),
            escaped: entry.is_escaped(),
        }
    }

    /// As it is written, with quotation marks.
    #[inline]
    #[must_use]
    pub fn quoted(self) -> &'t str {
        self.text
    }

    /// As it is written, without quotation marks.
    #[inline]
    #[must_use]
    pub fn raw(self) -> &'t str {
        let last = self.text.len().saturating_sub(1);
        self.text.get(1..last).unwrap_or_default()
    }

    /// Whether it has escapes; where it has none, what is written is what is
    /// meant.
    #[inline]
    #[must_use]
    pub fn is_escaped(self) -> bool {
        self.escaped
    }

    /// What it means.
    pub fn content(self) -> Result<Cow<'t, str>, NotUnicode> {
        if self.escaped {
            text::unescape(self.raw()).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(self.raw()))
        }
    }

    /// Whether that is what it means.
    #[inline]
    pub fn is(self, wanted: &str) -> Result<bool, NotUnicode> {
        if self.escaped {
            return Ok(self.content()? == wanted);
        }
        Ok(self.raw() == wanted)
    }

    /// As the last part of a JSON Pointer.
    #[must_use]
    pub fn segment(self) -> String {
        let content = self.content().unwrap_or(Cow::Borrowed(self.raw()));
        pointer::to_member(&content)
    }
}

#[inline]
fn slice(text: &str, entry: Entry) -> &str {
    text.get(entry.start as usize..entry.end as usize)
        .unwrap_or_default()
}
