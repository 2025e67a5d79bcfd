//! The runner against a source on 127.0.0.1 that answers what each story tells.

mod feed;
mod refusals;
mod requests;
mod restarts;
mod rounds;
mod source;
