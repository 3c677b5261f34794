//! Each API's answers, over a real socket: who may ask, pages, limits.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use super::*;
use crate::http::Seen;
use bytes::Bytes;
use serde_json::Value;

fn state(api: &Api) -> State {
    State {
        meter: Meter::new(api.limit()),
        log: Log::default(),
    }
}

/// Status, headers and body of what is answered, limits apart.
fn ask(api: &Api, target: &str, headers: &[(&str, &str)]) -> (u16, Vec<(String, String)>, Value) {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let seen = Seen {
        method: "GET".to_owned(),
        target: target.to_owned(),
        headers: headers.collect(),
        body: Bytes::new(),
        at: Instant::now(),
    };
    match state(api).answer(api, &seen).reply {
        Reply::Answer(status, headers, body) => (
            status,
            headers,
            serde_json::from_slice(&body).unwrap_or_default(),
        ),
        other => unreachable!("{other:?}"),
    }
}

const WELL: &[(&str, &str)] = &[
    ("host", "127.0.0.1:1"),
    ("user-agent", "rowcast/0 (demo@example.com)"),
    ("authorization", "Bearer demo-token"),
];

/// The description without what goes wrong by chance.
fn calm(preset: &str) -> Api {
    let mut api = Api::of(preset).unwrap();
    api.hiccup.in_thousand = 0;
    api.missing.in_thousand = 0;
    api
}

#[test]
fn who_may_ask() {
    for (preset, target, lacks, status) in [
        ("github-issues", "/repos/a/b/issues", "user-agent", 403),
        ("github-issues", "/repos/a/b/issues", "authorization", 401),
        (
            "tmdb-movie-credits",
            "/3/person/7/movie_credits",
            "authorization",
            401,
        ),
        (
            "musicbrainz-recordings",
            "/ws/2/recording?artist=a&fmt=json",
            "user-agent",
            403,
        ),
    ] {
        let api = calm(preset);
        assert_eq!(ask(&api, target, WELL).0, 200, "{preset}");
        let less: Vec<_> = WELL.iter().filter(|it| it.0 != lacks).copied().collect();
        assert_eq!(ask(&api, target, &less).0, status, "{preset}");
        assert_eq!(ask(&api, "/elsewhere", WELL).0, 404, "{preset}");
    }
    let tmdb = calm("tmdb-movie-credits");
    let target = "/3/person/7/movie_credits?api_key=demo-key-5d0c";
    assert_eq!(ask(&tmdb, target, &[]).0, 200);
    let (status, _, body) = ask(&tmdb, "/3/person/7/movie_credits?api_key=x", &[]);
    assert_eq!((status, body["status_code"].as_u64()), (401, Some(7)));
}

#[test]
fn pages_have_every_record_once() {
    // By the body's next URL.
    let deezer = Api {
        records: (130, 130),
        ..calm("deezer-top-tracks")
    };
    let (_, _, first) = ask(&deezer, "/artist/7/top?limit=100", WELL);
    assert_eq!(first["data"].as_array().unwrap().len(), 100);
    assert_eq!(
        first["next"].as_str(),
        Some("http://127.0.0.1:1/artist/7/top?limit=100&index=100")
    );
    let (_, _, second) = ask(&deezer, "/artist/7/top?limit=100&index=100", WELL);
    assert_eq!(second["data"].as_array().unwrap().len(), 30);
    assert_eq!(
        (second.get("next"), second["total"].as_u64()),
        (None, Some(130))
    );
    assert_ne!(first["data"][0]["id"], second["data"][0]["id"]);
    assert_eq!(first["data"][0]["artist"]["id"].as_u64(), Some(7));
    assert_eq!(
        answer::read(&deezer, "/artist/7/top", "").unwrap().total(),
        130
    );
    let again = ask(&deezer, "/artist/7/top?limit=100", WELL);
    assert_eq!(again.2, first);

    // By a total.
    let musicbrainz = Api {
        records: (120, 120),
        ..calm("musicbrainz-recordings")
    };
    let target = "/ws/2/recording?artist=a&fmt=json&limit=500&offset=100";
    let (_, _, page) = ask(&musicbrainz, target, WELL);
    assert_eq!(page["recordings"].as_array().unwrap().len(), 20);
    assert_eq!(
        (&page["recording-count"], &page["recording-offset"]),
        (&120.into(), &100.into())
    );

    // By a header.
    let github = Api {
        records: (130, 130),
        ..calm("github-issues")
    };
    let (_, headers, page) = ask(&github, "/repos/a/b/issues?per_page=100", WELL);
    assert_eq!(page.as_array().unwrap().len(), 100);
    assert_eq!(page[0]["number"].as_u64(), Some(130));
    let of = |name: &str| {
        let header = headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    };
    assert_eq!(
        of("link"),
        Some("<http://127.0.0.1:1/repos/a/b/issues?per_page=100&page=2>; rel=\"next\"")
    );
    assert_eq!(
        (of("x-ratelimit-limit"), of("x-ratelimit-remaining")),
        (Some("40"), Some("39"))
    );
    let (_, headers, page) = ask(&github, "/repos/a/b/issues?per_page=100&page=2", WELL);
    assert_eq!(page.as_array().unwrap().len(), 30);
    assert!(headers.iter().all(|(name, _)| name != "link"));
}

#[test]
fn limits_are_refused_as_each_does() {
    for (preset, status, header, part) in [
        ("deezer-top-tracks", 200, None, "\"code\":4"),
        (
            "listenbrainz-top-recordings",
            429,
            Some("x-ratelimit-reset-in"),
            "429",
        ),
        ("musicbrainz-recordings", 503, None, "exceeding"),
        (
            "github-issues",
            403,
            Some("x-ratelimit-reset"),
            "rate limit exceeded",
        ),
        ("tmdb-movie-credits", 429, None, "\"status_code\":25"),
    ] {
        let api = calm(preset);
        let mut state = state(&api);
        let at = Instant::now();
        let seen = |number: u32| Seen {
            method: "GET".to_owned(),
            target: api
                .target
                .replace(['{', '}'], "")
                .replace("id", &number.to_string()),
            headers: WELL
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: Bytes::new(),
            at,
        };
        for number in 0..api.limit.most {
            let answer = state.answer(&api, &seen(number));
            assert_eq!(answer.outcome, Logged::Good, "{preset}");
        }
        let answer = state.answer(&api, &seen(0));
        assert_eq!(answer.outcome, Logged::Refused, "{preset}");
        let Reply::Answer(given, headers, body) = answer.reply else {
            unreachable!("{preset}")
        };
        assert_eq!(given, status, "{preset}");
        assert!(String::from_utf8_lossy(&body).contains(part), "{preset}");
        let says = |name: &str| headers.iter().any(|(known, _)| known == name);
        assert!(header.is_none_or(says), "{preset}: {headers:?}");
    }
}
