//! The command line → what to do. A command per file.

mod check;
mod component;
#[cfg(feature = "demo")]
mod demo;
mod error;
mod exit;
mod extract;
mod init;
mod ledger;
mod load;
mod output;
mod outputs;
mod pages;
mod print;
mod progress;
mod query;
mod rejections;
mod run;
mod signals;
mod table;

pub use error::Failure;
pub use exit::Exit;
pub use signals::Signals;

use clap::{ArgAction, Args, Parser, Subcommand};
use rowcast::config::{Draft, FILE_NAME, Section};
use rowcast::host::Host;
use std::path::{Path, PathBuf};

/// Rows from PostgreSQL, a REST call for each, every record in DynamoDB.
#[derive(Debug, Parser)]
#[command(version, after_long_help = exit::HELP, after_help = "`rowcast --help` lists the exit codes.")]
pub struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The configuration file.
    #[arg(long, short, global = true, default_value = FILE_NAME, value_name = "FILE")]
    config: PathBuf,
    /// Say more on standard error: twice for debugging, three times for all.
    #[arg(long, short, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Say nothing but errors on standard error.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Run this component instead of the one in the configuration or the
    /// embedded one.
    #[arg(long, global = true, value_name = "FILE")]
    component: Option<PathBuf>,
}

// What a command is about stands with its arguments.
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Extract(extract::Extract),
    Load(load::Load),
    Query(query::Query),
    /// Create or describe the DynamoDB table.
    #[command(subcommand)]
    Table(table::Table),
    Check(check::Check),
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
    Component(component::Component),
    Init(init::Init),
}

impl Arguments {
    /// What standard error shows, as a `tracing` filter. Dependencies stay
    /// silent below `-vvv`: some of them log whole headers.
    #[must_use]
    pub fn log_filter(&self) -> &'static str {
        match (self.global.quiet, self.global.verbose) {
            (true, _) => "off",
            // The error at the end says what policy refused.
            (false, 0) => "rowcast=warn,rowcast::http_out::violation=off",
            (false, 1) => "rowcast=info",
            (false, 2) => "rowcast=debug",
            (false, _) => "rowcast=trace,info",
        }
    }

    /// Does it, until a signal says otherwise.
    pub async fn execute(self, signals: &Signals) -> Result<Exit, Failure> {
        let Self { global, command } = self;
        match command {
            Command::Run(command) => Box::pin(command.execute(&global, signals)).await,
            Command::Extract(command) => Box::pin(command.execute(&global, signals)).await,
            Command::Load(command) => Box::pin(command.execute(&global, signals)).await,
            Command::Query(command) => Box::pin(command.execute(&global)).await,
            Command::Table(command) => Box::pin(command.execute(&global)).await,
            Command::Check(command) => Box::pin(command.execute(&global)).await,
            #[cfg(feature = "demo")]
            Command::Demo(command) => Box::pin(command.execute(&global, signals)).await,
            Command::Component(command) => command.execute(&global).await,
            Command::Init(command) => command.execute(&global).await,
        }
    }
}

impl Global {
    /// The sections of the configuration that a command needs.
    fn config(&self, sections: &[Section]) -> Result<Draft, Failure> {
        let env = |name: &str| std::env::var(name).ok();
        Ok(Draft::load(&self.config, sections, env)?)
    }

    /// A rejections file replaces what is there.
    fn spare(&self, rejected: Option<&Path>) -> Result<(), Failure> {
        match rejected {
            Some(rejected) if ledger::same_file(&self.config, rejected) => {
                let hint = "give `--rejected` another name";
                let message = format!("{} is the configuration", rejected.display());
                Err(Failure::invalid(message, Some(hint)))
            }
            _ => Ok(()),
        }
    }

    /// Everything set up as the configuration says.
    async fn host(&self, config: impl Into<Draft>) -> Result<Host, Failure> {
        Ok(match self.other_component()? {
            Some(component) => Host::with_component(config, &component).await?,
            None => Host::new(config).await?,
        })
    }

    /// The component to run in place of the embedded one.
    fn other_component(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(path) = &self.component else {
            return Ok(None);
        };
        let read = std::fs::read(path).map_err(|error| {
            let error =
                anyhow::Error::new(error).context(format!("read the component {}", path.display()));
            Failure::new(error, None, Exit::Invalid)
        });
        read.map(Some)
    }

    /// Whether people are to be told anything but errors.
    fn talks(&self) -> bool {
        !self.quiet
    }
}
