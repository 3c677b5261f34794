//! This crate's own sources → the hostile component, for the tests that embed it.

#[cfg(feature = "embed")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    rowcast_wasm::embed("rowcast-hostile", "tests/hostile", "ROWCAST_HOSTILE")
}

#[cfg(not(feature = "embed"))]
fn main() {}
