//! Decodes Bybit's liquidations of inverse contracts, whose `v` counts contracts of one US dollar.
//!
//! The bytes and their meaning are those of the linear contracts, down to the side of the POSITION in
//! `S`; only the roster's category and the unit differ. Source: Bybit's v5 documentation, 2026.

use super::bybit_linear::{Category, protocol_of};
use crate::config::FeedConfig;
use crate::protocol::StreamProtocol;

pub(super) const URL: &str = "wss://stream.bybit.com/v5/public/inverse";
pub(super) use super::bybit_linear::REST_URL;

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    protocol_of(Category::Inverse, URL, config)
}

#[cfg(test)]
mod tests;
