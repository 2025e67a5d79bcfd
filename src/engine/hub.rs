//! The single consumer: journal first, then Board, then rules, then whoever listens.

mod foretold;
mod live;
mod rejections;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use feeds::recording::RecordingWriter;
use feeds::{Decoded, FeedMessage, FrameKind, Verdict};
use market::{
    Alert, AlertState, Board, FeedId, FeedState, Gap, GapCause, MarketEvent, Observation, RollingWindows,
    Timestamp, WINDOWS,
};
use store::{Query, Reader, Record, Recovery, Store, StoreError};

pub(super) use self::live::Live;
use self::rejections::Rejections;
use super::{Wanted, not_running};
use crate::alerts::Rule;
use crate::books::{Assumptions, Background, Books, shipped_holdings};
use crate::failure::Failure;

/// Seconds of silence that rules are walked through one by one; after a day every window is empty.
const WALK_LIMIT: i64 = 100_000;

/// What is handed out one by one, once it is on disk.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// A rule's state changed.
    Alert(Arc<Alert>),
    /// A liquidation was accepted.
    Event(Arc<MarketEvent>),
}

/// What became of something that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receipt {
    /// On disk once the store says that this number is.
    Record(u64),
    /// Nothing to wait for: it was stored before, or nothing is to be stored.
    Settled,
    /// Not kept, and so acknowledged to nobody.
    Lost,
}

/// Frames and events counted by feed and kind.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Frames by feed and kind.
    pub frames: BTreeMap<(FeedId, &'static str), u64>,
    /// Events of any kind taken in.
    pub events: u64,
    /// Liquidations among them.
    pub liquidations: u64,
    /// Alerts raised or cleared.
    pub alerts: u64,
    /// Feeds that were live at some time.
    pub live: BTreeSet<FeedId>,
}

/// How the watch ended.
#[derive(Debug)]
pub struct HubReport {
    /// What was counted.
    pub tally: Tally,
    /// The last Board.
    pub board: Arc<Board>,
    /// Why the store stopped keeping events, if it did.
    pub store_failure: Option<StoreError>,
    /// Why the recording stopped, if it did.
    pub recording_failure: Option<Failure>,
}

/// The single consumer of everything that happens. It alone writes the Board.
pub struct Hub {
    board: Board,
    windows: RollingWindows,
    books: Books,
    /// What mining is assumed to be like.
    assumed: Assumptions,
    /// The last whole second for which the desk's tables were made.
    desk_made: Option<i64>,
    rules: Vec<Box<dyn Rule>>,
    /// The last whole second at which the rules were asked.
    asked: Option<i64>,
    store: Option<Store>,
    recorder: Option<RecordingWriter>,
    wanted: Wanted,
    /// Waiting for their sequence number to be on disk.
    pending: VecDeque<(u64, Outgoing)>,
    /// Alerts that the store held before a replay.
    known_alerts: BTreeSet<(String, Timestamp, AlertState)>,
    rejections: Rejections,
    tally: Tally,
    dirty: bool,
    store_failure: Option<StoreError>,
    recording_failure: Option<Failure>,
}

impl Hub {
    /// A hub that keeps nothing yet.
    pub fn new(mut board: Board, rules: Vec<Box<dyn Rule>>, wanted: Wanted) -> Self {
        board.rules = rules.iter().map(|rule| rule.status()).collect();
        Self {
            board,
            windows: RollingWindows::default(),
            books: Books::default(),
            assumed: Assumptions::default(),
            desk_made: None,
            rules,
            asked: None,
            store: None,
            recorder: None,
            wanted,
            pending: VecDeque::new(),
            known_alerts: BTreeSet::new(),
            rejections: Rejections::default(),
            tally: Tally::default(),
            dirty: true,
            store_failure: None,
            recording_failure: None,
        }
    }

    /// Takes in what is known before any feed speaks.
    pub(super) fn set_background(&mut self, background: Background) {
        let Background { occasions, assumed } = background;
        self.board.occasions = occasions;
        self.assumed = assumed;
        self.know(shipped_holdings());
    }

    fn know(&mut self, events: impl IntoIterator<Item = MarketEvent>) {
        for event in events {
            self.books.apply(&Arc::new(event));
        }
    }

    /// Restores tape, windows, gaps, alerts and the desk's books from the store.
    pub(super) fn restore(&mut self, reader: &Reader, now: Timestamp) -> Result<(), StoreError> {
        let traces = reader.feeds()?;
        let since = now.minus(WINDOWS[WINDOWS.len() - 1].span);
        for gap in reader.gaps(&Query { from: Some(since), ..Query::default() })? {
            self.board.apply(&Arc::new(gap));
        }
        for event in reader.liquidations_received(since)? {
            for rule in &mut self.rules {
                rule.observe(&event);
            }
            self.windows.apply(&event);
            self.board.apply(&Arc::new(event));
        }
        self.know(reader.desk(now)?);
        for health in &mut self.board.feeds {
            // Counters count this run; what was restored is on the tape and in the windows.
            health.events = 0;
            if let Some(trace) = traces.get(&health.feed) {
                health.watched_since = Some(trace.first_alive);
                health.last_frame = Some(trace.last_alive);
            }
        }
        for alert in reader.alerts(&Query { from: Some(since), ..Query::default() })? {
            self.board.alerts.push(Arc::new(alert));
        }
        self.board.now = now;
        Ok(())
    }

    /// Keeps everything from now on in `store`.
    pub(super) fn keep_in(&mut self, store: Store, dir: PathBuf) {
        self.store = Some(store);
        self.board.store.path = Some(dir);
    }

    /// Alerts that the store already holds, so that replaying twice keeps each once.
    pub(super) fn know_alerts(&mut self, alerts: &[Alert]) {
        self.known_alerts.extend(alerts.iter().map(|alert| (alert.rule.clone(), alert.at, alert.state)));
    }

    /// Takes up a feed the first time a recording mentions it: it is watched from there on.
    pub(super) fn meet(&mut self, feed: &FeedId, at: Timestamp) {
        if self.board.feed(feed).is_some() {
            return;
        }
        let Some(row) = feeds::find(feed.as_str()) else { return };
        self.board.add_feed(feed.clone(), row.completeness);
        self.take_state(feed, at, FeedState::Live);
    }

    /// The recording is over.
    pub(super) fn stop_all_feeds(&mut self, at: Timestamp) {
        let feeds: Vec<FeedId> = self.board.feeds.iter().map(|health| health.feed.clone()).collect();
        for feed in feeds {
            self.take_state(&feed, at, FeedState::Stopped);
        }
    }

    /// Whether the store has stopped keeping events.
    pub(super) fn has_lost_its_store(&self) -> bool {
        self.store_failure.is_some()
    }

    /// Writes every frame worth keeping to a recording as well.
    pub(super) fn record_to(&mut self, recorder: RecordingWriter) {
        self.recorder = Some(recorder);
    }

    /// The gap that `feed` must close when it is live again: the one it left open, or the time
    /// since the program last ran.
    pub(super) fn resume(&mut self, feed: &FeedId, recovery: &Recovery, now: Timestamp) -> Option<Gap> {
        let trace = recovery.feeds.get(feed)?;
        if let Some(gap) = &trace.open_gap {
            return Some(gap.clone());
        }
        let gap = not_running(trace.last_alive.min(now));
        self.take_gap(MarketEvent {
            feed: feed.clone(),
            event_time: gap.from,
            receive_time: now,
            known_at: now,
            observation: Observation::Gap(gap.clone()),
        });
        Some(gap)
    }

    /// The Board as of `now`, for front ends.
    pub fn snapshot(&mut self, now: Timestamp) -> Arc<Board> {
        self.windows.advance(now);
        self.board.now = self.board.now.max(now);
        self.board.totals = self.windows.totals();
        self.make_desk();
        if let Some(store) = &self.store {
            self.board.store.durable = store.durable();
        }
        self.dirty = false;
        Arc::new(self.board.clone())
    }

    /// Makes the desk's tables anew, at most once a second: prices grow old even when nothing comes.
    fn make_desk(&mut self) {
        let now = self.board.now;
        let second = now.as_micros().div_euclid(1_000_000);
        if self.desk_made == Some(second) {
            return;
        }
        self.desk_made = Some(second);
        self.board.desk = Arc::new(self.books.desk(&self.board.occasions, &self.assumed, now));
    }

    /// Takes one message in.
    pub fn take(&mut self, message: FeedMessage) {
        self.dirty = true;
        match message {
            FeedMessage::Frame(decoded) => self.take_frame(decoded),
            FeedMessage::Gap(event) => self.take_gap(event),
            FeedMessage::Alive { feed, at } => {
                self.append(Record::Alive { feed: &feed, at });
                self.board.note_alive(&feed, at);
            }
            FeedMessage::State { feed, at, state } => self.take_state(&feed, at, state),
        }
    }

    /// Takes a decoded frame in: journal first.
    pub fn take_frame(&mut self, decoded: Decoded) {
        let Decoded { frame, verdict, events } = decoded;
        self.pass_time(frame.receive_time);
        let mut receipt = Receipt::Settled;
        if verdict.is_kept() {
            let rejected = verdict.complaint();
            self.record(&frame);
            receipt =
                self.append(Record::Frame { frame: &frame, rejected: rejected.as_deref(), events: &events });
        }
        self.show_frame(&frame.feed, frame.receive_time, &verdict);
        self.show_events(events, receipt);
    }

    /// Counts a frame on the Board.
    pub(super) fn show_frame(&mut self, feed: &FeedId, at: Timestamp, verdict: &Verdict) {
        *self.tally.frames.entry((feed.clone(), verdict.label())).or_default() += 1;
        self.board.note_frame(feed, at);
        if let Some(health) = self.board.feed_mut(feed) {
            if let Some(reason) = verdict.complaint() {
                health.rejected += 1;
                self.rejections.note(feed, at, &reason);
            } else if matches!(verdict, Verdict::Understood(FrameKind::Ignored(_))) {
                health.ignored += 1;
            }
        }
    }

    /// Applies events to windows, Board and rules; `receipt` is for the record that holds them.
    pub(super) fn show_events(&mut self, events: Vec<MarketEvent>, receipt: Receipt) {
        let Some(last) = events.last().map(|event| event.receive_time) else { return };
        for event in events {
            self.tally.events += 1;
            self.tally.liquidations += u64::from(event.observation.liquidation().is_some());
            self.windows.apply(&event);
            for rule in &mut self.rules {
                rule.observe(&event);
            }
            let event = Arc::new(event);
            self.books.apply(&event);
            self.board.apply(&event);
            if self.wanted == Wanted::AlertsAndEvents && event.observation.liquidation().is_some() {
                self.promise(receipt, Outgoing::Event(event));
            }
        }
        self.ask_rules(last);
        self.dirty = true;
    }

    fn take_gap(&mut self, event: MarketEvent) {
        self.append(Record::Gap(&event));
        self.board.apply(&Arc::new(event));
        self.dirty = true;
    }

    /// Notes a feed's state.
    pub(super) fn take_state(&mut self, feed: &FeedId, at: Timestamp, state: FeedState) {
        let was_watching = self.board.feed(feed).is_some_and(|health| health.state.is_watching());
        if state.is_watching() && !was_watching {
            let is_first = self.tally.live.insert(feed.clone());
            if let Some(health) = self.board.feed_mut(feed).filter(|_| !is_first) {
                health.reconnects += 1;
            }
        }
        let failure = match &state {
            FeedState::Failed { reason } => Some(reason.clone()).filter(|_| was_watching),
            FeedState::Starting
            | FeedState::Connecting
            | FeedState::Subscribing
            | FeedState::Live
            | FeedState::Lagging
            | FeedState::Waiting { .. }
            | FeedState::RegionBlocked { .. }
            | FeedState::Forbidden { .. }
            | FeedState::RateLimited { .. }
            | FeedState::Banned { .. }
            | FeedState::Stopped => None,
        };
        self.board.note_state(feed, at, state);
        self.dirty = true;
        if let Some(reason) = failure {
            self.open_gap_of_failed(feed, at, reason);
        }
    }

    /// A feed that died while watching cannot say so itself.
    fn open_gap_of_failed(&mut self, feed: &FeedId, at: Timestamp, reason: String) {
        let from = self.board.feed(feed).and_then(|health| health.last_frame).unwrap_or(at);
        self.take_gap(MarketEvent {
            feed: feed.clone(),
            event_time: from,
            receive_time: at,
            known_at: at,
            observation: Observation::Gap(Gap {
                from,
                until: None,
                cause: GapCause::FeedFailed,
                detail: reason,
            }),
        });
    }

    /// Lets time pass: rules are asked at every whole second, live and in replays alike, so that
    /// both say the same.
    pub fn pass_time(&mut self, now: Timestamp) {
        let second = now.as_micros().div_euclid(1_000_000);
        let Some(asked) = self.asked else {
            self.asked = Some(second);
            return;
        };
        if second > asked {
            self.flush_recording();
        }
        let walk_until = second.min(asked.saturating_add(WALK_LIMIT));
        for passed in asked + 1..=walk_until {
            self.ask_rules_at_second(passed);
        }
        if walk_until < second {
            self.ask_rules_at_second(second);
        }
        self.asked = Some(second.max(asked));
    }

    /// What was recorded so far survives the program.
    fn flush_recording(&mut self) {
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = recorder.flush()
        {
            self.lose_recording(error.into());
        }
    }

    fn lose_recording(&mut self, failure: Failure) {
        tracing::error!(%failure, "recording stopped");
        self.recording_failure = Some(failure);
        self.recorder = None;
    }

    fn ask_rules_at_second(&mut self, second: i64) {
        if let Some(moment) = Timestamp::from_micros(second * 1_000_000) {
            self.ask_rules(moment);
            self.dirty = true;
        }
    }

    fn ask_rules(&mut self, now: Timestamp) {
        for index in 0..self.rules.len() {
            let said = self.rules[index].evaluate(now, &self.board);
            self.board.rules[index] = self.rules[index].status();
            let Some(alert) = said else { continue };
            self.tally.alerts += 1;
            let key = (alert.rule.clone(), alert.at, alert.state);
            let is_known = self.known_alerts.contains(&key);
            let receipt = if is_known { Receipt::Settled } else { self.append(Record::Alert(&alert)) };
            let alert = Arc::new(alert);
            self.board.alerts.push(Arc::clone(&alert));
            if self.wanted != Wanted::Nothing {
                self.promise(receipt, Outgoing::Alert(alert));
            }
        }
    }

    /// Hands `item` out once what it rests on is on disk; never, if that was lost.
    fn promise(&mut self, receipt: Receipt, item: Outgoing) {
        match receipt {
            Receipt::Record(seq) => self.pending.push_back((seq, item)),
            Receipt::Settled => self.pending.push_back((0, item)),
            Receipt::Lost => {}
        }
    }

    fn append(&mut self, record: Record<'_>) -> Receipt {
        let Some(store) = &mut self.store else {
            return if self.store_failure.is_some() { Receipt::Lost } else { Receipt::Settled };
        };
        match store.append(record) {
            Ok(seq) => {
                self.board.store.appended = seq;
                Receipt::Record(seq)
            }
            // This record alone cannot be kept; the store goes on.
            Err(error @ StoreError::TooLarge { .. }) => {
                tracing::error!(%error, "a record is not kept");
                Receipt::Lost
            }
            Err(error) => {
                self.lose_store(error);
                Receipt::Lost
            }
        }
    }

    fn record(&mut self, frame: &market::RawFrame) {
        let Some(recorder) = &mut self.recorder else { return };
        if let Err(error) = recorder.write(frame) {
            self.lose_recording(error.into());
        }
    }

    /// From here on nothing is kept, and the Board says so.
    fn lose_store(&mut self, error: StoreError) {
        tracing::error!(%error, "store failed; nothing is kept from here on");
        self.board.store.failure = Some(error.to_string());
        self.store_failure = Some(error);
        self.store = None;
        // What is not on disk is acknowledged to nobody.
        self.pending.clear();
        self.dirty = true;
    }

    /// What is on disk and was asked for one by one.
    pub(super) fn release(&mut self) -> Vec<Outgoing> {
        let durable = self.store.as_ref().map_or(u64::MAX, Store::durable);
        let ready = self.pending.iter().take_while(|(seq, _)| *seq <= durable).count();
        self.pending.drain(..ready).map(|(_, item)| item).collect()
    }

    /// Makes everything durable and ends.
    pub fn finish(mut self, now: Timestamp) -> (HubReport, Vec<Outgoing>) {
        if let Some(store) = &mut self.store
            && let Err(error) = store.flush()
        {
            self.lose_store(error);
        }
        let rest = self.release();
        let board = self.snapshot(now);
        if let Some(store) = self.store.take()
            && let Err(error) = store.close()
        {
            self.store_failure = Some(error);
        }
        if let Some(recorder) = self.recorder.take()
            && let Err(error) = recorder.finish()
        {
            self.recording_failure = Some(error.into());
        }
        let report = HubReport {
            tally: self.tally,
            board,
            store_failure: self.store_failure,
            recording_failure: self.recording_failure,
        };
        (report, rest)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use market::{Completeness, Mode, Payload, RawFrame};

    use super::*;

    #[test]
    fn a_feed_that_dies_while_watching_stops_counting_as_watched() {
        let start: Timestamp = "2026-10-12T13:30:00Z".parse().expect("a time");
        let at = |secs| start.plus(Duration::from_secs(secs));
        let okx = FeedId::new("okx");
        let mut board = Board::new(Mode::Live, start);
        board.add_feed(okx.clone(), Completeness::Partial);
        let mut hub = Hub::new(board, Vec::new(), Wanted::Nothing);
        hub.take(FeedMessage::State { feed: okx.clone(), at: at(0), state: FeedState::Live });
        hub.take(FeedMessage::Alive { feed: okx.clone(), at: at(60) });
        let state = FeedState::Failed { reason: "bug: it panicked".to_owned() };
        hub.take(FeedMessage::State { feed: okx.clone(), at: at(70), state });
        let board = hub.snapshot(at(120));
        let health = board.feed(&okx).expect("taken up");
        let gap = health.recent_gaps.last().expect("a gap");
        assert_eq!((gap.from, gap.until, gap.cause), (at(60), None, GapCause::FeedFailed));
        assert!((health.coverage(Duration::from_mins(2), at(120)) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn what_a_failed_store_did_not_keep_is_handed_to_nobody() {
        let row = feeds::find("binance-usdm").expect("a feed");
        let mut decoder = row.decoder(&feeds::FeedConfig::default());
        let text = r#"{"e":"forceOrder","E":1767695630200,"o":{"s":"BTCUSDT","S":"SELL","q":"1","p":"80000","ap":"80000","X":"FILLED","l":"1","z":"1","T":1767695630199}}"#;
        let mut take_one = || {
            let frame = RawFrame {
                feed: FeedId::new(row.id),
                receive_time: Timestamp::from_millis(1_767_695_630_380).expect("a time"),
                payload: Payload::Text(text.into()),
            };
            feeds::decode_frame(&mut *decoder, frame)
        };
        let mut hub = Hub::new(Board::new(Mode::Live, Timestamp::EPOCH), Vec::new(), Wanted::AlertsAndEvents);
        hub.take_frame(take_one());
        assert_eq!(hub.release().len(), 1, "nothing was to be stored, so nothing is waited for");
        hub.take_frame(take_one());
        hub.lose_store(StoreError::NotAStore { dir: "gone".into() });
        hub.take_frame(take_one());
        assert!(hub.release().is_empty());
        assert_eq!(hub.tally.events, 3, "the screen goes on");
    }
}
