//! Starts everything and owns it: feeds, hub, store, and the order in which they stop.

mod decoders;
mod foresight;
mod hub;
mod offline;
mod replay;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use feeds::recording::RecordingWriter;
use feeds::{FeedConfig, FeedContext, FeedMessage, FeedRow};
use market::{Board, Clock, FeedId, FeedState, Gap, GapCause, Mode};
use store::{Reader, Recovery, Store, StoreOptions};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alerts::Rule;
use crate::books::Background;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::failure::{self, Failure};
use crate::forecasting::ForecastConfig;
use crate::url;
pub use decoders::Decoders;
use foresight::Foresight;
pub use foresight::Source;
pub use hub::{Hub, HubReport, Outgoing, Tally};
pub use offline::{board_from_store, play_scenario};
pub use replay::{Replay, ReplayReport, Speed};

/// Messages that may wait between the feeds and the hub.
const INBOX: usize = 4_096;
/// Alerts and events that may wait for whoever prints them.
const OUTBOX: usize = 1_024;
/// What may wait between the forecaster and the hub.
const FORETOLD: usize = 4;
/// How long feeds may take to say goodbye before they are left behind.
const GOODBYE: Duration = Duration::from_secs(2);

/// What to start.
pub struct Plan {
    /// The feeds, in the order in which panels list them.
    pub feeds: Vec<(&'static FeedRow, FeedConfig)>,
    /// The rules.
    pub rules: Vec<Box<dyn Rule>>,
    /// Where the events come from, for every screen.
    pub mode: Mode,
    /// Where to keep events; nothing is kept without it.
    pub store: Option<(PathBuf, StoreOptions)>,
    /// A recording to write as well.
    pub recorder: Option<RecordingWriter>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What is known before any feed speaks.
    pub background: Background,
    /// What to forecast, if anything, and whose past is fetched for it. Without a store nothing is forecast.
    pub forecast: Option<(ForecastConfig, Vec<Source>)>,
    /// What to do when the store can no longer be written.
    pub on_store_failure: OnStoreFailure,
    /// Whether alerts and events are wanted one by one, once they are on disk.
    pub outgoing: Wanted,
}

impl Plan {
    /// What the configuration asks for: its feeds live, into its store, for a screen.
    pub fn of(settings: Settings) -> Self {
        Self {
            forecast: settings.forecast(),
            feeds: settings.feeds,
            rules: settings.rules,
            mode: Mode::Live,
            store: Some((settings.store_dir, settings.store_options)),
            recorder: None,
            clock: Arc::new(SystemClock),
            background: settings.background,
            on_store_failure: OnStoreFailure::GoOn,
            outgoing: Wanted::Nothing,
        }
    }
}

/// What to do when the store can no longer be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStoreFailure {
    /// Stop: a daemon that keeps nothing is of no use.
    Stop,
    /// Go on watching, and say on the screen that nothing is kept.
    GoOn,
}

/// What the hub hands out one by one, once it is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: the Board is enough.
    Nothing,
    /// Alerts.
    Alerts,
    /// Alerts, and every liquidation.
    AlertsAndEvents,
}

/// A running watch.
pub struct Engine {
    /// The Board, at most 20 times a second.
    pub board: watch::Receiver<Arc<Board>>,
    /// What was wanted one by one.
    pub outgoing: mpsc::Receiver<Outgoing>,
    cancel: CancellationToken,
    /// Ends the hub, even while a feed that was left behind still holds its channel.
    end_hub: CancellationToken,
    feeds: TaskTracker,
    hub: JoinHandle<HubReport>,
}

impl Engine {
    /// Opens the store, restores the last day from it, and starts hub and feeds on `runtime`.
    ///
    /// # Errors
    /// The store cannot be opened or read, or a thread cannot be started.
    pub fn start(runtime: &Handle, plan: Plan) -> Result<Self, Failure> {
        let now = plan.clock.now();
        let mut board = Board::new(plan.mode, now);
        for (row, config) in &plan.feeds {
            let feed = FeedId::new(row.id);
            board.add_feed(feed.clone(), row.completeness);
            if let Some(health) = board.feed_mut(&feed) {
                let written = if row.url.is_empty() { &config.rest_url } else { &config.url };
                let (host, _) = url::split(written.as_deref().unwrap_or(row.home()));
                health.is_relayed = host != url::split(row.home()).0;
                host.clone_into(&mut health.source);
            }
        }
        let mut hub = Hub::new(board, plan.rules, plan.outgoing);
        hub.set_background(plan.background);
        let mut gaps: Vec<Option<Gap>> = vec![None; plan.feeds.len()];
        let mut cache_dir = None;
        let mut store_dir = None;
        if let Some((dir, options)) = plan.store {
            let (store, recovery) = Store::open(&dir, options, Arc::clone(&plan.clock))?;
            log_recovery(&dir, &recovery);
            hub.restore(&Reader::open(&dir)?, now)?;
            cache_dir = Some(dir.join("cache"));
            store_dir = Some(dir.clone());
            hub.keep_in(store, dir);
            for ((row, _), gap) in plan.feeds.iter().zip(&mut gaps) {
                *gap = hub.resume(&FeedId::new(row.id), &recovery, now);
            }
        }
        if let Some(recorder) = plan.recorder {
            hub.record_to(recorder);
        }

        let (cancel, end_hub) = (CancellationToken::new(), CancellationToken::new());
        let tracker = TaskTracker::new();
        let (inbox, messages) = mpsc::channel(INBOX);
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let (publisher, board) = watch::channel(hub.snapshot(now));
        let (foreteller, foretold) = mpsc::channel(FORETOLD);
        let live = hub::Live {
            messages,
            foretold,
            outbox,
            publisher,
            clock: Arc::clone(&plan.clock),
            end: end_hub.clone(),
            stop_on_store_failure: (plan.on_store_failure == OnStoreFailure::Stop).then(|| cancel.clone()),
        };
        let hub = std::thread::Builder::new()
            .name("hub".to_owned())
            .spawn(move || hub.run(live))
            .map_err(|error| Failure::Bug(format!("start the hub's thread: {error}")))?;

        for (index, ((row, config), open_gap)) in plan.feeds.into_iter().zip(gaps).enumerate() {
            let context = FeedContext {
                feed: FeedId::new(row.id),
                clock: Arc::clone(&plan.clock),
                out: inbox.clone(),
                cancel: cancel.child_token(),
                open_gap,
                cache_dir: cache_dir.clone(),
                seed: now.as_micros().unsigned_abs().rotate_left(index as u32),
            };
            tracker.spawn_on(supervise(row, config, context), runtime);
        }
        tracker.close();
        if let (Some((config, sources)), Some(store_dir)) = (plan.forecast, store_dir) {
            let (clock, cancel) = (Arc::clone(&plan.clock), cancel.child_token());
            // It is left behind when the watch stops: what it hands over is kept by the hub, or not at all.
            Foresight { config, sources, store_dir, clock, hub: foreteller, cancel }.start()?;
        }
        Ok(Self { board, outgoing, cancel, end_hub, feeds: tracker, hub })
    }

    /// A token that is cancelled when the engine stops by itself.
    pub fn stopped(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Stops feeds, then hub, then store, losing nothing accepted. What is still to be handed out
    /// goes to `deliver`.
    ///
    /// # Errors
    /// The hub died of a bug.
    pub async fn stop(mut self, mut deliver: impl FnMut(Outgoing)) -> Result<HubReport, Failure> {
        self.cancel.cancel();
        let patience = tokio::time::sleep(GOODBYE);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                () = self.feeds.wait() => break,
                // Read on meanwhile: a hub that waits for us makes the feeds wait for it.
                Some(item) = self.outgoing.recv() => deliver(item),
                () = &mut patience => {
                    for health in self.board.borrow().feeds.iter().filter(|health| !health.state.has_ended()) {
                        tracing::warn!(feed = %health.feed, "still pending; left behind");
                    }
                    break;
                }
            }
        }
        self.end_hub.cancel();
        while let Ok(Some(item)) = tokio::time::timeout(GOODBYE, self.outgoing.recv()).await {
            deliver(item);
        }
        // Whatever the hub still has to hand out must not make it wait for us.
        drop(self.outgoing);
        let hub = self.hub;
        let joined = tokio::task::spawn_blocking(move || hub.join()).await;
        joined
            .map_err(|error| error.to_string())
            .and_then(|hub| hub.map_err(|panic| failure::panic_text(&*panic)))
            .map_err(|reason| Failure::Bug(format!("the hub stopped: {reason}")))
    }
}

/// Runs one feed; a panic or an error that no retry can mend ends that feed alone.
async fn supervise(row: &'static FeedRow, config: FeedConfig, context: FeedContext) {
    let (feed, clock, out) = (context.feed.clone(), Arc::clone(&context.clock), context.out.clone());
    let state = match tokio::spawn(feeds::run(row, config, context)).await {
        Ok(Ok(())) => FeedState::Stopped,
        Ok(Err(error)) => {
            tracing::error!(%feed, %error, "feed ended");
            FeedState::Failed { reason: error.to_string() }
        }
        Err(error) => {
            tracing::error!(%feed, %error, "feed panicked");
            FeedState::Failed { reason: format!("bug: {error}") }
        }
    };
    let _ = out.send(FeedMessage::State { feed, at: clock.now(), state }).await;
}

fn log_recovery(dir: &std::path::Path, recovery: &Recovery) {
    tracing::info!(
        dir = %dir.display(),
        last_seq = recovery.last_seq,
        replayed = recovery.replayed,
        truncated_bytes = recovery.truncated_bytes,
        "store opened"
    );
    for segment in &recovery.quarantined {
        tracing::error!(segment = %segment.display(), "journal segment damaged; set aside, a gap is recorded");
    }
}

/// The gap between the last run and this one.
fn not_running(from: market::Timestamp) -> Gap {
    Gap { from, until: None, cause: GapCause::NotRunning, detail: String::new() }
}
