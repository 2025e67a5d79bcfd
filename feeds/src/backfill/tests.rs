//! Backfills against venues on 127.0.0.1 that hold a made-up past.

mod answers;
mod hostile;
mod refusals;
mod resuming;
mod run;
mod venue;
