//! What the forecaster says, or has fetched, taken in: kept first, then shown.

use market::{FORECASTER, Timestamp};
use store::{Record, Store};

use super::{Hub, Receipt};
use crate::engine::foresight::Foretold;
use crate::forecasting::Said;

impl Hub {
    /// Takes in what the forecaster says, or has fetched.
    pub(in crate::engine) fn take_foretold(&mut self, foretold: Foretold, now: Timestamp) {
        self.dirty = true;
        match foretold {
            Foretold::Past { origin, events, kept } => {
                let record = Record::Batch { origin: &origin, at: now, events: &events };
                let receipt = self.append(record);
                let is_kept = matches!(receipt, Receipt::Record(_)) && self.flush();
                if is_kept {
                    self.know(events);
                }
                let _ = kept.send(is_kept);
            }
            Foretold::Said(Said { events, outlooks, silences }) => {
                if !events.is_empty() {
                    self.append(Record::Batch { origin: FORECASTER, at: now, events: &events });
                    self.tally.events += events.len() as u64;
                }
                self.board.outlooks = outlooks.into();
                self.board.silences = silences.into();
                self.ask_rules(now);
            }
        }
    }

    /// Makes what was appended durable; whether it is.
    fn flush(&mut self) -> bool {
        match self.store.as_mut().map(Store::flush) {
            Some(Ok(_)) => true,
            Some(Err(error)) => {
                self.lose_store(error);
                false
            }
            None => false,
        }
    }
}
