//! A feed under test: a protocol of a few words, and what the runner tells of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use market::{Clock, FeedId, FeedState, Gap, ManualClock, MarketEvent, Observation, Payload, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::super::timing::Timing;
use super::super::{FeedContext, FeedError, FeedMessage, run_with};
use super::venue::PATIENCE;
use crate::config::FeedConfig;
use crate::decode::Verdict;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};

/// Understands `ack`, `pong`, `event …`, `refuse …`, `closing …`, `ask …` (answered by `answer …`) and
/// `reference …`. Its query sets `asks` (messages that subscribe), `beat` and `rotate` (ms), and
/// `rest` (whether it needs a reference).
struct PlainProtocol {
    url: String,
    rest_url: String,
    asks: usize,
    heartbeat: Heartbeat,
    rotate_after: Duration,
    needs_reference: bool,
    acks: usize,
    answers: Vec<String>,
}

impl PlainProtocol {
    fn new(config: &FeedConfig) -> Self {
        let url = config.url.clone().unwrap();
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let options: HashMap<&str, u64> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key, value.parse().unwrap()))
            .collect();
        let millis = |key, default| Duration::from_millis(options.get(key).copied().unwrap_or(default));
        let every = millis("beat", 60_000);
        let heartbeat = match options.get("text_beat") {
            Some(_) => Heartbeat::Text { every, message: "ping".to_owned() },
            None => Heartbeat::Ping { every },
        };
        Self {
            asks: options.get("asks").map_or(1, |asks| *asks as usize),
            heartbeat,
            rotate_after: millis("rotate", 86_400_000),
            needs_reference: options.contains_key("rest"),
            rest_url: config.rest_url.clone().unwrap_or_default(),
            url,
            acks: 0,
            answers: Vec::new(),
        }
    }
}

impl Decoder for PlainProtocol {
    fn decode(&mut self, payload: &Payload, _out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = std::str::from_utf8(payload.as_bytes()).map_err(|_| DecodeError::Unknown)?;
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        Ok(match word {
            "ack" => {
                self.acks += 1;
                FrameKind::Ack
            }
            "pong" => FrameKind::Keepalive,
            "event" => FrameKind::Data("event"),
            "refuse" => FrameKind::Refused(rest.to_owned()),
            "closing" => FrameKind::Closing(rest.to_owned()),
            "ask" => {
                self.answers.push(format!("answer {rest}"));
                FrameKind::Ignored("ask")
            }
            "reference" => {
                self.needs_reference = false;
                FrameKind::Reference("contracts")
            }
            _ => return Err(DecodeError::Unknown),
        })
    }
}

impl StreamProtocol for PlainProtocol {
    fn url(&self) -> &str {
        &self.url
    }

    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("x-plain", "1")]
    }

    fn reset(&mut self) {
        self.acks = 0;
    }

    fn next_request(&mut self) -> Option<String> {
        self.needs_reference.then(|| format!("{}/contracts", self.rest_url))
    }

    fn forget_references(&mut self) {
        self.needs_reference = true;
    }

    fn subscribe(&mut self) -> Vec<String> {
        (0..self.asks).map(|ask| format!("subscribe {ask}")).collect()
    }

    fn outgoing(&mut self) -> Vec<String> {
        std::mem::take(&mut self.answers)
    }

    fn is_subscribed(&self) -> bool {
        self.acks >= self.asks
    }

    fn heartbeat(&self) -> Heartbeat {
        self.heartbeat.clone()
    }

    fn rotate_after(&self) -> Duration {
        self.rotate_after
    }
}

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

/// Waits of tens of milliseconds, and none that a story does not want.
pub(super) fn brisk() -> Timing {
    Timing {
        between_requests: Duration::from_millis(1),
        alive_every: Duration::from_millis(20),
        lag_after: Duration::from_millis(50),
        first_backoff: Duration::from_millis(20),
        drain_for: Duration::from_millis(150),
        refused_wait: Duration::from_millis(50),
        ..Timing::default()
    }
}

pub(super) struct Setup {
    pub(super) timing: Timing,
    pub(super) config: FeedConfig,
    pub(super) room: usize,
    pub(super) open_gap: Option<Gap>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Setup {
    /// A feed of `address`, with the options of `query`.
    pub(super) fn new(address: &str, query: &str) -> Self {
        let config = FeedConfig {
            url: Some(format!("ws://{address}/ws?{query}")),
            rest_url: Some(format!("http://{address}")),
            ..FeedConfig::default()
        };
        let clock = Arc::new(SteadyClock(Instant::now()));
        Self { timing: brisk(), config, room: 1000, open_gap: None, clock }
    }

    /// With a clock that stands still.
    pub(super) fn frozen(mut self) -> Self {
        self.clock = Arc::new(ManualClock::new(moment(0)));
        self
    }

    pub(super) fn start(self) -> Feed {
        let (out, inbox) = mpsc::channel(self.room);
        let cancel = CancellationToken::new();
        let context = FeedContext {
            feed: FeedId::new("plain"),
            clock: self.clock,
            out,
            cancel: cancel.clone(),
            open_gap: self.open_gap,
            seed: SEED,
        };
        let task = tokio::spawn(run_with(
            self.timing,
            |config| Box::new(PlainProtocol::new(config)),
            self.config,
            context,
        ));
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
    pub(super) async fn next(&mut self) -> FeedMessage {
        timeout(PATIENCE, self.inbox.recv()).await.expect("the feed tells something").expect("the feed runs")
    }

    /// Everything up to the first message that `is_wanted`, which comes last.
    pub(super) async fn until(&mut self, is_wanted: impl Fn(&FeedMessage) -> bool) -> Vec<FeedMessage> {
        let mut told = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "waited in vain; told was {told:?}");
            let message = self.next().await;
            let is_last = is_wanted(&message);
            told.push(message);
            if is_last {
                return told;
            }
        }
    }

    pub(super) async fn until_state(&mut self, label: &str) -> Vec<FeedMessage> {
        self.until(|message| state_of(message).is_some_and(|state| state.as_str() == label)).await
    }

    pub(super) async fn until_text(&mut self, wanted: &str) -> Vec<FeedMessage> {
        self.until(|message| text_of(message) == Some(wanted)).await
    }

    /// The next gap, and when it was told.
    pub(super) async fn next_gap(&mut self) -> (Gap, MarketEvent) {
        let told = self.until(|message| matches!(message, FeedMessage::Gap(_))).await;
        gaps_in(&told).pop().unwrap()
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
    match message {
        FeedMessage::State { state, .. } => Some(state),
        FeedMessage::Frame(_) | FeedMessage::Gap(_) | FeedMessage::Alive { .. } => None,
    }
}

pub(super) fn text_of(message: &FeedMessage) -> Option<&str> {
    match message {
        FeedMessage::Frame(decoded) => std::str::from_utf8(decoded.frame.payload.as_bytes()).ok(),
        FeedMessage::State { .. } | FeedMessage::Gap(_) | FeedMessage::Alive { .. } => None,
    }
}

/// The texts of data frames, in the order told.
pub(super) fn data_in(told: &[FeedMessage]) -> Vec<&str> {
    let is_data = |message: &&FeedMessage| match message {
        FeedMessage::Frame(decoded) => {
            matches!(decoded.verdict, Verdict::Understood(FrameKind::Data(_)) | Verdict::Rejected(_))
        }
        FeedMessage::State { .. } | FeedMessage::Gap(_) | FeedMessage::Alive { .. } => false,
    };
    told.iter().filter(is_data).filter_map(text_of).collect()
}

pub(super) fn states_in(told: &[FeedMessage]) -> Vec<&'static str> {
    told.iter().filter_map(state_of).map(FeedState::as_str).collect()
}

pub(super) fn gaps_in(told: &[FeedMessage]) -> Vec<(Gap, MarketEvent)> {
    told.iter()
        .filter_map(|message| match message {
            FeedMessage::Gap(event) => match &event.observation {
                Observation::Gap(gap) => Some((gap.clone(), event.clone())),
                other => panic!("no gap: {other:?}"),
            },
            FeedMessage::Frame(_) | FeedMessage::State { .. } | FeedMessage::Alive { .. } => None,
        })
        .collect()
}

pub(super) fn received_at(message: &FeedMessage) -> Timestamp {
    match message {
        FeedMessage::Frame(decoded) => decoded.frame.receive_time,
        FeedMessage::State { at, .. } | FeedMessage::Alive { at, .. } => *at,
        FeedMessage::Gap(event) => event.receive_time,
    }
}
