//! A length of time in words, such as "500ms", "5s", "1m", "2h" or "1d".

use serde::{Deserialize, Deserializer, de};

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    /// In milliseconds, at least one.
    pub ms: u64,
}

const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// A whole number and its unit → milliseconds.
#[must_use]
pub fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|digit: char| !digit.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    let (_, factor) = UNITS.iter().find(|(known, _)| *known == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let ms = milliseconds(&text).filter(|ms| *ms > 0);
        ms.map(|ms| Self { ms }).ok_or_else(|| {
            de::Error::custom("is not a length of time such as \"500ms\", \"5s\", \"1m\" or \"2h\"")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_a_unit() {
        let check = |text: &str, expected| assert_eq!(milliseconds(text), expected, "{text}");
        check("500ms", Some(500));
        check("5s", Some(5_000));
        check("1m", Some(60_000));
        check("2h", Some(7_200_000));
        check(" 12 h ", Some(43_200_000));
        check("30min", Some(1_800_000));
        check("1d", Some(86_400_000));
        check("0s", Some(0));
        for bad in ["", "5", "s", "-1s", "1.5s", "5S", "99999999999999999d"] {
            check(bad, None);
        }
    }
}
