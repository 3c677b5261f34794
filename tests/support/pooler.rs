//! A pooler in front of PostgreSQL, as pgbouncer is in transaction mode: all
//! sessions, one after the other, share one connection to the server, and
//! nothing of a session is reset on it.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const CANCEL_REQUEST: [u8; 8] = [0, 0, 0, 16, 4, 210, 22, 46];
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A running pooler; ends when it's dropped.
pub struct Pooler {
    port: u16,
    sessions: Arc<Mutex<Vec<Vec<String>>>>,
    serving: JoinHandle<()>,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Pooler {
    /// A pooler for the server on that port of this machine.
    pub async fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sessions = Arc::new(Mutex::new(Vec::new()));
        let serving = tokio::spawn(serve(
            listener,
            format!("127.0.0.1:{server}"),
            Arc::clone(&sessions),
        ));
        Self {
            port,
            sessions,
            serving,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The names of the statements that each session prepared, to its end.
    pub fn sessions(&self) -> Vec<Vec<String>> {
        self.sessions.lock().unwrap().clone()
    }
}

/// The one connection to the server.
struct Server {
    stream: TcpStream,
    /// What it said once the first client had logged in.
    welcome: Vec<u8>,
}

async fn serve(listener: TcpListener, server: String, sessions: Arc<Mutex<Vec<Vec<String>>>>) {
    let mut pooled: Option<Server> = None;
    while let Ok((mut client, _)) = listener.accept().await {
        let mut startup = packet(&mut client).await.unwrap();
        if startup == SSL_REQUEST {
            client.write_all(b"N").await.unwrap();
            startup = packet(&mut client).await.unwrap();
        }
        if startup.starts_with(&CANCEL_REQUEST) {
            continue;
        }
        let mut server = match pooled.take() {
            Some(server) => {
                client.write_all(&server.welcome).await.unwrap();
                server
            }
            None => log_in(&mut client, &startup, &server).await,
        };
        let prepared = relay(&mut client, &mut server.stream).await;
        sessions.lock().unwrap().push(prepared);
        pooled = Some(server);
    }
}

/// The first client's password is asked for by the server itself.
async fn log_in(client: &mut TcpStream, startup: &[u8], address: &str) -> Server {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(startup).await.unwrap();
    let mut welcome = Vec::new();
    loop {
        let message = message(&mut stream).await.unwrap();
        client.write_all(&message).await.unwrap();
        let authentication = (message[0] == b'R').then(|| message[8]);
        match authentication {
            // Done; or the server's last word on it, which asks for nothing.
            None | Some(0 | 12) => {}
            Some(_) => {
                let answer = self::message(client).await.unwrap();
                stream.write_all(&answer).await.unwrap();
                continue;
            }
        }
        if authentication != Some(12) {
            welcome.extend_from_slice(&message);
        }
        if message[0] == b'Z' {
            return Server { stream, welcome };
        }
    }
}

/// One session, to its end, after which the server waits for the next.
async fn relay(client: &mut TcpStream, server: &mut TcpStream) -> Vec<String> {
    let mut prepared = Vec::new();
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let (sent, outstanding) = tokio::sync::watch::channel((0_u32, false));
    let upward = async {
        while let Some(message) = message(&mut from_client).await {
            match message[0] {
                b'X' => break,
                b'P' => {
                    let name = message[5..].split(|byte| *byte == 0).next().unwrap();
                    prepared.push(String::from_utf8(name.to_vec()).unwrap());
                }
                b'Q' | b'S' => sent.send_modify(|(sent, _)| *sent += 1),
                _ => {}
            }
            to_server.write_all(&message).await.unwrap();
        }
        // Whatever the session left open is rolled back.
        sent.send_modify(|(sent, ended)| (*sent, *ended) = (*sent + 1, true));
        to_server.write_all(b"Q\0\0\0\x0dROLLBACK\0").await.unwrap();
    };
    // The last answer is the one to ROLLBACK, which is sent after it's counted.
    let downward = async {
        let mut answered = 0;
        while *outstanding.borrow() != (answered, true) {
            let message = message(&mut from_server).await.unwrap();
            answered += u32::from(message[0] == b'Z');
            // The client may have left.
            let _ = to_client.write_all(&message).await;
        }
    };
    tokio::join!(upward, downward);
    prepared
}

/// A message with its type and length; none once the other side has left.
async fn message(from: &mut (impl AsyncReadExt + Unpin)) -> Option<Vec<u8>> {
    let kind = from.read_u8().await.ok()?;
    let mut message = vec![kind];
    message.extend(packet(from).await?);
    Some(message)
}

async fn packet(from: &mut (impl AsyncReadExt + Unpin)) -> Option<Vec<u8>> {
    let length = from.read_u32().await.ok()?;
    let mut packet = vec![0; length as usize];
    packet[..4].copy_from_slice(&length.to_be_bytes());
    from.read_exact(&mut packet[4..]).await.ok()?;
    Some(packet)
}
