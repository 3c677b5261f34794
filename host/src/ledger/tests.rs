//! Which runs the ledger begins, continues and refuses.

use super::*;
use redb::TableDefinition;
use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

const CONTINUE: Begin = Begin::Continue(Duration::from_secs(1_000));

fn scope() -> Hash {
    Hash::of(&["table"])
}

#[tokio::test]
async fn runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/ledger.redb");
    let ledger = &Ledger::open_file(&path).await.unwrap();
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let begin = async |how: &Begin, work: &str, seconds| {
        let run = ledger
            .begin(how, Hash::of(&[work]), scope(), at(seconds))
            .await;
        run.map_err(|error| error.to_string())
    };
    let row = |text: &str| vec![text.to_owned(), "other".to_owned()];
    let first = begin(&CONTINUE, "w", 1).await.unwrap();
    assert_eq!(first.resumed(), None);
    first
        .record(vec![Hash::of(&["r"])], Vec::new())
        .await
        .unwrap();
    // The process that has written it doesn't look.
    assert_eq!(first.finished(&row("r")).await.unwrap(), [false, false]);

    let again = begin(&CONTINUE, "w", 2).await.unwrap();
    assert_eq!((again.id(), again.resumed()), (first.id(), Some(1)));
    assert_eq!(again.finished(&row("r")).await.unwrap(), [true, false]);
    let other = begin(&CONTINUE, "x", 3).await.unwrap();
    assert!(other.id() > again.id() && other.resumed().is_none());

    let id = again.id().unwrap().to_owned();
    let resume = Begin::Resume(id.clone());
    let resumed = begin(&resume, "w", 4).await.unwrap();
    assert_eq!(resumed.id(), Some(id.as_str()));
    let refused = begin(&resume, "x", 4).await.unwrap_err();
    assert!(refused.contains("about other rows"), "{refused}");

    resumed.pause(at(100)).await.unwrap();
    let silent = begin(&CONTINUE, "w", 5).await.unwrap();
    assert_eq!(silent.silent_until(at(5)), Some(at(101)));
    assert_eq!(silent.silent_until(at(101)), None);

    let fresh = begin(&Begin::Fresh, "w", 6).await.unwrap();
    assert_ne!(fresh.id(), Some(id.as_str()));
    let refused = begin(&resume, "w", 7).await.unwrap_err();
    assert!(refused.contains("another was begun instead"), "{refused}");
    fresh.finish().await.unwrap();
    let refused = begin(&Begin::Resume(fresh.id().unwrap().into()), "w", 8).await;
    assert!(refused.unwrap_err().contains("it is finished"));
    // An old one is begun anew, and named.
    let old = begin(&Begin::Fresh, "w", 9).await.unwrap();
    let young = begin(&CONTINUE, "w", 1_009).await.unwrap();
    assert_eq!((young.id(), young.resumed()), (old.id(), Some(0)));
    let anew = begin(&CONTINUE, "w", 1_010).await.unwrap();
    assert!(anew.id() > old.id() && anew.resumed().is_none());
    assert_eq!(anew.outdated().map(|run| run.id.as_str()), old.id());
    for seconds in 10..70 {
        begin(&Begin::Fresh, "w", seconds).await.unwrap();
    }
    assert!(ledger.runs().await.unwrap().len() <= 51);
}

#[tokio::test]
async fn what_is_known_is_found_among_all_else() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_file(&folder.path().join("ledger.redb")).await;
    let run = ledger.unwrap().contents_only(scope()).await.unwrap();
    let hash = |number: u32| Hash::from_bytes(u128::from(number).to_be_bytes());
    let known = |number| Known {
        content: hash(number + 1),
        place: None,
    };
    let even = (0..2_000).map(|half| (hash(2 * half), known(2 * half)));
    run.record(Vec::new(), even.collect()).await.unwrap();
    // Neighbours, the same one twice, far ones in no order, and what is nowhere.
    let asked: Vec<u32> = (0..40)
        .chain([3_000, 3_000, 7, 3_998, 2_000, 4_001])
        .collect();
    let found = run.contents(asked.iter().map(|number| hash(*number)).collect());
    for (number, found) in asked.iter().zip(found.await.unwrap()) {
        let there = number % 2 == 0 && *number < 4_000;
        assert_eq!(found, there.then(|| known(*number)), "{number}");
    }
    assert_eq!(run.contents(Vec::new()).await.unwrap(), []);
}

/// Contents that a ledger has, and what it says of them.
struct Filled {
    contents: HashMap<Hash, Known>,
}

impl Filled {
    async fn write(path: &Path) -> Self {
        let ledger = Ledger::open_file(path).await.unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1);
        let run = ledger.begin(&CONTINUE, Hash::of(&["w"]), scope(), now);
        let run = run.await.unwrap();
        let mut filled = Self {
            contents: HashMap::new(),
        };
        for row in 0..6 {
            let known = |number: u32| Known {
                content: Hash::of(&[&format!("content {row} {number}")]),
                place: Some(Place { row, number }),
            };
            let key = |number| Hash::of(&[&format!("key {row} {number}")]);
            let contents: Vec<_> = (0..50).map(|number| (key(number), known(number))).collect();
            filled.contents.extend(contents.iter().copied());
            let row = Hash::of(&[&format!("row {row}")]);
            run.record(vec![row], contents).await.unwrap();
        }
        filled
    }

    /// Uses a ledger as a run does; wrong is what it believes and isn't so.
    async fn read(&self, path: &Path) -> Result<(), LedgerError> {
        let ledger = Ledger::open_file(path).await?;
        let now = UNIX_EPOCH + Duration::from_secs(2);
        let run = ledger
            .begin(&CONTINUE, Hash::of(&["w"]), scope(), now)
            .await?;
        let unknown = run.finished(&["never".to_owned()]).await?;
        assert_eq!(unknown, [false]);
        let keys: Vec<_> = self.contents.keys().copied().collect();
        let found = run.contents(keys.clone()).await?;
        for (key, found) in keys.iter().zip(found) {
            let content = self.contents.get(key).unwrap().content;
            assert!(found.is_none_or(|found| found.content == content));
        }
        run.forget(keys).await?;
        let known = self.contents.iter().map(|(key, known)| (*key, *known));
        run.record(vec![Hash::of(&["more"])], known.collect())
            .await?;
        run.finish().await
    }
}

/// Whatever is in the file: no panic, nothing believed that isn't so, and what
/// is refused isn't changed so that it's accepted the next time.
#[tokio::test]
async fn damage_is_told_and_never_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let filled = Filled::write(&path).await;
    let whole = std::fs::read(&path).unwrap();
    let pages: Vec<&[u8]> = whole.chunks(4096).collect();
    let used: Vec<usize> = (0..pages.len())
        .filter(|page| pages[*page].iter().any(|byte| *byte != 0))
        .collect();
    let mut refused = 0;
    for (position, page) in used.iter().enumerate() {
        let other = used[(position + 1) % used.len()];
        let reversed: Vec<u8> = pages[*page].iter().rev().copied().collect();
        for damaged in [
            vec![0; 4096],
            vec![0xff; 4096],
            pages[other].to_vec(),
            reversed,
        ] {
            let mut bytes = whole.clone();
            let length = damaged.len().min(bytes.len() - page * 4096);
            bytes[page * 4096..][..length].copy_from_slice(&damaged[..length]);
            // What is damaged stays open, and locked.
            let path = folder.path().join(format!("{refused}.redb"));
            std::fs::write(&path, bytes).unwrap();
            if let Err(error) = filled.read(&path).await {
                let clear = matches!(
                    error,
                    LedgerError::Damaged(_) | LedgerError::Foreign(_) | LedgerError::Version(_)
                );
                assert!(clear && error.hint().is_some(), "page {page}: {error:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > used.len(), "{refused} of {}", 4 * used.len());
    for length in [1, 100, 4096, whole.len() / 2, whole.len() - 1] {
        let path = folder.path().join(format!("{length} bytes.redb"));
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = filled.read(&path).await.unwrap_err();
        let clear = matches!(error, LedgerError::Damaged(_) | LedgerError::Foreign(_));
        assert!(clear, "{length} bytes: {error:?}");
    }
    // A new one is an empty file.
    let path = folder.path().join("new.redb");
    std::fs::write(&path, "").unwrap();
    filled.read(&path).await.unwrap();
}

#[tokio::test]
async fn what_is_no_ledger_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let refused = async |expected: fn(&LedgerError) -> bool| {
        let before = std::fs::read(&path).unwrap();
        let error = Ledger::open_file(&path).await.err().unwrap();
        assert!(expected(&error), "{error:?}");
        assert_eq!(std::fs::read(&path).unwrap().len(), before.len());
    };
    for text in ["{\"id\":1}\n", &"id,name\n".repeat(10_000)] {
        std::fs::write(&path, text).unwrap();
        refused(|error| matches!(error, LedgerError::Foreign(_))).await;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    // Databases of the same kind, of another program and of another version.
    let write = |name: &'static str, format: u64| {
        std::fs::remove_file(&path).unwrap();
        let database = redb::Database::create(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let table: TableDefinition<&str, u64> = TableDefinition::new(name);
        let mut open = transaction.open_table(table).unwrap();
        open.insert("format", format).unwrap();
        drop(open);
        transaction.commit().unwrap();
    };
    write("another", 1);
    refused(|error| matches!(error, LedgerError::Foreign(_))).await;
    write("rowcast", 2);
    refused(|error| matches!(error, LedgerError::Version(_))).await;
    // One whose making was broken off, as by a full disk, has nothing yet.
    let mut begun = vec![0; 73_728];
    begun[12..16].copy_from_slice(&4_096_u32.to_le_bytes());
    std::fs::write(&path, begun).unwrap();
    drop(Ledger::open_file(&path).await.unwrap());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let error = Ledger::open_file(&path).await.err().unwrap();
    assert!(matches!(error, LedgerError::Open { .. }), "{error:?}");
}
