//! One decoder a feed, made when its first frame comes: for replays, rebuilds and simulated markets.

use std::collections::BTreeMap;

use feeds::{Decoded, Decoder, decode_frame};
use market::{FeedId, RawFrame};

use crate::config::Config;

/// Decoders as configured, or by default for feeds without a table.
pub struct Decoders<'a> {
    config: &'a Config,
    protocols: BTreeMap<FeedId, Option<Box<dyn Decoder>>>,
}

impl<'a> Decoders<'a> {
    /// Decoders that have seen nothing yet.
    pub fn new(config: &'a Config) -> Self {
        Self { config, protocols: BTreeMap::new() }
    }

    /// Decodes a frame; `None` when it belongs to no feed that we know.
    pub fn decode(&mut self, frame: RawFrame) -> Option<Decoded> {
        let config = self.config;
        let protocol = self.protocols.entry(frame.feed.clone()).or_insert_with_key(|feed| {
            let row = feeds::find(feed.as_str())?;
            Some(row.decoder(&config.feed(row.id)))
        });
        protocol.as_mut().map(|protocol| decode_frame(&mut **protocol, frame))
    }
}
