//! JSON text → an index of its values, made by one scan that also checks the
//! text; the index → members, elements and scalars as borrowed slices. Builds
//! no trees, so numbers keep their digits.

mod bytes;
mod index;
mod names;
mod output;
mod text;
mod value;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod suite;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;

pub use index::{Flaw, Index};
pub use names::Names;
pub use output::Output;
pub use text::{NotUnicode, quoted};
pub use value::{Kind, Name, Value};
