//! What an answer of the API means: an ordered list of rules.

use super::Duration;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, de};
use std::fmt;

/// What answers of one kind mean. The first rule whose `when` holds decides;
/// after the source's own rules come the built-in ones.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which answers; left out: all. All that is said of them must hold.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = {})))]
    pub when: When,
    /// What they mean.
    pub then: Then,
    /// How long to send nothing, with `then` "wait" or "stop"; left out: as the
    /// usual headers say (`Retry-After`, `RateLimit`, `X-RateLimit-Reset`).
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = null)))]
    pub wait: Option<Wait>,
    /// What to do about it, for people: it ends the reason that they are given.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"ask for access in the dashboard"))]
    pub hint: Option<String>,
}

/// What must hold of an answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The status: one, a class such as "4xx", or a list of these.
    #[cfg_attr(test, schemars(schema_with = "super::schema::statuses", extend("default" = null)))]
    pub status: Option<Statuses>,
    /// Whether the headers ask to wait: a `Retry-After`, or no requests left
    /// (`RateLimit`, `X-RateLimit-Remaining` and similar).
    #[cfg_attr(test, schemars(extend("default" = null)))]
    pub limited: Option<bool>,
    /// Whether the body reports an error: an `error` that is an object, a text
    /// or true, or a list `errors`, neither of them empty.
    #[cfg_attr(test, schemars(extend("default" = null)))]
    pub reports_error: Option<bool>,
    /// A header.
    #[cfg_attr(test, schemars(extend("default" = null)))]
    pub header: Option<HeaderCondition>,
    /// A value in the JSON body. It holds in no body that is not JSON; an empty
    /// body has no values.
    #[cfg_attr(test, schemars(extend("default" = null)))]
    pub body: Option<BodyCondition>,
}

/// What must hold of a header: exactly one of `equals`, `contains` and
/// `present`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HeaderCondition {
    /// Its name, in any case.
    pub name: String,
    /// Its whole value.
    #[serde(default)]
    pub equals: Option<String>,
    /// A part of its value.
    #[serde(default)]
    pub contains: Option<String>,
    /// Whether there is one.
    #[serde(default)]
    pub present: Option<bool>,
}

/// What must hold of a value in the body: exactly one of `equals`, `contains`,
/// `present` and `type`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BodyCondition {
    /// JSON Pointer to the value; empty for the body itself.
    pub pointer: String,
    /// The value: a text, a number, a boolean or null.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(test, schemars(schema_with = "super::schema::scalar"))]
    pub equals: Option<Scalar>,
    /// A part of the text that it is.
    #[serde(default)]
    pub contains: Option<String>,
    /// Whether there is a value, null included.
    #[serde(default)]
    pub present: Option<bool>,
    /// What kind of value it is.
    #[serde(default, rename = "type")]
    #[cfg_attr(test, schemars(example = &"null"))]
    pub kind: Option<JsonType>,
}

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum JsonType {
    /// `null`
    Null,
    /// `true` and `false`
    Boolean,
    /// A number.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// The body has records.
    Records,
    /// There are none, or no more: the request is done. It counts in
    /// `source.empty` if there were no pages before.
    Nothing,
    /// A failure that may pass: repeated, within `retry.max_attempts`.
    Retry,
    /// Too many requests: repeated when the wait is over. That costs no
    /// attempts, and all other requests wait too.
    Wait,
    /// The token has expired: repeated with another one, and rejected where
    /// there is none.
    Renew,
    /// The request is rejected.
    Reject,
    /// Nothing more is sent in this call. With a `wait` the upstream has a rate
    /// limit that passes; without one it refuses this use.
    Stop,
}

/// Where an answer says how long to send nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Wait {
    /// The header that says it.
    #[cfg_attr(test, schemars(example = &"x-ratelimit-reset-in"))]
    pub header: Option<String>,
    /// JSON Pointer to the value that says it.
    pub pointer: Option<String>,
    /// What it is; left out: seconds, a date or a time of the calendar,
    /// whatever it looks like.
    #[cfg_attr(test, schemars(extend("default" = null)))]
    pub unit: Option<Unit>,
    /// The wait where the answer doesn't say it, such as "1m".
    #[cfg_attr(test, schemars(schema_with = "super::schema::duration", extend("default" = null)))]
    pub default: Option<Duration>,
    /// The longest wait: a longer one is cut short.
    #[cfg_attr(test, schemars(schema_with = "super::schema::duration", extend("default" = "24h")))]
    pub max: Option<Duration>,
}

/// What a wait is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// A date of HTTP or of RFC 3339.
    Date,
    /// Seconds, or milliseconds, since 1970.
    Epoch,
}

/// Statuses of answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Vec<Status>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    One(u16),
    /// Its first digit.
    Class(u16),
}

/// A JSON value that is neither a list nor an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// Its digits.
    Number(String),
    /// Its content.
    Text(String),
}

impl Statuses {
    /// Whether a status is one of them.
    #[must_use]
    pub fn contain(&self, status: u16) -> bool {
        self.0.iter().any(|known| match known {
            Status::One(one) => *one == status,
            Status::Class(class) => status / 100 == *class,
        })
    }
}

impl Status {
    fn one<E: de::Error>(number: u64) -> Result<Self, E> {
        let status = u16::try_from(number).ok();
        let status = status.filter(|status| (100..=599).contains(status));
        status
            .map(Self::One)
            .ok_or_else(|| E::custom(format!("is {number}; a status is 100 to 599")))
    }

    fn class<E: de::Error>(text: &str) -> Result<Self, E> {
        let class = text.strip_suffix("xx").and_then(|class| class.parse().ok());
        let class = class.filter(|class| (1..=5).contains(class));
        class
            .map(Self::Class)
            .ok_or_else(|| E::custom("is not a status such as 404, nor a class such as \"4xx\""))
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatusReader)
    }
}

struct StatusReader;

impl<'de> Visitor<'de> for StatusReader {
    type Value = Statuses;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a status, a class such as \"4xx\", or a list of these")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Statuses, E> {
        Ok(Statuses(vec![Status::one(number)?]))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Statuses, E> {
        Ok(Statuses(vec![Status::class(text)?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Statuses, A::Error> {
        let mut all = Vec::new();
        while let Some(Statuses(mut some)) = items.next_element()? {
            all.append(&mut some);
        }
        Ok(Statuses(all))
    }
}

/// A value that is given, if only as null.
pub(super) fn given<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Scalar>, D::Error> {
    deserializer.deserialize_any(ScalarReader).map(Some)
}

struct ScalarReader;

impl Visitor<'_> for ScalarReader {
    type Value = Scalar;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("text, a number, a boolean or null")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E: de::Error>(self, boolean: bool) -> Result<Scalar, E> {
        Ok(Scalar::Boolean(boolean))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number.to_string()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }
}
