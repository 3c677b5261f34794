//! What a chunk says became of its documents.

use super::*;
use crate::bindings::rowcast::pipeline::extract::{RejectedCell, RejectedRecord, RejectionKind};
use crate::bindings::rowcast::pipeline::load::{RejectedDocument, SupersededDocument};

#[test]
fn documents_that_cannot_be_written_leave_their_cells_pending() {
    let denied = || Stop::Denied("no".to_owned());
    let tally = run(
        vec![Ok(extraction(
            &[(0, &["a", "b", "c"]), (1, &["d"])],
            &[],
            None,
        ))],
        vec![Ok(report(2, &[1, 2], Some(denied())))],
        &["extract all", "load a b c d"],
    )
    .unwrap();
    assert_eq!((tally.written, tally.undelivered), (2, 2));
    // Both are row 0's.
    assert_eq!(tally.pending, [cell(0)]);
    assert_eq!(tally.stopped, Some(denied()));

    let refused = || Failure::PermanentInvalid("no such table".to_owned());
    let tally = run(
        vec![Ok(extraction(&[(0, &["a"])], &[1], Some(Stop::Budget)))],
        vec![Err(refused())],
        &["extract all", "load a"],
    )
    .unwrap();
    assert_eq!(tally.undelivered, 1);
    assert_eq!(tally.pending, [cell(1), cell(0)]);
}

#[test]
fn rejections_name_their_cell_in_the_run() {
    let mut first = extraction(&[(0, &["a"]), (1, &["b", "c"])], &[], None);
    first.rejected.push(RejectedCell {
        cell: Cell {
            row: 1,
            combination: 1,
        },
        kind: RejectionKind::Status,
        status: Some(404),
        reason: "not found".to_owned(),
    });
    first.rejected_records.push(RejectedRecord {
        cell: cell(0),
        index: 3,
        kind: RejectionKind::Required,
        path: "/popularity".to_owned(),
        reason: "missing".to_owned(),
    });
    let mut loaded = report(1, &[], None);
    loaded.rejected.push(RejectedDocument {
        index: 2,
        path: "/duration".to_owned(),
        reason: "39 digits".to_owned(),
    });
    loaded
        .superseded
        .push(SupersededDocument { index: 0, by: 1 });
    let mut tally = run(
        vec![Ok(first)],
        vec![Ok(loaded)],
        &["extract all", "load a b c"],
    )
    .unwrap();
    assert_eq!((tally.superseded, tally.refused), (1, 1));
    tally.shift(10);
    let seen: Vec<_> = tally
        .rejected
        .iter()
        .map(|rejection| {
            format!(
                "{} {} {}",
                Shown(&[rejection.cell]),
                rejection.path,
                rejection.reason
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "11.1  not found",
            "10.0 /popularity missing",
            "11.0 /duration 39 digits"
        ]
    );
}

#[test]
fn a_job_must_make_sense() {
    let check = |change: fn(&mut Job), name: &str| {
        let mut job = job();
        change(&mut job);
        let Err(Failure::PermanentInvalid(reason)) = chunk(&mut Script::default(), &job, &[])
        else {
            panic!("{name} is accepted");
        };
        assert!(reason.contains(name), "{reason}");
    };
    check(|job| job.chunk_rows = 0, "chunk-rows");
    check(|job| job.budget_ms = 0, "budget-ms");
    check(|job| job.patience = 0, "patience");
}

/// No answer of an activity may make a document disappear.
#[test]
fn an_account_that_does_not_add_up_ends_the_chunk() {
    let defect = |stopped: Option<Stop>| {
        let Some(Stop::Denied(reason)) = stopped else {
            panic!("{stopped:?}");
        };
        assert!(reason.contains("without accounting"), "{reason}");
    };
    let superseded = |index| SupersededDocument { index, by: 2 };
    let check = |change: fn(&mut Report), more: &[SupersededDocument]| {
        let mut wrong = report(3, &[], None);
        change(&mut wrong);
        wrong.superseded.extend_from_slice(more);
        let tally = run(
            vec![Ok(extraction(&[(0, &["a", "b"]), (1, &["c"])], &[], None))],
            vec![Ok(wrong)],
            &["extract all", "load a b c"],
        )
        .unwrap();
        assert_eq!((tally.written, tally.undelivered), (0, 3));
        assert_eq!(tally.pending, [cell(0), cell(1)]);
        defect(tally.stopped);
    };
    check(|report| report.written = 2, &[]);
    check(|report| report.written = 4, &[]);
    check(|report| report.pending = vec![3], &[]);
    check(
        |report| (report.written, report.pending) = (1, vec![1, 1]),
        &[],
    );
    check(
        |report| (report.written, report.pending) = (1, vec![0]),
        &[superseded(0)],
    );

    let mut lost = extraction(&[(0, &["a"]), (1, &["b"])], &[], None);
    lost.done.pop();
    let answer = run(vec![Ok(lost)], Vec::new(), &["extract all"]);
    let failure = answer.unwrap_err();
    defect(Some(stop_of(failure)));
}
