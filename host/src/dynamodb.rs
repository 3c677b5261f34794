//! An operation and its JSON body → DynamoDB's answer, signed and sent. Which
//! operations and tables are allowed is the caller's business.

pub mod admin;
pub mod credentials;
mod items;
mod profile;

use crate::hint::Hint;
use crate::http_out::client::{Bounds, Client, ExchangeError, Repeats};
use crate::limits::Limits;
use aws_credential_types::Credentials;
use bytes::Bytes;
use credentials::{Keyring, KeyringError, StaticCredentials};
use http::{Response, header};
use profile::Profile;
use rowcast_aws::service_error;
use rowcast_aws::sign::{self, SignError, Unsigned};
use rowcast_aws::skew::{Corrected, Skew};
use rowcast_pipeline::extract::mask;
use rowcast_pipeline::pace::Pace;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Semaphore;

pub(crate) use rowcast_aws::causes::with_causes;
pub use rowcast_aws::endpoint::{Endpoint, EndpointError};

/// Where DynamoDB is and who asks. What is missing comes from the environment
/// and AWS's own files.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The AWS region.
    pub region: Option<String>,
    /// An origin instead of the region's own endpoint.
    pub endpoint: Option<String>,
    /// A profile of AWS's files.
    pub profile: Option<String>,
    /// Credentials, instead of AWS's standard chain.
    pub credentials: Option<StaticCredentials>,
    /// Origins of other machines that may be spoken to over plain http.
    pub plain_http: Vec<String>,
}

/// What DynamoDB answered, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP's.
    pub status: u16,
    /// The JSON body.
    pub body: String,
    /// How long it asks to be left alone: `x-amz-retry-after`.
    pub retry_after_ms: Option<u64>,
}

/// Why there is no answer from DynamoDB.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Policy forbids this operation or table; nothing was sent.
    #[error("{0}")]
    Denied(String),
    /// There are no usable credentials; nothing was sent.
    #[error("{0}")]
    Credentials(String),
    /// No complete answer; the operation may have been carried out.
    #[error("{0}")]
    Unavailable(String),
    /// The request or its answer exceeds the size limit.
    #[error("{0}")]
    TooLarge(String),
}

/// Signed DynamoDB calls. Cheap to clone; clones share connections,
/// credentials and what is known of the server's clock.
#[derive(Clone, Debug)]
pub struct DynamoDb {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    endpoint: Endpoint,
    keyring: Keyring,
    skew: Skew,
    /// DynamoDB's clock by its last answer.
    heard: Skew,
    /// How much the host itself may write at once: to its ledger's table.
    pace: Mutex<Pace>,
    started: Instant,
    bounds: Bounds,
    in_flight: Semaphore,
}

/// What to do with an answer.
#[derive(Debug, PartialEq, Eq)]
enum AnswerDecision {
    /// Pass it on.
    Answer,
    /// It blames the time, and a better one is known now.
    CorrectClock,
    /// It refuses the credentials, and there may be others.
    RenewCredentials,
}

/// What to do where it isn't known where DynamoDB is.
#[must_use]
pub fn endpoint_hint(error: &EndpointError) -> Hint {
    Hint::new(match error {
        EndpointError::NoRegion => {
            "set `region` in [table] of rowcast.toml, or AWS_REGION, or `region` in the AWS profile"
        }
        EndpointError::Region(_) => "correct `region` in [table] of rowcast.toml, or AWS_REGION",
        EndpointError::Url(_) => {
            "correct `endpoint` in [table] of rowcast.toml, or AWS_ENDPOINT_URL_DYNAMODB; leave it out to use AWS's own"
        }
        EndpointError::Plain(_) => {
            "use https, or name it under [egress] of rowcast.toml: plain_http = [\"http://host:port\"]"
        }
        EndpointError::Kind { .. } => {
            "see AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_ENDPOINT_URL_DYNAMODB and the AWS profile"
        }
        EndpointError::Flag(_) | EndpointError::Services(_) | EndpointError::Files(_) => {
            "correct it there; AWS_PROFILE and `profile` in [table] of rowcast.toml name the profile"
        }
    })
}

impl Settings {
    /// Where DynamoDB is, by these settings, the environment and the AWS
    /// profile. Its host belongs among the egress policy's trusted hosts.
    pub async fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        let profile = Profile::load(self.profile.as_deref()).await?;
        let variable = |name: &str| std::env::var(name).ok();
        profile.endpoint(self, &variable)
    }

    /// The credentials for that endpoint. They are obtained when the first
    /// request needs them.
    pub async fn keyring(&self, endpoint: &Endpoint, limits: &Limits) -> Keyring {
        let bound = limits.credentials();
        match &self.credentials {
            Some(given) => Keyring::fixed(given, bound),
            None => Keyring::standard(self.profile.as_deref(), endpoint.region(), bound).await,
        }
    }
}

impl DynamoDb {
    /// DynamoDB as the settings say, over that client.
    pub async fn connect(
        client: Client,
        settings: &Settings,
        limits: &Limits,
    ) -> Result<Self, EndpointError> {
        let endpoint = settings.endpoint().await?;
        let keyring = settings.keyring(&endpoint, limits).await;
        Ok(Self::new(client, endpoint, keyring, limits))
    }

    /// DynamoDB at that endpoint, with those credentials.
    #[must_use]
    pub fn new(client: Client, endpoint: Endpoint, keyring: Keyring, limits: &Limits) -> Self {
        let bounds = Bounds {
            time: limits.dynamodb(),
            body_bytes: limits.dynamodb_body_kib.saturating_mul(1024),
        };
        // None at all would wait forever.
        let permits = usize::try_from(limits.dynamodb_in_flight).unwrap_or(1);
        let in_flight = Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS));
        let skew = Skew::default();
        Self {
            shared: Arc::new(Shared {
                client,
                endpoint,
                keyring,
                skew,
                heard: Skew::default(),
                pace: Mutex::new(Pace::of_units()),
                started: Instant::now(),
                bounds,
                in_flight,
            }),
        }
    }

    /// Scheme, host and port of DynamoDB.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.shared.endpoint.origin()
    }

    /// Where DynamoDB is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// The time by DynamoDB's clock, as its last answer told it: never ahead of
    /// it, and behind by no more than that answer took. Before the first answer
    /// it is this machine's.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.shared.heard.correct(SystemTime::now()).at
    }

    /// Sends one request, whatever its operation and table: policy is the
    /// caller's.
    ///
    /// It's sent a second time only where DynamoDB refused it unread: because
    /// of this machine's clock, or of expired credentials that could be
    /// renewed.
    pub async fn send(&self, operation: &str, body: String) -> Result<Answer, SendError> {
        self.send_counted(operation, body, &Repeats::default())
            .await
    }

    /// The same, and counts how often it was sent again.
    pub(crate) async fn send_counted(
        &self,
        operation: &str,
        body: String,
        repeats: &Repeats,
    ) -> Result<Answer, SendError> {
        let shared = &self.shared;
        let limit = shared.bounds.body_bytes;
        if u64::try_from(body.len()).is_ok_and(|length| length > limit) {
            let length = body.len();
            return Err(SendError::TooLarge(format!(
                "send {operation} of {length} bytes: the limit is {limit}"
            )));
        }
        let Ok(_permit) = shared.in_flight.acquire().await else {
            return Err(SendError::Unavailable(format!(
                "send {operation}: shutting down"
            )));
        };
        let response = shared
            .answer(operation, &Bytes::from(body), repeats)
            .await?;
        let (parts, body) = response.into_parts();
        match String::from_utf8(body.into()) {
            Ok(body) => Ok(Answer {
                status: parts.status.as_u16(),
                body,
                retry_after_ms: service_error::retry_after_ms(&parts.headers),
            }),
            Err(_) => Err(SendError::Unavailable(format!(
                "read the answer to {operation} from {}: it is not UTF-8",
                shared.endpoint.origin()
            ))),
        }
    }
}

impl Shared {
    async fn answer(
        &self,
        operation: &str,
        body: &Bytes,
        repeats: &Repeats,
    ) -> Result<Response<Bytes>, SendError> {
        let (mut clock, mut renewal) = (false, false);
        let mut spent = Duration::ZERO;
        let mut refused: Option<(Credentials, Response<Bytes>)> = None;
        loop {
            let with = self.skew.correct(SystemTime::now());
            let credentials = self.keyring.get(with.at).await.map_err(no_credentials)?;
            if let Some((before, answer)) = refused.take()
                && credentials::same(&before, &credentials)
            {
                return Ok(unrepeated(answer, &before));
            }
            let unsigned = Unsigned {
                endpoint: &self.endpoint,
                operation,
                body: body.clone(),
            };
            let mut signed =
                sign::sign(&unsigned, with.at, &credentials).map_err(|error| unsignable(&error))?;
            signed.extensions_mut().insert(repeats.clone());
            if clock || renewal {
                repeats.add();
            }
            let left = self.bounds.time.saturating_sub(spent);
            let started = Instant::now();
            let response = self
                .client
                .exchange(
                    signed,
                    Bounds {
                        time: left,
                        ..self.bounds
                    },
                )
                .await
                .map_err(|error| self.unanswered(operation, &error))?;
            spent += started.elapsed();
            let date = date(&response);
            let now = SystemTime::now();
            if let Some(server) = date.and_then(|date| httpdate::parse_http_date(date).ok()) {
                self.heard.learn(self.heard.correct(now), now, server);
            }
            match self.verdict(&response, with, &credentials) {
                AnswerDecision::CorrectClock if !clock => clock = true,
                AnswerDecision::RenewCredentials if !renewal => {
                    renewal = true;
                    refused = Some((credentials, response));
                }
                AnswerDecision::Answer
                | AnswerDecision::CorrectClock
                | AnswerDecision::RenewCredentials => {
                    return Ok(unrepeated(response, &credentials));
                }
            }
        }
    }

    fn verdict(
        &self,
        response: &Response<Bytes>,
        with: Corrected,
        credentials: &Credentials,
    ) -> AnswerDecision {
        let Some(error) = service_error::of_response(response) else {
            return AnswerDecision::Answer;
        };
        if (self.skew).corrects(with, SystemTime::now(), &error, date(response)) {
            tracing::warn!(
                "this machine's clock differs from DynamoDB's by more than it accepts; \
                 signing by DynamoDB's"
            );
            return AnswerDecision::CorrectClock;
        }
        let expired = matches!(
            error.kind.as_str(),
            "ExpiredTokenException" | "ExpiredToken" | "UnrecognizedClientException"
        );
        if expired && self.keyring.refused(credentials) {
            return AnswerDecision::RenewCredentials;
        }
        AnswerDecision::Answer
    }

    fn unanswered(&self, operation: &str, error: &ExchangeError) -> SendError {
        let act = format!("send {operation} to {}", self.endpoint.origin());
        let text = explained(&act, error, error.hint());
        match error {
            ExchangeError::Denied(_) => SendError::Denied(text),
            ExchangeError::Connect(connect) if connect.is_lasting() => SendError::Denied(text),
            ExchangeError::TooLarge(_) => SendError::TooLarge(text),
            ExchangeError::Timeout(_) => {
                let bound = self.bounds.time;
                SendError::Unavailable(format!("{act}: no complete answer within {bound:?}"))
            }
            ExchangeError::Connect(_) | ExchangeError::Broken(_) | ExchangeError::Invalid => {
                SendError::Unavailable(text)
            }
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "an error that is turned into another"
)]
fn no_credentials(error: KeyringError) -> SendError {
    // Where there are none, the causes are a page of who hasn't any.
    let KeyringError::Absent { source, .. } = &error else {
        return SendError::Credentials(explained("sign a request", &error, error.hint()));
    };
    tracing::debug!(error = %with_causes(source), "AWS credentials");
    let hint = error.hint().map(|hint| format!("; {hint}"));
    SendError::Credentials(format!(
        "{error}, and found none{}",
        hint.unwrap_or_default()
    ))
}

fn unsignable(error: &SignError) -> SendError {
    let text = explained("sign a request", error, None);
    if error.is_of_credentials() {
        SendError::Credentials(text)
    } else {
        SendError::Denied(text)
    }
}

/// An error without the session token, which a gateway may repeat.
fn unrepeated(response: Response<Bytes>, credentials: &Credentials) -> Response<Bytes> {
    match credentials.session_token() {
        Some(token) if !response.status().is_success() => response.map(|body| {
            let mut text = body.to_vec();
            mask::overwrite(&mut text, token);
            text.into()
        }),
        _ => response,
    }
}

fn date(response: &Response<Bytes>) -> Option<&str> {
    response.headers().get(header::DATE)?.to_str().ok()
}

/// The failed act, its error with causes, and what to do about it: what
/// crosses the component's boundary is one text.
fn explained(act: &str, error: &dyn std::error::Error, hint: Option<Hint>) -> String {
    let causes = with_causes(error);
    match hint {
        Some(hint) => format!("{act}: {causes}; {hint}"),
        None => format!("{act}: {causes}"),
    }
}

#[cfg(test)]
mod tests;
