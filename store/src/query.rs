//! Which rows are wanted.

use market::{Instrument, Timestamp};

use crate::manifest::TableFile;
use crate::table::{Cells, Row, Table};

/// Which rows are wanted. The default is all of them.
///
/// Times are compared with the table's own: a liquidation's event time, an alert's time, a frame's
/// receive time; a gap is wanted when any part of it is inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The first moment wanted.
    pub from: Option<market::Timestamp>,
    /// The first moment no longer wanted.
    pub to: Option<market::Timestamp>,
    /// Feeds by name; empty means all. Alerts belong to no feed and are never left out by this.
    pub feeds: Vec<market::FeedId>,
    /// Instruments (`BTC-USDT-PERP`) or base assets (`BTC`); empty means all. Only liquidations have
    /// instruments; other tables ignore this.
    pub instruments: Vec<String>,
}

impl Query {
    /// Whether a file may hold a wanted row.
    pub(crate) fn may_be_in(&self, file: &TableFile) -> bool {
        // Where a gap ends may be in a later version of it, but all versions share their start.
        let starts_too_early = !file.is_of(Table::Gaps) && self.from.is_some_and(|from| file.max_time < from);
        let starts_too_late = self.to.is_some_and(|to| file.min_time >= to);
        !starts_too_early && !starts_too_late
    }

    /// Whether a row is wanted. Of a gap, only its last version may be asked about.
    pub(crate) fn wants(&self, row: &Row) -> bool {
        let is_in_time = match row.gap() {
            Some((_, gap)) => self.overlaps(gap.from, gap.until),
            None => self.covers(row.time()),
        };
        is_in_time && self.wants_source(row)
    }

    fn wants_source(&self, row: &Row) -> bool {
        let feed = match &row.cells {
            Cells::Event(event) => &event.feed,
            Cells::Frame { frame, .. } => &frame.feed,
            Cells::Alert(_) => return true,
        };
        let wants_feed = self.feeds.is_empty() || self.feeds.contains(feed);
        wants_feed
            && row.liquidation().is_none_or(|(_, liquidation)| self.wants_instrument(&liquidation.instrument))
    }

    fn wants_instrument(&self, instrument: &Instrument) -> bool {
        if self.instruments.is_empty() {
            return true;
        }
        let name = instrument.to_string();
        self.instruments.iter().any(|wanted| {
            [name.as_str(), instrument.asset(), instrument.base.as_str()]
                .iter()
                .any(|candidate| wanted.eq_ignore_ascii_case(candidate))
        })
    }

    fn covers(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }

    fn overlaps(&self, start: Timestamp, end: Option<Timestamp>) -> bool {
        self.to.is_none_or(|to| start < to)
            && self.from.is_none_or(|from| end.is_none_or(|end| end > from || start >= from))
    }
}
