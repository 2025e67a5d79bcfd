//! The runner against a venue on 127.0.0.1 that does what each story tells.

mod feed;
mod refusals;
mod rotation;
mod trust;
mod venue;
mod watching;
