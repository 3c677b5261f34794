//! What is asked for in one call of a chunk → smaller parts, where that is too
//! much at once. Pure.

use crate::engine::{PendingDocument, PendingRequest, Remaining, Request};

/// Requests that are asked for together, and documents that an earlier call
/// left.
#[derive(Debug, PartialEq)]
pub struct Part {
    pub left: Remaining,
    /// Calls that ended without getting on: for lack of time, or by a failure.
    pub idle: u32,
    pub failed: u32,
    /// How much was written by others when it failed first.
    pub written: u64,
    /// Requests that calls sent which say nothing more of them: they are sent again.
    pub sent: u64,
}

impl Part {
    pub fn new(requests: Vec<PendingRequest>, documents: Vec<PendingDocument>) -> Self {
        Self {
            left: Remaining {
                requests,
                documents,
            },
            idle: 0,
            failed: 0,
            written: 0,
            sent: 0,
        }
    }

    /// So many were sent that no call had sent before, as far as it knows: how many of
    /// them are repeats.
    pub fn repeats(&mut self, sent: u64) -> u64 {
        let repeats = sent.min(self.sent);
        self.sent -= repeats;
        repeats
    }

    /// Takes its part of what was sent.
    fn share(mut self, sent: &mut u64) -> Self {
        self.sent = (*sent).min(self.left.requests.len() as u64);
        *sent -= self.sent;
        self
    }

    pub fn is_empty(&self) -> bool {
        self.left.requests.is_empty() && self.left.documents.is_empty()
    }

    pub fn requests(&self) -> impl Iterator<Item = Request> + Clone {
        self.left.requests.iter().map(|pending| pending.request)
    }

    /// Two smaller parts; itself where it can't be smaller.
    pub fn split(mut self) -> Result<[Self; 2], Self> {
        let Remaining {
            requests,
            documents,
        } = &mut self.left;
        let second = match (requests.len(), documents.len()) {
            (2.., _) => Self::new(requests.split_off(requests.len() / 2), Vec::new()),
            (1, 1..) => Self::new(std::mem::take(requests), Vec::new()),
            (0, 2..) => Self::new(Vec::new(), documents.split_off(documents.len() / 2)),
            (1, 0) | (0, 0 | 1) => return Err(self),
        };
        let first = Self::new(self.left.requests, self.left.documents);
        Ok([first, second].map(|part| part.share(&mut self.sent)))
    }

    /// A part for each request; documents go with the first.
    pub fn singles(self) -> Vec<Self> {
        let (failed, mut sent) = (self.failed, self.sent);
        let mut documents = Some(self.left.documents);
        let one = |request| Self {
            failed,
            ..Self::new(vec![request], documents.take().unwrap_or_default()).share(&mut sent)
        };
        self.left.requests.into_iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_a_repeat_once() {
        let mut whole = part(5, 0);
        whole.sent = 4;
        assert_eq!(whole.repeats(1), 1);
        let mut halves = whole
            .split()
            .unwrap_or_else(|part| [part, self::part(0, 0)]);
        assert_eq!(halves.each_ref().map(|half| half.sent), [2, 1]);
        assert_eq!(halves.each_mut().map(|half| half.repeats(9)), [2, 1]);
        assert_eq!(halves.each_mut().map(|half| half.repeats(9)), [0, 0]);
        let mut whole = part(3, 0);
        whole.sent = 2;
        let sent = whole.singles().into_iter().map(|one| one.sent);
        assert_eq!(sent.collect::<Vec<_>>(), [1, 1, 0]);
    }

    fn part(requests: u32, documents: u32) -> Part {
        let request = |row| Request {
            row,
            combination: 0,
        };
        let resume = None;
        let pending = |row| PendingRequest {
            request: request(row),
            resume: resume.clone(),
        };
        let document = |row| PendingDocument {
            request: request(row),
            document: row.to_string(),
        };
        Part::new(
            (0..requests).map(pending).collect(),
            (0..documents).map(document).collect(),
        )
    }

    fn sizes(part: &Part) -> (usize, usize) {
        (part.left.requests.len(), part.left.documents.len())
    }

    #[test]
    fn it_gets_smaller_down_to_one_thing() {
        type Sizes = (usize, usize);
        let check = |requests, documents, expected: Option<[Sizes; 2]>| {
            let split = part(requests, documents).split().ok();
            let split = split.map(|halves| halves.map(|half| sizes(&half)));
            assert_eq!(split, expected, "{requests} {documents}");
        };
        check(5, 3, Some([(2, 3), (3, 0)]));
        check(2, 0, Some([(1, 0), (1, 0)]));
        check(1, 3, Some([(0, 3), (1, 0)]));
        check(0, 3, Some([(0, 1), (0, 2)]));
        check(1, 0, None);
        check(0, 1, None);
        check(0, 0, None);
        let singles: Vec<_> = part(3, 2).singles().iter().map(sizes).collect();
        assert_eq!(singles, [(1, 2), (1, 0), (1, 0)]);
    }
}
