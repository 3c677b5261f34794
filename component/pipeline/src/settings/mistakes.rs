//! What is wrong with settings: each with its place, a sentence and a hint. No
//! message repeats a value, which may be secret.

use crate::bindings::exports::rowcast::pipeline::describe;
use std::fmt;

/// One mistake, as the contract has it.
pub type Mistake = describe::Mistake;

/// What is wrong with settings, each setting once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mistakes(Vec<Mistake>);

/// What is said of a setting that must be there.
pub(super) const MISSING: &str = "is missing";

/// What is said of a setting that isn't one.
pub const UNKNOWN: &str = "is not a known setting";

impl Mistake {
    /// Whether a setting isn't there.
    pub(super) fn is_of_absence(&self) -> bool {
        self.message == MISSING
    }
}

impl Mistakes {
    /// Adds one, unless the setting or what it is part of has one already.
    pub fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.push(pointer.into(), message.into(), None);
    }

    /// The same with what to do about it.
    pub fn add_with_hint(
        &mut self,
        pointer: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(pointer.into(), message.into(), Some(hint.into()));
    }

    /// Adds one with or without a hint.
    pub fn push(&mut self, pointer: String, message: String, hint: Option<String>) {
        let known = self.0.iter().any(|mistake| {
            let rest = pointer.strip_prefix(mistake.pointer.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if !known {
            self.0.push(Mistake {
                pointer,
                message,
                hint,
            });
        }
    }

    /// Whether something is wrong inside of a setting.
    #[must_use]
    pub fn is_inside(&self, pointer: &str) -> bool {
        let inside = |it: &Mistake| {
            it.pointer
                .strip_prefix(pointer)
                .is_some_and(|it| it.starts_with('/'))
        };
        self.0.iter().any(inside)
    }

    /// Adds those of a part of the settings.
    pub fn add_at(&mut self, pointer: &str, part: impl IntoIterator<Item = Mistake>) {
        for mistake in part {
            let own = mistake.pointer;
            self.push(format!("{pointer}{own}"), mistake.message, mistake.hint);
        }
    }

    /// Adds those of a part of the settings, but for what the part has from
    /// elsewhere and is said there.
    pub fn add_under(&mut self, pointer: &str, part: Self) {
        let said = |it: &Mistake| {
            let known = |own: &Mistake| own.pointer == it.pointer && own.message == it.message;
            self.0.iter().any(known)
        };
        let part: Vec<_> = part.0.into_iter().filter(|it| !said(it)).collect();
        self.add_at(pointer, part);
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list.
    #[must_use]
    pub fn into_list(self) -> Vec<Mistake> {
        self.0
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let pointer = match mistake.pointer.as_str() {
                "" => "the text",
                pointer => pointer,
            };
            write!(formatter, "{separator}{pointer} {}", mistake.message)?;
            if let Some(hint) = &mistake.hint {
                write!(formatter, " ({hint})")?;
            }
        }
        Ok(())
    }
}

/// Adds a number that is out of its range.
pub fn within(mistakes: &mut Mistakes, pointer: &str, value: u64, least: u64, most: u64) {
    if !(least..=most).contains(&value) {
        mistakes.add(pointer, format!("is {value}; it must be {least} to {most}"));
    }
}

/// The name that differs from what was written by a slip or two.
#[must_use]
pub fn nearest<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .map(|name| (strsim::levenshtein(written, name), *name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
