//! What was done with rows, requests, records and documents → counts that are
//! checked to balance. Pure.

use crate::config::Share;
use serde::Serialize;

/// Counts of one run so far. Everything that was taken in is in exactly one of
/// the counts it can end in; [`Tally::close`] checks that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Rows read.
    pub rows: Rows,
    /// Requests planned: one per row and combination of the matrix.
    pub requests: Requests,
    /// Records that the source answered with.
    pub records: Records,
    /// Documents that went to DynamoDB.
    pub documents: Documents,
    /// What it took.
    pub effort: Effort,
}

/// Rows by how they ended: each row is in one of the four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// Rows read from the database or file.
    pub read: u64,
    /// Every request of the row was answered.
    pub done: u64,
    /// The row can't be read; or some request of it was rejected and none is
    /// pending.
    pub rejected: u64,
    /// How many of the rejected can't be read: no request was made of them.
    #[serde(skip)]
    pub unreadable: u64,
    /// Some request of the row is pending.
    pub pending: u64,
    /// An earlier process of the same run finished it; it wasn't asked for.
    pub resumed: u64,
}

/// Planned requests by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// One per row and combination of the matrix.
    pub planned: u64,
    /// Answered, and the answer read to its end.
    pub done: u64,
    /// Refused for good.
    pub rejected: u64,
    /// Not attempted, or unresolved.
    pub pending: u64,
}

/// Records by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Records {
    /// Records that the source answered with.
    pub received: u64,
    /// Records that became documents.
    pub documents: u64,
    /// Records that lack a required member, or clash with an added attribute.
    pub rejected: u64,
}

/// Documents by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Documents {
    /// Documents given to `load`.
    pub total: u64,
    /// Acknowledged by DynamoDB.
    pub written: u64,
    /// The table has them as they are; not written.
    pub unchanged: u64,
    /// Left out, for a later document has the same key.
    pub superseded: u64,
    /// Refused for good.
    pub rejected: u64,
    /// Not attempted, or not acknowledged.
    pub pending: u64,
    /// Given to whoever runs it, where there is no table to write to.
    pub emitted: u64,
}

/// What a run took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Effort {
    /// HTTP requests sent to the source, repeats included.
    pub source_requests: u64,
    /// How many of them were repeats.
    pub source_retries: u64,
    /// Requests that were answered, and had no records.
    pub source_empty: u64,
    /// Requests whose answer announces more than the settings follow.
    pub source_unfollowed: u64,
    /// Requests of a source's further steps that were answered.
    pub then_done: u64,
    /// Those that were given up: each is a rejected record.
    pub then_rejected: u64,
    /// DynamoDB calls sent, repeats included.
    pub dynamodb_requests: u64,
    /// How many of them were repeats.
    pub dynamodb_retries: u64,
    /// Write capacity units, as DynamoDB reports them.
    pub write_capacity: f64,
    /// Write capacity units that unchanged documents would have taken, by an
    /// estimate of their size.
    pub write_capacity_saved: f64,
}

impl Effort {
    /// Requests to the source that weren't repeats.
    pub(super) fn first_requests(&self) -> u64 {
        self.source_requests.saturating_sub(self.source_retries)
    }
}

/// Counts that do not add up: something was lost or counted twice. That is a
/// bug of Rowcast or of the component it ran, never of the data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the counts of {what} do not balance: {total} in, {accounted} accounted for")]
pub struct Unbalanced {
    /// Which counts.
    pub what: &'static str,
    /// What went in.
    pub total: u64,
    /// What came out.
    pub accounted: u64,
}

impl Tally {
    /// The counts, once they are known to balance.
    pub fn close(self) -> Result<Self, Unbalanced> {
        let Self {
            rows,
            requests,
            records,
            documents,
            effort: _,
        } = self;
        balance(
            "rows",
            rows.read,
            [rows.done, rows.rejected, rows.pending, rows.resumed],
        )?;
        balance(
            "requests",
            requests.planned,
            [requests.done, requests.rejected, requests.pending],
        )?;
        balance(
            "records",
            records.received,
            [records.documents, records.rejected],
        )?;
        balance(
            "records and documents",
            records.documents,
            [documents.total],
        )?;
        balance(
            "documents",
            documents.total,
            [
                documents.written,
                documents.unchanged,
                documents.superseded,
                documents.rejected,
                documents.pending,
                documents.emitted,
            ],
        )?;
        Ok(self)
    }

    /// Adds another tally's counts to this one's.
    pub fn add(&mut self, other: &Self) {
        let Self {
            rows,
            requests,
            records,
            documents,
            effort,
        } = other;
        self.rows.read += rows.read;
        self.rows.done += rows.done;
        self.rows.rejected += rows.rejected;
        self.rows.unreadable += rows.unreadable;
        self.rows.pending += rows.pending;
        self.rows.resumed += rows.resumed;
        self.requests.planned += requests.planned;
        self.requests.done += requests.done;
        self.requests.rejected += requests.rejected;
        self.requests.pending += requests.pending;
        self.records.received += records.received;
        self.records.documents += records.documents;
        self.records.rejected += records.rejected;
        self.documents.total += documents.total;
        self.documents.written += documents.written;
        self.documents.unchanged += documents.unchanged;
        self.documents.superseded += documents.superseded;
        self.documents.rejected += documents.rejected;
        self.documents.pending += documents.pending;
        self.documents.emitted += documents.emitted;
        self.effort.source_requests += effort.source_requests;
        self.effort.source_retries += effort.source_retries;
        self.effort.source_empty += effort.source_empty;
        self.effort.source_unfollowed += effort.source_unfollowed;
        self.effort.then_done += effort.then_done;
        self.effort.then_rejected += effort.then_rejected;
        self.effort.dynamodb_requests += effort.dynamodb_requests;
        self.effort.dynamodb_retries += effort.dynamodb_retries;
        self.effort.write_capacity += effort.write_capacity;
        self.effort.write_capacity_saved += effort.write_capacity_saved;
    }

    /// Whether anything was refused for good.
    #[must_use]
    pub fn has_rejections(&self) -> bool {
        self.rejections() > 0
    }

    /// How many were refused for good.
    #[must_use]
    pub fn rejections(&self) -> u64 {
        self.rows.unreadable
            + self.requests.rejected
            + self.records.rejected
            + self.documents.rejected
    }

    /// Whether more was refused than may be. A share is one of the rows, requests,
    /// records or documents that have ended, once there are enough of them; it is
    /// exceeded by more than what chance does to the first ones.
    #[must_use]
    pub fn exceeds(&self, limit: Share) -> bool {
        const ENOUGH: u64 = 20;
        let part = match limit {
            Share::Count(count) => return self.rejections() > count,
            Share::Part(part) => part,
        };
        let Self {
            rows,
            requests,
            records,
            documents,
            ..
        } = self;
        let ended = [
            (rows.unreadable, rows.read - rows.pending),
            (requests.rejected, requests.planned - requests.pending),
            (records.rejected, records.received),
            (documents.rejected, documents.total - documents.pending),
        ];
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share needs no more precision than that"
        )]
        let exceeds = |(rejected, all): &(u64, u64)| {
            let most = part * *all as f64;
            *all >= ENOUGH && *rejected as f64 > most + 3.0 * most.sqrt()
        };
        ended.iter().any(exceeds)
    }

    /// Whether anything is left to do.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.requests.pending + self.documents.pending > 0
    }
}

fn balance<const N: usize>(
    what: &'static str,
    total: u64,
    parts: [u64; N],
) -> Result<(), Unbalanced> {
    let accounted = parts.iter().sum();
    if accounted == total {
        Ok(())
    } else {
        Err(Unbalanced {
            what,
            total,
            accounted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balanced() -> Tally {
        Tally {
            rows: Rows {
                read: 4,
                done: 1,
                rejected: 1,
                unreadable: 0,
                pending: 1,
                resumed: 1,
            },
            requests: Requests {
                planned: 6,
                done: 3,
                rejected: 2,
                pending: 1,
            },
            records: Records {
                received: 11,
                documents: 10,
                rejected: 1,
            },
            documents: Documents {
                total: 10,
                written: 3,
                unchanged: 1,
                superseded: 2,
                rejected: 2,
                pending: 1,
                emitted: 1,
            },
            effort: Effort::default(),
        }
    }

    fn check(change: impl FnOnce(&mut Tally), expected: &str) {
        let mut tally = balanced();
        change(&mut tally);
        let said = tally
            .close()
            .map_or_else(|error| error.what.to_owned(), |_| "balanced".to_owned());
        assert_eq!(said, expected);
    }

    #[test]
    fn every_count_that_is_off_is_noticed() {
        check(|_| {}, "balanced");
        check(|tally| tally.rows.done += 1, "rows");
        check(|tally| tally.rows.resumed = 0, "rows");
        check(|tally| tally.requests.pending -= 1, "requests");
        check(|tally| tally.records.received += 1, "records");
        check(|tally| tally.documents.total += 1, "records and documents");
        check(|tally| tally.documents.unchanged = 0, "documents");
        check(|tally| tally.documents.written -= 1, "documents");
    }

    #[test]
    fn how_much_may_be_rejected() {
        fn check(rejected: u64, all: u64, limit: Share, expected: bool) {
            let mut tally = Tally::default();
            tally.requests.planned = all + 7;
            tally.requests.pending = 7;
            tally.requests.rejected = rejected;
            assert_eq!(
                tally.exceeds(limit),
                expected,
                "{rejected} of {all}, {limit}"
            );
        }
        check(0, 100, Share::Count(0), false);
        check(1, 100, Share::Count(0), true);
        check(5, 100, Share::Count(5), false);
        check(5, 100, Share::Part(0.05), false);
        check(11, 100, Share::Part(0.05), false);
        check(12, 100, Share::Part(0.05), true);
        check(19, 19, Share::Part(0.05), false);
        check(20, 20, Share::Part(0.05), true);
        check(20, 20, Share::Part(1.0), false);
    }

    #[test]
    fn the_sum_of_balanced_tallies_balances() {
        let mut sum = balanced();
        sum.add(&balanced());
        assert_eq!(sum.close().map(|tally| tally.documents.total), Ok(20));
    }
}
