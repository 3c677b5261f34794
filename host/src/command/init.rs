//! `rowcast init`: a preset, or an operation of an OpenAPI document → a commented
//! configuration file.

use super::print::note;
use super::{Exit, Failure, Global};
use clap::Args;
use rowcast::config::openapi::{Proposal, propose};
use rowcast::config::{FILE_NAME, SCHEMA_FILE, commented, commented_proposal, schema};
use rowcast::engine::{COMPONENT, Description, Preset, Runtime};
use rowcast::hint::Hint;
use rowcast::limits::Limits;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Write a commented configuration file
///
/// Its comments are those of the component's own settings. Beside it, in
/// `.rowcast/schema.json`, is its JSON Schema, which editors read. With --openapi
/// the source is what a document says of an operation; what is guessed of it,
/// such as its pages, is said in comments.
#[derive(Debug, Args)]
pub struct Init {
    /// The source that it is for: a known one, or `none` for any REST API.
    #[arg(
        long,
        default_value = "spotify-top-tracks",
        value_name = "NAME",
        conflicts_with = "openapi"
    )]
    preset: String,
    /// Propose the source from that OpenAPI document, in JSON or YAML; `-` is the
    /// standard input.
    #[arg(long, value_name = "FILE", requires = "operation")]
    openapi: Option<PathBuf>,
    /// The operation of the document: its operationId, or as `GET /its/path`.
    #[arg(long, value_name = "ID", requires = "openapi")]
    operation: Option<String>,
    /// Replace a file that is there already.
    #[arg(long)]
    force: bool,
}

impl Init {
    pub async fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let path = &global.config;
        let other = global.other_component()?;
        let runtime = Runtime::new(Limits::default())?;
        let component = runtime.load(other.as_deref().unwrap_or(COMPONENT))?;
        let description = component.describer().await?.describe().await?;
        let text = match (&self.openapi, &self.operation) {
            (Some(file), Some(operation)) => {
                commented_proposal(&description, &proposal(file, operation)?)
            }
            _ => commented(&description, self.chosen(&description)?),
        };
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create(true)
            .truncate(true)
            .create_new(!self.force);
        let written = options
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| {
            let exists = error.kind() == ErrorKind::AlreadyExists;
            let hint = (exists && !path.is_dir()).then(|| Hint::new("--force replaces it"));
            unwritten(path, error, hint)
        })?;
        let beside = path.with_file_name(SCHEMA_FILE);
        let folder = beside.parent().map_or(Ok(()), fs::create_dir_all);
        folder
            .and_then(|()| fs::write(&beside, schema(&description)))
            .map_err(|error| unwritten(&beside, error, None))?;
        if global.talks() {
            let named = if path == Path::new(FILE_NAME) {
                String::new()
            } else {
                format!(" --config {}", path.display())
            };
            let path = path.display();
            note(&format!(
                "wrote {path}; next: edit it, then `rowcast{named} check`\n"
            ));
        }
        Ok(Exit::Done)
    }
}

impl Init {
    /// The preset; none for any API.
    fn chosen<'a>(&self, description: &'a Description) -> Result<Option<&'a Preset>, Failure> {
        let presets = &description.presets;
        let preset = presets.iter().find(|preset| preset.name == self.preset);
        if preset.is_none() && self.preset != "none" {
            let names: Vec<_> = presets.iter().map(|preset| preset.name.as_str()).collect();
            let hint = format!("known presets: none, {}", names.join(", "));
            let message = format!("\"{}\" is not the name of a preset", self.preset);
            return Err(Failure::invalid(message, Some(&hint)));
        }
        Ok(preset)
    }
}

fn proposal(file: &Path, operation: &str) -> Result<Proposal, Failure> {
    let name = file.to_string_lossy();
    let act = || match name.as_ref() {
        "-" => "read standard input".to_owned(),
        name => format!("read {name}"),
    };
    if name.starts_with("https://") || name.starts_with("http://") {
        let message = format!("--openapi takes a file, and {name} is a URL");
        let hint = "download the document first, such as by `curl -o openapi.yaml URL`";
        return Err(Failure::invalid(message, Some(hint)));
    }
    let text = if name == "-" {
        io::read_to_string(io::stdin())
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|error| {
        let error = anyhow::Error::new(error).context(act());
        Failure::new(error, None, Exit::Invalid)
    })?;
    // Every JSON document is YAML too, but JSON is read faster.
    let document = match serde_json::from_str(&text) {
        Ok(document) => document,
        Err(_) => yaml(&text).map_err(|error| {
            let error = anyhow::Error::msg(error.to_string()).context(act());
            let hint = Hint::new("it must be JSON or YAML");
            Failure::new(error, Some(hint), Exit::Invalid)
        })?,
    };
    propose(&document, operation).map_err(|error| Failure::invalid(error.to_string(), error.hint()))
}

/// GitHub's document has a million nodes. What aliases may add stays bounded as
/// it is by default.
fn yaml(text: &str) -> Result<serde_json::Value, serde_saphyr::Error> {
    const MOST: usize = 20_000_000;
    let budget = serde_saphyr::budget! { max_nodes: MOST, max_events: MOST };
    let options = serde_saphyr::options! { budget: budget, with_snippet: false };
    serde_saphyr::from_str_with_options(text, options)
}

pub(super) fn unwritten(path: &Path, error: io::Error, hint: Option<Hint>) -> Failure {
    let error = anyhow::Error::new(error).context(format!("write {}", path.display()));
    Failure::new(error, hint, Exit::Invalid)
}
