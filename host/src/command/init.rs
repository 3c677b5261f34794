//! `rowcast init`: a preset → a commented configuration file.

use super::print::note;
use super::{Exit, Failure, Global};
use clap::Args;
use rowcast::config::{SCHEMA_FILE, commented, schema};
use rowcast::engine::{COMPONENT, Runtime};
use rowcast::hint::Hint;
use rowcast::limits::Limits;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Write a commented configuration file
///
/// Its comments are those of the component's own settings. Beside it, in
/// `.rowcast/schema.json`, is its JSON Schema, which editors read.
#[derive(Debug, Args)]
pub struct Init {
    /// The source that it is for: a known one, or `none` for any REST API.
    #[arg(long, default_value = "spotify-top-tracks", value_name = "NAME")]
    preset: String,
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
        let presets = &description.presets;
        let preset = presets.iter().find(|preset| preset.name == self.preset);
        if preset.is_none() && self.preset != "none" {
            let names: Vec<_> = presets.iter().map(|preset| preset.name.as_str()).collect();
            let hint = format!("known presets: none, {}", names.join(", "));
            let message = format!("\"{}\" is not the name of a preset", self.preset);
            return Err(Failure::invalid(message, Some(&hint)));
        }
        let text = commented(&description, preset);
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
            let hint = exists.then(|| Hint::new("--force replaces it"));
            unwritten(path, error, hint)
        })?;
        let beside = path.with_file_name(SCHEMA_FILE);
        let folder = beside.parent().map_or(Ok(()), fs::create_dir_all);
        folder
            .and_then(|()| fs::write(&beside, schema(&description)))
            .map_err(|error| unwritten(&beside, error, None))?;
        if global.talks() {
            let path = path.display();
            note(&format!(
                "wrote {path}; next: edit it, then `rowcast check`\n"
            ));
        }
        Ok(Exit::Done)
    }
}

fn unwritten(path: &Path, error: io::Error, hint: Option<Hint>) -> Failure {
    let error = anyhow::Error::new(error).context(format!("write {}", path.display()));
    Failure::new(error, hint, Exit::Invalid)
}
