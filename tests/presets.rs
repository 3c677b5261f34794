//! Each preset through the command, at default settings, against a stand-in
//! that has the shape, the limits and the manners of its API.

use crate::capacity::START_REFUSED;
use crate::support::dynamodb::table_name;
use crate::support::stage::Stage;
use crate::support::table::table_at;
use futures_util::future::join_all;
use rowcast::engine::{COMPONENT, Runtime};
use rowcast::limits::Limits;
use rowcast_stand_ins::api::{Api, ApiStandIn, KEY, Span};
use rowcast_stand_ins::demo;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::source::Logged;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Runs that preset over so many rows, and says all that is wrong.
async fn run(api: Api, rows: usize, storage: &TemporaryDynamoDb) -> String {
    let source = ApiStandIn::start(api).await.unwrap();
    let api = source.api();
    let preset = &api.preset;
    let origin = source.origin();
    let (name, settings) = (table_name(), api.settings.join("\n"));
    let stage = Stage::new(&format!(
        "[rows]\nfile = \"rows.jsonl\"\nformat = \"jsonl\"\n\
         [source]\npreset = \"{preset}\"\nurl = \"{origin}{}\"\n{settings}\n\
         [egress]\naddresses = [\"127.0.0.1\"]\n{}",
        api.target,
        table_at(&storage.endpoint(), &name),
    ));
    let (mut text, mut records) = (String::new(), 0);
    for row in 1..=rows {
        let mbid = format!("b95ce3ff-3d05-4e87-9e01-{row:012}");
        let repo = format!("repository-{row}");
        let row = json!({"id": row, "mbid": mbid, "owner": "someone", "repo": repo});
        writeln!(text, "{row}").unwrap();
        records += source.records(&expanded(&api.target, &row));
    }
    std::fs::write(stage.path().join("rows.jsonl"), text).unwrap();
    stage.rowcast(&["table", "create"]).await.ok();
    let output = stage.rowcast(&["run"]).await;
    let stored = items(storage, &name).await;

    let log = source.log();
    let (good, refused) = (log.count(Logged::Good), log.count(Logged::Refused));
    let mut wrong = String::new();
    let mut hold = |holds: bool, what: String| {
        if !holds {
            writeln!(wrong, "{preset}: {what}").unwrap();
        }
    };
    let done = format!("{rows} read: {rows} done, 0 rejected, 0 pending");
    hold(
        output.code == Some(0) && output.stderr.contains(&done),
        format!("exit {:?}: {}", output.code, output.stderr),
    );
    hold(
        stored == records,
        format!("{stored} items instead of {records}"),
    );
    hold(
        refused <= START_REFUSED + good / 10,
        format!("{refused} requests refused, {good} good"),
    );
    let inside = log.inside_pauses();
    hold(inside == 0, format!("{inside} requests inside a pause"));
    wrong
}

/// How many items a table has. A page of them is a megabyte.
async fn items(storage: &TemporaryDynamoDb, table: &str) -> u64 {
    let (mut count, mut from) = (0, Value::Null);
    loop {
        let mut scan = json!({"TableName": table, "Select": "COUNT"});
        if !from.is_null() {
            scan["ExclusiveStartKey"] = from;
        }
        let (status, mut page) = storage.call("Scan", &scan).await;
        assert_eq!(status, 200, "{page}");
        count += page["Count"].as_u64().unwrap();
        from = page["LastEvaluatedKey"].take();
        if from.is_null() {
            return count;
        }
    }
}

/// A target with a row's columns.
fn expanded(target: &str, row: &Value) -> String {
    row.as_object()
        .unwrap()
        .iter()
        .fold(target.to_owned(), |target, (name, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            target.replace(&format!("{{{name}}}"), &value)
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_done_within_the_limits() {
    let storage = TemporaryDynamoDb::start().await.unwrap();
    let api = |preset| Api::of(preset).unwrap();
    // Its hour is three seconds here.
    let hour = Span {
        most: 60,
        per_ms: 3_000,
        fixed: true,
    };
    // By a key in the query, which the host adds.
    let key = format!(r#"auth = {{ type = "api-key", key = "{KEY}", parameter = "api_key" }}"#);
    let mut by_key = api("tmdb-movie-credits");
    by_key.settings = vec![key];
    let wrong = join_all([
        run(api("deezer-top-tracks"), 80, &storage),
        run(api("github-issues").limited(hour), 120, &storage),
        run(api("listenbrainz-top-recordings"), 120, &storage),
        run(api("musicbrainz-recordings"), 4, &storage),
        run(api("tmdb-movie-credits"), 150, &storage),
        run(by_key, 50, &storage),
    ])
    .await
    .concat();
    assert!(wrong.is_empty(), "{wrong}");
}

/// What a stand-in knows of its API, it knows from the API's documentation; the
/// presets must agree.
#[tokio::test]
async fn each_preset_has_a_stand_in() {
    let runtime = Runtime::new(Limits::default()).unwrap();
    let component = runtime.load(COMPONENT).unwrap();
    let mut describer = component.describer().await.unwrap();
    let presets = describer.describe().await.unwrap().presets;
    let mut names: Vec<_> = Api::all().iter().map(|api| api.preset.as_str()).collect();
    names.push(demo::PRESET);
    names.sort_unstable();
    let known: Vec<_> = presets.iter().map(|preset| preset.name.as_str()).collect();
    assert_eq!(names, known);
    for api in Api::all() {
        let preset = presets.iter().find(|preset| preset.name == api.preset);
        let source: Value = serde_json::from_str(&preset.unwrap().source).unwrap();
        let url = source["url"].as_str().unwrap();
        assert!(url.ends_with(&api.target), "{url}: {}", api.target);
    }
}
