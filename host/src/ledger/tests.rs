//! Which runs the ledger begins, continues and refuses.

use super::*;
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
