//! Mark price, funding and open interest of every contract that a venue tells of.

use std::collections::BTreeMap;

use market::{
    ContractRow, FeedId, FundingRate, Instrument, MarketEvent, OpenInterest, Price, Quote, QuoteKind,
    Timestamp, Usd,
};

/// The venue that a feed speaks for: several feeds may tell of one venue's contracts.
fn venue_of(feed: &FeedId) -> FeedId {
    match feed.as_str() {
        "binance-context" | "binance-open-interest" => FeedId::new("binance-usdm"),
        _ => feed.clone(),
    }
}

#[derive(Debug, Default)]
struct State {
    mark: Option<(Price, Timestamp)>,
    funding: Option<(FundingRate, Timestamp)>,
    interest: Option<(OpenInterest, Timestamp)>,
}

/// The latest of every contract, by instrument and venue.
#[derive(Debug, Default)]
pub(super) struct Contracts(BTreeMap<(Instrument, FeedId), State>);

impl Contracts {
    fn state(&mut self, instrument: Instrument, event: &MarketEvent) -> &mut State {
        self.0.entry((instrument, venue_of(&event.feed))).or_default()
    }

    /// Takes a mark price in; whether it was one.
    pub(super) fn take_mark(&mut self, event: &MarketEvent, quote: &Quote) -> bool {
        if quote.kind != QuoteKind::Mark {
            return false;
        }
        if let Ok(instrument) = quote.symbol.parse() {
            let state = self.state(instrument, event);
            if state.mark.is_none_or(|(_, at)| at <= event.event_time) {
                state.mark = Some((quote.price, event.event_time));
            }
        }
        true
    }

    pub(super) fn take_funding(&mut self, event: &MarketEvent, funding: &FundingRate) {
        let state = self.state(funding.instrument.clone(), event);
        if state.funding.as_ref().is_none_or(|(_, at)| *at <= event.event_time) {
            state.funding = Some((funding.clone(), event.event_time));
        }
    }

    pub(super) fn take_interest(&mut self, event: &MarketEvent, interest: &OpenInterest) {
        let state = self.state(interest.instrument.clone(), event);
        if state.interest.as_ref().is_none_or(|(_, at)| *at <= event.event_time) {
            state.interest = Some((interest.clone(), event.event_time));
        }
    }

    /// One row a contract and venue.
    pub(super) fn rows(&self) -> Vec<ContractRow> {
        let row = |((instrument, venue), state): (&(Instrument, FeedId), &State)| {
            let funding = state.funding.as_ref();
            ContractRow {
                venue: venue.clone(),
                instrument: instrument.clone(),
                mark: state.mark,
                funding: funding.map(|(funding, at)| (funding.rate, funding.interval_hours, *at)),
                annualised: funding.and_then(|(funding, _)| funding.annualised()),
                open_interest: state
                    .interest
                    .as_ref()
                    .and_then(|(interest, at)| Some((notional(interest, state.mark)?, *at))),
            }
        };
        self.0.iter().map(row).collect()
    }
}

/// What the open contracts are worth: as told, else base units at the mark price.
fn notional(interest: &OpenInterest, mark: Option<(Price, Timestamp)>) -> Option<Usd> {
    interest.notional.or_else(|| interest.quantity?.at(mark?.0).ok())
}
