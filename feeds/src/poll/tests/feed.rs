//! A feed under test: a protocol of a few words, and what the runner tells of it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use market::{
    Clock, Completeness, FeedId, FeedState, Gap, ManualClock, MarketEvent, Observation, Payload, Timestamp,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::super::http::HttpFetch;
use super::super::{Source as Asking, run_fetching};
use super::source::PATIENCE;
use crate::config::FeedConfig;
use crate::protocol::{Ask, DecodeError, Decoder, FrameKind, PollProtocol, Stamped};
use crate::venues::{FeedRow, Follows, Protocol};
use crate::watch::timing::Timing;
use crate::watch::{FeedContext, FeedError, FeedMessage};

/// Asks for the paths in its `url`, and understands `data …`, `refuse …` and `part …`. Other options
/// there: `every` (ms), `post` (a body), `agent`, `key` (headers).
struct PlainProtocol {
    paths: Vec<String>,
    options: HashMap<String, String>,
    left: Vec<String>,
}

impl PlainProtocol {
    fn new(config: &FeedConfig) -> Self {
        let url = config.url.clone().unwrap();
        let (paths, options) = url.split_once('?').unwrap();
        let options = options
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let paths = paths.split(',').map(|path| format!("/{path}")).collect();
        Self { paths, options, left: Vec::new() }
    }
}

impl Decoder for PlainProtocol {
    fn decode(&mut self, payload: &Payload, _out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = std::str::from_utf8(payload.as_bytes()).map_err(|_| DecodeError::Unknown)?;
        match text.split_once(' ').unwrap_or((text, "")) {
            ("data", _) => Ok(FrameKind::Data("data")),
            ("part", row) => Ok(FrameKind::DataWithout { label: "data", refused: vec![row.to_owned()] }),
            ("refuse", words) => Ok(FrameKind::Refused(words.to_owned())),
            _ => Err(DecodeError::Unknown),
        }
    }
}

impl PollProtocol for PlainProtocol {
    fn every(&self) -> Duration {
        Duration::from_millis(self.options.get("every").map_or(30, |every| every.parse().unwrap()))
    }

    fn spacing(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn begin(&mut self, _now: Timestamp) {
        self.left = self.paths.iter().rev().cloned().collect();
    }

    fn next_ask(&mut self) -> Option<Ask> {
        let mut ask = Ask::get(self.left.pop()?);
        ask.body = self.options.get("post").cloned();
        ask.headers.extend(self.options.get("agent").map(|agent| ("user-agent", agent.clone())));
        ask.headers.extend(self.options.get("key").map(|key| ("x-key", key.clone())));
        Some(ask)
    }
}

fn plain(config: &FeedConfig) -> Box<dyn PollProtocol> {
    Box::new(PlainProtocol::new(config))
}

pub(super) const ROW: FeedRow = FeedRow {
    id: "plain",
    about: "A source for tests",
    completeness: Completeness::Complete,
    url: "",
    rest_url: "https://plain.example",
    follows: Follows::Everything,
    keys: &[],
    protocol: Protocol::Poll(plain),
};
static PLAIN: FeedRow = ROW;
static KEYED: FeedRow = FeedRow { keys: &["PLAIN_API_KEY"], ..ROW };

/// Runs with the machine, from a fixed moment on.
struct SteadyClock(Instant);

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        moment(0).plus(self.0.elapsed())
    }
}

/// `secs` after the moment at which the clocks of these tests start.
pub(super) fn moment(secs: i64) -> Timestamp {
    Timestamp::from_millis((1_790_000_000 + secs) * 1000).unwrap()
}

pub(super) struct Setup {
    pub(super) row: &'static FeedRow,
    pub(super) timing: Timing,
    pub(super) config: FeedConfig,
    pub(super) open_gap: Option<Gap>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cache_dir: Option<PathBuf>,
}

impl Setup {
    /// A feed that asks `address` what `asks` says: `paths?options`.
    pub(super) fn new(address: &str, asks: &str) -> Self {
        let config = FeedConfig {
            url: Some(asks.to_owned()),
            rest_url: Some(format!("http://{address}")),
            ..FeedConfig::default()
        };
        let timing = Timing {
            alive_every: Duration::from_millis(10),
            first_backoff: Duration::from_millis(20),
            refused_wait: Duration::from_millis(50),
            ..Timing::default()
        };
        let clock = Arc::new(SteadyClock(Instant::now()));
        Self { row: &PLAIN, timing, config, open_gap: None, clock, cache_dir: None }
    }

    /// With a clock that stands still at `moment(secs)` until it is set.
    pub(super) fn frozen(mut self, secs: i64) -> (Self, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(moment(secs)));
        self.clock = clock.clone();
        (self, clock)
    }

    pub(super) fn keyed(mut self) -> Self {
        self.row = &KEYED;
        self
    }

    pub(super) fn start(self) -> Feed {
        let (out, inbox) = mpsc::channel(1000);
        let cancel = CancellationToken::new();
        let context = FeedContext {
            feed: FeedId::new("plain"),
            clock: self.clock,
            out,
            cancel: cancel.clone(),
            open_gap: self.open_gap,
            seed: SEED,
            cache_dir: self.cache_dir,
        };
        let asking = Asking { row: self.row, make: plain, config: self.config };
        let timing = self.timing;
        let task = tokio::spawn(run_fetching(timing, asking, context, HttpFetch::new));
        Feed { inbox, cancel, task }
    }
}

pub(super) const SEED: u64 = 42;

pub(super) struct Feed {
    pub(super) inbox: mpsc::Receiver<FeedMessage>,
    pub(super) cancel: CancellationToken,
    pub(super) task: JoinHandle<Result<(), FeedError>>,
}

impl Feed {
    /// Everything up to the first message that `is_wanted`, which comes last.
    pub(super) async fn until(&mut self, is_wanted: impl Fn(&FeedMessage) -> bool) -> Vec<FeedMessage> {
        let mut told = Vec::new();
        loop {
            let message = timeout(PATIENCE, self.inbox.recv()).await;
            let message = message.unwrap_or_else(|_| panic!("waited in vain; told was {told:?}"));
            let message = message.expect("the feed runs");
            let is_last = is_wanted(&message);
            told.push(message);
            if is_last {
                return told;
            }
            assert!(told.len() < 5_000, "waited in vain; told was {told:?}");
        }
    }

    pub(super) async fn until_state(&mut self, label: &str) -> Vec<FeedMessage> {
        self.until(|message| state_of(message).is_some_and(|state| state.as_str() == label)).await
    }

    pub(super) async fn until_text(&mut self, wanted: &str) -> Vec<FeedMessage> {
        self.until(|message| text_of(message) == Some(wanted)).await
    }

    /// Everything up to the first sign of life that is later than `at`.
    pub(super) async fn until_alive_after(&mut self, at: Timestamp) -> Vec<FeedMessage> {
        self.until(|message| matches!(message, FeedMessage::Alive { at: alive, .. } if *alive > at)).await
    }

    pub(super) async fn next_gap(&mut self) -> Gap {
        let told = self.until(|message| matches!(message, FeedMessage::Gap(_))).await;
        gaps_in(&told).pop().unwrap()
    }

    /// Stops the feed; everything told until it ended.
    pub(super) async fn stop(self) -> Vec<FeedMessage> {
        self.cancel.cancel();
        let (told, ended) = self.rest().await;
        ended.unwrap();
        told
    }

    /// Everything told until the feed ended.
    pub(super) async fn rest(mut self) -> (Vec<FeedMessage>, Result<(), FeedError>) {
        let mut told = Vec::new();
        while let Some(message) = timeout(PATIENCE, self.inbox.recv()).await.expect("the feed ends") {
            told.push(message);
        }
        (told, self.task.await.unwrap())
    }
}

pub(super) fn state_of(message: &FeedMessage) -> Option<&FeedState> {
    if let FeedMessage::State { state, .. } = message { Some(state) } else { None }
}

pub(super) fn text_of(message: &FeedMessage) -> Option<&str> {
    let FeedMessage::Frame(decoded) = message else { return None };
    std::str::from_utf8(decoded.frame.payload.as_bytes()).ok()
}

/// The texts of frames, in the order told.
pub(super) fn texts_in(told: &[FeedMessage]) -> Vec<&str> {
    told.iter().filter_map(text_of).collect()
}

pub(super) fn states_in(told: &[FeedMessage]) -> Vec<&'static str> {
    told.iter().filter_map(state_of).map(FeedState::as_str).collect()
}

pub(super) fn gaps_in(told: &[FeedMessage]) -> Vec<Gap> {
    let events = told.iter().filter_map(|message| match message {
        FeedMessage::Gap(MarketEvent { observation: Observation::Gap(gap), .. }) => Some(gap.clone()),
        _ => None,
    });
    events.collect()
}
