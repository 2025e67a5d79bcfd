//! Of each contract's second, the largest: what several venues tell instead of everything.

use std::collections::{BTreeMap, VecDeque};

use crate::market::Prices;
use crate::tape::{Dialect, SimFrame};
use crate::world::Forced;

/// Everything happens, the largest of each contract's window is told when the window is over.
pub(crate) struct Throttle {
    window_micros: i64,
    frame: Box<Writer>,
    open: BTreeMap<String, Window>,
}

/// Writes a liquidation as told at a time.
type Writer = dyn FnMut(&Forced, i64) -> SimFrame + Send;

struct Window {
    ends: i64,
    largest: Forced,
}

impl Throttle {
    /// A throttle whose windows last `window_micros`; `frame` writes a liquidation as told at a time.
    pub(crate) fn new(
        window_micros: i64,
        frame: impl FnMut(&Forced, i64) -> SimFrame + Send + 'static,
    ) -> Self {
        Self { window_micros, frame: Box::new(frame), open: BTreeMap::new() }
    }
}

impl Dialect for Throttle {
    fn note(&mut self, forced: Forced) {
        match self.open.get_mut(&forced.contract.symbol) {
            None => {
                let window = Window { ends: forced.at_micros + self.window_micros, largest: forced };
                self.open.insert(window.largest.contract.symbol.clone(), window);
            }
            Some(window) if forced.usd > window.largest.usd => window.largest = forced,
            Some(_) => {}
        }
    }

    fn due(&self) -> Option<i64> {
        self.open.values().map(|window| window.ends).min()
    }

    fn tell(&mut self, now: i64, _prices: &Prices, out: &mut VecDeque<SimFrame>) {
        let frame = &mut self.frame;
        self.open.retain(|_, window| {
            if window.ends > now {
                return true;
            }
            out.push_back(frame(&window.largest, now));
            false
        });
    }
}
