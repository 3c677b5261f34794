//! A script of answers → an HTTP server on 127.0.0.1 that gives them and keeps
//! what it was sent. For tests.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::http_out::client::Client;
use crate::http_out::egress::Egress;
use crate::limits::Limits;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// One answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Reads the request and says nothing.
    Silence,
    /// Reads the request and closes the connection.
    Cut,
}

/// An answer without special headers.
pub fn reply(status: u16, body: &str) -> Reply {
    Reply::Answer(status, vec![], body.to_owned())
}

/// The server. It stops with the test's runtime.
#[derive(Debug)]
pub struct StandIn {
    /// `http://127.0.0.1:port`
    pub origin: String,
    script: Arc<Script>,
}

#[derive(Debug)]
struct Script {
    replies: Vec<Reply>,
    given: AtomicUsize,
    received: Mutex<Vec<Request<Bytes>>>,
}

impl StandIn {
    /// Gives the replies one by one, the last one for ever.
    pub async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let script = Script {
            replies,
            given: AtomicUsize::new(0),
            received: Mutex::default(),
        };
        let script = Arc::new(script);
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&shared);
                let service = service_fn(move |request| serve(Arc::clone(&script), request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { origin, script }
    }

    /// The requests so far.
    pub fn received(&self) -> Vec<Request<Bytes>> {
        self.script.received.lock().unwrap().clone()
    }
}

async fn serve(
    script: Arc<Script>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    script
        .received
        .lock()
        .unwrap()
        .push(Request::from_parts(parts, body));
    let number = script.given.fetch_add(1, Ordering::SeqCst);
    match script
        .replies
        .get(number)
        .or(script.replies.last())
        .unwrap()
    {
        Reply::Silence => std::future::pending().await,
        Reply::Cut => Err(std::io::Error::other("the script says so")),
        Reply::Answer(status, headers, body) => {
            let mut response = Response::builder().status(*status);
            for (name, value) in headers {
                response = response.header(*name, value);
            }
            Ok(response.body(Full::from(body.clone())).unwrap())
        }
    }
}

/// A client that may connect to 127.0.0.1.
pub fn loopback_client() -> Client {
    let egress = Egress {
        addresses: ["127.0.0.1".parse().unwrap()].into(),
        ..Egress::default()
    };
    Client::new(&Limits::default(), Arc::new(egress)).unwrap()
}
