//! Replies as a client meets them, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use std::error::Error as _;

async fn server(reply: Reply) -> Server {
    Server::start(move |_| std::future::ready(reply.clone()))
        .await
        .unwrap()
}

async fn connect(address: SocketAddr) -> io::Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    Ok(sender)
}

/// Status and body; what of it came, if not all; or what went wrong.
async fn get(sender: &mut SendRequest<Empty<Bytes>>) -> String {
    let request = Request::get("/x").header("host", "x").body(Empty::new());
    let answer = match sender.send_request(request.unwrap()).await {
        Ok(answer) => answer,
        Err(error) => return format!("none: {error}"),
    };
    let status = answer.status().as_u16();
    let mut body = answer.into_body();
    let mut text = String::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => text += &String::from_utf8_lossy(&frame.into_data().unwrap()),
            Err(_) => return format!("{status} {text} and no more"),
        }
    }
    format!("{status} {text}")
}

#[tokio::test]
async fn replies() {
    let good = Reply::status(299, "good");
    let slow = Duration::from_millis(1);
    for (reply, expected) in [
        (good.clone(), "299 good"),
        (Reply::status(404, ""), "404 "),
        (Reply::Cut("half of it".into()), "200 half  and no more"),
        (Reply::Drip(slow, "drop by drop".into()), "200 drop by drop"),
        (
            Reply::Reset,
            "none: connection closed before message completed",
        ),
    ] {
        let server = server(reply.clone()).await;
        let mut sender = connect(server.address()).await.unwrap();
        assert_eq!(get(&mut sender).await, expected, "{reply:?}");
    }
    let server = server(Reply::Never).await;
    let mut sender = connect(server.address()).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(50), get(&mut sender));
    assert!(waiting.await.is_err());
}

#[tokio::test]
async fn a_reset_follows_a_good_reply() {
    let good = Box::new(Reply::json("good"));
    let server = server(Reply::ThenReset(Duration::from_millis(5), good)).await;
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    let ended = tokio::spawn(connection);
    assert_eq!(get(&mut sender).await, "200 good");
    let error = ended.await.unwrap().unwrap_err();
    let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_port_is_closed_for_a_time() {
    let server = server(Reply::json("good")).await;
    let mut before = connect(server.address()).await.unwrap();
    assert_eq!(get(&mut before).await, "200 good");
    let closed = std::time::Instant::now();
    let lasting = Duration::from_millis(200);
    server.port().close_for(lasting);
    let mut refused = 0;
    let after = loop {
        match connect(server.address()).await {
            Ok(mut sender) if closed.elapsed() >= lasting => break get(&mut sender).await,
            // Not closed yet.
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => {
                refused += usize::from(error.kind() == io::ErrorKind::ConnectionRefused);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    assert!(refused > 0, "nobody was refused");
    assert_eq!(after, "200 good");
    assert!(
        before.ready().await.is_err(),
        "the connection is still open"
    );
}
