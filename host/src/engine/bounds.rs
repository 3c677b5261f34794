//! Calls into a component → none that takes more memory or time than it may.

use super::Failure;
use super::call_error::CallError;
use super::state::Memory;
use std::time::Duration;
use wasmtime::Store;

/// Bounds the memory of a store's instances, and has them yield at every tick,
/// so that even an endless loop leaves room for the timeout in [`in_time`].
pub(super) fn bound<T>(store: &mut Store<T>, memory: fn(&mut T) -> &mut Memory) {
    store.limiter(move |state| memory(state));
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
}

/// Also ends what waits in the host, where epochs don't reach.
pub(super) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<Result<T, Failure>, CallError>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(said)) => said.map_err(CallError::Failure),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(CallError::Timeout(limit)),
    }
}
