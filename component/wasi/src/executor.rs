//! Futures → blocking waits on WASI pollables. One call of a component is
//! one `block_on`; everything in it shares this thread.
//!
//! All timers share one pollable, that of the soonest: every request has a timer,
//! hardly one of them ever ends, and a host looks at each pollable each time.
//!
//! `wstd` does the same and more in three times the code size; this is all a
//! client needs. With WASI 0.3, where calls are async themselves, it goes.

use crate::bindings::wasi::clocks::monotonic_clock;
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
    /// Who waits for which time. There are few, in no order.
    static TIMERS: RefCell<Vec<Sleeper>> = const { RefCell::new(Vec::new()) };
    /// The time that the host was asked for last, not later than the soonest that
    /// somebody waits for; some other one may have been, who has gone.
    static ALARM: RefCell<Option<(u64, Rc<Pollable>)>> = const { RefCell::new(None) };
}

fn next() -> u64 {
    NEXT.with(|next| next.replace(next.get().wrapping_add(1)))
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
        Self {
            pollable: Rc::new(pollable),
            id: next(),
            waited: false,
        }
    }
}

impl Future for Readiness {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let entry = (Rc::clone(&self.pollable), context.waker().clone());
        let ready = WAITING.with_borrow_mut(|waiting| {
            // It is taken out when it is ready.
            if self.waited && !waiting.contains_key(&self.id) {
                return true;
            }
            waiting.insert(self.id, entry);
            false
        });
        self.waited = true;
        if ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        WAITING.with_borrow_mut(|waiting| waiting.remove(&self.id));
    }
}

/// A timer that was polled and whose time hasn't come.
struct Sleeper {
    /// In nanoseconds.
    at: u64,
    id: u64,
    waker: Waker,
}

/// Completes at a time. Like what waits for a pollable, it always waits once.
pub struct Timer {
    at: u64,
    id: u64,
    waited: bool,
}

impl Timer {
    /// Completes at that time, in nanoseconds, of the clock that never goes back.
    #[must_use]
    pub fn at(nanoseconds: u64) -> Self {
        Self {
            at: nanoseconds,
            id: next(),
            waited: false,
        }
    }

    /// Takes it out of those that wait; whether it was there.
    fn take(&self) -> bool {
        let taken = take_timer(|timer| timer.id == self.id);
        taken.is_some()
    }
}

fn take_timer(is_it: impl Fn(&Sleeper) -> bool) -> Option<Sleeper> {
    TIMERS.with_borrow_mut(|timers| {
        let place = timers.iter().position(is_it)?;
        Some(timers.swap_remove(place))
    })
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // It was taken out when its time had come.
        if !self.take() && self.waited {
            return Poll::Ready(());
        }
        self.waited = true;
        let (at, id) = (self.at, self.id);
        let waker = context.waker().clone();
        TIMERS.with_borrow_mut(|timers| timers.push(Sleeper { at, id, waker }));
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.take();
    }
}

/// What is ready when the soonest timer has to be looked at.
fn alarm() -> Option<Rc<Pollable>> {
    let soonest = TIMERS.with_borrow(|timers| timers.iter().map(|timer| timer.at).min())?;
    ALARM.with_borrow_mut(|alarm| {
        if alarm.as_ref().is_none_or(|(at, _)| *at > soonest) {
            let pollable = monotonic_clock::subscribe_instant(soonest);
            *alarm = Some((soonest, Rc::new(pollable)));
        }
        alarm.as_ref().map(|(_, pollable)| Rc::clone(pollable))
    })
}

/// Wakes those whose time has come, by the clock or by the alarm that rang.
fn ring() {
    let rang = ALARM.take().map_or(0, |(at, _)| at);
    let now = monotonic_clock::now().max(rang);
    while let Some(timer) = take_timer(|timer| timer.at <= now) {
        timer.waker.wake();
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
    let alarm = alarm();
    let mut pollables: Vec<&Pollable> = waiting.iter().map(|(_, pollable)| &**pollable).collect();
    // The last one, so that the others' places are as they are.
    pollables.extend(alarm.as_deref());
    // An empty list traps, as it should: a future that waits for nothing would
    // never end.
    let ready = poll::poll(&pollables);
    drop(alarm);
    for index in ready {
        let id = usize::try_from(index)
            .ok()
            .and_then(|index| waiting.get(index))
            .map(|entry| entry.0);
        if id.is_none() {
            ring();
        }
        let entry = id.and_then(|id| WAITING.with_borrow_mut(|waiting| waiting.remove(&id)));
        if let Some((_, waker)) = entry {
            waker.wake();
        }
    }
}
