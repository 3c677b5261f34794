//! A number → the next one that DynamoDB holds, above or below: between them is
//! nothing.

use super::{Decimal, EXPONENTS, MAX_DIGITS};

impl Decimal {
    /// The lowest number above it that DynamoDB holds.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        match self.sign() {
            -1 => Some(self.nearer()),
            0 => Some(Self::least()),
            _ => self.farther(),
        }
    }

    /// The highest number below it that DynamoDB holds.
    #[must_use]
    pub fn previous(&self) -> Option<Self> {
        let negated = self.negated().next()?;
        Some(negated.negated())
    }

    fn negated(&self) -> Self {
        Self {
            negative: !self.negative && !self.digits.is_empty(),
            ..self.clone()
        }
    }

    /// The lowest above zero.
    fn least() -> Self {
        Self {
            negative: false,
            digits: "1".to_owned(),
            exponent: *EXPONENTS.start(),
        }
    }

    /// The next number away from zero.
    fn farther(&self) -> Option<Self> {
        let mut digits = self.all_digits();
        for digit in digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return Some(self.with(&digits, self.exponent));
            }
            *digit = b'0';
        }
        let exponent = self.exponent + 1;
        EXPONENTS
            .contains(&exponent)
            .then(|| self.with(b"1", exponent))
    }

    /// The next number towards zero, which it isn't.
    fn nearer(&self) -> Self {
        if self.digits == "1" {
            let exponent = self.exponent - 1;
            return if EXPONENTS.contains(&exponent) {
                self.with(&[b'9'; MAX_DIGITS], exponent)
            } else {
                self.with(b"", 0)
            };
        }
        let mut digits = self.all_digits();
        for digit in digits.iter_mut().rev() {
            if *digit > b'0' {
                *digit -= 1;
                break;
            }
            *digit = b'9';
        }
        self.with(&digits, self.exponent)
    }

    /// With zeros behind, as many as there may be.
    fn all_digits(&self) -> Vec<u8> {
        let mut digits = self.digits.clone().into_bytes();
        digits.resize(MAX_DIGITS, b'0');
        digits
    }

    fn with(&self, digits: &[u8], exponent: i64) -> Self {
        let digits = String::from_utf8_lossy(digits);
        let digits = digits.trim_end_matches('0').to_owned();
        Self {
            negative: self.negative && !digits.is_empty(),
            digits,
            exponent,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn neighbours_have_nothing_between_them() {
        let check = |text: &str, next: &str| {
            let (number, next) = (Decimal::parse(text).unwrap(), Decimal::parse(next).unwrap());
            assert_eq!(number.next().as_ref(), Some(&next), "{text}");
            assert_eq!(next.previous().as_ref(), Some(&number), "{text}");
            assert_eq!(Decimal::parse(&number.to_string()), Ok(number));
        };
        let nines = "9".repeat(37);
        check("0", "1e-130");
        check("-1e-130", "0");
        check("1", &format!("1.{}1", "0".repeat(36)));
        check(&format!("9.{nines}"), "10");
        check(&format!("99.{}", "9".repeat(36)), "1e2");
        check("-10", &format!("-9.{nines}"));
        check("-1.5", &format!("-1.4{}", "9".repeat(36)));
        check("1.50", &format!("1.5{}1", "0".repeat(35)));
        let greatest = Decimal::parse(&format!("9.{nines}e125")).unwrap();
        assert_eq!(greatest.next(), None);
        assert_eq!(greatest.negated().previous(), None);
    }
}
