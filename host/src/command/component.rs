//! `rowcast component`: the embedded WASI component, described or written out.

use super::{Exit, Failure, Global};
use clap::Args;
use rowcast::engine::{COMPONENT, Runtime};
use rowcast::limits::Limits;
use std::io::{Write, stdout};
use std::path::PathBuf;

/// Describe the WASI component, or write it to a file.
#[derive(Debug, Args)]
pub struct Component {
    /// Write it to this file, for another host to run; `-` is standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Component {
    pub fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let other = global.other_component()?;
        let bytes = other.as_deref().unwrap_or(COMPONENT);
        match self.output {
            Some(path) if path.as_os_str() == "-" => stdout().write_all(bytes)?,
            Some(path) => std::fs::write(&path, bytes).map_err(|error| {
                let error = anyhow::Error::new(error).context(format!("write {}", path.display()));
                Failure::new(error, None, Exit::Invalid)
            })?,
            None => describe(bytes)?,
        }
        Ok(Exit::Done)
    }
}

fn describe(bytes: &[u8]) -> Result<(), Failure> {
    let runtime = Runtime::new(Limits::default())?;
    let shape = runtime.shape(bytes)?;
    let mut out = stdout().lock();
    writeln!(out, "bytes    {}", bytes.len())?;
    writeln!(out, "imports  {}", shape.imports.join("\n         "))?;
    writeln!(out, "exports  {}", shape.exports.join("\n         "))?;
    Ok(())
}
