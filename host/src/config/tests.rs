//! Tables of configurations and what they mean, or why they don't.

mod files;

use super::*;
use crate::hint::Hint;
use crate::secret::Secret;

/// The environment of these tests.
fn env(name: &str) -> Option<String> {
    match name {
        "DATABASE_URL" => Some("postgres://u:hunter2@db/x".into()),
        "SPOTIFY_CLIENT_ID" => Some("id-1".into()),
        "SPOTIFY_CLIENT_SECRET" | "SECRET" => Some("hunter2".into()),
        "INJECTION" => Some("\"\n[limits]\nmemory_mib = 1 # ${DATABASE_URL}".into()),
        "NUMBER" => Some("12".into()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn parse(text: &str) -> Config {
    match Config::parse(text, &env) {
        Ok(config) => config,
        Err(error) => panic!("{error} {:?}", error.hint()),
    }
}

#[test]
fn interpolates() {
    fn check(text: &str, expected: Result<&str, &str>) {
        let filled = interpolate::expand(text, &env).map_err(|mistake| format!("{mistake:?}"));
        assert_eq!(
            filled.as_deref(),
            expected.map_err(str::to_owned).as_deref(),
            "{text}"
        );
    }
    check("plain", Ok("plain"));
    check("a${NUMBER}b${NUMBER}", Ok("a12b12"));
    check("${NUMBER:-7}", Ok("12"));
    check("${UNSET:-7}", Ok("7"));
    check("${UNSET:-}", Ok(""));
    check("${UNSET:-a:-b}", Ok("a:-b"));
    check("${EMPTY}", Ok(""));
    check("${EMPTY:-7}", Ok("7"));
    check("$", Ok("$"));
    check("$${NUMBER}", Ok("${NUMBER}"));
    check("$$$NUMBER $", Ok("$$$NUMBER $"));
    check(
        "SELECT $$it's ${NUMBER}$$, $q$x$q$",
        Ok("SELECT $$it's 12$$, $q$x$q$"),
    );
    check("WHERE id = $1 {id}", Ok("WHERE id = $1 {id}"));
    check("${UNSET}", Err("Unset(\"UNSET\")"));
    check("${", Err("Malformed"));
    check("${}", Err("Malformed"));
    check("${1A}", Err("Malformed"));
    check("${A B}", Err("Malformed"));
    check("${A-b}", Err("Malformed"));
}

#[test]
fn a_value_adds_no_settings() {
    let config = parse("[rows]\npostgres = '${DATABASE_URL}'\nquery = '${INJECTION}'");
    assert_eq!(config.limits, Limits::default());
    let Some(Rows::Postgres(rows)) = config.rows else {
        panic!("rows from PostgreSQL")
    };
    assert_eq!(rows.query, env("INJECTION").unwrap());
    assert_eq!(rows.connection.expose(), "postgres://u:hunter2@db/x");
}

#[test]
fn numbers_may_come_from_the_environment() {
    let config = parse("[run]\nworkers = '${NUMBER}'\nchunk_rows = '${UNSET:-9}'");
    assert_eq!((config.run.workers, config.run.chunk_rows), (12, Some(9)));
}

const SOURCE: &str = "[source]\nurl = 'https://api.example.com/{id}'\n";

#[test]
fn keeps_the_order_of_the_file() {
    let config = parse(&format!(
        "{SOURCE}matrix = {{ zone = ['1'], country = ['US', 'CA'], age = ['x'] }}\n\
         [source.attributes]\nz = '1'\nb = '2'\na = '3'\n\
         [source.headers]\nX-Key = '${{SECRET}}'\nAccept = 'a'"
    ));
    let source = config.source().unwrap();
    let axes: Vec<_> = source
        .matrix
        .iter()
        .map(|axis| axis.name.as_str())
        .collect();
    assert_eq!(axes, ["zone", "country", "age"]);
    let attributes: Vec<_> = source
        .attributes
        .iter()
        .map(|each| each.name.as_str())
        .collect();
    assert_eq!(attributes, ["z", "b", "a"]);
    assert_eq!(source.headers[0].value, Secret::new("hunter2"));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn defaults() {
    let config = parse(&format!("{SOURCE}[table]\nname = 'tracks'"));
    let source = config.source().unwrap();
    assert_eq!(
        (source.max_pages, source.concurrency, source.max_body_bytes),
        (100, 8, 8_388_608)
    );
    assert_eq!(
        (source.auth.clone(), source.pagination.clone()),
        Default::default()
    );
    assert_eq!(
        (source.retry.max_attempts, source.request_timeout_ms),
        (5, 20_000)
    );
    assert_eq!(config.table().unwrap().concurrency, 8);
    assert_eq!((config.run.chunk_rows, config.run.workers), (None, 4));
    assert_eq!(config.rows().unwrap_err().setting(), Some("rows"));
}

#[test]
fn rows() {
    fn check(text: &str, expected: Result<(Input, Format), &str>) {
        let config = Config::parse(&format!("[rows]\n{text}"), &env);
        match (config, expected) {
            (
                Ok(Config {
                    rows: Some(Rows::File(file)),
                    ..
                }),
                Ok(expected),
            ) => {
                assert_eq!((file.input, file.format), expected, "{text}");
            }
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected, "{text}"),
            (other, _) => panic!("{text}: {other:?}"),
        }
    }
    let path = |name: &str| Input::Path(name.into());
    check("file = 'a.jsonl'", Ok((path("a.jsonl"), Format::JsonLines)));
    check("file = 'a.CSV'", Ok((path("a.CSV"), Format::Csv)));
    check(
        "file = 'a.txt'\nformat = 'csv'",
        Ok((path("a.txt"), Format::Csv)),
    );
    check(
        "file = '-'\nformat = 'jsonl'",
        Ok((Input::Stdin, Format::JsonLines)),
    );
    check(
        "file = '-'",
        Err(
            "`rows` (line 1): the format can't be told from the file's name: add `format`, \"jsonl\" or \"csv\"",
        ),
    );
    check(
        "",
        Err("`rows` (line 1): needs `postgres` and `query`, or `file`"),
    );
    check(
        "postgres = 'x'",
        Err("`rows` (line 1): `postgres` needs a `query`"),
    );
    check(
        "postgres = 'x'\nfile = 'a.csv'",
        Err("`rows` (line 1): `postgres` and `file` exclude each other"),
    );
}

#[test]
fn auth_and_pagination() {
    fn check(text: &str, expected: Result<(AuthMethod, Pagination), &str>) {
        let config = Config::parse(&format!("{SOURCE}{text}"), &env);
        match (config, expected) {
            (Ok(config), Ok(expected)) => {
                let source = config.source.unwrap();
                assert_eq!((source.auth.method, source.pagination), expected, "{text}");
            }
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected, "{text}"),
            (other, _) => panic!("{text}: {other:?}"),
        }
    }
    let secret = || Secret::new("hunter2");
    check(
        "auth.type = 'none'",
        Ok((AuthMethod::None, Pagination::None)),
    );
    check(
        "auth.type = 'bearer'\nauth.token = '${SECRET}'\npagination.type = 'link-header'",
        Ok((
            AuthMethod::Bearer { token: secret() },
            Pagination::LinkHeader,
        )),
    );
    check(
        "auth = { type = 'basic', username = 'u', password = 'hunter2' }\n\
         pagination = { type = 'next-url', pointer = '/next' }",
        Ok((
            AuthMethod::Basic {
                username: "u".into(),
                password: secret(),
            },
            Pagination::NextUrl {
                pointer: "/next".into(),
            },
        )),
    );
    check(
        "auth = { type = 'client-credentials', token_url = 'https://t', client_id = 'i', \
         client_secret = 'hunter2' }\n\
         pagination = { type = 'cursor', pointer = '/next', parameter = 'after' }",
        Ok((
            AuthMethod::ClientCredentials {
                token_url: "https://t".into(),
                client_id: "i".into(),
                client_secret: secret(),
                scope: String::new(),
            },
            Pagination::Cursor {
                pointer: "/next".into(),
                parameter: "after".into(),
            },
        )),
    );
    check(
        "auth.type = 'bearer'",
        Err("`source.auth` (line 3): type = \"bearer\" needs `token`"),
    );
    check(
        "auth.type = 'bearer'\nauth.token = 'x'\nauth.scope = 'x'",
        Err("`source.auth` (line 3): `scope` has no meaning with type = \"bearer\""),
    );
    check(
        "pagination.type = 'cursor'\npagination.pointer = '/x'",
        Err("`source.pagination` (line 3): type = \"cursor\" needs `parameter`"),
    );
}

fn check_mistake(text: &str, message: &str, hint: Option<&str>) {
    let error = Config::parse(text, &env).unwrap_err();
    assert_eq!(error.to_string(), message, "{text}");
    assert_eq!(error.hint().as_ref().map(Hint::as_str), hint, "{text}");
    assert!(!format!("{error:?}").contains("hunter2"), "{text}");
}

#[test]
fn mistakes_of_form() {
    check_mistake(
        "[rows]\npostgres = '${DB}'",
        "`rows.postgres` needs the environment variable DB, which is not set",
        Some("set it, or give a default in the file: ${DB:-…}"),
    );
    check_mistake(
        "[source]\nrequire = ['/a', '${B}']",
        "`source.require.1` needs the environment variable B, which is not set",
        Some("set it, or give a default in the file: ${B:-…}"),
    );
    check_mistake(
        "[source]\nurl = '${'",
        "`source.url` (line 2): has a `${` that isn't followed by a variable's name and `}`",
        Some("write ${NAME} or ${NAME:-default}, and $${ for a ${ that stays"),
    );
    check_mistake(
        &format!("{SOURCE}\nconcurency = 8"),
        "`source.concurency` (line 4): there is no such setting",
        Some("did you mean `concurrency`?"),
    );
    check_mistake(
        "[tabel]\n",
        "`tabel` (line 1): there is no such setting",
        Some("did you mean `table`?"),
    );
    check_mistake(
        "[run]\nfoo = 1",
        "`run.foo` (line 2): there is no such setting",
        Some("known here: `chunk_rows`, `workers`, `max_wait`, `max_rejected`, `resume_within`"),
    );
    check_mistake(
        "[run]\nworkers = 'hunter2'",
        "`run.workers` (line 2): is text, expected u32",
        None,
    );
    check_mistake(
        "[run]\nworkers = '${SECRET}'",
        "`run.workers` (line 2): its variable's value is no number",
        None,
    );
    check_mistake(
        "[run]\nworkers = -1",
        "`run.workers` (line 2): is -1, expected u32",
        None,
    );
    check_mistake(
        "[limits]\nmemory_mib = 0",
        "`limits.memory_mib`: must not be 0",
        None,
    );
    check_mistake(
        "[source]\nrecords = ''",
        "`source.url` (line 1): is missing",
        None,
    );
    check_mistake(
        &format!("{SOURCE}auth.type = 'barer'"),
        "`source.auth.type` (line 3): is none of `none`, `bearer`, `basic`, `client-credentials`",
        Some("did you mean \"bearer\"?"),
    );
}

#[test]
fn mistakes_of_meaning() {
    check_mistake(
        &format!("{SOURCE}records = 'tracks.items'"),
        "`source.records`: is no JSON Pointer: it must start with `/`",
        Some("perhaps \"/tracks/items\""),
    );
    check_mistake(
        &format!("{SOURCE}matrix.c = ['a', 'a']"),
        "`source.matrix.c`: has a value twice",
        None,
    );
    check_mistake(
        &format!("{SOURCE}request_timeout_ms = 40000"),
        "`source.request_timeout_ms`: is 40000, and must be 1 to 30000",
        Some("the upper bound is `limits.request_seconds`"),
    );
    check_mistake(
        "[source]\npreset = 'spotify-top-track'",
        "`source.preset`: there is no such preset",
        Some("did you mean \"spotify-top-tracks\"?"),
    );
    for (list, origin, message) in [
        (
            "origins",
            "example.com:8080",
            "it begins with neither \"https://\" nor \"http://\"",
        ),
        (
            "plain_http",
            "http://db:8000/x",
            "it has a path or query; an origin ends after its host and port",
        ),
    ] {
        check_mistake(
            &format!("[egress]\n{list} = ['{origin}']"),
            &format!("`egress.{list}.0`: {message}"),
            Some("an origin is like https://api.example.com or http://localhost:8080"),
        );
    }
    check_mistake(
        "[egress]\naddresses = ['localhost']",
        "`egress.addresses.0` (line 2): invalid IP address syntax",
        None,
    );
    check_mistake(
        "[run]\nworkers = 'é\n",
        "rowcast.toml:2:13: invalid literal string, expected `'`",
        None,
    );
}

#[test]
fn ledgers() {
    fn check(section: &str, expected: Result<Ledger, &str>) {
        let config = Config::parse(&format!("[ledger]\n{section}"), &env);
        let found = config.map(|config| config.ledger);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (found, _) => panic!("{section}: {found:?}"),
        }
    }
    check("", Ok(Ledger::File(".rowcast/ledger.redb".into())));
    check("file = 'a.redb'", Ok(Ledger::File("a.redb".into())));
    check("table = 'runs'", Ok(Ledger::Table("runs".into())));
    check("off = true", Ok(Ledger::Off));
    check("off = true\ntable = 'runs'", Err("`off` excludes"));
    check("file = 'a'\ntable = 'b'", Err("exclude each other"));
    check("file = ''", Err("`file` is empty"));
}
