//! The Rowcast host as a library: the same file as elsewhere, which signs for
//! itself and is told where and how by its environment.

use super::host::{Call, Given};
use rowcast::engine::{
    Access, Answer, Auth, Axis, Basic, CallError, Capabilities, Cell, ClientCredentials,
    CursorPagination, Explanation, Extraction, Failure, Field, KeyAttribute, KeyKind, KeySchema,
    Pagination, Pipeline, Question, RejectionKind, Report, Retry, Runtime, Source, Stop, Table,
};
use rowcast::http_out::authorizer::Authorizer;
use rowcast::http_out::client::Client;
use rowcast::http_out::egress::Egress;
use rowcast::limits::Limits;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub struct Library {
    runtime: Runtime,
    /// Of compiled components; compiling is not to be timed with the calls.
    _cache: TempDir,
    component: Vec<u8>,
    origins: Vec<String>,
}

impl Library {
    /// May send requests to those origins.
    pub fn new(component: &[u8], origins: &[String]) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let folder = Some(cache.path().join("compiled"));
        let library = Self {
            runtime: Runtime::with_cache(Limits::default(), folder).unwrap(),
            _cache: cache,
            component: component.to_vec(),
            origins: origins.to_vec(),
        };
        library.pipeline();
        library
    }

    pub async fn call(&self, call: Call<'_>) -> Given {
        // A pipeline remembers silences, and a case's are its own.
        let pipeline = self.pipeline().with_environment(call.environment.clone());
        let arguments = call.signature.arguments(call.input);
        let given = match call.signature.function.as_str() {
            "extract" => extract(&pipeline, &arguments).await,
            "load" => load(&pipeline, &arguments).await,
            "query" => query(&pipeline, &arguments).await,
            _ => explain(&pipeline, &arguments).await,
        };
        match given {
            Ok(value) => Ok(call.given(&Ok(value))),
            Err(CallError::Failure(failure)) => Ok(call.given(&Err(failure_json(&failure)))),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    fn pipeline(&self) -> Pipeline {
        let limits = Limits::default();
        let origins = self.origins.iter();
        let egress = Arc::new(Egress {
            origins: origins.map(|origin| origin.parse().unwrap()).collect(),
            trusted_hosts: BTreeSet::new(),
            addresses: BTreeSet::new(),
        });
        let client = Client::new(&limits, egress.clone()).unwrap();
        let capabilities = Capabilities {
            authorizer: Authorizer::new(Vec::new(), &client, &limits).unwrap(),
            dynamodb: None,
            client,
            egress,
            tables: BTreeSet::new(),
        };
        self.runtime
            .pipeline(&self.component, capabilities)
            .unwrap()
    }
}

async fn extract(pipeline: &Pipeline, given: &[Value]) -> Result<Value, CallError> {
    let only = given[2].as_array().map(|cells| list(cells, cell));
    let extraction = pipeline
        .extract(
            &source(&given[0]),
            &texts(&given[1]),
            only.as_deref(),
            budget(&given[3]),
        )
        .await
        .result?;
    Ok(extraction_json(&extraction))
}

async fn load(pipeline: &Pipeline, given: &[Value]) -> Result<Value, CallError> {
    let report = pipeline
        .load(&table(&given[0]), &texts(&given[1]), budget(&given[2]))
        .await
        .result?;
    Ok(report_json(&report))
}

async fn query(pipeline: &Pipeline, given: &[Value]) -> Result<Value, CallError> {
    let answer = pipeline
        .query(&question(&given[0]), given[1].as_str(), budget(&given[2]))
        .await
        .result?;
    Ok(answer_json(&answer))
}

async fn explain(pipeline: &Pipeline, given: &[Value]) -> Result<Value, CallError> {
    let explanation = pipeline
        .explain(&question(&given[0]), budget(&given[1]))
        .await
        .result?;
    Ok(explanation_json(&explanation))
}

fn budget(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_millis)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    list(value.as_array().unwrap(), text)
}

fn list<T>(values: &[Value], read: fn(&Value) -> T) -> Vec<T> {
    values.iter().map(read).collect()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn field(value: &Value) -> Field {
    Field {
        name: text(&value["name"]),
        value: text(&value["value"]),
    }
}

fn cell(value: &Value) -> Cell {
    Cell {
        row: number(&value["row"]),
        combination: number(&value["combination"]),
    }
}

fn retry(value: &Value) -> Retry {
    Retry {
        max_attempts: number(&value["max-attempts"]),
        base_delay_ms: number(&value["base-delay-ms"]),
        max_delay_ms: number(&value["max-delay-ms"]),
        max_retry_after_ms: value["max-retry-after-ms"].as_u64().unwrap(),
    }
}

fn auth(value: &Value) -> Auth {
    if let Some(token) = value.get("bearer") {
        Auth::Bearer(text(token))
    } else if let Some(basic) = value.get("basic") {
        Auth::Basic(Basic {
            username: text(&basic["username"]),
            password: text(&basic["password"]),
        })
    } else if let Some(client) = value.get("client-credentials") {
        Auth::ClientCredentials(ClientCredentials {
            token_url: text(&client["token-url"]),
            client_id: text(&client["client-id"]),
            client_secret: text(&client["client-secret"]),
            scope: text(&client["scope"]),
        })
    } else {
        assert_eq!(value, "none");
        Auth::None
    }
}

fn pagination(value: &Value) -> Pagination {
    if let Some(pointer) = value.get("next-url") {
        Pagination::NextUrl(text(pointer))
    } else if let Some(cursor) = value.get("cursor") {
        Pagination::Cursor(CursorPagination {
            pointer: text(&cursor["pointer"]),
            parameter: text(&cursor["parameter"]),
        })
    } else if value == "link-header" {
        Pagination::LinkHeader
    } else {
        assert_eq!(value, "none");
        Pagination::None
    }
}

fn source(value: &Value) -> Source {
    let axis = |value: &Value| Axis {
        name: text(&value["name"]),
        values: texts(&value["values"]),
    };
    let of = |name: &str| value[name].as_array().unwrap().as_slice();
    Source {
        url: text(&value["url"]),
        headers: list(of("headers"), field),
        matrix: of("matrix").iter().map(axis).collect(),
        records: text(&value["records"]),
        attributes: list(of("attributes"), field),
        require: texts(&value["require"]),
        auth: auth(&value["auth"]),
        pagination: pagination(&value["pagination"]),
        max_pages: number(&value["max-pages"]),
        concurrency: number(&value["concurrency"]),
        retry: retry(&value["retry"]),
        request_timeout_ms: number(&value["request-timeout-ms"]),
        max_body_bytes: value["max-body-bytes"].as_u64().unwrap(),
    }
}

fn table(value: &Value) -> Table {
    let key = |value: &Value| KeyAttribute {
        name: text(&value["name"]),
        kind: match value["kind"].as_str().unwrap() {
            "text" => KeyKind::Text,
            "number" => KeyKind::Number,
            _ => KeyKind::Bytes,
        },
    };
    let schema = |value: &Value| KeySchema {
        partition: key(&value["partition"]),
        sort: (!value["sort"].is_null()).then(|| key(&value["sort"])),
    };
    Table {
        name: text(&value["name"]),
        keys: (!value["keys"].is_null()).then(|| schema(&value["keys"])),
        retry: retry(&value["retry"]),
        concurrency: number(&value["concurrency"]),
    }
}

fn question(value: &Value) -> Question {
    Question {
        table: text(&value["table"]),
        index: value["index"].as_str().map(str::to_owned),
        filter: text(&value["filter"]),
        select: texts(&value["select"]),
        limit: value["limit"]
            .as_u64()
            .map(|limit| limit.try_into().unwrap()),
        segments: number(&value["segments"]),
        consistent: value["consistent"].as_bool().unwrap(),
        retry: retry(&value["retry"]),
    }
}

fn cell_json(cell: Cell) -> Value {
    json!({"row": cell.row, "combination": cell.combination})
}

fn kind_json(kind: RejectionKind) -> &'static str {
    match kind {
        RejectionKind::Template => "template",
        RejectionKind::Status => "status",
        RejectionKind::Body => "body",
        RejectionKind::Required => "required",
        RejectionKind::Clash => "clash",
        RejectionKind::Policy => "policy",
    }
}

fn stop_json(stop: &Stop) -> Value {
    match stop {
        Stop::Budget => json!("budget"),
        Stop::RateLimited(limit) => json!({"rate-limited": {
            "retry-after-ms": limit.retry_after_ms, "reason": limit.reason,
        }}),
        Stop::Denied(reason) => json!({"denied": reason}),
        Stop::Unavailable(reason) => json!({"unavailable": reason}),
    }
}

fn failure_json(failure: &Failure) -> Value {
    match failure {
        Failure::ExecutionFailed => json!("execution-failed"),
        Failure::Unavailable(reason) => json!({"unavailable": reason}),
        Failure::RateLimited(limit) => json!({"rate-limited": {
            "retry-after-ms": limit.retry_after_ms, "reason": limit.reason,
        }}),
        Failure::PermanentInvalid(reason) => json!({"permanent-invalid": reason}),
        Failure::PermanentDenied(reason) => json!({"permanent-denied": reason}),
    }
}

fn extraction_json(it: &Extraction) -> Value {
    let done = it
        .done
        .iter()
        .map(|done| json!({"cell": cell_json(done.cell), "documents": done.documents}));
    let rejected = it.rejected.iter().map(|rejected| {
        json!({
            "cell": cell_json(rejected.cell), "kind": kind_json(rejected.kind),
            "status": rejected.status, "reason": rejected.reason,
        })
    });
    let records = it.rejected_records.iter().map(|record| {
        json!({
            "cell": cell_json(record.cell), "index": record.index,
            "kind": kind_json(record.kind), "path": record.path, "reason": record.reason,
        })
    });
    json!({
        "documents": it.documents,
        "done": done.collect::<Vec<_>>(),
        "rejected": rejected.collect::<Vec<_>>(),
        "rejected-records": records.collect::<Vec<_>>(),
        "pending": it.pending.iter().copied().map(cell_json).collect::<Vec<_>>(),
        "stopped": it.stopped.as_ref().map(stop_json),
        "requests": it.requests,
        "retries": it.retries,
        "token-requests": it.token_requests,
    })
}

fn report_json(it: &Report) -> Value {
    let superseded = it
        .superseded
        .iter()
        .map(|document| json!({"index": document.index, "by": document.by}));
    let rejected = it.rejected.iter().map(|document| {
        json!({"index": document.index, "path": document.path, "reason": document.reason})
    });
    json!({
        "written": it.written,
        "superseded": superseded.collect::<Vec<_>>(),
        "rejected": rejected.collect::<Vec<_>>(),
        "pending": it.pending,
        "stopped": it.stopped.as_ref().map(stop_json),
        "capacity": it.capacity,
        "requests": it.requests,
        "retries": it.retries,
    })
}

fn answer_json(it: &Answer) -> Value {
    let access = match it.access {
        Access::Query => "query",
        Access::Scan => "scan",
    };
    json!({
        "documents": it.documents, "cursor": it.cursor, "access": access,
        "scanned": it.scanned, "matched": it.matched, "capacity": it.capacity,
        "requests": it.requests,
    })
}

fn explanation_json(it: &Explanation) -> Value {
    let findings = it.findings.iter().map(|finding| {
        json!({
            "path": finding.path, "expected": finding.expected,
            "missing": finding.missing, "other-type": finding.other_type,
        })
    });
    json!({
        "findings": findings.collect::<Vec<_>>(), "scanned": it.scanned,
        "complete": it.complete, "capacity": it.capacity,
    })
}
