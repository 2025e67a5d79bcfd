//! Features against made-up histories whose answers are known.

mod audits;
mod docs;
mod shared;
mod stories;
mod world;
