//! A number's text → what DynamoDB makes of it: whether it can hold it, and
//! which of two is the greater. Without rounding.

use std::cmp::Ordering;

/// DynamoDB's precision.
const MAX_DIGITS: usize = 38;

/// A decimal number that is not computed with.
#[derive(Debug)]
pub struct Decimal {
    negative: bool,
    /// The power of ten of the first digit; none if it's beyond all bounds.
    power: Option<i64>,
    /// Without zeros before and after; empty for zero.
    digits: String,
}

impl Decimal {
    /// Takes a number apart that the lexer has accepted.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let unsigned = mantissa.trim_start_matches('-');
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        let leading = digits.bytes().take_while(|&digit| digit == b'0').count();
        let power = || {
            let shift = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()? - 1;
            exponent.parse::<i64>().ok()?.checked_add(shift)
        };
        Self {
            negative: mantissa.starts_with('-'),
            power: power(),
            digits: digits.trim_matches('0').to_owned(),
        }
    }

    /// Why DynamoDB can't hold it.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        match self.power {
            _ if self.digits.is_empty() => None,
            _ if self.digits.len() > MAX_DIGITS => {
                Some("a number has 38 significant digits at the most")
            }
            Some(-130..=125) => None,
            _ => Some("a number's magnitude is between 1E-130 and 9.99E+125"),
        }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // Digits are aligned at the first one that counts, so text order is
        // their order.
        let magnitude = || (self.power, &self.digits).cmp(&(other.power, &other.digits));
        match (self.sign(), other.sign()) {
            (0, 0) => Ordering::Equal,
            (1, 1) => magnitude(),
            (-1, -1) => magnitude().reverse(),
            (left, right) => left.cmp(&right),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let found = Decimal::of(smaller).cmp(&Decimal::of(greater));
                assert_eq!(found, left.cmp(&right), "{smaller} and {greater}");
            }
        }
        for (left, right) in [("1", "1.00"), ("007", "7"), ("-0", "0e5"), ("1E+2", "100")] {
            assert_eq!(
                Decimal::of(left).cmp(&Decimal::of(right)),
                Ordering::Equal,
                "{left}"
            );
        }
    }
}
