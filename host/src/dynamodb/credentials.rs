//! Settings → AWS credentials, kept and renewed before they expire.

use crate::Secret;
use crate::hint::Hint;
use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError,
};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpClient as _, SharedHttpClient, http_client_fn};
use serde::Deserialize;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// Renewal starts this long before expiry, so that a slow provider doesn't
/// stop anything.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// While credentials are still valid, their provider is asked again no sooner
/// than this: neither one that is down nor one that gives the same is pressed.
const RENEW_PAUSE: Duration = Duration::from_secs(30);

/// Credentials given by configuration rather than found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticCredentials {
    /// Which key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
    /// Comes with temporary keys.
    pub session_token: Option<Secret>,
}

/// Why there are no credentials.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeyringError {
    /// Nobody has any.
    #[error("find AWS credentials: tried {tried}")]
    Absent {
        /// Who was asked.
        tried: String,
        /// What they said.
        source: Arc<CredentialsError>,
    },
    /// Somebody should have them, but failed.
    #[error("obtain AWS credentials: tried {tried}")]
    Failed {
        /// Who was asked.
        tried: String,
        /// What they said.
        source: Arc<CredentialsError>,
    },
    /// The time for it ran out.
    #[error("obtain AWS credentials within {} s: tried {tried}", bound.as_secs())]
    Slow {
        /// Who was asked.
        tried: String,
        /// The time there was.
        bound: Duration,
    },
}

impl KeyringError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        Some(Hint::new(match self {
            Self::Absent { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a `profile` in [table] of rowcast.toml; a DynamoDB on this machine takes any"
            }
            Self::Failed { .. } => {
                "`aws sts get-caller-identity` shows whether this machine's AWS configuration works; `aws sso login` renews an expired session"
            }
            Self::Slow { .. } => {
                "set AWS_EC2_METADATA_DISABLED=true outside EC2, or raise `credentials_seconds` in [limits] of rowcast.toml"
            }
        }))
    }
}

/// Credentials and where they come from. Shared by all requests; cheap to
/// clone.
#[derive(Clone)]
pub struct Keyring {
    shared: Arc<Shared>,
}

struct Shared {
    provider: SharedCredentialsProvider,
    /// For messages: whom the provider asks.
    tried: String,
    /// The time to obtain credentials in.
    bound: Duration,
    held: RwLock<Option<Held>>,
    /// Whoever has it asks the provider. It holds what became of the last time.
    renewing: tokio::sync::Mutex<Option<KeyringError>>,
    /// How often the provider has been asked, to the end.
    rounds: AtomicU64,
}

#[derive(Clone)]
struct Held {
    credentials: Credentials,
    asked: SystemTime,
}

/// What may be done with credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freshness {
    /// Use them.
    Fresh,
    /// Use them; somebody should renew them.
    Due,
    /// Don't use them.
    Expired,
}

impl Keyring {
    /// Credentials from `provider`; `tried` says in messages whom it asks.
    #[must_use]
    pub fn new(
        provider: impl ProvideCredentials + 'static,
        tried: impl Into<String>,
        bound: Duration,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                provider: SharedCredentialsProvider::new(provider),
                tried: tried.into(),
                bound,
                held: RwLock::new(None),
                renewing: tokio::sync::Mutex::default(),
                rounds: AtomicU64::new(0),
            }),
        }
    }

    /// The credentials given.
    #[must_use]
    pub fn fixed(given: &StaticCredentials, bound: Duration) -> Self {
        let token = given
            .session_token
            .as_ref()
            .map(|token| token.expose().to_owned());
        let secret = given.secret_access_key.expose();
        let credentials = Credentials::new(&given.access_key_id, secret, token, None, "rowcast");
        Self::new(credentials, "the configuration", bound)
    }

    /// AWS's standard chain, or one profile of its files.
    pub async fn standard(profile: Option<&str>, region: &str, bound: Duration) -> Self {
        let region = Region::new(region.to_owned());
        let http = http();
        let found = ProviderConfig::default().with_http_client(http);
        // Someone who names a profile means it, whatever the environment says.
        if let Some(name) = profile {
            let found = found.with_region(Some(region));
            let provider = ProfileFileCredentialsProvider::builder()
                .configure(&found)
                .profile_name(name);
            return Self::new(provider.build(), format!("the AWS profile `{name}`"), bound);
        }
        let chain = DefaultCredentialsChain::builder()
            .configure(found)
            .region(region);
        let tried = "the environment (AWS_ACCESS_KEY_ID), the AWS profile, a web identity token, \
                     the container's and the EC2 instance's role";
        Self::new(chain.build().await, tried, bound)
    }

    /// Credentials that are valid at `now`. Where they expire soon, one caller
    /// waits for new ones; the others continue with those at hand.
    pub async fn get(&self, now: SystemTime) -> Result<Credentials, KeyringError> {
        let shared = &self.shared;
        let usable = match shared.held(now) {
            Some((held, Freshness::Fresh)) => return Ok(held),
            Some((held, Freshness::Due)) => Some(held),
            Some((_, Freshness::Expired)) | None => None,
        };
        let rounds = shared.rounds.load(Ordering::Acquire);
        let mut turn = match (&usable, shared.renewing.try_lock()) {
            (_, Ok(turn)) => turn,
            (Some(held), Err(_)) => return Ok(held.clone()),
            (None, Err(_)) => shared.renewing.lock().await,
        };
        // Whoever had the turn before may have renewed them.
        if let Some((held, Freshness::Fresh)) = shared.held(now) {
            return Ok(held);
        }
        // Nor do all who waited for the same answer ask again, one by one.
        if let Some(error) = &*turn
            && shared.rounds.load(Ordering::Acquire) != rounds
        {
            return usable.ok_or_else(|| error.clone());
        }
        let asked = tokio::time::timeout(shared.bound, shared.provider.provide_credentials()).await;
        let renewed = shared.outcome(asked.ok(), now);
        *turn = renewed.as_ref().err().cloned();
        shared.rounds.fetch_add(1, Ordering::Release);
        drop(turn);
        match (renewed, usable) {
            (Ok(credentials), _) => {
                shared.hold(Some(Held {
                    credentials: credentials.clone(),
                    asked: now,
                }));
                Ok(credentials)
            }
            (Err(error), Some(held)) => {
                tracing::warn!(
                    error = %super::with_causes(&error),
                    "AWS credentials not renewed; continuing with the present ones"
                );
                shared.hold(Some(Held {
                    credentials: held.clone(),
                    asked: now,
                }));
                Ok(held)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Forgets credentials that DynamoDB refused, and says whether asking
    /// again can give others: lasting ones only change with the configuration.
    #[must_use]
    pub fn refused(&self, credentials: &Credentials) -> bool {
        if credentials.expiry().is_none() && credentials.session_token().is_none() {
            return false;
        }
        let mut held = self
            .shared
            .held
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if held
            .as_ref()
            .is_some_and(|held| same(&held.credentials, credentials))
        {
            *held = None;
        }
        true
    }
}

/// How AWS's own library asks for credentials: through the environment's proxy,
/// and trusting whom else the environment names. What it names and can't be
/// read was complained of when our own client was made. The system's certificates
/// are read when somebody is asked over HTTP, which credentials of the environment
/// or a file never do.
fn http() -> SharedHttpClient {
    let bundle = std::env::var("AWS_CA_BUNDLE").ok();
    let bundle = bundle.and_then(|path| std::fs::read(path).ok());
    let context = bundle.and_then(|pem| {
        let trusted = TrustStore::default().with_pem_certificate(pem);
        TlsContext::builder().with_trust_store(trusted).build().ok()
    });
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        if let Some(settings) = settings {
            connector.set_connector_settings(Some(settings.clone()));
        }
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        let mut connector = connector.tls_provider(ring);
        if let Some(context) = &context {
            connector.set_tls_context(context.clone());
        }
        connector.build()
    });
    http_client_fn(move |settings, components| client.http_connector(settings, components))
}

/// Whether both are the same key and session.
#[must_use]
pub fn same(one: &Credentials, other: &Credentials) -> bool {
    one.access_key_id() == other.access_key_id() && one.session_token() == other.session_token()
}

impl Shared {
    fn held(&self, now: SystemTime) -> Option<(Credentials, Freshness)> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map(|held| {
            let freshness = freshness(held.credentials.expiry(), held.asked, now);
            (held.credentials.clone(), freshness)
        })
    }

    fn hold(&self, held: Option<Held>) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// What came of asking the provider; none if the time ran out.
    fn outcome(
        &self,
        asked: Option<Result<Credentials, CredentialsError>>,
        now: SystemTime,
    ) -> Result<Credentials, KeyringError> {
        let tried = self.tried.clone();
        match asked {
            None => Err(KeyringError::Slow {
                tried,
                bound: self.bound,
            }),
            Some(Err(source @ CredentialsError::CredentialsNotLoaded(_))) => {
                Err(KeyringError::Absent {
                    tried,
                    source: Arc::new(source),
                })
            }
            Some(Err(source @ CredentialsError::ProviderTimedOut(_))) => {
                tracing::debug!(error = %super::with_causes(&source), "AWS credentials");
                Err(KeyringError::Slow {
                    tried,
                    bound: self.bound,
                })
            }
            Some(Err(source)) => Err(KeyringError::Failed {
                tried,
                source: Arc::new(source),
            }),
            Some(Ok(found)) if found.expiry().is_some_and(|expiry| expiry <= now) => {
                let source = CredentialsError::provider_error("those found have expired");
                Err(KeyringError::Failed {
                    tried,
                    source: Arc::new(source),
                })
            }
            Some(Ok(found)) => Ok(found),
        }
    }
}

fn freshness(expiry: Option<SystemTime>, asked: SystemTime, now: SystemTime) -> Freshness {
    let Some(expiry) = expiry else {
        return Freshness::Fresh;
    };
    if now >= expiry {
        return Freshness::Expired;
    }
    let paused = now < asked + RENEW_PAUSE;
    if now + RENEW_BEFORE < expiry || paused {
        Freshness::Fresh
    } else {
        Freshness::Due
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keyring")
            .field("tried", &self.shared.tried)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests;
