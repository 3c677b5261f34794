//! A chunk of rows on its way, and what a call's end means for it.

use super::Stages;
use super::admission::Admission;
use super::event::{Event, Observe, Rejection, Stopped, Upstream};
use super::upstreams::Upstreams;
use crate::document::one_line;
use crate::engine::{CallError, CallResult, Failure, Pipeline, Request, Source, Stop, counted};
use crate::http_out::violation::Violation;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One chunk of rows on its way.
pub struct Chunk<'a> {
    pub pipeline: &'a Pipeline,
    pub stages: &'a Stages,
    pub admission: &'a Arc<Admission>,
    pub upstreams: &'a Upstreams,
    /// Its number in the run.
    pub number: u64,
    /// The first row's number in the run.
    pub first_row: u64,
    /// As they were read: what a row is known by.
    pub lines: &'a [String],
    /// As they are asked for.
    pub rows: &'a [String],
    /// Combinations that a row is restricted to, by its index.
    pub only: &'a HashMap<u32, u32>,
    pub observe: &'a dyn Observe,
}

impl Chunk<'_> {
    /// Documents of a run without a table.
    pub(super) async fn emit(&self, documents: Vec<String>) -> Option<Stopped> {
        let told = self.observe.event(Event::Documents(documents));
        told.await.err().map(Stopped::Output)
    }

    /// A call's result, unless the run is to end before it comes.
    pub(super) async fn in_time<T>(
        &self,
        call: impl Future<Output = CallResult<T>>,
    ) -> Result<CallResult<T>, Stopped> {
        tokio::select! {
            called = call => Ok(called),
            () = self.upstreams.cut_off() => Err(Stopped::Requested),
        }
    }

    /// Hands rejections to whoever keeps them.
    pub(super) async fn tell(&self, rejections: Vec<Rejection>) -> Option<Stopped> {
        for rejection in rejections {
            let event = Event::Rejected(Box::new(rejection));
            if let Err(error) = self.observe.event(event).await {
                return Some(Stopped::Output(error));
            }
        }
        None
    }

    /// Its row's, counted from 1.
    pub(super) fn row_number(&self, request: Request) -> u64 {
        self.first_row + u64::from(request.row) + 1
    }

    pub(super) fn row(&self, request: Request) -> Box<RawValue> {
        raw(self.row_text(request))
    }

    pub(super) fn row_text(&self, request: Request) -> &str {
        usize::try_from(request.row)
            .ok()
            .and_then(|row| self.rows.get(row))
            .map_or("null", String::as_str)
    }
}

/// A JSON text on one line; what isn't JSON, as a JSON string.
pub(super) fn raw(text: &str) -> Box<RawValue> {
    let raw = RawValue::from_string(text.to_owned());
    let raw = raw.and_then(|raw| match one_line(raw.get()) {
        Cow::Borrowed(_) => Ok(raw),
        Cow::Owned(line) => RawValue::from_string(line),
    });
    raw.or_else(|_| serde_json::value::to_raw_value(text))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

pub fn combinations(source: &Source) -> u32 {
    let lengths = source
        .matrix
        .iter()
        .map(|axis| u32::try_from(axis.values.len()).unwrap_or(u32::MAX));
    lengths.fold(1, u32::saturating_mul)
}

/// The matrix values of a request by axis: the last axis changes fastest.
pub(super) fn combination(source: &Source, request: Request) -> Vec<(String, String)> {
    let mut rest = usize::try_from(request.combination).unwrap_or(usize::MAX);
    let mut values = Vec::new();
    for axis in source.matrix.iter().rev() {
        let length = axis.values.len().max(1);
        let value = axis.values.get(rest % length).cloned().unwrap_or_default();
        values.push((axis.name.clone(), value));
        rest /= length;
    }
    values.reverse();
    values
}

/// The combination with these values by axis; the reverse of [`combination`].
pub fn combination_of(source: &Source, values: &[(String, String)]) -> Option<u32> {
    let mut number = 0_u32;
    if source.matrix.len() != values.len() {
        return None;
    }
    for (axis, (name, value)) in source.matrix.iter().zip(values) {
        let at = axis.values.iter().position(|known| known == value);
        let at = at.filter(|_| axis.name == *name)?;
        let length = u32::try_from(axis.values.len()).ok()?;
        number = number
            .checked_mul(length)?
            .checked_add(u32::try_from(at).ok()?)?;
    }
    Some(number)
}

/// Why the run should stop; a budget that ran out is no reason, for the next
/// call has a new one.
pub(super) fn stop_reason(
    stop: Option<&Stop>,
    violation: Option<Violation>,
    by: Upstream,
) -> Option<Stopped> {
    let stopped = match stop? {
        Stop::Budget => return None,
        Stop::RateLimited(limit) => rate_limited(by, limit.retry_after_ms, &limit.reason),
        Stop::Denied(stop) => Stopped::Denied {
            by,
            reason: stop.reason.clone(),
        },
        Stop::Invalid(stop) => Stopped::Invalid(stop.reason.clone()),
        Stop::Unavailable(stop) => Stopped::Unavailable(stop.reason.clone()),
    };
    Some(violation.map_or(stopped, Stopped::Policy))
}

/// Whose reason to stop it is.
pub(super) fn blamed(stop: &Stop) -> Upstream {
    let upstream = match stop {
        Stop::Budget => "",
        Stop::RateLimited(limit) => &limit.upstream,
        Stop::Unavailable(stop) | Stop::Denied(stop) | Stop::Invalid(stop) => &stop.upstream,
    };
    if upstream.starts_with("dynamodb:") {
        Upstream::Table
    } else {
        Upstream::Source
    }
}

/// Why a call that achieved nothing ended. `violation` is its
/// [`CallResult::violation`](crate::engine::CallResult::violation).
#[must_use]
pub fn call_stopped(error: CallError, violation: Option<Violation>, by: Upstream) -> Stopped {
    if let Some(violation) = violation {
        return Stopped::Policy(violation);
    }
    match error {
        CallError::Failure(Failure::Unavailable(problem)) => Stopped::Unavailable(problem.reason),
        CallError::Failure(Failure::RateLimited(limit)) => {
            rate_limited(by, limit.retry_after_ms, &limit.reason)
        }
        CallError::Failure(Failure::PermanentInvalid(problem)) => Stopped::Invalid(problem.reason),
        CallError::Failure(Failure::PermanentDenied(problem)) => Stopped::Denied {
            by,
            reason: problem.reason,
        },
        other => Stopped::Component(other),
    }
}

fn rate_limited(by: Upstream, retry_after_ms: u64, reason: &str) -> Stopped {
    let retry_after = Duration::from_millis(retry_after_ms);
    let now = SystemTime::now();
    Stopped::RateLimited {
        by,
        retry_after,
        resume_at: now.checked_add(retry_after).unwrap_or(now),
        reason: reason.to_owned(),
    }
}

/// Whether a call was refused before it sent anything: for its rows, as everything
/// else was checked when the run began.
pub(super) fn is_refused_unsent(error: &CallError) -> bool {
    match error {
        CallError::Headers(_) => true,
        CallError::Failure(Failure::PermanentInvalid(problem)) => {
            let sent = |name| counted(&problem.counters, name) > 0.0;
            !sent("source.requests") && !sent("dynamodb.requests")
        }
        _ => false,
    }
}

/// Whether less at once could succeed.
pub(super) fn is_too_much(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Timeout(_)
            | CallError::Memory(_)
            | CallError::Transfer(_)
            | CallError::Resources(_)
    )
}
