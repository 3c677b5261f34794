//! A configuration → everything connected: client, DynamoDB, the component,
//! and runs over them.
//!
//! Ten lines embed the whole pipeline:
//!
//! ```no_run
//! # async fn embed() -> Result<(), Box<dyn std::error::Error>> {
//! use rowcast::{config::Config, host::Host, run::Event};
//!
//! let env = |name: &str| std::env::var(name).ok();
//! let host = Host::new(Config::load("rowcast.toml".as_ref(), &env)?).await?;
//! let run = host.run().await?;
//! let report = run.start(host.rows().await?, |event| {
//!     if let Event::Progress(tally) = event {
//!         println!("{} documents written", tally.documents.written);
//!     }
//! });
//! let report = report.await?;
//! # assert_eq!(report.tally.documents.pending, 0);
//! # Ok(())
//! # }
//! ```

mod books;

use crate::config::{self, AuthBy, AuthMethod, Config, ConfigError};
use crate::dynamodb::admin::{Polling, TableDescription, TableError, TableStatus};
use crate::dynamodb::credentials::StaticCredentials;
use crate::dynamodb::endpoint_hint;
use crate::dynamodb::{DynamoDb, Settings};
use crate::engine::{self, COMPONENT, Capabilities, EngineError, Pipeline, Runtime};
use crate::hint::Hint;
use crate::http_out::authorizer::{Authorizer, Method, Rule, RuleError};
use crate::http_out::client::{Client, ClientError};
use crate::http_out::egress::Origin;
use crate::ledger::LedgerError;
use crate::plan::{self, PlanError};
use crate::rows::{self, Rows, RowsError};
use crate::run::Run;
use rowcast_aws::endpoint::EndpointError;
use std::sync::Arc;

/// Rows in one call, where the configuration doesn't say.
const CHUNK: u32 = 50;

/// Documents in one call of [`Host::load`]'s runs, likewise. They are smaller
/// than what a row becomes.
const LOAD_CHUNK: u32 = 500;

/// Where the client's credentials stand, for hints.
const SECRET_SETTINGS: [&str; 2] = ["source.auth.client_id", "source.auth.client_secret"];

/// Everything a configuration names, ready to run.
#[derive(Clone, Debug)]
pub struct Host {
    config: Arc<Config>,
    client: Client,
    dynamodb: Option<DynamoDb>,
    pipeline: Pipeline,
}

/// Why a configuration can't be made to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// A part of the configuration is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An origin in the configuration can't be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It isn't known where DynamoDB is.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The source's credentials can't be used.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The HTTP client can't be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The component can't be loaded.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The table can't be used.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The ledger can't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The table is there, but not ready.
    #[error("use the DynamoDB table `{name}`: it is {status}")]
    NotActive {
        /// The table.
        name: String,
        /// What it is instead.
        status: TableStatus,
    },
    /// The table has other keys than the configuration says.
    #[error(
        "write to the DynamoDB table `{name}`: its keys are {actual}, and `table.keys` says {configured}"
    )]
    Keys {
        /// The table.
        name: String,
        /// What it has, such as `artist_id (S), id (S)`.
        actual: String,
        /// What was expected.
        configured: String,
    },
}

impl HostError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Plan(error) => error.hint(),
            Self::Client(error) => error.hint(),
            Self::Rule(error) => error.hint(),
            Self::Endpoint(error) => Some(endpoint_hint(error)),
            Self::Engine(error) => error.hint(),
            Self::Table(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
            Self::NotActive { .. } => Some(Hint::new("try again in a minute")),
            Self::Keys { .. } => Some(Hint::new(
                "make `table.keys` the table's own (leave it out to take them as they are), or name another table",
            )),
        }
    }
}

impl Host {
    /// Sets up what the configuration has, with the embedded component.
    /// Nothing is connected to yet.
    pub async fn new(config: Config) -> Result<Self, HostError> {
        Self::with_component(config, COMPONENT).await
    }

    /// The same with another component that exports `rowcast:pipeline@0.2.0`.
    pub async fn with_component(config: Config, component: &[u8]) -> Result<Self, HostError> {
        let runtime = Runtime::new(config.limits.clone())?;
        let plain_http = plan::plain_http(&config)?;
        let settings = config.table.as_ref();
        let settings = settings.map(|table| settings_of(table, &plain_http));
        let endpoint = match &settings {
            Some(settings) => Some(settings.endpoint().await?),
            None => None,
        };
        let trusted = endpoint
            .as_ref()
            .map(|endpoint| endpoint.host_name().to_owned());
        let egress = Arc::new(plan::egress(&config, trusted.as_deref())?);
        let client = Client::new(&config.limits, Arc::clone(&egress))?;
        let dynamodb = match (settings, endpoint) {
            (Some(settings), Some(endpoint)) => {
                let keyring = settings.keyring(&endpoint, &config.limits).await;
                Some(DynamoDb::new(
                    client.clone(),
                    endpoint,
                    keyring,
                    &config.limits,
                ))
            }
            _ => None,
        };
        let rules = rules(&config, plain_http)?;
        let capabilities = Capabilities {
            client: client.clone(),
            egress,
            authorizer: Authorizer::new(rules, &client, &config.limits)?,
            dynamodb: dynamodb.clone(),
            tables: config
                .table
                .iter()
                .map(|table| table.name.clone())
                .collect(),
        };
        let pipeline = runtime.pipeline(component, capabilities)?;
        Ok(Self {
            config: Arc::new(config),
            client,
            dynamodb,
            pipeline,
        })
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The component, to be called directly.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The pool of connections to the source and DynamoDB.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// DynamoDB, for calls that the component may not make.
    pub fn dynamodb(&self) -> Result<&DynamoDb, HostError> {
        match &self.dynamodb {
            Some(dynamodb) => Ok(dynamodb),
            // There is none exactly where the section is missing.
            None => Err(self.config.table().err().map_or_else(
                || HostError::Endpoint(EndpointError::NoRegion),
                HostError::Config,
            )),
        }
    }

    /// The configured rows.
    pub async fn rows(&self) -> Result<Rows, RowsOrConfigError> {
        Ok(self.rows_of(self.config.rows()?).await?)
    }

    /// Other rows, within the configured limits.
    pub async fn rows_of(&self, rows: &config::Rows) -> Result<Rows, RowsError> {
        rows::open(rows, &self.config.limits).await
    }

    /// A run of the whole pipeline. The table is looked at first: whether it's
    /// there, and has the keys that the configuration says.
    pub async fn run(&self) -> Result<Run, HostError> {
        let source = plan::source(self.config.source()?);
        let table = self.checked_table().await?;
        Ok(self.sized(Run::new(self.pipeline.clone(), source, table), CHUNK))
    }

    /// A run that only extracts.
    pub fn extract(&self) -> Result<Run, HostError> {
        let source = plan::source(self.config.source()?);
        Ok(self.sized(Run::extract_only(self.pipeline.clone(), source), CHUNK))
    }

    /// A run whose rows are documents to load.
    pub async fn load(&self) -> Result<Run, HostError> {
        let table = self.checked_table().await?;
        let run = Run::load_only(self.pipeline.clone(), table);
        Ok(self.sized(run, LOAD_CHUNK))
    }

    /// A query of the configured table.
    pub fn query(&self, filter: &str) -> Result<engine::Query, HostError> {
        Ok(plan::query(self.config.table()?, filter))
    }

    /// Creates the configured table with the configured keys, or with those that
    /// the preset proposes.
    pub async fn create_table(&self) -> Result<TableDescription, HostError> {
        let table = self.config.table()?;
        let keys = table.keys.as_ref().or(table.preset_keys.as_ref());
        let keys = keys.ok_or_else(|| ConfigError::missing("table.keys"))?;
        Ok(self
            .dynamodb()?
            .create_table(&table.name, keys, Polling::default())
            .await?)
    }

    /// Describes the configured table.
    pub async fn describe_table(&self) -> Result<TableDescription, HostError> {
        let name = &self.config.table()?.name;
        Ok(self.dynamodb()?.describe_table(name).await?)
    }

    /// The table as the component is told, with the keys it really has.
    pub async fn checked_table(&self) -> Result<engine::Table, HostError> {
        let table = self.config.table()?;
        let description = self.describe_table().await?;
        let name = table.name.clone();
        match &description.status {
            TableStatus::Active | TableStatus::Updating => {}
            status => {
                return Err(HostError::NotActive {
                    name,
                    status: status.clone(),
                });
            }
        }
        if let Some(configured) = table
            .keys
            .as_ref()
            .filter(|keys| **keys != description.keys)
        {
            let (actual, configured) = (description.keys.to_string(), configured.to_string());
            return Err(HostError::Keys {
                name,
                actual,
                configured,
            });
        }
        let mut planned = plan::table(table);
        planned.keys = Some(plan::keys(&description.keys));
        Ok(planned)
    }

    fn sized(&self, run: Run, chunk_rows: u32) -> Run {
        let configured = &self.config.run;
        let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
        run.chunk_rows(size(configured.chunk_rows.unwrap_or(chunk_rows)))
            .workers(size(configured.workers))
            .max_wait(configured.max_wait.0)
            .max_rejected(configured.max_rejected)
    }
}

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub enum RowsOrConfigError {
    /// The section is missing.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// They can't be had.
    #[error(transparent)]
    Rows(#[from] RowsError),
}

fn settings_of(table: &config::Table, plain_http: &[Origin]) -> Settings {
    Settings {
        plain_http: plain_http.iter().map(ToString::to_string).collect(),
        region: table.region.clone(),
        endpoint: table.endpoint.clone(),
        profile: table.profile.clone(),
        credentials: table.credentials.as_ref().map(|given| StaticCredentials {
            access_key_id: given.access_key_id.clone(),
            secret_access_key: given.secret_access_key.clone(),
            session_token: given.session_token.clone(),
        }),
    }
}

/// How the host authenticates to the source, where it is to.
fn rules(config: &Config, plain_http: Vec<Origin>) -> Result<Vec<Rule>, PlanError> {
    let Some(source) = &config.source else {
        return Ok(Vec::new());
    };
    if source.auth.by == AuthBy::Component {
        return Ok(Vec::new());
    }
    let method = match &source.auth.method {
        AuthMethod::None => return Ok(Vec::new()),
        AuthMethod::Bearer { token } => Method::Bearer(token.clone()),
        AuthMethod::Basic { username, password } => Method::Basic {
            username: username.clone(),
            password: password.clone(),
        },
        AuthMethod::ClientCredentials {
            token_url,
            client_id,
            client_secret,
            scope,
        } => Method::ClientCredentials {
            token_url: plan::token_address(token_url)?,
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            scope: scope.clone(),
        },
    };
    Ok(vec![Rule {
        origin: plan::source_origin(source)?,
        method,
        plain_http,
        settings: SECRET_SETTINGS.map(str::to_owned).to_vec(),
    }])
}
