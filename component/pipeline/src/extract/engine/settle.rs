//! Requests that go out together → how each of them ended.

use super::super::accounting::RequestOutcome;
use super::super::pages::Pages;
use super::super::plan::{PrepareError, PreparedRequest};
use super::super::progress::Progress;
use super::super::snippet;
use super::super::verdict::{Rejection, RetryReason};
use super::{Call, NotDone};
use crate::bindings::rowcast::pipeline::types::{PendingRequest, RejectionKind, Request, Stop};
use crate::order;
use crate::platform::Http;

/// Batches that are looked at for a place for a row: those of as many
/// combinations.
const MOST_OPEN: usize = 64;

/// Calls in which a request's attempts ran out, although the upstream answered
/// others; after so many it is rejected. Until then it may be the upstream.
const MOST_CALLS: u32 = 3;

/// The same where it was asked to wait each time. A call that has little time
/// meets a rate limit once, and can't tell whether it's about the request.
const MOST_CALLS_LIMITED: u32 = 12;

/// The same where the upstream answered nobody else: there may be nobody else.
const MOST_CALLS_ALONE: u32 = 6;

/// A request of the plan that is not settled.
pub(super) struct Line {
    /// Where it is in the plan.
    place: usize,
    request: Request,
    progress: Progress,
}

impl Line {
    fn new(place: usize, request: Request) -> Self {
        Self {
            place,
            request,
            progress: Progress::default(),
        }
    }
}

/// How requests ended, by where they are in the plan.
type Settled = Vec<(usize, Settlement)>;

/// How a request ended.
pub(super) enum Settlement {
    Known(RequestOutcome),
    /// It depends on the others.
    Suspect(Suspect),
}

/// A request whose attempts ran out, and that may not be at fault.
pub(super) struct Suspect {
    progress: Progress,
    retry_reason: RetryReason,
    /// How many answers were good by then.
    pub(super) others: u32,
}

impl Suspect {
    /// The same request, once more.
    pub(super) fn again(self, place: usize, request: Request) -> Line {
        Line {
            place,
            request,
            progress: self.progress.exhausted(),
        }
    }
}

/// It never succeeds while others do.
pub(super) fn exhausted(retry_reason: &RetryReason) -> Rejection {
    let reason = retry_reason.reason();
    Rejection {
        kind: RejectionKind::Exhausted,
        status: retry_reason.status(),
        reason: format!("{reason}; its attempts ran out while other requests succeeded"),
    }
}

impl<H: Http> Call<'_, H> {
    /// The requests that go out together, each alone unless there are batches.
    pub(super) fn groups(&self) -> Vec<Vec<Line>> {
        let batch = self.plan.checked.source.batch.as_ref();
        let size = batch.map_or(1, |batch| usize::try_from(batch.size).unwrap_or(1));
        let mut groups: Vec<Vec<Line>> = Vec::new();
        for line in self.in_order() {
            // One whose attempts ran out may be at fault: it goes alone.
            let fits = |group: &&mut Vec<Line>| {
                let first = group.first();
                let alike = first.is_some_and(|first| {
                    first.request.combination == line.request.combination
                        && first.progress.exhausted + line.progress.exhausted == 0
                });
                alike && group.len() < size
            };
            let open = if size > 1 { MOST_OPEN } else { 0 };
            match groups.iter_mut().rev().take(open).find(fits) {
                Some(group) => group.push(line),
                None => groups.push(vec![line]),
            }
        }
        groups
    }

    /// Those whose attempts ran out in an earlier call come last, so that they
    /// hold up nobody.
    fn in_order(&self) -> Vec<Line> {
        let read = |(place, pending): (usize, &PendingRequest)| Line {
            place,
            request: pending.request,
            progress: Progress::read(pending.request, pending.resume.as_deref()),
        };
        let lines: Vec<_> = self.plan.requests.iter().enumerate().map(read).collect();
        let lines = order::in_order(lines, |line| (line.progress.exhausted, 0));
        let tried = |it: &Line| it.progress.exhausted > 0 || it.progress.failed > 0;
        if lines.iter().any(tried) {
            self.state.continues();
        }
        lines
    }

    /// One bad thing is one bad thing: where others were answered well, a
    /// request whose attempts ran out `twice` is rejected. Where that isn't sure
    /// yet, it is pending, and remembers it. Where nobody was reached, it is about nobody.
    pub(super) fn judge_suspect(&self, suspect: Suspect, twice: bool) -> RequestOutcome {
        let Suspect {
            progress,
            retry_reason,
            ..
        } = suspect;
        if let RetryReason::Unreached(reason) = &retry_reason {
            let reason = self.state.reason(reason);
            self.state.note(Stop::Unavailable(reason));
            return RequestOutcome::Pending(progress);
        }
        let progress = progress.exhausted();
        let good = self.state.succeeded();
        let most = match retry_reason {
            RetryReason::Limited(..) => MOST_CALLS_LIMITED,
            _ if good > 0 => MOST_CALLS,
            _ => MOST_CALLS_ALONE,
        };
        let twice = twice && !self.state.is_halted();
        if twice || progress.exhausted >= most {
            let mut rejection = exhausted(&retry_reason);
            if good == 0 {
                let (reason, calls) = (retry_reason.reason(), progress.exhausted);
                rejection.reason = format!("{reason}; its attempts ran out in {calls} calls");
            }
            return RequestOutcome::Rejected(rejection);
        }
        let reason = self.state.reason(retry_reason.reason());
        let stop = Stop::Unavailable(reason);
        match retry_reason {
            // The call knows of the limit, or its time ran out.
            RetryReason::Limited(..) => self.state.explain(stop),
            _ => self.state.note(stop),
        }
        RequestOutcome::Pending(progress)
    }

    /// Settles requests that go out together. A batch that fails goes out again
    /// in halves, down to the row that is at fault.
    pub(super) async fn settle(&self, group: Vec<Line>) -> Settled {
        let mut settled = Vec::with_capacity(group.len());
        let mut todo = vec![group];
        while let Some(group) = todo.pop() {
            let group = self.with_order(group, &mut settled);
            let requests: Vec<_> = group.iter().map(|line| line.request).collect();
            let prepared = match self.plan.prepare(&requests) {
                Ok(prepared) => prepared,
                Err(error) => {
                    for line in group {
                        settled.push((line.place, not_made(&error)));
                    }
                    continue;
                }
            };
            let places: Vec<_> = group.iter().map(|line| line.place).collect();
            let progress = Progress::together(group.into_iter().map(|line| line.progress));
            let most = self.plan.checked.source.max_pages;
            let mut pages = Pages::new(&prepared, progress, most);
            let end = self.read_pages(&prepared, &mut pages).await;
            if places.len() > 1 && self.splits(&end) {
                let pairs = places.into_iter().zip(&requests);
                let mut halves: Vec<_> = pairs
                    .map(|(place, request)| Line::new(place, *request))
                    .collect();
                let second = halves.split_off(halves.len() / 2);
                todo.extend([second, halves]);
                continue;
            }
            let mut put = |outcome| settled.push(outcome);
            match end {
                Ok(()) => {
                    let done = pages
                        .finish()
                        .into_iter()
                        .map(|it| Settlement::Known(RequestOutcome::Done(it)));
                    places.into_iter().zip(done).for_each(put);
                }
                Err(NotDone::Rejected(rejection)) => {
                    for place in places {
                        put((
                            place,
                            Settlement::Known(RequestOutcome::Rejected(rejection.clone())),
                        ));
                    }
                }
                Err(NotDone::Pending) => {
                    let pending = pages.progress().into_iter();
                    let pending = pending.map(|it| Settlement::Known(RequestOutcome::Pending(it)));
                    places.into_iter().zip(pending).for_each(put);
                }
                Err(NotDone::Exhausted(retry_reason, others)) => {
                    let suspects = pages.progress().into_iter().map(|progress| {
                        Settlement::Suspect(Suspect {
                            progress,
                            retry_reason: retry_reason.clone(),
                            others,
                        })
                    });
                    places.into_iter().zip(suspects).for_each(put);
                }
            }
        }
        settled
    }

    /// Those of a batch that can be made; the others are rejected.
    fn with_order(&self, group: Vec<Line>, settled: &mut Settled) -> Vec<Line> {
        if group.len() == 1 {
            return group;
        }
        let mut good = Vec::with_capacity(group.len());
        for line in group {
            match self.plan.prepare(&[line.request]) {
                Ok(_) => good.push(line),
                Err(error) => settled.push((line.place, not_made(&error))),
            }
        }
        good
    }

    /// Whether a batch may have failed because of one of its rows.
    fn splits(&self, end: &Result<(), NotDone>) -> bool {
        match end {
            Ok(()) | Err(NotDone::Pending) => false,
            Err(NotDone::Exhausted(..)) => !self.state.is_halted(),
            Err(NotDone::Rejected(rejection)) => {
                let refused = matches!(rejection.status, Some(401 | 403));
                !refused && rejection.kind != RejectionKind::Policy && !self.state.is_halted()
            }
        }
    }

    async fn read_pages(
        &self,
        prepared: &PreparedRequest<'_>,
        pages: &mut Pages,
    ) -> Result<(), NotDone> {
        while self.read_page(prepared, pages).await? {}
        if pages.is_unfollowed() {
            self.state.left_more(prepared.rows.len());
        }
        Ok(())
    }
}

/// A request that its row's values don't make.
fn not_made(error: &PrepareError) -> Settlement {
    Settlement::Known(RequestOutcome::Rejected(Rejection {
        kind: RejectionKind::Template,
        status: None,
        reason: snippet::chain(error),
    }))
}
