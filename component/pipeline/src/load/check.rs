//! A table's settings → what can't work in them. Pure.

use crate::settings::{Keys, Mistakes, Table, within};

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
    if let Some(Keys { partition, sort }) = keys {
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
