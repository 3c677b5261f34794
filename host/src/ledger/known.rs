//! What is known of a key ↔ two numbers of 128 bits, which both kinds of ledger
//! keep: the content, and where in which run it was written.

use super::Hash;

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// What the table has under it.
    pub content: Hash,
    /// Where in this run it was written; none if another run wrote it.
    pub place: Option<Place>,
}

/// Where a document stands among all of its run: later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its row's number among all rows.
    pub row: u64,
    /// Its number among the row's documents.
    pub number: u32,
}

/// How a ledger keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub content: Hash,
    /// The run, the row and the number.
    pub at: Hash,
}

impl Known {
    /// For a ledger; `run` is none where runs have no names.
    pub(super) fn keep(self, run: Option<Tag>) -> Kept {
        let mut at = [0; 16];
        if let (Some(Tag(run)), Some(place)) = (run, self.place) {
            let place = place
                .row
                .to_be_bytes()
                .into_iter()
                .chain(place.number.to_be_bytes());
            for (to, from) in at.iter_mut().zip(run.into_iter().chain(place)) {
                *to = from;
            }
        }
        Kept {
            content: self.content,
            at: Hash::from_bytes(at),
        }
    }
}

impl Kept {
    /// For that run.
    pub(super) fn known(self, run: Option<Tag>) -> Known {
        let [run_0, run_1, run_2, run_3, row @ .., n_0, n_1, n_2, n_3] = *self.at.bytes();
        let own = run == Some(Tag([run_0, run_1, run_2, run_3]));
        let place = Place {
            row: u64::from_be_bytes(row),
            number: u32::from_be_bytes([n_0, n_1, n_2, n_3]),
        };
        Known {
            content: self.content,
            place: own.then_some(place),
        }
    }
}

/// What tells runs of one ledger apart.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Tag([u8; 4]);

impl Tag {
    pub(super) fn of(run: &str) -> Self {
        let [first, second, third, fourth, ..] = *Hash::of(&[run]).bytes();
        Self([first, second, third, fourth])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_to_its_own_run_only() {
        let known = Known {
            content: Hash::of(&["content"]),
            place: Some(Place {
                row: 0x0102_0304_0506_0708,
                number: 9,
            }),
        };
        let unplaced = Known {
            place: None,
            ..known
        };
        let kept = known.keep(Some(Tag::of("run")));
        assert_eq!(kept.known(Some(Tag::of("run"))), known);
        assert_eq!(kept.known(Some(Tag::of("another"))), unplaced);
        assert_eq!(kept.known(None), unplaced);
        assert_eq!(known.keep(None).known(Some(Tag::of("run"))), unplaced);
        assert_eq!(
            unplaced
                .keep(Some(Tag::of("run")))
                .known(Some(Tag::of("another"))),
            unplaced
        );
    }
}
