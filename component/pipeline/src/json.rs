//! The contract's types ↔ JSON, by serde, for those who call over HTTP: members
//! are named as in `wit/`, in snake case. Settings, rows and documents are JSON
//! already, and stay as they are written.

use crate::bindings::exports::rowcast::pipeline::describe::{
    Description, Kind, Mistake, Preset, Schema, Variable,
};
use crate::bindings::exports::rowcast::pipeline::extract::{DoneRequest, Extraction};
use crate::bindings::exports::rowcast::pipeline::load::{
    RejectedDocument, Report, SupersededDocument,
};
use crate::bindings::exports::rowcast::pipeline::query::{Access, Diagnosis, Explanation, Page};
use crate::bindings::exports::rowcast::pipeline::transfer::{
    self, PendingDocument, Remaining, TransferReport,
};
use crate::bindings::rowcast::pipeline::types::{
    Counter, PendingRequest, RateLimit, RejectedRecord, RejectedRequest, RejectionKind, Request,
    Stop, StopReason,
};
use serde::de::Deserializer;
use serde::ser::{Error, SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A type and its members, each as it is or as what wraps it. A member that is
/// left out here doesn't compile.
macro_rules! object {
    ($type:ty { $($member:ident $(as $wrap:expr)?),+ }) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let Self { $($member),+ } = self;
                let mut object = serializer.serialize_map(None)?;
                $(object.serialize_entry(stringify!($member), &($($wrap)?($member)))?;)+
                object.end()
            }
        }
    };
}

/// Cases without values.
macro_rules! names {
    ($type:ty { $($case:ident => $name:literal),+ }) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(match self { $(Self::$case => $name),+ })
            }
        }
    };
}

object!(Extraction { documents as Documents, done, rejected, rejected_records, pending, stopped, counters });
object!(Report {
    written,
    unchanged,
    superseded,
    rejected,
    pending,
    stopped,
    counters
});
object!(TransferReport {
    done,
    documents,
    written,
    unchanged,
    superseded,
    rejected,
    rejected_records,
    rejected_documents,
    remaining,
    stopped,
    counters
});
object!(Page { documents as Documents, cursor, access, scanned, counters });
object!(Explanation {
    diagnoses,
    scanned,
    complete,
    counters
});
object!(Description {
    name,
    version,
    summary,
    schemas,
    presets,
    environment
});
object!(Schema { kind, json as Document });
object!(Preset { name, summary, source as Document, table as Document });
object!(Variable { name, summary });
object!(Mistake {
    pointer,
    message,
    hint
});
object!(Request { row, combination });
object!(DoneRequest { request, documents });
object!(PendingRequest { request, resume });
object!(RejectedRequest {
    request,
    kind,
    status,
    reason
});
object!(RejectedRecord {
    request,
    index,
    kind,
    path,
    reason
});
object!(RejectedDocument {
    index,
    kind,
    path,
    reason
});
object!(SupersededDocument { index, by });
object!(transfer::RejectedDocument { request, kind, path, reason, document as Document });
object!(PendingDocument { request, document as Document });
object!(Remaining {
    requests,
    documents
});
object!(Diagnosis {
    path,
    expected,
    missing,
    other_type
});
object!(StopReason { upstream, reason });
object!(RateLimit {
    retry_after_ms,
    upstream,
    reason,
    counters
});
object!(Counter { name, value });
names!(Kind { Source => "source", Table => "table", Query => "query" });
names!(Access { Query => "query", Scan => "scan" });
names!(RejectionKind {
    Template => "template", Status => "status", Body => "body", Required => "required",
    Clash => "clash", Policy => "policy", Exhausted => "exhausted", TooLarge => "too_large",
    Item => "item"
});

impl Serialize for Stop {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (case, reason) = match self {
            Self::Budget => return serializer.serialize_str("budget"),
            Self::RateLimited(limit) => {
                let mut object = serializer.serialize_map(None)?;
                object.serialize_entry("rate_limited", limit)?;
                return object.end();
            }
            Self::Unavailable(reason) => ("unavailable", reason),
            Self::Denied(reason) => ("denied", reason),
            Self::Invalid(reason) => ("invalid", reason),
        };
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry(case, reason)?;
        object.end()
    }
}

struct Document<'a>(&'a String);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document = serde_json::from_str::<&RawValue>(self.0);
        document.map_err(S::Error::custom)?.serialize(serializer)
    }
}

struct Documents<'a>(&'a Vec<String>);

impl Serialize for Documents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (index, document) in self.0.iter().enumerate() {
            list.serialize_element(&Document(document))
                .map_err(|error| {
                    S::Error::custom(format!("read document {index} of the result: {error}"))
                })?;
        }
        list.end()
    }
}

/// A JSON value as it is written, for `deserialize_with`.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Box::<RawValue>::deserialize(deserializer)?;
    Ok(Box::<str>::from(value).into_string())
}

/// A list of JSON values, each as it is written.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let values = Vec::<Box<RawValue>>::deserialize(deserializer)?;
    let texts = values.into_iter().map(Box::<str>::from);
    Ok(texts.map(str::into_string).collect())
}

/// How a type is read: a type of the same members, which serde compares.
macro_rules! read_as {
    ($type:ident by $form:ident) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $form::deserialize(deserializer)
            }
        }
    };
}

// `combination` isn't 0 where it's left out: that would read as "all of the row's".
#[derive(Deserialize)]
#[serde(remote = "Request", deny_unknown_fields)]
struct RequestForm {
    row: u32,
    combination: u32,
}
read_as!(Request by RequestForm);

#[derive(Deserialize)]
#[serde(remote = "Kind", rename_all = "snake_case")]
enum KindForm {
    Source,
    Table,
    Query,
}
read_as!(Kind by KindForm);

#[derive(Deserialize)]
#[serde(remote = "PendingRequest", deny_unknown_fields)]
struct PendingRequestForm {
    request: Request,
    resume: Option<String>,
}
read_as!(PendingRequest by PendingRequestForm);

#[derive(Deserialize)]
#[serde(remote = "PendingDocument", deny_unknown_fields)]
struct PendingDocumentForm {
    request: Request,
    #[serde(deserialize_with = "text")]
    document: String,
}
read_as!(PendingDocument by PendingDocumentForm);

#[derive(Deserialize)]
#[serde(remote = "Remaining", deny_unknown_fields)]
struct RemainingForm {
    requests: Vec<PendingRequest>,
    documents: Vec<PendingDocument>,
}
read_as!(Remaining by RemainingForm);
