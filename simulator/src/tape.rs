//! The generator: a deterministic sequence of frames, as every venue would send them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::binance::Throttle;
use crate::bybit::{self, Batches};
use crate::contracts::{Contract, listed};
use crate::okx::{self, Pushes};
use crate::scenario::Scenario;
use crate::venue::Venue;
use crate::world::{Forced, World};

/// One frame (or REST answer) of one venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimFrame {
    /// When the venue sends it, microseconds since 1970 UTC.
    pub at_micros: i64,
    /// The venue's id: `binance-usdm`, `bybit-linear`, `okx`.
    pub venue: &'static str,
    /// The bytes on the wire; Binance's in the combined envelope of `!forceOrder@arr`.
    pub text: String,
    /// What it answers or is subscribed by: `btcusdt@forceOrder`, `allLiquidation.BTCUSDT`,
    /// `liquidation-orders:SWAP`, or the path and query of a REST answer.
    pub topic: String,
    /// Liquidations in it; 0 for a REST answer.
    pub events: u64,
}

/// One venue's way of telling what happened.
pub(crate) trait Dialect: Send {
    /// Takes note of a liquidation.
    fn note(&mut self, forced: Forced);

    /// When the next frame is due; `None` while there is nothing to tell.
    fn due(&self) -> Option<i64>;

    /// Appends what is due at `now`.
    fn tell(&mut self, now: i64, out: &mut VecDeque<SimFrame>);
}

/// Every venue's frames in the order in which they are sent, REST answers first. The same scenario,
/// seed and start give the same bytes. Endless where the scenario loops.
pub struct Tape {
    world: std::iter::Peekable<World>,
    dialects: [Box<dyn Dialect>; 3],
    ready: VecDeque<SimFrame>,
    happened: [u64; 3],
    told: [u64; 3],
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
        let contracts: Vec<Arc<Contract>> = listed(start_micros).into_iter().map(Arc::new).collect();
        Self::over(scenario, &contracts, seed, (start_micros, pace))
    }

    pub(crate) fn over(
        scenario: &Scenario,
        contracts: &[Arc<Contract>],
        seed: u64,
        (start_micros, pace): (i64, f64),
    ) -> Self {
        let pace = if pace.is_finite() && pace > 0.0 { pace } else { 1.0 };
        let mut ready = VecDeque::new();
        ready.extend(bybit::references(contracts, start_micros));
        ready.extend(okx::references(contracts, start_micros));
        Self {
            world: World::new(scenario, contracts.to_vec(), seed, (start_micros, pace)).peekable(),
            dialects: [
                Box::new(Throttle::default()),
                Box::new(Batches::default()),
                Box::new(Pushes::default()),
            ],
            ready,
            happened: [0; 3],
            told: [0; 3],
        }
    }

    /// Liquidations that have happened on `venue` so far, told or not.
    pub fn happened(&self, venue: Venue) -> u64 {
        self.happened[venue.index()]
    }

    /// Liquidations in the frames of `venue` so far.
    pub fn told(&self, venue: Venue) -> u64 {
        self.told[venue.index()]
    }

    /// Advances to the next moment at which something happens or is told; `false` at the end.
    fn step(&mut self) -> bool {
        let due = self
            .dialects
            .iter()
            .enumerate()
            .filter_map(|(index, dialect)| dialect.due().map(|at| (at, index)))
            .min();
        let forced_at = self.world.peek().map(|forced| forced.at_micros);
        match (due, forced_at) {
            (Some((at, index)), forced_at) if forced_at.is_none_or(|forced_at| at <= forced_at) => {
                self.dialects[index].tell(at, &mut self.ready);
                true
            }
            (_, Some(_)) => {
                if let Some(forced) = self.world.next() {
                    let index = forced.contract.venue.index();
                    self.happened[index] += 1;
                    self.dialects[index].note(forced);
                }
                true
            }
            (_, None) => false,
        }
    }
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
