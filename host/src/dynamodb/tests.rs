//! Calls over real sockets to a scripted DynamoDB.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use super::credentials::tests::Script;
use super::*;
use crate::Secret;
use crate::http_out::client::tests::loopback_client;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::reference_sigv4::{SECRET, verify};
use rowcast_stand_ins::scripted::ScriptedSource;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

const DONE: &str = r#"{"Items":[]}"#;
const SECOND: Duration = Duration::from_secs(1);

fn dynamodb(stand_in: &ScriptedSource, keyring: Keyring, bounds: Bounds) -> DynamoDb {
    let endpoint = Endpoint::resolve(Some("eu-west-1"), Some(&stand_in.origin())).unwrap();
    let mut dynamodb = DynamoDb::new(loopback_client(), endpoint, keyring, &Limits::default());
    // Seconds and KiB are too coarse for tests.
    Arc::get_mut(&mut dynamodb.shared).unwrap().bounds = bounds;
    dynamodb
}

fn fixed(token: Option<&str>) -> Keyring {
    let given = StaticCredentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: Secret::new(SECRET),
        session_token: token.map(Secret::new),
    };
    Keyring::fixed(&given, SECOND)
}

fn roomy() -> Bounds {
    Bounds {
        time: SECOND * 20,
        body_bytes: 1000,
    }
}

fn error(kind: &str, message: &str) -> String {
    serde_json::json!({"__type": format!("com.amazon.coral.service#{kind}"), "message": message})
        .to_string()
}

fn answered(status: u16, body: &str) -> Answer {
    Answer {
        status,
        body: body.to_owned(),
        retry_after_ms: None,
    }
}

fn dated(status: u16, body: &str, at: SystemTime) -> Reply {
    Reply::status(status, body).with_header("date", httpdate::fmt_http_date(at))
}

#[tokio::test]
async fn what_arrives_is_what_was_signed() {
    let check = async |token: Option<&str>, body: &str, signed: &str| {
        let stand_in = ScriptedSource::replies(vec![Reply::status(200, DONE)]).await;
        let dynamodb = dynamodb(&stand_in, fixed(token), roomy());
        let answer = dynamodb.send("Scan", body.to_owned()).await.unwrap();
        assert_eq!(answer, answered(200, DONE));
        let received = stand_in.received();
        assert_eq!(received.len(), 1);
        let request = &received[0];
        assert_eq!(
            format!("http://{}", request.headers()["host"].to_str().unwrap()),
            dynamodb.origin()
        );
        assert_eq!(request.headers()["x-amz-target"], "DynamoDB_20120810.Scan");
        assert_eq!(request.body(), body);
        assert_eq!(verify(request, SECRET).join(";"), signed);
    };
    check(None, "{}", "content-type;host;x-amz-date;x-amz-target").await;
    let with_token = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    check(
        Some("IQoJ//token=="),
        r#"{"name":"Sigur Rós 雨"}"#,
        with_token,
    )
    .await;
}

#[tokio::test]
async fn learns_the_clock() {
    let check = async |ahead: i64, body: String, statuses: &[u16], requests: usize| {
        let shift = SECOND * u32::try_from(ahead.unsigned_abs()).unwrap();
        let now = SystemTime::now();
        let server = if ahead < 0 { now - shift } else { now + shift };
        let script = vec![dated(400, &body, server), Reply::status(200, DONE)];
        let stand_in = ScriptedSource::replies(script).await;
        let dynamodb = dynamodb(&stand_in, fixed(None), roomy());
        for status in statuses {
            assert_eq!(
                dynamodb.send("Scan", "{}".into()).await.unwrap().status,
                *status,
                "{body}"
            );
        }
        let received = stand_in.received();
        assert_eq!(received.len(), requests, "{body}");
        for (number, request) in received.iter().enumerate() {
            verify(request, SECRET);
            let date = request.headers()["x-amz-date"].to_str().unwrap();
            let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).unwrap();
            let date =
                SystemTime::from(date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp());
            let expected = if number == 0 { now } else { server };
            let distance = date
                .duration_since(expected)
                .unwrap_or_else(|error| error.duration());
            assert!(distance < SECOND * 20, "{number}: {distance:?}");
        }
    };
    let expired = error("InvalidSignatureException", "Signature expired: …");
    let early = error("InvalidSignatureException", "Signature not yet current: …");
    let skewed = error("RequestTimeTooSkewed", "");
    // One repeat, and what was learned stays.
    check(600, expired.clone(), &[200, 200], 3).await;
    check(-600, early, &[200, 200], 3).await;
    check(3600, skewed, &[200], 2).await;
    // The clock is right: repeating can't help.
    check(0, expired, &[400], 1).await;
}

#[tokio::test]
async fn a_wrong_secret_is_not_the_clock() {
    let body = error(
        "InvalidSignatureException",
        "The request signature we calculated …",
    );
    let stand_in = ScriptedSource::replies(vec![dated(400, &body, SystemTime::UNIX_EPOCH)]).await;
    let answer = dynamodb(&stand_in, fixed(None), roomy())
        .send("Scan", "{}".into())
        .await;
    assert_eq!(answer.unwrap(), answered(400, &body));
    assert_eq!(stand_in.received().len(), 1);
}

#[tokio::test]
async fn a_clock_that_stays_wrong_is_repeated_once() {
    let body = error("RequestTimeTooSkewed", "");
    let ages = [10_000, 50_000].map(|age| SystemTime::now() - SECOND * age);
    let script = vec![dated(400, &body, ages[0]), dated(400, &body, ages[1])];
    let stand_in = ScriptedSource::replies(script).await;
    let answer = dynamodb(&stand_in, fixed(None), roomy())
        .send("Scan", "{}".into())
        .await;
    assert_eq!(answer.unwrap().status, 400);
    assert_eq!(stand_in.received().len(), 2);
}

/// Lives of the credentials that a provider gives in turn → how often it's
/// asked, how many requests are sent, and what the first call answers.
#[tokio::test]
async fn renews_expired_credentials() {
    let check = async |lives: &[Option<u64>], kind: &str, asked: u32, sent: usize, status: u16| {
        let stand_in = ScriptedSource::replies(vec![
            Reply::status(400, error(kind, "")),
            Reply::status(200, DONE),
        ])
        .await;
        let count = Arc::new(AtomicU32::new(0));
        let provider = Script {
            lives: Mutex::new(lives.iter().copied().collect()),
            start: SystemTime::now(),
            asked: Arc::clone(&count),
        };
        let keyring = Keyring::new(provider, "a script", SECOND * 5);
        let repeats = Repeats::default();
        let answer = dynamodb(&stand_in, keyring, roomy())
            .send_counted("Scan", "{}".into(), &repeats)
            .await;
        assert_eq!(repeats.count() as usize, sent - 1, "{kind}");
        assert_eq!(answer.map_or(0, |answer| answer.status), status, "{kind}");
        assert_eq!(count.load(Ordering::SeqCst), asked, "{kind}");
        let received = stand_in.received();
        assert_eq!(received.len(), sent, "{kind}");
        for (number, request) in received.iter().enumerate() {
            assert_eq!(
                request.headers()["x-amz-security-token"],
                format!("token-{number}")
            );
            verify(request, "hunter2");
        }
    };
    let two = [Some(3600), Some(3600)];
    check(&two, "ExpiredTokenException", 2, 2, 200).await;
    check(&two, "UnrecognizedClientException", 2, 2, 200).await;
    check(&two, "AccessDeniedException", 1, 1, 400).await;
    check(&[Some(3600), None], "ExpiredTokenException", 2, 1, 0).await;
}

#[tokio::test]
async fn lasting_credentials_are_not_renewed() {
    let body = error(
        "UnrecognizedClientException",
        "The security token is invalid.",
    );
    let stand_in = ScriptedSource::replies(vec![Reply::status(400, &body)]).await;
    // A given session doesn't change by asking for it again.
    for token in [None, Some("token")] {
        let repeats = Repeats::default();
        let answer = dynamodb(&stand_in, fixed(token), roomy())
            .send_counted("Scan", "{}".into(), &repeats)
            .await;
        assert_eq!(answer.unwrap(), answered(400, &body));
        assert_eq!(repeats.count(), 0, "it wasn't sent again");
    }
    assert_eq!(stand_in.received().len(), 2);
}

#[tokio::test]
async fn bounds_and_failures() {
    let check =
        async |script: Reply, body: &str, bounds: Bounds, expected: &str, sent: &[usize]| {
            let stand_in = ScriptedSource::replies(vec![script]).await;
            let dynamodb = dynamodb(&stand_in, fixed(None), bounds);
            let error = dynamodb.send("Scan", body.to_owned()).await.unwrap_err();
            let kind = match error {
                SendError::Denied(_) => "denied",
                SendError::Credentials(_) => "credentials",
                SendError::Unavailable(_) => "unavailable",
                SendError::TooLarge(_) => "too large",
            };
            let text = format!("{kind}: {error}");
            assert!(text.starts_with(expected), "{text}");
            assert!(sent.contains(&stand_in.received().len()), "{text}");
            assert!(!text.contains(SECRET), "{text}");
        };
    let brief = Bounds {
        time: Duration::from_millis(50),
        ..roomy()
    };
    let small = Bounds {
        body_bytes: 10,
        ..roomy()
    };
    // A busy machine may not even connect in that time.
    check(
        Reply::Never,
        "{}",
        brief,
        "unavailable: send Scan to http://127.0.0.1:",
        &[0, 1],
    )
    .await;
    check(
        Reply::Reset,
        "{}",
        roomy(),
        "unavailable: send Scan to http://127.0.0.1:",
        &[1],
    )
    .await;
    check(
        Reply::status(200, "01234567890"),
        "{}",
        small,
        "too large: send Scan to",
        &[1],
    )
    .await;
    check(
        Reply::status(200, "{}"),
        "01234567890",
        small,
        "too large: send Scan of 11 bytes",
        &[0],
    )
    .await;
}

#[tokio::test]
async fn says_what_credentials_lack() {
    let stand_in = ScriptedSource::replies(vec![Reply::status(200, DONE)]).await;
    let provider = Script {
        lives: Mutex::default(),
        start: SystemTime::now(),
        asked: Arc::new(AtomicU32::new(0)),
    };
    let keyring = Keyring::new(provider, "a script", SECOND);
    let error = dynamodb(&stand_in, keyring, roomy())
        .send("Scan", "{}".into())
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Credentials(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("tried a script") && text.contains("get-caller-identity"),
        "{text}"
    );
    assert!(stand_in.received().is_empty());
}

#[tokio::test]
async fn policy_that_does_not_know_dynamodb() {
    let endpoint = Endpoint::resolve(Some("x"), Some("https://10.0.0.1")).unwrap();
    let client = loopback_client();
    let dynamodb = DynamoDb::new(client, endpoint, fixed(None), &Limits::default());
    let error = dynamodb.send("Bad Name", "{}".into()).await.unwrap_err();
    assert!(matches!(error, SendError::Denied(_)), "{error:?}");
}

#[tokio::test]
async fn dynamodbs_clock_is_known_from_its_answers() {
    let check = async |at: SystemTime| {
        let stand_in = ScriptedSource::replies(vec![dated(200, DONE, at)]).await;
        let dynamodb = dynamodb(&stand_in, fixed(None), roomy());
        dynamodb.send("Scan", "{}".to_owned()).await.unwrap();
        let (now, second) = (dynamodb.now(), SECOND);
        // A date has whole seconds.
        assert!(
            now + second >= at && now < at + 20 * second,
            "{now:?} {at:?}"
        );
    };
    let day = Duration::from_hours(24);
    check(SystemTime::now() + day).await;
    check(SystemTime::now() - day).await;
}

#[tokio::test]
async fn says_how_long_dynamodb_asks_to_be_left_alone() {
    let body = error("ThrottlingException", "slow");
    let reply = Reply::status(400, &body).with_header("x-amz-retry-after", "1500");
    let stand_in = ScriptedSource::replies(vec![reply]).await;
    let dynamodb = dynamodb(&stand_in, fixed(None), roomy());
    let answer = dynamodb.send("Scan", "{}".to_owned()).await.unwrap();
    let expected = Answer {
        retry_after_ms: Some(1_500),
        ..answered(400, &body)
    };
    assert_eq!(answer, expected);
}
