//! A source with steps and rows → one extraction: the documents of a step are
//! the rows of the next one, and those of the last step are the call's.
//!
//! The contract's requests are those of the first step. One is done when all
//! requests that its documents led to are settled; a later request that is
//! rejected is a rejected record of it; one that is pending keeps it pending,
//! with everything that the steps gave so far in its `resume`.

mod chain;

use super::accounting::{Balance, Unbalanced};
use super::budget::Budget;
use super::call_state::Shared;
use super::engine;
use super::plan::Plan;
use super::progress::{Progress, Record};
use super::snippet;
use crate::bindings::exports::rowcast::pipeline::extract::{DoneRequest, Extraction};
use crate::bindings::rowcast::pipeline::types::{
    Counter, Failure, PendingRequest, RejectionKind, Request, Stop,
};
use crate::document::{Sink, with_texts};
use crate::failure::{counter, graver, into_stop, invalid, sum, unavailable};
use crate::order;
use crate::platform::Http;
use crate::settings::{Source, origin};
use chain::{Chain, ChainEnd, Part};
use std::collections::HashMap;
use std::rc::Rc;

/// A call's requests, step by step.
struct Steps<'c, H> {
    http: &'c H,
    source: &'c Source,
    rows: &'c [String],
    budget: Budget,
    /// How fast each origin may be asked, whichever step asks it.
    shared: HashMap<String, Rc<Shared>>,
    counters: Vec<Counter>,
    stopped: Option<Stop>,
}

/// The same as [`super::run`], for any number of steps.
pub async fn run<H: Http>(
    http: &H,
    source: &Source,
    rows: &[String],
    only: Option<&[PendingRequest]>,
    budget: Budget,
) -> Result<Extraction, Failure> {
    let mut steps = Steps {
        http,
        source,
        rows,
        budget,
        shared: HashMap::new(),
        counters: Vec::new(),
        stopped: None,
    };
    let plan = Plan::check(source, rows, only);
    let mut plan = plan.map_err(|error| invalid(snippet::chain(&error)))?;
    let mut ends = Vec::new();
    let mut chains = Vec::new();
    plan.requests.retain(|pending| {
        let chain = Chain::read(pending.resume.as_deref(), source.then.len());
        let first = chain.is_none();
        chains.extend(chain.map(|chain| (pending.request, chain)));
        first
    });
    if !plan.requests.is_empty() {
        match steps.ask(&plan).await {
            Ok(extraction) => steps.begin(extraction, &mut chains, &mut ends),
            Err(failure) if chains.is_empty() => return Err(failure),
            Err(failure) => {
                steps.fail(failure);
                let left = plan.requests.into_iter();
                ends.extend(left.map(|it| (it.request, ChainEnd::Pending(it.resume))));
            }
        }
    }
    for step in 1..=source.then.len() {
        steps.advance(step, &mut chains).await;
    }
    let count = source.then.len();
    ends.extend(
        chains
            .into_iter()
            .map(|(request, chain)| (request, chain.end(count, request))),
    );
    // Whatever was counted wrongly, nothing of it may be believed.
    steps
        .close(ends)
        .map_err(|error| unavailable(error.to_string()))
}

impl<H: Http> Steps<'_, H> {
    async fn ask(&mut self, plan: &Plan<'_>) -> Result<Extraction, Failure> {
        let source = plan.checked.source;
        let new = || Rc::new(Shared::new(source.rate.map(|rate| rate.budget())));
        let origin = origin(&source.url);
        let shared = Rc::clone(self.shared.entry(origin).or_insert_with(new));
        // Documents of a step are rows of the next one.
        let made = engine::run(self.http, plan, self.budget, shared, &Sink::Texts).await?;
        let mut extraction = with_texts(made);
        self.count(std::mem::take(&mut extraction.counters));
        if let Some(stop) = extraction.stopped.take() {
            self.note(stop);
        }
        Ok(extraction)
    }

    /// The first step's done requests become chains.
    fn begin(
        &self,
        mut extraction: Extraction,
        chains: &mut Vec<(Request, Chain)>,
        ends: &mut Vec<(Request, ChainEnd)>,
    ) {
        for (request, own, rejected) in done(&mut extraction) {
            let mut chain = Chain {
                step: 1,
                parts: Vec::new(),
                rejected,
            };
            chain.follow(own, self.source);
            chains.push((request, chain));
        }
        let rejected = extraction.rejected.into_iter();
        ends.extend(rejected.map(|it| (it.request, ChainEnd::Rejected(it))));
        let pending = extraction.pending.into_iter();
        ends.extend(pending.map(|it| (it.request, ChainEnd::Pending(it.resume))));
    }

    /// Asks for everything that is open in a step; what is settled goes on to
    /// the next one.
    async fn advance(&mut self, step: usize, chains: &mut [(Request, Chain)]) {
        let source = self.source;
        let Some(settings) = step.checked_sub(1).and_then(|at| source.then.get(at)) else {
            return;
        };
        let of_step = |(_, chain): &(Request, Chain)| chain.step == step;
        let led_here = chains.iter().find(|it| of_step(it)).map(|it| it.0);
        let in_step = |it: &&mut (Request, Chain)| of_step(it);
        let mut rows = Vec::new();
        let mut only = Vec::new();
        let mut parts = Vec::new();
        for (_, chain) in chains.iter_mut().filter(in_step) {
            for part in &mut chain.parts {
                let Part::Open {
                    row,
                    combination,
                    resume,
                } = &*part
                else {
                    continue;
                };
                only.push(PendingRequest {
                    request: Request {
                        row: u32::try_from(rows.len()).unwrap_or(u32::MAX),
                        combination: *combination,
                    },
                    resume: resume.clone(),
                });
                rows.push(row.clone());
                parts.push(part);
            }
        }
        if !parts.is_empty() {
            // Records may have any members: a name that none of them has is a
            // matter of these records.
            match Plan::of_records(settings, &rows, &only) {
                Ok(plan) => match self.ask(&plan).await {
                    Ok(extraction) => self.settle(extraction, &mut parts),
                    Err(failure) => {
                        if let Failure::Unavailable(_) = failure {
                            for part in &mut parts {
                                part.exhausted();
                            }
                        }
                        self.fail(failure);
                    }
                },
                Err(error) => self.fail(invalid(snippet::chain(&error))),
            }
            if origin(&settings.url) == origin(&self.source.url)
                && let Some(request) = led_here
            {
                let tried = |it: &&PendingRequest| {
                    Progress::read(it.request, it.resume.as_deref()).exhausted > 0
                };
                let tried: Vec<_> = only.iter().filter(tried).map(|it| it.request.row).collect();
                self.give_up(&mut parts, &tried, request).await;
            }
        }
        for (_, chain) in chains.iter_mut().filter(in_step) {
            chain.go_on(source);
        }
    }

    /// Requests of a later step that failed in an earlier call, too, are given up where
    /// the source answers `request`, which led to one of them: it's about them.
    async fn give_up(&mut self, parts: &mut [&mut Part], tried: &[u32], request: Request) {
        let Some(Stop::Unavailable(stop)) = &self.stopped else {
            return;
        };
        let reason = format!("{}; other requests are answered", stop.reason);
        let is_open = |row: &&u32| parts.get(length(**row)).is_some_and(|part| part.is_open());
        let left: Vec<u32> = tried.iter().filter(is_open).copied().collect();
        if left.is_empty() || !self.answers(request).await {
            return;
        }
        let mut given_up = 0_u32;
        for row in left {
            if let Some(part) = parts.get_mut(length(row)) {
                **part = Part::given_up(RejectionKind::Exhausted, reason.clone());
                given_up = given_up.saturating_add(1);
            }
        }
        self.count(vec![counter("then.rejected", given_up)]);
    }

    /// Whether a request of the first step is answered, which was answered before.
    async fn answers(&mut self, request: Request) -> bool {
        let asked = Progress {
            asked: true,
            ..Progress::default()
        };
        let resume = asked.write();
        let only = [PendingRequest { request, resume }];
        let Ok(plan) = Plan::check(self.source, self.rows, Some(&only)) else {
            return false;
        };
        match self.ask(&plan).await {
            Ok(extraction) => !extraction.done.is_empty(),
            Err(failure) => {
                self.fail(failure);
                false
            }
        }
    }

    /// What became of a later step's requests, by their places.
    fn settle(&mut self, mut extraction: Extraction, parts: &mut [&mut Part]) {
        let mut put = |request: Request, new: Part| {
            if let Some(part) = parts.get_mut(length(request.row)) {
                **part = new;
            }
        };
        let answered = extraction.done.len();
        for (request, documents, rejected) in done(&mut extraction) {
            let settled = Part::Settled {
                documents,
                rejected,
            };
            put(request, settled);
        }
        let (mut refused, mut given_up) = (false, 0_u32);
        for rejected in extraction.rejected {
            // There may be too many requests for one call: another one has room.
            if rejected.kind == RejectionKind::Policy && answered > 0 {
                refused = true;
                continue;
            }
            given_up = given_up.saturating_add(1);
            let part = Part::given_up(rejected.kind, rejected.reason);
            put(rejected.request, part);
        }
        for pending in extraction.pending {
            if let Some(part) = parts.get_mut(length(pending.request.row))
                && let Part::Open { resume, .. } = &mut **part
            {
                *resume = pending.resume;
            }
        }
        if refused {
            self.note(Stop::Budget);
        }
        let answered = u32::try_from(answered).unwrap_or(u32::MAX);
        self.count(vec![
            counter("then.done", answered),
            counter("then.rejected", given_up),
        ]);
    }

    /// A step achieved nothing: its requests stay open.
    fn fail(&mut self, failure: Failure) {
        let (stop, counters) = into_stop(failure, &origin(&self.source.url));
        self.count(counters);
        self.note(stop);
    }

    fn count(&mut self, counters: Vec<Counter>) {
        self.counters = sum(std::mem::take(&mut self.counters), counters);
    }

    /// The gravest reason stays.
    fn note(&mut self, stop: Stop) {
        self.stopped = graver(self.stopped.take(), Some(stop));
    }

    fn close(self, ends: Vec<(Request, ChainEnd)>) -> Result<Extraction, Unbalanced> {
        let ends = order::in_order(ends, |(request, _)| (request.row, request.combination));
        let mut balance = Balance::default();
        for (request, end) in ends {
            match end {
                ChainEnd::Done(extracted) => balance.done(request, extracted)?,
                ChainEnd::Rejected(rejected) => balance.rejected.push(rejected),
                ChainEnd::Pending(resume) => {
                    balance.pending.push(PendingRequest { request, resume });
                }
            }
        }
        let made = balance.into_extraction(self.stopped, self.counters);
        Ok(with_texts(made))
    }
}

/// Takes the done requests out, each with its documents and its rejected records.
fn done(extraction: &mut Extraction) -> Vec<(Request, Vec<String>, Vec<Record>)> {
    let mut documents = std::mem::take(&mut extraction.documents).into_iter();
    let records = std::mem::take(&mut extraction.rejected_records);
    let mut records = records.into_iter().peekable();
    let all = std::mem::take(&mut extraction.done).into_iter();
    all.map(
        |DoneRequest {
             request,
             documents: count,
         }| {
            let rejected = std::iter::from_fn(|| records.next_if(|it| it.request == request));
            let rejected = rejected.map(Record::from).collect();
            let own = documents.by_ref().take(length(count)).collect();
            (request, own, rejected)
        },
    )
    .collect()
}

fn length(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
