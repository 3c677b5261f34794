//! The API that is asked for each row, and how its answers are read.

use super::{Auth, Batch, Body, Format, Pagination, Rate, RecordsAs, Retry, Rule, Secret};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
#[cfg(test)]
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use url::Url;

/// A REST API and how to read it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A name for settings that are filled in where the others say nothing.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"musicbrainz-recordings"))]
    pub preset: Option<String>,
    /// URL template of the requests. `{name}` is a row's column or a matrix
    /// axis, percent-encoded; `{{` and `}}` are braces. It must be https, or
    /// http where the host allows that.
    #[cfg_attr(
        test,
        schemars(example = &"https://api.example.com/artists/{id}/tracks")
    )]
    pub url: String,
    /// The requests' method. A POST must be one that may be repeated, such as
    /// a search.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = "GET")))]
    pub method: Method,
    /// The JSON body of a POST. A text in it that is one placeholder, such as
    /// "{id}", stands for the value of a column or a matrix axis as JSON; with
    /// "{id?}" the member is left out where there is no such column. One that has
    /// placeholders and no other braces, such as "artist:{id}", is a template as
    /// `headers` are; any other text is sent as it is.
    #[serde(default)]
    #[cfg_attr(test, schemars(schema_with = "super::schema::anything", extend("default" = null), example = serde_json::json!({"query": "query($id: ID!) { artist(id: $id) { name } }", "variables": {"id": "{id}"}})))]
    pub body: Option<Body>,
    /// Request headers; values are templates (not percent-encoded).
    #[serde(default, deserialize_with = "in_order")]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, String>", extend("default" = {}), example = serde_json::json!({"accept-language": "en"})))]
    pub headers: Vec<Header>,
    /// Media types that the API may answer with: the `Accept` header, unless
    /// `headers` has one. Left out, it asks for `format`.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"application/vnd.github+json"))]
    pub accept: Option<String>,
    /// Whom the API's operators may ask, such as an address: added to the
    /// `User-Agent` header, which is `rowcast/VERSION (contact)` unless
    /// `headers` has one.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"data@example.com"))]
    pub contact: Option<String>,
    /// Axes and their values; one request is made per row and combination.
    #[serde(default, deserialize_with = "in_order")]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Vec<String>>", extend("default" = {}), example = serde_json::json!({"country": ["US", "CA"]})))]
    pub matrix: Vec<Axis>,
    /// What a good answer's body is.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = "json")))]
    pub format: Format,
    /// JSON Pointer (RFC 6901) to the array of records in the body; empty for
    /// the body itself. An object there is one record.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"/tracks"))]
    pub records: String,
    /// What the value at `records` is.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = "list")))]
    pub records_as: RecordsAs,
    /// With `records_as` "by-id": the attribute that takes each record's id. A
    /// record that has such a member keeps its own.
    #[serde(default)]
    pub id_attribute: Option<String>,
    /// Attributes added before each record's own members. Values are templates,
    /// which may also use `{record:/json/pointer}`. `{name?}` leaves the
    /// attribute out where the value is null or missing; `{text:name}` makes
    /// text of a number or boolean. A name that the record has itself rejects
    /// the record.
    #[serde(default, deserialize_with = "in_order")]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, String>", extend("default" = {}), example = serde_json::json!({"artist_id": "{id}"})))]
    pub attributes: Vec<Field>,
    /// JSON Pointers that must lead to a value in each record (null counts as
    /// one). A record without one is rejected.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = serde_json::json!(["/id"])))]
    pub require: Vec<String>,
    /// What the API's answers mean: the first rule that fits an answer decides;
    /// where none does, the built-in rules.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = []), example = serde_json::json!([{"when": {"status": 404}, "then": "nothing"}])))]
    pub rules: Vec<Rule>,
    /// Several rows in one request; none: a request for each row.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = null)))]
    pub batch: Option<Batch>,
    /// Steps after this one: each record becomes a row of the next step, whose
    /// records are kept in its place. `{name}` is a member of the record, and
    /// `{/a/b}` a JSON Pointer into it. What a step that asks the same origin
    /// doesn't say of `auth`, `headers`, `accept`, `contact`, `rate`, `retry`,
    /// `concurrency` and limits is as it is here.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = []), example = serde_json::json!([{"url": "https://api.example.com/albums/{id}", "records": ""}])))]
    pub then: Vec<Source>,
    /// How requests are authenticated.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = {"type": "none"})))]
    pub auth: Auth,
    /// How the next page of an answer is found. Left out, one request is the
    /// whole answer, and one that announces more counts in
    /// `source.unfollowed`.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = null)))]
    pub pagination: Option<Pagination>,
    /// Pages per request at most; more reject the request.
    #[serde(default = "max_pages")]
    #[cfg_attr(test, schemars(range(min = 1, max = 10_000)))]
    pub max_pages: u32,
    /// Requests in flight at once within one call.
    #[serde(default = "concurrency")]
    #[cfg_attr(test, schemars(range(min = 1, max = 256)))]
    pub concurrency: u32,
    /// A budget of requests; none: as fast as the API lets it.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = null), example = serde_json::json!({"requests": 50, "per": "5s"})))]
    pub rate: Option<Rate>,
    /// How failed requests are repeated.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = {})))]
    pub retry: Retry,
    /// Time for one attempt, from connecting to the body's last byte, in
    /// milliseconds.
    #[serde(default = "request_timeout_ms")]
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub request_timeout_ms: u32,
    /// Bytes of one body at most; a longer one rejects the request.
    #[serde(default = "max_body_bytes")]
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub max_body_bytes: u64,
}

/// The methods that read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Most APIs.
    #[default]
    Get,
    /// Searches and GraphQL.
    Post,
}

/// A name and its value, such as a request header. The value is secret, because some APIs take their key
/// there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Such as a header's name.
    pub name: String,
    /// A header's value is a template.
    pub value: Secret,
}

/// An attribute added to each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// A template of its value.
    pub value: String,
}

/// One axis of the matrix: a request is made for each of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// What templates call it; must not be a column's name.
    pub name: String,
    /// Its values, at least one.
    pub values: Vec<String>,
}

/// A URL's beginning up to its path. Of a template it's taken as it is written,
/// so that what a row would choose is seen.
#[must_use]
pub fn origin(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + "://".len());
    let rest = url.get(start..).unwrap_or_default();
    let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let origin = url.get(..start + length).unwrap_or_default();
    Url::parse(origin).map_or_else(
        |_| origin.to_owned(),
        |url| url.origin().ascii_serialization(),
    )
}

fn max_pages() -> u32 {
    100
}

fn concurrency() -> u32 {
    8
}

fn request_timeout_ms() -> u32 {
    20_000
}

fn max_body_bytes() -> u64 {
    8 * 1024 * 1024
}

/// An object → a list, in the text's order, which decides the order of
/// attributes and combinations.
pub(super) fn in_order<'de, D: Deserializer<'de>, T: Entry>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_map(InOrder(PhantomData))
}

/// A member of such an object.
pub(super) trait Entry {
    type Value: for<'de> Deserialize<'de>;
    fn new(name: String, value: Self::Value) -> Self;
}

impl Entry for Header {
    type Value = Secret;
    fn new(name: String, value: Secret) -> Self {
        Self { name, value }
    }
}

impl Entry for Axis {
    type Value = Vec<String>;
    fn new(name: String, values: Vec<String>) -> Self {
        Self { name, values }
    }
}

impl Entry for Field {
    type Value = String;
    fn new(name: String, value: String) -> Self {
        Self { name, value }
    }
}

struct InOrder<T>(PhantomData<T>);

impl<'de, T: Entry> Visitor<'de> for InOrder<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            entries.push(T::new(name, value));
        }
        Ok(entries)
    }
}
