//! Requests and their outcomes → an extraction in which each is in exactly
//! one list. The type guards the balance.

use super::extracted::Extracted;
use super::progress::Progress;
use super::verdict::Rejection;
use crate::bindings::exports::rowcast::pipeline::extract::{DoneRequest, Extraction};
use crate::bindings::rowcast::pipeline::types::{
    Counter, PendingRequest, RejectedRecord, RejectedRequest, Request, Stop,
};
use crate::document::Document;

/// How a request ended.
#[derive(Debug)]
pub enum RequestOutcome {
    /// Read to the end.
    Done(Extracted),
    /// Will not succeed if repeated.
    Rejected(Rejection),
    /// Not attempted, or unresolved; with what it has so far.
    Pending(Progress),
}

/// One line per request.
pub struct Accounting {
    lines: Vec<(PendingRequest, Option<RequestOutcome>)>,
}

/// The balanced lists.
#[derive(Debug, Default)]
pub struct Balance {
    /// The finished requests' documents.
    pub documents: Vec<Document>,
    /// In the order of the requests, like all that follow.
    pub done: Vec<DoneRequest>,
    /// Rejected requests.
    pub rejected: Vec<RejectedRequest>,
    /// Rejected records of finished requests.
    pub rejected_records: Vec<RejectedRecord>,
    /// The rest.
    pub pending: Vec<PendingRequest>,
    /// Whether one of them has got on, or failed to.
    pub tried: bool,
}

impl Balance {
    /// A request that was read to the end, after those before it.
    pub fn done(&mut self, request: Request, mut extracted: Extracted) -> Result<(), Unbalanced> {
        let documents = u32::try_from(extracted.documents.len()).map_err(|_| Unbalanced)?;
        self.documents.append(&mut extracted.documents);
        self.rejected_records.append(&mut extracted.rejected);
        self.done.push(DoneRequest { request, documents });
        Ok(())
    }

    /// The call's result, its documents beside it; why requests are pending, if
    /// any is.
    #[must_use]
    pub fn into_extraction(
        self,
        stop: Option<Stop>,
        counters: Vec<Counter>,
    ) -> (Extraction, Vec<Document>) {
        let extraction = Extraction {
            stopped: stop.filter(|_| !self.pending.is_empty()),
            documents: Vec::new(),
            done: self.done,
            rejected: self.rejected,
            rejected_records: self.rejected_records,
            pending: self.pending,
            counters,
        };
        (extraction, self.documents)
    }
}

/// A request was counted twice, not at all, or past what can be counted: a defect
/// of this component.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("rowcast lost count of its requests; please report this")]
pub struct Unbalanced;

impl Accounting {
    /// Opens a line for each request.
    #[must_use]
    pub fn open(requests: &[PendingRequest]) -> Self {
        Self {
            lines: requests
                .iter()
                .map(|pending| (pending.clone(), None))
                .collect(),
        }
    }

    /// Settles a request, once.
    pub fn settle(&mut self, line: usize, outcome: RequestOutcome) -> Result<(), Unbalanced> {
        match self.lines.get_mut(line) {
            Some((_, open @ None)) => {
                *open = Some(outcome);
                Ok(())
            }
            Some((_, Some(_))) | None => Err(Unbalanced),
        }
    }

    /// Closes the accounting; every line must be settled.
    pub fn close(self) -> Result<Balance, Unbalanced> {
        let mut balance = Balance::default();
        for (pending, outcome) in self.lines {
            let request = pending.request;
            match outcome.ok_or(Unbalanced)? {
                RequestOutcome::Done(extracted) => balance.done(request, extracted)?,
                RequestOutcome::Rejected(Rejection {
                    kind,
                    status,
                    reason,
                }) => {
                    balance.rejected.push(RejectedRequest {
                        request,
                        kind,
                        status,
                        reason,
                    });
                }
                RequestOutcome::Pending(progress) => {
                    balance.tried |= progress.is_tried();
                    let resume = progress.write();
                    balance.pending.push(PendingRequest { request, resume });
                }
            }
        }
        Ok(balance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn pending(row: u32) -> PendingRequest {
        PendingRequest {
            request: Request {
                row,
                combination: 0,
            },
            resume: Some(r#"{"exhausted":2}"#.to_owned()),
        }
    }

    #[test]
    fn each_request_is_settled_once() {
        let requests = [pending(0), pending(1)];
        let progress = Progress {
            exhausted: 2,
            ..Progress::default()
        };
        let mut accounting = Accounting::open(&requests);
        let documents = vec![Document::Text("{}".to_owned())];
        let extracted = Extracted {
            documents,
            rejected: Vec::new(),
        };
        assert_eq!(
            accounting.settle(1, RequestOutcome::Done(extracted)),
            Ok(())
        );
        assert_eq!(
            accounting.settle(1, RequestOutcome::Pending(Progress::default())),
            Err(Unbalanced)
        );
        assert_eq!(
            accounting.settle(2, RequestOutcome::Pending(Progress::default())),
            Err(Unbalanced)
        );
        assert_eq!(
            accounting.settle(0, RequestOutcome::Pending(progress)),
            Ok(())
        );
        let lists = accounting
            .close()
            .map(|balance| (balance.done, balance.pending));
        let [first, second] = requests;
        assert_eq!(
            lists,
            Ok((
                vec![DoneRequest {
                    request: second.request,
                    documents: 1
                }],
                vec![first]
            ))
        );
    }

    #[test]
    fn open_lines_do_not_balance() {
        let accounting = Accounting::open(&[pending(0)]);
        assert_eq!(accounting.close().err(), Some(Unbalanced));
    }
}
