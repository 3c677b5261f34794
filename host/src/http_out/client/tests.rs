//! The client against small servers on loopback.

use super::*;
use rowcast_stand_ins::raw::{Behaviour, OK, serve};
use tokio::net::TcpListener;

fn client(egress: Egress) -> Client {
    Client::new(&Limits::default(), Arc::new(egress)).unwrap()
}

/// A client that may connect to 127.0.0.1.
pub(crate) fn loopback_client() -> Client {
    client(to_loopback())
}

fn to_loopback() -> Egress {
    Egress {
        addresses: ["127.0.0.1".parse().unwrap()].into(),
        ..Egress::default()
    }
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(10),
    body_bytes: 64,
};

#[tokio::test]
async fn connections_are_kept() {
    let address = serve(Behaviour::Answer(OK)).await;
    let client = client(to_loopback());
    let worker = || async {
        for _ in 0..50 {
            let answer = client
                .exchange(get(&format!("http://{address}/")), BOUNDS)
                .await
                .unwrap();
            assert_eq!(
                (answer.status().as_u16(), answer.body().as_ref()),
                (200, &b"ok"[..])
            );
        }
    };
    tokio::join!(worker(), worker(), worker(), worker());
    // The pool may begin a connection that it then finds it doesn't need, but
    // it keeps that one too.
    let opened = client.connections_opened();
    assert!(
        (1..=8).contains(&opened),
        "{opened} connections for 200 exchanges, 4 at once"
    );
}

#[tokio::test]
async fn failures_are_told_apart() {
    async fn check(behaviour: Behaviour, milliseconds: u64, expected: &str) {
        let address = serve(behaviour).await;
        let bounds = Bounds {
            time: Duration::from_millis(milliseconds),
            ..BOUNDS
        };
        let url = format!("http://{address}/");
        let error = client(to_loopback())
            .exchange(get(&url), bounds)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    check(Behaviour::Silence, 50, "get a complete answer within 50ms").await;
    let unfinished = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut";
    check(
        Behaviour::Answer(unfinished),
        50,
        "get a complete answer within 50ms",
    )
    .await;
    let broken = "exchange a request and its answer";
    check(Behaviour::AnswerAndClose(unfinished), 10_000, broken).await;
    check(Behaviour::AnswerAndClose(""), 10_000, broken).await;
    check(
        Behaviour::AnswerAndClose("SMTP 220\r\n\r\n"),
        10_000,
        broken,
    )
    .await;
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n";
    let too_large = "read an answer longer than 64 bytes";
    check(Behaviour::Answer(announced), 10_000, too_large).await;
    let chunked = concat!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n",
        "1\r\nx\r\n",
    );
    check(Behaviour::Answer(chunked), 10_000, too_large).await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n";
    let address = serve(Behaviour::Answer(redirect)).await;
    let url = format!("http://{address}/");
    let answer = client(to_loopback())
        .exchange(get(&url), BOUNDS)
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 302);
}

#[tokio::test]
async fn addresses_are_checked_where_they_are_connected_to() {
    let port = serve(Behaviour::Answer(OK)).await.port();
    let check = async |host: &str, egress: Egress, refused: Option<&str>| {
        let client = client(egress);
        let url = format!("http://{host}:{port}/");
        let outcome = client.exchange(get(&url), BOUNDS).await;
        let denied = outcome
            .err()
            .map(|error| error.denied().unwrap().to_string());
        assert_eq!(denied.is_some(), refused.is_some(), "{host}: {denied:?}");
        for (said, expected) in denied.iter().zip(refused) {
            assert!(said.contains(expected), "{said}");
        }
        assert_eq!(
            client.connections_opened(),
            u64::from(refused.is_none()),
            "{host}"
        );
    };
    let both = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
    let named = Egress {
        addresses: both.into(),
        ..Egress::default()
    };
    let trusted = Egress {
        trusted_hosts: ["localhost".to_owned()].into(),
        ..Egress::default()
    };
    let origin = format!("http://127.0.0.1:{port}").parse().unwrap();
    let literal = Egress {
        origins: [origin].into(),
        ..Egress::default()
    };
    check("localhost", Egress::default(), Some("localhost at ")).await;
    check("LOCALHOST", Egress::default(), Some("a loopback address")).await;
    check("localhost", literal.clone(), Some("localhost at ")).await;
    check("localhost", named, None).await;
    check("localhost", trusted, None).await;
    check(
        "127.0.0.1",
        Egress::default(),
        Some("127.0.0.1 at 127.0.0.1"),
    )
    .await;
    check("127.0.0.1", literal, None).await;
    // getaddrinfo knows these spellings of 127.0.0.1.
    check("127.1", Egress::default(), Some("a loopback address")).await;
    check("0x7f000001", Egress::default(), Some("a loopback address")).await;
    check("2130706433", Egress::default(), Some("a loopback address")).await;
    check(
        "[::ffff:127.0.0.1]",
        Egress::default(),
        Some("a loopback address"),
    )
    .await;
}

#[tokio::test]
async fn nothing_there_is_a_connect_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let check = async |url: String, expected: fn(&ConnectError) -> bool| match client(to_loopback())
        .exchange(get(&url), BOUNDS)
        .await
        .unwrap_err()
    {
        ExchangeError::Connect(error) if expected(&error) => {}
        other => unreachable!("{url}: {other:?}"),
    };
    check(format!("http://{address}/"), |error| {
        matches!(error, ConnectError::Tcp { .. })
    })
    .await;
    let mail = serve(Behaviour::Greet("220 mail.test ESMTP\r\n")).await;
    check(format!("https://{mail}/"), |error| {
        matches!(error, ConnectError::Tls { .. })
    })
    .await;
    let relative = client(to_loopback())
        .exchange(get("/x"), BOUNDS)
        .await
        .unwrap_err();
    assert!(matches!(relative, ExchangeError::Invalid), "{relative:?}");
}
