#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use super::*;
use bytes::Bytes;
use http::Request;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

async fn start(lifetime: Duration) -> SpotifyStandIn {
    let credentials = Credentials {
        client_id: "client".to_owned(),
        client_secret: "secret".to_owned(),
    };
    SpotifyStandIn::start_with(Service::new(Catalog::demo(), credentials, lifetime))
        .await
        .unwrap()
}

/// One connection; every request goes through it.
struct Client(SendRequest<Full<Bytes>>);

impl Client {
    async fn connect(server: &SpotifyStandIn) -> Self {
        let stream = TcpStream::connect(server.server.address()).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        authorization: &str,
        body: &'static str,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if !authorization.is_empty() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        self.0.ready().await.unwrap();
        let response = self
            .0
            .send_request(request.body(Full::from(body)).unwrap())
            .await
            .unwrap();
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/json; charset=utf-8"
        );
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn token(&mut self) -> String {
        let (status, body) = self
            .send(
                Method::POST,
                "/api/token",
                GOOD,
                "grant_type=client_credentials",
            )
            .await;
        assert_eq!(
            (status, &body["token_type"]),
            (StatusCode::OK, &Value::from("Bearer"))
        );
        format!("Bearer {}", body["access_token"].as_str().unwrap())
    }
}

/// `client:secret`
const GOOD: &str = "Basic Y2xpZW50OnNlY3JldA==";
const BUTTER: &str = "/v1/artists/3Nrfpe0tUJi4K4DXYWgMUX/top-tracks";

#[tokio::test]
async fn token_endpoint() {
    let server = start(TOKEN_LIFETIME).await;
    let mut client = Client::connect(&server).await;
    let grant = "grant_type=client_credentials";
    for (authorization, body, status, error) in [
        (GOOD, grant, 200, None),
        ("", grant, 401, Some("invalid_client")),
        ("Basic Y2xpZW50Ondyb25n", grant, 401, Some("invalid_client")),
        (
            "Bearer Y2xpZW50OnNlY3JldA==",
            grant,
            401,
            Some("invalid_client"),
        ),
        (
            GOOD,
            "grant_type=password",
            400,
            Some("unsupported_grant_type"),
        ),
        (GOOD, "", 400, Some("unsupported_grant_type")),
    ] {
        let answer = client
            .send(Method::POST, "/api/token", authorization, body)
            .await;
        assert_eq!(answer.0, status, "{authorization} {body}");
        assert_eq!(answer.1["error"].as_str(), error, "{authorization} {body}");
        if error.is_none() {
            assert_eq!(answer.1["expires_in"], 3600);
        }
    }
    assert_eq!(
        server.requests(),
        Counts {
            token: 6,
            tracks: 0
        }
    );
    assert_eq!(server.connections(), 1, "the connection was not kept");
}

#[tokio::test]
async fn top_tracks() {
    let server = start(TOKEN_LIFETIME).await;
    let mut client = Client::connect(&server).await;
    let token = client.token().await;
    for (path, authorization, status, message) in [
        ("?market=US", token.as_str(), 200, None),
        ("?country=CA", &token, 200, None),
        ("", &token, 200, None),
        ("?market=usa", &token, 400, Some("Invalid market code")),
        ("?market=US", "", 401, Some("No token provided")),
        (
            "?market=US",
            "Bearer wrong",
            401,
            Some("Invalid access token"),
        ),
        ("?market=US", GOOD, 401, Some("Invalid access token")),
    ] {
        let (given, body) = client
            .send(Method::GET, &format!("{BUTTER}{path}"), authorization, "")
            .await;
        assert_eq!(given, status, "{path} {body}");
        assert_eq!(body["error"]["message"].as_str(), message, "{path}");
        match body["tracks"].as_array() {
            Some(tracks) => {
                assert_eq!(tracks.len(), 10, "{path}");
                assert_eq!(
                    tracks[0]["name"] == "Butter",
                    !path.ends_with("CA"),
                    "{path}"
                );
            }
            None => assert_eq!(body["error"]["status"], status),
        }
    }
    for (method, path, status) in [
        (
            Method::GET,
            "/v1/artists/0000000000000000000000/top-tracks?market=US",
            404,
        ),
        (Method::GET, "/v1/me", 404),
        (Method::POST, BUTTER, 405),
        (Method::GET, "/api/token", 405),
    ] {
        let (given, body) = client.send(method, path, &token, "").await;
        assert_eq!(
            (given.as_u16(), &body["error"]["status"]),
            (status, &Value::from(status))
        );
    }
    assert_eq!(
        server.requests(),
        Counts {
            token: 1,
            tracks: 8
        }
    );
    server.shutdown().await;
}

#[tokio::test]
async fn tokens_expire() {
    let server = start(Duration::ZERO).await;
    let mut client = Client::connect(&server).await;
    let token = client.token().await;
    let (status, body) = client.send(Method::GET, BUTTER, &token, "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["error"]["message"], "The access token expired");
}

#[tokio::test]
async fn ends_with_open_connections() {
    for graceful in [true, false] {
        let server = start(TOKEN_LIFETIME).await;
        let address = server.server.address();
        let mut client = Client::connect(&server).await;
        client.token().await;
        if graceful {
            server.shutdown().await;
            assert!(
                TcpStream::connect(address).await.is_err(),
                "the port still answers"
            );
        } else {
            drop(server);
        }
        // The server closes it, so the client's connection ends.
        while client.0.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
