//! What a request's members are where it leaves them out. The host's
//! configuration and command have the same; `tests/service.rs` compares them.

use rowcast_pipeline::bindings::rowcast::pipeline::types::Retry;

/// Pages per request of the source.
pub const MAX_PAGES: u32 = 100;

/// Requests of the source in flight at once within one call.
pub const SOURCE_CONCURRENCY: u32 = 8;

/// Time for one attempt, in milliseconds.
pub const REQUEST_TIMEOUT_MS: u32 = 20_000;

/// Bytes of one body of the source: 8 MiB.
pub const MAX_BODY_BYTES: u64 = 8 * 1024 * 1024;

/// Batches sent at once by one call.
pub const TABLE_CONCURRENCY: u32 = 8;

/// Segments that a scan is cut into.
pub const SEGMENTS: u32 = 4;

/// How failed requests are repeated.
pub const RETRY: Retry = Retry {
    max_attempts: 5,
    base_delay_ms: 200,
    max_delay_ms: 20_000,
    max_retry_after_ms: 60_000,
};
