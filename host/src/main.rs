//! The `rowcast` command: arguments in, an exit code out.

mod command;

use clap::Parser;
use command::{Arguments, Signals};
use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // https://no-color.org
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal() && !no_color)
        .with_env_filter(EnvFilter::new(arguments.log_filter()))
        .without_time()
        .with_target(false)
        // Whoever doesn't read what is said can't be told that either.
        .log_internal_errors(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(stderr(), "error: start the runtime\n  because: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        let signals = Signals::listen().map_err(anyhow::Error::from)?;
        Box::pin(arguments.execute(&signals)).await
    });
    // What still waits, such as a resolver's thread, is not worth waiting for.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let _ = stderr().write_all(failure.render().as_bytes());
            failure.exit().into()
        }
    }
}
