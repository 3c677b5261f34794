//! What the ledger knows after a chunk, also where chunks get in each other's
//! way or end in the middle.

use super::*;
use crate::ledger::Ledger;
use crate::ledger::content;
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

fn entry(key: &str, value: u32) -> Entry {
    let document = format!("{{\"k\":\"{key}\",\"v\":{value}}}");
    content::of_document(&document, &table().keys.unwrap(), scope()).unwrap()
}

impl Fixture {
    async fn admission(&self) -> Admission {
        let ledger = self.ledger.contents_only(scope()).await.unwrap();
        Admission::new(Some(ledger), Unchanged::Skip)
    }

    /// A run of one chunk with one document.
    async fn write(&self, entry: &Entry) -> Decision {
        let admission = self.admission().await;
        let mut chunk = begun(&admission, 0);
        let (decision, written) = admit(&mut chunk, 0, entry).await;
        if decision == Decision::Write {
            chunk.settle([(entry.key, Some(written))]);
        }
        chunk.close(Vec::new()).await.unwrap();
        decision
    }
}

fn begun(admission: &Admission, number: u64) -> ChunkAdmission<'_> {
    admission.begin(number);
    admission.chunk(number, number * 100)
}

async fn admit(chunk: &mut ChunkAdmission<'_>, row: u32, entry: &Entry) -> (Decision, Written) {
    let at = Position {
        chunk: chunk.chunk,
        row,
        place: 0,
    };
    let candidate = Candidate { at, entry };
    let decisions = chunk.admit(&[candidate], &table()).await.unwrap();
    let content = entry.content;
    (decisions[0], Written { at, content })
}

#[tokio::test]
async fn what_is_written_is_known() {
    use Decision::{Unchanged, Write};
    let fixture = fixture().await;
    for (value, expected) in [(1, Write), (1, Unchanged), (2, Write), (1, Write)] {
        assert_eq!(fixture.write(&entry("a", value)).await, expected, "{value}");
    }
    assert_eq!(fixture.write(&entry("b", 1)).await, Write);
    assert_eq!(fixture.write(&entry("a", 1)).await, Unchanged);
}

#[tokio::test]
async fn what_is_about_to_change_is_forgotten_first() {
    let fixture = fixture().await;
    fixture.write(&entry("a", 1)).await;
    // A process that ends here may have written 2, or not.
    let admission = fixture.admission().await;
    admit(&mut begun(&admission, 0), 0, &entry("a", 2)).await;
    assert_eq!(fixture.write(&entry("a", 1)).await, Decision::Write);
}

#[tokio::test]
async fn a_write_that_is_not_acknowledged_is_not_recorded() {
    let fixture = fixture().await;
    let admission = fixture.admission().await;
    let mut chunk = begun(&admission, 0);
    admit(&mut chunk, 0, &entry("a", 1)).await;
    chunk.settle([(entry("a", 1).key, None)]);
    chunk.close(Vec::new()).await.unwrap();
    assert_eq!(fixture.write(&entry("a", 1)).await, Decision::Write);
}

/// Two chunks with one key each write it, in either order, and end in either.
#[tokio::test]
async fn of_two_chunks_the_later_one_is_recorded() {
    for (first, second) in [(0, 1), (1, 0)] {
        for reversed in [false, true] {
            let fixture = fixture().await;
            let admission = fixture.admission().await;
            let mut chunks = [begun(&admission, 0), begun(&admission, 1)];
            for number in [first, second] {
                let entry = entry("a", u32::try_from(number).unwrap());
                let (decision, written) = admit(&mut chunks[number], 0, &entry).await;
                if number == 0 && second == 0 {
                    assert_eq!(decision, Decision::Superseded);
                } else {
                    assert_eq!(decision, Decision::Write);
                    chunks[number].settle([(entry.key, Some(written))]);
                }
            }
            let [zero, one] = chunks;
            let ordered = if reversed { [one, zero] } else { [zero, one] };
            for chunk in ordered {
                chunk.close(Vec::new()).await.unwrap();
            }
            let found = fixture.write(&entry("a", 1)).await;
            assert_eq!(found, Decision::Unchanged, "{first} {second} {reversed}");
        }
    }
}

#[tokio::test]
async fn a_key_is_held_until_it_is_settled() {
    let fixture = fixture().await;
    let admission = fixture.admission().await;
    let (mut one, mut two) = (begun(&admission, 0), begun(&admission, 1));
    let entry = entry("a", 1);
    let (decision, written) = admit(&mut two, 0, &entry).await;
    assert_eq!(decision, Decision::Write);
    assert_eq!(admit(&mut one, 0, &entry).await.0, Decision::Later);
    let mut settled = one.settled();
    // It was refused: the earlier one is written after all.
    two.settle([(entry.key, None)]);
    assert!(settled.has_changed().unwrap());
    settled.mark_unchanged();
    assert_eq!(admit(&mut one, 0, &entry).await.0, Decision::Write);
    // A chunk that breaks off holds nothing any more.
    assert_eq!(admit(&mut two, 0, &entry).await.0, Decision::Later);
    drop(one);
    assert!(settled.has_changed().unwrap());
    assert_eq!(admit(&mut two, 0, &entry).await.0, Decision::Write);
    two.settle([(entry.key, Some(written))]);
}

#[tokio::test]
async fn a_chunk_knows_what_it_wrote_itself() {
    let fixture = fixture().await;
    let admission = fixture.admission().await;
    let mut chunk = begun(&admission, 0);
    let (first, second) = (entry("a", 1), entry("a", 2));
    for (row, (entry, expected)) in (0..).zip([
        (&first, Decision::Write),
        (&first, Decision::Unchanged),
        (&second, Decision::Write),
    ]) {
        let (decision, written) = admit(&mut chunk, row, entry).await;
        assert_eq!(decision, expected, "{row}");
        if decision == Decision::Write {
            chunk.settle([(entry.key, Some(written))]);
        }
    }
    chunk.close(Vec::new()).await.unwrap();
    assert_eq!(fixture.write(&second).await, Decision::Unchanged);
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
        Admission::new(Some(run.await.unwrap()), Unchanged::Skip)
    };
    let write = async |admission: &Admission, number, row, value| {
        let mut chunk = begun(admission, number);
        let entry = entry("a", value);
        let (decision, written) = admit(&mut chunk, row, &entry).await;
        if decision == Decision::Write {
            chunk.settle([(entry.key, Some(written))]);
        }
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
    assert_eq!(fixture.write(&entry("a", 1)).await, Decision::Write);
}
