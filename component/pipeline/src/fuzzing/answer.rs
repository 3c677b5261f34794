//! Status, headers and body of an answer → a verdict that waits only where it
//! was asked to, and whose words can't forge a log.

use super::lines;
use crate::extract::answer::{Answer, asked};
use crate::extract::checked::Checked;
use crate::extract::verdict::{Verdict, judge};
use crate::platform::HttpResponse;
use crate::settings::{self, Format, Mistakes};
use std::time::{Duration, UNIX_EPOCH};
use url::Url;

const SOURCE: &str = r#"{"url": "https://api.example.com/v1/artists/x"}"#;

fn response(status: u16, headers: Vec<(String, String)>, body: &[u8]) -> HttpResponse {
    HttpResponse {
        status,
        headers,
        body: body.to_vec(),
    }
}

/// Lines: status, `Retry-After`, `Date`, `Location`, body.
///
/// # Panics
///
/// Where what must hold doesn't.
pub fn answer(data: &[u8]) {
    let Some([status, retry_after, clock, location, body]) = lines(data) else {
        // Bodies needn't be text.
        let _ = Answer::new(response(429, Vec::new(), data), Format::Json).words();
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
    let mut mistakes = Mistakes::default();
    let source = settings::source(SOURCE, &mut mistakes);
    let checked = source
        .as_ref()
        .and_then(|source| Checked::new(source, &mut mistakes));
    let Some(checked) = checked else {
        return;
    };
    let outcome = Ok(Answer::new(
        response(status, headers, body.as_bytes()),
        Format::Json,
    ));
    if let Ok(answer) = &outcome {
        let asked = asked(&answer.response, today).pause_ms;
        assert_ne!(asked, Some(0), "a wait of no time is none");
        let digits = retry_after.bytes().all(|byte| byte.is_ascii_digit());
        if let Ok(seconds @ 1..1_000_000_000) = retry_after.parse::<u64>()
            && digits
        {
            assert_eq!(asked, Some(seconds * 1_000));
        }
    }
    let words = match judge(&checked, &url, &outcome, today).0 {
        Verdict::Records | Verdict::Nothing => {
            assert!((200..300).contains(&status));
            return;
        }
        Verdict::Stop(words, _) => words,
        Verdict::Retry(retry_reason, _) => retry_reason.reason().to_owned(),
        Verdict::Limited(rejection, _) => {
            assert!(matches!(status, 403 | 429 | 503));
            rejection.reason
        }
        Verdict::Renew(rejection) | Verdict::Reject(rejection) => {
            assert_eq!(rejection.status, Some(status));
            rejection.reason
        }
    };
    assert!(!words.contains(char::is_control), "{words:?}");
    // The upstream itself can spell it, in many ways.
    if location.is_empty() && body.is_empty() {
        assert!(!words.contains("secret=1"), "{words:?}");
    }
}
