//! Addresses that can't be read, in each place that takes one.

use super::{Setup, api, grant};
use crate::support::command::Output;
use crate::support::stage::Stage;
use rowcast_stand_ins::http::Reply;

/// Where no parser expects a secret: nobody knows which part of such an address
/// is the password, so nothing of it is shown but the scheme.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "two tables of addresses")]
async fn no_unreadable_address_is_shown() {
    let source = api(grant, Reply::json(r#"[{"name":"one"}]"#)).await;
    let setup = Setup {
        rows: "postgres://u@127.0.0.1:1/x".into(),
        source: source.origin(),
        by: "host",
        dynamodb: "http://127.0.0.1:1".into(),
        more: "",
    };
    let search = |what: &str, output: &Output| {
        for part in ["Tr0ub", "4dor", "3xyz", "me:", "db.example"] {
            let shown = output.stdout.contains(part) || output.stderr.contains(part);
            assert!(!shown, "{what} shows {part}: {output:?}");
        }
    };
    let refused = async |configuration: String, message: &str| {
        // `extract` reads nothing of the table.
        let last = configuration
            .contains("endpoint = \"https")
            .then_some("extract");
        for command in ["check", "run", "extract"]
            .into_iter()
            .filter(|it| last != Some(it))
        {
            let stage = Stage::new(&configuration);
            let output = stage.rowcast(&["-vvv", command]).await;
            assert_eq!(output.code, Some(2), "{command}: {output:?}");
            let said = output.stdout.contains(message) || output.stderr.contains(message);
            assert!(said, "{command} lacks {message}: {output:?}");
            search(command, &output);
        }
    };
    let at = "encode @ as %40 in the password";
    for (rows, message) in [
        ("postgres://me:Tr0ub4dor@3xyz@db.example.com/app", at),
        (
            "postgresql://me:Tr0ub4dor@@db.example.com:5432/app?sslmode=require",
            at,
        ),
        (
            "postgres://me:Tr0ub/4dor@db.example.com/app",
            "encode / as %2F in the password",
        ),
        ("postgres://me:Tr0ub4dor/app", "the port is 1 to 65535"),
        (
            "postgresql+psycopg2://me:Tr0ub4dor@db.example.com/app",
            "postgresql+psycopg2",
        ),
        ("mysql://me:Tr0ub4dor@db.example.com/app", "mysql"),
        ("'postgres://me:Tr0ub4dor@db.example.com/app'", "quotes"),
        ("me:Tr0ub4dor@db.example.com/app", "postgres://"),
        (
            "host=db.example.com user=me password=3xyz Tr0ub4dor",
            "name=value",
        ),
        ("host=db.example.com passwrod=Tr0ub4dor", "`password`"),
    ] {
        let setup = Setup {
            rows: rows.into(),
            ..setup.clone()
        };
        refused(setup.configuration(), message).await;
    }
    let whole = setup.configuration();
    let endpoint = "endpoint = \"http://127.0.0.1:1\"".to_owned();
    let token_url = format!("token_url = \"{}/token\"", source.origin());
    for (setting, from, to, message) in [
        (
            "a user in the token's URL",
            token_url.clone(),
            "token_url = \"https://me:Tr0ub4dor@db.example.com/token\"".to_owned(),
            "`source.auth.token_url`",
        ),
        (
            "a user in the source's URL",
            format!("url = \"{}/artists", source.origin()),
            "url = \"https://me:Tr0ub4dor@db.example.com/artists".to_owned(),
            "`source.url`",
        ),
        (
            "a port that is a password",
            format!("url = \"{}/artists", source.origin()),
            "url = \"https://me:Tr0ub4dor/artists".to_owned(),
            "`source.url`",
        ),
        (
            "a user in the endpoint",
            endpoint.clone(),
            "endpoint = \"https://me:Tr0ub4dor@db.example.com\"".to_owned(),
            "https://host",
        ),
        (
            "a path in the endpoint",
            endpoint.clone(),
            "endpoint = \"https://db.example.com/Tr0ub4dor?3xyz\"".to_owned(),
            "https://host",
        ),
        (
            "a key in an origin",
            "[egress]".to_owned(),
            "[egress]\norigins = [\"https://db.example.com/?key=Tr0ub4dor\"]".to_owned(),
            "`egress.origins.0`",
        ),
    ] {
        let configuration = whole.replace(&from, &to);
        assert_ne!(configuration, whole, "{setting}");
        refused(configuration, message).await;
    }
}
