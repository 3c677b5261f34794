//! What the requests of a step led to → the requests of the next one, and in the
//! end how a request of the first step ended. Between calls a chain is a `resume`.

use super::super::extracted::Extracted;
use super::super::matrix::Matrix;
use super::super::progress::{Progress, Record};
use crate::bindings::rowcast::pipeline::types::{
    RejectedRecord, RejectedRequest, RejectionKind, Request,
};
use crate::document::Document;
use crate::settings::{Mistakes, Source};
use serde::{Deserialize, Serialize};

/// A request of the first step that is done.
#[derive(Deserialize, Serialize)]
pub(super) struct Chain {
    /// The step that its parts belong to, from 1.
    pub(super) step: usize,
    pub(super) parts: Vec<Part>,
    /// Records of earlier steps that led nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rejected: Vec<Record>,
}

/// A request of a later step.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Part {
    Settled {
        documents: Vec<String>,
        rejected: Vec<Record>,
    },
    Open {
        row: String,
        combination: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<String>,
    },
}

impl Part {
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// It will not be asked for again: a rejected record of its row.
    pub(super) fn given_up(kind: RejectionKind, reason: String) -> Self {
        Self::Settled {
            documents: Vec::new(),
            rejected: vec![Record::given_up(kind, reason)],
        }
    }

    /// A call failed to ask for it.
    pub(super) fn exhausted(&mut self) {
        if let Self::Open { resume, .. } = self {
            let request = Request {
                row: 0,
                combination: 0,
            };
            *resume = Progress::read(request, resume.as_deref())
                .exhausted()
                .write();
        }
    }
}

/// How a request of the first step ended in this call.
pub(super) enum ChainEnd {
    Done(Extracted),
    Rejected(RejectedRequest),
    Pending(Option<String>),
}

impl Chain {
    /// Reads what an earlier call left; none where the request is still in the
    /// first step.
    pub(super) fn read(resume: Option<&str>, steps: usize) -> Option<Self> {
        let chain: Self = serde_json::from_str(resume?).ok()?;
        (1..=steps).contains(&chain.step).then_some(chain)
    }

    /// Documents become the requests of its step.
    pub(super) fn follow(&mut self, documents: Vec<String>, source: &Source) {
        let step = self.step.checked_sub(1).and_then(|at| source.then.get(at));
        // The settings were checked before the first request.
        let matrix =
            |step: &Source| Matrix::new(&step.matrix, &mut Mistakes::default()).combinations();
        let combinations = step.map_or(1, matrix);
        for row in documents {
            for combination in 0..combinations {
                self.parts.push(Part::Open {
                    row: row.clone(),
                    combination,
                    resume: None,
                });
            }
        }
    }

    fn is_settled(&self) -> bool {
        !self.parts.iter().any(Part::is_open)
    }

    /// Where everything is settled, turns to the next step, if there is one.
    pub(super) fn go_on(&mut self, source: &Source) {
        if !self.is_settled() || self.step >= source.then.len() {
            return;
        }
        self.step += 1;
        let mut all = Vec::new();
        for part in std::mem::take(&mut self.parts) {
            if let Part::Settled {
                mut documents,
                mut rejected,
            } = part
            {
                all.append(&mut documents);
                self.rejected.append(&mut rejected);
            }
        }
        self.follow(all, source);
    }

    pub(super) fn end(self, steps: usize, request: Request) -> ChainEnd {
        if !self.is_settled() || self.step < steps {
            return ChainEnd::Pending(serde_json::to_string(&self).ok());
        }
        let mut extracted = Extracted::default();
        let reject = |extracted: &mut Extracted, record: Record| {
            let RejectedRecord {
                kind, path, reason, ..
            } = record.of(request);
            extracted.reject(request, kind, path, reason);
        };
        for record in self.rejected {
            reject(&mut extracted, record);
        }
        for part in self.parts {
            if let Part::Settled {
                documents,
                rejected,
            } = part
            {
                let documents = documents.into_iter().map(Document::Text);
                extracted.documents.extend(documents);
                for record in rejected {
                    reject(&mut extracted, record);
                }
            }
        }
        ChainEnd::Done(extracted)
    }
}
