//! What servers, proxies and authorities do on the wire → what the client makes
//! of it.

use super::*;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::header::CONTENT_ENCODING;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(10),
    body_bytes: 1024,
};

/// What a server does with a request.
#[derive(Clone)]
enum Step {
    Answer(Vec<u8>),
    /// Closes the connection after those bytes.
    Close(&'static str),
}

type Heads = Arc<Mutex<Vec<String>>>;

/// A server whose connections each go through that script, and the heads of the
/// requests it got.
async fn server(script: Vec<Step>) -> (SocketAddr, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Heads::default();
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (script, seen) = (script.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                for step in script {
                    let Some(head) = head(&mut stream).await else {
                        return;
                    };
                    seen.lock().unwrap().push(head);
                    match step {
                        Step::Answer(answer) => stream.write_all(&answer).await.unwrap(),
                        Step::Close(text) => {
                            stream.write_all(text.as_bytes()).await.unwrap();
                            return;
                        }
                    }
                }
            });
        }
    });
    (address, heads)
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

fn client(env: &[(&str, &str)]) -> Client {
    let env: Vec<(String, String)> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let egress = Egress {
        addresses: ["127.0.0.1".parse().unwrap()].into(),
        ..Egress::default()
    };
    let variable = |name: &str| {
        let found = env.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    Client::with_environment(
        Authorities::read(),
        &Limits::default(),
        Arc::new(egress),
        &variable,
    )
    .unwrap()
}

async fn get(client: &Client, url: &str) -> Result<Response<Bytes>, ExchangeError> {
    let request = Request::get(url).body(Bytes::new()).unwrap();
    client.exchange(request, BOUNDS).await
}

fn answer(headers: &str, body: &[u8]) -> Step {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    Step::Answer([head.as_bytes(), body].concat())
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn coded_answers_are_decoded() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(b"{\"a\":1}").unwrap();
    let zlib = zlib.finish().unwrap();
    let coded = gzip(b"{\"a\":1}");
    let cut = coded.split_at(coded.len() - 5).0;
    let check = async |coding: &str, body: &[u8], expected: Result<&[u8], &str>| {
        let headers = format!("content-encoding: {coding}\r\n");
        let (address, heads) = server(vec![answer(&headers, body)]).await;
        let found = get(&client(&[]), &format!("http://{address}/")).await;
        let asked = heads.lock().unwrap().concat();
        assert!(asked.contains("accept-encoding: gzip"), "{asked}");
        match found {
            Ok(found) => {
                assert_eq!(Ok(found.body().as_ref()), expected, "{coding}");
                let left = found.headers().get(CONTENT_ENCODING).is_some();
                assert_eq!(
                    left,
                    ["br", "identity", "gzip, gzip"].contains(&coding),
                    "{coding}"
                );
            }
            Err(error) => assert_eq!(Err(error.to_string().as_str()), expected, "{coding}"),
        }
    };
    let object = b"{\"a\":1}";
    check("gzip", &coded, Ok(object)).await;
    check("GZIP", &coded, Ok(object)).await;
    check("x-gzip", &coded, Ok(object)).await;
    check("deflate", &zlib, Ok(object)).await;
    check("identity", object, Ok(object)).await;
    check("gzip", b"", Ok(b"")).await;
    check("br", b"coded", Ok(b"coded")).await;
    // Whatever the headers say, as whoever reads a body unpacks what is gzip: secrets are
    // looked for in what comes out.
    check("identity", &coded, Ok(object)).await;
    check("br", &coded, Ok(object)).await;
    check("gzip, gzip", &gzip(&coded), Ok(object)).await;
    check("gzip", &gzip(&coded), Ok(object)).await;
    check("deflate", &gzip(&coded), Ok(object)).await;
    let broken = "exchange a request and its answer";
    check("gzip", &gzip(&gzip(&gzip(&coded))), Err(broken)).await;
    check(
        "gzip",
        &[&coded[..], &coded].concat(),
        Ok(b"{\"a\":1}{\"a\":1}"),
    )
    .await;
    check("gzip", object, Ok(object)).await;
    check("gzip", cut, Err(broken)).await;
    // The bound is on what comes out, which may be a thousand times as much.
    let zeros = gzip(&vec![b'0'; 10_000_000]);
    check("gzip", &zeros, Err("read an answer longer than 1024 bytes")).await;
}

#[tokio::test]
async fn a_connection_that_the_server_was_closing_costs_nothing() {
    let ok = answer("", b"ok");
    // Each connection answers once, and is closed by the second request.
    let (address, heads) = server(vec![ok.clone(), Step::Close("")]).await;
    let url = format!("http://{address}/");
    let once = client(&[]);
    for _ in 0..9 {
        assert_eq!(get(&once, &url).await.unwrap().body(), "ok");
    }
    // The pool may begin a connection before it has the other one back.
    let asked = heads.lock().unwrap().len();
    assert!((10..=17).contains(&asked), "{asked}");
    // A new connection that is closed is another matter.
    let (address, heads) = server(vec![Step::Close("")]).await;
    let error = get(&once, &format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, ExchangeError::Broken(_)), "{error:?}");
    assert_eq!(heads.lock().unwrap().len(), 1);
    // So is one that begins to answer.
    let (address, heads) = server(vec![ok, Step::Close("HTTP/1.1 2")]).await;
    let url = format!("http://{address}/");
    let mut asked = 1;
    let error = loop {
        match get(&once, &url).await {
            Ok(_) => asked += 1,
            Err(error) => break error,
        }
        assert!(asked < 50, "no connection is kept");
    };
    assert!(matches!(error, ExchangeError::Broken(_)), "{error:?}");
    assert_eq!(heads.lock().unwrap().len(), asked);
}

#[tokio::test]
async fn many_headers_are_accepted_up_to_a_bound() {
    for (count, fits) in [(150, true), (1000, true), (1100, false)] {
        let headers = (0..count).fold(String::new(), |all, n| all + &format!("x-{n}: {n}\r\n"));
        let (address, _) = server(vec![answer(&headers, b"ok")]).await;
        let found = get(&client(&[]), &format!("http://{address}/")).await;
        assert_eq!(found.is_ok(), fits, "{count}: {found:?}");
    }
}

/// A server that speaks TLS for that certificate and answers `ok`.
fn tls_server(parameters: &CertificateParams, issuer: &Issuer<'_, KeyPair>) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.clone().signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && tls.read(&mut byte).is_ok_and(|read| read == 1) {
                head.extend(byte);
            }
            if head.ends_with(b"\r\n\r\n") {
                let _ = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                let _ = tls.flush();
            }
        }
    });
    address
}

/// A proxy that leads everywhere to that server.
async fn proxy(to: SocketAddr) -> (SocketAddr, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Heads::default();
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let head = head(&mut stream).await.unwrap();
                let tunnel = head.starts_with("CONNECT");
                let refused = head.contains("CONNECT forbidden.example");
                seen.lock().unwrap().push(head.clone());
                if refused {
                    let answer = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
                    return stream.write_all(answer.as_bytes()).await.unwrap();
                }
                let mut server = TcpStream::connect(to).await.unwrap();
                if tunnel {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                } else {
                    server.write_all(head.as_bytes()).await.unwrap();
                }
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    (address, heads)
}

fn authority() -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = parameters.self_signed(&key).unwrap();
    (Issuer::new(parameters, key), certificate.pem())
}

fn certificate(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

#[tokio::test]
async fn proxies_forward_and_tunnel() {
    let (issuer, pem) = authority();
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.pem");
    std::fs::write(&bundle, pem).unwrap();
    let bundle = bundle.display().to_string();

    let (plain, _) = server(vec![answer("", b"ok")]).await;
    let (address, heads) = proxy(plain).await;
    let url = format!("http://me:p%40ss@{address}");
    let through = client(&[("HTTP_PROXY", &url), ("NO_PROXY", "none.example")]);
    let found = get(&through, "http://api.example:81/x?y=1").await.unwrap();
    assert_eq!(found.body(), "ok");
    let asked = heads.lock().unwrap().concat();
    assert!(
        asked.starts_with("GET http://api.example:81/x?y=1 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("proxy-authorization: Basic bWU6cEBzcw=="),
        "{asked}"
    );
    // This machine is reached without; and what NO_PROXY has is looked up.
    get(&through, &format!("http://{plain}/")).await.unwrap();
    let unknown = get(&through, "http://none.example/").await.unwrap_err();
    assert!(
        matches!(unknown, ExchangeError::Connect(ConnectError::Name { .. })),
        "{unknown:?}"
    );
    assert_eq!(heads.lock().unwrap().len(), 1);

    let (address, heads) = proxy(tls_server(&certificate("api.example"), &issuer)).await;
    let url = format!("http://me:p%40ss@{address}");
    let through = client(&[("HTTPS_PROXY", &url), ("AWS_CA_BUNDLE", &bundle)]);
    let found = get(&through, "https://api.example/x").await.unwrap();
    assert_eq!(found.body(), "ok");
    let asked = heads.lock().unwrap().concat();
    assert!(
        asked.starts_with("CONNECT api.example:443 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("Proxy-Authorization: Basic bWU6cEBzcw=="),
        "{asked}"
    );
    // The policy on addresses holds for those that are written out.
    let denied = get(&through, "https://10.0.0.1/").await.unwrap_err();
    assert!(denied.denied().is_some(), "{denied:?}");

    let refused = get(&through, "https://forbidden.example/")
        .await
        .unwrap_err();
    let shown = format!("{refused} {:?}", refused.hint());
    let expected = format!("reach https://forbidden.example through the proxy http://{address}");
    assert!(
        shown.starts_with(&expected) && shown.contains("HTTPS_PROXY"),
        "{shown}"
    );
    assert!(!format!("{refused:?}").contains("p@ss"), "{refused:?}");
}

#[tokio::test]
async fn an_untrusted_certificate_fails_for_good_and_says_why() {
    let (issuer, pem) = authority();
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.pem");
    std::fs::write(&bundle, pem).unwrap();
    let bundle = bundle.display().to_string();
    let trusting: &[(&str, &str)] = &[("AWS_CA_BUNDLE", &bundle)];
    let mut expired = certificate("localhost");
    expired.not_before = rcgen::date_time_ymd(2001, 1, 1);
    expired.not_after = rcgen::date_time_ymd(2002, 1, 1);
    for (parameters, env, reason, hint) in [
        (certificate("localhost"), trusting, "", ""),
        (
            certificate("localhost"),
            &[][..],
            "UnknownIssuer",
            "SSL_CERT_FILE",
        ),
        (expired, trusting, "expired", "clock"),
        (
            certificate("other.example"),
            trusting,
            "not valid for name",
            "a name that",
        ),
    ] {
        let port = tls_server(&parameters, &issuer).port();
        let found = get(&client(env), &format!("https://localhost:{port}/")).await;
        if reason.is_empty() {
            assert_eq!(found.unwrap().body(), "ok");
            continue;
        }
        let error = found.unwrap_err();
        assert!(!error.is_transient(), "{error:?}");
        let shown = crate::dynamodb::with_causes(&error);
        assert!(shown.contains(reason), "{shown}");
        assert_eq!(shown.matches(reason).count(), 1, "{shown}");
        let shown = error.hint().unwrap().to_string();
        assert!(shown.contains(hint), "{shown}");
    }
    for (name, value) in [
        ("AWS_CA_BUNDLE", "/nowhere.pem"),
        ("HTTPS_PROXY", "socks5://x:1"),
    ] {
        let env = |asked: &str| (asked == name).then(|| value.to_owned());
        let limits = Limits::default();
        let error = Client::with_environment(Authorities::read(), &limits, Arc::default(), &env)
            .unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.hint().is_some());
    }
}
