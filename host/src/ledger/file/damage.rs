//! Work on a database whose file may be damaged → its result, or that it is
//! damaged. The store panics over some damage; whatever it does, nobody sees
//! it, and nothing is written to such a file any more.

use super::super::LedgerError;
use redb::{Database, Error};
use std::cell::Cell;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// A database that is closed in order unless it's damaged.
pub struct Guarded {
    /// Taken out only when it is closed.
    database: Option<Database>,
    damaged: AtomicBool,
}

impl Guarded {
    pub fn new(database: Database) -> Self {
        Self {
            database: Some(database),
            damaged: AtomicBool::new(false),
        }
    }

    /// Does the work, unless damage was met before.
    pub fn with<T>(
        &self,
        path: &Path,
        act: &'static str,
        work: impl FnOnce(&Database) -> Result<T, Error>,
    ) -> Result<T, LedgerError> {
        let damaged = || LedgerError::Damaged(path.to_owned());
        let database = self.database.as_ref();
        let Some(database) = database.filter(|_| !self.damaged.load(Ordering::SeqCst)) else {
            return Err(damaged());
        };
        match caught(|| work(database)) {
            Some(Ok(done)) => Ok(done),
            Some(Err(error)) if !is(&error) => Err(LedgerError::File {
                act,
                source: Box::new(error),
            }),
            None | Some(Err(_)) => {
                self.damaged.store(true, Ordering::SeqCst);
                Err(damaged())
            }
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let database = self.database.take();
        if self.damaged.load(Ordering::SeqCst) {
            // Closing it would write to it.
            std::mem::forget(database);
        } else {
            caught(|| drop(database));
        }
    }
}

/// Whether it says that the file isn't what the store wrote.
pub fn is(error: &Error) -> bool {
    match error {
        Error::Corrupted(_)
        | Error::RepairAborted
        | Error::LockPoisoned(_)
        | Error::TableTypeMismatch { .. }
        | Error::TableIsMultimap(_)
        | Error::TypeDefinitionChanged { .. } => true,
        Error::Io(cause) => matches!(
            cause.kind(),
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof
        ),
        _ => false,
    }
}

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What the work results in; none if it panics, which isn't shown.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                shown(panic);
            }
        }));
    });
    CAUGHT.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(false);
    done.ok()
}
