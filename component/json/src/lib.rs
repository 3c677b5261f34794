//! JSON text → an index of its values, made by one scan that also checks the
//! text; the index → members, elements and scalars as borrowed slices. Builds
//! no trees, so numbers keep their digits.
//!
//! Compiled for Wasm with the component and natively with the host. Tests that
//! hold it to `serde_json` and to `JSONTestSuite` are with the pipeline's.

mod bytes;
pub mod digest;
mod entry;
mod index;
mod names;
mod output;
pub mod pointer;
mod skip;
mod text;
mod value;

pub use index::{Flaw, Index};
pub use names::Names;
pub use output::{Output, quoted};
pub use text::{Bytes, NotUnicode};
pub use value::{Kind, Name, Value};
