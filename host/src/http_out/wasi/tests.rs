//! Requests as the component sends them → answers and error codes.

use super::*;
use http::HeaderValue;
use http_body_util::{Empty, Full};
use rowcast_stand_ins::raw::{Behaviour, OK, serve};
use std::pin::Pin;
use std::time::Duration;

fn limits(seconds: u64) -> Limits {
    Limits {
        request_seconds: seconds,
        request_body_kib: 1,
        response_body_kib: 1,
        requests_in_flight: 2,
        ..Limits::default()
    }
}

fn hooks(origins: &[String], limits: Limits) -> Hooks {
    let origins = origins
        .iter()
        .map(|origin| origin.parse().unwrap())
        .collect();
    let egress = Arc::new(Egress {
        origins,
        ..Egress::default()
    });
    let client = Client::new(&limits, egress.clone()).unwrap();
    let (authorizer, limits) = (Authorizer::default(), Arc::new(limits));
    Hooks::new(
        Outbound {
            client,
            egress,
            authorizer,
            limits,
        },
        Violations::default(),
        Repeats::default(),
        crate::hold::Holds::new(),
    )
}

fn get(url: &str) -> Request<WasiBody> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    Request::get(url).body(body).unwrap()
}

fn post(url: &str, bytes: usize) -> Request<WasiBody> {
    let body = Full::new(Bytes::from(vec![b'x'; bytes])).map_err(|never| match never {});
    Request::post(url).body(body.boxed_unsync()).unwrap()
}

/// Status and length of the body, or the error's name.
async fn outcome(
    hooks: &mut Hooks,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> String {
    let nothing: Worker = Box::new(std::future::ready(Ok(())));
    match Pin::from(hooks.send_request(request, options, nothing)).await {
        Ok((answer, _)) => {
            let status = answer.status().as_u16();
            match answer.into_body().collect().await {
                Ok(body) => format!("{status}, {} bytes", body.to_bytes().len()),
                Err(error) => format!("{status}, {error:?}"),
            }
        }
        Err(error) => format!("{error:?}"),
    }
}

#[tokio::test]
async fn answers_and_faults_become_wasi_s() {
    async fn check(behaviour: Behaviour, expected: &str) {
        let origin = format!("http://{}", serve(behaviour).await);
        let mut hooks = hooks(std::slice::from_ref(&origin), limits(10));
        assert_eq!(
            outcome(&mut hooks, get(&format!("{origin}/x")), None).await,
            expected
        );
        assert_eq!(hooks.violations.behind(UpstreamFailure::Refused), None);
    }
    check(Behaviour::Answer(OK), "200, 2 bytes").await;
    check(Behaviour::AnswerAndClose(""), "ConnectionTerminated").await;
    check(
        Behaviour::AnswerAndClose("SMTP 220\r\n\r\n"),
        "HttpProtocolError",
    )
    .await;
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut";
    check(
        Behaviour::AnswerAndClose(cut),
        "200, HttpResponseIncomplete",
    )
    .await;
    let long = "HTTP/1.1 200 OK\r\ncontent-length: 1025\r\n\r\n";
    check(Behaviour::Answer(long), "HttpResponseBodySize(Some(1025))").await;
    let endless: &str = Box::leak(
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}",
            "8\r\n12345678\r\n".repeat(200)
        )
        .into_boxed_str(),
    );
    check(
        Behaviour::Answer(endless),
        "200, HttpResponseBodySize(Some(1024))",
    )
    .await;
}

#[tokio::test]
async fn bounds_hold() {
    let silent = format!("http://{}", serve(Behaviour::Silence).await);
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut";
    let stuck = format!("http://{}", serve(Behaviour::Answer(cut)).await);
    // A server that never answers TLS's first message.
    let secure = silent.replace("http:", "https:");
    let origins = [silent.clone(), stuck.clone(), secure.clone()];
    let check = async |seconds: u64, url: &str, options: RequestOptions, expected: &str| {
        let mut hooks = hooks(&origins, limits(seconds));
        let said = outcome(&mut hooks, get(&format!("{url}/")), Some(options)).await;
        assert_eq!(said, expected);
    };
    let none = RequestOptions::default();
    let short = Some(Duration::from_millis(30));
    check(0, &silent, none, "HttpResponseTimeout").await;
    check(1, &stuck, none, "200, HttpResponseTimeout").await;
    let first = RequestOptions {
        first_byte_timeout: short,
        ..none
    };
    check(10, &silent, first, "ConnectionReadTimeout").await;
    let between = RequestOptions {
        between_bytes_timeout: short,
        ..none
    };
    check(10, &stuck, between, "200, ConnectionReadTimeout").await;
    let connecting = RequestOptions {
        connect_timeout: short,
        ..none
    };
    check(10, &secure, connecting, "ConnectionTimeout").await;
}

#[tokio::test]
async fn request_bodies_are_bounded() {
    let origin = format!("http://{}", serve(Behaviour::Answer(OK)).await);
    let mut hooks = hooks(std::slice::from_ref(&origin), limits(10));
    assert_eq!(
        outcome(&mut hooks, post(&origin, 0), None).await,
        "200, 2 bytes"
    );
    let said = outcome(&mut hooks, post(&origin, 1025), None).await;
    assert_eq!(said, "HttpRequestBodySize(Some(1024))");
    let mut announced = post(&origin, 0);
    announced.headers_mut().insert(
        http::header::CONTENT_LENGTH,
        HeaderValue::from_static("4096"),
    );
    let said = outcome(&mut hooks, announced, None).await;
    assert_eq!(said, "HttpRequestBodySize(Some(4096))");
}

#[tokio::test]
async fn refusals_name_their_setting() {
    let origin = format!("http://{}", serve(Behaviour::Answer(OK)).await);
    let few = Limits {
        requests_per_call: 2,
        ..limits(10)
    };
    let mut hooks = hooks(std::slice::from_ref(&origin), few);
    let mut check = async |url: &str, expected: &str, hint: Option<&str>| {
        assert_eq!(outcome(&mut hooks, get(url), None).await, expected, "{url}");
        let given = hooks
            .violations
            .behind(UpstreamFailure::Failed)
            .and_then(|violation| violation.hint());
        let given = given.as_ref().map(Hint::as_str);
        assert!(
            given.unwrap_or_default().contains(hint.unwrap_or_default()),
            "{given:?}"
        );
        assert_eq!(given.is_some(), hint.is_some());
    };
    check(&origin, "200, 2 bytes", None).await;
    let other = r#"[egress] origins = ["https://other.test"]"#;
    check("https://other.test/x", "HttpRequestDenied", Some(other)).await;
    check(&origin, "HttpRequestDenied", Some("`run.chunk_rows`")).await;
}

#[tokio::test]
async fn exchanges_wait_for_a_slot() {
    let origin = format!("http://{}", serve(Behaviour::Answer(OK)).await);
    let mut hooks = hooks(std::slice::from_ref(&origin), limits(10));
    let begin = |hooks: &mut Hooks| {
        Pin::from(hooks.send_request(get(&origin), None, Box::new(std::future::ready(Ok(())))))
    };
    let first = begin(&mut hooks).await.unwrap();
    let _second = begin(&mut hooks).await.unwrap();
    let mut third = begin(&mut hooks);
    assert!(futures_util::poll!(&mut third).is_pending());
    assert_eq!(hooks.slots.available_permits(), 0);
    first.0.into_body().collect().await.unwrap();
    assert_eq!(third.await.unwrap().0.status().as_u16(), 200);
}
