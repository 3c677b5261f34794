//! What the ledger knows after a chunk, also where chunks get in each other's
//! way or end in the middle.

use super::*;
use crate::engine::{KeyAttribute, KeyKind, KeySchema};
use std::time::{Duration, UNIX_EPOCH};
use tempfile::TempDir;

struct Fixture {
    _folder: TempDir,
    ledger: Ledger,
    run: LedgerRun,
}

type Held = HashMap<Hash, Option<Hash>>;

fn scope() -> Hash {
    Hash::of(&["table"])
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/ledger.redb");
    let ledger = Ledger::open_file(&path).await.unwrap();
    let run = ledger.contents_only(scope());
    Fixture {
        _folder: folder,
        ledger,
        run,
    }
}

fn entry(key: &str, value: u32) -> Entry {
    let keys = KeySchema {
        partition: KeyAttribute {
            name: "k".into(),
            kind: KeyKind::Text,
        },
        sort: None,
    };
    let document = format!("{{\"k\":\"{key}\",\"v\":{value}}}");
    content::of_document(&document, &keys, scope()).unwrap()
}

impl Fixture {
    /// Whether a chunk finds it in the table as it is.
    async fn intend(&self, held: &mut Held, entry: &Entry) -> bool {
        self.run
            .intend(&[entry], held, Known::Recorded)
            .await
            .unwrap()[0]
    }

    /// A whole chunk: intended, and written if it must be.
    async fn write(&self, entry: &Entry) -> bool {
        let mut held = Held::new();
        let unchanged = self.intend(&mut held, entry).await;
        if !unchanged {
            held.insert(entry.key, Some(entry.content));
        }
        self.run.close(Vec::new(), held).await.unwrap();
        unchanged
    }
}

#[tokio::test]
async fn what_is_written_is_known() {
    let fixture = fixture().await;
    for (value, unchanged) in [(1, false), (1, true), (2, false), (1, false), (1, true)] {
        assert_eq!(
            fixture.write(&entry("a", value)).await,
            unchanged,
            "{value}"
        );
    }
    assert!(!fixture.write(&entry("b", 1)).await);
    assert!(fixture.write(&entry("a", 1)).await);
}

#[tokio::test]
async fn what_is_about_to_change_is_forgotten_first() {
    let fixture = fixture().await;
    fixture.write(&entry("a", 1)).await;
    // A process that ends here may have written 2, or not.
    fixture.intend(&mut Held::new(), &entry("a", 2)).await;
    let other = Ledger {
        in_flight: Arc::default(),
        ..fixture.ledger.clone()
    };
    let fixture = Fixture {
        run: other.contents_only(scope()),
        ledger: other,
        ..fixture
    };
    assert!(!fixture.write(&entry("a", 1)).await);
}

#[tokio::test]
async fn a_write_that_is_not_acknowledged_is_not_recorded() {
    let fixture = fixture().await;
    let mut held = Held::new();
    fixture.intend(&mut held, &entry("a", 1)).await;
    fixture.run.close(Vec::new(), held).await.unwrap();
    assert!(!fixture.write(&entry("a", 1)).await);
}

#[tokio::test]
async fn of_two_chunks_that_write_one_key_neither_is_believed() {
    let fixture = fixture().await;
    let (first, second) = (entry("a", 1), entry("a", 2));
    let (mut one, mut two) = (Held::new(), Held::new());
    fixture.intend(&mut one, &first).await;
    fixture.intend(&mut two, &second).await;
    one.insert(first.key, Some(first.content));
    two.insert(second.key, Some(second.content));
    fixture.run.close(Vec::new(), two).await.unwrap();
    fixture.run.close(Vec::new(), one).await.unwrap();
    assert!(!fixture.write(&first).await);
    // Once nobody is in the way any more, it is.
    assert!(fixture.write(&first).await);
}

#[tokio::test]
async fn a_chunk_knows_what_it_wrote_itself() {
    let fixture = fixture().await;
    let (first, second) = (entry("a", 1), entry("a", 2));
    let mut held = Held::new();
    assert!(!fixture.intend(&mut held, &first).await);
    held.insert(first.key, Some(first.content));
    assert!(fixture.intend(&mut held, &first).await);
    assert!(!fixture.intend(&mut held, &second).await);
    held.insert(second.key, Some(second.content));
    fixture.run.close(Vec::new(), held).await.unwrap();
    assert!(fixture.write(&second).await);
}

#[tokio::test]
async fn runs() {
    let fixture = fixture().await;
    let ledger = &fixture.ledger;
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let begin = async |how: &Begin, work: &str, seconds| {
        let run = ledger
            .begin(how, Hash::of(&[work]), scope(), at(seconds))
            .await;
        run.map_err(|error| error.to_string())
    };
    let row = |text: &str| vec![text.to_owned(), "other".to_owned()];
    let first = begin(&Begin::Continue, "w", 1).await.unwrap();
    assert_eq!(first.resumed(), None);
    first
        .close(vec![Hash::of(&["r"])], Held::new())
        .await
        .unwrap();
    // The process that has written it doesn't look.
    assert_eq!(first.finished(&row("r")).await.unwrap(), [false, false]);

    let again = begin(&Begin::Continue, "w", 2).await.unwrap();
    assert_eq!((again.id(), again.resumed()), (first.id(), Some(1)));
    assert_eq!(again.finished(&row("r")).await.unwrap(), [true, false]);
    let other = begin(&Begin::Continue, "x", 3).await.unwrap();
    assert!(other.id() > again.id() && other.resumed().is_none());

    let id = again.id().unwrap().to_owned();
    let resume = Begin::Resume(id.clone());
    let resumed = begin(&resume, "w", 4).await.unwrap();
    assert_eq!(resumed.id(), Some(id.as_str()));
    let refused = begin(&resume, "x", 4).await.unwrap_err();
    assert!(refused.contains("about other rows"), "{refused}");

    resumed.silence(at(100)).await.unwrap();
    let silent = begin(&Begin::Continue, "w", 5).await.unwrap();
    assert_eq!(silent.silent_until(at(5)), Some(at(101)));
    assert_eq!(silent.silent_until(at(101)), None);

    let fresh = begin(&Begin::Fresh, "w", 6).await.unwrap();
    assert_ne!(fresh.id(), Some(id.as_str()));
    let refused = begin(&resume, "w", 7).await.unwrap_err();
    assert!(refused.contains("another was begun instead"), "{refused}");
    fresh.finish().await.unwrap();
    let refused = begin(&Begin::Resume(fresh.id().unwrap().into()), "w", 8).await;
    assert!(refused.unwrap_err().contains("it is finished"));
    for seconds in 10..70 {
        begin(&Begin::Fresh, "w", seconds).await.unwrap();
    }
    assert!(ledger.runs().await.unwrap().len() <= 51);
}
