//! What was rejected is taken back in.

use super::{ALL, TRACKS, answer, check, documents, reply, work};
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
