//! Any bytes at all → the readers and writers that meet foreign text, and what
//! must hold of them. `fuzz/` calls these on a nightly toolchain; the tests here
//! replay its corpus on any. Not in the component: see `lib.rs`.

mod answer;
pub(crate) mod condition;
pub(crate) mod filter_text;
pub(crate) mod one_pass;
mod records;
pub(crate) mod reference;
mod row;
pub(crate) mod serde_marshal;
pub(crate) mod template;
#[cfg(test)]
mod tests;
pub(crate) mod transcoder;

pub use answer::answer;
pub use condition::condition;
pub use records::records;
pub use row::row;
pub use template::template;
pub use transcoder::transcoder;

/// A target: it panics where what must hold doesn't.
pub type Target = fn(&[u8]);

/// Every target with its name, which is also its folder in the corpus.
pub const TARGETS: [(&str, Target); 6] = [
    ("answer", answer),
    ("condition", condition),
    ("records", records),
    ("row", row),
    ("template", template),
    ("transcoder", transcoder),
];

/// The input's lines, the last one with all that is left; missing ones are
/// empty. None where the input is not text.
fn lines<const COUNT: usize>(data: &[u8]) -> Option<[&str; COUNT]> {
    let mut rest = std::str::from_utf8(data).ok()?.splitn(COUNT, '\n');
    Some(std::array::from_fn(|_| rest.next().unwrap_or_default()))
}
