//! What was rejected is taken back in.

use super::{
    ALL, CHUNK, COUNTRIES, ROWS, TRACKS, WORKERS, answer, check, documents, reply, tomorrow, work,
};
use rowcast_stand_ins::http::Reply;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_rejected_is_taken_back_in() {
    let (_dynamodb, moody, stage) = work().await;
    let too_precise = "1.".to_owned() + &"1".repeat(40);
    moody.answer(move |seen, _| {
        let mut body = answer(seen);
        match seen.target.as_str() {
            "/artists/a1?country=US" => return Reply::status(404, "{}"),
            "/artists/a2?country=CA" => {
                for track in body["tracks"].as_array_mut().unwrap() {
                    track.as_object_mut().unwrap().remove("n");
                }
            }
            "/artists/a3?country=CA" => {
                return Reply::json(body.to_string().replacen(
                    "\"n\":1",
                    &format!("\"n\":{too_precise}"),
                    1,
                ));
            }
            _ => {}
        }
        Reply::json(body.to_string())
    });
    let expected = [
        ("requests.rejected", 1),
        ("records.rejected", TRACKS),
        ("documents.rejected", 1),
        ("documents.written", ALL - 2 * TRACKS - 1),
    ];
    check(&stage, &["--rejected", "rejected.jsonl"], 5, &expected).await;
    let rejected = std::fs::read_to_string(stage.path().join("rejected.jsonl")).unwrap();
    assert_eq!(
        rejected.lines().count() as u64,
        1 + TRACKS + 1,
        "{rejected}"
    );
    let replaced = stage
        .rowcast(&["load", "rejected.jsonl", "--rejected", "rejected.jsonl"])
        .await;
    assert_eq!(replaced.code, Some(2), "{}", replaced.stderr);

    // The cause is fixed: at the source,
    moody.answer(|seen, _| reply(seen));
    let asked = moody.requests();
    let printed = stage
        .rowcast(&["extract", "--rows", "rejected.jsonl"])
        .await
        .ok();
    assert_eq!(printed.documents().len() as u64, 2 * TRACKS);
    assert_eq!(moody.requests() - asked, 2);
    let rows = ["--rows", "rejected.jsonl"];
    let taken = check(
        &stage,
        &rows,
        0,
        &[("rows.done", 2), ("documents.written", 2 * TRACKS)],
    )
    .await;
    assert!(
        taken.stderr.contains("1 lines are rejected documents"),
        "{}",
        taken.stderr
    );
    assert_eq!(moody.requests() - asked, 4);
    // and in the document.
    let fixed = rejected.replace(&("1.".to_owned() + &"1".repeat(40)), "1");
    std::fs::write(stage.path().join("fixed.jsonl"), fixed).unwrap();
    let loaded = stage.rowcast(&["load", "fixed.jsonl"]).await.ok();
    assert!(
        loaded.stderr.contains("1 in all: 1 written"),
        "{}",
        loaded.stderr
    );
    assert_eq!(documents(&stage).await.len() as u64, ALL);
    // The next run finds everything there.
    check(
        &stage,
        &[],
        0,
        &[("documents.written", 0), ("documents.unchanged", ALL)],
    )
    .await;
}

/// One call asks for all of these, and is refused as often as a call with wrong
/// credentials would be.
#[tokio::test(flavor = "multi_thread")]
async fn forbidden_rows_stop_no_run_that_was_answered() {
    let (_dynamodb, moody, stage) = work().await;
    let file = stage.path().join("rowcast.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let chunks = format!("chunk_rows = {}", ROWS / 2);
    let text = text.replace(&format!("chunk_rows = {CHUNK}"), &chunks);
    let text = text.replace(&format!("workers = {WORKERS}"), "workers = 1");
    std::fs::write(&file, text).unwrap();
    // The first half of the rows is answered well.
    let answer = |otherwise: Reply| {
        moody.answer(move |seen, _| {
            let row = seen.target.trim_start_matches("/artists/a");
            let row = row.split('?').next().and_then(|row| row.parse().ok());
            if row.is_some_and(|row: u64| row < ROWS / 2) {
                reply(seen)
            } else {
                otherwise.clone()
            }
        });
    };
    let half = ROWS / 2 * COUNTRIES;
    answer(tomorrow());
    check(&stage, &[], 6, &[("requests.done", half)]).await;
    // What was answered before is refused as well: it is the credentials.
    moody.answer(|_, _| Reply::status(403, "{}"));
    check(&stage, &["--now"], 3, &[("rows.resumed", ROWS / 2)]).await;
    answer(Reply::status(403, "{}"));
    let rejected = [("rows.resumed", ROWS / 2), ("requests.rejected", half)];
    check(&stage, &["--now"], 5, &rejected).await;
}
