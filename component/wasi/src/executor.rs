//! Futures → blocking waits on WASI pollables. One call of a component is
//! one `block_on`; everything in it shares this thread.
//!
//! `wstd` does the same and more in three times the code size; this is all a
//! client needs. With WASI 0.3, where calls are async themselves, it goes.

use crate::bindings::wasi::io::poll::{self, Pollable};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

thread_local! {
    /// Who waits for which pollable. An entry lives as long as its
    /// [`Readiness`], for a pollable must be gone before its stream is.
    static WAITING: RefCell<BTreeMap<u64, (Rc<Pollable>, Waker)>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Completes once its pollable is ready.
///
/// It always waits once, together with all others: some hosts call a stream
/// ready that has nothing to read, and whoever believed that at once would never
/// let a timer have its turn.
pub struct Readiness {
    pollable: Rc<Pollable>,
    id: u64,
    waited: bool,
}

impl Readiness {
    /// Completes once that pollable is ready.
    #[must_use]
    pub fn of(pollable: Pollable) -> Self {
        let id = NEXT.with(|next| next.replace(next.get().wrapping_add(1)));
        Self {
            pollable: Rc::new(pollable),
            id,
            waited: false,
        }
    }
}

impl Future for Readiness {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.waited && self.pollable.ready() {
            return Poll::Ready(());
        }
        self.waited = true;
        let entry = (Rc::clone(&self.pollable), context.waker().clone());
        WAITING.with_borrow_mut(|waiting| waiting.insert(self.id, entry));
        Poll::Pending
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        WAITING.with_borrow_mut(|waiting| waiting.remove(&self.id));
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a future to its end.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            wait();
            woken.0.store(false, Ordering::Relaxed);
        }
    }
}

/// Blocks until a pollable is ready, and wakes who waits for it.
fn wait() {
    let waiting: Vec<(u64, Rc<Pollable>)> = WAITING.with_borrow(|waiting| {
        waiting
            .iter()
            .map(|(id, (pollable, _))| (*id, Rc::clone(pollable)))
            .collect()
    });
    let pollables: Vec<&Pollable> = waiting.iter().map(|(_, pollable)| &**pollable).collect();
    // An empty list traps, as it should: a future that waits for nothing would
    // never end.
    let ready = poll::poll(&pollables);
    for index in ready {
        let id = usize::try_from(index)
            .ok()
            .and_then(|index| waiting.get(index))
            .map(|entry| entry.0);
        let entry = id.and_then(|id| WAITING.with_borrow_mut(|waiting| waiting.remove(&id)));
        if let Some((_, waker)) = entry {
            waker.wake();
        }
    }
}
