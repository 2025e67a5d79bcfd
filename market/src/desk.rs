//! What the desk reads off the events: tables computed from them once a second, for every front end.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::chain::ChainTip;
use crate::event::MarketEvent;
use crate::feed::FeedId;
use crate::flows::FlowTable;
use crate::instrument::Instrument;
use crate::money::{Price, Quantity, Usd};
use crate::occasion::{PowerMeasure, Service};
use crate::time::{Date, Timestamp};

/// A price with where it came from and how far it can be trusted.
#[derive(Clone, Debug, PartialEq)]
pub struct PricePoint {
    /// The price, US dollars or dollar stablecoins.
    pub price: Price,
    /// The source's time of it.
    pub at: Timestamp,
    /// Who told.
    pub source: FeedId,
    /// What it is: for equities the session it was traded in.
    pub standing: Standing,
}

/// What a price is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Traded in the session that is on now, or on a market that never closes, and fresh.
    Live,
    /// Before the regular session, today.
    Pre,
    /// After the regular session, today.
    Post,
    /// The last session's: the market is closed, or nothing has come since it opened.
    LastSession,
    /// Old although the market is open.
    Stale,
}

impl Standing {
    /// The word beside the price.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Pre => "pre",
            Self::Post => "post",
            Self::LastSession => "last session",
            Self::Stale => "stale",
        }
    }
}

/// How much something gained, fractions of its price: `0.05` is five per cent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gains {
    /// Since the daily close before: the trading day's for equities, midnight UTC for coins.
    pub one_day: Option<f64>,
    /// Over five daily closes.
    pub five_days: Option<f64>,
    /// Over thirty daily closes.
    pub thirty_days: Option<f64>,
}

/// A line fitted through daily returns against Bitcoin's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    /// Return per unit of Bitcoin's return.
    pub beta: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Days fitted.
    pub days: usize,
    /// Today's return, or outside the session the last one's, less what the line gives for Bitcoin's over the
    /// same time.
    pub residual: Option<f64>,
}

/// One stock on the miners' or AI hosts' desk.
#[derive(Clone, Debug, PartialEq)]
pub struct StockRow {
    /// The ticker today.
    pub symbol: SmolStr,
    /// The company.
    pub name: SmolStr,
    /// Its role: `miner`, `ai_host`, …
    pub role: &'static str,
    /// The last price.
    pub last: Option<PricePoint>,
    /// What it gained.
    pub gains: Gains,
    /// Against Bitcoin.
    pub beta: Option<Beta>,
    /// Its largest AI contract, in a few words: `Microsoft $9.7bn 200 MW 5 y`.
    pub deal: Option<String>,
    /// US dollars a year and megawatt of that contract.
    pub deal_usd_per_mw_year: Option<f64>,
}

/// What mining earns, and on which assumptions.
#[derive(Clone, Debug, PartialEq)]
pub struct Mining {
    /// The chain it is computed from.
    pub chain: Arc<MarketEvent>,
    /// Bitcoin's price and where it came from.
    pub bitcoin: PricePoint,
    /// US dollars per PH/s and day.
    pub hashprice_usd: f64,
    /// US dollars of revenue per megawatt and year, before power.
    pub usd_per_mw_year: f64,
    /// Joules per terahash assumed.
    pub joules_per_terahash: f64,
    /// Share of the time that machines run, assumed.
    pub uptime: f64,
}

/// An AI-hosting contract beside mining.
#[derive(Clone, Debug, PartialEq)]
pub struct Deal {
    /// The host's ticker or name.
    pub host: SmolStr,
    /// Who pays.
    pub counterparty: SmolStr,
    /// When it was announced.
    pub announced: Date,
    /// What is sold. Dollars per megawatt compare only within one kind.
    pub service: Option<Service>,
    /// US dollars over its first term.
    pub usd: f64,
    /// Years.
    pub years: f64,
    /// Megawatts; `None` where not published.
    pub megawatts: Option<f64>,
    /// Which megawatts these are.
    pub power: Option<PowerMeasure>,
    /// US dollars per megawatt and year.
    pub usd_per_mw_year: Option<f64>,
    /// Where the figures come from.
    pub source: String,
}

/// One coin on the decentralised-AI desk.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenRow {
    /// The coin, upper case.
    pub asset: SmolStr,
    /// The project.
    pub name: SmolStr,
    /// The pair that the price is of: `TAO-USDT`; empty where none is known.
    pub pair: SmolStr,
    /// The last price.
    pub last: Option<PricePoint>,
    /// What it gained.
    pub gains: Gains,
    /// Its one-day gain less Bitcoin's.
    pub against_bitcoin: Option<f64>,
}

/// Funding and open interest of one contract at one venue.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractRow {
    /// The venue.
    pub venue: FeedId,
    /// The contract.
    pub instrument: Instrument,
    /// Mark price and its time.
    pub mark: Option<(Price, Timestamp)>,
    /// Funding per interval, the interval in hours, and the time it was told.
    pub funding: Option<(f64, Option<f64>, Timestamp)>,
    /// Simple annual funding rate.
    pub annualised: Option<f64>,
    /// One-sided open interest in US dollars and its time.
    pub open_interest: Option<(Usd, Timestamp)>,
}

/// A holder of coins.
#[derive(Clone, Debug, PartialEq)]
pub struct Treasury {
    /// The holder.
    pub holder: SmolStr,
    /// Its ticker.
    pub ticker: Option<SmolStr>,
    /// The coin.
    pub asset: SmolStr,
    /// Coins.
    pub quantity: Quantity,
    /// The day that the figure is for.
    pub as_of: Date,
    /// Who told.
    pub source: FeedId,
}

/// Everything the desk's panels show beyond liquidations. Computed by the hub's side of the house,
/// never by a panel.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    /// Fund flows by asset.
    pub flows: Vec<Arc<FlowTable>>,
    /// The price that turns a day's flows into coins, by asset and trading day: the daily close at the
    /// US session's end where known, and what it is in words.
    pub flow_prices: BTreeMap<(SmolStr, Date), (Price, &'static str)>,
    /// Miners and AI hosts, in the order of the shipped entities.
    pub stocks: Vec<StockRow>,
    /// The equal-weighted miners' gains, and how many miners they are over.
    pub miners: (Gains, usize),
    /// What mining earns.
    pub mining: Option<Mining>,
    /// AI-hosting contracts, newest first.
    pub deals: Vec<Deal>,
    /// Coins of decentralised-AI projects.
    pub tokens: Vec<TokenRow>,
    /// The equal-weighted tokens' gains, and how many they are over.
    pub basket: (Gains, usize),
    /// Bitcoin itself.
    pub bitcoin: Option<(PricePoint, Gains)>,
    /// Funding and open interest, by instrument, then venue.
    pub contracts: Vec<ContractRow>,
    /// Coins in public companies' treasuries, most first.
    pub treasuries: Vec<Treasury>,
}

impl Desk {
    /// The flows of `asset`.
    pub fn flows_of(&self, asset: &str) -> Option<&FlowTable> {
        self.flows.iter().find(|table| table.asset == asset).map(AsRef::as_ref)
    }

    /// The chain's tip.
    pub fn tip(&self) -> Option<&ChainTip> {
        self.mining.as_ref().and_then(|mining| mining.chain.observation.chain_tip())
    }
}
