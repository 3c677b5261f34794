//! A behaviour's name → the misbehaviour.

use crate::beyond;
use crate::bindings::exports::rowcast::pipeline::{describe, extract, load, query, transfer};
use crate::bindings::rowcast::pipeline::dynamodb::{self, Request};
use crate::bindings::rowcast::pipeline::types::{
    Counter, Failure, PendingRequest, Problem, Request as Numbers,
};
use crate::bindings::wasi::clocks::monotonic_clock;
use crate::bindings::wasi::http::types::{Fields, Method, OutgoingRequest};
use crate::bindings::wasi::io::poll;
use crate::bindings::wasi::random::random;
use crate::web::{self, Upload};
use std::hint::black_box;
use std::mem::{ManuallyDrop, forget};

struct Hostile;

crate::bindings::export!(Hostile with_types_in crate::bindings);

const MIB: usize = 1024 * 1024;

impl extract::Guest for Hostile {
    fn extract(
        source: String,
        rows: Vec<String>,
        _: Option<Vec<PendingRequest>>,
        _: Option<u64>,
    ) -> Result<extract::Extraction, Failure> {
        let behaviour = behaviour(&source, "url");
        let (name, argument) = behaviour.split_once(' ').unwrap_or((&behaviour, ""));
        if let Some(extraction) = lie(name, &rows) {
            return Ok(extraction);
        }
        Err(Failure::PermanentInvalid(Problem {
            reason: act(name, argument),
            counters: Vec::new(),
        }))
    }
}

/// What stands behind `hostile:` in that member of the settings.
fn behaviour(settings: &str, member: &str) -> String {
    let settings: serde_json::Value = serde_json::from_str(settings).unwrap_or_default();
    let value = settings[member].as_str().unwrap_or_default();
    value
        .strip_prefix("hostile:")
        .unwrap_or_default()
        .to_owned()
}

impl describe::Guest for Hostile {
    fn describe() -> describe::Description {
        describe::Description {
            name: "hostile".to_owned(),
            version: "0.0.0".to_owned(),
            summary: String::new(),
            schemas: Vec::new(),
            presets: Vec::new(),
            environment: Vec::new(),
        }
    }

    fn validate(_: describe::Kind, _: String) -> Vec<describe::Mistake> {
        Vec::new()
    }

    fn origins(source: String) -> Result<Vec<String>, Vec<describe::Mistake>> {
        Ok(vec![behaviour(&source, "claims")])
    }
}

impl transfer::Guest for Hostile {
    fn transfer(
        _: String,
        _: String,
        _: Vec<String>,
        _: Option<transfer::Remaining>,
        _: Option<u64>,
    ) -> Result<transfer::TransferReport, Failure> {
        Err(Failure::ExecutionFailed)
    }
}

fn act(name: &str, argument: &str) -> String {
    match name {
        // Time
        "loop" => loop {
            black_box(0);
        },
        "sleep" => {
            monotonic_clock::subscribe_duration(u64::MAX).block();
            "woke up".into()
        }
        // Memory
        "memory" => hoard(),
        "recursion" => descend(1).to_string(),
        "recursion-wide" => descend_wide(1).to_string(),
        "panic" => panic!("as asked"),
        "random" => random::get_random_bytes(1 << 32).len().to_string(),
        // The boundary
        "send-long" => send(vec![request("Scan", "x".repeat(48 * MIB))]),
        "send-aliased" => send_aliased(),
        "send-many" => {
            let scan = || request("Scan", format!(r#"{{"TableName":"{argument}"}}"#));
            send((0..60).map(|_| scan()).collect())
        }
        // Resources
        "fields" => loop {
            let fields = Fields::new();
            let _ = fields.append("x-hoard", &vec![b'x'; 16 * 1024]);
            forget(fields);
        },
        "headers" => {
            let fields = Fields::new();
            loop {
                if let Err(error) = fields.append("x-hoard", &vec![b'x'; 1024]) {
                    break format!("{error:?}");
                }
            }
        }
        "outgoing" => loop {
            let outgoing = OutgoingRequest::new(Fields::new());
            forget(outgoing.body());
            forget(outgoing);
        },
        "pollables" => loop {
            forget(monotonic_clock::subscribe_duration(u64::MAX));
        },
        "poll-many" => {
            let one = monotonic_clock::subscribe_duration(0);
            let ready = poll::poll(&vec![&one; 4 * MIB]);
            format!("{} of one pollable are ready", ready.len())
        }
        // DynamoDB
        "delete-table" => send(vec![request(
            "DeleteTable",
            r#"{"TableName":"tracks"}"#.into(),
        )]),
        "scan" => send(vec![request(
            "Scan",
            format!(r#"{{"TableName":"{argument}"}}"#),
        )]),
        "scan-twice" => send(vec![request(
            "Scan",
            r#"{"TableName":"tracks","TableName":"secrets"}"#.into(),
        )]),
        "batch-delete" => send(vec![request(
            "BatchWriteItem",
            r#"{"RequestItems":{"tracks":[{"DeleteRequest":{"Key":{}}}]}}"#.into(),
        )]),
        "escape" => send(vec![request(
            &format!("\u{1b}[2J{}", "A".repeat(MIB)),
            "{}".into(),
        )]),
        // Beyond the world
        "reach" => beyond::reach(argument),
        // HTTP
        "get" => web::exchange(&Method::Get, argument, &[], Upload::None),
        "text" => web::text(argument),
        "requests" => flood(argument),
        "flight" => web::in_flight(argument),
        "header" => smuggle(argument),
        "length" => web::exchange(
            &Method::Get,
            argument,
            &[("content-length", "64")],
            Upload::None,
        ),
        "trace" => web::exchange(&Method::Trace, argument, &[], Upload::None),
        "connect" => web::exchange(&Method::Connect, argument, &[], Upload::None),
        "method" => web::exchange(&Method::Delete, argument, &[], Upload::None),
        "authorization" => {
            let own = [
                ("authorization", "Basic bWluZQ=="),
                ("Authorization", "Bearer mine"),
            ];
            web::exchange(&Method::Get, argument, &own, Upload::None)
        }
        "upload" => web::exchange(&Method::Post, argument, &[], Upload::Endless),
        "upload-get" => web::exchange(&Method::Get, argument, &[], Upload::Endless),
        other => format!("unknown behaviour {other}"),
    }
}

/// Results that don't account for what the guest was given.
fn lie(name: &str, rows: &[String]) -> Option<extract::Extraction> {
    let pending = |row| PendingRequest {
        request: Numbers {
            row,
            combination: 0,
        },
        resume: None,
    };
    let done = |row, documents| extract::DoneRequest {
        request: pending(row).request,
        documents,
    };
    let mut extraction = extract::Extraction {
        documents: Vec::new(),
        done: Vec::new(),
        rejected: Vec::new(),
        rejected_records: Vec::new(),
        pending: Vec::new(),
        stopped: None,
        counters: Vec::new(),
    };
    match name {
        "lie-nothing" => {}
        "lie-elsewhere" => extraction.pending = rows.iter().map(|_| pending(4_000_000)).collect(),
        "lie-twice" => {
            extraction.done.push(done(0, 0));
            extraction.pending.push(pending(0));
        }
        "lie-more" => extraction.done.push(done(0, 7)),
        "lie-pending" => extraction.pending = vec![pending(0); MIB],
        "return-long" => extraction.documents.push("x".repeat(48 * MIB)),
        "return-many" => extraction.documents = vec![String::new(); 2 * MIB],
        _ => return None,
    }
    Some(extraction)
}

fn hoard() -> String {
    let mut pages = 0_usize;
    loop {
        let before = core::arch::wasm32::memory_grow(0, 16);
        if before == usize::MAX {
            return format!("refused after {pages} pages");
        }
        pages += 16;
        // Touched, so that it's really there.
        let start = before * 64 * 1024;
        for address in (start..start + MIB).step_by(4096) {
            // SAFETY: these pages were just added, and nobody else has them.
            unsafe { core::ptr::write_volatile(address as *mut u8, 1) };
        }
    }
}

/// Fills the host's stack, for next to nothing of it is in the guest's memory.
fn descend(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX {
        return depth;
    }
    descend(depth + 1) ^ depth
}

/// Fills the stack that Rust keeps in the guest's memory.
fn descend_wide(depth: u64) -> u64 {
    let frame = black_box([depth; 1024]);
    if frame[7] == u64::MAX {
        return depth;
    }
    descend_wide(frame[0] + 1) ^ black_box(frame)[63]
}

fn request(operation: &str, body: String) -> Request {
    Request {
        operation: operation.to_owned(),
        body,
    }
}

fn send(requests: Vec<Request>) -> String {
    let answers = dynamodb::send(&requests);
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    match answers.into_iter().find_map(Result::err) {
        Some(error) => format!("{answered} answered, {error:?}"),
        None => format!("{answered} answered"),
    }
}

/// A thousand strings that are one in the guest's memory, and would be a
/// thousand in the host's.
fn send_aliased() -> String {
    let text = ManuallyDrop::new("x".repeat(MIB));
    let alias = || {
        // SAFETY: never freed, and only read.
        unsafe { String::from_raw_parts(text.as_ptr().cast_mut(), text.len(), text.len()) }
    };
    let requests: Vec<_> = (0..1000).map(|_| request("Scan", alias())).collect();
    let requests = ManuallyDrop::new(requests);
    format!("{} answers", dynamodb::send(&requests).len())
}

fn flood(url: &str) -> String {
    for number in 1_u32.. {
        let said = web::exchange(&Method::Get, url, &[], Upload::None);
        if !said.starts_with("200") {
            return format!("request {number}: {said}");
        }
    }
    String::new()
}

/// What the host says to each header that could change where a request ends.
fn smuggle(url: &str) -> String {
    let attempts: [&[(&str, &str)]; 10] = [
        &[("x-a", "1\r\nx-b: 2")],
        &[("x-a", "1\nGET / HTTP/1.1")],
        &[("x-a\r\nx-b", "1")],
        &[("host", "169.254.169.254")],
        &[("transfer-encoding", "chunked")],
        &[("connection", "x-a")],
        &[("upgrade", "h2c")],
        &[("proxy-authorization", "Basic eA==")],
        &[("content-length", "1"), ("content-length", "2")],
        &[("content-length", "+1")],
    ];
    let said: Vec<String> = attempts
        .iter()
        .map(|headers| web::exchange(&Method::Post, url, headers, Upload::Bytes(b"x")))
        .collect();
    said.join(", ")
}

impl load::Guest for Hostile {
    fn load(
        table: String,
        documents: Vec<String>,
        _: Option<u64>,
    ) -> Result<load::Report, Failure> {
        let behaviour = behaviour(&table, "name");
        let mut report = load::Report {
            written: 0,
            superseded: Vec::new(),
            rejected: Vec::new(),
            pending: Vec::new(),
            unchanged: 0,
            stopped: None,
            counters: Vec::new(),
        };
        match behaviour.as_str() {
            "lie-more" => report.written = u32::MAX,
            "lie-elsewhere" => report.pending = documents.iter().map(|_| 4_000_000).collect(),
            // All of them, each by itself.
            "lie-superseded" => {
                let indices = (0..).zip(&documents).map(|(index, _)| index);
                report.superseded = indices
                    .map(|index| load::SupersededDocument {
                        index,
                        by: Some(index),
                    })
                    .collect();
            }
            "lie-capacity" => {
                report.written = u32::try_from(documents.len()).unwrap_or(u32::MAX);
                report.counters.push(Counter {
                    name: "dynamodb.write-capacity".to_owned(),
                    value: f64::NAN,
                });
            }
            _ => {}
        }
        Ok(report)
    }
}

impl query::Guest for Hostile {
    fn query(_: String, _: Option<String>, _: Option<u64>) -> Result<query::Page, Failure> {
        Err(Failure::ExecutionFailed)
    }

    fn explain(_: String, _: Option<u64>) -> Result<query::Explanation, Failure> {
        Err(Failure::ExecutionFailed)
    }
}
