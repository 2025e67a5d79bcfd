//! The outside world turned into market events: one file per venue or source.
//!
//! A venue costs one file under `venues/`, one row in [`FEEDS`] and one table in `config.toml`.

pub mod backfill;
mod config;
mod decode;
mod flow_grid;
pub mod import;
mod node;
mod poll;
mod protocol;
pub mod recording;
mod run;
mod stream;
mod tls;
mod venues;
mod watch;

pub use config::{FeedConfig, Instruments, Keys};
pub use decode::{Decoded, Verdict, decode_frame};
pub use node::{NodeError, NodeRpc};
pub use protocol::{Ask, DecodeError, Decoder, FrameKind, Heartbeat, PollProtocol, Stamped, StreamProtocol};
pub use run::run;
pub use venues::{FEEDS, FeedRow, Follows, Protocol, find};
pub use watch::{FeedContext, FeedError, FeedMessage};
