//! `rowcast init`: a preset → a commented configuration file.

use super::print::note;
use super::{Exit, Failure, Global};
use clap::Args;
use rowcast::config::commented;
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
    pub fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let path = &global.config;
        let text = commented(Some(self.preset.as_str()).filter(|name| *name != "none"))?;
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
