//! A number's text → whether DynamoDB holds it, its size there, its value for
//! comparison. Pure; nothing is rounded.

mod neighbours;

use std::cmp::Ordering;
use std::fmt;

/// DynamoDB keeps that many significant digits.
const MAX_DIGITS: usize = 38;
/// Powers of ten of the first significant digit: 1E-130 to 9.99…E+125.
const EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;

/// A number's value: equal for `1`, `1.0` and `1e0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// Significant digits, without zeros at either end; empty for zero.
    digits: String,
    /// The power of ten of the first digit; 0 for zero.
    exponent: i64,
}

/// Why DynamoDB doesn't hold a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not JSON's notation.
    #[error("`{0}` is not a number")]
    Malformed(String),
    /// It would have to be rounded.
    #[error("the number has {0} significant digits; DynamoDB keeps 38")]
    TooPrecise(usize),
    /// Above 9.99…E+125, positive or negative.
    #[error("the number is beyond 9.99E+125, the largest that DynamoDB holds")]
    TooLarge,
    /// Not zero, but below 1E-130, positive or negative.
    #[error("the number is closer to zero than 1E-130, the smallest that DynamoDB holds")]
    TooSmall,
}

/// Where a text's significant digits are.
struct Scan {
    negative: bool,
    /// Positions of the first and the last significant digit, among the digits
    /// of the mantissa; none for zero.
    significant: Option<(usize, usize)>,
    exponent: i64,
}

/// Checks a number's text, and tells the bytes that DynamoDB counts for it: a
/// byte per two significant digits, one more, and one for a minus sign.
pub fn size(text: &str) -> Result<usize, NumberError> {
    if let Some(size) = size_of_small(text) {
        return Ok(size);
    }
    let scan = checked(text)?;
    let digits = scan.significant.map_or(0, |(first, last)| last - first + 1);
    Ok(digits.div_ceil(2) + 1 + usize::from(scan.negative && digits > 0))
}

/// For integers that no bound is near, as most numbers are.
#[inline]
fn size_of_small(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.len() > 18
        || !bytes
            .first()
            .is_some_and(|first| matches!(first, b'1'..=b'9'))
    {
        return None;
    }
    let mut digits = 0;
    for (byte, count) in bytes.iter().zip(1..) {
        match byte {
            b'0' => {}
            b'1'..=b'9' => digits = count,
            _ => return None,
        }
    }
    Some(1 + usize::div_ceil(digits, 2))
}

impl Decimal {
    /// Reads a number's text.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let scan = checked(text)?;
        let Some((first, last)) = scan.significant else {
            return Ok(Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        };
        let digits = mantissa(text)
            .filter(char::is_ascii_digit)
            .skip(first)
            .take(last - first + 1)
            .collect();
        Ok(Self {
            negative: scan.negative,
            digits,
            exponent: scan.exponent,
        })
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.digits.split_at_checked(1) else {
            return formatter.write_str("0");
        };
        let sign = if self.negative { "-" } else { "" };
        let point = if rest.is_empty() { "" } else { "." };
        write!(formatter, "{sign}{first}{point}{rest}e{}", self.exponent)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // Digits are aligned at the first one that counts, so text order is
        // their order.
        let magnitude = || (self.exponent, &self.digits).cmp(&(other.exponent, &other.digits));
        match (self.sign(), other.sign()) {
            (1, 1) => magnitude(),
            (-1, -1) => magnitude().reverse(),
            (left, right) => left.cmp(&right),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn checked(text: &str) -> Result<Scan, NumberError> {
    let scan = scan(text).ok_or_else(|| NumberError::Malformed(text.to_owned()))?;
    if let Some((first, last)) = scan.significant {
        let digits = last - first + 1;
        if digits > MAX_DIGITS {
            return Err(NumberError::TooPrecise(digits));
        }
        if scan.exponent > *EXPONENTS.end() {
            return Err(NumberError::TooLarge);
        }
        if scan.exponent < *EXPONENTS.start() {
            return Err(NumberError::TooSmall);
        }
    }
    Ok(scan)
}

fn mantissa(text: &str) -> impl Iterator<Item = char> {
    text.chars().take_while(|each| !matches!(each, 'e' | 'E'))
}

fn scan(text: &str) -> Option<Scan> {
    let negative = text.starts_with('-');
    let mut count = 0_usize;
    let mut integers = None;
    let mut significant = None;
    for (position, each) in mantissa(text).enumerate() {
        match each {
            '0'..='9' => {
                if each != '0' {
                    let first = significant.map_or(count, |(first, _)| first);
                    significant = Some((first, count));
                }
                count += 1;
            }
            '.' if integers.is_none() => integers = Some(count),
            '-' | '+' if position == 0 => {}
            _ => return None,
        }
    }
    if count == 0 {
        return None;
    }
    let written = match text.split_once(['e', 'E']) {
        Some((_, exponent)) => exponent_value(exponent)?,
        None => 0,
    };
    let integers = i64::try_from(integers.unwrap_or(count)).ok()?;
    let first = i64::try_from(significant.map_or(0, |(first, _)| first)).ok()?;
    let exponent = written.saturating_add(integers - 1 - first);
    Some(Scan {
        negative,
        significant,
        exponent,
    })
}

/// Saturates: an exponent beyond any integer is still a number beyond bounds,
/// or zero.
fn exponent_value(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|each| each.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse().unwrap_or(i64::MAX / 2);
    Some(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<usize, NumberError>) {
        assert_eq!(size(text), expected, "{text}");
        let negated = format!("-{text}");
        let negative = expected.map(|size| if size == 1 { 1 } else { size + 1 });
        assert_eq!(super::size(&negated), negative, "{negated}");
    }

    #[test]
    fn sizes_and_bounds() {
        check("0", Ok(1));
        check("0.000", Ok(1));
        check("0e999999999999999999999", Ok(1));
        check("1", Ok(2));
        check("100000", Ok(2));
        check("12", Ok(2));
        check("123", Ok(3));
        check("0.00120", Ok(2));
        check(&"9".repeat(38), Ok(20));
        check(&format!("{}000.0", "9".repeat(38)), Ok(20));
        check(&"9".repeat(39), Err(NumberError::TooPrecise(39)));
        check(
            "1.00000000000000000000000000000000000001",
            Err(NumberError::TooPrecise(39)),
        );
        check("1E125", Ok(2));
        check("9.9999999999999999999999999999999999999E+125", Ok(20));
        check("1E126", Err(NumberError::TooLarge));
        check("1E400", Err(NumberError::TooLarge));
        check("10e125", Err(NumberError::TooLarge));
        check("0.1e126", Ok(2));
        check("1e-130", Ok(2));
        check("0.1e-129", Ok(2));
        check("0.1e-130", Err(NumberError::TooSmall));
        check("0.1e-131", Err(NumberError::TooSmall));
        check("1e99999999999999999999999", Err(NumberError::TooLarge));
        check("1e-99999999999999999999999", Err(NumberError::TooSmall));
        for text in ["", "-", "1e", "e1", "0x1", "1.2.3", "NaN", "1e+", "--1"] {
            assert_eq!(size(text), Err(NumberError::Malformed(text.to_owned())));
        }
    }

    #[test]
    fn values_are_compared_not_texts() {
        for (left, right, equal) in [
            ("1", "1.0", true),
            ("1", "1e0", true),
            ("1", "0.1E1", true),
            ("100", "1e+2", true),
            ("0", "-0.0e9", true),
            ("1", "-1", false),
            ("1", "10", false),
            ("12", "1.2", false),
            ("12345678901234567890", "12345678901234567891", false),
        ] {
            assert_eq!(
                Decimal::parse(left) == Decimal::parse(right),
                equal,
                "{left} {right}"
            );
        }
    }

    #[test]
    fn numbers_are_ordered_exactly() {
        let ascending = [
            "-1E+2",
            "-99.9",
            "-1",
            "-0.5",
            "-1e-130",
            "0",
            "1E-130",
            "0.05",
            "0.5",
            "1",
            "1.5",
            "9",
            "10",
            "12",
            "123",
            "1e3",
            "12345678901234567890123456789012345677",
            "12345678901234567890123456789012345678",
            "9.99E125",
        ];
        for (left, smaller) in ascending.iter().enumerate() {
            for (right, greater) in ascending.iter().enumerate() {
                let found = Decimal::parse(smaller)
                    .unwrap()
                    .cmp(&Decimal::parse(greater).unwrap());
                assert_eq!(found, left.cmp(&right), "{smaller} and {greater}");
            }
        }
    }
}
