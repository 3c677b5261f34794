//! Numbers that DynamoDB holds, and their order; waits.

use super::config;
use crate::dynamodb::number::{Decimal, size};
use crate::retry::Backoff;
use proptest::prelude::*;
use std::cmp::Ordering;

/// A number by its parts, with a way to write it.
#[derive(Clone, Debug)]
struct Number {
    negative: bool,
    /// No zeros at either end; empty for zero.
    digits: String,
    /// The power of ten of the first digit.
    exponent: i32,
    style: u8,
}

/// A number's text.
pub fn accepted() -> impl Strategy<Value = String> {
    numbers().prop_map(|number| number.written())
}

fn numbers() -> impl Strategy<Value = Number> {
    let digits = prop_oneof![
        Just(String::new()),
        "[1-9]",
        "[1-3]{1,3}",
        "[1-9][0-9]{0,36}[1-9]",
    ];
    let exponent = prop_oneof![-4..=4_i32, -130..=125_i32];
    (any::<bool>(), digits, exponent, any::<u8>()).prop_map(
        |(negative, digits, exponent, style)| Number {
            negative,
            digits,
            exponent,
            style,
        },
    )
}

impl Number {
    fn written(&self) -> String {
        let minus = if self.negative { "-" } else { "" };
        let zeros = |count: usize| "0".repeat(count);
        let letter = if self.style & 1 == 0 { "e" } else { "E" };
        let trailing = zeros(usize::from(self.style >> 1 & 3));
        if self.digits.is_empty() {
            return match self.style >> 3 & 3 {
                0 => format!("{minus}0"),
                1 => format!("{minus}0.0{trailing}"),
                2 => format!("{minus}0{letter}{}", self.exponent),
                _ => format!("{minus}0.{trailing}0{letter}{}", self.exponent),
            };
        }
        let (first, rest) = self.digits.split_at(1);
        let plus = if self.exponent >= 0 && self.style & 8 == 0 {
            "+"
        } else {
            ""
        };
        let length = i32::try_from(self.digits.len()).unwrap();
        match (self.style >> 4 & 3, usize::try_from(self.exponent)) {
            // 1.50e+2
            (0, _) if !(rest.is_empty() && trailing.is_empty()) => {
                format!(
                    "{minus}{first}.{rest}{trailing}{letter}{plus}{}",
                    self.exponent
                )
            }
            // 15e1
            (1, _) => {
                let exponent = self.exponent - length + 1;
                format!("{minus}{}{letter}{exponent}", self.digits)
            }
            // 0.15e3
            (2, _) => {
                let exponent = self.exponent + 1;
                format!("{minus}0.{}{trailing}{letter}{exponent}", self.digits)
            }
            // 150 and 1.5
            (_, Ok(exponent)) if exponent < 60 => {
                if exponent + 1 >= self.digits.len() {
                    let filled = zeros(exponent + 1 - self.digits.len());
                    let point = if trailing.is_empty() { "" } else { "." };
                    format!("{minus}{}{filled}{point}{trailing}", self.digits)
                } else {
                    let (whole, fraction) = self.digits.split_at(exponent + 1);
                    format!("{minus}{whole}.{fraction}{trailing}")
                }
            }
            // 0.0015
            (_, Err(_)) if self.exponent > -60 => {
                let filled = zeros(usize::try_from(-self.exponent - 1).unwrap());
                format!("{minus}0.{filled}{}{trailing}", self.digits)
            }
            _ => {
                let exponent = self.exponent - length + 1;
                format!("{minus}{}{letter}{exponent}", self.digits)
            }
        }
    }

    /// Every digit at its place, from 10^125 down: text order is their order.
    fn places(&self) -> String {
        let before = usize::try_from(125 - self.exponent).unwrap();
        let placed = format!("{}{}", "0".repeat(before), self.digits);
        format!("{placed:0<320}")
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, negative) => {
                if negative {
                    -1
                } else {
                    1
                }
            }
        };
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => self.places().cmp(&other.places()),
            _ => other.places().cmp(&self.places()),
        })
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn decimals_are_ordered_by_every_digit(left in numbers(), right in numbers()) {
        let (left_text, right_text) = (left.written(), right.written());
        let read = |text: &str| Decimal::parse(text).unwrap();
        let found = read(&left_text).cmp(&read(&right_text));
        prop_assert_eq!(found, left.compare(&right), "{} and {}", left_text, right_text);
        prop_assert_eq!(read(&left_text) == read(&right_text), found == Ordering::Equal);
    }

    #[test]
    fn a_decimal_is_itself_however_it_is_written(number in numbers(), style in any::<u8>()) {
        let other = Number { style, ..number.clone() };
        let (text, other) = (number.written(), other.written());
        prop_assert_eq!(Decimal::parse(&text), Decimal::parse(&other), "{} and {}", text, other);
        let digits = number.digits.len();
        let minus = usize::from(number.negative && digits > 0);
        prop_assert_eq!(size(&text), Ok(digits.div_ceil(2) + 1 + minus), "{}", text);
    }

    #[test]
    fn waits_stay_within_their_bounds(
        base in any::<u32>(), most in any::<u32>(), attempt in any::<u32>(), random in any::<u64>(),
    ) {
        let retry = Backoff {
            base_ms: base.into(),
            longest_ms: most.into(),
        };
        let wait = retry.wait_ms(attempt, random);
        prop_assert!(wait <= u64::from(most));
        let doubled = u128::from(base) << u128::from(attempt.saturating_sub(1).min(90));
        prop_assert!(u128::from(wait) <= doubled);
        // Full jitter: every wait up to the bound can be drawn.
        let bound = doubled.min(u128::from(most));
        let longest = retry.wait_ms(attempt, u64::try_from(bound).unwrap());
        prop_assert_eq!(u128::from(longest), bound);
    }
}
