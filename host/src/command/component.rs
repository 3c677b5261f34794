//! `rowcast component`: the embedded WASI components, described or written out.

use super::print;
use super::{Exit, Failure, Global};
use clap::Args;
use rowcast::engine::{COMPONENT, Import, Runtime, STANDALONE};
use rowcast::limits::Limits;
use std::fmt::Write;
use std::path::PathBuf;

/// Describe the WASI component, or write it to a file.
///
/// The pipeline alone imports `dynamodb`, which its host provides. The others
/// are for hosts that can't; README.md says which host takes which.
///
/// Of another component's imports, `rowcast run` gives those under "empty" with
/// nothing behind them: no variables, arguments, files, streams or sockets.
/// Those under "missing" it doesn't give.
#[derive(Debug, Args)]
pub struct Component {
    #[command(flatten)]
    part: Part,
    /// Write it to this file, for another host to run; `-` is standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Which component; the pipeline alone if none is named.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags that exclude each other, as clap has them"
)]
struct Part {
    /// The pipeline with its own signing, configured by AWS_* variables.
    #[arg(long)]
    standalone: bool,

    /// The standalone one behind an HTTP interface: POST /extract, /load, /query.
    #[arg(long)]
    service: bool,

    /// That HTTP interface alone, for hosts that link components themselves.
    #[arg(long)]
    front: bool,

    /// What provides `dynamodb`, signed, to a pipeline.
    #[arg(long)]
    adapter: bool,

    /// What refuses requests to origins that `ROWCAST_ALLOW` doesn't name.
    #[arg(long)]
    egress: bool,

    /// What puts secrets of the environment in the place of `${ROWCAST_SECRET_…}`.
    #[arg(long)]
    secrets: bool,
}

impl Part {
    fn bytes(&self) -> Option<&'static [u8]> {
        let parts: [(bool, &[u8]); _] = [
            (self.standalone, STANDALONE),
            (self.service, include_bytes!(env!("ROWCAST_SERVICE"))),
            (self.front, include_bytes!(env!("ROWCAST_FRONT"))),
            (self.adapter, include_bytes!(env!("ROWCAST_ADAPTER"))),
            (self.egress, include_bytes!(env!("ROWCAST_EGRESS"))),
            (self.secrets, include_bytes!(env!("ROWCAST_SECRETS"))),
        ];
        let named = parts.into_iter().find(|(named, _)| *named);
        named.map(|(_, bytes)| bytes)
    }
}

impl Component {
    pub fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let other = global.other_component()?;
        let embedded = self.part.bytes().unwrap_or(COMPONENT);
        let bytes = other.as_deref().unwrap_or(embedded);
        match self.output {
            Some(path) if path.as_os_str() == "-" => print::data(bytes)?,
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
    let mut out = format!("bytes    {}\n", bytes.len());
    let mut list = |title: &str, wanted: Import| {
        let names = shape.imports.iter();
        let names = names.filter(|name| Import::of(name) == wanted);
        let names: Vec<_> = names.map(String::as_str).collect();
        if !names.is_empty() {
            let _ = writeln!(out, "{title:<9}{}", names.join("\n         "));
        }
    };
    list("imports", Import::World);
    list("empty", Import::Empty);
    list("missing", Import::Missing);
    let _ = writeln!(out, "exports  {}", shape.exports.join("\n         "));
    print::data(out)
}
