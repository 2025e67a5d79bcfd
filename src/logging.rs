//! Where the log goes: stderr for commands, a file while the screen is up.

use std::fs::File;
use std::io;

use tracing_subscriber::EnvFilter;

use crate::config;

/// Logs to stderr from here on.
pub fn to_stderr() {
    tracing_subscriber::fmt().with_env_filter(filter()).with_writer(io::stderr).with_target(false).init();
}

/// Logs to `file` from here on.
pub fn to_file(file: File) {
    let writer = std::sync::Arc::new(file);
    // A second screen in one process goes on with the first one's log.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_ansi(false)
        .with_target(false)
        .with_writer(writer)
        .try_init();
}

/// `VIGIE_LOG`, or warnings and our own information.
fn filter() -> EnvFilter {
    config::log_filter()
        .and_then(|filter| EnvFilter::try_new(filter).ok())
        .unwrap_or_else(|| EnvFilter::new("warn,vigie=info,feeds=info,store=info,simulator=info"))
}
