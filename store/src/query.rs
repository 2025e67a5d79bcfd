//! Which rows are wanted.

use market::{Instrument, MarketEvent, Observation, Timestamp};

use crate::manifest::TableFile;
use crate::table::{Cells, Row, Table};

/// Which rows are wanted. The default is all of them, as known last.
///
/// Times are compared with the table's own: an event's time, the moment a forecast was made from, a bar's start, the start of a flow's or a
/// holding's day, a tip's block time, an alert's time, a frame's receive time; a gap is wanted when any
/// part of it is inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The first moment wanted.
    pub from: Option<market::Timestamp>,
    /// The first moment no longer wanted.
    pub to: Option<market::Timestamp>,
    /// Feeds by name; empty means all. Alerts belong to no feed and are never left out by this.
    pub feeds: Vec<market::FeedId>,
    /// What the rows are about, in any case of letters; empty means all. An instrument
    /// (`BTC-USDT-PERP`) or a coin (`BTC`) of what is traded, a ticker (`KEEL`) or a pair (`TAO-USDT`) of
    /// quotes and bars, a fund or a coin of fund flows, a holder, a ticker or a coin of holdings, a target
    /// (`vol-24h`) or a coin of forecasts and regimes. Other tables ignore this.
    pub instruments: Vec<String>,
    /// Only what was known by this moment, as it was known then.
    pub as_of: Option<market::Timestamp>,
    /// What time it is, for what depends on it (whether a fund flow is final), where `as_of` does not say.
    pub now: Option<market::Timestamp>,
}

impl Query {
    /// The moment that the answer is for.
    pub(crate) fn moment(&self) -> Option<Timestamp> {
        self.as_of.or(self.now)
    }

    /// Whether a file may hold a wanted row, or one that replaces it.
    pub(crate) fn may_be_in(&self, file: &TableFile) -> bool {
        // Where a gap ends may be in a later version of it, but all versions share their start.
        let starts_too_early = !file.is_of(Table::Gaps) && self.from.is_some_and(|from| file.max_time < from);
        let starts_too_late = self.to.is_some_and(|to| file.min_time >= to);
        // A block of one height may be replaced by one of another time.
        file.is_of(Table::Chain) || (!starts_too_early && !starts_too_late)
    }

    /// Whether a row is wanted. Of what has versions, only the one that stands may be asked about.
    pub(crate) fn wants(&self, row: &Row) -> bool {
        let is_in_time = match row.gap() {
            Some((_, gap)) => self.overlaps(gap.from, gap.until),
            None => self.covers(row.time()),
        };
        is_in_time && self.is_visible(row) && self.wants_source(row) && self.wants_subject(row)
    }

    /// Whether a row may be wanted, or decide which version of another stands.
    pub(crate) fn may_want(&self, row: &Row) -> bool {
        let is_in_time = match row.table() {
            Table::Chain | Table::Gaps => true,
            // Whether a day is complete depends on all the funds that reported before.
            Table::EtfFlows => return self.is_visible(row) && self.wants_source(row),
            _ => self.covers(row.time()),
        };
        is_in_time && self.is_visible(row) && self.wants_source(row) && self.wants_subject(row)
    }

    pub(crate) fn is_visible(&self, row: &Row) -> bool {
        self.as_of.is_none_or(|moment| row.known_at() <= moment)
    }

    fn wants_source(&self, row: &Row) -> bool {
        let feed = match &row.cells {
            Cells::Event(event) => &event.feed,
            Cells::Frame { frame, .. } => &frame.feed,
            Cells::Alert(_) => return true,
        };
        self.feeds.is_empty() || self.feeds.contains(feed)
    }

    fn wants_subject(&self, row: &Row) -> bool {
        self.instruments.is_empty() || row.event().is_none_or(|event| self.wants_any_name_of(event))
    }

    fn wants_any_name_of(&self, event: &MarketEvent) -> bool {
        match &event.observation {
            Observation::Liquidation(liquidation) => self.wants_instrument(&liquidation.instrument),
            Observation::FundingRate(funding) => self.wants_instrument(&funding.instrument),
            Observation::OpenInterest(interest) => self.wants_instrument(&interest.instrument),
            Observation::Bar(bar) => self.wants_symbol(&bar.symbol),
            Observation::Quote(quote) => self.wants_symbol(&quote.symbol),
            Observation::EtfFlow(flow) => self.wants_name(&[&flow.fund, &flow.asset]),
            Observation::Holding(holding) => self.wants_name(&[
                &holding.holder,
                holding.ticker.as_deref().unwrap_or(&holding.holder),
                &holding.asset,
            ]),
            Observation::Forecast(forecast) => self.wants_name(&[&forecast.target, &forecast.asset]),
            Observation::Regime(regime) => self.wants_name(&[&regime.target, &regime.asset]),
            Observation::ChainTip(_) | Observation::Gap(_) => true,
        }
    }

    fn wants_symbol(&self, symbol: &str) -> bool {
        if let Ok(instrument) = symbol.parse::<Instrument>() {
            return self.wants_instrument(&instrument);
        }
        // A ticker may have a dash of its own (`BRK-B`); then its first half is a name by chance only.
        self.wants_name(&[symbol, symbol.split_once('-').map_or(symbol, |(base, _)| base)])
    }

    fn wants_instrument(&self, instrument: &Instrument) -> bool {
        self.wants_name(&[&instrument.to_string(), instrument.asset(), &instrument.base])
    }

    fn wants_name(&self, names: &[&str]) -> bool {
        self.instruments.is_empty()
            || self
                .instruments
                .iter()
                .any(|wanted| names.iter().any(|name| wanted.eq_ignore_ascii_case(name)))
    }

    fn covers(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }

    fn overlaps(&self, start: Timestamp, end: Option<Timestamp>) -> bool {
        self.to.is_none_or(|to| start < to)
            && self.from.is_none_or(|from| end.is_none_or(|end| end > from || start >= from))
    }
}
