//! Boards without a socket: from a store as it lies there, or from a simulated market played at once.

use std::sync::Arc;
use std::time::Duration;

use feeds::{FEEDS, Protocol};
use market::{Board, Clock, FeedId, Mode, Payload, RawFrame, Timestamp};
use simulator::{Scenario, Tape};
use store::Reader;

use super::foresight::Foretold;
use super::hub::Hub;
use super::{Decoders, Wanted};
use crate::alerts::Rule;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::failure::Failure;
use crate::forecasting::Forecaster;

/// What the configured store holds of the last day; the feeds are shown as stopped.
///
/// # Errors
/// The store cannot be read.
pub fn board_from_store(settings: &Settings, rules: Vec<Box<dyn Rule>>) -> Result<Arc<Board>, Failure> {
    let now = SystemClock.now();
    let reader = Reader::open(&settings.store_dir)?;
    let mut board = Board::new(Mode::Live, now);
    for (row, _) in &settings.feeds {
        board.add_feed(FeedId::new(row.id), row.completeness);
    }
    board.store.path = Some(settings.store_dir.clone());
    let mut hub = Hub::new(board, rules, Wanted::Nothing);
    hub.set_background(settings.background.clone());
    hub.restore(&reader, now)?;
    hub.stop_all_feeds(now);
    if let Some((config, _)) = settings.forecast() {
        let said = Forecaster::new(config, &settings.store_dir).look(now)?;
        hub.take_foretold(Foretold::Said(said), now);
    }
    Ok(hub.snapshot(now))
}

/// A simulated market, played in one go through decoders, Board and rules: the first `span` of
/// `scenario` with `seed`, on a clock that begins at `start`.
pub fn play_scenario(
    settings: &Settings,
    rules: Vec<Box<dyn Rule>>,
    scenario: &Scenario,
    (seed, start, span): (u64, Timestamp, Duration),
) -> Arc<Board> {
    let mut hub = Hub::new(Board::new(Mode::Simulated, start), rules, Wanted::Nothing);
    hub.set_background(settings.background.clone());
    let mut decoders = Decoders::new(&settings.config);
    for row in FEEDS {
        hub.meet(&FeedId::new(row.id), start);
    }
    let end = start.plus(span);
    for frame in Tape::new(scenario, seed, start.as_micros()) {
        let Some(at) = Timestamp::from_micros(frame.at_micros).filter(|at| *at < end) else { break };
        let is_polled =
            feeds::find(frame.venue).is_some_and(|row| !matches!(row.protocol, Protocol::Stream(_)));
        let payload = match (frame.payload, frame.request.filter(|_| is_polled)) {
            (simulator::Payload::Text(text), Some(request)) => {
                Payload::Answer { request: request.into(), body: text.into() }
            }
            (simulator::Payload::Text(text), None) => Payload::Text(text.into()),
            (simulator::Payload::Binary(bytes), _) => Payload::Binary(bytes.into()),
        };
        let raw = RawFrame { feed: FeedId::new(frame.venue), receive_time: at, payload };
        if let Some(decoded) = decoders.decode(raw) {
            hub.take_frame(decoded);
        }
    }
    hub.pass_time(end);
    hub.snapshot(end)
}
