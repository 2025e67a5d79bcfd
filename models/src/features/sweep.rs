//! Walks the decision times once, taking in at each what was told since the last.

use market::{Interval, MarketEvent, Observation, Timestamp};

use super::ai::{self, Ai};
use super::flows::{self, Flows};
use super::funding::{self, Funding};
use super::liquidations::{self, Liquidations};
use super::miners::{self, Miners};
use super::own::{self, Own, Row};
use super::prices::Prices;
use super::range::{self, Range};
use super::task::{Grid, Subject, TASKS, Task};
use super::{FeatureError, FeatureSet, History, PriceUse, RowNote, calendar, volatility};
use crate::samples::{Column, Group, Samples};

/// The columns of a task, in the order of its rows' values.
pub(super) fn columns(task: &Task) -> Vec<Column> {
    let named = |names: &[&str], group: Group| -> Vec<Column> {
        names.iter().map(|name| Column { name: (*name).to_owned(), group }).collect()
    };
    let mut columns = match task.subject {
        Subject::Volatility => volatility::columns(),
        Subject::Burst => named(&own::BURST, Group::Core),
        Subject::Flows => named(&own::FLOWS, Group::Core),
    };
    columns.extend(named(&flows::COLUMNS, Group::Flows));
    columns.extend(named(&miners::COLUMNS, Group::Miners));
    columns.extend(named(&liquidations::COLUMNS, Group::Liquidations));
    columns.extend(named(&ai::COLUMNS, Group::Ai));
    columns.extend(named(&funding::COLUMNS, Group::Funding));
    columns.extend(named(&range::COLUMNS, Group::Range));
    columns.extend(named(calendar::columns(task.grid), Group::Calendar));
    columns
}

/// What [`Known::nothing`] watches.
pub(super) fn symbols(asset: &str) -> Vec<String> {
    let [task, ..] = &TASKS;
    Known::nothing(task, asset).prices.symbols().map(str::to_owned).collect()
}

/// A table of words, read once from its start.
struct Cursor<'a> {
    rest: &'a [MarketEvent],
    /// When the last word taken was known.
    known_at: Timestamp,
}

impl<'a> Cursor<'a> {
    fn new(events: &'a [MarketEvent]) -> Self {
        Self { rest: events, known_at: Timestamp::EPOCH }
    }

    /// What was known by `at` and not taken yet.
    fn until(&mut self, at: Timestamp) -> &'a [MarketEvent] {
        let count = self.rest.partition_point(|event| event.known_at <= at);
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        if let Some(last) = taken.last() {
            self.known_at = last.known_at;
        }
        taken
    }
}

/// Everything that features are made of, as known so far.
struct Known {
    asset: String,
    coin: usize,
    prices: Prices,
    flows: Flows,
    miners: Miners,
    liquidations: Liquidations,
    ai: Ai,
    funding: Funding,
    range: Range,
    own: Own,
}

impl Known {
    fn nothing(task: &Task, asset: &str) -> Self {
        let mut prices = Prices::default();
        let coin = prices.watch_asset(asset);
        let bitcoin = if asset == "BTC" { coin } else { prices.watch_asset("BTC") };
        Self {
            asset: asset.to_owned(),
            coin,
            flows: Flows::new(),
            miners: Miners::new(&mut prices, bitcoin),
            liquidations: Liquidations::new(asset, task.grid, task.horizon),
            ai: Ai::new(&mut prices, bitcoin),
            funding: Funding::new(asset, task.grid),
            range: Range::new(task),
            own: Own::new(task.horizon),
            prices,
        }
    }

    fn take(&mut self, event: &MarketEvent) {
        match &event.observation {
            Observation::Bar(bar) => {
                for change in self.prices.take(event, bar) {
                    self.miners.follow(&self.prices, change);
                    self.ai.follow(&self.prices, change);
                }
            }
            Observation::EtfFlow(flow) => {
                if flow.asset == self.asset {
                    self.flows.take(event, flow);
                }
            }
            Observation::Liquidation(liquidation) => self.liquidations.take(event, liquidation),
            Observation::Gap(gap) => self.liquidations.take_gap(event, gap),
            Observation::FundingRate(funding) => self.funding.take_rate(event, funding),
            Observation::OpenInterest(interest) => self.funding.take_interest(event, interest),
            // `History::check` lets none of these in.
            Observation::Quote(_)
            | Observation::ChainTip(_)
            | Observation::Holding(_)
            | Observation::Forecast(_)
            | Observation::Regime(_) => {}
        }
    }

    /// The row at `at`: its level and values, and which pair told the last return.
    fn row(&mut self, task: &Task, at: Timestamp) -> (Row, Option<usize>) {
        let liquidations = self.liquidations.at(at);
        let (mut row, pair) = match task.subject {
            Subject::Volatility => volatility::row(self.prices.coin(self.coin), task, at),
            Subject::Burst => (self.own.burst(&self.liquidations, at), None),
            Subject::Flows => (self.own.flows(&self.flows, at), None),
        };
        row.core.extend(self.flows.at(at));
        row.core.extend(self.miners.at(at));
        row.core.extend(liquidations);
        row.core.extend(self.ai.at(&self.prices, at));
        row.core.extend(self.funding.at(at));
        row.core.extend(self.range.at(self.prices.coin(self.coin), at));
        row.core.extend(calendar::at(task.grid, at));
        (row, pair)
    }
}

/// When the first word on the level's own quantity was known.
fn first_word(history: &History, task: &Task, known: &Known) -> Option<Timestamp> {
    let coin = known.prices.coin(known.coin);
    let is_price = |event: &&MarketEvent| {
        event.observation.bar().is_some_and(|bar| {
            let is_of_length = match task.grid {
                Grid::Hourly => bar.interval == Interval::Hour,
                Grid::Daily | Grid::Sessions => matches!(bar.interval, Interval::Hour | Interval::Day),
            };
            is_of_length && bar.is_final && coin.symbols().any(|symbol| symbol == bar.symbol)
        })
    };
    let is_liquidation = |event: &&MarketEvent| {
        event.observation.liquidation().is_some_and(|told| told.instrument.asset() == known.asset)
    };
    let is_flow = |event: &&MarketEvent| {
        event.observation.etf_flow().is_some_and(|flow| flow.asset == known.asset && flow.net_flow.is_some())
    };
    let first = match task.subject {
        Subject::Volatility => history.bars.iter().find(is_price),
        Subject::Burst => history.liquidations.iter().find(is_liquidation),
        Subject::Flows => history.flows.iter().find(is_flow),
    };
    first.map(|event| event.known_at)
}

pub(super) fn sweep(
    history: &History,
    task: &'static Task,
    asset: &str,
    now: Timestamp,
) -> Result<FeatureSet, FeatureError> {
    let mut known = Known::nothing(task, asset);
    let needed = match (task.subject, task.grid) {
        (Subject::Volatility, Grid::Hourly) => "hourly bars",
        (Subject::Volatility, Grid::Daily | Grid::Sessions) => "daily or hourly bars",
        (Subject::Burst, _) => "liquidations",
        (Subject::Flows, _) => "fund flows",
    };
    let nothing = || FeatureError::NothingKnown { needed, asset: asset.to_owned(), by: now };
    let first = first_word(history, task, &known).filter(|first| *first <= now).ok_or_else(nothing)?;
    let decisions = task.grid.decisions(first, now)?;
    let columns = columns(task);
    let mut samples = Samples {
        times: Vec::new(),
        level: Vec::new(),
        values: Vec::with_capacity(decisions.len() * columns.len()),
        columns,
    };
    let mut notes = Vec::with_capacity(decisions.len());
    let symbols: Vec<String> = known.prices.coin(known.coin).symbols().map(str::to_owned).collect();
    let mut returns = vec![0_usize; symbols.len()];
    let mut cursors = history.tables().map(|(_, events)| Cursor::new(events));
    for at in decisions {
        for cursor in &mut cursors {
            for event in cursor.until(at) {
                known.take(event);
            }
        }
        let (row, pair) = known.row(task, at);
        // Until there is a first level, there is nothing to learn from.
        if samples.times.is_empty() && row.level.is_none() {
            continue;
        }
        if let Some(pair) = pair {
            returns[pair] += 1;
        }
        let known_through = cursors.iter().map(|cursor| cursor.known_at).max().unwrap_or(Timestamp::EPOCH);
        notes.push(RowNote { coverage: row.coverage, known_through });
        samples.times.push(at);
        samples.level.push(row.level);
        samples.values.extend(row.core);
    }
    if samples.times.is_empty() {
        return Err(nothing());
    }
    let used = symbols.into_iter().zip(returns).filter(|(_, returns)| *returns > 0);
    let prices = used.map(|(symbol, returns)| PriceUse { symbol, returns }).collect();
    Ok(FeatureSet { task, asset: asset.to_owned(), samples, notes, prices })
}
