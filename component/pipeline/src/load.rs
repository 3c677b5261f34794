//! Documents and a table → what became of each document. The sequence of
//! steps; each decision is in a module of its own.

mod batch;
mod ledger;
mod prepare;
mod verdict;

use crate::bindings::exports::rowcast::pipeline::load::Report;
use crate::bindings::rowcast::pipeline::types::{Counter, Failure, Stop};
use crate::dynamodb::call::{CallError, Caller, throttled};
use crate::dynamodb::schema::{describe_request, interpret, missing_table};
use crate::failure::{denied, invalid, stop_reason, unavailable, with_counters};
use crate::platform::Dynamo;
use crate::settings::{KeyKind, KeySchema, Mistakes, Table, within};
use batch::{Batch, Queue};
use ledger::{Fate, Ledger};
use prepare::{Put, prepare, successor};
use verdict::{Cause, Refusal, Verdict, verdict};

/// Writes documents to a table, see `wit/load.wit`.
///
/// A call that was stopped by anything but its budget before DynamoDB had
/// acknowledged a single document is a failure, whatever was rejected until
/// then: repeating the call finds the same again.
pub fn run<D: Dynamo>(
    dynamo: &D,
    table: &Table,
    documents: &[String],
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
        ledger: Ledger::new(total),
        queue: Queue::default(),
        capacity: 0.0,
        repeats: 0,
        exhausted: None,
        asked: table.keys.is_none(),
    };
    let keys = match &table.keys {
        Some(keys) => Some(keys.clone()),
        // Nothing to write needs no keys.
        None if documents.is_empty() => None,
        None => match load.ask_keys() {
            Ok(keys) => keys,
            Err(failure) => return Err(with_counters(failure, load.counters())),
        },
    };
    let Some(keys) = keys else {
        // No documents, or no time to ask: both leave every document pending.
        for index in 0..total {
            load.ledger.settle(index, Fate::Pending);
        }
        let stop = (total > 0).then_some(Halt::Budget);
        return load.report(stop);
    };
    load.queue.puts = prepare(documents, &keys, &mut load.ledger).into();
    let halt = load.write(&keys);
    load.report(halt)
}

/// One call's state.
struct Load<'a, D: Dynamo> {
    caller: Caller<'a, D>,
    table: &'a Table,
    documents: &'a [String],
    ledger: Ledger,
    queue: Queue,
    capacity: f64,
    /// BatchWriteItem calls that repeated a write.
    repeats: u32,
    /// Why the last put that ran out of attempts did.
    exhausted: Option<Cause>,
    /// Whether the keys are DynamoDB's own word.
    asked: bool,
}

/// Why writing ended before everything was attempted.
enum Halt {
    Budget,
    /// Attempts ran out while nothing at all got through.
    Exhausted,
    Refused(Refusal),
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
    refusal: Option<Refusal>,
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

    /// Sends rounds of batches until nothing waits, or it is no use.
    fn write(&mut self, keys: &KeySchema) -> Option<Halt> {
        while !self.queue.is_empty() {
            if self.caller.out_of_time() {
                return Some(Halt::Budget);
            }
            let round = self.round(keys);
            if let Some(refusal) = round.refusal {
                return Some(Halt::Refused(refusal));
            }
            if round.rejected
                && let Some(refusal) = self.compare_keys(keys)
            {
                return Some(Halt::Refused(refusal));
            }
            // A single hot key may run out of attempts while others get
            // through; but where nothing does, the rest needn't try.
            if round.exhausted && !round.progress {
                return Some(Halt::Exhausted);
            }
            if let Some(attempts) = round.waiting
                && !self.caller.pause(attempts)
            {
                return Some(Halt::Budget);
            }
        }
        None
    }

    fn round(&mut self, keys: &KeySchema) -> Round {
        let most = usize::try_from(self.table.concurrency).unwrap_or(usize::MAX);
        let batches = self.queue.round(most);
        let repeats = batches.iter().filter(|batch| batch.repeated).count();
        self.repeats = self
            .repeats
            .saturating_add(u32::try_from(repeats).unwrap_or(u32::MAX));
        let requests = batches
            .iter()
            .map(|batch| batch::request(&self.table.name, &batch.puts))
            .collect();
        let outcomes = self.caller.attempt(requests);
        let mut round = Round::default();
        for (Batch { puts, .. }, outcome) in batches.into_iter().zip(outcomes) {
            let verdict = verdict(outcome, &puts, keys);
            self.apply(verdict, puts, keys, &mut round);
        }
        round
    }

    fn apply(&mut self, verdict: Verdict, puts: Vec<Put>, keys: &KeySchema, round: &mut Round) {
        match verdict {
            Verdict::Done {
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
                        self.ledger.written(&put);
                    }
                }
                let reason = "DynamoDB returned the write unprocessed, which it does when the \
                              table's or a partition's throughput is exceeded";
                self.resend(again, &Cause::Throttled(reason.to_owned()), round);
            }
            Verdict::Resend(cause) => self.resend(puts, &cause, round),
            Verdict::Split => {
                round.progress = true;
                let mut first = puts;
                let second = first.split_off(first.len() / 2);
                // In front, so that the first culprit is found early and few
                // halves wait.
                self.queue.halves.push_front(second);
                self.queue.halves.push_front(first);
            }
            Verdict::Reject(kind, reason) => {
                round.progress = true;
                round.rejected = true;
                for put in puts {
                    let fate = Fate::Rejected {
                        kind,
                        path: String::new(),
                        reason: reason.clone(),
                    };
                    self.ledger.settle(put.index, fate);
                    let next = successor(put, self.documents, keys, &mut self.ledger);
                    self.queue.puts.extend(next);
                }
            }
            Verdict::Stop(refusal) => {
                round.refusal.get_or_insert(refusal);
                self.queue.puts.extend(puts);
            }
        }
    }

    /// Puts that may be sent again wait at the front, so that each has its
    /// attempts before the next begins; the others end as pending.
    fn resend(&mut self, puts: Vec<Put>, cause: &Cause, round: &mut Round) {
        for mut put in puts.into_iter().rev() {
            put.attempts += 1;
            if put.attempts >= self.table.retry.max_attempts {
                self.ledger.pending(&put);
                self.exhausted = Some(cause.clone());
                round.exhausted = true;
            } else {
                round.waiting = round.waiting.max(Some(put.attempts));
                self.queue.puts.push_front(put);
            }
        }
    }

    /// With the wrong keys in the configuration DynamoDB refuses every item
    /// one by one. So the first refusal of a single item makes us ask, once,
    /// whether the keys are right. If that can't be answered, go on.
    fn compare_keys(&mut self, keys: &KeySchema) -> Option<Refusal> {
        if std::mem::replace(&mut self.asked, true) {
            return None;
        }
        let actual = self.ask_keys().ok().flatten()?;
        (actual != *keys).then(|| {
            Refusal::Invalid(format!(
                "the table `{}` has the keys {}, but the call said {}",
                self.table.name,
                shown(&actual),
                shown(keys)
            ))
        })
    }

    /// Every document in one list.
    fn report(mut self, halt: Option<Halt>) -> Result<Report, Failure> {
        for put in self.queue.drain() {
            self.ledger.pending(&put);
        }
        let counters = self.counters();
        let upstream = self.caller.upstream().to_owned();
        let failed = |failure| Err(with_counters(failure, counters.clone()));
        let stopped = match halt {
            Some(Halt::Budget) => Some(Stop::Budget),
            Some(Halt::Refused(refusal)) if self.ledger.acknowledged() == 0 => {
                return failed(match refusal {
                    Refusal::Denied(reason) => denied(reason),
                    Refusal::MissingTable => missing_table(&self.table.name),
                    Refusal::Invalid(reason) => invalid(reason),
                });
            }
            Some(Halt::Refused(Refusal::Denied(reason))) => {
                Some(Stop::Denied(stop_reason(&upstream, reason)))
            }
            Some(Halt::Refused(Refusal::Invalid(reason))) => {
                Some(Stop::Invalid(stop_reason(&upstream, reason)))
            }
            Some(Halt::Refused(Refusal::MissingTable)) => {
                let reason = format!("the table `{}` is gone", self.table.name);
                Some(Stop::Invalid(stop_reason(&upstream, reason)))
            }
            Some(Halt::Exhausted) | None => match self.exhausted {
                Some(cause) if self.ledger.acknowledged() == 0 => {
                    return failed(match cause {
                        Cause::Throttled(reason) => {
                            Failure::RateLimited(throttled(&upstream, reason))
                        }
                        Cause::Unavailable(reason) => unavailable(reason),
                    });
                }
                Some(Cause::Throttled(reason)) => {
                    Some(Stop::RateLimited(throttled(&upstream, reason)))
                }
                Some(Cause::Unavailable(reason)) => {
                    Some(Stop::Unavailable(stop_reason(&upstream, reason)))
                }
                None => None,
            },
        };
        // Repeating the call is safe, and the documents may add up then.
        let balance = match self.ledger.close() {
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
