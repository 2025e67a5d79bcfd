//! The one integration binary: the program as its users meet it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    missing_docs,
    reason = "tests say what they skip, and fail where they stand"
)]

mod commands;
mod configs;
mod desk;
mod forecast;
mod journey;
mod recordings;
mod rehearsal;
mod screen;
mod soak;
mod terminal;
mod tidy;
mod workplace;
