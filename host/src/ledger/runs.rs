//! Which run is begun, resumed, finished.

use super::{Hash, Ledger, LedgerError, LedgerRun, Store, stored};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Runs that are kept, for `--resume` to list.
const KEPT: usize = 50;

/// What is known of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// Its name; later runs have greater ones.
    pub id: String,
    /// What its work is: rows, source and table, without secrets.
    pub fingerprint: String,
    /// Whether it has ended.
    pub state: RunState,
    /// Rows that are finished.
    pub rows: u64,
    /// Seconds since 1970 before which the source asked not to be bothered.
    pub silent_until: Option<u64>,
    /// Seconds since 1970 when it was begun; 0 where that isn't known.
    #[serde(default)]
    pub started: u64,
}

/// Whether a run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It can be continued.
    Open,
    /// It came to its end.
    Finished,
    /// Another was begun instead.
    Abandoned,
}

/// Which run to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The open run of the same work, if it isn't older than that, or a new one.
    Continue(Duration),
    /// A new one.
    Fresh,
    /// That one.
    Resume(String),
}

impl RunRecord {
    pub(crate) fn is_open(&self) -> bool {
        self.state == RunState::Open
    }

    /// When it was begun.
    #[must_use]
    pub fn started(&self) -> SystemTime {
        let started = UNIX_EPOCH.checked_add(Duration::from_secs(self.started));
        started.unwrap_or(UNIX_EPOCH)
    }

    pub(super) fn silent_until(&self, now: SystemTime) -> Option<SystemTime> {
        let until = UNIX_EPOCH.checked_add(Duration::from_secs(self.silent_until?))?;
        (until > now).then_some(until)
    }
}

impl Ledger {
    /// Begins a run, or continues with one. `work` tells apart what runs do;
    /// `scope` is the table's own.
    pub async fn begin(
        &self,
        how: &Begin,
        work: Hash,
        scope: Hash,
        now: SystemTime,
    ) -> Result<LedgerRun, LedgerError> {
        let lease = self.lease(scope).await?;
        let begun = self.begin_leased(how, work, scope, now).await;
        if let (Err(_), Some(lease)) = (&begun, &lease) {
            lease.release().await;
        }
        Ok(LedgerRun { lease, ..begun? })
    }

    async fn begin_leased(
        &self,
        how: &Begin,
        work: Hash,
        scope: Hash,
        now: SystemTime,
    ) -> Result<LedgerRun, LedgerError> {
        let fingerprint = Hash::of(&[&work.to_string(), &scope.to_string()]).to_string();
        let runs = self.runs().await?;
        let open = runs
            .iter()
            .rfind(|run| run.is_open() && run.fingerprint == fingerprint);
        let (chosen, outdated) = match how {
            Begin::Resume(id) => (Some(resumable(id, &fingerprint, &runs)?), None),
            Begin::Continue(within) => {
                let age = |run: &&RunRecord| now.duration_since(run.started()).unwrap_or_default();
                (
                    open.filter(|run| age(run) <= *within),
                    open.filter(|run| age(run) > *within),
                )
            }
            Begin::Fresh => (None, None),
        };
        if let Some(record) = chosen {
            return Ok(self.run(record.clone(), scope, true));
        }
        for run in runs
            .iter()
            .filter(|run| run.is_open() && run.fingerprint == fingerprint)
        {
            let state = RunState::Abandoned;
            stored!(
                self,
                put(RunRecord {
                    state,
                    ..run.clone()
                })
            )?;
        }
        if let Some(surplus) = runs.len().checked_sub(KEPT) {
            // Open runs of other work may be continued.
            let old = runs
                .iter()
                .filter(|run| !run.is_open() || run.fingerprint == fingerprint)
                .take(surplus)
                .map(|run| run.id.clone())
                .collect();
            stored!(self, remove(old))?;
        }
        let record = RunRecord {
            id: name(now, &fingerprint),
            fingerprint,
            state: RunState::Open,
            rows: 0,
            silent_until: None,
            started: now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        };
        stored!(self, put(record.clone()))?;
        Ok(LedgerRun {
            outdated: outdated.cloned(),
            ..self.run(record, scope, false)
        })
    }

    fn run(&self, record: RunRecord, scope: Hash, resumed: bool) -> LedgerRun {
        LedgerRun {
            ledger: self.clone(),
            scope,
            record: Some(record),
            resumed,
            outdated: None,
            lease: None,
        }
    }
}

impl LedgerRun {
    /// It came to its end: the next run is a new one.
    pub(crate) async fn finish(&self) -> Result<(), LedgerError> {
        self.say(RunState::Finished, None).await
    }

    /// It was stopped because of a source that asks for a pause.
    pub(crate) async fn pause(&self, until: SystemTime) -> Result<(), LedgerError> {
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default();
        // Rounded up: not a moment too early.
        self.say(RunState::Open, Some(until.as_secs() + 1)).await
    }

    async fn say(&self, state: RunState, silent_until: Option<u64>) -> Result<(), LedgerError> {
        let Some(record) = &self.record else {
            return Ok(());
        };
        self.check_lease().await?;
        let record = RunRecord {
            state,
            silent_until,
            ..record.clone()
        };
        stored!(self.ledger, put(record))
    }
}

fn resumable<'a>(
    id: &str,
    fingerprint: &str,
    runs: &'a [RunRecord],
) -> Result<&'a RunRecord, LedgerError> {
    let refuse = |reason| LedgerError::Run {
        id: id.to_owned(),
        reason,
        open: runs.iter().filter(|run| run.is_open()).cloned().collect(),
    };
    let Some(run) = runs.iter().find(|run| run.id == id) else {
        return Err(refuse("there is none in this ledger"));
    };
    match run.state {
        RunState::Finished => Err(refuse("it is finished")),
        RunState::Abandoned => Err(refuse("another was begun instead, with `--fresh`")),
        RunState::Open if run.fingerprint != fingerprint => Err(refuse(
            "it is about other rows, another source or another table than the configuration now",
        )),
        RunState::Open => Ok(run),
    }
}

/// Ordered by time, and apart within the same second.
fn name(now: SystemTime, fingerprint: &str) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    let process = std::process::id().to_string();
    let suffix = Hash::of(&[fingerprint, &since.as_nanos().to_string(), &process]).to_string();
    let millis = since.subsec_millis();
    let suffix = suffix.get(..4).unwrap_or_default();
    format!("{}{millis:03}-{suffix}", time.strftime("%Y%m%d-%H%M%S"))
}
