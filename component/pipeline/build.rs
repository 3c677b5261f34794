//! The JSON Schemas → the same as gzip, which the component holds: they are most of its
//! data, and it unpacks gzip anyway.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=schemas");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for name in ["source", "table", "query"] {
        let text = fs::read(format!("schemas/{name}.json"))?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&text)?;
        fs::write(out.join(name).with_extension("gz"), packed.finish()?)?;
    }
    Ok(())
}
