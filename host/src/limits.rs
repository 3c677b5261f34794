//! Every bound on time, size and number that the host keeps, in one place. Those
//! that people set are settings of the same name in `[limits]` of
//! `rowcast.toml`; the others are the host's own, each with its reason.

use serde::Deserialize;
use std::time::Duration;

/// How long an operation of the host's own, such as its ledger's, is sent again while
/// DynamoDB throttles it.
pub(crate) const LONGEST_THROTTLED: Duration = Duration::from_mins(10);

/// Bounds that the host keeps, whatever the component does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Wall time of one call into the component, host I/O included, in
    /// seconds. The component is told a budget below it, so that it can return
    /// what it has; only one that ignores its budget is ended by this.
    pub call_seconds: u64,
    /// Linear memory of one component instance, in MiB. A chunk of rows and
    /// its documents must fit.
    pub memory_mib: u64,
    /// Component instances alive at once, over all runs of a runtime.
    pub instances: u32,
    /// What the component hands to the host at once, as the arguments of one
    /// import or the result of a call, in MiB: the host must hold it besides.
    /// Not a setting: half of `memory_mib` at its default, and a guest that hands
    /// over more at once is broken.
    #[serde(skip)]
    pub transfer_mib: u64,
    /// WASI resources of one instance alive at once: headers, requests,
    /// bodies, streams and timers. A request in flight takes about ten.
    /// Not a setting: 256 requests in flight, which is the most a source may ask
    /// for, take fewer.
    #[serde(skip)]
    pub resources: u32,
    /// Connecting to any server, name resolution and TLS included, in seconds.
    pub connect_seconds: u64,
    /// One HTTP exchange of the component, to the last byte, in seconds.
    pub request_seconds: u64,
    /// How long an idle connection is kept for the next request, in seconds.
    /// Not a setting: servers close idle connections after a minute or later.
    #[serde(skip)]
    pub idle_seconds: u64,
    /// HTTP exchanges of one call in flight at once; more wait.
    pub requests_in_flight: u32,
    /// HTTP exchanges in one call; more are refused.
    /// Not a setting: a call that needs more is continued in another.
    #[serde(skip)]
    pub requests_per_call: u32,
    /// Headers of one request of the component, in KiB, with what it takes to
    /// keep them.
    /// Not a setting: servers refuse more than 8 to 16.
    #[serde(skip)]
    pub request_headers_kib: u64,
    /// Bytes of one request body of the component, in KiB.
    /// Not a setting: a request for data is no upload.
    #[serde(skip)]
    pub request_body_kib: u64,
    /// Bytes of one response body to the component, in KiB.
    pub response_body_kib: u64,
    /// One DynamoDB call, to the last byte, in seconds.
    /// Not a setting: DynamoDB answers or gives up within a few seconds.
    #[serde(skip)]
    pub dynamodb_seconds: u64,
    /// DynamoDB calls in flight at once, over all instances.
    /// Not a setting: `table.concurrency` and `run.workers` say how many are tried.
    #[serde(skip)]
    pub dynamodb_in_flight: u32,
    /// DynamoDB requests in one call into the component; more are refused. The
    /// answers to those it sends together must fit into `memory_mib`.
    /// Not a setting, as `requests_per_call` isn't.
    #[serde(skip)]
    pub dynamodb_per_call: u32,
    /// Bytes of one DynamoDB request or response, in KiB. `BatchWriteItem`
    /// takes 16 MB, whose JSON may be longer.
    /// Not a setting: DynamoDB's own limit, with room for its JSON.
    #[serde(skip)]
    pub dynamodb_body_kib: u64,
    /// Obtaining AWS credentials, or a token for the source, in seconds.
    pub credentials_seconds: u64,
    /// Bytes of one row as JSON, in KiB.
    pub row_kib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_seconds: 120,
            memory_mib: 256,
            instances: 32,
            transfer_mib: 128,
            resources: 4096,
            connect_seconds: 10,
            request_seconds: 30,
            idle_seconds: 60,
            requests_in_flight: 64,
            requests_per_call: 10_000,
            request_headers_kib: 32,
            request_body_kib: 1024,
            response_body_kib: 32 * 1024,
            dynamodb_seconds: 20,
            dynamodb_in_flight: 32,
            dynamodb_per_call: 10_000,
            dynamodb_body_kib: 24 * 1024,
            credentials_seconds: 15,
            row_kib: 1024,
        }
    }
}

impl Limits {
    /// Wall time of one call into the component.
    #[must_use]
    pub fn call(&self) -> Duration {
        Duration::from_secs(self.call_seconds)
    }

    /// What the component is told: four fifths of [`Limits::call`], so that
    /// there is time to return.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.call().saturating_mul(4) / 5
    }

    /// Connecting to any server.
    #[must_use]
    pub fn connect(&self) -> Duration {
        Duration::from_secs(self.connect_seconds)
    }

    /// Obtaining credentials or a token.
    #[must_use]
    pub fn credentials(&self) -> Duration {
        Duration::from_secs(self.credentials_seconds)
    }

    /// One DynamoDB call.
    #[must_use]
    pub fn dynamodb(&self) -> Duration {
        Duration::from_secs(self.dynamodb_seconds)
    }

    /// One HTTP exchange of the component.
    #[must_use]
    pub fn request(&self) -> Duration {
        Duration::from_secs(self.request_seconds)
    }
}
