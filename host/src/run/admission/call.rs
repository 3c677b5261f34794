//! What a component asks about the documents of one call → its chunk's
//! decisions, and their outcomes → its chunk.

use super::{Candidate, ChunkAdmission, Unchanged};
use crate::engine::{self, Admit, Decision, Digest, Interest, Outcome, Undecidable};
use crate::ledger::Hash;
use crate::ledger::content::Entry;
use crate::run::order::Position;
use futures_util::future::BoxFuture;
use rowcast_json::digest;
use std::sync::Arc;

/// What a call of a chunk asks. `rows` are the chunk's rows that the call's
/// documents are, where they aren't those of its requests.
pub struct CallAdmission {
    pub chunk: Arc<ChunkAdmission>,
    pub rows: Option<Vec<u32>>,
}

impl Admit for CallAdmission {
    fn interest(&self) -> Interest {
        let run = &self.chunk.run;
        let digest::Digest { high, low } = run.digest_key;
        Interest {
            digest_key: Digest { high, low },
            // Where there is no ledger, nobody compares contents.
            content: run.ledger.is_some(),
            item_key: run.ledger.is_some() && matches!(run.unchanged, Unchanged::Verify(_)),
        }
    }

    fn admit(
        &self,
        candidates: Vec<engine::Candidate>,
    ) -> BoxFuture<'_, Result<Vec<Decision>, Undecidable>> {
        let candidates: Vec<_> = candidates
            .iter()
            .map(|candidate| self.placed(candidate))
            .collect();
        Box::pin(async move {
            let decided = self.chunk.decide_in_time(&candidates).await;
            decided.map_err(|error| {
                self.chunk.state().failed.get_or_insert(error);
                Undecidable
            })
        })
    }

    fn settle(&self, outcomes: Vec<Outcome>) {
        let mut state = self.chunk.state();
        let settled: Vec<_> = outcomes
            .into_iter()
            .filter_map(|outcome| {
                let key = hash(outcome.key);
                let written = state.held.remove(&key)?;
                let written = outcome.written.then_some(written);
                state.written.extend(written.map(|written| (key, written)));
                Some((key, written))
            })
            .collect();
        drop(state);
        self.chunk.settle(settled);
    }
}

impl CallAdmission {
    pub(super) fn placed(&self, candidate: &engine::Candidate) -> Candidate {
        let request = candidate.request;
        let row = |rows: &Vec<u32>| {
            let at = usize::try_from(request.row).ok()?;
            rows.get(at).copied()
        };
        let key = hash(candidate.key);
        let item_key = candidate.item_key.as_deref().map(serde_json::from_str);
        Candidate {
            at: Position {
                chunk: self.chunk.chunk,
                row: self
                    .rows
                    .as_ref()
                    .map_or(Some(request.row), row)
                    .unwrap_or_default(),
                place: u64::from(request.combination) << 32 | u64::from(candidate.place),
            },
            entry: Entry {
                key,
                content: candidate.content.map_or(key, hash),
                capacity: f64::from(candidate.bytes.div_ceil(1024)),
                item_key: item_key.and_then(Result::ok).unwrap_or_default(),
            },
        }
    }
}

fn hash(Digest { high, low }: Digest) -> Hash {
    Hash::from(digest::Digest { high, low })
}
