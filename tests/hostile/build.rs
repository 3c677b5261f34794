//! This crate's own sources → the hostile component, for the tests that embed it.

#[cfg(feature = "embed")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let builder = rowcast_build::Builder::new()?;
    let component = builder.build("rowcast-hostile", "tests/hostile")?;
    builder.embed("rowcast-hostile", &component, "ROWCAST_HOSTILE")
}

#[cfg(not(feature = "embed"))]
fn main() {}
