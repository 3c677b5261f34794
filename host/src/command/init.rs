//! `rowcast init`: a preset → a commented configuration file.

use super::print::note;
use super::{Exit, Failure, Global};
use clap::Args;
use rowcast::config::commented;
use rowcast::engine::{COMPONENT, Runtime};
use rowcast::limits::Limits;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

/// Write a commented configuration file.
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
        let preset = Some(self.preset.as_str()).filter(|name| *name != "none");
        let presets: Vec<_> = description
            .presets
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        if let Some(name) = preset.filter(|name| !presets.contains(name)) {
            let hint = format!("known presets: none, {}", presets.join(", "));
            let message = format!("\"{name}\" is not the name of a preset");
            return Err(Failure::invalid(message, Some(&hint)));
        }
        let text = commented(preset);
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
            let hint = exists.then(|| rowcast::hint::Hint::new("--force replaces it"));
            let error = anyhow::Error::new(error).context(format!("write {}", path.display()));
            Failure::new(error, hint, Exit::Invalid)
        })?;
        if global.talks() {
            let path = path.display();
            note(&format!(
                "wrote {path}; next: edit it, then `rowcast check`\n"
            ));
        }
        Ok(Exit::Done)
    }
}
