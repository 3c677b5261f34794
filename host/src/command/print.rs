//! Text → standard output and standard error, whether or not somebody still
//! reads them. That a reader has gone is no reason for work to fail, and none
//! for failed work to look well.

use super::{Exit, Failure};
use std::io::{self, ErrorKind, Write, stderr, stdout};

/// Puts data on standard output. Nobody needs to read it.
pub fn data(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let written = out.write_all(text.as_ref()).and_then(|()| out.flush());
    match written {
        Err(error) if !gone(&error) => {
            let error = anyhow::Error::new(error).context("write to standard output");
            Err(Failure::new(error, None, Exit::Incomplete))
        }
        _ => Ok(()),
    }
}

/// Tells people something on standard error, where they can be told.
pub fn note(text: &str) {
    let _ = stderr().write_all(text.as_bytes());
}

/// Whether the error says that nobody reads any more.
pub fn gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

/// Whether that is why something couldn't be printed.
pub fn nobody_reads(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(|cause| cause.downcast_ref::<io::Error>().is_some_and(gone))
}
