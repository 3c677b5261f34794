//! The host's own settings → everything in them that can't work.

use super::{Config, Rows, Table};
use crate::Secret;
use crate::dynamodb::credentials::StaticCredentials;
use crate::http_out::egress::Origin;
use crate::limits::Limits;
use rowcast_pipeline::settings::{Mistakes, within};

/// Checks what types alone can't say.
pub(super) fn check(config: &Config, mistakes: &mut Mistakes) {
    if let Some(Rows::Postgres(rows)) = &config.rows {
        not_empty("/rows/postgres", rows.connection.is_empty(), mistakes);
        not_empty("/rows/query", rows.query.trim().is_empty(), mistakes);
    }
    if let Some(section) = &config.table {
        table(section, mistakes);
    }
    for (list, origins) in [
        ("origins", &config.egress.origins),
        ("plain_http", &config.egress.plain_http),
    ] {
        for (index, origin) in origins.iter().enumerate() {
            if let Err(error) = origin.parse::<Origin>() {
                mistakes.add_with_hint(
                    format!("/egress/{list}/{index}"),
                    format!("is not an origin: {error}"),
                    "an origin is like https://api.example.com or http://localhost:8080",
                );
            }
        }
    }
    let chunk_rows = config.run.chunk_rows.unwrap_or(1).into();
    within(mistakes, "/run/chunk_rows", chunk_rows, 1, 10_000);
    let (workers, instances) = (config.run.workers.into(), config.limits.instances.into());
    limits(&config.limits, mistakes);
    if instances > 0 {
        within(mistakes, "/run/workers", workers, 1, instances);
    }
}

fn table(table: &Table, mistakes: &mut Mistakes) {
    let is_empty = |text: &Option<String>| text.as_ref().is_some_and(String::is_empty);
    not_empty("/table/region", is_empty(&table.region), mistakes);
    not_empty("/table/profile", is_empty(&table.profile), mistakes);
    let Some(StaticCredentials {
        access_key_id,
        secret_access_key,
        session_token,
    }) = &table.credentials
    else {
        return;
    };
    if table.profile.is_some() {
        mistakes.add("/table/credentials", "and `profile` exclude each other");
    }
    let no_token = session_token.as_ref().is_some_and(Secret::is_empty);
    for (name, empty) in [
        ("access_key_id", access_key_id.is_empty()),
        ("secret_access_key", secret_access_key.is_empty()),
        ("session_token", no_token),
    ] {
        not_empty(&format!("/table/credentials/{name}"), empty, mistakes);
    }
}

fn limits(limits: &Limits, mistakes: &mut Mistakes) {
    for (name, number) in [
        ("call_seconds", limits.call_seconds),
        ("memory_mib", limits.memory_mib),
        ("instances", limits.instances.into()),
        ("connect_seconds", limits.connect_seconds),
        ("request_seconds", limits.request_seconds),
        ("requests_in_flight", limits.requests_in_flight.into()),
        ("response_body_kib", limits.response_body_kib),
        ("credentials_seconds", limits.credentials_seconds),
        ("row_kib", limits.row_kib),
    ] {
        if number == 0 {
            mistakes.add(format!("/limits/{name}"), "must not be 0");
        }
    }
}

fn not_empty(pointer: &str, empty: bool, mistakes: &mut Mistakes) {
    if empty {
        mistakes.add(pointer, "is empty");
    }
}
