//! Recordings through the same decoders, hub, store and rules as live, on the recording's own clock.

mod pace;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use feeds::Decoded;
use feeds::recording::{Entry, RecordingError, RecordingReader};
use market::{Alert, Board, Date, ManualClock, Mode, RawFrame, Timestamp};
use store::{Fingerprint, Query, Reader, Store, StoreError, StoreOptions, fingerprint};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::pace::Pace;
use super::decoders::Decoders;
use super::hub::{Hub, Receipt};
use super::{HubReport, Outgoing, Wanted};
use crate::alerts::Rule;
use crate::books::Background;
use crate::config::Settings;
use crate::failure::Failure;

/// Frames that travel together.
const BATCH: usize = 512;
/// Batches that may wait between reader and hub.
const BATCHES: usize = 8;
/// Boards are published at most this often, in the viewer's time.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);

/// How fast a recording plays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// This many recorded seconds a second.
    Times(f64),
    /// As fast as it goes.
    Max,
}

/// What to replay, and into what.
pub struct Replay {
    /// The recordings; their frames are merged by time.
    pub files: Vec<PathBuf>,
    /// How fast.
    pub speed: Speed,
    /// Where to keep the events; nothing is kept without it.
    pub store: Option<(PathBuf, StoreOptions)>,
    /// Ends the replay early, keeping what was taken in.
    pub cancel: CancellationToken,
    /// Where to show the Board.
    pub publisher: Option<watch::Sender<Arc<Board>>>,
}

/// What a replay counted.
#[derive(Debug)]
pub struct ReplayReport {
    /// Frames, events and alerts by feed and kind, and the last Board.
    pub hub: HubReport,
    /// Lines that hold no frame for us, by kind.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Frames written to the store.
    pub stored: u64,
    /// Frames that the store already held.
    pub already_stored: u64,
    /// The first frame's receive time.
    pub from: Option<Timestamp>,
    /// The last frame's receive time.
    pub to: Option<Timestamp>,
    /// The first line that could not be read, if any; everything else was taken in.
    pub unreadable: Option<RecordingError>,
    /// Wall time, to the last frame being durable.
    pub elapsed: Duration,
}

impl Replay {
    /// Plays the recordings to their end; `on_alert` hears every alert, in order, once it is on disk.
    ///
    /// # Errors
    /// A file cannot be opened or is no recording; the store cannot be opened, read or written.
    pub fn run(
        self,
        settings: &Settings,
        rules: Vec<Box<dyn Rule>>,
        on_alert: &mut dyn FnMut(&Alert),
    ) -> Result<ReplayReport, Failure> {
        let started = Instant::now();
        let readers =
            self.files.iter().map(|file| RecordingReader::open(file)).collect::<Result<Vec<_>, _>>()?;
        let (decoders, background) = (Decoders::new(&settings.config), settings.background.clone());
        let mut player = Player::new(decoders, rules, background, self.store.as_ref())?;
        let (batches, received) = sync_channel(BATCHES);
        let mut report = std::thread::scope(|scope| {
            let reading = scope.spawn(move || read_all(readers, &batches));
            let outcome = player.play(&received, &self, on_alert);
            drop(received);
            let read =
                reading.join().map_err(|_| Failure::Bug("the recording's reader panicked".to_owned()))?;
            outcome?;
            Ok::<_, Failure>(player.finish(read, self.publisher.as_ref(), on_alert))
        })?;
        report.elapsed = started.elapsed();
        match report.hub.store_failure.take() {
            Some(error) => Err(error.into()),
            None => Ok(report),
        }
    }
}

/// What the reader saw besides frames.
struct ReadReport {
    skipped: BTreeMap<&'static str, u64>,
    unreadable: Option<RecordingError>,
}

/// Merges the recordings by receive time.
fn read_all(mut readers: Vec<RecordingReader>, batches: &SyncSender<Vec<RawFrame>>) -> ReadReport {
    let mut report = ReadReport { skipped: BTreeMap::new(), unreadable: None };
    let mut heads: Vec<Option<RawFrame>> = Vec::new();
    let mut order = BinaryHeap::new();
    for (index, reader) in readers.iter_mut().enumerate() {
        heads.push(None);
        next_frame(reader, &mut heads[index], &mut report);
        order.extend(heads[index].as_ref().map(|frame| Reverse((frame.receive_time, index))));
    }
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(Reverse((_, index))) = order.pop() {
        let Some(frame) = heads[index].take() else { continue };
        batch.push(frame);
        if batch.len() == BATCH
            && batches.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).is_err()
        {
            return report;
        }
        next_frame(&mut readers[index], &mut heads[index], &mut report);
        order.extend(heads[index].as_ref().map(|frame| Reverse((frame.receive_time, index))));
    }
    let _ = batches.send(batch);
    report
}

fn next_frame(reader: &mut RecordingReader, head: &mut Option<RawFrame>, report: &mut ReadReport) {
    for entry in reader {
        match entry {
            Ok(Entry::Frame(frame)) => {
                *head = Some(frame);
                return;
            }
            Ok(Entry::Skipped(kind)) => *report.skipped.entry(kind).or_default() += 1,
            // Where the reader can go on, it does; where it cannot, this was its last word.
            Err(error) => {
                *report.skipped.entry("unreadable").or_default() += 1;
                report.unreadable.get_or_insert(error);
            }
        }
    }
}

/// The decoders and the hub of a replay, and what it takes to store each frame once.
struct Player<'a> {
    decoders: Decoders<'a>,
    hub: Hub,
    held: Option<Held>,
    /// Frames of feeds that we do not know.
    unknown: u64,
    stored: u64,
    already_stored: u64,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// The frames that the store held before, day by day.
struct Held {
    dir: PathBuf,
    days: BTreeSet<Date>,
    frames: HashMap<Fingerprint, u32>,
}

impl Held {
    /// Whether the store already holds one more copy of `frame` than was met so far.
    fn takes(&mut self, frame: &RawFrame) -> Result<bool, StoreError> {
        let day = frame.receive_time.date();
        if self.days.insert(day) {
            let found = Reader::open(&self.dir)?.fingerprints(day.start(), day.next().start())?;
            self.frames.extend(found);
        }
        if self.frames.is_empty() {
            return Ok(false);
        }
        let Some(left) = self.frames.get_mut(&fingerprint(frame)) else { return Ok(false) };
        let is_held = *left > 0;
        *left = left.saturating_sub(1);
        Ok(is_held)
    }
}

impl<'a> Player<'a> {
    fn new(
        decoders: Decoders<'a>,
        rules: Vec<Box<dyn Rule>>,
        background: Background,
        store: Option<&(PathBuf, StoreOptions)>,
    ) -> Result<Self, Failure> {
        let board = Board::new(Mode::Replay, Timestamp::EPOCH);
        let mut hub = Hub::new(board, rules, Wanted::Alerts);
        hub.set_background(background);
        let mut held = None;
        if let Some((dir, options)) = store {
            let (store, _) = Store::open(dir, *options, Arc::new(ManualClock::default()))?;
            hub.know_alerts(&Reader::open(dir)?.alerts(&Query::default())?);
            hub.keep_in(store, dir.clone());
            held = Some(Held { dir: dir.clone(), days: BTreeSet::new(), frames: HashMap::new() });
        }
        Ok(Self { decoders, hub, held, unknown: 0, stored: 0, already_stored: 0, from: None, to: None })
    }

    fn play(
        &mut self,
        batches: &Receiver<Vec<RawFrame>>,
        plan: &Replay,
        on_alert: &mut dyn FnMut(&Alert),
    ) -> Result<(), Failure> {
        let mut pace = Pace::new(plan.speed);
        let mut published = Instant::now();
        for batch in batches {
            for frame in batch {
                let at = frame.receive_time;
                while let Some(wait) = pace.wait_until(at) {
                    if plan.cancel.is_cancelled() {
                        return Ok(());
                    }
                    self.hub.pass_time(pace.now());
                    self.publish(plan.publisher.as_ref(), pace.now());
                    tell(self.hub.release(), on_alert);
                    std::thread::park_timeout(wait.min(PUBLISH_EVERY));
                }
                self.take(frame)?;
                if plan.publisher.is_some() && published.elapsed() >= PUBLISH_EVERY {
                    self.publish(plan.publisher.as_ref(), at);
                    published = Instant::now();
                }
            }
            tell(self.hub.release(), on_alert);
            if plan.cancel.is_cancelled() || self.hub.has_lost_its_store() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn take(&mut self, frame: RawFrame) -> Result<(), Failure> {
        let at = frame.receive_time;
        let Some(decoded) = self.decoders.decode(frame) else {
            self.unknown += 1;
            return Ok(());
        };
        self.from.get_or_insert(at);
        self.to = self.to.max(Some(at));
        self.hub.meet(&decoded.frame.feed, at);
        if decoded.verdict.is_kept()
            && let Some(held) = &mut self.held
        {
            if held.takes(&decoded.frame)? {
                self.already_stored += 1;
                self.hub.pass_time(at);
                let Decoded { frame, verdict, events } = decoded;
                self.hub.show_frame(&frame.feed, at, &verdict);
                self.hub.show_events(events, Receipt::Settled);
                return Ok(());
            }
            self.stored += 1;
        }
        self.hub.take_frame(decoded);
        Ok(())
    }

    fn publish(&mut self, publisher: Option<&watch::Sender<Arc<Board>>>, now: Timestamp) {
        if let Some(publisher) = publisher {
            publisher.send_replace(self.hub.snapshot(now));
        }
    }

    fn finish(
        mut self,
        mut read: ReadReport,
        publisher: Option<&watch::Sender<Arc<Board>>>,
        on_alert: &mut dyn FnMut(&Alert),
    ) -> ReplayReport {
        if self.unknown > 0 {
            read.skipped.insert("unknown feed", self.unknown);
        }
        let end = self.to.unwrap_or(Timestamp::EPOCH);
        self.hub.stop_all_feeds(end);
        let (hub, rest) = self.hub.finish(end);
        tell(rest, on_alert);
        if let Some(publisher) = publisher {
            publisher.send_replace(Arc::clone(&hub.board));
        }
        ReplayReport {
            hub,
            skipped: read.skipped,
            stored: self.stored,
            already_stored: self.already_stored,
            from: self.from,
            to: self.to,
            unreadable: read.unreadable,
            elapsed: Duration::ZERO,
        }
    }
}

fn tell(items: Vec<Outgoing>, on_alert: &mut dyn FnMut(&Alert)) {
    for item in items {
        match item {
            Outgoing::Alert(alert) => on_alert(&alert),
            Outgoing::Event(_) => {}
        }
    }
}
