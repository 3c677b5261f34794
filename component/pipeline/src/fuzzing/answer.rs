//! Status, headers and body of an answer → a verdict that waits only where it
//! was asked to, and whose words can't forge a log.

use super::lines;
use crate::extract::cut::Words;
use crate::extract::verdict::{Verdict, asked, judge};
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
    let status: u16 = status.parse().unwrap_or(429);
    let outcome = Ok(HttpResponse {
        status,
        headers,
        body: body.as_bytes().to_vec(),
    });
    if let Ok(response) = &outcome {
        let asked = asked(response, today).pause_ms;
        assert_ne!(asked, Some(0), "a wait of no time is none");
        let digits = retry_after.bytes().all(|byte| byte.is_ascii_digit());
        if let Ok(seconds @ 1..1_000_000_000) = retry_after.parse::<u64>()
            && digits
        {
            assert_eq!(asked, Some(seconds * 1_000));
        }
    }
    let words = match judge(&url, &outcome, today) {
        Verdict::Done(_) => {
            assert!((200..300).contains(&status));
            return;
        }
        Verdict::Stop(words) => words,
        Verdict::Retry(trouble) => trouble.reason().to_owned(),
        Verdict::Limited(refusal) => {
            assert!(matches!(status, 403 | 429 | 503));
            refusal.reason
        }
        Verdict::Unauthorized(refusal) | Verdict::Reject(refusal) => {
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
