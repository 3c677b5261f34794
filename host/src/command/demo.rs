//! `rowcast demo`: the main job on servers of its own. The run is the same
//! `Run` as any other; only the configuration differs.

use super::output::{Columns, Format, Printer, terminal_width};
use super::run::{self, Parts};
use super::{Exit, Failure, Global, Signals, print, query};
use clap::Args;
use clap::builder::PossibleValuesParser;
use rowcast::config::Config;
use rowcast::hint::Hint;
use rowcast_stand_ins::StartError;
use rowcast_stand_ins::api::Api;
use rowcast_stand_ins::catalog::Catalog;
use rowcast_stand_ins::demo::{Demo as Servers, PRESET, Source};
use std::pin::pin;
use std::time::Duration;

/// See it work: a temporary PostgreSQL, a stand-in for an API, a local DynamoDB.
///
/// It reads artists from PostgreSQL, asks the stand-in for Spotify for each
/// one's top tracks in two countries, writes every track to DynamoDB, and asks
/// DynamoDB for the popular ones. Nothing to sign up for, and nothing is left
/// behind. With --preset it does the same with another API's stand-in, which
/// limits and fails as that API does.
#[derive(Debug, Args)]
pub struct Demo {
    /// Run that preset, on a stand-in for its API.
    #[arg(long, value_name = "NAME", default_value = PRESET, value_parser = presets(),
          conflicts_with_all = ["artists", "latency"])]
    preset: String,
    /// Run on that many made-up artists instead, with ten tracks per country
    /// each, to measure.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    artists: Option<u32>,
    /// Print the configuration it runs with, and nothing else, on standard
    /// output; with --keep it serves other commands meanwhile.
    #[arg(long)]
    print_config: bool,
    /// Leave the servers running at the end, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Start the servers for other programs, and run nothing: prints where they
    /// are as one line of JSON, with the table made and empty, and stays until
    /// Ctrl-C.
    #[arg(long, conflicts_with = "keep")]
    serve: bool,
    /// Let the stand-in for Spotify take that long for every answer, as a
    /// source across the internet does.
    #[arg(long, value_name = "MS", default_value_t = 0, hide_default_value = true,
          value_parser = clap::value_parser!(u64).range(..=LATENCY_LIMIT_MS))]
    latency: u64,
}

/// Longer than any source that is worth imitating.
const LATENCY_LIMIT_MS: u64 = 60_000;

/// All presets.
fn presets() -> PossibleValuesParser {
    let others = Api::all().iter().map(|api| api.preset.as_str());
    PossibleValuesParser::new(std::iter::once(PRESET).chain(others))
}

/// What the demo asks at the end.
const QUERY: &str = "popularity > 90";
/// Made-up tracks reach 90.
const MEASURING_QUERY: &str = "popularity = 90";
const COLUMNS: [&str; 4] = ["artist_id", "country", "name", "popularity"];
const TRACKS: usize = 10;

/// What is asked for at the end.
struct Asking {
    filter: String,
    columns: Vec<String>,
    /// Only how many there are is shown.
    counts: bool,
}

impl Demo {
    pub async fn execute(self, global: &Global, signals: &Signals) -> Result<Exit, Failure> {
        if let Some(api) = Api::of(&self.preset) {
            let asking = Asking {
                filter: api.condition.clone(),
                columns: api.columns.clone(),
                counts: false,
            };
            let start = Servers::start_api(api);
            return Box::pin(self.on(global, signals, start, asking)).await;
        }
        let catalog = match self.artists {
            Some(artists) => {
                Catalog::synthetic(usize::try_from(artists).unwrap_or(usize::MAX), TRACKS)
            }
            None => Catalog::demo(),
        };
        let counts = self.artists.is_some();
        let filter = if counts { MEASURING_QUERY } else { QUERY };
        let asking = Asking {
            filter: filter.to_owned(),
            columns: COLUMNS.map(str::to_owned).to_vec(),
            counts,
        };
        let latency = Duration::from_millis(self.latency);
        let start = async {
            let servers = Servers::start_with(catalog).await?;
            servers.spotify().delay_answers(latency);
            Ok(servers)
        };
        Box::pin(self.on(global, signals, start, asking)).await
    }

    async fn on<S: Source>(
        self,
        global: &Global,
        signals: &Signals,
        start: impl Future<Output = Result<Servers<S>, StartError>>,
        asking: Asking,
    ) -> Result<Exit, Failure> {
        // Also Ctrl-C is to leave nothing behind, and none is to go unheard: it's
        // listened for from here on.
        signals.answer();
        let mut ended = pin!(signals.times(1));
        let mut start = pin!(start);
        let servers = tokio::select! {
            servers = &mut start => servers?,
            () = &mut ended => {
                start.await?.shutdown().await;
                let error = anyhow::anyhow!("the demo was ended while its servers started");
                return Err(Failure::new(error, None, Exit::Interrupted));
            }
        };
        let exit = if self.serve {
            self.serve(global, &servers).await
        } else {
            Box::pin(self.show(global, signals, &servers, &asking)).await
        };
        if exit.is_ok() && (self.serve || self.keep) {
            ended.await;
        }
        // Also where it failed: nothing is to be left behind.
        servers.shutdown().await;
        exit
    }

    /// Everything but the run.
    async fn serve<S: Source>(
        &self,
        global: &Global,
        servers: &Servers<S>,
    ) -> Result<Exit, Failure> {
        let text = servers.config_text();
        let host = global.host(Config::parse(&text, |_| None)?).await?;
        host.create_table().await?;
        if self.print_config {
            print::data(text)?;
        } else {
            print::data(format!("{}\n", servers.addresses()))?;
        }
        if global.talks() {
            print::note("The servers stay until Ctrl-C.\n");
        }
        Ok(Exit::Done)
    }

    async fn show<S: Source>(
        &self,
        global: &Global,
        signals: &Signals,
        servers: &Servers<S>,
        asking: &Asking,
    ) -> Result<Exit, Failure> {
        let say = |text: &str| {
            if global.talks() {
                print::note(&format!("{text}\n"));
            }
        };
        let text = servers.config_text();
        if self.print_config {
            print::data(&text)?;
        }
        say("Started on this machine, for this demo only:");
        for part in servers.parts() {
            say(&format!("  {:32} {}", part.name, part.place));
        }
        let host = global.host(Config::parse(&text, |_| None)?).await?;
        let table = host.create_table().await?;
        say(&format!(
            "\nCreated the table `{}` with the keys {}.\n\n\
             Running `rowcast run`: rows from PostgreSQL, requests for each of them to the \
             stand-in for {}, every record into DynamoDB.",
            table.name,
            table.keys,
            servers.source().show().name
        ));
        let (run, rows) = (host.run().await?, Box::pin(host.rows()));
        let report = run::watch(signals, run, rows, None, global.talks(), Parts::All, None).await?;
        let exit = run::finish(report, None)?;
        self.ask(global, &host, asking).await?;
        say(
            "\nWhere it ran: the pipeline in a WebAssembly component inside this process, which \
             lent it HTTP to one origin and signed DynamoDB calls to one table; PostgreSQL in a \
             process of its own, the other two servers in this one.\n\
             Next: `rowcast demo --print-config` prints the configuration, `rowcast init` writes \
             one for your own servers.",
        );
        if self.keep {
            say("\nThe servers stay until Ctrl-C.");
        }
        Ok(exit)
    }

    /// Shows what is in the table now: records, or of a large catalogue how many.
    async fn ask(
        &self,
        global: &Global,
        host: &rowcast::host::Host,
        asking: &Asking,
    ) -> Result<(), Failure> {
        let Asking {
            filter,
            columns,
            counts: measuring,
        } = asking;
        let more = if *measuring {
            "--count"
        } else {
            "--output table"
        };
        if global.talks() {
            print::note(&format!("\nAsking `rowcast query '{filter}' {more}`:\n"));
        }
        let mut query = host.query(filter)?;
        query.select.clone_from(columns);
        let columns = Columns::selected(&query.select);
        let mut answer = Vec::new();
        let mut printer = Printer::new(Format::Table, columns, &mut answer, terminal_width());
        let totals = query::ask(host, &query, |documents| {
            if *measuring {
                return Ok(());
            }
            documents
                .iter()
                .try_for_each(|document| printer.print(document))
        });
        let totals = totals.await?;
        printer.finish()?;
        if self.print_config && global.talks() {
            print::note(&String::from_utf8_lossy(&answer));
        } else if !self.print_config {
            print::data(&answer)?;
        }
        if let (true, query::Asked::All(totals)) = (global.talks(), totals) {
            print::note(&format!("{totals}\n"));
        }
        Ok(())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let hint = error.hint().map(Hint::new);
        Self::new(error, hint, Exit::Unavailable)
    }
}
