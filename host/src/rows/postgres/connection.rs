//! `rows.postgres` → the driver's configuration, and how to verify the server.
//!
//! The driver doesn't know some of libpq's words, those of TLS above all; they
//! are taken out of the text before the driver parses it.

use super::super::RowsError;
use crate::limits::Limits;
use crate::secret::Secret;
use percent_encoding::percent_decode_str;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// How to connect.
pub(super) struct Connection {
    pub config: Config,
    pub verification: Verification,
    /// Where to, for messages.
    pub place: String,
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
    let Split { rest, tls } = split(text.expose().trim());
    let mut config: Config = rest.parse().map_err(|source| RowsError::Connection {
        message: "it can't be read".into(),
        source: Some(source),
    })?;
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
        place: place(&config),
        timeout: each.saturating_mul(u32::try_from(hosts).unwrap_or(u32::MAX)),
        // A server that is gone is noticed while rows are waited for.
        config: config
            .keepalives(true)
            .keepalives_idle(Duration::from_secs(30))
            .clone(),
    })
}

fn invalid(message: impl Into<String>) -> RowsError {
    RowsError::Connection {
        message: message.into(),
        source: None,
    }
}

fn is_network(host: &Host) -> bool {
    match host {
        Host::Tcp(_) => true,
        #[cfg(unix)]
        Host::Unix(_) => false,
    }
}

fn place(config: &Config) -> String {
    let names = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
    let names: Vec<_> = if config.get_hosts().is_empty() {
        addresses.collect()
    } else {
        names.collect()
    };
    let ports: Vec<_> = config.get_ports().iter().map(ToString::to_string).collect();
    let port = if ports.is_empty() {
        "5432".to_owned()
    } else {
        ports.join(",")
    };
    format!("{} port {port}", names.join(","))
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

/// A text without the words of TLS, and those.
struct Split {
    rest: String,
    tls: Tls,
}

fn split(text: &str) -> Split {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        split_url(text)
    } else {
        split_pairs(text)
    }
}

fn split_url(text: &str) -> Split {
    let mut tls = Tls::default();
    // A password may have a question mark in it, so the driver looks behind
    // the first `@`.
    let credentials = text.find('@').unwrap_or_default();
    let question = text.get(credentials..).and_then(|rest| rest.find('?'));
    let Some((address, parameters)) =
        question.and_then(|at| text.split_at_checked(credentials + at))
    else {
        return Split {
            rest: text.to_owned(),
            tls,
        };
    };
    let kept: Vec<_> = parameters
        .trim_start_matches('?')
        .split('&')
        .filter(|parameter| match parameter.split_once('=') {
            Some((name, value)) => !tls.take(&decode(name), &decode(value)),
            None => !parameter.is_empty(),
        })
        .collect();
    let mark = if kept.is_empty() { "" } else { "?" };
    Split {
        rest: format!("{address}{mark}{}", kept.join("&")),
        tls,
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn split_pairs(text: &str) -> Split {
    let mut tls = Tls::default();
    let mut rest = String::new();
    let mut left = text;
    while let Some((name, value, after)) = pair(left) {
        if !tls.take(name, &value) {
            let value = value.replace('\\', "\\\\").replace('\'', "\\'");
            rest.extend([name, "='", &value, "' "]);
        }
        left = after;
    }
    // What isn't a pair is left for the driver to complain about.
    rest.push_str(left.trim_start());
    Split { rest, tls }
}

/// The first `name = value`, and what follows it.
fn pair(text: &str) -> Option<(&str, String, &str)> {
    let (name, after) = text.split_once('=')?;
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    let after = after.trim_start();
    let (quoted, after) = match after.strip_prefix('\'') {
        Some(inside) => (true, inside),
        None => (false, after),
    };
    let mut value = String::new();
    let mut characters = after.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Some((name, value, after.get(at + 1..)?)),
            space if !quoted && space.is_whitespace() => {
                return Some((name, value, after.get(at..)?));
            }
            other => value.push(other),
        }
    }
    if quoted || value.is_empty() {
        None
    } else {
        Some((name, value, ""))
    }
}

#[cfg(test)]
#[expect(clippy::panic, reason = "a test stops at the first surprise")]
mod tests;
