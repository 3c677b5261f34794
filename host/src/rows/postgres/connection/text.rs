//! The setting's text, a URL or pairs → its words, each a name that PostgreSQL
//! knows and a value. Nothing of the text is in any complaint but its scheme:
//! where it can't be read, nobody knows which part of it is the password.

use super::{RowsError, invalid};
use crate::config::nearest;
use percent_encoding::percent_decode_str;
use std::fmt::Write;

/// The words that the driver reads, and those that are read here.
const KNOWN: [&str; 30] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "krbsrvname",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslcert",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// One setting of a connection.
#[derive(Debug)]
pub(super) struct Word {
    /// One of those that are known.
    pub name: &'static str,
    pub value: String,
}

/// Reads the text. Later words of a name count more than earlier ones.
pub(super) fn words(text: &str) -> Result<Vec<Word>, RowsError> {
    let text = text.trim();
    if text.starts_with(['"', '\'', '`']) {
        return Err(invalid("it begins with a quotation mark: leave quotes out"));
    }
    match scheme(text) {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("postgres")
                || scheme.eq_ignore_ascii_case("postgresql") =>
        {
            url(rest)
        }
        Some((scheme, _)) => Err(invalid(format!(
            "its scheme is {}, and must be postgres or postgresql",
            scheme.to_ascii_lowercase()
        ))),
        None => pairs(text),
    }
}

/// The scheme, and what follows `://`.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = match text.strip_prefix("jdbc:") {
        Some(_) => ("jdbc", ""),
        None => text.split_once("://")?,
    };
    let fits = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|each| each.is_ascii_alphanumeric() || "+-.".contains(each));
    fits.then_some((scheme, rest))
}

/// What follows `postgres://`. A password's characters that mean something in a
/// URL would make its rest a host, so they are refused.
fn url(rest: &str) -> Result<Vec<Word>, RowsError> {
    let (user, rest) = match rest.split_once('@') {
        Some((_, rest)) if rest.contains('@') => {
            return Err(invalid(
                "it has more than one @: encode @ as %40 in the password",
            ));
        }
        Some((user, _)) if user.contains('/') => {
            return Err(invalid(
                "it has a / before the @: encode / as %2F in the password",
            ));
        }
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    let mut words = Vec::new();
    let mut add = |name, value| words.push(Word { name, value });
    if let Some(user) = user {
        let (user, password) = match user.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (user, None),
        };
        add("user", decode(user)?);
        if let Some(password) = password {
            add("password", decode(password)?);
        }
    }
    let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = address.split_once('/').unwrap_or((address, ""));
    if !hosts.is_empty() {
        let (mut names, mut ports) = (String::new(), String::new());
        for (index, host) in hosts.split(',').enumerate() {
            let (name, port) = host_and_port(host)?;
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(names, "{comma}{name}");
            let _ = write!(ports, "{comma}{port}");
        }
        add("host", names);
        add("port", ports);
    }
    if !database.is_empty() {
        add("dbname", decode(database)?);
    }
    for (index, parameter) in parameters.split('&').enumerate() {
        if parameter.is_empty() {
            continue;
        }
        let place = || format!("parameter {} behind its ?", index + 1);
        let Some((name, value)) = parameter.split_once('=') else {
            return Err(invalid(format!("{} has no value", place())));
        };
        add(known(&decode(name)?, place)?, decode(value)?);
    }
    Ok(words)
}

fn host_and_port(text: &str) -> Result<(String, &str), RowsError> {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, "")) => (name, ""),
        Some((name, after)) => match after.strip_prefix(':') {
            Some(port) => (name, port),
            None => return Err(invalid("its host and port can't be read")),
        },
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = if port.is_empty() { "5432" } else { port };
    match port.parse::<u16>() {
        Ok(1..) => Ok((decode(name)?, port)),
        Ok(0) | Err(_) => Err(invalid(
            "what stands where the port would isn't one: the port is 1 to 65535, and the \
             password stands before an @",
        )),
    }
}

fn decode(text: &str) -> Result<String, RowsError> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(Into::into)
        .map_err(|_| invalid("a %… in it isn't UTF-8"))
}

/// The known name that this is.
fn known(name: &str, place: impl Fn() -> String) -> Result<&'static str, RowsError> {
    if let Some(known) = KNOWN.into_iter().find(|known| *known == name) {
        return Ok(known);
    }
    let nearest = nearest(name, &KNOWN).map(|nearest| format!("; did you mean `{nearest}`?"));
    Err(invalid(format!(
        "{} isn't known{}",
        place(),
        nearest.unwrap_or_default()
    )))
}

/// `name=value` pairs, as libpq reads them.
fn pairs(text: &str) -> Result<Vec<Word>, RowsError> {
    let mut words = Vec::new();
    let mut left = text;
    while let Some((name, value, after)) = pair(left) {
        let number = words.len() + 1;
        let name = known(name, || format!("the name of pair {number}"))?;
        words.push(Word { name, value });
        left = after;
    }
    match (left.trim().is_empty(), words.len()) {
        (true, 1..) => Ok(words),
        (true | false, 0) => Err(invalid(
            "it begins with neither postgres:// nor a pair such as host=…",
        )),
        (false, read) => Err(invalid(format!(
            "what follows pair {read} isn't name=value; a value with spaces needs '…'"
        ))),
    }
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
