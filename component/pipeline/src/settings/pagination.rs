//! How the next page of an answer is found, and which page is the last.

use super::Scalar;
use super::rules::given;
use serde::Deserialize;

/// How the next page of an answer is found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(tag = "type"))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Pagination {
    /// One request is all that is wanted, whatever more the answer announces.
    None {},
    /// A query parameter counts pages.
    PageNumber(PageNumber),
    /// A query parameter counts the records before the page.
    Offset(Offset),
    /// A token in the answer goes into the next request.
    Cursor(CursorPagination),
    /// The body has the next page's URL.
    NextUrl(NextUrl),
    /// The `Link` header's `rel="next"` (RFC 8288).
    LinkHeader(LinkHeader),
}

/// A query `parameter`, or what is at `body_pointer`, counts pages. Without `end`, an
/// empty page is the last, and so is one with fewer records than `size`, unless all
/// pages have the same number of those that APIs cut pages to (10, 20, 25, 30, 40, 50, 60,
/// 100, 200, 250, 500, 1000). The same page again, as an API gives that doesn't know the parameter, is
/// an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PageNumber {
    /// The query parameter of the page's number.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"page"))]
    pub parameter: Option<String>,
    /// JSON Pointer to where the number goes in the request's `body`, which has the
    /// first page's there.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"/page"))]
    pub body_pointer: Option<String>,
    /// The first page's number.
    #[serde(default = "one")]
    pub first: u64,
    /// The query parameter of the number of records in a page.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"per_page"))]
    pub size_parameter: Option<String>,
    /// Records in a full page.
    #[serde(default)]
    #[cfg_attr(test, schemars(range(min = 1), example = 100))]
    pub size: Option<u32>,
    /// What says that a page is the last.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = {})))]
    pub end: End,
}

/// A query `parameter`, or what is at `body_pointer`, counts the records before the
/// page. Pages end as with `page-number`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Offset {
    /// The query parameter of the number of records before the page.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"offset"))]
    pub parameter: Option<String>,
    /// JSON Pointer to where it goes in the request's `body`, which has the first
    /// page's there.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"/from"))]
    pub body_pointer: Option<String>,
    /// Its first value.
    #[serde(default)]
    pub first: u64,
    /// The query parameter of the number of records in a page.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = &"limit"))]
    pub size_parameter: Option<String>,
    /// Records in a full page.
    #[serde(default)]
    #[cfg_attr(test, schemars(range(min = 1), example = 100))]
    pub size: Option<u32>,
    /// What says that a page is the last.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = {})))]
    pub end: End,
}

/// A token in the answer goes into the next request: from `pointer` or
/// `header`, into `parameter` or `body_pointer`. Null, missing or empty ends
/// the pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CursorPagination {
    /// JSON Pointer to the token in the body.
    #[cfg_attr(test, schemars(example = &"/next_cursor"))]
    pub pointer: Option<String>,
    /// The header that has the token.
    pub header: Option<String>,
    /// The query parameter that takes it.
    #[cfg_attr(test, schemars(example = &"cursor"))]
    pub parameter: Option<String>,
    /// JSON Pointer to where it goes in the request's `body`.
    #[cfg_attr(test, schemars(example = &"/variables/after"))]
    pub body_pointer: Option<String>,
    /// What says that a page is the last.
    #[cfg_attr(test, schemars(extend("default" = {})))]
    pub end: End,
}

/// The body has the next page's URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NextUrl {
    /// JSON Pointer to it (absolute, or relative to the present page); null,
    /// missing or empty ends the pages.
    pub pointer: String,
    /// Takes path and query of the next page's URL, and the first page's
    /// origin: for an API that sees itself under another name than its callers
    /// do. Without it, a next page elsewhere rejects the request.
    #[serde(default)]
    pub keep_origin: bool,
    /// What says that a page is the last.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("default" = {})))]
    pub end: End,
}

/// The `Link` header's `rel="next"` (RFC 8288).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LinkHeader {
    /// Takes path and query of the next page's URL, and the first page's
    /// origin: for an API that sees itself under another name than its callers
    /// do. Without it, a next page elsewhere rejects the request.
    pub keep_origin: bool,
    /// What says that a page is the last.
    #[cfg_attr(test, schemars(extend("default" = {})))]
    pub end: End,
}

/// What says that a page is the last, where it is said. The first of these that
/// an answer has decides. Where `has_more` or `total_pages` says that there are more,
/// an empty page isn't the end, and an answer without the next page's link or token is
/// an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct End {
    /// JSON Pointer to whether there are more pages; missing, null, false, 0
    /// and empty mean no.
    #[cfg_attr(test, schemars(example = &"/has_more"))]
    pub has_more: Option<String>,
    /// JSON Pointer to the number of records in all pages.
    #[cfg_attr(test, schemars(example = &"/total"))]
    pub total: Option<String>,
    /// JSON Pointer to the number of pages.
    #[cfg_attr(test, schemars(example = &"/total_pages"))]
    pub total_pages: Option<String>,
    /// The token or link that means the end, such as -1.
    #[serde(deserialize_with = "given")]
    #[cfg_attr(test, schemars(schema_with = "super::schema::scalar", extend("default" = null)))]
    pub value: Option<Scalar>,
}

fn one() -> u64 {
    1
}
