//! What the journal holds: the kinds of record and how each becomes bytes.
//!
//! Payloads are `MessagePack` arrays in field order with enum variants by name. A new field goes last
//! and takes `#[serde(default)]`; nothing is ever reordered. Bytes after the last known value are
//! left alone, so that a newer program may append to a payload.

use market::{Alert, FeedId, MarketEvent, RawFrame, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::table::Table;

/// Something to keep.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// A frame with what was decoded from it: one record, so that neither is ever stored alone.
    Frame {
        /// The frame as it came.
        frame: &'a RawFrame,
        /// Why it could not be understood, if it could not.
        rejected: Option<&'a str>,
        /// The events in it.
        events: &'a [MarketEvent],
    },
    /// A gap, opened or closed: an event whose observation is a [`market::Gap`].
    Gap(&'a MarketEvent),
    /// An alert.
    Alert(&'a Alert),
    /// A feed was watching at this moment, though nothing may have happened.
    Alive {
        /// The feed.
        feed: &'a FeedId,
        /// When its connection last proved itself.
        at: Timestamp,
    },
    /// Events that came from no socket: an import, a backfill, what the forecaster says. A rebuild keeps
    /// them as they are.
    Batch {
        /// What they came from, in words: a file's name, a backfill's.
        origin: &'a str,
        /// When they were taken in.
        at: Timestamp,
        /// The events; none may be a gap. Some ten thousand at a time keep a record small.
        events: &'a [MarketEvent],
    },
}

/// A record read back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Frame { frame: RawFrame, rejected: Option<String>, events: Vec<MarketEvent> },
    Gap(MarketEvent),
    Alert(Alert),
    Alive { feed: FeedId, at: Timestamp },
    Damage(Damage),
    Batch { origin: String, at: Timestamp, events: Vec<MarketEvent> },
}

/// Whether the manifest lists a batch of these events: where a rebuild must know which rows of their tables
/// to keep. What the forecaster says is in tables that are kept whole, and comes every hour.
pub(crate) fn is_listed(events: &[MarketEvent]) -> bool {
    events.iter().any(|event| Table::of(&event.observation).is_derived())
}

/// Journal records that were unreadable and set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Damage {
    /// When it was found.
    pub(crate) found_at: Timestamp,
    /// The first missing record.
    pub(crate) first_seq: u64,
    /// The last missing record, as far as can be known.
    pub(crate) last_seq: u64,
    /// Where the bytes are now; empty where a whole segment was missing.
    pub(crate) kept_in: String,
}

const FRAME: u8 = 1;
const GAP: u8 = 2;
const ALERT: u8 = 3;
const ALIVE: u8 = 4;
const DAMAGE: u8 = 5;
/// Since format 2.
const BATCH: u8 = 6;

/// The kinds that this format version knows.
pub(crate) const KINDS: std::ops::RangeInclusive<u8> = FRAME..=BATCH;

/// Bytes of length and checksum before the checked part of a record.
pub(crate) const PREFIX: usize = 8;
/// Bytes of sequence number and kind, the least that a record's checked part holds.
pub(crate) const STEM: usize = 9;
/// Largest record: four times the largest message a venue may send.
pub(crate) const RECORD_MAX: usize = 64 << 20;

impl Record<'_> {
    /// Appends the record as `u32 length | u32 crc32c | u64 seq | u8 kind | payload`, little-endian;
    /// length and checksum cover everything after the checksum. On error `out` is unchanged.
    pub(crate) fn encode(&self, seq: u64, out: &mut Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Frame { frame, rejected, events } => envelope(out, seq, FRAME, |out| {
                // Two values, so that the frame stays readable whatever becomes of the second.
                put(out, frame)?;
                put(out, &(rejected, events))
            }),
            Self::Gap(event) if event.observation.gap().is_none() => Err(StoreError::NotAGap),
            Self::Gap(event) => envelope(out, seq, GAP, |out| put(out, event)),
            Self::Alert(alert) => envelope(out, seq, ALERT, |out| put(out, alert)),
            Self::Alive { feed, at } => envelope(out, seq, ALIVE, |out| put(out, &(feed, at))),
            Self::Batch { events, .. } if events.iter().any(|event| event.observation.gap().is_some()) => {
                Err(StoreError::GapInBatch)
            }
            Self::Batch { origin, at, events } => {
                envelope(out, seq, BATCH, |out| put(out, &(origin, at, events)))
            }
        }
    }
}

impl Damage {
    pub(crate) fn encode(&self, seq: u64, out: &mut Vec<u8>) -> Result<(), StoreError> {
        envelope(out, seq, DAMAGE, |out| put(out, self))
    }
}

fn envelope(
    out: &mut Vec<u8>,
    seq: u64,
    kind: u8,
    payload: impl FnOnce(&mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.push(kind);
    let written = payload(out).and_then(|()| {
        let bytes = out.len() - start - PREFIX;
        if bytes > RECORD_MAX { Err(StoreError::TooLarge { bytes, limit: RECORD_MAX }) } else { Ok(bytes) }
    });
    match written {
        Ok(bytes) => {
            let checksum = crc32c::crc32c(&out[start + PREFIX..]);
            out[start..start + 4].copy_from_slice(&(bytes as u32).to_le_bytes());
            out[start + 4..start + PREFIX].copy_from_slice(&checksum.to_le_bytes());
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

fn put(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), StoreError> {
    rmp_serde::encode::write(out, value).map_err(|error| StoreError::Encode(Box::new(error)))
}

fn get<T: DeserializeOwned>(payload: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    T::deserialize(&mut rmp_serde::Deserializer::from_read_ref(payload))
}

impl Entry {
    /// Reads the payload of an intact record.
    pub(crate) fn decode(kind: u8, payload: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        match kind {
            FRAME => {
                let mut values = rmp_serde::Deserializer::from_read_ref(payload);
                let frame = RawFrame::deserialize(&mut values)?;
                // A frame whose events cannot be read is kept as one that awaits a rebuild.
                let (rejected, events) = <(Option<String>, Vec<MarketEvent>)>::deserialize(&mut values)
                    .unwrap_or_else(|error| {
                        (Some(format!("its stored events are unreadable, rebuild: {error}")), Vec::new())
                    });
                Ok(Self::Frame { frame, rejected, events })
            }
            GAP => get(payload).map(Self::Gap),
            ALERT => get(payload).map(Self::Alert),
            ALIVE => get(payload).map(|(feed, at)| Self::Alive { feed, at }),
            DAMAGE => get(payload).map(Self::Damage),
            BATCH => get(payload).map(|(origin, at, events)| Self::Batch { origin, at, events }),
            unknown => Err(serde::de::Error::custom(format!("kind {unknown} is not known here"))),
        }
    }
}
