//! A document's servers → the URL that requests begin with.

use super::LISTED;
use super::document::{Document, Operation, items, member, members, text};
use super::foreign::{address, column_name, pieces};
use crate::http_out::egress::Origin;
use http::Uri;
use serde_json::Value;
use url::Url;

/// Where the host is written that a document doesn't name.
const UNKNOWN: &str = "https://api.example.com";

/// Where an API is.
#[derive(Debug)]
pub struct Server {
    /// Scheme, host and the beginning of the path.
    pub base: String,
    /// What every request's query has; empty: nothing.
    pub query: String,
    /// What was chosen, and what is left to write.
    pub remarks: Vec<String>,
}

impl Server {
    pub fn of(document: Document<'_>, operation: &Operation<'_>) -> Self {
        let mut remarks = Vec::new();
        let servers = operation.servers(document);
        let url_of = |server| text(member(server, "url")).unwrap_or_default();
        let mut urls = servers.iter().map(url_of);
        let written = urls.next().map(str::to_owned);
        let written = written.unwrap_or_else(|| second_version(document));
        let others: Vec<_> = urls.take(LISTED).map(|url| format!("`{url}`")).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            remarks.push(format!(
                "The document has several servers: the first, `{written}`, was chosen; others are \
                 {others}."
            ));
        }
        let (url, fragment) = written.split_once('#').unwrap_or((&written, ""));
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let variables = servers.first().and_then(|it| member(it, "variables"));
        let base = filled(base, variables, &mut remarks);
        let query = filled(query, variables, &mut remarks);
        if !fragment.is_empty() {
            remarks.push(format!(
                "The server's URL ends in `#{fragment}`: requests have no such part, it is left out."
            ));
        }
        if !query.is_empty() {
            remarks.push(format!(
                "The server's URL has a query: `{query}` is sent with every request."
            ));
        }
        Self {
            base: absolute(base, &mut remarks),
            query,
            remarks,
        }
    }

    /// An address that may be relative to the server's; none that can't be used.
    pub fn resolved(&self, address: &str) -> Option<String> {
        if is_usable(address) {
            return Some(address.to_owned());
        }
        let url = Url::parse(&self.base).ok()?.join(address).ok()?;
        is_usable(url.as_str()).then(|| url.into())
    }
}

/// As `rowcast check` reads it.
fn is_usable(url: &str) -> bool {
    let origin = url.parse().map(|url: Uri| Origin::of(&url));
    Url::parse(url).is_ok() && matches!(origin, Ok(Ok(_)))
}

/// A part of a server's URL with its variables' defaults.
fn filled(part: &str, variables: Option<&Value>, remarks: &mut Vec<String>) -> String {
    let mut filled = String::new();
    for (before, name) in pieces(part) {
        filled.push_str(&address(before));
        let Some(name) = name else { continue };
        let variable = members(variables).into_iter().find(|(it, _)| *it == name);
        let of = |member_of| variable.and_then(|(_, variable)| member(variable, member_of));
        if let Some(default) = text(of("default")) {
            let values = items(of("enum")).iter().filter_map(Value::as_str);
            let others = values.filter(|it| *it != default).take(LISTED);
            let others: Vec<_> = others.map(|it| format!("`{it}`")).collect();
            let others = match others.as_slice() {
                [] => String::new(),
                others => format!("; it may be {}", others.join(", ")),
            };
            remarks.push(format!(
                "The server's variable `{name}` has its default, `{default}`{others}."
            ));
            filled.push_str(&address(default));
        } else {
            let name = column_name(name);
            remarks.push(format!(
                "The server's variable `{name}` has no default: write its value in place of \
                 `{name}`."
            ));
            filled.push_str(&address(&name));
        }
    }
    filled
}

/// With a scheme and a host.
fn absolute(base: String, remarks: &mut Vec<String>) -> String {
    let base = if base.starts_with("//") {
        format!("https:{base}")
    } else {
        base
    };
    match Url::parse(&base) {
        Ok(_) if is_usable(&base) => base,
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            remarks.push(
                "The document doesn't say on which host the API is: write it here.".to_owned(),
            );
            let slash = if base.is_empty() || base.starts_with('/') {
                ""
            } else {
                "/"
            };
            format!("{UNKNOWN}{slash}{base}")
        }
        _ => {
            remarks.push(format!(
                "The server's URL, `{base}`, isn't one of HTTP that can be used: write it here."
            ));
            UNKNOWN.to_owned()
        }
    }
}

/// Of OpenAPI 2.0.
fn second_version(document: Document<'_>) -> String {
    let base = text(document.member("basePath")).unwrap_or_default();
    let Some(host) = text(document.member("host")) else {
        return base.to_owned();
    };
    let schemes = items(document.member("schemes"));
    let plain = schemes.first().and_then(Value::as_str) == Some("http");
    let secure = schemes.iter().any(|it| it.as_str() == Some("https"));
    let scheme = if plain && !secure { "http" } else { "https" };
    format!("{scheme}://{host}{base}")
}
