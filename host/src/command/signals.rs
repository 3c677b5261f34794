//! Ctrl-C, SIGTERM and SIGHUP → how often the process was asked to end.
//!
//! They are listened for from the start of the process: as process 1 of a
//! container a signal that nobody listens for is ignored.

use super::exit::INTERRUPTED;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// How often somebody asked for the end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Signals {
    asked: watch::Receiver<u32>,
    /// Whether a command answers them itself.
    answered: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on. Until a command answers, the first one ends the
    /// process: also one that is blocked by whoever reads its output.
    pub fn listen() -> io::Result<Self> {
        let (asking, asked) = watch::channel(0);
        let answered = Arc::new(AtomicBool::new(false));
        let mut sources = sources()?;
        let is_answered = Arc::clone(&answered);
        tokio::spawn(async move {
            while sources.next().await.is_some() {
                if !is_answered.load(Ordering::SeqCst) {
                    std::process::exit(INTERRUPTED.into());
                }
                asking.send_modify(|asked| *asked += 1);
            }
        });
        Ok(Self { asked, answered })
    }

    /// From now on the command answers them.
    pub fn answer(&self) {
        self.answered.store(true, Ordering::SeqCst);
    }

    /// Returns once they came so often.
    pub async fn times(&self, times: u32) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked >= times).await.is_err() {
            // No signals can be had, so none will come.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Sources(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
fn sources() -> io::Result<Sources> {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        Some(SignalKind::interrupt()),
        Some(SignalKind::terminate()),
        // `nohup` has it ignored, and means it.
        (!hangup_is_ignored()).then(SignalKind::hangup),
    ];
    let signals = kinds.into_iter().flatten().map(signal);
    Ok(Sources(signals.collect::<io::Result<_>>()?))
}

#[cfg(unix)]
impl Sources {
    async fn next(&mut self) -> Option<()> {
        let each = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures_util::future::select_all(each).await.0
    }
}

/// Whether this process was started with SIGHUP ignored, where that can be
/// told.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut ignored = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored
        .next()
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The mask's first bit is the first signal, which SIGHUP is.
    ignored.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
struct Sources;

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it may fail elsewhere")]
fn sources() -> io::Result<Sources> {
    Ok(Sources)
}

#[cfg(not(unix))]
impl Sources {
    async fn next(&mut self) -> Option<()> {
        tokio::signal::ctrl_c().await.ok()
    }
}
