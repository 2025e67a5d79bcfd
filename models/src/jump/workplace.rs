//! Where the reference data are that the tests compare with: `VIGIE_SHARED`, or `../shared`.

use std::path::PathBuf;

/// A shared file as text; `None`, and a line that says so, where it is absent.
#[expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a skipped test must say so")]
pub(crate) fn text(file: &str) -> Option<String> {
    let shared = std::env::var("VIGIE_SHARED")
        .map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = shared.join(file);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: {} is absent", path.display());
    }
    text
}
