//! Features against made-up histories whose answers are known.

mod audits;
mod bounds;
mod docs;
mod groups;
mod shared;
mod stories;
mod world;
