//! A date as HTTP or RFC 3339 writes it → the time it is.

use std::time::{Duration, SystemTime};

/// Reads a date; none where it is none, or before 1970.
#[must_use]
pub fn date(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    httpdate::parse_http_date(text)
        .ok()
        .or_else(|| rfc_3339(text))
}

/// `2026-11-23T12:00:00.5+01:00`; parts of a second count as a whole one.
fn rfc_3339(text: &str) -> Option<SystemTime> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let marks = [(4, "-"), (7, "-"), (13, ":"), (16, ":")];
    let marked = marks
        .iter()
        .all(|(at, mark)| text.get(*at..at + 1) == Some(*mark));
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24;
    if !marked || !in_range || !matches!(text.get(10..11)?, "T" | "t" | " ") {
        return None;
    }
    let rest = text.get(19..)?;
    let zone = rest.trim_start_matches(|part: char| part == '.' || part.is_ascii_digit());
    let part = i64::from(zone.len() < rest.len());
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let (sign, time) = zone.split_at_checked(1)?;
            let (hours, minutes) = time.split_once(':')?;
            let below = |text: &str, bound| text.parse().ok().filter(|it: &u16| *it < bound);
            let seconds =
                i64::from(below(hours, 24)?) * 3_600 + i64::from(below(minutes, 60)?) * 60;
            match sign {
                "+" => seconds,
                "-" => -seconds,
                _ => return None,
            }
        }
    };
    // Days since 1970: years start in March, so that the leap day is the last.
    let year = if month < 3 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second + part - offset;
    let since = Duration::from_secs(u64::try_from(seconds).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_and_rfc_3339() {
        let check = |text: &str, expected: Option<u64>| {
            let expected = expected.map(|it| SystemTime::UNIX_EPOCH + Duration::from_secs(it));
            assert_eq!(date(text), expected, "{text}");
        };
        check("Mon, 23 Nov 2026 12:00:00 GMT", Some(1_795_435_200));
        check("2026-11-23T12:00:00Z", Some(1_795_435_200));
        check(" 2026-11-23 13:00:00.25+01:00 ", Some(1_795_435_201));
        check("2026-11-23t07:30:00-04:30", Some(1_795_435_200));
        check("2024-02-29T00:00:00Z", Some(1_709_164_800));
        check("2000-03-01T00:00:00Z", Some(951_868_800));
        check("1970-01-01T00:00:00Z", Some(0));
        for bad in [
            "",
            "soon",
            "2026-11-23",
            "2026-11-23T12:00:00",
            "2026-13-23T12:00:00Z",
            "2026-11-23T12:00:00?01:00",
            "2026-11-23T12:00:00+9999999999999999:00",
            "2026-11-23T12:00:00+01:60",
            "1969-12-31T23:59:59Z",
            "2026-11-23T12:00:0éZ",
        ] {
            check(bad, None);
        }
    }
}
