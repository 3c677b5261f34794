//! The Rowcast host as a library: the same file as elsewhere, which signs for
//! itself and is told where and how by its environment.

use super::host::{Call, Given};
use rowcast::engine::{
    Access, CallError, Capabilities, Counter, Description, Explanation, Extraction, Failure, Kind,
    Page, PendingDocument, PendingRequest, Pipeline, Problem, RateLimit, RejectedRecord,
    RejectedRequest, RejectionKind, Remaining, Report, Request, Runtime, Stop, StopReason,
    TransferReport,
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
        if call.signature.interface.contains("/describe@") {
            return Ok(call.given(&Ok(self.describe(&call).await)));
        }
        // A pipeline remembers pauses, and a case's are its own.
        let pipeline = self.pipeline().with_environment(call.environment.clone());
        let arguments = call.signature.arguments(call.input);
        let given = match call.signature.function.as_str() {
            "extract" => extract(&pipeline, &arguments).await,
            "load" => load(&pipeline, &arguments).await,
            "transfer" => transfer(&pipeline, &arguments).await,
            "query" => query(&pipeline, &arguments).await,
            _ => explain(&pipeline, &arguments).await,
        };
        match given {
            Ok(value) => Ok(call.given(&Ok(value))),
            Err(CallError::Failure(failure)) => Ok(call.given(&Err(failure_json(&failure)))),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    async fn describe(&self, call: &Call<'_>) -> Value {
        let arguments = call.signature.arguments(call.input);
        let component = self.runtime.load(&self.component).unwrap();
        let mut describer = component.describer().await.unwrap();
        if call.signature.function == "describe" {
            return description_json(&describer.describe().await.unwrap());
        }
        let kind = match arguments[0].as_str() {
            Some("source") => Kind::Source,
            Some("table") => Kind::Table,
            _ => Kind::Query,
        };
        let found = describer.validate(kind, &text(&arguments[1])).await;
        let mistakes = found.unwrap().into_iter().map(|mistake| {
            let rowcast::engine::Mistake {
                pointer,
                message,
                hint,
            } = mistake;
            json!({"pointer": pointer, "message": message, "hint": hint})
        });
        mistakes.collect()
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
    let only = given[2].as_array().map(|only| list(only, pending_request));
    let extraction = pipeline
        .extract(
            &text(&given[0]),
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
        .load(&text(&given[0]), &texts(&given[1]), budget(&given[2]))
        .await
        .result?;
    Ok(report_json(&report))
}

async fn transfer(pipeline: &Pipeline, given: &[Value]) -> Result<Value, CallError> {
    let left = (!given[3].is_null()).then(|| remaining(&given[3]));
    let report = pipeline
        .transfer(
            &text(&given[0]),
            &text(&given[1]),
            &texts(&given[2]),
            left.as_ref(),
            budget(&given[4]),
        )
        .await
        .result?;
    Ok(transfer_json(&report))
}

async fn query(pipeline: &Pipeline, given: &[Value]) -> Result<Value, CallError> {
    let page = pipeline
        .query(&text(&given[0]), given[1].as_str(), budget(&given[2]))
        .await
        .result?;
    Ok(page_json(&page))
}

async fn explain(pipeline: &Pipeline, given: &[Value]) -> Result<Value, CallError> {
    let explanation = pipeline
        .explain(&text(&given[0]), budget(&given[1]))
        .await
        .result?;
    Ok(explanation_json(&explanation))
}

fn description_json(it: &Description) -> Value {
    let schemas = it.schemas.iter().map(|schema| {
        let kind = format!("{:?}", schema.kind).to_lowercase();
        json!({"kind": kind.trim_start_matches("kind::"), "json": schema.json})
    });
    let presets = it.presets.iter().map(|preset| {
        json!({
            "name": preset.name, "summary": preset.summary, "source": preset.source,
            "table": preset.table,
        })
    });
    let environment = it.environment.iter();
    let environment = environment.map(|it| json!({"name": it.name, "summary": it.summary}));
    json!({
        "name": it.name, "version": it.version, "summary": it.summary,
        "schemas": schemas.collect::<Vec<_>>(), "presets": presets.collect::<Vec<_>>(),
        "environment": environment.collect::<Vec<_>>(),
    })
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

fn request(value: &Value) -> Request {
    Request {
        row: number(&value["row"]),
        combination: number(&value["combination"]),
    }
}

fn pending_request(value: &Value) -> PendingRequest {
    PendingRequest {
        request: request(&value["request"]),
        resume: value["resume"].as_str().map(str::to_owned),
    }
}

fn remaining(value: &Value) -> Remaining {
    let document = |value: &Value| PendingDocument {
        request: request(&value["request"]),
        document: text(&value["document"]),
    };
    let of = |name: &str| value[name].as_array().unwrap().as_slice();
    Remaining {
        requests: list(of("requests"), pending_request),
        documents: of("documents").iter().map(document).collect(),
    }
}

fn request_json(request: Request) -> Value {
    json!({"row": request.row, "combination": request.combination})
}

fn pending_json(pending: &PendingRequest) -> Value {
    json!({"request": request_json(pending.request), "resume": pending.resume})
}

fn counters_json(counters: &[Counter]) -> Value {
    let counters = counters.iter();
    counters
        .map(|counter| json!({"name": counter.name, "value": counter.value}))
        .collect()
}

fn kind_json(kind: RejectionKind) -> &'static str {
    match kind {
        RejectionKind::Template => "template",
        RejectionKind::Status => "status",
        RejectionKind::Body => "body",
        RejectionKind::Required => "required",
        RejectionKind::Clash => "clash",
        RejectionKind::Policy => "policy",
        RejectionKind::Exhausted => "exhausted",
        RejectionKind::TooLarge => "too-large",
        RejectionKind::Item => "item",
    }
}

fn limit_json(limit: &RateLimit) -> Value {
    json!({
        "retry-after-ms": limit.retry_after_ms, "upstream": limit.upstream,
        "reason": limit.reason, "counters": counters_json(&limit.counters),
    })
}

fn stop_json(stop: &Stop) -> Value {
    let reason = |stop: &StopReason| json!({"upstream": stop.upstream, "reason": stop.reason});
    match stop {
        Stop::Budget => json!("budget"),
        Stop::RateLimited(limit) => json!({"rate-limited": limit_json(limit)}),
        Stop::Denied(stop) => json!({"denied": reason(stop)}),
        Stop::Unavailable(stop) => json!({"unavailable": reason(stop)}),
        Stop::Invalid(stop) => json!({"invalid": reason(stop)}),
    }
}

fn failure_json(failure: &Failure) -> Value {
    let problem = |problem: &Problem| json!({"reason": problem.reason, "counters": counters_json(&problem.counters)});
    match failure {
        Failure::ExecutionFailed => json!("execution-failed"),
        Failure::Unavailable(it) => json!({"unavailable": problem(it)}),
        Failure::RateLimited(limit) => json!({"rate-limited": limit_json(limit)}),
        Failure::PermanentInvalid(it) => json!({"permanent-invalid": problem(it)}),
        Failure::PermanentDenied(it) => json!({"permanent-denied": problem(it)}),
    }
}

fn rejected_json(rejected: &RejectedRequest) -> Value {
    json!({
        "request": request_json(rejected.request), "kind": kind_json(rejected.kind),
        "status": rejected.status, "reason": rejected.reason,
    })
}

fn record_json(record: &RejectedRecord) -> Value {
    json!({
        "request": request_json(record.request), "index": record.index,
        "kind": kind_json(record.kind), "path": record.path, "reason": record.reason,
    })
}

fn transfer_json(it: &TransferReport) -> Value {
    let documents = it.rejected_documents.iter().map(|rejected| {
        json!({
            "request": request_json(rejected.request), "kind": kind_json(rejected.kind),
            "path": rejected.path, "reason": rejected.reason, "document": rejected.document,
        })
    });
    let remaining = it.remaining.as_ref().map(|remaining| {
        let documents = remaining.documents.iter().map(|pending| {
            json!({"request": request_json(pending.request), "document": pending.document})
        });
        json!({
            "requests": remaining.requests.iter().map(pending_json).collect::<Vec<_>>(),
            "documents": documents.collect::<Vec<_>>(),
        })
    });
    json!({
        "done": it.done,
        "documents": it.documents,
        "written": it.written,
        "unchanged": it.unchanged,
        "superseded": it.superseded,
        "rejected": it.rejected.iter().map(rejected_json).collect::<Vec<_>>(),
        "rejected-records": it.rejected_records.iter().map(record_json).collect::<Vec<_>>(),
        "rejected-documents": documents.collect::<Vec<_>>(),
        "remaining": remaining,
        "stopped": it.stopped.as_ref().map(stop_json),
        "counters": counters_json(&it.counters),
    })
}

fn extraction_json(it: &Extraction) -> Value {
    let done = it
        .done
        .iter()
        .map(|done| json!({"request": request_json(done.request), "documents": done.documents}));
    json!({
        "documents": it.documents,
        "done": done.collect::<Vec<_>>(),
        "rejected": it.rejected.iter().map(rejected_json).collect::<Vec<_>>(),
        "rejected-records": it.rejected_records.iter().map(record_json).collect::<Vec<_>>(),
        "pending": it.pending.iter().map(pending_json).collect::<Vec<_>>(),
        "stopped": it.stopped.as_ref().map(stop_json),
        "counters": counters_json(&it.counters),
    })
}

fn report_json(it: &Report) -> Value {
    let superseded = it
        .superseded
        .iter()
        .map(|document| json!({"index": document.index, "by": document.by}));
    let rejected = it.rejected.iter().map(|document| {
        json!({
            "index": document.index, "kind": kind_json(document.kind), "path": document.path,
            "reason": document.reason,
        })
    });
    json!({
        "written": it.written,
        "unchanged": it.unchanged,
        "superseded": superseded.collect::<Vec<_>>(),
        "rejected": rejected.collect::<Vec<_>>(),
        "pending": it.pending,
        "stopped": it.stopped.as_ref().map(stop_json),
        "counters": counters_json(&it.counters),
    })
}

fn page_json(it: &Page) -> Value {
    let access = match it.access {
        Access::Query => "query",
        Access::Scan => "scan",
    };
    json!({
        "documents": it.documents, "cursor": it.cursor, "access": access,
        "scanned": it.scanned, "counters": counters_json(&it.counters),
    })
}

fn explanation_json(it: &Explanation) -> Value {
    let diagnoses = it.diagnoses.iter().map(|diagnosis| {
        json!({
            "path": diagnosis.path, "expected": diagnosis.expected,
            "missing": diagnosis.missing, "other-type": diagnosis.other_type,
        })
    });
    json!({
        "diagnoses": diagnoses.collect::<Vec<_>>(), "scanned": it.scanned,
        "complete": it.complete, "counters": counters_json(&it.counters),
    })
}
