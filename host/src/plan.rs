//! Configuration → what the component, the egress policy and the authorizer
//! are given. Pure.

use crate::address::Address;
use crate::config::{self, AuthBy, AuthMethod, Config, KeyType};
use crate::dynamodb::admin::TableDescription;
use crate::engine;
use crate::hint::Hint;
use crate::http_out::egress::{Egress, Origin, OriginError};
use crate::ledger::Hash;
use std::collections::BTreeSet;

/// A setting that names no usable origin.
#[derive(Debug, thiserror::Error)]
#[error("`{setting}` names an origin that can't be used")]
pub struct PlanError {
    /// The setting, such as `source.url`.
    pub setting: String,
    /// What is wrong with it.
    pub source: OriginError,
    /// Whether a template's braces stand where the origin should.
    template: bool,
}

impl PlanError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        let text =
            "write its scheme, host and port out: a row may not choose which server is asked";
        self.template.then(|| Hint::new(text))
    }
}

/// The component's view of the source. Secrets are in it only where the
/// configuration says that the component is to authenticate itself.
#[must_use]
pub fn source(source: &config::Source) -> engine::Source {
    let field = |name: &str, value: &str| engine::Field {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let headers = source.headers.iter();
    let attributes = source.attributes.iter();
    let matrix = source.matrix.iter();
    engine::Source {
        url: source.url.clone(),
        headers: headers
            .map(|header| field(&header.name, header.value.expose()))
            .collect(),
        matrix: matrix
            .map(|axis| engine::Axis {
                name: axis.name.clone(),
                values: axis.values.clone(),
            })
            .collect(),
        records: source.records.clone(),
        attributes: attributes
            .map(|added| field(&added.name, &added.template))
            .collect(),
        require: source.require.clone(),
        auth: auth(&source.auth),
        pagination: pagination(&source.pagination),
        max_pages: source.max_pages,
        concurrency: source.concurrency,
        retry: retry(&source.retry),
        request_timeout_ms: source.request_timeout_ms,
        max_body_bytes: source.max_body_bytes,
    }
}

fn auth(auth: &config::Auth) -> engine::Auth {
    match (auth.by, &auth.method) {
        (AuthBy::Host, _) | (AuthBy::Component, AuthMethod::None) => engine::Auth::None,
        (AuthBy::Component, AuthMethod::Bearer { token }) => engine::Auth::Bearer {
            token: token.expose().to_owned(),
        },
        (AuthBy::Component, AuthMethod::Basic { username, password }) => engine::Auth::Basic {
            username: username.clone(),
            password: password.expose().to_owned(),
        },
        (
            AuthBy::Component,
            AuthMethod::ClientCredentials {
                token_url,
                client_id,
                client_secret,
                scope,
            },
        ) => engine::Auth::ClientCredentials {
            token_url: token_url.clone(),
            client_id: client_id.clone(),
            client_secret: client_secret.expose().to_owned(),
            scope: scope.clone(),
        },
    }
}

fn pagination(pagination: &config::Pagination) -> engine::Pagination {
    match pagination {
        config::Pagination::None => engine::Pagination::None,
        config::Pagination::NextUrl { pointer } => engine::Pagination::NextUrl {
            pointer: pointer.clone(),
        },
        config::Pagination::Cursor { pointer, parameter } => engine::Pagination::Cursor {
            pointer: pointer.clone(),
            parameter: parameter.clone(),
        },
        config::Pagination::LinkHeader => engine::Pagination::LinkHeader,
    }
}

fn retry(retry: &config::Retry) -> engine::Retry {
    engine::Retry {
        max_attempts: retry.max_attempts,
        base_delay_ms: retry.base_delay_ms,
        max_delay_ms: retry.max_delay_ms,
        max_retry_after_ms: retry.max_retry_after_ms,
    }
}

/// The same bounds for the host's own calls.
pub(crate) fn retry_of(retry: &engine::Retry) -> config::Retry {
    config::Retry {
        max_attempts: retry.max_attempts,
        base_delay_ms: retry.base_delay_ms,
        max_delay_ms: retry.max_delay_ms,
        max_retry_after_ms: retry.max_retry_after_ms,
    }
}

/// What a run over these rows does, as far as it can be told from the
/// configuration without its secrets: a run can only be gone on with by one
/// that does the same.
#[must_use]
pub fn work(rows: &config::Rows, source: &config::Source) -> Hash {
    let rows = match rows {
        config::Rows::Postgres(rows) => format!("query {}", rows.query),
        config::Rows::File(rows) => format!("file {:?}", rows.input),
    };
    let mut source = self::source(source);
    // How often and how fast it asks makes no difference to what it gets.
    source.auth = engine::Auth::None;
    for header in &mut source.headers {
        header.value.clear();
    }
    let engine::Source {
        url,
        headers,
        matrix,
        records,
        attributes,
        require,
        pagination,
        max_pages,
        ..
    } = source;
    let source = format!(
        "{url} {headers:?} {matrix:?} {records} {attributes:?} {require:?} {pagination:?} {max_pages}"
    );
    Hash::of(&[&rows, &source])
}

/// What tells a table from every other, also from an earlier one of its name.
#[must_use]
pub fn scope(origin: &str, table: &TableDescription) -> Hash {
    let keys = table.keys.to_string();
    Hash::of(&[origin, &table.name, &table.identity, &keys])
}

/// The component's view of the table.
#[must_use]
pub fn table(table: &config::Table) -> engine::Table {
    engine::Table {
        name: table.name.clone(),
        keys: table.keys.as_ref().map(keys),
        retry: retry(&table.retry),
        concurrency: table.concurrency,
    }
}

/// A table's keys as the component has them.
#[must_use]
pub fn keys(keys: &config::Keys) -> engine::KeySchema {
    let attribute = |key: &config::Key| engine::KeyAttribute {
        name: key.name.clone(),
        kind: match key.kind {
            KeyType::Text => engine::KeyKind::Text,
            KeyType::Number => engine::KeyKind::Number,
            KeyType::Bytes => engine::KeyKind::Bytes,
        },
    };
    engine::KeySchema {
        partition: attribute(&keys.partition),
        sort: keys.sort.as_ref().map(attribute),
    }
}

/// A query of that table with the command's defaults.
#[must_use]
pub fn query(table: &config::Table, filter: &str) -> engine::Query {
    engine::Query {
        table: table.name.clone(),
        index: None,
        filter: filter.to_owned(),
        select: Vec::new(),
        limit: None,
        segments: 4,
        consistent: false,
        retry: retry(&table.retry),
    }
}

/// The one origin that the source's URL template leads to.
pub fn source_origin(source: &config::Source) -> Result<Origin, PlanError> {
    // A template's braces may only stand behind the origin: otherwise a row
    // could decide which server is asked.
    let url = &source.url;
    let start = url.find("://").map_or(0, |at| at + "://".len());
    let rest = url.get(start..).unwrap_or_default();
    let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let origin = url.get(..start + length).unwrap_or_default();
    parse("source.url", origin)
}

/// What the component may reach: the source, the token endpoint if it
/// authenticates itself, and what the configuration adds.
pub fn egress(config: &Config, dynamodb_host: Option<&str>) -> Result<Egress, PlanError> {
    let mut origins = BTreeSet::new();
    if let Some(source) = &config.source {
        origins.insert(source_origin(source)?);
        if let (AuthBy::Component, AuthMethod::ClientCredentials { token_url, .. }) =
            (source.auth.by, &source.auth.method)
        {
            origins.insert(token_address(token_url)?.origin().clone());
        }
    }
    for origin in &config.egress.origins {
        origins.insert(parse("egress.origins", origin)?);
    }
    // A name that the component may ask for itself is never trusted blindly.
    let trusted_hosts = dynamodb_host
        .filter(|host| origins.iter().all(|origin| origin.host() != *host))
        .map(str::to_owned);
    Ok(Egress {
        origins,
        addresses: config.egress.addresses.iter().copied().collect(),
        trusted_hosts: trusted_hosts.into_iter().collect(),
    })
}

/// Origins of other machines that get credentials over plain http.
pub(crate) fn plain_http(config: &Config) -> Result<Vec<Origin>, PlanError> {
    let origins = config.egress.plain_http.iter();
    origins.map(|it| parse("egress.plain_http", it)).collect()
}

/// The endpoint for tokens.
pub(crate) fn token_address(url: &str) -> Result<Address, PlanError> {
    Address::parse(url).map_err(|source| PlanError {
        setting: "source.auth.token_url".to_owned(),
        source,
        template: false,
    })
}

fn parse(setting: &str, text: &str) -> Result<Origin, PlanError> {
    text.parse().map_err(|source| PlanError {
        setting: setting.to_owned(),
        source,
        template: text.contains('{'),
    })
}
