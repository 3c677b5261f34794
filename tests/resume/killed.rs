//! `kill -9` at moments counted in what passes between the processes.

use super::{ALL, CHUNK, COUNTRIES, ROWS, WORKERS, answer, check, configuration, documents};
use super::{reply, stage};
use crate::support::command::prepare;
use crate::support::dynamodb::table_name;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use rowcast_stand_ins::http::Reply;
use rowcast_stand_ins::scripted::ScriptedSource;
use rowcast_stand_ins::trap::{Front, Trap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Numbers that are the same in each run of the tests (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn within(&mut self, from: i64, to: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        from + i64::try_from(self.0 % u64::try_from(to - from).unwrap()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_fifty_moments_it_ends_with_the_same_table() {
    const KILLS: u64 = 50;
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let trap = Arc::new(Trap::default());
    let source = {
        let trap = Arc::clone(&trap);
        ScriptedSource::start(move |seen, _| {
            if trap.springs() {
                Reply::Never
            } else {
                reply(seen)
            }
        })
        .await
    };
    let front = Front::start(&dynamodb.endpoint(), Arc::clone(&trap)).await;
    let fresh = async || stage(&configuration(&source, &front.endpoint(), &table_name())).await;

    let faultless = fresh().await;
    check(&faultless, &[], 0, &[("documents.written", ALL)]).await;
    let expected = documents(&faultless).await;
    assert_eq!(expected.len() as u64, ALL);

    let mut numbers = Numbers(0x2026_1123);
    let (mut killed, mut runs, mut requests) = (0, 0, 0);
    while killed < KILLS {
        let stage = fresh().await;
        let before = source.seen().len() as u64;
        let (mut kills, mut ended) = (0, false);
        // Some runs are killed again and again, some just once.
        for _ in 0..numbers.within(1, 9) {
            trap.set(numbers.within(1, 60));
            let mut child = prepare(stage.path(), &["run", "--quiet"], &[])
                .spawn()
                .unwrap();
            tokio::select! {
                () = trap.sprung() => {
                    child.kill().await.unwrap();
                    kills += 1;
                }
                exit = child.wait() => ended = exit.unwrap().success(),
            }
            trap.set(0);
            if ended {
                break;
            }
        }
        if !ended {
            check(&stage, &[], 0, &[("rows.read", ROWS), ("rows.rejected", 0)]).await;
        }
        assert!(documents(&stage).await == expected, "after {kills} kills");
        let asked = source.seen().len() as u64 - before;
        // What is asked for again was in flight: a chunk per worker.
        let most = ROWS * COUNTRIES + kills * WORKERS * CHUNK * COUNTRIES;
        assert!(asked <= most, "{asked} requests after {kills} kills");
        runs += 1;
        killed += kills;
        requests += asked;
    }
    let needed = runs * ROWS * COUNTRIES;
    eprintln!("{killed} kills in {runs} runs: {requests} requests, {needed} without kills");
}

/// The ledger must not believe in contents that a killed run may have replaced.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_documents_change_it_still_knows_what_is_there() {
    const KILLS: u64 = 12;
    let dynamodb = TemporaryDynamoDb::start().await.unwrap();
    let trap = Arc::new(Trap::default());
    let changed = Arc::new(AtomicBool::new(false));
    let source = {
        let (trap, changed) = (Arc::clone(&trap), Arc::clone(&changed));
        ScriptedSource::start(move |seen, _| {
            if trap.springs() {
                return Reply::Never;
            }
            let mut body = answer(seen);
            if changed.load(Ordering::SeqCst) {
                for track in body["tracks"].as_array_mut().unwrap() {
                    track["n"] = 2.into();
                }
            }
            Reply::json(body.to_string())
        })
        .await
    };
    let front = Front::start(&dynamodb.endpoint(), Arc::clone(&trap)).await;
    let stage = stage(&configuration(&source, &front.endpoint(), &table_name())).await;
    check(&stage, &[], 0, &[("documents.written", ALL)]).await;
    let expected = documents(&stage).await;
    let mut numbers = Numbers(0x1123_2026);
    let mut kills = 0;
    while kills < KILLS {
        changed.store(true, Ordering::SeqCst);
        trap.set(numbers.within(4, 70));
        let mut child = prepare(stage.path(), &["run", "--quiet", "--fresh"], &[])
            .spawn()
            .unwrap();
        tokio::select! {
            () = trap.sprung() => {
                child.kill().await.unwrap();
                kills += 1;
            }
            exit = child.wait() => assert!(exit.unwrap().success()),
        }
        trap.set(0);
        // The source is as it was: so must the table be.
        changed.store(false, Ordering::SeqCst);
        check(&stage, &["--fresh"], 0, &[("documents.total", ALL)]).await;
        assert!(documents(&stage).await == expected, "after {kills} kills");
    }
}
