//! Why a call stopped → a wait for its upstream, or the end of the run. One for
//! each run, shared by all its workers.

use super::answer::{count_effort, count_failure, count_repeats};
use super::event::{Event, Observe, Stopped, Upstream};
use super::patience::{Patience, WaitDecision};
use super::tally::Tally;
use crate::engine::{Hold, PendingRequest, Pipeline, Request, Source};
use crate::random::random;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;

/// A request that was answered before, asked for again, has that long.
const PROBE: Duration = Duration::from_secs(30);

/// The least that is waited for: an upstream that names no time is not asked
/// again at once.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// What is in flight when a run is asked to stop has that long to end.
/// Containers are killed after 30 seconds.
const LAST_CALLS: Duration = Duration::from_secs(20);

/// A step of a run's end.
type LastStep = fn(&mut Hold);

/// What happens sooner than that, and when, so that calls can write what they have and
/// say what they did.
pub(super) const LAST_STEPS: [(Duration, LastStep); 2] = [
    (Duration::from_secs(12), Hold::hold_answers),
    (Duration::from_secs(17), Hold::hold_tables),
];

/// What a run knows about its upstreams, and who waits for them.
pub struct Upstreams {
    pipeline: Pipeline,
    observe: Arc<dyn Observe>,
    started: Instant,
    patience: Mutex<Patience>,
    stop: watch::Receiver<bool>,
    answered: Mutex<Option<Answered>>,
    refusals: Mutex<Refusals>,
    written: AtomicU64,
    /// How often the table didn't allow a write since it last allowed one; more than any
    /// before that.
    forbidden: AtomicU64,
    /// Calls that are under way.
    calls: watch::Sender<usize>,
}

/// A call that is under way, until it is dropped.
pub struct UnderWay<'u>(&'u watch::Sender<usize>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls = calls.saturating_sub(1));
    }
}

/// Answers that refuse the credentials.
#[derive(Debug, Default)]
struct Refusals {
    count: u64,
    /// The first one's reason.
    reason: String,
}

/// So many refusals and nothing else: the credentials are refused, not
/// requests.
const MOST_REFUSALS: u64 = 20;

/// A request that the source has answered in this run.
#[derive(Clone, Debug)]
pub struct Answered {
    pub row: String,
    pub combination: u32,
}

impl Upstreams {
    pub fn new(
        pipeline: Pipeline,
        observe: Arc<dyn Observe>,
        max_wait: Duration,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            pipeline,
            observe,
            started: Instant::now(),
            patience: Mutex::new(Patience::new(max_wait)),
            stop,
            answered: Mutex::default(),
            refusals: Mutex::default(),
            written: AtomicU64::default(),
            forbidden: AtomicU64::new(MOST_REFUSALS),
            calls: watch::Sender::default(),
        }
    }

    /// A call begins. What it came to is told before the value is dropped.
    pub fn begin_call(&self) -> UnderWay<'_> {
        self.calls.send_modify(|calls| *calls += 1);
        UnderWay(&self.calls)
    }

    /// Whether the source has answered in this run, or the one that it continues,
    /// as soon as that is known: calls that are under way may be answered yet.
    pub async fn answers_others(&self) -> bool {
        let known = || self.has_answered(Upstream::Source) || self.known_answered().is_some();
        let (mut calls, mut stop) = (self.calls.subscribe(), self.stop.clone());
        tokio::select! {
            _ = calls.wait_for(|calls| *calls == 0 || known()) => {}
            Ok(_) = stop.wait_for(|stop| *stop) => {}
        }
        known()
    }

    /// Something succeeded.
    pub fn succeeded(&self, upstream: Upstream) {
        self.patience().succeeded(upstream);
    }

    /// Something was written.
    pub fn wrote(&self) {
        self.written.fetch_add(1, Ordering::Relaxed);
        self.forbidden.store(0, Ordering::Relaxed);
        self.succeeded(Upstream::Table);
    }

    /// In how many calls something was written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Whether no call is under way.
    pub fn is_alone(&self) -> bool {
        *self.calls.borrow() == 0
    }

    /// Whether the table allows others what it doesn't allow here. Not where that is said
    /// again and again: somebody may have taken the permission away.
    pub fn forbids_one(&self, reason: &str) -> bool {
        reason.contains("AccessDenied")
            && self.forbidden.fetch_add(1, Ordering::Relaxed) < MOST_REFUSALS
    }

    /// A request that can tell whether the source still answers.
    pub fn answered(&self, request: impl FnOnce() -> Option<Answered>) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if answered.is_none() {
            *answered = request();
        }
    }

    /// Whether something has succeeded in this run.
    pub fn has_answered(&self, upstream: Upstream) -> bool {
        self.patience().has_answered(upstream)
    }

    /// The source refused a request with its credentials.
    pub fn refused(&self, reason: &str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.count == 0 {
            reason.clone_into(&mut refusals.reason);
        }
        refusals.count += 1;
    }

    /// Why the run is denied: the source refused everything so far, and that
    /// was a lot, or all there is.
    pub fn denied(&self, ended: bool) -> Option<Stopped> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = refusals.count >= MOST_REFUSALS || (ended && refusals.count > 0);
        (enough && !self.has_answered(Upstream::Source)).then(|| Stopped::Denied {
            by: Upstream::Source,
            reason: refusals.reason.clone(),
        })
    }

    /// Whether the run was asked to stop.
    pub fn stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Why calls that have time get no further.
    pub fn out_of_time(&self) -> Stopped {
        if self.stopping() {
            // Nobody is sent anything any more.
            Stopped::Requested
        } else {
            Stopped::Budget
        }
    }

    /// Returns some time after the run was asked to stop: what is still in
    /// flight then is left.
    pub async fn cut_off(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(LAST_CALLS).await;
    }

    /// Waits as long as the upstream asks, if the run has that patience; if it
    /// hasn't, the reason stays one to stop.
    pub async fn wait_out(&self, limited: Stopped) -> Option<Stopped> {
        let Stopped::RateLimited {
            by,
            retry_after,
            reason,
            ..
        } = &limited
        else {
            return Some(limited);
        };
        if self.stopping() {
            // It is the run that sends nothing more.
            return Some(Stopped::Requested);
        }
        let verdict = self
            .patience()
            .asked_to_wait(*by, *retry_after, self.started.elapsed());
        match verdict {
            WaitDecision::Wait(wait) => self.wait(*by, wait.max(SHORTEST_WAIT), reason).await,
            WaitDecision::Stop => Some(limited),
        }
    }

    /// Waits until an upstream that is out of order may be tried again.
    pub async fn wait_for_recovery(&self, by: Upstream, reason: &str) -> Option<Stopped> {
        // The call that it answered may be under way yet.
        if by == Upstream::Source && self.answers_others().await {
            self.patience().answered(by);
        }
        let verdict = self
            .patience()
            .out_of_order(by, self.started.elapsed(), random());
        match verdict {
            WaitDecision::Wait(wait) => self.wait(by, wait, reason).await,
            WaitDecision::Stop => Some(Stopped::Unavailable(reason.to_owned())),
        }
    }

    /// Whether the source answers a request that it answered before. What that takes
    /// are repeats.
    pub async fn source_answers(&self, source: &Source, tally: &mut Tally) -> bool {
        let Some(Answered { row, combination }) = self.known_answered() else {
            return false;
        };
        let request = Request {
            row: 0,
            combination,
        };
        let resume = None;
        let only = [PendingRequest { request, resume }];
        let asked = self
            .pipeline
            .extract(source.text(), &[row], Some(&only), Some(PROBE))
            .await;
        let mut probe = Tally::default();
        let answers = match &asked.result {
            Ok(extraction) => {
                count_effort(&extraction.counters, &mut probe);
                extraction.done.len() == 1
            }
            Err(error) => {
                count_failure(error, &mut probe);
                false
            }
        };
        tally.effort.source_requests += probe.effort.source_requests;
        tally.effort.source_retries += probe.effort.source_requests;
        count_repeats(asked.repeats, tally);
        if answers {
            self.succeeded(Upstream::Source);
        }
        answers
    }

    fn known_answered(&self) -> Option<Answered> {
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.clone()
    }

    /// Waits, and says so.
    async fn wait(&self, by: Upstream, wait: Duration, reason: &str) -> Option<Stopped> {
        let now = SystemTime::now();
        let waiting = Event::Waiting {
            by,
            until: now.checked_add(wait).unwrap_or(now),
            reason: reason.to_owned(),
        };
        if let Err(error) = self.observe.event(waiting).await {
            return Some(Stopped::Output(error));
        }
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(wait) => None,
            _ = stop.wait_for(|stop| *stop) => Some(Stopped::Requested),
        }
    }

    fn patience(&self) -> MutexGuard<'_, Patience> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
