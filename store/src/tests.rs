//! Stories about whole stores: crashes, damage, full disks, readers beside writers.

mod codec;
mod damage;
mod export;
mod forecasting;
mod importing;
mod kill;
mod live;
mod rebuilding;
mod seal;
mod sheets;
mod told;
mod upgrade;
mod vintages;
mod words;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use market::{
    Alert, AlertState, Evidence, FeedId, Gap, GapCause, Instrument, Liquidation, LiquidationEvidence,
    ManualClock, MarketEvent, Observation, Payload, PositionSide, Price, Quantity, RawFrame, Severity,
    Timestamp, Usd,
};

use crate::{Query, Reader, Record, Store, StoreOptions};

/// The hub moves its store into a task, and readers are shared between threads.
#[test]
fn a_store_can_be_moved_and_a_reader_shared() {
    fn is_send<T: Send + 'static>() {}
    fn is_shared<T: Send + Sync + 'static>() {}
    is_send::<Store>();
    is_shared::<Reader>();
    is_shared::<crate::StoreError>();
}

/// 2026-01-06T23:59:00Z plus `secs`: a minute before midnight, so that seals meet two partitions.
fn at(secs: i64) -> Timestamp {
    Timestamp::from_micros(1_767_743_940_000_000 + secs * 1_000_000).unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(at(0)))
}

/// Seals only when told.
fn patient() -> StoreOptions {
    StoreOptions {
        segment_bytes: 1 << 30,
        segment_age: Duration::from_hours(10),
        commit_every: Duration::from_millis(1),
    }
}

fn open(dir: &Path) -> (Store, crate::Recovery) {
    Store::open(dir, patient(), clock()).unwrap()
}

fn feed() -> FeedId {
    FeedId::new("bybit-linear")
}

/// A frame whose number can be read off again.
fn frame(number: u64) -> RawFrame {
    let text = format!("{{\"topic\":\"allLiquidation.BTCUSDT\",\"n\":{number}}}");
    RawFrame { feed: feed(), receive_time: at(number as i64), payload: Payload::Text(text.into()) }
}

/// The liquidation in frame `number`, a tenth of a second before it was received.
fn liquidation(number: u64) -> MarketEvent {
    MarketEvent {
        feed: feed(),
        event_time: at(number as i64).minus(Duration::from_millis(100)),
        receive_time: at(number as i64),
        known_at: at(number as i64),
        observation: Observation::Liquidation(Liquidation {
            symbol: "BTCUSDT".into(),
            instrument: Instrument::perp("BTC", "USDT"),
            position: if number.is_multiple_of(2) { PositionSide::Long } else { PositionSide::Short },
            price: Price::new(60_000.5 + number as f64).unwrap(),
            quantity: (!number.is_multiple_of(3)).then(|| Quantity::new(0.125).unwrap()),
            notional: (!number.is_multiple_of(3)).then(|| Usd::new(7_500.25).unwrap()),
            venue_id: Some(number.to_string().into()),
        }),
    }
}

fn gap(from: i64, until: Option<i64>, cause: GapCause) -> MarketEvent {
    MarketEvent {
        feed: feed(),
        event_time: at(from),
        receive_time: at(until.unwrap_or(from)),
        known_at: at(until.unwrap_or(from)),
        observation: Observation::Gap(Gap {
            from: at(from),
            until: until.map(at),
            cause,
            detail: "closed by the venue, 1006".to_owned(),
        }),
    }
}

fn alert(secs: i64) -> Alert {
    Alert {
        rule: "cascade".to_owned(),
        severity: Severity::Critical,
        state: AlertState::Raised,
        at: at(secs),
        subject: "long BTC, all venues".to_owned(),
        headline: "$12.5 M of longs in 300 s".to_owned(),
        evidence: Evidence::Liquidations(LiquidationEvidence {
            window_secs: 300,
            notional_usd: 12_500_000.25,
            threshold_usd: 10_000_000.0,
            events: 421,
            unknown_notional: 3,
            coverage: 0.98,
        }),
    }
}

fn append_frame(store: &mut Store, number: u64) -> u64 {
    let event = liquidation(number);
    store.append(Record::Frame { frame: &frame(number), rejected: None, events: &[event] }).unwrap()
}

/// The numbers of all liquidations that a reader sees, in its order.
fn numbers(dir: &Path) -> Vec<u64> {
    let events = Reader::open(dir).unwrap().liquidations(&Query::default()).unwrap();
    events
        .iter()
        .map(|event| {
            let Observation::Liquidation(liquidation) = &event.observation else {
                panic!("a gap among liquidations");
            };
            let number: u64 = liquidation.venue_id.as_deref().unwrap().parse().unwrap();
            assert_eq!(*event, self::liquidation(number), "read back as written");
            number
        })
        .collect()
}

/// The one segment of a store's journal.
fn only_segment(dir: &Path) -> std::path::PathBuf {
    let mut segments: Vec<_> =
        fs::read_dir(dir.join("wal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(segments.len(), 1, "{segments:?}");
    segments.remove(0)
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A small seeded generator (SplitMix64): the same faults in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
