//! Documents and a table → what became of each document. The sequence of
//! steps; each decision is in a module of its own.

mod accounting;
mod batch;
mod dedupe;
mod pacing;
mod verdict;

use crate::bindings::exports::rowcast::pipeline::load::Report;
use crate::bindings::rowcast::pipeline::types::{Counter, Failure, RejectionKind, Stop};
use crate::dynamodb::call::{CallError, Caller, throttled};
use crate::dynamodb::schema::{describe_request, interpret, missing_table};
use crate::failure::{denied, invalid, stop_reason, table_upstream, unavailable, with_counters};
use crate::platform::Dynamo;
use crate::retry;
use crate::settings::{KeyKind, KeySchema, Mistakes, Table, within};
use accounting::{Accounting, DocumentOutcome};
use batch::{Batch, MAX_ROUND_BYTES, Queue, put_bytes};
use dedupe::{Put, interleave, prepare, successor};
use pacing::{Pacing, units};
use std::borrow::Cow;
use verdict::{BatchVerdict, Cause, ServiceError, verdict};

/// A batch that waits longer for its turn is made smaller; nobody sleeps longer
/// at once.
const LONG_TURN_MS: u64 = 500;

/// Where nothing but throttling is answered for that long, the caller waits.
const LONGEST_THROTTLED_MS: u64 = 60_000;

/// Times that a put may be left unprocessed while others are processed, and for
/// how long that must go on: in a table at its limit somebody is always left.
const MOST_PASSED_OVER: u32 = 30;
const LONGEST_PASSED_OVER_MS: u64 = 10_000;

const UNPROCESSED: &str = "DynamoDB returned the write unprocessed, which it does when the \
                           table's or a partition's throughput is exceeded";

/// Writes documents to a table, see `wit/load.wit`.
///
/// A call that was stopped by anything but its budget before DynamoDB had
/// acknowledged a single document is a failure, whatever was rejected until
/// then: repeating the call finds the same again.
///
/// Documents that are given are freed as soon as their items are made, so that
/// they don't need memory twice; those that are lent stay.
pub fn run<'d, D: Dynamo>(
    dynamo: &D,
    table: &Table,
    documents: impl Into<Cow<'d, [String]>>,
    budget_ms: Option<u64>,
) -> Result<Report, Failure> {
    run_all(dynamo, table, documents.into(), budget_ms)
}

fn run_all<D: Dynamo>(
    dynamo: &D,
    table: &Table,
    documents: Cow<'_, [String]>,
    budget_ms: Option<u64>,
) -> Result<Report, Failure> {
    let mut mistakes = Mistakes::default();
    check(table, &mut mistakes);
    if !mistakes.is_empty() {
        return Err(invalid(format!("table: {mistakes}")));
    }
    let total = u32::try_from(documents.len())
        .map_err(|_| invalid("a call takes at most 4294967295 documents"))?;
    let mut load = Load {
        caller: Caller::new(dynamo, &table.name, table.retry, budget_ms),
        table,
        documents,
        accounting: Accounting::new(total),
        queue: Queue::default(),
        capacity: 0.0,
        repeats: 0,
        exhausted: None,
        pacing: Pacing::new(table_upstream(&table.name)),
        asked: table.keys.is_none(),
    };
    let keys = match &table.keys {
        Some(keys) => Some(keys.clone()),
        // Nothing to write needs no keys.
        None if total == 0 => None,
        None => match load.ask_keys() {
            Ok(keys) => keys,
            Err(failure) => return Err(with_counters(failure, load.counters())),
        },
    };
    let Some(keys) = keys else {
        // No documents, or no time to ask: both leave every document pending.
        for index in 0..total {
            load.accounting.settle(index, DocumentOutcome::Pending);
        }
        let stop = (total > 0).then_some(Halt::Budget);
        return load.report(stop);
    };
    let puts = prepare(&mut load.documents, &keys, &mut load.accounting);
    load.queue.puts = interleave(puts).into();
    let halt = load.write(&keys);
    load.report(halt)
}

/// One call's state.
struct Load<'a, D: Dynamo> {
    caller: Caller<'a, D>,
    table: &'a Table,
    documents: Cow<'a, [String]>,
    accounting: Accounting,
    queue: Queue,
    capacity: f64,
    /// BatchWriteItem calls that repeated a write.
    repeats: u32,
    /// Why the last put that ran out of attempts did.
    exhausted: Option<String>,
    pacing: Pacing,
    /// Whether the keys are DynamoDB's own word.
    asked: bool,
}

/// Why writing ended before everything was attempted.
enum Halt {
    Budget,
    /// Nothing but throttling was answered for too long, or until the budget
    /// ended.
    Throttled(String),
    /// Attempts ran out while nothing at all got through.
    Exhausted,
    Refused(ServiceError),
}

/// What a round of batches came to.
#[derive(Default)]
struct Round {
    /// Something was acknowledged, refused or narrowed down.
    progress: bool,
    /// The highest count of attempts among the puts that are sent again.
    waiting: Option<u32>,
    /// A put ran out of attempts.
    exhausted: bool,
    refusal: Option<ServiceError>,
    /// A single put was refused.
    rejected: bool,
}

impl<D: Dynamo> Load<'_, D> {
    /// The table's keys; none where the budget ended first.
    fn ask_keys(&mut self) -> Result<Option<KeySchema>, Failure> {
        let name = &self.table.name;
        let answer = self.caller.send(vec![describe_request(name)]).pop();
        match answer.unwrap_or(Err(CallError::OutOfTime)) {
            Err(CallError::OutOfTime) => Ok(None),
            answer => interpret(name, answer).map(|schema| Some(schema.keys)),
        }
    }

    /// Sends batches until nothing waits, or it is no use.
    fn write(&mut self, keys: &KeySchema) -> Option<Halt> {
        while !self.queue.is_empty() {
            if self.caller.out_of_time() {
                return Some(self.out_of_time());
            }
            let batches = match self.gather() {
                Ok(batches) => batches,
                Err(wait) if self.caller.sleep(wait) => continue,
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
        None
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
        let most = usize::try_from(self.table.concurrency).unwrap_or(usize::MAX);
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
            return Err(wait.clamp(1, LONG_TURN_MS));
        }
        Ok(batches)
    }

    fn send(&mut self, mut batches: Vec<Batch>, keys: &KeySchema) -> Round {
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
            self.apply(verdict, puts, keys, &mut round);
        }
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
            | BatchVerdict::Stop(_) => self.pacing.report(dynamo, &[], &[], asked_ms),
        }
    }

    fn apply(
        &mut self,
        verdict: BatchVerdict,
        puts: Vec<Put>,
        keys: &KeySchema,
        round: &mut Round,
    ) {
        match verdict {
            BatchVerdict::Done {
                capacity,
                unprocessed,
            } => {
                self.capacity += capacity;
                round.progress |= unprocessed.len() < puts.len();
                let mut again = Vec::with_capacity(unprocessed.len());
                for (position, put) in puts.into_iter().enumerate() {
                    if unprocessed.contains(&position) {
                        again.push(put);
                    } else {
                        self.accounting.written(&put);
                    }
                }
                if !again.is_empty() {
                    self.pacing.note(UNPROCESSED);
                }
                self.pass_over(again, keys);
            }
            BatchVerdict::Resend(Cause::Throttled(reason)) if is_hot(&reason) && puts.len() > 1 => {
                // One of them is of a hot partition, and it isn't known which.
                self.queue.halves.extend(by_partition(puts));
            }
            BatchVerdict::Resend(Cause::Throttled(_)) => self.pass_over(puts, keys),
            BatchVerdict::Resend(Cause::Unavailable(reason)) => {
                self.resend(puts, &reason, keys, round);
            }
            BatchVerdict::Split => {
                round.progress = true;
                let mut first = puts;
                let second = first.split_off(first.len() / 2);
                // In front, so that the first culprit is found early and few
                // halves wait.
                self.queue.halves.push_front(second);
                self.queue.halves.push_front(first);
            }
            BatchVerdict::Reject(kind, reason) => {
                round.progress = true;
                round.rejected = true;
                for put in puts {
                    let outcome = DocumentOutcome::Rejected {
                        kind,
                        path: String::new(),
                        reason: reason.clone(),
                    };
                    self.accounting.settle(put.index, outcome);
                    let next = successor(put, &self.documents, keys, &mut self.accounting);
                    self.queue.puts.extend(next);
                }
            }
            BatchVerdict::Stop(refusal) => {
                round.refusal.get_or_insert(refusal);
                self.queue.puts.extend(puts);
            }
        }
    }

    /// Being throttled costs time and no attempts, but for a put that isn't
    /// processed again and again while others are.
    fn pass_over(&mut self, puts: Vec<Put>, keys: &KeySchema) {
        let written = self.accounting.acknowledged();
        let now = self.caller.dynamo().now_ms();
        for mut put in puts.into_iter().rev() {
            if written > put.tries.others {
                put.tries.others = written;
                if put.tries.passed_over == 0 {
                    put.tries.passed_over_ms = now;
                }
                put.tries.passed_over += 1;
            }
            let long = now.saturating_sub(put.tries.passed_over_ms) >= LONGEST_PASSED_OVER_MS;
            if put.tries.passed_over >= MOST_PASSED_OVER && long {
                self.reject(put, UNPROCESSED, keys);
            } else {
                self.queue.puts.push_front(put);
            }
        }
    }

    /// Puts that failed are sent again until their attempts run out. Where
    /// others were written meanwhile, the culprit among them is looked for, and
    /// rejected; where nothing was, they end as pending.
    fn resend(&mut self, puts: Vec<Put>, reason: &str, keys: &KeySchema, round: &mut Round) {
        let written = self.accounting.acknowledged();
        let alone = puts.len() == 1;
        let mut exhausted = Vec::new();
        for mut put in puts.into_iter().rev() {
            if put.tries.failed == 0 {
                put.tries.others = written;
            }
            put.tries.failed += 1;
            let others = written > put.tries.others;
            // One alone is given twice as many before it is called bad.
            let most = self.table.retry.max_attempts * if alone && others { 2 } else { 1 };
            if put.tries.failed >= most {
                exhausted.push(put);
            } else {
                round.waiting = round.waiting.max(Some(put.tries.failed));
                self.queue.puts.push_front(put);
            }
        }
        let (culprits, vain): (Vec<_>, Vec<_>) = exhausted
            .into_iter()
            .partition(|put| written > put.tries.others);
        for put in &vain {
            self.accounting.pending(put);
            self.exhausted = Some(reason.to_owned());
            round.exhausted = true;
        }
        round.progress |= !culprits.is_empty();
        for mut put in culprits {
            if alone {
                self.reject(put, reason, keys);
            } else {
                put.tries.failed = 0;
                self.queue.halves.push_front(vec![put]);
            }
        }
    }

    /// It never succeeds while others do.
    fn reject(&mut self, put: Put, reason: &str, keys: &KeySchema) {
        let outcome = DocumentOutcome::Rejected {
            kind: RejectionKind::Exhausted,
            path: String::new(),
            reason: format!("{reason}; its attempts ran out while other documents were written"),
        };
        self.accounting.settle(put.index, outcome);
        let next = successor(put, &self.documents, keys, &mut self.accounting);
        self.queue.puts.extend(next);
    }

    /// With the wrong keys in the configuration DynamoDB refuses every item
    /// one by one. So the first refusal of a single item makes us ask, once,
    /// whether the keys are right. If that can't be answered, go on.
    fn compare_keys(&mut self, keys: &KeySchema) -> Option<ServiceError> {
        if std::mem::replace(&mut self.asked, true) {
            return None;
        }
        let actual = self.ask_keys().ok().flatten()?;
        (actual != *keys).then(|| {
            ServiceError::Invalid(format!(
                "the table `{}` has the keys {}, but the call says {}",
                self.table.name,
                shown(&actual),
                shown(keys)
            ))
        })
    }

    /// Every document in one list.
    fn report(mut self, halt: Option<Halt>) -> Result<Report, Failure> {
        for put in self.queue.drain() {
            self.accounting.pending(&put);
        }
        let counters = self.counters();
        let upstream = self.caller.upstream().to_owned();
        let failed = |failure| Err(with_counters(failure, counters.clone()));
        let stopped = match halt {
            Some(Halt::Budget) => Some(Stop::Budget),
            Some(Halt::Refused(refusal)) if self.accounting.acknowledged() == 0 => {
                return failed(match refusal {
                    ServiceError::Denied(reason) => denied(reason),
                    ServiceError::MissingTable => missing_table(&self.table.name),
                    ServiceError::Invalid(reason) => invalid(reason),
                });
            }
            Some(Halt::Refused(ServiceError::Denied(reason))) => {
                Some(Stop::Denied(stop_reason(&upstream, reason)))
            }
            Some(Halt::Refused(ServiceError::Invalid(reason))) => {
                Some(Stop::Invalid(stop_reason(&upstream, reason)))
            }
            Some(Halt::Refused(ServiceError::MissingTable)) => {
                let reason = format!("the table `{}` is gone", self.table.name);
                Some(Stop::Invalid(stop_reason(&upstream, reason)))
            }
            Some(Halt::Throttled(reason)) => {
                let pause_ms = self.pacing.pause_ms(self.caller.dynamo().now_ms());
                let limit = throttled(&upstream, pause_ms, reason);
                if self.accounting.acknowledged() == 0 {
                    return failed(Failure::RateLimited(limit));
                }
                Some(Stop::RateLimited(limit))
            }
            Some(Halt::Exhausted) | None => match self.exhausted {
                Some(reason) if self.accounting.acknowledged() == 0 => {
                    return failed(unavailable(reason));
                }
                Some(reason) => Some(Stop::Unavailable(stop_reason(&upstream, reason))),
                None => None,
            },
        };
        // Repeating the call is safe, and the documents may add up then.
        let balance = match self.accounting.close() {
            Ok(balance) => balance,
            Err(error) => return failed(unavailable(error.to_string())),
        };
        Ok(Report {
            written: balance.written,
            superseded: balance.superseded,
            rejected: balance.rejected,
            pending: balance.pending,
            unchanged: 0,
            stopped,
            counters,
        })
    }

    fn counters(&self) -> Vec<Counter> {
        self.caller
            .counters(self.repeats, "dynamodb.write-capacity", self.capacity)
    }
}

/// Whether throttling is about a partition, not about the table.
fn is_hot(reason: &str) -> bool {
    reason.contains("KeyRange")
}

fn by_partition(puts: Vec<Put>) -> Vec<Vec<Put>> {
    let mut groups: Vec<Vec<Put>> = Vec::new();
    for put in puts {
        let same = |group: &&mut Vec<Put>| {
            let first = group.first();
            first.is_some_and(|first| first.key.partition == put.key.partition)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(put),
            None => groups.push(vec![put]),
        }
    }
    groups
}

fn shown(keys: &KeySchema) -> String {
    let letter = |kind| match kind {
        KeyKind::Text => "S",
        KeyKind::Number => "N",
        KeyKind::Bytes => "B",
    };
    let partition = format!("{} ({})", keys.partition.name, letter(keys.partition.kind));
    match &keys.sort {
        Some(sort) => format!("{partition} and {} ({})", sort.name, letter(sort.kind)),
        None => partition,
    }
}

/// Adds what can't work.
pub fn check(table: &Table, mistakes: &mut Mistakes) {
    let Table {
        name,
        keys,
        retry,
        concurrency,
    } = table;
    let plain = |each: u8| each.is_ascii_alphanumeric() || matches!(each, b'_' | b'-' | b'.');
    if !(3..=255).contains(&name.len()) || !name.bytes().all(plain) {
        mistakes.add(
            "/name",
            "must be 3 to 255 letters, digits, `_`, `-` and `.`",
        );
    }
    within(mistakes, "/concurrency", (*concurrency).into(), 1, 64);
    if let Some(KeySchema { partition, sort }) = keys {
        let sort = sort.as_ref().map(|sort| &sort.name);
        let names = [("partition", Some(&partition.name)), ("sort", sort)];
        for (role, name) in names {
            if name.is_some_and(|name| !(1..=255).contains(&name.len())) {
                mistakes.add(format!("/keys/{role}/name"), "must have 1 to 255 bytes");
            }
        }
        if sort == Some(&partition.name) {
            mistakes.add("/keys/sort/name", "is the partition key's name, too");
        }
    }
    retry.check(mistakes);
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
