//! One document on its way to the table, with what it has been through.

use crate::dynamodb::marshal::Item;
use rowcast_json::digest::Digest;

/// One document on its way to the table.
#[derive(Clone, Debug)]
pub struct Put {
    /// Which document it is.
    pub index: u32,
    /// The item, whose key is unlike any other put's of the call.
    pub item: Item,
    /// The digest of all of it, where the host compares contents.
    pub content: Option<Digest>,
    /// The digest of its key, once the host was asked about it.
    pub digest: Option<Digest>,
    /// What it has been through.
    pub tries: Tries,
    /// Earlier documents of the same key, the latest first. They share its outcome
    /// unless DynamoDB refuses it: then the first of them takes its place.
    pub supersedes: Vec<Put>,
}

impl Put {
    /// A document's first attempt.
    #[must_use]
    pub fn new(index: u32, item: Item, content: Option<Digest>) -> Self {
        Self {
            index,
            item,
            content,
            digest: None,
            tries: Tries::default(),
            supersedes: Vec::new(),
        }
    }

    /// What takes its place after DynamoDB refused it: the latest of those that
    /// it superseded.
    #[must_use]
    pub fn successor(self) -> Option<Self> {
        let mut earlier = self.supersedes.into_iter();
        let next = earlier.next()?;
        Some(Self {
            supersedes: earlier.collect(),
            ..next
        })
    }
}

/// What a put has been through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tries {
    /// How often it was sent.
    pub sent: u32,
    /// How often there was no answer, or a failure on DynamoDB's side.
    pub failed: u32,
    /// When it was throttled first.
    pub throttled_ms: Option<u64>,
    /// How often that was although others were written since.
    pub passed_over: u32,
    /// How many documents were written when that last happened.
    pub others: u32,
}
