//! `rowcast component`: the three WASI components, described or written out.

use super::{Exit, Failure, Global};
use clap::Args;
use rowcast::engine::{COMPONENT, Import, Runtime, STANDALONE};
use rowcast::limits::Limits;
use sha2::{Digest, Sha256};
use std::io::{Write, stdout};
use std::path::PathBuf;

/// Describe a WASI component, or write it to a file.
///
/// There are three: the plugin, which imports `dynamodb` from its host (default);
/// the standalone one, which only needs WASI; and the service, which is that
/// behind HTTP. README.md says which host takes which.
///
/// Of another component's imports, `rowcast run` gives those under "empty" with
/// nothing behind them: no variables, arguments, files, streams or sockets.
/// Those under "missing" it doesn't give.
#[derive(Debug, Args)]
pub struct Component {
    /// The standalone component: it signs for itself, configured by `AWS_*` and
    /// `ROWCAST_*` variables.
    #[arg(long, conflicts_with = "service")]
    standalone: bool,
    /// The service: the standalone component behind HTTP, POST /extract, /load,
    /// /query.
    #[arg(long)]
    service: bool,
    /// Write it to this file, for another host to run; `-` is standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Component {
    pub fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let other = global.other_component()?;
        let embedded = match (self.standalone, self.service) {
            (true, _) => STANDALONE,
            (_, true) => include_bytes!(env!("ROWCAST_SERVICE")),
            _ => COMPONENT,
        };
        let bytes = other.as_deref().unwrap_or(embedded);
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
    let digest = Sha256::digest(bytes);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(out, "sha256   {digest}")?;
    let mut list = |title: &str, wanted: Import| {
        let names = shape.imports.iter();
        let names = names.filter(|name| Import::of(name) == wanted);
        let names: Vec<_> = names.map(String::as_str).collect();
        if names.is_empty() {
            return Ok(());
        }
        writeln!(out, "{title:<9}{}", names.join("\n         "))
    };
    list("imports", Import::World)?;
    list("empty", Import::Empty)?;
    list("missing", Import::Missing)?;
    writeln!(out, "exports  {}", shape.exports.join("\n         "))?;
    Ok(())
}
