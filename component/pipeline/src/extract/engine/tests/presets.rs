//! Each preset against answers of its API's shape, the odd ones among them.

use super::*;
use crate::settings::{self, Mistakes};

/// A preset's source with more settings.
fn preset(name: &str, more: &str) -> Source {
    let mut mistakes = Mistakes::default();
    let text = format!(r#"{{"preset": "{name}"{more}}}"#);
    let source = settings::source(&text, &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes}");
    source.unwrap_or_else(super::super::super::script::source)
}

/// Runs a call over rows, and what it leaves, until nothing is left.
fn run_rows<F: Fn(&HttpRequest, u32) -> Reply>(
    source: &Source,
    rows: &[&str],
    reply: F,
    expected: &str,
) -> (Vec<String>, Script<F>) {
    let rows: Vec<_> = rows.iter().map(|&row| row.to_owned()).collect();
    let script = Script::new(reply);
    let result = script.block_on(run(&script, source, &rows, None, None));
    check_balance(&result, rows.len());
    assert_eq!(shown(&result), expected);
    (result.map(|it| it.documents).unwrap_or_default(), script)
}

#[test]
fn deezer_reports_its_quota_with_status_200() {
    let source = preset("deezer-top-tracks", "");
    let error = |code: u32, message: &str| {
        let body =
            format!(r#"{{"error":{{"type":"Exception","message":"{message}","code":{code}}}}}"#);
        answer(200, &[], &body)
    };
    let first = r#"{"data":[{"id":7}],"total":2,"next":"?limit=100&index=1"}"#;
    let reply = |request: &HttpRequest, before| {
        let path = request.url.replace("https://api.deezer.com/artist/", "");
        match (path.get(..5), before) {
            (Some("1/top"), _) if path.contains("index=1") => {
                answer(200, &[], r#"{"data":[{"id":8}],"total":2}"#)
            }
            (Some("1/top"), _) => answer(200, &[], first),
            (Some("2/top"), 0) => error(4, "Quota limit exceeded"),
            (Some("3/top"), 0) => error(700, "Service busy"),
            (Some("4/top"), _) => error(800, "no data"),
            (Some("5/top"), _) => error(500, "Wrong parameter"),
            _ => answer(200, &[], r#"{"data":[],"total":0}"#),
        }
    };
    let rows = [
        r#"{"id":1}"#,
        r#"{"id":2}"#,
        r#"{"id":3}"#,
        r#"{"id":4}"#,
        r#"{"id":5}"#,
    ];
    let expected = "done 0:2 1:0 2:0 3:0 rejected 4(Body 200); 8 requests, 2 repeats, 0 tokens";
    let (documents, _) = run_rows(&source, &rows, reply, expected);
    assert_eq!(
        documents,
        [r#"{"artist_id":"1","id":7}"#, r#"{"artist_id":"1","id":8}"#]
    );
}

#[test]
fn musicbrainz_is_read_to_the_end_at_one_request_a_second() {
    let source = preset("musicbrainz-recordings", r#", "contact": "me@example.com""#);
    let reply = |request: &HttpRequest, before| {
        let (_, offset) = request.url.split_once("offset=").unwrap_or_default();
        let offset = offset
            .split('&')
            .next()
            .and_then(|it| it.parse::<u32>().ok());
        match (offset.unwrap_or(9), before) {
            (100, 0) => answer(
                503,
                &[],
                r#"{"error":"Your requests are exceeding the allowable rate limit."}"#,
            ),
            (offset, _) => {
                let records: Vec<_> = (offset..360.min(offset + 100))
                    .map(|n| format!(r#"{{"id":"r{n}"}}"#))
                    .collect();
                let body = format!(
                    r#"{{"recordings":[{}],"recording-count":360,"recording-offset":{offset}}}"#,
                    records.join(",")
                );
                answer(200, &[], &body)
            }
        }
    };
    let expected = "done 0:360; 5 requests, 1 repeats, 0 tokens";
    let (documents, script) = run_rows(&source, &[r#"{"mbid":"a b"}"#], reply, expected);
    assert_eq!(
        documents.last().map(String::as_str),
        Some(r#"{"artist_mbid":"a b","id":"r359"}"#)
    );
    let times = script.times();
    let apart = times
        .iter()
        .zip(times.iter().skip(1))
        .all(|(one, next)| next - one >= 1_000);
    assert!(apart, "{times:?}");
    let sent = script.sent.borrow();
    let agent = concat!("rowcast/", env!("CARGO_PKG_VERSION"), " (me@example.com)");
    let agent = ("user-agent".to_owned(), agent.to_owned());
    assert!(
        sent.iter()
            .all(|(_, request)| request.headers.contains(&agent))
    );
}

#[test]
fn github_says_in_three_ways_that_it_is_too_much() {
    let source = preset(
        "github-issues",
        r#", "auth": {"token": "t"}, "concurrency": 1"#,
    );
    let used_up = [
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1800000003"),
    ];
    let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
    let next = [(
        "link",
        "<https://api.github.com/repos/o/r0/issues?page=2>; rel=\"next\"",
    )];
    let reply = |request: &HttpRequest, before| {
        let path = request.url.replace("https://api.github.com/repos/o/", "");
        match (path.get(..2), before, path.contains("page=2")) {
            (Some("r0"), 0, false) => {
                answer(403, &used_up, r#"{"message":"API rate limit exceeded"}"#)
            }
            (Some("r0"), _, false) => answer(200, &next, r#"[{"number":1}]"#),
            (Some("r1"), 0, _) => answer(403, &[], secondary),
            (Some("r2"), _, _) => answer(
                410,
                &[],
                r#"{"message":"Issues are disabled for this repo"}"#,
            ),
            (Some("r3"), _, _) => answer(404, &[], r#"{"message":"Not Found"}"#),
            (Some("r4"), 0, _) => answer(429, &[("retry-after", "2")], secondary),
            _ => answer(200, &[], r#"[{"number":2}]"#),
        }
    };
    let rows =
        ["r0", "r1", "r2", "r3", "r4"].map(|repo| format!(r#"{{"owner":"o","repo":"{repo}"}}"#));
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let expected = "done 0:2 1:1 2:0 4:1 rejected 3(Status 404); 9 requests, 3 repeats, 0 tokens";
    let (documents, script) = run_rows(&source, &rows, reply, expected);
    assert_eq!(
        documents.first().map(String::as_str),
        Some(r#"{"repository":"o/r0","number":1}"#)
    );
    // 3 s, a minute and 2 s.
    assert!(
        script
            .times()
            .last()
            .is_some_and(|last| (65_000..70_000).contains(last))
    );
}

#[test]
fn listenbrainz_tmdb_and_spotify_are_read() {
    let source = preset("listenbrainz-top-recordings", "");
    let limits = [
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset-in", "4"),
    ];
    let reply = |request: &HttpRequest, before| match before {
        // There are two ways of having nothing.
        _ if request.url.ends_with("/b") => answer(404, &[], r#"{"code":404,"error":"Not found"}"#),
        _ if request.url.ends_with("/c") => answer(204, &[], ""),
        0 => answer(
            429,
            &limits,
            r#"{"code":429,"error":"You have exceeded your rate limit."}"#,
        ),
        _ => answer(
            200,
            &[],
            r#"[{"recording_mbid":"r","total_listen_count":9}]"#,
        ),
    };
    let expected = "done 0:1 1:0 2:0; 4 requests, 1 repeats, 0 tokens";
    let rows = [r#"{"mbid":"a"}"#, r#"{"mbid":"b"}"#, r#"{"mbid":"c"}"#];
    let (documents, script) = run_rows(&source, &rows, reply, expected);
    assert_eq!(
        documents,
        [r#"{"artist_mbid":"a","recording_mbid":"r","total_listen_count":9}"#]
    );
    assert!(script.times().iter().all(|at| *at == 0 || *at > 4_000));

    let source = preset("tmdb-movie-credits", r#", "auth": {"token": "t"}"#);
    let reply = |request: &HttpRequest, before| match (request.url.contains("/7/"), before) {
        (true, 0) => answer(
            429,
            &[],
            r#"{"status_code":25,"status_message":"Over the limit"}"#,
        ),
        (true, _) => answer(
            200,
            &[],
            r#"{"id":7,"cast":[{"id":1,"credit_id":"c"}],"crew":[]}"#,
        ),
        (false, _) => answer(
            404,
            &[],
            r#"{"success":false,"status_code":34,"status_message":"Not found"}"#,
        ),
    };
    let rows = [r#"{"id":7}"#, r#"{"id":8}"#];
    let expected = "done 0:1 rejected 1(Status 404); 3 requests, 1 repeats, 0 tokens";
    let (documents, _) = run_rows(&source, &rows, reply, expected);
    assert_eq!(documents, [r#"{"person_id":"7","id":1,"credit_id":"c"}"#]);

    let secret = r#", "auth": {"client_id": "a", "client_secret": "b"}"#;
    let source = preset("spotify-top-tracks", secret);
    let reply = |request: &HttpRequest, _| {
        if request.url.ends_with("/token") {
            return answer(200, &[], r#"{"access_token":"t"}"#);
        }
        answer(
            403,
            &[],
            r#"{"error":{"status":403,"message":"Forbidden"}}"#,
        )
    };
    let script = Script::new(reply);
    let rows = [r#"{"id":"x"}"#.to_owned()];
    let result = script.block_on(run(&script, &source, &rows, None, None));
    let reasons = result.map(|it| {
        it.rejected
            .into_iter()
            .map(|it| it.reason)
            .collect::<Vec<_>>()
    });
    let reasons = reasons.unwrap_or_default();
    assert_eq!(reasons.len(), 2);
    assert!(
        reasons
            .iter()
            .all(|reason| reason.contains("Development Mode")),
        "{reasons:?}"
    );
}
