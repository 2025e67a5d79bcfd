//! The only places that write to stdout and stderr, so that a raw terminal is never written over.

use std::io::{self, Write};

/// Writes one line to stdout and flushes it, so that a pipe sees it at once.
///
/// # Errors
/// Stdout is closed or cannot be written.
pub fn print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Writes one line to stderr. There is nobody left to tell when that fails.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "vigie: {line}");
}
