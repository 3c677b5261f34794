//! How a command ended → its exit code. Decided here and nowhere else.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Done,
    /// Something that should never happen: counts that don't balance, a
    /// component that traps.
    Internal,
    /// The command line, the configuration or the input is wrong.
    Invalid,
    /// Credentials, permissions or a policy refuse it.
    Denied,
    /// A server can't be reached, or stays unavailable.
    Unavailable,
    /// It went through, but some rows, records or documents were rejected.
    Rejected,
    /// It was stopped in order, with work left; run it again.
    Incomplete,
    /// A second Ctrl-C: it was ended at once.
    Interrupted,
}

/// As shells have it: 128 and the signal.
pub const INTERRUPTED: u8 = 130;

/// What `rowcast --help` says of the codes.
pub const HELP: &str = "\
Exit codes:
  0  everything asked for was done
  1  internal error: counts that don't balance, a component that fails
  2  the command line, the configuration, the input or the ledger's file is wrong
  3  credentials, permissions or a policy refuse it
  4  a server can't be reached or stays unavailable, or another process has the ledger
  5  it went through, but some rows, records or documents were rejected
  6  it was stopped in order with work left: a rate limit, Ctrl-C, a full disk, too many rejections
  130  a second Ctrl-C ended it at once";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Internal => 1,
            Exit::Invalid => 2,
            Exit::Denied => 3,
            Exit::Unavailable => 4,
            Exit::Rejected => 5,
            Exit::Incomplete => 6,
            Exit::Interrupted => INTERRUPTED,
        })
    }
}
