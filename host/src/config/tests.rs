//! Tables of configurations and what they mean, or why they don't.

mod files;
mod init;

use super::*;
use crate::hint::Hint;
use rowcast_pipeline::settings::Node;
use std::collections::HashSet;

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
    match Config::parse(text, env) {
        Ok(config) => config,
        Err(error) => panic!("{error} {:?}", error.hint()),
    }
}

/// Headers are templates; what else is isn't made of secrets.
#[test]
fn braces_of_a_value_are_no_placeholders_in_headers() {
    let text = r#"{"source":{"url":"${URL}","headers":{"x":"{id}${URL}"},"then":[{"headers":{"x":"${URL}"}}]}}"#;
    let mut tree = crate::engine::settings::node(text);
    let mut mistakes = rowcast_pipeline::settings::Mistakes::default();
    let value = |_: &str| Some("a{b}".to_owned());
    interpolate::fill(&mut tree, "", &value, &mut HashSet::new(), &mut mistakes);
    let expected = r#"{"source":{"url":"a{b}","headers":{"x":"{id}a{{b}}"},"then":[{"headers":{"x":"a{{b}}"}}]}}"#;
    assert_eq!(crate::engine::settings::json(&tree), expected);
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

#[test]
fn sections_of_the_component_are_kept_as_they_are() {
    let config = parse(
        "component = 'a.wasm'\n[source]\nurl = 'https://api.example.com/{id}'\nsince = 2026-01-02\n\
         matrix = { zone = ['1'], country = ['US', 'CA'] }\nfloat = 1.5\nnone = false\n\
         [source.headers]\nX-Key = '${SECRET}'\n[table]\nname = 'tracks'\nmine = 1",
    );
    assert_eq!(config.component, Some("a.wasm".into()));
    let source = config.written.tree.node.get("source").unwrap();
    assert_eq!(
        crate::engine::Source::of(source).text(),
        "{\"url\":\"https://api.example.com/{id}\",\"since\":\"2026-01-02\",\
         \"matrix\":{\"zone\":[\"1\"],\"country\":[\"US\",\"CA\"]},\"float\":1.5,\"none\":false,\
         \"headers\":{\"X-Key\":\"hunter2\"}}"
    );
    assert!(!format!("{config:?}").contains("hunter2"));
    let table = config.written.tree.node.get("table").unwrap();
    assert_eq!(table.get("mine"), Some(&Node::Whole(1)));
    assert_eq!(config.table().unwrap().name, "tracks");
}

#[test]
fn defaults() {
    let config = parse("[table]\nname = 'tracks'");
    assert_eq!((config.run.chunk_rows, config.run.workers), (None, 4));
    let missing = config.rows().unwrap_err();
    assert_eq!(missing.problems().first().unwrap().setting, "rows");
}

#[test]
fn rows() {
    fn check(text: &str, expected: Result<(Input, Format), &str>) {
        let config = Config::parse(&format!("[rows]\n{text}"), env);
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
            "`rows` (line 1) needs a `format`, \"jsonl\" or \"csv\": it can't be told from the file's name",
        ),
    );
    check(
        "",
        Err("`rows` (line 1) needs `postgres` and `query`, or `file`"),
    );
    check(
        "postgres = 'x'",
        Err("`rows` (line 1) has `postgres`, which needs a `query`"),
    );
    check(
        "postgres = 'x'\nfile = 'a.csv'",
        Err("`rows` (line 1) has both `postgres` and `file`, which exclude each other"),
    );
}

fn check_mistake(text: &str, message: &str, hint: Option<&str>) {
    let error = Config::parse(text, env).unwrap_err();
    assert_eq!(error.to_string(), message, "{text}");
    assert_eq!(error.hint().as_ref().map(Hint::as_str), hint, "{text}");
    assert!(!format!("{error:?}").contains("hunter2"), "{text}");
}

#[test]
fn mistakes_of_form() {
    check_mistake(
        "[rows]\nquery = 'x'\npostgres = '${DB}'",
        "`rows.postgres` (line 3) needs the environment variable DB, which is not set",
        Some("set it, or give a default in the file: ${DB:-…}"),
    );
    check_mistake(
        "[source]\nrequire = ['/a',\n'${B}']",
        "`source.require.1` (line 3) needs the environment variable B, which is not set",
        Some("set it, or give a default in the file: ${B:-…}"),
    );
    check_mistake(
        "[source]\nurl = '${'",
        "`source.url` (line 2) has a `${` that isn't followed by a variable's name and `}`",
        Some("write ${NAME} or ${NAME:-default}, and $${ for a ${ that stays"),
    );
    check_mistake("source = 3", "`source` (line 1) must be a table", None);
    check_mistake(
        "[tabel]\n",
        "`tabel` (line 1) is not a known setting",
        Some("did you mean `table`?"),
    );
    check_mistake(
        "[run]\nfoo = 1",
        "`run.foo` (line 2) is not a known setting",
        Some("known here: `chunk_rows`, `workers`, `max_wait`, `max_rejected`, `resume_within`"),
    );
    for (value, found) in [
        ("'hunter2'", "text"),
        ("'${SECRET}'", "text"),
        ("-1", "a number"),
    ] {
        check_mistake(
            &format!("[run]\nworkers = {value}"),
            &format!(
                "`run.workers` (line 2) is {found}; it must be a whole number that is not negative"
            ),
            None,
        );
    }
    check_mistake(
        "[run]\nworkers = 99999999999999999999",
        "`run.workers` (line 2) is too large a number",
        None,
    );
    check_mistake(
        "[table]\nregion = 'x'",
        "`table.name` (line 1) is missing",
        None,
    );
}

#[test]
fn mistakes_of_meaning() {
    check_mistake(
        "[limits]\nmemory_mib = 0",
        "`limits.memory_mib` (line 2) must not be 0",
        None,
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
            &format!("`egress.{list}.0` (line 2) is not an origin: {message}"),
            Some("an origin is like https://api.example.com or http://localhost:8080"),
        );
    }
    check_mistake(
        "[egress]\naddresses = ['localhost']",
        "`egress.addresses.0` (line 2) invalid IP address syntax",
        None,
    );
    check_mistake(
        "[run]\nworkers = 'é\n",
        "rowcast.toml:2:13: invalid literal string, expected `'`",
        None,
    );
}

#[test]
fn all_mistakes_are_told_in_the_files_order() {
    check_mistake(
        "[run]\nworkers = 0\nchunk_rows = 'x'\n[egress]\norigin = []\n[rows]\nquery = '${NO}'",
        "the configuration has 5 problems:\n  \
         `run.workers` (line 2) is 0; it must be 1 to 32\n  \
         `run.chunk_rows` (line 3) is text; it must be a whole number that is not negative\n  \
         `egress.origin` (line 5) is not a known setting\n    hint: did you mean `origins`?\n  \
         `rows` (line 6) needs `postgres` and `query`, or `file`\n  \
         `rows.query` (line 7) needs the environment variable NO, which is not set\n    \
         hint: set it, or give a default in the file: ${NO:-…}",
        None,
    );
}

#[test]
fn ledgers() {
    fn check(section: &str, expected: Result<LedgerSettings, &str>) {
        let config = Config::parse(&format!("[ledger]\n{section}"), env);
        let found = config.map(|config| config.ledger);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (found, _) => panic!("{section}: {found:?}"),
        }
    }
    check("", Ok(LedgerSettings::File(".rowcast/ledger.redb".into())));
    check("file = 'a.redb'", Ok(LedgerSettings::File("a.redb".into())));
    check("table = 'runs'", Ok(LedgerSettings::Table("runs".into())));
    check("off = true", Ok(LedgerSettings::Off));
    check(
        "off = true\ntable = 'runs'",
        Err("has `off`, which excludes"),
    );
    check("file = 'a'\ntable = 'b'", Err("exclude each other"));
    check("file = ''", Err("an empty `file`"));
}
