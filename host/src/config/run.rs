//! `[run]`: how work is cut and spread, how long a run waits for its upstreams,
//! and how much of it may be refused.

use rowcast_pipeline::settings::milliseconds;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::fmt;
use std::time::Duration;

/// How work is cut and spread.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Run {
    /// Rows, or documents to load, in one call into the component.
    pub chunk_rows: Option<u32>,
    /// Calls into the component at once.
    pub workers: u32,
    /// How long the run waits for an upstream that has answered in it before:
    /// while it asks to be left alone, or is out of order.
    pub max_wait: Span,
    /// How much may be rejected before the run stops; none: anything.
    pub max_rejected: Option<Share>,
    /// How old a run may be that is continued without being named.
    pub resume_within: Span,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            chunk_rows: None,
            workers: 4,
            max_wait: Span(Duration::from_hours(1)),
            max_rejected: None,
            resume_within: Span(Duration::from_hours(12)),
        }
    }
}

/// A length of time, such as `90s`, `30m`, `12h` or `2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Span;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a time such as \"90s\", \"30m\" or \"12h\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                let span = milliseconds(text).map(|ms| Span(Duration::from_millis(ms)));
                span.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A number of rejections, or their share of all there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Share {
    /// So many.
    Count(u64),
    /// So much of everything, from 0 to 1.
    Part(f64),
}

impl Share {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().ok()?;
                (0.0..=100.0)
                    .contains(&percent)
                    .then_some(Self::Part(percent / 100.0))
            }
            None => text.parse().ok().map(Self::Count),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Part(part) => write!(formatter, "{}%", part * 100.0),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountOrPart;
        impl Visitor<'_> for CountOrPart {
            type Value = Share;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number such as 100, or a share such as \"5%\"")
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Share, E> {
                Ok(Share::Count(count))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Share, E> {
                Err(E::invalid_value(de::Unexpected::Float(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Share, E> {
                Share::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(CountOrPart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        for (text, expected) in [
            ("100", Some(Share::Count(100))),
            ("0", Some(Share::Count(0))),
            ("25%", Some(Share::Part(0.25))),
            ("0.5 %", Some(Share::Part(0.005))),
            ("101%", None),
            ("-1%", None),
            ("NaN%", None),
            ("many", None),
            ("", None),
        ] {
            assert_eq!(Share::parse(text), expected, "{text}");
        }
    }
}
