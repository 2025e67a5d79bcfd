//! The outside world turned into market events: one file per venue or source.
//!
//! A venue costs one file under `venues/`, one row in [`FEEDS`] and one table in `config.toml`.

mod config;
mod decode;
mod protocol;
pub mod recording;
mod stream;
mod tls;
mod venues;

pub use config::{FeedConfig, Instruments};
pub use decode::{Decoded, Verdict, decode_frame};
pub use protocol::{DecodeError, FrameKind, Heartbeat, Stamped, StreamProtocol};
pub use stream::{FeedContext, FeedError, FeedMessage, run};
pub use venues::{FEEDS, FeedRow, find};
