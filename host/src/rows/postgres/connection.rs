//! `rows.postgres` → the driver's configuration, and how to verify the server.
//!
//! The driver doesn't know some of libpq's words, those of TLS above all; they
//! are taken out before the driver is given the others.

mod text;

use super::super::RowsError;
use crate::Secret;
use crate::limits::Limits;
use std::fmt;
use std::time::Duration;
use text::Word;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// How it is noticed that a server is gone: a query may take as long as it
/// wants, so nothing else ends the wait for a row. 90 seconds in all. The
/// setting may say otherwise.
const ALIVE: &str = "keepalives_idle='30' keepalives_interval='10' keepalives_retries='6' ";

/// How to connect.
pub(super) struct Connection {
    pub config: Config,
    pub verification: Verification,
    /// Where to, for messages.
    pub place: Place,
    /// Time for all of it.
    pub timeout: Duration,
}

/// What a server's certificate must prove, as libpq has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verification {
    /// Nothing: encryption alone (`prefer`, `require`).
    Nothing,
    /// That an authority signed it (`verify-ca`).
    Authority(Roots),
    /// That and the server's name (`verify-full`).
    Name(Roots),
}

/// Whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// The system's authorities.
    System,
    /// A file of certificates in PEM.
    File(String),
}

/// Reads the setting.
pub(super) fn parse(text: &Secret, limits: &Limits) -> Result<Connection, RowsError> {
    let mut tls = Tls::default();
    let mut rest = ALIVE.to_owned();
    for word in latest(text::words(text.expose())?) {
        if !tls.take(word.name, &word.value) {
            rest.push_str(&quoted(&word)?);
        }
    }
    // Each word was fine alone, so what can be wrong is known.
    let config = rest.parse::<Config>();
    let mut config = config.map_err(|_| invalid("its words don't fit together"))?;
    let (mode, verification) = tls.verification()?;
    // As in libpq, TLS is for networks.
    let mode = if config.get_hosts().iter().any(is_network) || config.get_hosts().is_empty() {
        mode
    } else {
        SslMode::Disable
    };
    config.ssl_mode(mode);
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(invalid("it names no host"));
    }
    if config.get_application_name().is_none() {
        config.application_name("rowcast");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(limits.connect());
    }
    let hosts = config
        .get_hosts()
        .len()
        .max(config.get_hostaddrs().len())
        .max(1);
    let each = config
        .get_connect_timeout()
        .copied()
        .unwrap_or(limits.connect());
    Ok(Connection {
        verification,
        place: Place::of(&config)?,
        timeout: each.saturating_mul(u32::try_from(hosts).unwrap_or(u32::MAX)),
        config,
    })
}

fn invalid(message: impl Into<String>) -> RowsError {
    RowsError::Connection {
        message: message.into(),
    }
}

fn is_network(host: &Host) -> bool {
    match host {
        Host::Tcp(_) => true,
        #[cfg(unix)]
        Host::Unix(_) => false,
    }
}

/// The last word of each name, in their order.
fn latest(words: Vec<Word>) -> Vec<Word> {
    let mut latest: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        latest.retain(|earlier| earlier.name != word.name);
        latest.push(word);
    }
    latest
}

/// A word as the driver reads it. The driver's own complaint isn't shown.
fn quoted(Word { name, value }: &Word) -> Result<String, RowsError> {
    let value = value.replace('\\', "\\\\").replace('\'', "\\'");
    let word = format!("{name}='{value}' ");
    match word.parse::<Config>() {
        Ok(_) => Ok(word),
        Err(_) => Err(invalid(format!("the value of `{name}` can't be used"))),
    }
}

/// Hosts and ports, and nothing else of a setting: the only part of it that is
/// shown. Made of what the driver will really connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place(String);

impl Place {
    fn of(config: &Config) -> Result<Self, RowsError> {
        let mut names = Vec::new();
        for host in config.get_hosts() {
            names.push(match host {
                Host::Tcp(name) if is_host_name(name) => name.clone(),
                Host::Tcp(_) => return Err(invalid("its host can't be one")),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            });
        }
        if names.is_empty() {
            names.extend(config.get_hostaddrs().iter().map(ToString::to_string));
        }
        let ports: Vec<_> = config.get_ports().iter().map(ToString::to_string).collect();
        let port = if ports.is_empty() {
            "5432".to_owned()
        } else {
            ports.join(",")
        };
        Ok(Self(format!("{} port {port}", names.join(","))))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_host_name(text: &str) -> bool {
    let plain = |each: char| each.is_alphanumeric() || ".-_:%".contains(each);
    !text.is_empty() && text.chars().all(plain)
}

/// The words of TLS, as written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tls {
    mode: Option<String>,
    roots: Option<String>,
    /// Words that can't be honoured, and mustn't be passed over.
    unsupported: Option<String>,
}

impl Tls {
    /// Takes the word, if it's one of those.
    fn take(&mut self, name: &str, value: &str) -> bool {
        match name {
            "sslmode" => self.mode = Some(value.to_owned()),
            "sslrootcert" => self.roots = Some(value.to_owned()),
            "sslcert" | "sslkey" | "sslpassword" | "sslcrl" | "sslcrldir" => {
                self.unsupported = Some(name.to_owned());
            }
            // Neither changes anything here: text is always UTF-8, and there
            // is no GSSAPI.
            "client_encoding" | "gssencmode" | "krbsrvname" | "sslcompression" | "sslsni" => {}
            _ => return false,
        }
        true
    }

    fn verification(&self) -> Result<(SslMode, Verification), RowsError> {
        if let Some(name) = &self.unsupported {
            return Err(invalid(format!("{name} isn't supported")));
        }
        let roots = self.roots.as_deref().filter(|roots| !roots.is_empty());
        let system = roots == Some("system");
        let given = roots.map(|roots| match roots {
            "system" => Roots::System,
            path => Roots::File(path.to_owned()),
        });
        let mode = match self.mode.as_deref() {
            // As in libpq, whose default it is too.
            None if system => "verify-full",
            None => "prefer",
            Some(mode) if system && !matches!(mode, "verify-full" | "disable") => {
                return Err(invalid("sslrootcert=system needs sslmode=verify-full"));
            }
            Some(mode) => mode,
        };
        // A file of roots turns encryption into `verify-ca`, as in libpq.
        let encrypted = || {
            given
                .clone()
                .map_or(Verification::Nothing, Verification::Authority)
        };
        let roots = || given.clone().unwrap_or(Roots::System);
        match mode {
            "disable" => Ok((SslMode::Disable, Verification::Nothing)),
            "allow" | "prefer" => Ok((SslMode::Prefer, encrypted())),
            "require" => Ok((SslMode::Require, encrypted())),
            "verify-ca" => Ok((SslMode::Require, Verification::Authority(roots()))),
            "verify-full" => Ok((SslMode::Require, Verification::Name(roots()))),
            _ => Err(invalid(
                "sslmode is none of disable, allow, prefer, require, verify-ca, verify-full",
            )),
        }
    }
}

#[cfg(test)]
#[expect(clippy::panic, reason = "a test stops at the first surprise")]
mod tests;
