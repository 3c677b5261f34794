//! `Link` headers and query parameters: read, and put into URLs.

use url::{Url, form_urlencoded};

/// Replaces one query parameter and leaves the others as they were written.
#[must_use]
pub fn with_parameter(present: &Url, parameter: &str, value: &str) -> Url {
    let mut query = others(present, parameter);
    query.extend(form_urlencoded::byte_serialize(parameter.as_bytes()));
    query.push('=');
    query.extend(form_urlencoded::byte_serialize(value.as_bytes()));
    let mut next = present.clone();
    next.set_query(Some(&query));
    next
}

/// Takes one query parameter out.
#[must_use]
pub fn without_parameter(present: &Url, parameter: &str) -> Url {
    let query = others(present, parameter);
    let query = query.trim_end_matches('&');
    let mut next = present.clone();
    next.set_query(Some(query).filter(|query| !query.is_empty()));
    next
}

/// The other parameters, each with `&` after it.
fn others(url: &Url, parameter: &str) -> String {
    let is_other = |pair: &&str| {
        !pair.is_empty()
            && form_urlencoded::parse(pair.as_bytes())
                .next()
                .is_none_or(|(name, _)| name != parameter)
    };
    let pairs = url.query().unwrap_or_default().split('&');
    pairs
        .filter(is_other)
        .flat_map(|pair| [pair, "&"])
        .collect()
}

/// A query parameter's value; the first of several.
#[must_use]
pub fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|pair| pair.0 == name)
        .map(|pair| pair.1.into_owned())
}

/// The target of the first link with `rel="next"` (RFC 8288).
#[must_use]
pub fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, from) = rest.split_once('<')?;
        let (target, after) = from.split_once('>')?;
        let mut relation = None;
        rest = after.trim_start();
        while let Some(parameter) = rest.strip_prefix(';') {
            let end = parameter.find(['=', ';', ',']).unwrap_or(parameter.len());
            let (name, after) = parameter.split_at_checked(end)?;
            let (value, after) = match after.strip_prefix('=') {
                Some(value) => parameter_value(value.trim_start()),
                None => ("", after),
            };
            // RFC 8288: of several `rel`, all but the first are ignored.
            if name.trim().eq_ignore_ascii_case("rel") && relation.is_none() {
                relation = Some(value);
            }
            rest = after.trim_start();
        }
        let relations = relation.unwrap_or_default();
        if relations
            .split_ascii_whitespace()
            .any(|name| name.eq_ignore_ascii_case("next"))
        {
            return Some(target);
        }
    }
}

/// A quoted string's or a token's content, and what follows it.
fn parameter_value(text: &str) -> (&str, &str) {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = quoted.find(|character| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let (value, after) = end
            .and_then(|end| quoted.split_at_checked(end))
            .unwrap_or((quoted, ""));
        return (value, after.strip_prefix('"').unwrap_or(after));
    }
    let end = text.find([';', ',']).unwrap_or(text.len());
    let (value, after) = text.split_at_checked(end).unwrap_or((text, ""));
    (value.trim_end(), after)
}
