//! Between counts and fractions. Pure.

/// A count or a time as a fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds and counts are far below 2^53"
)]
#[must_use]
pub fn float(value: u64) -> f64 {
    value as f64
}

/// The next whole number of milliseconds; none is negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is what is meant"
)]
#[must_use]
pub fn milliseconds(value: f64) -> u64 {
    value.ceil() as u64
}

/// The whole part.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is what is meant"
)]
#[must_use]
pub fn whole(value: f64) -> u32 {
    value as u32
}
