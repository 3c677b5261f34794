//! A source's settings → templates, pointers, pages and matrix, or everything
//! that can't work, whatever the rows are.

use super::auth;
use super::body::Body;
use super::matrix::Matrix;
use super::paging::Paging;
use super::pointer::Pointer;
use super::rules::Rules;
use super::snippet::chain;
use super::template::{Place, Template};
use crate::message::is_header_name;
use crate::settings::{
    Field, Header, Method, Mistakes, RecordsAs, Source, escaped, origin, within,
};
use std::collections::HashSet;
use url::Url;

/// A source that can work.
pub struct Checked<'a> {
    /// The settings as they were given.
    pub source: &'a Source,
    /// Where the records are.
    pub records: Pointer,
    /// What each record must have.
    pub require: Vec<Pointer>,
    /// What answers mean.
    pub rules: Rules,
    /// How the next page is found.
    pub paging: Paging,
    /// The first page's URL.
    pub url: Template,
    /// Where a record says which row of its request it belongs to.
    pub batch: Option<Pointer>,
    /// The request's body.
    pub body: Option<Body>,
    /// The headers' names and values.
    pub headers: Vec<(&'a str, Template)>,
    /// What requests say of who sends them, unless the headers do.
    pub user_agent: String,
    /// The attributes' names and values.
    pub attributes: Vec<(&'a str, Template)>,
    /// The axes.
    pub matrix: Matrix<'a>,
}

impl<'a> Checked<'a> {
    /// Checks everything that needs neither rows nor requests.
    pub fn new(source: &'a Source, mistakes: &mut Mistakes) -> Option<Self> {
        ranges(source, mistakes);
        auth::check(&source.auth, mistakes);
        let url = template("/url", &source.url, Place::Url, mistakes);
        if let Some(url) = &url {
            check_url(&url.sample_url(), mistakes);
        }
        let records = Pointer::of_setting("/records", &source.records, mistakes);
        let require = source.require.iter().enumerate();
        let require: Vec<_> = require
            .filter_map(|(index, text)| {
                Pointer::of_setting(&format!("/require/{index}"), text, mistakes)
            })
            .collect();
        let rules = Rules::new(&source.rules, mistakes);
        let paging = Paging::new(source, mistakes);
        let body = source.body.as_ref();
        let body = body.map(|body| Body::new(body.node(), mistakes));
        if body.is_some() && source.method == Method::Get {
            mistakes.add_with_hint("/body", "is only for POST", "set `method` to \"POST\"");
        }
        let headers = headers(source, mistakes);
        let attributes = attributes(&source.attributes, mistakes);
        let matrix = Matrix::new(&source.matrix, mistakes);
        let batch = source.batch.as_ref();
        let batch =
            batch.and_then(|batch| Pointer::of_setting("/batch/pointer", &batch.pointer, mistakes));
        if let Some(url) = &url {
            let shared = headers.iter().map(|(_, template)| template).chain([url]);
            let shared = shared.flat_map(Template::names);
            check_batch(source, url.joined(), shared, &matrix, mistakes);
        }
        for (index, step) in source.then.iter().enumerate() {
            let mut found = Mistakes::default();
            Self::new(step, &mut found);
            mistakes.add_under(&format!("/then/{index}"), found);
        }
        // Each of them is there exactly where nothing was wrong with it.
        let (url, records, paging) = (url?, records?, paging?);
        mistakes.is_empty().then_some(Self {
            source,
            records,
            require,
            rules,
            paging,
            url,
            batch,
            body,
            headers,
            user_agent: user_agent(source.contact.as_deref()),
            attributes,
            matrix,
        })
    }

    /// The origins that its requests go to; none of one that a row decides.
    #[must_use]
    pub fn origins(&self) -> Vec<String> {
        let mut origins = Vec::new();
        for source in std::iter::once(self.source).chain(&self.source.then) {
            let token_url = auth::token_url(&source.auth);
            for url in std::iter::once(source.url.as_str()).chain(token_url) {
                let origin = origin(url);
                if !origins.contains(&origin) {
                    origins.push(origin);
                }
            }
        }
        origins
    }
}

fn template(at: &str, text: &str, place: Place, mistakes: &mut Mistakes) -> Option<Template> {
    Template::parse(text, place)
        .map_err(|error| mistakes.add(at, format!("is not a template: {}", chain(&error))))
        .ok()
}

fn ranges(source: &Source, mistakes: &mut Mistakes) {
    within(mistakes, "/concurrency", source.concurrency.into(), 1, 256);
    within(mistakes, "/max_pages", source.max_pages.into(), 1, 10_000);
    let timeout = source.request_timeout_ms.into();
    within(mistakes, "/request_timeout_ms", timeout, 1, u32::MAX.into());
    within(
        mistakes,
        "/max_body_bytes",
        source.max_body_bytes,
        1,
        u64::MAX,
    );
    source.retry.check(mistakes);
    if source.records_as == RecordsAs::ById && source.id_attribute.is_none() {
        let hint = "name the attribute that takes each record's id";
        mistakes.add_with_hint(
            "/id_attribute",
            "is missing with `records_as` \"by-id\"",
            hint,
        );
    }
    if let Some(rate) = &source.rate {
        rate.check(mistakes);
    }
}

/// Checks a URL's scheme, host and lack of credentials.
fn check_url(sample: &str, mistakes: &mut Mistakes) {
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    match Url::parse(sample) {
        // That isn't relative, so it is about what stands there.
        Err(error) if sample.contains("://") => {
            mistakes.add("/url", format!("is not a URL: {error}"));
        }
        Ok(url) if is_web(&url) => check_parts(&url, mistakes),
        Ok(_) | Err(_) => mistakes.add(
            "/url",
            "must start with https:// (or http://, where the host allows it) and a host name",
        ),
    }
}

fn check_parts(url: &Url, mistakes: &mut Mistakes) {
    if !url.username().is_empty() || url.password().is_some() {
        mistakes.add_with_hint(
            "/url",
            "has a user name or password in it",
            "use `auth` with type \"basic\"",
        );
    }
    if url.fragment().is_some() {
        mistakes.add_with_hint(
            "/url",
            "has a `#`, and what follows it is never sent",
            "write %23 for the character; or leave out what follows",
        );
    }
}
/// Headers that are about the connection, or that follow from the request.
const OF_THE_CLIENT: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn headers<'a>(source: &'a Source, mistakes: &mut Mistakes) -> Vec<(&'a str, Template)> {
    let mut headers = Vec::with_capacity(source.headers.len());
    for Header { name, value } in &source.headers {
        let at = format!("/headers/{}", escaped(name));
        if !is_header_name(name) {
            mistakes.add(&at, "is not the name of an HTTP header");
        }
        if OF_THE_CLIENT
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name))
        {
            mistakes.add(&at, "is written by the HTTP client itself");
        }
        if Some(name.to_ascii_lowercase()) == auth::header_name(&source.auth) {
            mistakes.add(&at, "is already set by `auth`");
        }
        let value = template(&at, value.expose(), Place::Header, mistakes);
        headers.extend(value.map(|value| (name.as_str(), value)));
    }
    if !source.accept.as_deref().is_none_or(is_header_value) {
        mistakes.add("/accept", HEADER_VALUE);
    }
    let contact = source.contact.as_deref();
    if contact.is_some_and(|it| !is_header_value(it) || it.contains(['(', ')', '\\'])) {
        let message = format!("{HEADER_VALUE}, without parentheses and backslashes");
        mistakes.add("/contact", message);
    }
    headers
}

/// Checks that the rows of a request differ in nothing but `{column*}`.
fn check_batch<'n>(
    source: &Source,
    joined: Option<&str>,
    mut shared: impl Iterator<Item = &'n str>,
    matrix: &Matrix<'_>,
    mistakes: &mut Mistakes,
) {
    let Some(batch) = &source.batch else {
        if let Some(name) = joined {
            let hint = "say how many rows a request may have";
            mistakes.add_with_hint("/batch", format!("is missing with `{{{name}*}}`"), hint);
        }
        return;
    };
    batch.check(mistakes);
    let Some(joined) = joined else {
        let hint = "such as https://api.example.com/artists?ids={id*}";
        mistakes.add_with_hint("/url", "has no `{column*}` for the rows of a batch", hint);
        return;
    };
    let axis = |name: &str| matrix.names().any(|axis| axis == name);
    if let Some(name) = shared.find(|name| *name != joined && !axis(name)) {
        let message = format!("can't be used, because `{name}` differs between the rows");
        mistakes.add_with_hint("/batch", message, "use only the matrix and `{column*}`");
    }
    if source.body.is_some() {
        mistakes.add("/batch", "can't be used with `body`");
    }
}

/// Many APIs refuse requests that don't say who asks.
const USER_AGENT: &str = concat!("rowcast/", env!("CARGO_PKG_VERSION"));

fn user_agent(contact: Option<&str>) -> String {
    let contact = contact.map(|contact| format!(" ({contact})"));
    format!("{USER_AGENT}{}", contact.unwrap_or_default())
}

/// What a header's value must be.
const HEADER_VALUE: &str = "must be one line of ASCII characters, at least one";

fn is_header_value(text: &str) -> bool {
    let visible = |byte: u8| matches!(byte, b' '..=b'~');
    !text.trim().is_empty() && text.bytes().all(visible)
}

fn attributes<'a>(fields: &'a [Field], mistakes: &mut Mistakes) -> Vec<(&'a str, Template)> {
    let mut names = HashSet::new();
    let mut attributes = Vec::with_capacity(fields.len());
    for Field { name, value } in fields {
        let at = format!("/attributes/{}", escaped(name));
        if name.is_empty() {
            mistakes.add(&at, "has no name");
        }
        if !names.insert(name) {
            mistakes.add(&at, "is given twice");
        }
        let value = template(&at, value, Place::Attribute, mistakes);
        attributes.extend(value.map(|value| (name.as_str(), value)));
    }
    attributes
}
