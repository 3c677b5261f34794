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
//! let host = Host::new(Config::load("rowcast.toml".as_ref(), env)?).await?;
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

pub(crate) mod error;
mod open_ledger;

pub use error::{HostError, RowsOrConfigError};

use crate::config::{self, Config, ConfigError, Draft};
use crate::dynamodb::admin::{Polling, TableDescription, TableStatus};
use crate::dynamodb::{DynamoDb, Settings};
use crate::engine::{self, COMPONENT, Capabilities, Pipeline, Runtime};
use crate::http_out::authorizer::Authorizer;
use crate::http_out::client::{Authorities, Client};
use crate::http_out::egress::Origin;
use crate::limits::Limits;
use crate::plan::{self, Plan};
use crate::rows::{self, Rows, RowsError};
use crate::run::Run;
use rowcast_aws::endpoint::EndpointError;
use std::sync::{Arc, Mutex, PoisonError};

/// Everything a configuration names, ready to run.
#[derive(Clone, Debug)]
pub struct Host {
    config: Arc<Config>,
    plan: Arc<Plan>,
    client: Client,
    dynamodb: Option<DynamoDb>,
    pipeline: Pipeline,
    /// As [`Self::checked_table`] saw it last, for one who needs it after that.
    seen: Arc<Mutex<Option<TableDescription>>>,
}

impl Host {
    /// Sets up what the configuration has, with the component that it names,
    /// or the embedded one. Nothing is connected to yet.
    pub async fn new(config: impl Into<Draft>) -> Result<Self, HostError> {
        let draft = config.into();
        let Some(path) = draft.component() else {
            return Self::with_component(draft, COMPONENT).await;
        };
        let component = std::fs::read(path).map_err(|source| HostError::Component {
            path: path.to_owned(),
            source,
        })?;
        Self::with_component(draft, &component).await
    }

    /// The same with another component that exports `rowcast:pipeline@0.2.0`.
    /// Only the embedded one is trusted: an origin that another one's preset
    /// names must be in the configuration.
    pub async fn with_component(
        config: impl Into<Draft>,
        component: &[u8],
    ) -> Result<Self, HostError> {
        let authorities = Authorities::read();
        let draft = config.into();
        // Limits that are wrong are told of with all else that is.
        let sound = draft.mistakes.is_empty();
        let limits = sound.then(|| draft.config.limits.clone());
        let loaded = Runtime::new(limits.unwrap_or_else(Limits::default))?.load(component)?;
        let (config, plan) = Plan::new(draft, &loaded, component == COMPONENT).await?;
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
        let egress = Arc::new(plan.egress(&config, trusted.as_deref()));
        let env = |name: &str| std::env::var(name).ok();
        let client =
            Client::with_environment(authorities, &config.limits, Arc::clone(&egress), &env)?;
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
        let rules = plan.rules(&plain_http);
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
        Ok(Self {
            pipeline: loaded.pipeline(capabilities)?,
            config: Arc::new(config),
            plan: Arc::new(plan),
            client,
            dynamodb,
            seen: Arc::default(),
        })
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The source as the component is told.
    pub fn source(&self) -> Result<&engine::Source, HostError> {
        Ok(self.plan.source()?)
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
        let source = self.source()?.clone();
        let table = self.checked_table().await?;
        Ok(self.sized(Run::new(self.pipeline.clone(), source, table)))
    }

    /// A run that only extracts.
    pub fn extract(&self) -> Result<Run, HostError> {
        let source = self.source()?.clone();
        Ok(self.sized(Run::extract_only(self.pipeline.clone(), source)))
    }

    /// A run whose rows are documents to load.
    pub async fn load(&self) -> Result<Run, HostError> {
        let table = self.checked_table().await?;
        let run = Run::load_only(self.pipeline.clone(), table);
        Ok(self.sized(run))
    }

    /// A query of the configured table.
    pub fn query(&self, filter: &str) -> Result<engine::Query, HostError> {
        Ok(self.plan.table()?.query(filter))
    }

    /// Creates the configured table with the configured keys, or with those that
    /// the preset proposes.
    pub async fn create_table(&self) -> Result<TableDescription, HostError> {
        let table = self.config.table()?;
        let keys = table.keys.as_ref().or(self.plan.proposed_keys.as_ref());
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
        let checked = self.plan.table()?.with_keys(Some(&description.keys));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(description);
        Ok(checked)
    }

    fn sized(&self, mut run: Run) -> Run {
        let configured = &self.config.run;
        let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
        if let Some(rows) = configured.chunk_rows {
            run = run.chunk_rows(size(rows));
        }
        run.workers(size(configured.workers))
            .max_wait(configured.max_wait.0)
            .max_rejected(configured.max_rejected)
    }
}

fn settings_of(table: &config::Table, plain_http: &[Origin]) -> Settings {
    Settings {
        plain_http: plain_http.iter().map(ToString::to_string).collect(),
        region: table.region.clone(),
        endpoint: table.endpoint.clone(),
        profile: table.profile.clone(),
        credentials: table.credentials.clone(),
    }
}
