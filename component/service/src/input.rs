//! Bodies of requests → the calls' arguments, in the WIT's own records.

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;

use crate::defaults;
use crate::read::{Case, Mistake, Value};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::extract::{
    Auth, Axis, Basic, Cell, ClientCredentials, CursorPagination, Field, Pagination, Source,
};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::load::{
    KeyAttribute, KeyKind, KeySchema, Table,
};
use rowcast_pipeline::bindings::exports::rowcast::pipeline::query::Question;
use rowcast_pipeline::bindings::rowcast::pipeline::types::Retry;

/// What `POST /extract` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Extract {
    /// The REST API and how to read it.
    pub source: Source,
    /// Rows, as they are written in the body. One that is no object is
    /// rejected by the call itself, by its index.
    pub rows: Vec<String>,
    /// The cells to ask for; none: all.
    pub only: Option<Vec<Cell>>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /load` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Where the documents go.
    pub table: Table,
    /// Documents, as they are written in the body.
    pub documents: Vec<String>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /query` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What to ask of which table.
    pub question: Question,
    /// Where the answer before ended.
    pub cursor: Option<String>,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// What `POST /explain` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Explain {
    /// The question that nothing answered.
    pub question: Question,
    /// Time for the call, in milliseconds.
    pub budget_ms: Option<u64>,
}

/// The body of `POST /extract`.
pub fn extract(body: Value<'_>) -> Result<Extract, Mistake> {
    let mut object = body.object()?;
    let call = Extract {
        source: object.needed("source", source)?,
        rows: object.needed("rows", documents)?,
        only: object.optional("only", |only| only.list(cell))?,
        budget_ms: object.optional("budget_ms", Value::u64)?,
    };
    object.end().map(|()| call)
}

/// The body of `POST /load`.
pub fn load(body: Value<'_>) -> Result<Load, Mistake> {
    let mut object = body.object()?;
    let call = Load {
        table: object.needed("table", table)?,
        documents: object.needed("documents", documents)?,
        budget_ms: object.optional("budget_ms", Value::u64)?,
    };
    object.end().map(|()| call)
}

/// The body of `POST /query`.
pub fn query(body: Value<'_>) -> Result<Query, Mistake> {
    let mut object = body.object()?;
    let call = Query {
        question: object.needed("question", question)?,
        cursor: object.optional("cursor", Value::text)?,
        budget_ms: object.optional("budget_ms", Value::u64)?,
    };
    object.end().map(|()| call)
}

/// The body of `POST /explain`.
pub fn explain(body: Value<'_>) -> Result<Explain, Mistake> {
    let mut object = body.object()?;
    let call = Explain {
        question: object.needed("question", question)?,
        budget_ms: object.optional("budget_ms", Value::u64)?,
    };
    object.end().map(|()| call)
}

fn documents(value: Value<'_>) -> Result<Vec<String>, Mistake> {
    value.list(|document| Ok(document.document()))
}

fn texts(value: Value<'_>) -> Result<Vec<String>, Mistake> {
    value.list(Value::text)
}

fn fields(value: Value<'_>) -> Result<Vec<Field>, Mistake> {
    value.list(field)
}

fn source(value: Value<'_>) -> Result<Source, Mistake> {
    let mut object = value.object()?;
    let source = Source {
        url: object.needed("url", Value::text)?,
        headers: object.or("headers", Vec::new(), fields)?,
        matrix: object.or("matrix", Vec::new(), |axes| axes.list(axis))?,
        records: object.or("records", String::new(), Value::text)?,
        attributes: object.or("attributes", Vec::new(), fields)?,
        require: object.or("require", Vec::new(), texts)?,
        auth: object.or("auth", Auth::None, auth)?,
        pagination: object.or("pagination", Pagination::None, pagination)?,
        max_pages: object.or("max_pages", defaults::MAX_PAGES, Value::u32)?,
        concurrency: object.or("concurrency", defaults::SOURCE_CONCURRENCY, Value::u32)?,
        retry: object.or("retry", defaults::RETRY, retry)?,
        request_timeout_ms: object.or(
            "request_timeout_ms",
            defaults::REQUEST_TIMEOUT_MS,
            Value::u32,
        )?,
        max_body_bytes: object.or("max_body_bytes", defaults::MAX_BODY_BYTES, Value::u64)?,
    };
    object.end().map(|()| source)
}

fn field(value: Value<'_>) -> Result<Field, Mistake> {
    let mut object = value.object()?;
    let field = Field {
        name: object.needed("name", Value::text)?,
        value: object.needed("value", Value::text)?,
    };
    object.end().map(|()| field)
}

fn axis(value: Value<'_>) -> Result<Axis, Mistake> {
    let mut object = value.object()?;
    let axis = Axis {
        name: object.needed("name", Value::text)?,
        values: object.needed("values", texts)?,
    };
    object.end().map(|()| axis)
}

fn auth(value: Value<'_>) -> Result<Auth, Mistake> {
    value.case([
        ("none", Case::Alone(Auth::None)),
        ("bearer", Case::Of(|token| token.text().map(Auth::Bearer))),
        ("basic", Case::Of(basic)),
        ("client_credentials", Case::Of(client_credentials)),
    ])
}

fn basic(value: Value<'_>) -> Result<Auth, Mistake> {
    let mut object = value.object()?;
    let basic = Basic {
        username: object.needed("username", Value::text)?,
        password: object.needed("password", Value::text)?,
    };
    object.end().map(|()| Auth::Basic(basic))
}

fn client_credentials(value: Value<'_>) -> Result<Auth, Mistake> {
    let mut object = value.object()?;
    let credentials = ClientCredentials {
        token_url: object.needed("token_url", Value::text)?,
        client_id: object.needed("client_id", Value::text)?,
        client_secret: object.needed("client_secret", Value::text)?,
        scope: object.or("scope", String::new(), Value::text)?,
    };
    object.end().map(|()| Auth::ClientCredentials(credentials))
}

fn pagination(value: Value<'_>) -> Result<Pagination, Mistake> {
    value.case([
        ("none", Case::Alone(Pagination::None)),
        (
            "next_url",
            Case::Of(|pointer| pointer.text().map(Pagination::NextUrl)),
        ),
        ("cursor", Case::Of(cursor_pagination)),
        ("link_header", Case::Alone(Pagination::LinkHeader)),
    ])
}

fn cursor_pagination(value: Value<'_>) -> Result<Pagination, Mistake> {
    let mut object = value.object()?;
    let cursor = CursorPagination {
        pointer: object.needed("pointer", Value::text)?,
        parameter: object.needed("parameter", Value::text)?,
    };
    object.end().map(|()| Pagination::Cursor(cursor))
}

fn retry(value: Value<'_>) -> Result<Retry, Mistake> {
    let usual = defaults::RETRY;
    let mut object = value.object()?;
    let retry = Retry {
        max_attempts: object.or("max_attempts", usual.max_attempts, Value::u32)?,
        base_delay_ms: object.or("base_delay_ms", usual.base_delay_ms, Value::u32)?,
        max_delay_ms: object.or("max_delay_ms", usual.max_delay_ms, Value::u32)?,
        max_retry_after_ms: object.or(
            "max_retry_after_ms",
            usual.max_retry_after_ms,
            Value::u64,
        )?,
    };
    object.end().map(|()| retry)
}

fn cell(value: Value<'_>) -> Result<Cell, Mistake> {
    let mut object = value.object()?;
    let cell = Cell {
        row: object.needed("row", Value::u32)?,
        // Not 0 where it's left out: that would read as "all of the row's".
        combination: object.needed("combination", Value::u32)?,
    };
    object.end().map(|()| cell)
}

fn table(value: Value<'_>) -> Result<Table, Mistake> {
    let mut object = value.object()?;
    let table = Table {
        name: object.needed("name", Value::text)?,
        keys: object.optional("keys", key_schema)?,
        retry: object.or("retry", defaults::RETRY, retry)?,
        concurrency: object.or("concurrency", defaults::TABLE_CONCURRENCY, Value::u32)?,
    };
    object.end().map(|()| table)
}

fn key_schema(value: Value<'_>) -> Result<KeySchema, Mistake> {
    let mut object = value.object()?;
    let keys = KeySchema {
        partition: object.needed("partition", key_attribute)?,
        sort: object.optional("sort", key_attribute)?,
    };
    object.end().map(|()| keys)
}

fn key_attribute(value: Value<'_>) -> Result<KeyAttribute, Mistake> {
    let mut object = value.object()?;
    let kinds = || {
        [
            ("text", Case::Alone(KeyKind::Text)),
            ("number", Case::Alone(KeyKind::Number)),
            ("bytes", Case::Alone(KeyKind::Bytes)),
        ]
    };
    let attribute = KeyAttribute {
        name: object.needed("name", Value::text)?,
        kind: object.needed("kind", |kind| kind.case(kinds()))?,
    };
    object.end().map(|()| attribute)
}

fn question(value: Value<'_>) -> Result<Question, Mistake> {
    let mut object = value.object()?;
    let question = Question {
        table: object.needed("table", Value::text)?,
        index: object.optional("index", Value::text)?,
        filter: object.or("filter", String::new(), Value::text)?,
        select: object.or("select", Vec::new(), texts)?,
        limit: object.optional("limit", Value::u32)?,
        segments: object.or("segments", defaults::SEGMENTS, Value::u32)?,
        consistent: object.or("consistent", false, Value::boolean)?,
        retry: object.or("retry", defaults::RETRY, retry)?,
    };
    object.end().map(|()| question)
}
