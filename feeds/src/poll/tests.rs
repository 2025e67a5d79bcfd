//! The runner against a source on 127.0.0.1.
