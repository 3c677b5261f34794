//! What a guest gets of imports that the world doesn't have.

use super::{Arena, limits};

/// Components made of other languages import all of WASI. They are given it,
/// with nothing behind it.
#[tokio::test(flavor = "multi_thread")]
async fn imports_beyond_the_world_lead_nowhere() {
    let arena = Arena::open(limits()).await;
    let inner = arena.world.inner.origin();
    let (_, port) = inner.rsplit_once(':').unwrap();
    println!("| behaviour | stopped by | after | with |\n|---|---|---|---|");
    let check = async |what: &str, expected: &str| {
        let behaviour = format!("reach {what}");
        arena.check(&behaviour, "emptiness", expected).await;
    };
    let nothing = "guest saw: 0 variables, 0 arguments, working directory None";
    check("environment", nothing).await;
    check("files", "guest saw: 0 directories").await;
    check("stdin", "guest saw: Err(StreamError::Closed)").await;
    check("resolve", "guest saw: Err(").await;
    check(port, "guest saw: tcp Err(").await;
    check(port, "udp Err(").await;
    check("exit", "broke off").await;
    assert_eq!(arena.world.inner.connections(), 0);
}
