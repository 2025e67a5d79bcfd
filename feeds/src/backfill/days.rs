//! Asks sources of daily figures once a symbol for the whole stretch, in the words and with the decoders of
//! their live feeds: Yahoo, Nasdaq and Farside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use market::{Observation, Timestamp, entities, settled_at};
use smol_str::SmolStr;

use super::history::{Answered, History, Lane, Next, Page, Span};
use super::order::{BackfillRow, Order, Plan, PlanError};
use super::paging::seconds;
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{Ask, DecodeError, FrameKind, PollProtocol, Stamped};
use crate::venues::tickers::is_ticker;
use crate::venues::{Protocol, browser, find};

const DAY: Duration = Duration::from_hours(24);
/// What Yahoo also prices: what the rest is compared with.
const BITCOIN: &str = "BTC-USD";

pub(super) fn yahoo(row: &BackfillRow, order: &Order, config: &FeedConfig) -> Result<Plan, PlanError> {
    let mut symbols = tickers(order, config)?;
    if order.symbols.is_empty() && !symbols.iter().any(|symbol| symbol == BITCOIN) {
        symbols.insert(0, BITCOIN.into());
    }
    Ok(plan(row, symbols, Site::Yahoo))
}

pub(super) fn nasdaq(row: &BackfillRow, order: &Order, config: &FeedConfig) -> Result<Plan, PlanError> {
    let is_fund =
        |symbol: &&SmolStr| entities().by_ticker(symbol).is_some_and(|found| found.entity.fund.is_some());
    let symbols = tickers(order, config)?;
    let funds = symbols.iter().filter(is_fund).cloned().collect();
    Ok(plan(row, symbols, Site::Nasdaq { funds }))
}

pub(super) fn farside(row: &BackfillRow, order: &Order, config: &FeedConfig) -> Result<Plan, PlanError> {
    let wanted = match (&config.instruments, order.symbols.is_empty()) {
        (Instruments::Assets(named), true) => named.iter().map(SmolStr::new).collect(),
        (_, _) => order.symbols_or(&["BTC", "ETH", "SOL"])?,
    };
    let mut pages = BTreeMap::new();
    for asset in &wanted {
        let only = Instruments::Assets(vec![asset.to_string()]);
        let mut live = live(row.feed, only).ok_or(PlanError::NoStream)?;
        live.begin(Timestamp::EPOCH);
        if let Some(ask) = live.next_ask() {
            pages.insert(asset.clone(), ask);
        }
    }
    Ok(plan(row, wanted, Site::Farside { pages }))
}

/// The tickers that the order names, else the feed's table, else the shipped entities.
fn tickers(order: &Order, config: &FeedConfig) -> Result<Vec<SmolStr>, PlanError> {
    let symbols: Vec<SmolStr> = match (&config.instruments, order.symbols.is_empty()) {
        (_, false) => order.symbols_or(&[])?,
        (Instruments::Assets(named), true) => named.iter().map(SmolStr::new).collect(),
        (Instruments::All, true) => {
            entities().equity_symbols(order.to).into_iter().map(SmolStr::new).collect()
        }
    };
    match symbols.iter().find(|symbol| !is_ticker(symbol)) {
        Some(symbol) => Err(PlanError::Symbol { symbol: symbol.to_string(), problem: "is no ticker" }),
        None => Ok(symbols),
    }
}

fn plan(row: &BackfillRow, symbols: Vec<SmolStr>, site: Site) -> Plan {
    Plan { history: Box::new(Days { feed: row.feed, site }), symbols, grain: DAY }
}

/// The live decoder of feed `id`.
fn live(id: &str, instruments: Instruments) -> Option<Box<dyn PollProtocol>> {
    match find(id)?.protocol {
        Protocol::Poll(make) => Some(make(&FeedConfig { instruments, ..FeedConfig::default() })),
        Protocol::Stream(_) | Protocol::Node(_) => None,
    }
}

struct Days {
    feed: &'static str,
    site: Site,
}

/// How each source is asked.
enum Site {
    Yahoo,
    Nasdaq {
        /// Which are asked for as funds; the others as stocks, at first.
        funds: BTreeSet<SmolStr>,
    },
    Farside {
        /// The page of each asset.
        pages: BTreeMap<SmolStr, Ask>,
    },
}

impl History for Days {
    fn next(&mut self, lane: &Lane) -> Next {
        let Span { from, until } = lane.missing;
        // The only character of a ticker that does not stand for itself in a path.
        let symbol = lane.symbol.replace('^', "%5E");
        let request = match &self.site {
            Site::Yahoo => format!(
                "/v8/finance/chart/{symbol}?period1={}&period2={}&interval=1d&events=div%2Csplits\
                 &includePrePost=false",
                seconds(from),
                seconds(until)
            ),
            Site::Nasdaq { funds } => format!(
                "/api/quote/{symbol}/historical?assetclass={}&fromdate={}&todate={}&limit=9999",
                if funds.contains(&lane.symbol) { "etf" } else { "stocks" },
                from.date(),
                until.minus(Duration::from_secs(1)).date()
            ),
            Site::Farside { pages } => {
                let skip = || Next::Skip(format!("Farside has no page of {}", lane.symbol));
                return pages.get(&lane.symbol).map_or_else(skip, |ask| Next::Ask(ask.clone()));
            }
        };
        Next::Ask(Ask { headers: browser::headers(), ..Ask::get(request) })
    }

    fn read(&mut self, lane: &Lane, answer: &Answered<'_>) -> Result<Page, DecodeError> {
        // A new one each time: what it told before is of other symbols.
        let mut live = live(self.feed, Instruments::All).ok_or(DecodeError::Unknown)?;
        let mut told = Vec::new();
        let refused = match live.decode(answer.payload, &mut told)? {
            FrameKind::Data(_) => Vec::new(),
            FrameKind::DataWithout { refused, .. } => refused,
            FrameKind::Refused(words) => return Ok(Page::none(words)),
            FrameKind::Ignored(label) => {
                if let (Site::Nasdaq { funds }, "not a stock") = (&mut self.site, label) {
                    funds.insert(lane.symbol.clone());
                    return Ok(Page {
                        told: Vec::new(),
                        refused: Vec::new(),
                        left: super::history::Left::Span(lane.missing),
                    });
                }
                Vec::new()
            }
            FrameKind::Reference(_) | FrameKind::Ack | FrameKind::Keepalive | FrameKind::Closing(_) => {
                return Err(DecodeError::Unknown);
            }
        };
        let told = told.into_iter().filter(|stamped| lane.missing.has(stamped.event_time));
        let told: Vec<Stamped> = told.filter_map(published).collect();
        Ok(Page { refused, ..Page::last(told) })
    }
}

/// The observation as history: a bar whose session is over, a flow once its day was settled.
fn published(stamped: Stamped) -> Option<Stamped> {
    let known_at = match &stamped.observation {
        Observation::Bar(_) => stamped.published?,
        Observation::EtfFlow(flow) => settled_at(flow.trade_date),
        Observation::Liquidation(_)
        | Observation::Gap(_)
        | Observation::Quote(_)
        | Observation::FundingRate(_)
        | Observation::OpenInterest(_)
        | Observation::ChainTip(_)
        | Observation::Holding(_)
        | Observation::Forecast(_)
        | Observation::Regime(_) => return None,
    };
    Some(Stamped { published: Some(known_at), ..stamped })
}
