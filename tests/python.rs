//! The pipeline in Python, `examples/python-pipeline/`, through the same
//! command: another source, other records, the same accounts.

use crate::support::dynamodb::on_each;
use crate::support::python_pipeline::component;
use crate::support::stage::Stage;
use rowcast_stand_ins::http::{Reply, Seen};
use rowcast_stand_ins::scripted::ScriptedSource;
use rowcast_stand_ins::table::{DynamoFault, DynamoPlan, FaultyDynamo};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// For the pipeline's own tests; they take seconds, most of it to compile it.
const PATIENCE: Duration = Duration::from_mins(5);

const HEADER: &str = "KEY,FREQ,CURRENCY,TIME_PERIOD,OBS_VALUE,TITLE\r\n";

/// The stand-in for the European Central Bank: the currency says what it does,
/// the first time or always.
fn answer(seen: &Seen, turn: usize) -> Reply {
    let series = seen.target.split(['/', '?']).nth(4).unwrap();
    let currency = series.split('.').nth(1).unwrap();
    let rates = || {
        let line = |day: u32| {
            format!(
                "EXR.{series},D,{currency},2026-01-{day:02},1.{day}0,\"a \"\"rate\"\", dated\"\r\n"
            )
        };
        HEADER.to_owned() + &(1..=30).map(line).collect::<String>()
    };
    match currency {
        "XXX" => Reply::status(404, "No results found."),
        "HTM" => Reply::status(200, "<html>"),
        "RAG" => Reply::status(200, format!("{HEADER}only,three,fields\r\n")),
        // A day without a rate.
        "NIL" => Reply::status(200, format!("{HEADER}EXR.{series},D,NIL,2026-01-01,,t\r\n")),
        "OFF" => Reply::status(503, ""),
        "LTR" => Reply::status(429, "").with_header("retry-after", "86400"),
        "GBP" if turn == 0 => Reply::status(429, "").with_header("retry-after", "1"),
        "CHF" if turn == 0 => Reply::Reset,
        "SEK" if turn == 0 => Reply::Cut(rates().into()),
        _ => Reply::status(200, rates()),
    }
}

/// Counts the turns of each address apart.
async fn source() -> ScriptedSource {
    let turns = std::sync::Mutex::new(std::collections::HashMap::<String, usize>::new());
    ScriptedSource::start(move |seen, _| {
        let mut turns = turns.lock().unwrap();
        let turn = turns.entry(seen.target.clone()).or_default();
        *turn += 1;
        answer(seen, *turn - 1)
    })
    .await
}

fn configuration(origin: &str, dynamodb: &str, table: &str, currencies: &[&str]) -> Stage {
    let stage = Stage::new(&format!(
        r#"
[rows]
file = "currencies.jsonl"

[source]
url = "{origin}/service/data/EXR/{{frequency}}.{{currency}}.EUR.SP00.A?format=csvdata"
matrix.frequency = ["D", "M"]
require = ["/OBS_VALUE"]
attributes.base = "EUR/{{currency}}"
retry = {{ max_attempts = 4, base_delay_ms = 5, max_delay_ms = 20 }}

[egress]
addresses = ["127.0.0.1"]

[table]
name = "{table}"
region = "us-east-1"
endpoint = "{dynamodb}"
keys.partition = {{ name = "KEY", type = "S" }}
keys.sort = {{ name = "TIME_PERIOD", type = "S" }}
retry = {{ max_attempts = 6, base_delay_ms = 5, max_delay_ms = 20 }}

[table.credentials]
access_key_id = "test"
secret_access_key = "test"
"#
    ));
    let rows = currencies.iter().fold(String::new(), |rows, currency| {
        rows + &format!("{{\"currency\":\"{currency}\"}}\n")
    });
    std::fs::write(stage.path().join("currencies.jsonl"), rows).unwrap();
    stage
}

async fn rowcast(stage: &Stage, arguments: &[&str]) -> crate::support::command::Output {
    let all = [&["--component", component()], arguments].concat();
    stage.rowcast(&all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_are_loaded_and_found_whatever_the_servers_do_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let source = source().await;
        let plan = DynamoPlan {
            first: &[
                DynamoFault::Unprocessed,
                DynamoFault::Throughput,
                DynamoFault::Internal,
                DynamoFault::ResetAfter,
            ],
            ..DynamoPlan::QUIET
        };
        let faulty = FaultyDynamo::start(plan, &dynamodb.endpoint).await;
        let currencies = ["USD", "GBP", "CHF", "SEK", "XXX", "HTM", "RAG", "NIL"];
        let stage = configuration(&source.origin(), &faulty.endpoint(), &table, &currencies);
        rowcast(&stage, &["table", "create"]).await.ok();
        let run = rowcast(&stage, &["run", "--report", "json"]).await;
        assert_eq!(run.code, Some(5), "{}", run.stderr);
        let counts: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(counts["requests"]["done"], 10, "{counts}");
        assert_eq!(counts["requests"]["rejected"], 6, "{counts}");
        assert_eq!(counts["records"]["rejected"], 2, "{counts}");
        assert_eq!(counts["documents"]["written"], 240, "{counts}");
        assert!(run.stderr.contains("answered 404"), "{}", run.stderr);
        assert!(run.stderr.contains("line 2 has 3 fields"), "{}", run.stderr);

        let all = rowcast(&stage, &["query"]).await.ok().documents();
        assert_eq!(all.len(), 240, "{}", dynamodb.name);
        let few = [
            "query",
            "OBS_VALUE >= 1.30 AND `CURRENCY` = 'CHF' and OBS_VALUE < 1.40",
        ];
        let mut few = rowcast(&stage, &few).await.ok().documents();
        few.sort_by_key(|document| document["KEY"].to_string());
        // 1.30 and 1.300, of days and months.
        assert_eq!(few.len(), 4, "{few:?}");
        assert_eq!(few[0]["base"], json!("EUR/CHF"));
        assert_eq!(few[0]["TITLE"], json!("a \"rate\", dated"));
        let limited = [
            "query",
            "--limit",
            "7",
            "--select",
            "KEY,OBS_VALUE",
            "OBS_VALUE > 1",
        ];
        let limited = rowcast(&stage, &limited).await.ok().documents();
        assert_eq!(limited.len(), 7);
        assert_eq!(limited[0].as_object().unwrap().len(), 2);

        let nothing = rowcast(&stage, &["query", "OBS_VALUE = '1' AND NOTE = 'x'"])
            .await
            .ok();
        let text = "240 of 240 items hold `OBS_VALUE` with another type than S";
        assert!(nothing.stderr.contains(text), "{}", nothing.stderr);
        let text = "240 of 240 items have no `NOTE`";
        assert!(nothing.stderr.contains(text), "{}", nothing.stderr);
        let wrong = rowcast(&stage, &["query", "OBS_VALUE > 1 OR 2 > 1"]).await;
        assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
        assert!(wrong.stderr.contains("column 15"), "{}", wrong.stderr);
    })
    .await;
}

/// No key of Rowcast's own source is in the file: its settings are its own.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_checked_and_run_with_settings_of_its_own() {
    let file = component();
    let stage = Stage::new(&format!(
        "component = \"{file}\"\n\n[rows]\nfile = \"currencies.jsonl\"\n\n[source]\n\
         preset = \"ecb-rates\"\nstart_period = 2026-02-30\nend_periode = \"2026\"\n"
    ));
    std::fs::write(
        stage.path().join("currencies.jsonl"),
        "{\"currency\":\"USD\"}\n",
    )
    .unwrap();
    let change = |from: &str, to: &str| {
        let file = stage.path().join("rowcast.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&file, text.replace(from, to)).unwrap();
    };
    change("2026-02-30", "\"soon\"");
    let output = stage.rowcast(&["extract"]).await;
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    let expected = "error: the configuration has 2 problems:\n  \
         `source.start_period` (line 8) is not of this form\n    hint: The first. A year, month or day, which is one of the days that rates are asked for.\n  \
         `source.end_periode` (line 9) is not known\n    hint: did you mean `end_period`?\n";
    assert_eq!(output.stderr, expected);
    change("end_periode", "end_period");
    change("\"soon\"", "2026-01-01");
    // Its preset's origin is its own word, not the operator's.
    let output = stage.rowcast(&["extract"]).await;
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    let hint = "to allow it, set `[egress] origins = [\"https://data-api.ecb.europa.eu\"]`";
    assert!(output.stderr.contains(hint), "{}", output.stderr);
    let server = source().await;
    let url = format!(
        "url = \"{}/service/data/EXR/{{frequency}}.{{currency}}.EUR.SP00.A\"\nstart_period",
        server.origin()
    );
    change("start_period", &url);
    let rates = stage.rowcast(&["extract"]).await.ok().documents();
    assert_eq!(rates.len(), 60);
    let asked = server.seen();
    assert_eq!(asked.len(), 2);
    let dated = |seen: &Seen| {
        seen.target
            .contains("startPeriod=2026-01-01&endPeriod=2026")
    };
    assert!(asked.iter().all(dated), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_accounted_for_on_each_dynamodb() {
    on_each(async |dynamodb, table| {
        let stage = configuration("http://127.0.0.1:1", &dynamodb.endpoint, &table, &[]);
        rowcast(&stage, &["table", "create"]).await.ok();
        let documents = [
            r#"{"KEY":"a","TIME_PERIOD":"1","n":1.50e+2}"#.to_owned(),
            r#"{"KEY":"a","TIME_PERIOD":"1","n":2.5}"#.to_owned(),
            r#"{"KEY":"a"}"#.to_owned(),
            r#"{"KEY":"","TIME_PERIOD":"1"}"#.to_owned(),
            // Refused by DynamoDB, and its batch with it.
            format!(r#"{{"KEY":"b","TIME_PERIOD":"1","n":{}}}"#, "1".repeat(50)),
            r#"{"KEY":"c","TIME_PERIOD":"1","deep":{"l":[null,true,"\u00fc",-0.1]}}"#.to_owned(),
        ];
        let load = ["--component", component(), "load"];
        let output = stage.rowcast_with_input(&load, &documents.join("\n")).await;
        assert_eq!(output.code, Some(5), "{}", output.stderr);
        let counts = "2 written, 1 superseded, 3 rejected, 0 pending";
        let said = &output.stderr;
        assert!(said.contains(counts), "{}: {said}", dynamodb.name);
        let mut found = rowcast(&stage, &["query"]).await.ok().documents();
        found.sort_by_key(|document| document["KEY"].to_string());
        let deep = json!({"KEY":"c","TIME_PERIOD":"1","deep":{"l":[null,true,"ü",-0.1]}});
        assert_eq!(found[0]["n"].to_string(), "2.5", "{}", dynamodb.name);
        assert_eq!(found[1], deep, "{}", dynamodb.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_it_ends_with_the_right_hint_and_exit() {
    let server = source().await;
    let check = async |change: fn(&str) -> String, currency: &str, code: i32, expected: &str| {
        let stage = configuration(&server.origin(), "http://127.0.0.1:1", "none", &[currency]);
        let file = stage.path().join("rowcast.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, change(&text)).unwrap();
        let output = rowcast(&stage, &["extract"]).await;
        let said = &output.stderr;
        assert_eq!(output.code, Some(code), "{currency}: {said}");
        assert!(said.contains(expected), "{currency}: {said}");
    };
    // It says that it was refused, in words of its own; the host says by what.
    let named = |text: &str| {
        let text = text.replacen("127.0.0.1", "localhost", 1);
        text.replace("[egress]\naddresses = [\"127.0.0.1\"]", "")
    };
    let hint = "hint: if it is meant, set `[egress] addresses = [\"127.0.0.1\"]`";
    check(named, "USD", 3, hint).await;
    check(str::to_owned, "OFF", 4, "answered 503").await;
    check(str::to_owned, "LTR", 6, "it asks to wait 1 day").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_imports_beyond_the_world_is_said_to_be_empty() {
    let stage = Stage::new("");
    let said = rowcast(&stage, &["component"]).await.ok().stdout;
    let (given, empty) = said.split_once("\nempty    ").unwrap();
    assert!(given.contains("wasi:http/outgoing-handler@0.2."), "{said}");
    assert!(!given.contains("wasi:cli"), "{said}");
    for name in [
        "wasi:cli/environment",
        "wasi:filesystem/preopens",
        "wasi:sockets/tcp",
    ] {
        assert!(empty.contains(name), "{said}");
    }
    assert!(!said.contains("missing"), "{said}");
}

/// What the command's tests can't bring about: answers of DynamoDB and of the
/// source one by one.
#[tokio::test(flavor = "multi_thread")]
async fn its_own_tests_pass() {
    let file = tokio::task::spawn_blocking(component).await.unwrap();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new(target.join("venvs/wasmtime-py/bin/python"))
        .args(["-m", "unittest"])
        .current_dir(workspace.join("examples/python-pipeline"))
        .env("PIPELINE", file)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Ran 32 tests"), "{said}");
}
