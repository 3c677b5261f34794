//! `sslmode` against a server with TLS and one without.

use crate::support::postgres::{Authority, Postgres, all, describe};

const ENCRYPTED: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// Whether rows come encrypted, or why none come.
async fn connect(server: &Postgres, host: &str, parameters: &str) -> String {
    match all(&server.url_at(host, parameters), ENCRYPTED).await {
        Ok(rows) if rows == [r#"{"ssl":true}"#] => "encrypted".into(),
        Ok(rows) if rows == [r#"{"ssl":false}"#] => "plain".into(),
        Ok(rows) => panic!("{rows:?}"),
        Err(error) => describe(&error),
    }
}

async fn check(server: &Postgres, host: &str, parameters: &str, expected: &str) {
    let found = connect(server, host, parameters).await;
    assert!(found.contains(expected), "{host} {parameters}: {found}");
}

#[tokio::test]
async fn each_mode_verifies_as_much_as_libpq_does() {
    let server = Postgres::start().await;
    let authority = Authority::new("Rowcast's test authority");
    let stranger = Authority::new("somebody else's authority");
    let (ours, theirs) = (authority.file(), stranger.file());
    let with = |mode: &str, file: &std::path::Path| {
        format!("sslmode={mode}&sslrootcert={}", file.display())
    };

    check(&server, "127.0.0.1", "sslmode=prefer", "plain").await;
    check(
        &server,
        "127.0.0.1",
        "sslmode=require",
        "the server has no TLS: sslmode=disable",
    )
    .await;
    check(
        &server,
        "localhost",
        &with("verify-full", &ours),
        "the server has no TLS",
    )
    .await;

    server.use_tls(&authority, "localhost").await;
    check(&server, "127.0.0.1", "sslmode=disable", "plain").await;
    check(&server, "127.0.0.1", "sslmode=prefer", "encrypted").await;
    check(&server, "127.0.0.1", "", "encrypted").await;
    check(&server, "127.0.0.1", "sslmode=require", "encrypted").await;
    check(&server, "127.0.0.1", &with("require", &ours), "encrypted").await;
    check(&server, "127.0.0.1", &with("verify-ca", &ours), "encrypted").await;
    check(
        &server,
        "localhost",
        &with("verify-full", &ours),
        "encrypted",
    )
    .await;

    for (host, parameters) in [
        // A certificate of that name, not of that address.
        ("127.0.0.1", with("verify-full", &ours)),
        ("127.0.0.1", with("verify-ca", &theirs)),
        ("127.0.0.1", with("require", &theirs)),
        ("localhost", with("verify-full", &theirs)),
        ("localhost", "sslmode=verify-full".to_owned()),
    ] {
        check(
            &server,
            host,
            &parameters,
            "hint: name the authority's certificate by sslrootcert=…",
        )
        .await;
    }
    let missing = with("verify-full", "/nowhere/authority.pem".as_ref());
    check(
        &server,
        "localhost",
        &missing,
        "load the certificates of /nowhere/authority.pem",
    )
    .await;

    // A server that wants TLS.
    server
        .run("COPY (SELECT 'hostssl all all all scram-sha-256') TO PROGRAM 'cat > pg_hba.conf'")
        .await;
    server.reload().await;
    server
        .wait_for("SELECT type FROM pg_hba_file_rules", "hostssl")
        .await;
    check(
        &server,
        "127.0.0.1",
        "sslmode=disable",
        "add sslmode=require to `rows.postgres`",
    )
    .await;
    check(
        &server,
        "localhost",
        &with("verify-full", &ours),
        "encrypted",
    )
    .await;
}
