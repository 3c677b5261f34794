//! A configuration → the first thing in it that can't work.

use super::{
    AuthMethod, Config, ConfigError, Credentials, Keys, Pagination, Retry, Rows, Source, Table,
};
use crate::address::Address;
use crate::http_out::egress::Origin;
use crate::limits::Limits;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

type Checked = Result<(), ConfigError>;

/// Checks what types alone can't say.
pub(super) fn check(config: &Config) -> Checked {
    limits(&config.limits)?;
    if let Some(Rows::Postgres(rows)) = &config.rows {
        not_empty("rows.postgres", rows.connection.is_empty())?;
        not_empty("rows.query", rows.query.trim().is_empty())?;
    }
    if let Some(section) = &config.source {
        source(section, &config.limits)?;
    }
    if let Some(section) = &config.table {
        table(section)?;
    }
    for (list, origins) in [
        ("origins", &config.egress.origins),
        ("plain_http", &config.egress.plain_http),
    ] {
        for (index, origin) in origins.iter().enumerate() {
            is_origin(&format!("egress.{list}.{index}"), origin)?;
        }
    }
    let chunk_rows = config.run.chunk_rows.unwrap_or(1);
    within("run.chunk_rows", chunk_rows, 1..=10_000)?;
    within(
        "run.workers",
        config.run.workers,
        1..=config.limits.instances,
    )
}

fn source(source: &Source, limits: &Limits) -> Checked {
    let scheme = ["https://", "http://"]
        .iter()
        .any(|scheme| source.url.starts_with(scheme));
    holds(
        "source.url",
        scheme,
        "must start with https:// (or http://)",
    )?;
    pointer("source.records", &source.records)?;
    for (index, required) in source.require.iter().enumerate() {
        pointer(&format!("source.require.{index}"), required)?;
    }
    for axis in &source.matrix {
        let setting = format!("source.matrix.{}", axis.name);
        not_empty(&setting, axis.values.is_empty())?;
        let different: BTreeSet<_> = axis.values.iter().collect();
        holds(
            &setting,
            different.len() == axis.values.len(),
            "has a value twice",
        )?;
    }
    for header in &source.headers {
        let setting = format!("source.headers.{}", header.name);
        let name = http::HeaderName::from_bytes(header.name.as_bytes());
        holds(&setting, name.is_ok(), "is no name of an HTTP header")?;
        let twice = header.name.eq_ignore_ascii_case("authorization")
            && source.auth.method != AuthMethod::None;
        holds(&setting, !twice, "is already set by `source.auth`")?;
    }
    within("source.max_pages", source.max_pages, 1..=10_000)?;
    within("source.concurrency", source.concurrency, 1..=256)?;
    // More would wait for a place, and that counts against their timeout.
    not_above(
        "source.concurrency",
        source.concurrency.into(),
        "limits.requests_in_flight",
        limits.requests_in_flight.into(),
    )?;
    not_above(
        "source.request_timeout_ms",
        u64::from(source.request_timeout_ms),
        "limits.request_seconds",
        limits.request_seconds.saturating_mul(1000),
    )?;
    not_above(
        "source.max_body_bytes",
        source.max_body_bytes,
        "limits.response_body_kib",
        limits.response_body_kib.saturating_mul(1024),
    )?;
    auth(&source.auth.method)?;
    match &source.pagination {
        Pagination::None | Pagination::LinkHeader => {}
        Pagination::NextUrl { pointer: at } => pointer("source.pagination.pointer", at)?,
        Pagination::Cursor {
            pointer: at,
            parameter,
        } => {
            pointer("source.pagination.pointer", at)?;
            not_empty("source.pagination.parameter", parameter.is_empty())?;
        }
    }
    retry("source.retry", &source.retry)
}

fn auth(method: &AuthMethod) -> Checked {
    match method {
        AuthMethod::None => Ok(()),
        AuthMethod::Bearer { token } => not_empty("source.auth.token", token.is_empty()),
        AuthMethod::Basic { username, .. } => {
            not_empty("source.auth.username", username.is_empty())
        }
        AuthMethod::ClientCredentials {
            token_url,
            client_id,
            client_secret,
            ..
        } => {
            if let Err(error) = Address::parse(token_url) {
                let setting = "source.auth.token_url";
                return Err(ConfigError::invalid(setting, error.to_string()));
            }
            not_empty("source.auth.client_id", client_id.is_empty())?;
            not_empty("source.auth.client_secret", client_secret.is_empty())
        }
    }
}

fn table(table: &Table) -> Checked {
    let name = &table.name;
    let characters = |each: char| each.is_ascii_alphanumeric() || "_.-".contains(each);
    holds(
        "table.name",
        (3..=255).contains(&name.len()) && name.chars().all(characters),
        "must be 3 to 255 letters, digits, `_`, `-` and `.`",
    )?;
    not_empty(
        "table.region",
        table.region.as_ref().is_some_and(String::is_empty),
    )?;
    not_empty(
        "table.profile",
        table.profile.as_ref().is_some_and(String::is_empty),
    )?;
    within("table.concurrency", table.concurrency, 1..=64)?;
    if let Some(Credentials {
        access_key_id,
        secret_access_key,
        session_token,
    }) = &table.credentials
    {
        let both = table.profile.is_some();
        holds(
            "table.credentials",
            !both,
            "and `table.profile` exclude each other",
        )?;
        not_empty("table.credentials.access_key_id", access_key_id.is_empty())?;
        not_empty(
            "table.credentials.secret_access_key",
            secret_access_key.is_empty(),
        )?;
        let empty = session_token
            .as_ref()
            .is_some_and(crate::secret::Secret::is_empty);
        not_empty("table.credentials.session_token", empty)?;
    }
    if let Some(Keys { partition, sort }) = &table.keys {
        not_empty("table.keys.partition.name", partition.name.is_empty())?;
        if let Some(sort) = sort {
            not_empty("table.keys.sort.name", sort.name.is_empty())?;
            holds(
                "table.keys.sort.name",
                sort.name != partition.name,
                "is the partition key's",
            )?;
        }
    }
    retry("table.retry", &table.retry)
}

fn is_origin(setting: &str, text: &str) -> Checked {
    match text.parse::<Origin>() {
        Ok(_) => Ok(()),
        Err(error) => Err(ConfigError::invalid(setting, error.to_string())
            .with_hint("an origin is like https://api.example.com or http://localhost:8080")),
    }
}

fn retry(section: &str, retry: &Retry) -> Checked {
    within(
        &format!("{section}.max_attempts"),
        retry.max_attempts,
        1..=20,
    )?;
    holds(
        &format!("{section}.base_delay_ms"),
        retry.base_delay_ms <= retry.max_delay_ms,
        "is above max_delay_ms",
    )
}

fn limits(limits: &Limits) -> Checked {
    let numbers = [
        ("call_seconds", limits.call_seconds),
        ("memory_mib", limits.memory_mib),
        ("instances", limits.instances.into()),
        ("connect_seconds", limits.connect_seconds),
        ("request_seconds", limits.request_seconds),
        ("requests_in_flight", limits.requests_in_flight.into()),
        ("response_body_kib", limits.response_body_kib),
        ("credentials_seconds", limits.credentials_seconds),
        ("row_kib", limits.row_kib),
    ];
    match numbers.iter().find(|(_, number)| *number == 0) {
        Some((name, _)) => Err(ConfigError::invalid(
            format!("limits.{name}"),
            "must not be 0",
        )),
        None => Ok(()),
    }
}

fn holds(setting: &str, condition: bool, otherwise: &str) -> Checked {
    if condition {
        Ok(())
    } else {
        Err(ConfigError::invalid(setting, otherwise))
    }
}

fn not_empty(setting: &str, empty: bool) -> Checked {
    holds(setting, !empty, "is empty")
}

fn pointer(setting: &str, text: &str) -> Checked {
    if text.is_empty() || text.starts_with('/') {
        return Ok(());
    }
    Err(
        ConfigError::invalid(setting, "is no JSON Pointer: it must start with `/`")
            .with_hint(format!("perhaps \"/{}\"", text.replace('.', "/"))),
    )
}

fn within(setting: &str, number: u32, range: RangeInclusive<u32>) -> Checked {
    let (least, most) = (range.start(), range.end());
    let message = format!("is {number}, and must be {least} to {most}");
    holds(setting, range.contains(&number), &message)
}

fn not_above(setting: &str, number: u64, limit: &str, most: u64) -> Checked {
    if (1..=most).contains(&number) {
        return Ok(());
    }
    let message = format!("is {number}, and must be 1 to {most}");
    Err(ConfigError::invalid(setting, message).with_hint(format!("the upper bound is `{limit}`")))
}
