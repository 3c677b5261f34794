//! A REST API that does what a script says, over real sockets: also what no
//! HTTP library would do, such as ending in the middle of a body.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long requests are waited for.
const PATIENCE: Duration = Duration::from_mins(2);

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A whole answer: status, further headers, body.
    Answer(u16, Vec<(String, String)>, String),
    /// The connection is closed before the headers.
    Reset,
    /// Headers announce the body, and half of it comes.
    Cut(String),
    /// Nothing, until the client gives up.
    Never,
    /// A whole answer whose body comes byte by byte, with that pause between.
    Drip(Duration, String),
}

impl Reply {
    pub fn json(body: impl Into<String>) -> Self {
        Self::status(200, body)
    }

    pub fn status(status: u16, body: impl Into<String>) -> Self {
        Self::Answer(
            status,
            vec![("content-type".into(), "application/json".into())],
            body.into(),
        )
    }

    pub fn with_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        match self {
            Self::Answer(status, mut headers, body) => {
                headers.push((name.into(), value.into()));
                Self::Answer(status, headers, body)
            }
            other => other,
        }
    }
}

type Script = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// A scripted server on a port of its own; ends when it's dropped.
pub struct ScriptedSource {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicU64,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    /// Time an answer takes, so that requests can overlap.
    delay: Duration,
    /// Requests from this number on are held until that's over.
    held_from: usize,
    held: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

impl ScriptedSource {
    /// The script is given each request and its number, from 0.
    pub async fn start(script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::begin(Duration::ZERO, usize::MAX, script).await
    }

    /// Each answer takes that long.
    pub async fn slow(
        delay: Duration,
        script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::begin(delay, usize::MAX, script).await
    }

    /// Requests from that number on are answered after `release`.
    pub async fn holding(
        from: usize,
        script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::begin(Duration::ZERO, from, script).await
    }

    async fn begin(
        delay: Duration,
        held_from: usize,
        script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Box::new(script),
            seen: Mutex::default(),
            connections: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
            delay,
            held_from,
            held: watch::Sender::new(0),
            released: watch::Sender::new(false),
        });
        let accepting = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, Arc::clone(&accepting)));
            }
        });
        Self {
            address,
            state,
            task,
        }
    }

    /// `http://127.0.0.1:port`
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Returns once that many requests are held.
    pub async fn held(&self, requests: usize) {
        let mut held = self.state.held.subscribe();
        let enough = held.wait_for(|held| *held >= requests);
        tokio::time::timeout(PATIENCE, enough)
            .await
            .unwrap()
            .unwrap();
    }

    /// Answers what is held, and holds nothing any more.
    pub fn release(&self) {
        self.state.released.send_replace(true);
    }

    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }

    pub fn most_in_flight(&self) -> usize {
        self.state.most_in_flight.load(Ordering::SeqCst)
    }
}

impl Drop for ScriptedSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection until either side has enough.
async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut buffer = Vec::new();
    while let Some(seen) = read(&mut stream, &mut buffer).await {
        let now = state.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        state.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let number = {
            let mut all = state.seen.lock().unwrap();
            all.push(seen.clone());
            all.len() - 1
        };
        tokio::time::sleep(state.delay).await;
        if number >= state.held_from {
            state.held.send_modify(|held| *held += 1);
            let mut released = state.released.subscribe();
            if released.wait_for(|released| *released).await.is_err() {
                return;
            }
        }
        let reply = (state.script)(&seen, number);
        // Before the client can send the next one.
        state.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !write(&mut stream, reply).await {
            return;
        }
    }
}

/// The next request; none at the connection's end. What came after it stays in
/// the buffer.
pub async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while buffer.len() < end + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer[end..end + length].to_vec();
    buffer.drain(..end + length);
    Some(Seen {
        method,
        target,
        headers,
        body,
        at: Instant::now(),
    })
}

/// Writes what was decided. False if the connection is at its end.
pub async fn write(stream: &mut TcpStream, reply: Reply) -> bool {
    match reply {
        Reply::Answer(status, headers, body) => {
            let mut text = format!(
                "HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n",
                body.len()
            );
            for (name, value) in headers {
                text = text + &name + ": " + &value + "\r\n";
            }
            text.push_str("\r\n");
            text.push_str(&body);
            stream.write_all(text.as_bytes()).await.is_ok()
        }
        Reply::Reset => false,
        Reply::Cut(body) => {
            let half = &body.as_bytes()[..body.len() / 2];
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), half].concat()).await;
            false
        }
        Reply::Drip(pause, body) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let mut going = stream.write_all(head.as_bytes()).await.is_ok();
            for byte in body.bytes() {
                tokio::time::sleep(pause).await;
                going = going && stream.write_all(&[byte]).await.is_ok();
                if !going {
                    break;
                }
            }
            going
        }
        Reply::Never => {
            // Ends when the client closes its side.
            let _ = stream.read_u8().await;
            false
        }
    }
}
