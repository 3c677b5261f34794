//! A component that answers HTTP, served by plain wasmtime over a real socket:
//! an instance for each request, no limits, no help of Rowcast's own host.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// Compiled once for all tests of this process.
static SERVICE: LazyLock<ProxyPre<State>> = LazyLock::new(|| {
    let engine = Engine::default();
    let bytes = include_bytes!(env!("ROWCAST_SERVICE"));
    let component = Component::new(&engine, bytes).unwrap();
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).unwrap();
    ProxyPre::new(linker.instantiate_pre(&component).unwrap()).unwrap()
});

/// A running service on a port of its own; ends when it's dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    client: Client<HttpConnector, Full<Bytes>>,
    accepting: JoinHandle<()>,
}

struct Shared {
    environment: Vec<(String, String)>,
    /// Connections to the source and DynamoDB.
    outbound: Client<HttpConnector, WasiBody>,
    /// How each request's instance ended.
    ended: Mutex<Vec<Result<(), String>>>,
}

/// An answer, whole.
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Proxy {
    /// Serves Rowcast's service with those environment variables.
    pub async fn start(environment: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let shared = Arc::new(Shared {
            environment: environment.iter().map(owned).collect(),
            outbound: Client::builder(TokioExecutor::new()).build_http(),
            ended: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            client: Client::builder(TokioExecutor::new()).build_http(),
            accepting,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How the instances ended so far.
    pub fn ended(&self) -> Vec<Result<(), String>> {
        self.shared.ended.lock().unwrap().clone()
    }

    /// Sends a request, such as `GET /health`, and reads its answer.
    pub async fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.to_owned().into())).unwrap();
        let (head, body) = self.client.request(request).await.unwrap().into_parts();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &serde_json::Value) -> Answer {
        let headers = [("content-type", "application/json")];
        let line = format!("POST {path}");
        self.send(&line, &headers, &body.to_string()).await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| handle(Arc::clone(&shared), request));
        open.spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<WasiBody>, wasmtime::Error> {
    let pre = SERVICE.clone();
    let mut wasi = WasiCtx::builder();
    wasi.envs(&shared.environment);
    let state = State {
        wasi: wasi.build(),
        http: WasiHttpCtx::new(),
        table: ResourceTable::new(),
        hooks: Outbound(shared.outbound.clone()),
    };
    let mut store = Store::new(pre.engine(), state);
    let (sender, receiver) = oneshot::channel();
    let request = store
        .data_mut()
        .http()
        .new_incoming_request(Scheme::Http, request)?;
    let out = store.data_mut().http().new_response_outparam(sender)?;
    // It goes on after the head of the answer, and after the client has left.
    tokio::spawn(async move {
        let ended = async {
            let proxy = pre.instantiate_async(&mut store).await?;
            let handler = proxy.wasi_http_incoming_handler();
            handler.call_handle(&mut store, request, out).await
        };
        let ended = ended.await.map_err(|error| format!("{error:?}"));
        shared.ended.lock().unwrap().push(ended);
    });
    Ok(receiver.await??)
}

struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: Outbound,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// Sends whatever it's asked to.
struct Outbound(Client<HttpConnector, WasiBody>);

type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Worker,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Worker), Error>> + Send> {
        let answer = self.0.request(request);
        Box::new(async move {
            let answer = answer.await.map_err(|error| {
                if error.is_connect() {
                    Error::ConnectionRefused
                } else {
                    Error::ConnectionTerminated
                }
            })?;
            let answer = answer.map(|body| body.map_err(Error::from).boxed_unsync());
            let idle: Worker = Box::new(std::future::ready(Ok(())));
            Ok((answer, idle))
        })
    }
}
