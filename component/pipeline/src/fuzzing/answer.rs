//! Status, headers and body of an answer → a verdict that waits only where it
//! was asked to, and whose words can't forge a log.

use super::lines;
use crate::extract::cut::Words;
use crate::extract::verdict::{Trouble, Verdict, judge, retry_after_ms};
use crate::platform::HttpResponse;
use std::time::{Duration, UNIX_EPOCH};
use url::Url;

/// Lines: status, `Retry-After`, `Date`, `Location`, body.
///
/// # Panics
///
/// Where what must hold doesn't.
pub fn answer(data: &[u8]) {
    let Some([status, retry_after, clock, location, body]) = lines(data) else {
        // Bodies needn't be text.
        let _ = Words::read(data);
        return;
    };
    let Ok(url) = Url::parse("https://api.example.com/v1/artists/x/top-tracks?secret=1") else {
        return;
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![
        header("retry-after", retry_after),
        header("date", clock),
        header("location", location),
    ];
    let today = UNIX_EPOCH + Duration::from_secs(1_770_000_001);
    let asked = retry_after_ms(&headers, today);
    assert_ne!(asked, Some(0), "a wait of no time is none");
    if let Ok(seconds) = retry_after.parse::<u32>()
        && seconds > 0
        && retry_after.bytes().all(|byte| byte.is_ascii_digit())
    {
        assert_eq!(asked, Some(u64::from(seconds) * 1_000));
    }
    let status: u16 = status.parse().unwrap_or(429);
    let outcome = Ok(HttpResponse {
        status,
        headers,
        body: body.as_bytes().to_vec(),
    });
    let words = match judge(&url, &outcome, today) {
        Verdict::Done(_) => {
            assert!((200..300).contains(&status));
            return;
        }
        Verdict::Wait(wait, words) => {
            assert_eq!(Some(wait), asked);
            assert!(matches!(status, 429 | 503));
            words
        }
        Verdict::Stop(words)
        | Verdict::RefreshToken(words)
        | Verdict::Retry(Trouble::Unavailable(words) | Trouble::Throttled(words)) => words,
        Verdict::Reject(refusal) => {
            assert_eq!(refusal.status, Some(status));
            refusal.reason
        }
    };
    assert!(!words.contains(char::is_control), "{words:?}");
    // The upstream itself can spell it, in many ways.
    if location.is_empty() && body.is_empty() {
        assert!(!words.contains("secret=1"), "{words:?}");
    }
}
