//! Every mix → a run through it, and one without faults after it: nothing may
//! be lost, and what isn't there must be in the log. Prints the figures:
//! `cargo xtask faults` shows them for all mixes.

use super::mixes::{Ends, MIXES, Mix};
use super::station::{AuthBy, Items, RunResult, Scene, Storage, artist};
use crate::support::dynamodb::table_name;
use rowcast::run::Rejection;
use rowcast_stand_ins::source::{SourcePlan, TRACKS};
use rowcast_stand_ins::table::DynamoPlan;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// `all` runs every mix; otherwise the short selection runs, which has every
/// kind of fault.
const SELECTION: &str = "ROWCAST_FAULT_MIXES";

const ARTISTS: usize = 30;
const COUNTRIES: [&str; 2] = ["US", "CA"];

const QUIET: Scene = Scene {
    artists: ARTISTS,
    source: SourcePlan::QUIET,
    dynamodb: DynamoPlan::QUIET,
    auth: AuthBy::Host,
    ask_keys: true,
    attempts: 12,
    request_timeout_ms: 1_000,
    chunk_rows: 6,
    workers: 3,
    concurrency: 4,
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_in_any_mix() {
    let all = std::env::var(SELECTION).is_ok_and(|selection| selection == "all");
    let storage = Storage::start().await;
    let table = table_name();
    storage.create(&table).await;
    let patient = Scene {
        request_timeout_ms: 10_000,
        ..QUIET
    };
    storage.run(patient, &table).await;
    let whole = storage.items(&table).await;
    assert_eq!(whole.len(), ARTISTS * COUNTRIES.len() * TRACKS);
    println!("{}", head());
    let mut wrong = String::new();
    let selected = MIXES.iter().filter(|mix| all || mix.short);
    for mix in selected.clone() {
        let table = table_name();
        storage.create(&table).await;
        let ending = storage.run(scene(mix), &table).await;
        let stored = storage.items(&table).await;
        let mut faults = judge(mix, &ending, &stored, &whole);
        let second = storage.run(patient, &table).await;
        if storage.items(&table).await != whole || second.report.stopped.is_some() {
            faults.push("the second run did not complete the table".to_owned());
        }
        println!("{}", line(mix, &ending, &faults));
        for fault in faults {
            writeln!(wrong, "{}: {fault}", mix.name).unwrap();
        }
    }
    println!("{} mixes", selected.count());
    assert!(wrong.is_empty(), "{wrong}");
}

fn scene(mix: &Mix) -> Scene {
    Scene {
        source: SourcePlan {
            seed: mix.seed,
            rates: mix.source,
            missing: mix.missing,
            expire_tokens_after: mix.tokens,
            ..SourcePlan::QUIET
        },
        dynamodb: DynamoPlan {
            seed: mix.seed,
            rates: mix.dynamodb,
            poisoned: mix.poisoned,
            clock_seconds: mix.clock_seconds,
            expire_credentials_after: mix.credentials,
            ..DynamoPlan::QUIET
        },
        auth: mix.auth,
        attempts: mix.attempts,
        ..QUIET
    }
}

/// What is wrong with how a run ended.
fn judge(mix: &Mix, ending: &RunResult, stored: &Items, whole: &Items) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut hold = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let tally = &ending.report.tally;
    let per_request = TRACKS as u64;
    let unread = ARTISTS as u64 - tally.rows.read;
    let ends = match &ending.report.stopped {
        Some(_) => Ends::Stopped,
        None if tally.has_rejections() => Ends::Rejected,
        None => Ends::Complete,
    };
    hold(ends == mix.ends, &format!("ended otherwise: {ends:?}"));
    hold(
        tally.has_pending() || unread > 0 || ends != Ends::Stopped,
        "stopped, but nothing is pending",
    );
    hold(
        ending.source.inside_pauses() == 0,
        "asked while pause was asked for",
    );
    hold(
        stored
            .iter()
            .all(|(key, item)| whole.get(key) == Some(item)),
        "an item that is not as it should be",
    );
    // What is missing is exactly what the log says, but for writes that were
    // carried out and never acknowledged: those may be there and be pending.
    let missing = (whole.len() - stored.len()) as u64;
    let accounted = (tally.requests.rejected + tally.requests.pending) * per_request
        + unread * per_request * COUNTRIES.len() as u64
        + tally.records.rejected
        + tally.documents.rejected
        + tally.documents.pending;
    let unacknowledged = ending.dynamodb.unacknowledged() as u64;
    hold(
        missing <= accounted,
        &format!("{missing} items missing, {accounted} accounted for"),
    );
    hold(
        accounted - missing.min(accounted) <= unacknowledged,
        &format!("{missing} items missing, but {accounted} said to be"),
    );
    let absent = |artist: &str, country: &str| {
        let track = format!("{country}#{artist}-");
        !stored
            .keys()
            .any(|(id, key)| id == artist && key.starts_with(&track))
    };
    let refused = refused_cells(&ending.rejections);
    hold(
        refused.len() as u64 == tally.requests.rejected
            && ending.rejections.len() as u64
                == tally.requests.rejected + tally.records.rejected + tally.documents.rejected,
        "events and counts of rejections differ",
    );
    hold(
        refused
            .iter()
            .all(|(artist, country)| absent(artist, country)),
        "a rejected request's items are there",
    );
    let never_read = usize::try_from(tally.rows.read).unwrap()..ARTISTS;
    hold(
        never_read
            .flat_map(|row| COUNTRIES.map(|country| (artist(row), country)))
            .all(|(artist, country)| absent(&artist, country)),
        "items of a row that was not read",
    );
    wrong
}

/// Artist and country of each rejected request.
fn refused_cells(rejections: &[Rejection]) -> BTreeSet<(String, String)> {
    rejections
        .iter()
        .filter_map(|rejection| match rejection {
            Rejection::Request {
                row, combination, ..
            } => {
                let row: serde_json::Value = serde_json::from_str(row.get()).unwrap();
                let id = row["id"].as_str().unwrap().to_owned();
                Some((id, combination[0].1.clone()))
            }
            _ => None,
        })
        .collect()
}

/// The columns of [`line`].
fn head() -> String {
    let groups = [
        "",
        "source",
        "",
        "DynamoDB",
        "",
        "documents",
        "",
        "",
        "",
        "inside",
    ];
    let names = [
        "mix",
        "requests",
        "repeats",
        "calls",
        "repeats",
        "written",
        "superseded",
        "rejected",
        "pending",
        "pauses",
    ];
    let [groups, names] = [groups, names].map(|texts| columns(&texts));
    format!("{groups}\n{names} seconds  verdict")
}

fn columns(texts: &[&str; 10]) -> String {
    let [
        mix,
        asked,
        again,
        called,
        repeated,
        written,
        superseded,
        rejected,
        pending,
        inside,
    ] = texts;
    format!(
        "{mix:<34}{asked:>9}{again:>8}{called:>10}{repeated:>8}{written:>11}{superseded:>11}\
         {rejected:>9}{pending:>8}{inside:>10}"
    )
}

fn line(mix: &Mix, ending: &RunResult, faults: &[String]) -> String {
    let tally = &ending.report.tally;
    let per_request = TRACKS as u64;
    let unread = (ARTISTS as u64 - tally.rows.read) * COUNTRIES.len() as u64;
    // In documents: a request that isn't done has so many.
    let rejected =
        tally.requests.rejected * per_request + tally.records.rejected + tally.documents.rejected;
    let pending = (tally.requests.pending + unread) * per_request + tally.documents.pending;
    let verdict = match (faults, mix.ends) {
        ([], Ends::Complete) => "complete".to_owned(),
        ([], Ends::Rejected) => "accounted for: rejected".to_owned(),
        ([], Ends::Stopped) => "accounted for: pending".to_owned(),
        (faults, _) => format!("WRONG: {}", faults.join("; ")),
    };
    let figures = [
        ending.source.requests() as u64,
        tally.effort.source_retries,
        ending.dynamodb.calls().into(),
        tally.effort.dynamodb_retries,
        tally.documents.written,
        tally.documents.superseded,
        rejected,
        pending,
        ending.source.inside_pauses() as u64,
    ];
    let figures = figures.map(|figure| figure.to_string());
    let mut texts = [mix.name; 10];
    for (text, figure) in texts.iter_mut().skip(1).zip(&figures) {
        *text = figure;
    }
    let seconds = ending.took.as_secs_f64();
    format!("{} {seconds:>7.2}  {verdict}", columns(&texts))
}
