//! `rowcast component`: the three WASI components, described or written out, and their contract.

use super::init::unwritten;
use super::print;
use super::{Exit, Failure, Global};
use clap::{Args, ValueEnum};
use rowcast::config::schema;
use rowcast::engine::{COMPONENT, Import, Kind, Runtime, STANDALONE};
use rowcast::limits::Limits;
use rowcast_pipeline::extract::rules::BUILT_IN;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What WebAssembly begins with.
const WASM: [u8; 4] = *b"\0asm";

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
#[expect(clippy::struct_excessive_bools, reason = "flags of a command")]
pub struct Component {
    /// The standalone component: it signs for itself, configured by `AWS_*` and
    /// `ROWCAST_*` variables.
    #[arg(long, conflicts_with = "service")]
    standalone: bool,
    /// The service: the standalone component behind HTTP, POST /extract, /load,
    /// /transfer, /query and more.
    #[arg(long)]
    service: bool,
    /// Write it to this file, for another host to run; `-` is standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print a JSON Schema (draft 2020-12) instead.
    #[arg(long, value_enum, value_name = "OF", conflicts_with_all = ["output", "wit"])]
    schema: Option<SchemaOf>,
    /// Print the contract instead, as WIT: what a pipeline exports and imports.
    #[arg(long, conflicts_with = "output")]
    wit: bool,
    /// Print the answer rules that follow those of `source.rules` instead, as
    /// JSON: what the embedded components make of an answer.
    #[arg(long, conflicts_with_all = ["output", "schema", "wit"])]
    rules: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SchemaOf {
    /// The component's settings of a source.
    Source,
    /// Its settings of a table.
    Table,
    /// Its settings of a query.
    Query,
    /// The whole rowcast.toml with this component, for editors.
    Config,
}

/// The files of `wit/`, each of which begins with the package's name.
const WIT: [&str; 10] = [
    include_str!("../../../wit/types.wit"),
    include_str!("../../../wit/describe.wit"),
    include_str!("../../../wit/extract.wit"),
    include_str!("../../../wit/load.wit"),
    include_str!("../../../wit/transfer.wit"),
    include_str!("../../../wit/query.wit"),
    include_str!("../../../wit/dynamodb.wit"),
    include_str!("../../../wit/pace.wit"),
    include_str!("../../../wit/admission.wit"),
    include_str!("../../../wit/world.wit"),
];

impl Component {
    pub async fn execute(self, global: &Global) -> Result<Exit, Failure> {
        if self.wit {
            print::data(contract())?;
            return Ok(Exit::Done);
        }
        if self.rules {
            print::data(BUILT_IN)?;
            return Ok(Exit::Done);
        }
        let other = global.other_component()?;
        let embedded = match (self.standalone, self.service) {
            (true, _) => STANDALONE,
            (_, true) => include_bytes!(env!("ROWCAST_SERVICE")),
            _ => COMPONENT,
        };
        let bytes = other.as_deref().unwrap_or(embedded);
        if let Some(of) = self.schema {
            print::data(self::of(of, bytes).await? + "\n")?;
            return Ok(Exit::Done);
        }
        match self.output {
            Some(path) if path.as_os_str() == "-" => print::data(bytes)?,
            Some(path) => write(&path, bytes)?,
            None => describe(bytes)?,
        }
        Ok(Exit::Done)
    }
}

/// Writes a component, but over nothing else than one.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let is_component = |mut file: File| {
        let mut first = [0; WASM.len()];
        file.read_exact(&mut first).is_ok() && first == WASM
    };
    let has_something = path.metadata().is_ok_and(|it| it.is_file() && it.len() > 0);
    if has_something && !File::open(path).is_ok_and(is_component) {
        let message = format!("{} is there already, and is no component", path.display());
        return Err(Failure::invalid(message, Some("name another file")));
    }
    std::fs::write(path, bytes).map_err(|error| unwritten(path, error, None))
}

/// The package as one file.
fn contract() -> String {
    let mut package = "";
    let mut text = String::new();
    for file in WIT {
        let (line, rest) = file.split_once('\n').unwrap_or_default();
        package = line;
        text.push_str(rest);
    }
    format!("{package}\n{text}")
}

async fn of(of: SchemaOf, bytes: &[u8]) -> Result<String, Failure> {
    let component = Runtime::new(Limits::default())?.load(bytes)?;
    let description = component.describer().await?.describe().await?;
    let kind = match of {
        SchemaOf::Config => return Ok(schema(&description)),
        SchemaOf::Source => Kind::Source,
        SchemaOf::Table => Kind::Table,
        SchemaOf::Query => Kind::Query,
    };
    let found = description.schemas.into_iter().find(|it| it.kind == kind);
    found
        .map(|schema| schema.json)
        .ok_or_else(|| Failure::invalid("the component has no schema of these settings", None))
}

fn describe(bytes: &[u8]) -> Result<(), Failure> {
    let runtime = Runtime::new(Limits::default())?;
    let shape = runtime.shape(bytes)?;
    let digest = Sha256::digest(bytes);
    let mut out = format!("bytes    {}\nsha256   ", bytes.len());
    for byte in digest {
        let _ = write!(out, "{byte:02x}");
    }
    out.push('\n');
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
