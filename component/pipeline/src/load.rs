//! Documents and a table → what became of each document. The sequence of
//! steps; each decision is in a module of its own.

mod accounting;
mod admission;
mod batch;
mod check;
mod dedupe;
mod ending;
mod pacing;
mod put;
mod settle;
mod verdict;

use crate::bindings::exports::rowcast::pipeline::load::Report;
use crate::bindings::rowcast::pipeline::types::{Failure, Request};
use crate::document::Document;
use crate::dynamodb::call::{CallError, Caller, LONGEST_THROTTLED_MS};
use crate::dynamodb::schema::{describe_request, interpret};
use crate::failure::{invalid, table_upstream};
use crate::platform::Dynamo;
use crate::retry;
use crate::settings::{Keys, Mistakes, Table};
use accounting::{Accounting, DocumentOutcome};
use batch::{Batch, MAX_ROUND_BYTES, Queue, put_bytes};
use dedupe::{interleave, prepare};
use ending::{Halt, LoadResult};
use pacing::{Pacing, units};
use put::Put;
use settle::{Round, is_hot};
use std::borrow::Cow;
use verdict::{BatchVerdict, Cause, ServiceError, verdict};

pub use admission::Admission;
pub use check::check;

/// A batch that waits longer for its turn is made smaller; nobody sleeps longer
/// at once.
const LONG_TURN_MS: u64 = 500;

/// Who is told to wait longer than that is to send nothing more.
const NO_TURN_MS: u64 = 24 * 3_600_000;

/// How long a call waits before it asks again about documents that another call
/// is writing, where it has nothing else to do.
const ASK_AGAIN_MS: u64 = 50;

/// Writes documents to a table, see `wit/load.wit`.
///
/// A call that was stopped by anything but its budget before DynamoDB had
/// acknowledged a single document is a failure, whatever was rejected until
/// then: repeating the call finds the same again.
pub fn run<'d, D: Dynamo>(
    dynamo: &D,
    table: &Table,
    documents: impl Into<Cow<'d, [String]>>,
    budget_ms: Option<u64>,
) -> Result<Report, Failure> {
    let documents = documents.into().into_owned();
    let work = Work {
        documents: documents.into_iter().map(Document::Text).collect(),
        requests: None,
        keys: None,
        admission: Admission::new(dynamo),
    };
    work.carry_out(dynamo, table, budget_ms)?.result()
}

/// What is to be written.
pub struct Work<'w, D: Dynamo> {
    /// The documents.
    pub documents: Vec<Document>,
    /// The requests that they came from, in their order, by row and combination;
    /// none for documents that stand for themselves. Where there are, the texts
    /// of what isn't written are kept.
    pub requests: Option<&'w [Request]>,
    /// The table's keys, where they were asked for.
    pub keys: Option<Keys>,
    /// What decides about them.
    pub admission: Admission<'w, D>,
}

impl<D: Dynamo> Work<'_, D> {
    /// Writes them.
    pub fn carry_out(
        self,
        dynamo: &D,
        table: &Table,
        budget_ms: Option<u64>,
    ) -> Result<LoadResult, Failure> {
        let documents = self.documents;
        let total = u32::try_from(documents.len())
            .map_err(|_| invalid("a call takes at most 4294967295 documents"))?;
        let mut load = Load {
            caller: Caller::new(dynamo, &table.name, table.retry, budget_ms),
            table,
            accounting: Accounting::new(total, self.requests.is_some()),
            requests: self.requests,
            admission: self.admission,
            queue: Queue::default(),
            capacity: 0.0,
            repeats: 0,
            exhausted: None,
            pacing: Pacing::new(table_upstream(&table.name)),
            forbidden: 0,
            waited: false,
            asked: table.keys.is_none(),
        };
        let mut mistakes = Mistakes::default();
        check(table, &mut mistakes);
        let keys = match self.keys.as_ref().or(table.keys.as_ref()) {
            _ if !mistakes.is_empty() => Err(Halt::Unable(invalid(format!("table: {mistakes}")))),
            Some(keys) => Ok(keys.clone()),
            // Nothing to write needs no keys.
            None if total == 0 => return load.end(None),
            None => match ask_keys(&mut load.caller, &table.name) {
                Ok(Some(keys)) => Ok(keys),
                Ok(None) => Err(Halt::Budget),
                Err(failure) => Err(Halt::Unable(failure)),
            },
        };
        let halt = match keys {
            Ok(keys) => {
                let contents = load.admission.contents();
                let puts = prepare(documents, &keys, contents, &mut load.accounting);
                load.admission.waiting = puts;
                load.write(&keys)
            }
            Err(halt) => {
                for (index, document) in (0..total).zip(documents) {
                    load.accounting.settle(index, DocumentOutcome::Pending);
                    load.accounting.leave(index, || document.into_text());
                }
                Some(halt)
            }
        };
        load.end(halt)
    }
}

/// The table's keys; none where the budget ended first.
pub fn ask_keys<D: Dynamo>(
    caller: &mut Caller<'_, D>,
    table: &str,
) -> Result<Option<Keys>, Failure> {
    let answer = caller.send(vec![describe_request(table)]).pop();
    match answer.unwrap_or(Err(CallError::OutOfTime)) {
        Err(CallError::OutOfTime) => Ok(None),
        answer => interpret(table, answer).map(|schema| Some(schema.keys)),
    }
}

/// One call's state.
struct Load<'a, D: Dynamo> {
    caller: Caller<'a, D>,
    table: &'a Table,
    accounting: Accounting,
    requests: Option<&'a [Request]>,
    admission: Admission<'a, D>,
    queue: Queue,
    capacity: f64,
    /// BatchWriteItem calls that repeated a write.
    repeats: u32,
    /// Why the last put that ran out of attempts did.
    exhausted: Option<String>,
    pacing: Pacing,
    /// How often these credentials weren't allowed to write.
    forbidden: u32,
    /// It was this call's turn after it had waited.
    waited: bool,
    /// Whether the keys are DynamoDB's own word.
    asked: bool,
}

impl<D: Dynamo> Load<'_, D> {
    /// Has puts admitted and writes them until none is left, or it is no use.
    fn write(&mut self, keys: &Keys) -> Option<Halt> {
        while !self.admission.waiting.is_empty() {
            if self.caller.out_of_time() {
                return Some(self.out_of_time());
            }
            // No key is held here, so that calls never wait for each other.
            let asked = self.admission.waiting.len();
            let accounting = &mut self.accounting;
            let admitted = self.admission.ask(keys, self.requests, accounting);
            let is_vain = self.admission.waiting.len() == asked;
            self.queue.puts = interleave(admitted).into();
            if let Some(halt) = self.write_admitted(keys) {
                return Some(halt);
            }
            if is_vain && !self.caller.sleep(ASK_AGAIN_MS) {
                return Some(self.out_of_time());
            }
        }
        None
    }

    /// Sends batches until nothing waits, or it is no use.
    fn write_admitted(&mut self, keys: &Keys) -> Option<Halt> {
        loop {
            if self.queue.is_empty() {
                if let Some(refusal) = self.judge_forbidden() {
                    return Some(Halt::Refused(refusal));
                }
                // What was rejected may have left its place to another.
                if self.queue.is_empty() {
                    return None;
                }
            }
            if self.caller.out_of_time() {
                return Some(self.out_of_time());
            }
            let batches = match self.gather() {
                Ok(batches) => batches,
                Err(wait) if wait > NO_TURN_MS => return Some(self.out_of_time()),
                Err(wait) if self.caller.sleep(wait.clamp(1, LONG_TURN_MS)) => continue,
                Err(_) => return Some(self.out_of_time()),
            };
            let round = self.send(batches, keys);
            if let Some(refusal) = round.refusal {
                return Some(Halt::Refused(refusal));
            }
            if round.rejected
                && let Some(refusal) = self.compare_keys(keys)
            {
                return Some(Halt::Refused(refusal));
            }
            // A single put may run out of attempts while others get through;
            // but where nothing does, the rest needn't try.
            if round.exhausted && !round.progress {
                return Some(Halt::Exhausted);
            }
            let now = self.caller.dynamo().now_ms();
            if let Some((time, reason)) = self.pacing.throttled(now)
                && time > LONGEST_THROTTLED_MS
            {
                return Some(Halt::Throttled(reason.to_owned()));
            }
            if let Some(attempts) = round.waiting
                && !self.caller.pause(retry::Cause::Transient, attempts, None)
            {
                return Some(self.out_of_time());
            }
        }
    }

    /// Throttling that ate the budget is the table's doing, not the caller's.
    fn out_of_time(&self) -> Halt {
        let now = self.caller.dynamo().now_ms();
        match self.pacing.throttled(now) {
            Some((_, reason)) => Halt::Throttled(reason.to_owned()),
            None => Halt::Budget,
        }
    }

    /// What may be sent now; or how long to wait.
    fn gather(&mut self) -> Result<Vec<Batch>, u64> {
        let dynamo = self.caller.dynamo();
        // Who had to wait for a batch doesn't ask for another one yet: the turn that
        // it would be told is nobody's, and all others come after it.
        let most = if std::mem::take(&mut self.waited) {
            1
        } else {
            usize::try_from(self.table.concurrency).unwrap_or(usize::MAX)
        };
        let mut batches: Vec<Batch> = Vec::new();
        let (mut bytes, mut wait) = (0, u64::MAX);
        while batches.len() < most && bytes + batch::MAX_BATCH_BYTES <= MAX_ROUND_BYTES {
            let most_units = self.pacing.most_units();
            let (queue, pacing) = (&mut self.queue, &mut self.pacing);
            let next = queue.batch(most_units, |put| {
                let hot = pacing.reserve_hot(dynamo, put);
                if hot > 0 {
                    wait = wait.min(hot);
                }
                hot == 0
            });
            if next.puts.is_empty() {
                break;
            }
            let total = next.puts.iter().map(units).fold(0, u32::saturating_add);
            let turn = self.pacing.reserve(dynamo, total);
            if turn > 0 {
                if turn > LONG_TURN_MS && next.puts.len() > 1 && !next.half {
                    self.pacing.shrink(total);
                }
                wait = wait.min(turn);
                let puts: Vec<&Put> = next.puts.iter().collect();
                self.pacing.give_back(dynamo, &puts);
                self.queue.give_back(next);
                break;
            }
            bytes += next.puts.iter().map(put_bytes).sum::<usize>();
            batches.push(next);
        }
        if batches.is_empty() {
            self.waited = true;
            return Err(wait);
        }
        Ok(batches)
    }

    fn send(&mut self, mut batches: Vec<Batch>, keys: &Keys) -> Round {
        let repeats = batches.iter().filter(|batch| batch.repeated).count();
        self.repeats = self
            .repeats
            .saturating_add(u32::try_from(repeats).unwrap_or(u32::MAX));
        for put in batches.iter_mut().flat_map(|batch| &mut batch.puts) {
            put.tries.sent = put.tries.sent.saturating_add(1);
        }
        let requests = batches
            .iter()
            .map(|batch| batch::request(&self.table.name, &batch.puts))
            .collect();
        let answers = self.caller.attempt(requests);
        let mut round = Round::default();
        for (Batch { puts, .. }, answer) in batches.into_iter().zip(answers) {
            let verdict = verdict(answer.outcome, &puts, keys);
            self.learn(&verdict, &puts, answer.retry_after_ms);
            self.apply(verdict, puts, &mut round);
        }
        self.admission.tell();
        round
    }

    /// What a batch's answer says about the pace.
    fn learn(&mut self, verdict: &BatchVerdict, puts: &[Put], asked_ms: Option<u64>) {
        let dynamo = self.caller.dynamo();
        let all: Vec<&Put> = puts.iter().collect();
        match verdict {
            BatchVerdict::Done { unprocessed, .. } => {
                let mut left = Vec::new();
                let mut written = Vec::new();
                for (position, put) in puts.iter().enumerate() {
                    if unprocessed.contains(&position) {
                        left.push(put);
                    } else {
                        written.push(put);
                    }
                }
                self.pacing.report(dynamo, &written, &left, asked_ms);
                self.caller.succeeded();
            }
            BatchVerdict::Resend(Cause::Throttled(reason)) => {
                self.pacing.note(reason);
                if is_hot(reason) {
                    self.pacing.report_hot(dynamo, &all, asked_ms);
                } else {
                    self.pacing.report(dynamo, &[], &all, asked_ms);
                }
            }
            BatchVerdict::Resend(Cause::Unavailable(_))
            | BatchVerdict::Split
            | BatchVerdict::Reject(..)
            | BatchVerdict::Forbidden(_)
            | BatchVerdict::Stop(_) => self.pacing.report(dynamo, &[], &[], asked_ms),
        }
    }

    /// With the wrong keys in the configuration DynamoDB refuses every item
    /// one by one. So the first refusal of a single item makes us ask, once,
    /// whether the keys are right. If that can't be answered, go on.
    fn compare_keys(&mut self, keys: &Keys) -> Option<ServiceError> {
        if std::mem::replace(&mut self.asked, true) {
            return None;
        }
        let actual = ask_keys(&mut self.caller, &self.table.name);
        let actual = actual.ok().flatten()?;
        (actual != *keys).then(|| {
            ServiceError::Invalid(format!(
                "the table `{}` has the keys {actual}, but the call says {keys}",
                self.table.name
            ))
        })
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]
mod tests;
