//! What the desk knows beyond liquidations: the latest of everything, and the tables made from it.
//!
//! [`Books::apply`] takes events in whatever their order; [`Books::desk`] makes the tables that every
//! front end shows. No clock: the moment is an argument.

mod coins;
mod contracts;
mod mining;
pub(crate) mod prices;
mod stocks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use market::{
    Desk, FeedId, FlowBook, FlowTable, Holding, MarketEvent, Observation, Occasion, Timestamp, Treasury,
    treasury_seed,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use contracts::Contracts;
use prices::Prices;

/// What mining is assumed to be like: `[mining]` in the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assumptions {
    /// Joules per terahash of the fleet, cooling included.
    pub joules_per_terahash: f64,
    /// Share of the time that machines run, 0 to 1.
    pub uptime: f64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self { joules_per_terahash: 18.0, uptime: 0.95 }
    }
}

impl Assumptions {
    /// Whether mining can be like that.
    ///
    /// # Errors
    /// The key and what is wrong with its value.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let joules = self.joules_per_terahash;
        if !(1.0..=1_000.0).contains(&joules) {
            return Err(("joules_per_terahash", format!("is {joules}; use 1 to 1000")));
        }
        if !(0.0..=1.0).contains(&self.uptime) {
            return Err(("uptime", format!("is {}; use 0 to 1", self.uptime)));
        }
        Ok(())
    }
}

/// What is known before any feed speaks.
#[derive(Clone, Debug, Default)]
pub struct Background {
    /// Dated facts, in order of time.
    pub occasions: Arc<[Occasion]>,
    /// What mining is assumed to be like.
    pub assumed: Assumptions,
}

/// The shipped treasuries as events of the source `shipped`, each known since the day after its own.
pub fn shipped_holdings() -> impl Iterator<Item = MarketEvent> {
    treasury_seed().holdings.iter().map(|seed| {
        let known_at = seed.as_of.next().start();
        MarketEvent {
            feed: FeedId::new("shipped"),
            event_time: seed.as_of.start(),
            receive_time: known_at,
            known_at,
            observation: Observation::Holding(Holding {
                holder: SmolStr::new(&seed.name),
                ticker: Some(seed.ticker.clone()),
                asset: seed.asset.clone(),
                quantity: seed.quantity,
                as_of: seed.as_of,
            }),
        }
    })
}

/// The latest of everything that is a state rather than an event.
#[derive(Debug, Default)]
pub struct Books {
    flows: FlowBook,
    /// Made from `flows`, with the hour in which they were made: days settle on the hour.
    tables: Option<(i64, Vec<Arc<FlowTable>>)>,
    prices: Prices,
    contracts: Contracts,
    chain: BTreeMap<FeedId, Arc<MarketEvent>>,
    holdings: BTreeMap<(SmolStr, SmolStr, FeedId), (Holding, Timestamp)>,
}

impl Books {
    /// Takes an event in; liquidations, gaps and what the forecaster says change nothing here.
    pub fn apply(&mut self, event: &Arc<MarketEvent>) {
        match &event.observation {
            Observation::Liquidation(_)
            | Observation::Gap(_)
            | Observation::Forecast(_)
            | Observation::Regime(_) => {}
            Observation::EtfFlow(flow) => {
                if self.flows.apply(event, flow) {
                    self.tables = None;
                }
            }
            Observation::Bar(bar) => self.prices.take_bar(event, bar),
            Observation::Quote(quote) => {
                if !self.contracts.take_mark(event, quote) {
                    self.prices.take_quote(event, quote);
                }
            }
            Observation::FundingRate(funding) => self.contracts.take_funding(event, funding),
            Observation::OpenInterest(interest) => self.contracts.take_interest(event, interest),
            Observation::ChainTip(_) => {
                let tip = self.chain.entry(event.feed.clone()).or_insert_with(|| Arc::clone(event));
                if event.receive_time >= tip.receive_time {
                    *tip = Arc::clone(event);
                }
            }
            Observation::Holding(holding) => self.take_holding(event, holding),
        }
    }

    fn take_holding(&mut self, event: &MarketEvent, holding: &Holding) {
        let key = (holding.holder.clone(), holding.asset.clone(), event.feed.clone());
        let is_newer = self
            .holdings
            .get(&key)
            .is_none_or(|(known, known_at)| (holding.as_of, event.known_at) >= (known.as_of, *known_at));
        if is_newer {
            self.holdings.insert(key, (holding.clone(), event.known_at));
        }
    }

    /// The tables as of `now`.
    pub fn desk(&mut self, occasions: &[Occasion], assumed: &Assumptions, now: Timestamp) -> Desk {
        let flows = self.flow_tables(now);
        let deals = mining::deals(occasions);
        let bitcoin = self.prices.coin("BTC", now);
        let (stocks, miners) = stocks::rows(&self.prices, &deals, now);
        let (tokens, basket) = coins::rows(&self.prices, now);
        let mining = bitcoin.as_ref().and_then(|(price, _)| mining::mining(&self.chain, price, assumed));
        Desk {
            flow_prices: self.prices.flow_prices(&flows),
            flows,
            stocks,
            miners,
            mining,
            deals,
            tokens,
            basket,
            bitcoin,
            contracts: self.contracts.rows(),
            treasuries: self.treasuries(now),
        }
    }

    fn flow_tables(&mut self, now: Timestamp) -> Vec<Arc<FlowTable>> {
        let hour = now.as_micros().div_euclid(3_600_000_000);
        match &self.tables {
            Some((made, tables)) if *made == hour => tables.clone(),
            Some(_) | None => {
                let assets = self.flows.assets();
                let tables: Vec<Arc<FlowTable>> =
                    assets.iter().filter_map(|asset| self.flows.table(asset, now)).map(Arc::new).collect();
                self.tables = Some((hour, tables.clone()));
                tables
            }
        }
    }

    /// One row a holder and coin: of two sources, the one with the later day.
    fn treasuries(&self, now: Timestamp) -> Vec<Treasury> {
        let mut latest = BTreeMap::<(&str, &str), Treasury>::new();
        let known = self.holdings.iter().filter(|(_, (_, known_at))| *known_at <= now);
        for ((holder, asset, source), (holding, _)) in known {
            // Sources spell names differently; the ticker, where there is one, is the same.
            let name = holding.ticker.as_ref().unwrap_or(holder).as_str();
            let row = Treasury {
                holder: holder.clone(),
                ticker: holding.ticker.clone(),
                asset: asset.clone(),
                quantity: holding.quantity,
                as_of: holding.as_of,
                source: source.clone(),
            };
            let known = latest.entry((name, asset.as_str())).or_insert_with(|| row.clone());
            if row.as_of > known.as_of {
                *known = row;
            }
        }
        let mut rows: Vec<Treasury> = latest.into_values().collect();
        rows.sort_by(|a, b| {
            b.quantity.get().total_cmp(&a.quantity.get()).then_with(|| a.holder.cmp(&b.holder))
        });
        rows
    }
}
