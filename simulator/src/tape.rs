//! The generator: a deterministic sequence of frames, as every venue would send them.

use std::collections::VecDeque;

use hyper::{HeaderMap, Method};

use crate::market::{Market, Prices};
use crate::rest::Request;
use crate::scenario::Scenario;
use crate::venue::Venue;
use crate::venues::VENUES;
use crate::world::{Forced, World};

/// What a frame or an answer is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A text message, or the body of a REST answer.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl Payload {
    /// The bytes, whatever their kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text; `None` for a binary message.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// One frame (or REST answer) of one venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimFrame {
    /// When the venue sends it, microseconds since 1970 UTC.
    pub at_micros: i64,
    /// The venue's id: `binance-usdm`, `bybit-linear`, `okx`, …
    pub venue: &'static str,
    /// The bytes on the wire, as the widest subscription gets them: Binance's in the combined envelope
    /// of `!forceOrder@arr`, Gate's with decimal sizes, HTX's compressed.
    pub payload: Payload,
    /// What it is subscribed by: `btcusdt@forceOrder`, `allLiquidation.BTCUSDT`,
    /// `liquidation-orders:SWAP`; the request of a REST answer.
    pub topic: String,
    /// What a REST answer answers: its path and query, a call and its arguments for a Bitcoin node
    /// (`getblockstats 976000`), with what the body asked after a `#` where that alone tells answers apart.
    /// `None` for what a socket sends.
    pub request: Option<String>,
    /// Liquidations in it; 0 for a REST answer.
    pub events: u64,
}

impl SimFrame {
    /// Whether this is a REST answer, which no socket sends.
    pub fn is_answer(&self) -> bool {
        self.request.is_some()
    }

    /// The text; `None` for a binary frame.
    pub fn text(&self) -> Option<&str> {
        self.payload.text()
    }
}

/// One venue's way of telling what happened. `()` is a venue of whose market nothing is told.
pub(crate) trait Dialect: Send {
    /// Takes note of a liquidation.
    fn note(&mut self, _forced: Forced) {}

    /// When the next frame is due; `None` while there is nothing to tell.
    fn due(&self) -> Option<i64> {
        None
    }

    /// Appends what is due at `now`.
    fn tell(&mut self, _now: i64, _prices: &Prices, _out: &mut VecDeque<SimFrame>) {}

    /// The market has ended: what happened is still told, and nothing else any more.
    fn hush(&mut self) {}

    /// How many liquidations happened, given how many were noted.
    fn happened(&self, noted: u64) -> u64 {
        noted
    }
}

impl Dialect for () {}

/// Every venue's frames in the order in which they are sent, REST answers first. The same scenario,
/// seed and start give the same bytes. Endless where the scenario loops.
pub struct Tape {
    world: std::iter::Peekable<World>,
    prices: Prices,
    hushed: bool,
    dialects: Vec<Box<dyn Dialect>>,
    ready: VecDeque<SimFrame>,
    noted: Vec<u64>,
    told: Vec<u64>,
}

impl Tape {
    /// A tape that starts at `start_micros` (microseconds since 1970 UTC) in real time.
    pub fn new(scenario: &Scenario, seed: u64, start_micros: i64) -> Self {
        Self::with_pace(scenario, seed, start_micros, 1.0)
    }

    /// A tape whose market runs `pace` times faster than the venues' clocks. The venues keep their
    /// own rules (one event per symbol and second, batches every 500 ms) whatever the pace.
    /// A pace that is no positive number counts as 1.
    pub fn with_pace(scenario: &Scenario, seed: u64, start_micros: i64, pace: f64) -> Self {
        Self::over(scenario, &Market::new(seed, start_micros), pace)
    }

    pub(crate) fn over(scenario: &Scenario, market: &Market, pace: f64) -> Self {
        let pace = if pace.is_finite() && pace > 0.0 { pace } else { 1.0 };
        Self {
            world: World::new(scenario, market, pace).peekable(),
            prices: Prices::default(),
            hushed: false,
            dialects: VENUES.iter().map(|row| (row.dialect)(market)).collect(),
            ready: references(market).collect(),
            noted: vec![0; VENUES.len()],
            told: vec![0; VENUES.len()],
        }
    }

    /// Liquidations that have happened on `venue` so far, told or not.
    pub fn happened(&self, venue: Venue) -> u64 {
        self.dialects[venue.index()].happened(self.noted[venue.index()])
    }

    /// Liquidations in the frames of `venue` so far.
    pub fn told(&self, venue: Venue) -> u64 {
        self.told[venue.index()]
    }

    pub(crate) fn prices(&self) -> &Prices {
        &self.prices
    }

    /// Advances to the next moment at which something happens or is told; `false` at the end.
    fn step(&mut self) -> bool {
        let forced_at = self.world.peek().map(|forced| forced.at_micros);
        if forced_at.is_none() && !self.hushed {
            self.hushed = true;
            self.dialects.iter_mut().for_each(|dialect| dialect.hush());
        }
        let due = self
            .dialects
            .iter()
            .enumerate()
            .filter_map(|(index, dialect)| dialect.due().map(|at| (at, index)))
            .min();
        match (due, forced_at) {
            (Some((at, index)), forced_at) if forced_at.is_none_or(|forced_at| at <= forced_at) => {
                self.dialects[index].tell(at, &self.prices, &mut self.ready);
                true
            }
            (_, Some(_)) => {
                if let Some(forced) = self.world.next() {
                    if let Some(to) = forced.moved {
                        self.prices.follow(forced.contract.asset, to);
                    }
                    if let Some(venue) = Venue::find(forced.contract.venue) {
                        self.noted[venue.index()] += 1;
                        self.dialects[venue.index()].note(forced);
                    }
                }
                true
            }
            (_, None) => false,
        }
    }
}

/// What a tape begins with: the REST answers that each row names.
fn references(market: &Market) -> impl Iterator<Item = SimFrame> {
    let asked = VENUES.iter().flat_map(|row| row.references.iter().map(move |topic| (row, *topic)));
    asked.filter_map(|(row, topic)| {
        let (path, query) = topic.split_once('?').unwrap_or((topic, ""));
        let headers = HeaderMap::new();
        let request = Request {
            method: &Method::GET,
            path,
            query,
            headers: &headers,
            body: b"",
            now_micros: market.start_micros,
        };
        let answer = (row.answer)(&request, market)?;
        Some(SimFrame {
            at_micros: market.start_micros,
            venue: row.id,
            payload: String::from_utf8(answer.body).ok()?.into(),
            topic: topic.to_owned(),
            request: Some(topic.to_owned()),
            events: 0,
        })
    })
}

impl Iterator for Tape {
    type Item = SimFrame;

    fn next(&mut self) -> Option<SimFrame> {
        while self.ready.is_empty() {
            if !self.step() {
                return None;
            }
        }
        let frame = self.ready.pop_front()?;
        if let Some(venue) = Venue::find(frame.venue) {
            self.told[venue.index()] += frame.events;
        }
        Some(frame)
    }
}
