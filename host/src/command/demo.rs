//! `rowcast demo`: the main job on servers of its own. The run is the same
//! `Run` as any other; only the configuration differs.

use super::output::{Format, Printer, terminal_width};
use super::{Exit, Failure, Global, query, run};
use clap::Args;
use rowcast::config::Config;
use rowcast::demo::{Demo as Servers, DemoError};
use std::io::{Write, stderr, stdout};

/// See it work: a temporary PostgreSQL, a stand-in for Spotify, a local DynamoDB.
///
/// Nothing to sign up for, and nothing is left behind.
#[derive(Debug, Args)]
pub struct Demo {
    /// Print the configuration it runs with on standard output first.
    #[arg(long)]
    print_config: bool,
    /// Leave the servers running at the end, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

/// What the demo asks at the end.
const QUESTION: &str = "popularity > 90";
const COLUMNS: [&str; 4] = ["artist_id", "country", "name", "popularity"];

impl Demo {
    pub async fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let servers = Servers::start().await?;
        let exit = self.show(global, &servers).await;
        // Also where it failed: nothing is to be left behind.
        servers.shutdown().await;
        exit
    }

    async fn show(&self, global: &Global, servers: &Servers) -> Result<Exit, Failure> {
        let say = |text: &str| {
            if global.talks() {
                writeln!(stderr(), "{text}")
            } else {
                Ok(())
            }
        };
        let text = servers.config_text();
        if self.print_config {
            write!(stdout(), "{text}")?;
        }
        say("Started, for this demo only:")?;
        for part in servers.parts() {
            say(&format!("  {:32} {}", part.name, part.place))?;
        }
        let host = global.host(Config::parse(&text, &|_| None)?).await?;
        let table = host.create_table().await?;
        say(&format!(
            "\nCreated the table `{}` with the keys {}.",
            table.name, table.keys
        ))?;
        say(
            "\nRunning `rowcast run`: artists from PostgreSQL, their top tracks in each country, \
             every track into DynamoDB.",
        )?;
        let (run, rows) = (host.run().await?, host.rows().await?);
        let report = run::watch(run, rows, None, global.talks(), |_| ()).await?;
        let exit = run::finish(report)?;
        say(&format!(
            "\nAsking `rowcast query '{QUESTION}' --output table`:"
        ))?;
        let mut question = host.question(QUESTION)?;
        question.select = COLUMNS.map(str::to_owned).to_vec();
        let mut printer = Printer::new(Format::Table, stdout(), terminal_width());
        let totals = query::ask(&host, &question, |document| printer.print(document)).await?;
        printer.finish()?;
        say(&totals.to_string())?;
        say(&format!(
            "\nThe component ran in this process; it made {} connections for all of that.\n\
             Next: `rowcast demo --print-config` prints the configuration, `rowcast init` writes \
             one for your own servers.",
            host.client().connections_opened()
        ))?;
        if self.keep {
            say("\nThe servers stay until Ctrl-C.")?;
            tokio::signal::ctrl_c().await?;
        }
        Ok(exit)
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        let hint = error.hint();
        Self::new(error, hint, Exit::Unavailable)
    }
}
