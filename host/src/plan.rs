//! A configuration, and what the component says of it → what the component,
//! the egress policy and the authorizer are given.

pub(crate) mod error;
mod rules;
mod steps;

pub use error::PlanError;

use crate::config::interpolate;
use crate::config::tree::Places;
use crate::config::{self, Auth, Config, ConfigError, Draft, Keys, Written};
use crate::dynamodb::admin::TableDescription;
use crate::engine::settings::node;
use crate::engine::{Describer, Kind, Loaded, Mistake, Source, Table};
use crate::host::error::HostError;
use crate::http_out::egress::{Egress, Origin};
use crate::ledger::Hash;
use crate::rows::Identity;
use rowcast_pipeline::settings::preset::fill_from;
use rowcast_pipeline::settings::{self, Mistakes, Node};
use serde::Deserialize;
use std::collections::BTreeSet;

/// What a configuration comes to with a component.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Plan {
    /// The source as the component is told, with its preset filled in. Secrets
    /// are in it only where the configuration says that the component is to
    /// authenticate itself.
    pub source: Option<Source>,
    /// The table as the component is told.
    pub table: Option<Table>,
    /// How the host authenticates requests to the source.
    pub auth: Auth,
    /// The origins that get these credentials.
    pub authenticated: BTreeSet<Origin>,
    /// What the component may reach.
    pub origins: BTreeSet<Origin>,
    /// Whether the operator says that a POST reads: it gets the credentials too.
    pub posts: bool,
    /// The keys that the preset proposes for a new table. A table that is there
    /// may have others.
    pub proposed_keys: Option<Keys>,
}

/// Who authenticates requests to the source.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AuthBy {
    /// The host adds the credentials; the component never sees them.
    #[default]
    Host,
    /// The component is given the secret, as on hosts that can't add headers.
    Component,
}

impl Plan {
    /// Asks the component about the settings that are its own. What is wrong
    /// with the configuration is told all at once. Origins that a `trusted`
    /// component's preset names needn't be in the configuration.
    pub async fn new(
        draft: Draft,
        component: &Loaded,
        trusted: bool,
    ) -> Result<(Config, Self), HostError> {
        let Draft {
            mut config,
            mut mistakes,
        } = draft;
        let mut plan = Self::default();
        let mut claimed = Vec::new();
        let mut named = BTreeSet::new();
        let mut own = BTreeSet::new();
        let Written {
            tree,
            preset,
            own_preset,
            ..
        } = &config.written;
        let sections = ["source", "table"].map(|name| tree.node.get(name).cloned());
        if preset.is_some() || sections.iter().any(Option::is_some) {
            let mut describer = component.describer().await?;
            let presets = match (preset, own_preset) {
                (Some(_), None) => describer.describe().await?.presets,
                _ => Vec::new(),
            };
            let preset = preset
                .as_ref()
                .and_then(|name| presets.into_iter().find(|preset| preset.name == *name));
            let table = preset.as_ref().map(|preset| Table::new(&*preset.table));
            plan.proposed_keys = match own_preset {
                Some(own) => own.keys(),
                None => table.and_then(|table| table.keys),
            };
            let settings = match own_preset {
                Some(own) => Some(own.source()),
                None => preset.map(|preset| node(&preset.source)),
            };
            let [source, table] = sections;
            if let Some(mut source) = source {
                let mut written = source.clone();
                if let Some(settings) = settings {
                    fill_from(&mut source, &settings, |at, text| {
                        Some(filled(&mut config.written, &mut mistakes, at, text))
                    });
                    source.remove(&["preset".to_owned()]);
                }
                // A file of the operator's is their word as the configuration is.
                let trusted = trusted || config.written.own_preset.is_some();
                plan.auth = take_auth(&mut source, &mut written, &mut mistakes);
                let by_host = !matches!(plan.auth, Auth::None {});
                steps::take_auth(&mut source, by_host, &mut mistakes);
                let known = if trusted { &source } else { &written };
                named = origins_in(known);
                own = origins_in(&steps::first(known));
                plan.posts = steps::posts(known);
                let places = &mut config.written.tree.places;
                let found = checked(&mut describer, Kind::Source, &mut source, places).await?;
                let settings = Source::of(&source);
                if found.is_empty() {
                    match describer.origins(settings.text()).await? {
                        Ok(origins) => claimed = origins,
                        Err(found) => mistakes.add_at("/source", found),
                    }
                }
                mistakes.add_at("/source", found);
                plan.source = Some(settings);
            }
            if let Some(mut table) = table.filter(Node::is_object) {
                for name in config::Table::OWN {
                    table.remove(&[name.to_owned()]);
                }
                let places = &mut config.written.tree.places;
                let mut found = checked(&mut describer, Kind::Table, &mut table, places).await?;
                found.iter_mut().for_each(config::Table::know_own);
                mistakes.add_at("/table", found);
                plan.table = Some(Table::of(&table));
            }
        }
        let config = Draft { config, mistakes }.finish()?;
        plan.grant(&config, &claimed, &named, &own)?;
        Ok((config, plan))
    }

    /// Grants what the component claims, if it is `named` in the configuration,
    /// and what that grants anyway. Credentials are for the source's `own`
    /// origins, not for those of further steps.
    fn grant(
        &mut self,
        config: &Config,
        claimed: &[String],
        named: &BTreeSet<Origin>,
        own: &BTreeSet<Origin>,
    ) -> Result<(), PlanError> {
        let egress = config.egress.origins.iter();
        self.origins = egress
            .map(|origin| parse("egress.origins", origin))
            .collect::<Result<_, _>>()?;
        for origin in claimed {
            let origin = parse("source", origin)?;
            if own.contains(&origin) {
                self.authenticated.insert(origin.clone());
            }
            if !(named.contains(&origin) || self.origins.contains(&origin)) {
                return Err(PlanError::Unwritten(origin));
            }
            self.origins.insert(origin);
        }
        if self.auth != Auth::default() && self.authenticated.is_empty() {
            return Err(PlanError::Unauthenticated);
        }
        Ok(())
    }

    /// What the component may reach.
    #[must_use]
    pub fn egress(&self, config: &Config, dynamodb_host: Option<&str>) -> Egress {
        // A name that the component may ask for itself is never trusted blindly.
        let trusted_hosts = dynamodb_host
            .filter(|host| self.origins.iter().all(|origin| origin.host() != *host))
            .map(str::to_owned);
        Egress {
            origins: self.origins.clone(),
            addresses: config.egress.addresses.iter().copied().collect(),
            trusted_hosts: trusted_hosts.into_iter().collect(),
        }
    }

    /// The source, or that the section is missing.
    pub fn source(&self) -> Result<&Source, ConfigError> {
        let missing = || ConfigError::missing_section("source");
        self.source.as_ref().ok_or_else(missing)
    }

    /// The table, or that the section is missing.
    pub fn table(&self) -> Result<&Table, ConfigError> {
        let missing = || ConfigError::missing_section("table");
        self.table.as_ref().ok_or_else(missing)
    }
}

/// A preset's setting with the environment's values: `${…}` in it are
/// credentials.
fn filled(written: &mut Written, mistakes: &mut Mistakes, at: &str, given: &Node) -> Node {
    let (mut node, at) = (given.clone(), format!("/source{at}"));
    let env = written.environment.clone();
    let env = |name: &str| env.as_ref().and_then(|env| env(name));
    let places = &mut written.tree.places;
    if let Some(own) = &written.own_preset {
        places.take(&at, &own.path, &own.tree.places);
    }
    interpolate::fill(&mut node, &at, &env, &mut places.interpolated, mistakes);
    node
}

/// What is wrong with settings. The environment has only text, so a number that
/// is missed is looked for there.
async fn checked(
    describer: &mut Describer,
    kind: Kind,
    settings: &mut Node,
    places: &mut Places,
) -> Result<Vec<Mistake>, HostError> {
    let at = match kind {
        Kind::Source => "/source",
        Kind::Table | Kind::Query => "/table",
    };
    let found = describer
        .validate(kind, Source::of(settings).text())
        .await?;
    if !places.spell_out(settings, at, &found) {
        return Ok(found);
    }
    Ok(describer
        .validate(kind, Source::of(settings).text())
        .await?)
}

/// Takes what is the host's from a source's settings, and from those that the
/// operator wrote.
fn take_auth(source: &mut Node, written: &mut Node, mistakes: &mut Mistakes) -> Auth {
    let path = ["auth".to_owned()];
    let of_by = ["auth".to_owned(), "by".to_owned()];
    let by = source.at(&of_by).cloned();
    source.remove(&of_by);
    let mut found = Mistakes::default();
    let by = by.and_then(|by| settings::read(by, &mut found));
    mistakes.add_at("/source/auth/by", found.into_list());
    let (Some(auth), AuthBy::Host) = (source.get("auth").cloned(), by.unwrap_or_default()) else {
        return Auth::default();
    };
    source.remove(&path);
    written.remove(&path);
    let mut found = Mistakes::default();
    let auth: Auth = settings::read(auth, &mut found).unwrap_or_default();
    mistakes.add_at("/source/auth", found.into_list());
    let mut found = Mistakes::default();
    rowcast_pipeline::extract::auth::check(&auth, &mut found);
    if let Some(Node::Object(headers)) = source.get("headers")
        && let Some(taken) = rowcast_pipeline::extract::auth::header_name(&auth)
    {
        for (name, _) in headers {
            if name.eq_ignore_ascii_case(&taken) {
                let at = format!("/headers/{}", settings::escaped(name));
                found.add(at, "is already set by `auth`");
            }
        }
    }
    mistakes.add_at("/source", found.into_list());
    auth
}

/// The origins of all URLs in settings. A template's braces may only stand
/// behind the origin: otherwise a row could decide which server is asked.
fn origins_in(node: &Node) -> BTreeSet<Origin> {
    match node {
        Node::Text(text) => {
            let origin = rowcast_pipeline::settings::origin(text);
            origin.parse().into_iter().collect()
        }
        Node::List(items) => items.iter().flat_map(origins_in).collect(),
        Node::Object(members) => members
            .iter()
            .flat_map(|(_, member)| origins_in(member))
            .collect(),
        _ => BTreeSet::new(),
    }
}

/// What a run over rows of that identity does, without the configuration's
/// secrets: a run can only be continued by one that does the same.
#[must_use]
pub fn work(rows: &Identity, source: &Source) -> Hash {
    let (Identity::Known(rows) | Identity::Unknown(rows)) = rows;
    Hash::of(&[rows, &source.identity()])
}

/// What tells a table from every other, also from an earlier one of its name.
#[must_use]
pub fn scope(origin: &str, table: &TableDescription) -> Hash {
    let keys = table.keys.to_string();
    Hash::of(&[origin, &table.name, &table.identity, &keys])
}

/// Origins of other machines that get credentials over plain http.
pub(crate) fn plain_http(config: &Config) -> Result<Vec<Origin>, PlanError> {
    let origins = config.egress.plain_http.iter();
    origins.map(|it| parse("egress.plain_http", it)).collect()
}

fn parse(setting: &'static str, text: &str) -> Result<Origin, PlanError> {
    text.parse().map_err(|source| PlanError::Unusable {
        setting,
        source,
        template: text.contains('{'),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
