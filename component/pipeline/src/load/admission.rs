//! Puts that are ready → those that may be written now, as the host decides it
//! over all of its calls; what became of them → the host. Where the host keeps
//! no such record, everything may be written.

use super::accounting::{Accounting, DocumentOutcome};
use super::put::Put;
use crate::bindings::rowcast::pipeline::admission::{
    Candidate, Decision, Digest as WitDigest, Interest, Outcome,
};
use crate::bindings::rowcast::pipeline::types::Request;
use crate::dynamodb::key::Key;
use crate::platform::Dynamo;
use crate::settings::Keys;
use rowcast_json::digest::{Digest, Digester};
use std::collections::HashSet;

/// One call's dealings with the host's record.
pub struct Admission<'a, D: Dynamo> {
    dynamo: &'a D,
    record: Option<Record>,
    /// What hasn't been decided: at first everything, then what was put off and
    /// what takes the place of a refused put.
    pub waiting: Vec<Put>,
}

/// What the host wants to know, and what it has to be told.
struct Record {
    wanted: Interest,
    digester: Digester,
    /// Keys that were admitted and aren't settled.
    held: HashSet<Digest>,
    outcomes: Vec<Outcome>,
}

impl<'a, D: Dynamo> Admission<'a, D> {
    /// Asks the host what it wants to know.
    pub fn new(dynamo: &'a D) -> Self {
        let record = dynamo.wanted().map(|wanted| Record {
            digester: digester(&wanted),
            wanted,
            held: HashSet::new(),
            outcomes: Vec::new(),
        });
        Self {
            dynamo,
            record,
            waiting: Vec::new(),
        }
    }

    /// What makes the digests of contents, where the host compares them.
    pub fn contents(&mut self) -> Option<&mut Digester> {
        let record = self.record.as_mut()?;
        record.wanted.content.then_some(&mut record.digester)
    }

    /// Another one of these.
    #[must_use]
    pub fn another(&self) -> Option<Digester> {
        let record = self.record.as_ref()?;
        record.wanted.content.then(|| digester(&record.wanted))
    }

    /// Has everything decided that waits: the puts that may be written now.
    /// What another call is writing waits on; the rest is settled.
    ///
    /// Only for a caller that holds no key: the host may wait for others here.
    pub fn ask(
        &mut self,
        keys: &Keys,
        requests: Option<&[Request]>,
        accounting: &mut Accounting,
    ) -> Vec<Put> {
        let mut puts = std::mem::take(&mut self.waiting);
        let Some(record) = &mut self.record else {
            return puts;
        };
        let candidates: Vec<Candidate> = puts
            .iter_mut()
            .map(|put| record.candidate(put, keys, requests))
            .collect();
        let decisions = self.dynamo.admit(candidates);
        // A host that decides about fewer breaks its contract; what it doesn't
        // know of is asked for again.
        let decisions = decisions
            .into_iter()
            .map(Some)
            .chain(std::iter::repeat(None));
        let mut admitted = Vec::with_capacity(puts.len());
        for (put, decision) in puts.into_iter().zip(decisions) {
            match decision {
                Some(Decision::Write) => {
                    record.held.extend(put.digest);
                    admitted.push(put);
                }
                Some(Decision::Unchanged) => {
                    accounting.settle_all(&put, DocumentOutcome::Unchanged);
                }
                Some(Decision::Superseded) => {
                    accounting.settle_all(&put, DocumentOutcome::Superseded(None));
                }
                Some(Decision::Later) | None => self.waiting.push(put),
            }
        }
        admitted
    }

    /// What became of a put that was admitted.
    pub fn settle(&mut self, put: &Put, written: bool) {
        if let Some(record) = &mut self.record
            && let Some(key) = put.digest
            && record.held.remove(&key)
        {
            record.outcomes.push(outcome(key, written));
        }
    }

    /// What takes the place of a put that was refused: what may be written at
    /// once, where nothing has to be decided.
    pub fn succeed(&mut self, put: Option<Put>) -> Option<Put> {
        if self.record.is_none() {
            return put;
        }
        self.waiting.extend(put);
        None
    }

    /// Tells the host what was settled.
    pub fn tell(&mut self) {
        if let Some(record) = &mut self.record
            && !record.outcomes.is_empty()
        {
            self.dynamo.settle(std::mem::take(&mut record.outcomes));
        }
    }
}

/// However a call ends, nobody waits for what it held.
impl<D: Dynamo> Drop for Admission<'_, D> {
    fn drop(&mut self) {
        if let Some(record) = &mut self.record {
            let held = record.held.drain();
            record.outcomes.extend(held.map(|key| outcome(key, false)));
        }
        self.tell();
    }
}

impl Record {
    fn candidate(&mut self, put: &mut Put, keys: &Keys, requests: Option<&[Request]>) -> Candidate {
        let digester = &mut self.digester;
        let key = *put
            .digest
            .get_or_insert_with(|| put.item.key.digest(digester));
        let (request, place) = origin(put.index, requests);
        let item_key = |key: &Key| key.json(keys);
        Candidate {
            request,
            place,
            key: wit(key),
            content: put.content.map(wit),
            item_key: self.wanted.item_key.then(|| item_key(&put.item.key)),
            bytes: u32::try_from(put.item.size).unwrap_or(u32::MAX),
        }
    }
}

fn digester(wanted: &Interest) -> Digester {
    let WitDigest { high, low } = wanted.digest_key;
    Digester::new(Digest { high, low })
}

/// The request that a document came from, and its number among that request's.
fn origin(index: u32, requests: Option<&[Request]>) -> (Request, u32) {
    let itself = Request {
        row: index,
        combination: 0,
    };
    let Some(requests) = requests else {
        return (itself, 0);
    };
    let at = usize::try_from(index).unwrap_or(usize::MAX);
    let Some(request) = requests.get(at).copied() else {
        return (itself, 0);
    };
    let order = |request: &Request| (request.row, request.combination);
    let first = requests.partition_point(|other| order(other) < order(&request));
    let place = at.saturating_sub(first);
    (request, u32::try_from(place).unwrap_or(u32::MAX))
}

fn wit(digest: Digest) -> WitDigest {
    let Digest { high, low } = digest;
    WitDigest { high, low }
}

fn outcome(key: Digest, written: bool) -> Outcome {
    Outcome {
        key: wit(key),
        written,
    }
}
