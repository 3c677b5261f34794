//! What the ledger knows after a chunk, also where chunks get in each other's
//! way or end in the middle.

use super::*;
use crate::engine::{self, Digest, Outcome, Request};
use crate::ledger::Ledger;
use tempfile::TempDir;

struct Fixture {
    _folder: TempDir,
    ledger: Ledger,
}

fn scope() -> Hash {
    Hash::of(&["table"])
}

fn table() -> Table {
    Table::new(r#"{"name":"t","keys":{"partition":{"name":"k","type":"S"}}}"#)
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let ledger = Ledger::open_file(&path).await.unwrap();
    Fixture {
        _folder: folder,
        ledger,
    }
}

/// A key and a content.
type Digests = (Digest, Digest);

fn digest(text: &str) -> Digest {
    let number = u128::from_be_bytes(*Hash::of(&[text]).bytes());
    Digest {
        high: u64::try_from(number >> 64).unwrap(),
        low: u64::try_from(number & u128::from(u64::MAX)).unwrap(),
    }
}

fn entry(key: &str, value: u32) -> Digests {
    (digest(key), digest(&value.to_string()))
}

impl Fixture {
    async fn admission(&self) -> Arc<Admission> {
        let ledger = self.ledger.contents_only(scope()).await.unwrap();
        Arc::new(Admission::new(Some(ledger), Unchanged::Skip))
    }

    /// A run of one chunk with one document.
    async fn write(&self, entry: Digests) -> Decision {
        let admission = self.admission().await;
        let chunk = begun(&admission, 0);
        let decision = write(&chunk, 0, entry).await;
        chunk.close(Vec::new()).await.unwrap();
        decision
    }
}

fn begun(admission: &Arc<Admission>, number: u64) -> Arc<ChunkAdmission> {
    admission.begin(number);
    Arc::new(admission.chunk(number, number * 100, Some(&table())))
}

fn candidate(row: u32, (key, content): Digests) -> engine::Candidate {
    engine::Candidate {
        request: Request {
            row,
            combination: 0,
        },
        place: 0,
        key,
        content: Some(content),
        item_key: None,
        bytes: 1,
    }
}

/// Without waiting for other chunks.
async fn admit(chunk: &Arc<ChunkAdmission>, row: u32, entry: Digests) -> Decision {
    let call = CallAdmission {
        chunk: Arc::clone(chunk),
        rows: None,
    };
    let candidate = call.placed(&candidate(row, entry));
    chunk.decide(&[candidate]).await.unwrap()[0]
}

fn settle(chunk: &Arc<ChunkAdmission>, key: Digest, written: bool) {
    chunk.of_call(None).settle(vec![Outcome { key, written }]);
}

/// Writes where that is decided.
async fn write(chunk: &Arc<ChunkAdmission>, row: u32, entry: Digests) -> Decision {
    let decision = admit(chunk, row, entry).await;
    if decision == Decision::Write {
        settle(chunk, entry.0, true);
    }
    decision
}

#[tokio::test]
async fn what_is_written_is_known() {
    use Decision::{Unchanged, Write};
    let fixture = fixture().await;
    for (value, expected) in [(1, Write), (1, Unchanged), (2, Write), (1, Write)] {
        assert_eq!(fixture.write(entry("a", value)).await, expected, "{value}");
    }
    assert_eq!(fixture.write(entry("b", 1)).await, Write);
    assert_eq!(fixture.write(entry("a", 1)).await, Unchanged);
}

#[tokio::test]
async fn what_is_about_to_change_is_forgotten_first() {
    let fixture = fixture().await;
    fixture.write(entry("a", 1)).await;
    // A process that ends here may have written 2, or not.
    let admission = fixture.admission().await;
    admit(&begun(&admission, 0), 0, entry("a", 2)).await;
    assert_eq!(fixture.write(entry("a", 1)).await, Decision::Write);
}

#[tokio::test]
async fn a_write_that_is_not_acknowledged_is_not_recorded() {
    let fixture = fixture().await;
    let admission = fixture.admission().await;
    let chunk = begun(&admission, 0);
    admit(&chunk, 0, entry("a", 1)).await;
    settle(&chunk, entry("a", 1).0, false);
    chunk.close(Vec::new()).await.unwrap();
    assert_eq!(fixture.write(entry("a", 1)).await, Decision::Write);
}

/// Two chunks with one key each write it, in either order, and end in either.
#[tokio::test]
async fn of_two_chunks_the_later_one_is_recorded() {
    for (first, second) in [(0, 1), (1, 0)] {
        for reversed in [false, true] {
            let fixture = fixture().await;
            let admission = fixture.admission().await;
            let chunks = [begun(&admission, 0), begun(&admission, 1)];
            for number in [first, second] {
                let entry = entry("a", u32::try_from(number).unwrap());
                let expected = if number == 0 && second == 0 {
                    Decision::Superseded
                } else {
                    Decision::Write
                };
                assert_eq!(write(&chunks[number], 0, entry).await, expected);
            }
            let [zero, one] = chunks;
            let ordered = if reversed { [one, zero] } else { [zero, one] };
            for chunk in ordered {
                chunk.close(Vec::new()).await.unwrap();
            }
            let found = fixture.write(entry("a", 1)).await;
            assert_eq!(found, Decision::Unchanged, "{first} {second} {reversed}");
        }
    }
}

#[tokio::test]
async fn a_key_is_held_until_it_is_settled() {
    let fixture = fixture().await;
    let admission = fixture.admission().await;
    let (one, two) = (begun(&admission, 0), begun(&admission, 1));
    let entry = entry("a", 1);
    assert_eq!(admit(&two, 0, entry).await, Decision::Write);
    assert_eq!(admit(&one, 0, entry).await, Decision::Later);
    // It was refused: the earlier one is written after all, as soon as that is
    // known.
    let waiting = tokio::spawn({
        let one = Arc::clone(&one);
        async move { one.of_call(None).admit(vec![candidate(0, entry)]).await }
    });
    tokio::task::yield_now().await;
    settle(&two, entry.0, false);
    assert_eq!(waiting.await.unwrap().unwrap(), [Decision::Write]);
    // What a call leaves without a word is free, and so is what a chunk leaves.
    assert_eq!(admit(&two, 0, entry).await, Decision::Later);
    assert!(one.call_ended().is_none());
    assert_eq!(admit(&two, 0, entry).await, Decision::Write);
    drop(two);
    assert_eq!(write(&one, 0, entry).await, Decision::Write);
    // So is what a decision had taken that was given up before it was made.
    let two = begun(&admission, 2);
    let other = (digest("c"), entry.1);
    let call = CallAdmission {
        chunk: Arc::clone(&two),
        rows: None,
    };
    let asked = call.placed(&candidate(0, other));
    two.run.order().admit(asked.entry.key, asked.at);
    assert_eq!(admit(&one, 0, other).await, Decision::Later);
    assert!(two.call_ended().is_none());
    assert_eq!(admit(&one, 0, other).await, Decision::Write);
    settle(&one, other.0, false);
    // Nobody writes what nobody may, or says so twice.
    settle(&one, entry.0, false);
    settle(&one, digest("b"), true);
    one.close(Vec::new()).await.unwrap();
    assert_eq!(fixture.write(entry).await, Decision::Unchanged);
    assert_eq!(fixture.write((digest("b"), entry.1)).await, Decision::Write);
}

#[tokio::test]
async fn a_chunk_knows_what_it_wrote_itself() {
    let fixture = fixture().await;
    let admission = fixture.admission().await;
    let chunk = begun(&admission, 0);
    let (first, second) = (entry("a", 1), entry("a", 2));
    for (row, (entry, expected)) in (0..).zip([
        (first, Decision::Write),
        (first, Decision::Unchanged),
        (second, Decision::Write),
    ]) {
        assert_eq!(write(&chunk, row, entry).await, expected, "{row}");
    }
    chunk.close(Vec::new()).await.unwrap();
    assert_eq!(fixture.write(second).await, Decision::Unchanged);
}

/// A run that was stopped while an earlier row was unfinished goes on.
#[tokio::test]
async fn what_a_later_row_wrote_stays_when_the_run_goes_on() {
    let fixture = fixture().await;
    let begin = async || {
        let how = crate::ledger::Begin::Continue(std::time::Duration::MAX);
        let now = std::time::SystemTime::now();
        let run = fixture
            .ledger
            .begin(&how, Hash::of(&["work"]), scope(), now);
        Arc::new(Admission::new(Some(run.await.unwrap()), Unchanged::Skip))
    };
    let write = async |admission: &Arc<Admission>, number, row, value| {
        let chunk = begun(admission, number);
        let decision = write(&chunk, row, entry("a", value)).await;
        chunk.close(Vec::new()).await.unwrap();
        decision
    };
    let first = begin().await;
    first.begin(0);
    assert_eq!(write(&first, 1, 7, 2).await, Decision::Write);
    drop(first);
    let second = begin().await;
    assert_eq!(write(&second, 0, 99, 1).await, Decision::Superseded);
    // Its own row is asked for again, and so are rows after it.
    assert_eq!(write(&second, 1, 7, 2).await, Decision::Unchanged);
    assert_eq!(write(&second, 1, 8, 3).await, Decision::Write);
    drop(second);
    // Another run begins anew.
    assert_eq!(fixture.write(entry("a", 1)).await, Decision::Write);
}
