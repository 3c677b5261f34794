//! What this component is, and what is wrong with settings. Pure.

use crate::bindings::exports::rowcast::pipeline::describe::{
    Description, Kind, Mistake, Preset, Schema,
};
use crate::extract::checked::Checked;
use crate::extract::coding::unpacked;
use crate::settings::{self, Mistakes, preset};

/// What this component is.
#[must_use]
pub fn describe() -> Description {
    // They were packed by `build.rs`, so they are there.
    let schema = |kind, packed: &[u8]| {
        let json = unpacked(packed, u64::MAX).unwrap_or_default();
        let json = String::from_utf8(json).unwrap_or_default();
        Schema { kind, json }
    };
    let presets = preset::PRESETS.iter().map(|preset| Preset {
        name: preset.name.to_owned(),
        summary: preset.summary.to_owned(),
        source: preset.source.to_owned(),
        table: preset.table.to_owned(),
    });
    Description {
        name: "rowcast".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "Makes a REST request for each row and writes the records of the answers to \
                  DynamoDB"
            .to_owned(),
        schemas: vec![
            schema(
                Kind::Source,
                include_bytes!(concat!(env!("OUT_DIR"), "/source.gz")),
            ),
            schema(
                Kind::Table,
                include_bytes!(concat!(env!("OUT_DIR"), "/table.gz")),
            ),
            schema(
                Kind::Query,
                include_bytes!(concat!(env!("OUT_DIR"), "/query.gz")),
            ),
        ],
        presets: presets.collect(),
        environment: Vec::new(),
    }
}

/// Everything that is wrong with settings, as far as it can be known without
/// rows, the network and the table.
#[must_use]
pub fn validate(kind: Kind, text: &str) -> Vec<Mistake> {
    let mut mistakes = Mistakes::default();
    match kind {
        Kind::Source => {
            if let Some(source) = settings::source(text, &mut mistakes) {
                Checked::new(&source, &mut mistakes);
            }
        }
        Kind::Table => {
            if let Some(table) = settings::table(text, &mut mistakes) {
                crate::load::check(&table, &mut mistakes);
            }
        }
        Kind::Query => {
            if let Some(query) = settings::query(text, &mut mistakes) {
                crate::query::check(&query, &mut mistakes);
            }
        }
    }
    mistakes.into_list()
}

/// The origins that a source's requests go to.
pub fn origins(text: &str) -> Result<Vec<String>, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let source = settings::source(text, &mut mistakes);
    let checked = source
        .as_ref()
        .and_then(|source| Checked::new(source, &mut mistakes));
    match checked {
        Some(checked) => Ok(checked.origins()),
        None => Err(mistakes.into_list()),
    }
}
