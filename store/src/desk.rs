//! What a desk needs to know when it starts: flows, daily bars, holdings, and the latest of each state.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use market::{Interval, MarketEvent, Observation, Timestamp};
use polars::prelude::*;
use smol_str::SmolStr;

use crate::columns::{Columns, to_rows};
use crate::error::StoreError;
use crate::query::Query;
use crate::reader::Reader;
use crate::table::{Row, Table};

/// How far back daily bars are wanted.
const BARS: Duration = Duration::from_hours(400 * 24);
/// How old the latest word on a price, a rate or the chain may be.
const LATEST: Duration = Duration::from_hours(7 * 24);

impl Reader {
    /// What a hub that starts at `now` restores beside liquidations, in order of `known_at`: all fund
    /// flows and holdings, the daily bars of the last 400 days, and the latest quote, funding rate, open
    /// interest and tip of the last 7 days for each venue and symbol (or kind of price).
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn desk(&self, now: Timestamp) -> Result<Vec<MarketEvent>, StoreError> {
        let mut events = self.etf_flows(&Query::default())?;
        let bars = self.bars(&Query { from: Some(now.minus(BARS)), ..Query::default() })?;
        events.extend(bars.into_iter().filter(is_daily));
        events.extend(self.holdings(&Query::default())?);
        let lately = Query { from: Some(now.minus(LATEST)), ..Query::default() };
        for table in [Table::Quotes, Table::Funding, Table::OpenInterest, Table::Chain] {
            events.extend(self.latest(table, &lately)?);
        }
        events.sort_by_key(|event| event.known_at);
        Ok(events)
    }

    /// The latest wanted quote of each venue, symbol and kind, by venue and symbol.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn latest_quotes(&self, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        self.latest(Table::Quotes, query)
    }

    /// The latest wanted event of each thing that a table of states tells about, by venue and name: of
    /// equal times, the one known last, then the one recorded last. For quotes, funding, open interest
    /// and the chain.
    ///
    /// # Errors
    /// [`StoreError::NoEvents`] for other tables; otherwise as [`Reader::liquidations`].
    pub fn latest(&self, table: Table, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        let keys: &[&'static str] = match table {
            Table::Quotes => &["venue", "symbol", "kind"],
            Table::Funding | Table::OpenInterest => &["venue", "symbol"],
            Table::Chain => &["venue"],
            _ => return Err(StoreError::NoEvents { table: table.name() }),
        };
        let pick = |frame: DataFrame| latest_of(table, keys, query, &frame);
        let latest = self.retrying(|snapshot| {
            let mut latest: HashMap<Key, Row> = HashMap::new();
            snapshot.visit_some(table, &|file| query.may_be_in(file), &pick, &mut |rows| {
                for row in rows.into_iter().filter(|row| query.wants(row)) {
                    match latest.entry(key_of(&row)) {
                        Entry::Occupied(mut held) if rank(held.get()) <= rank(&row) => {
                            held.insert(row);
                        }
                        Entry::Occupied(_) => {}
                        Entry::Vacant(empty) => {
                            empty.insert(row);
                        }
                    }
                }
                Ok(())
            })?;
            Ok(latest)
        })?;
        let mut latest: Vec<(Key, Row)> = latest.into_iter().collect();
        latest.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(latest.into_iter().filter_map(|(_, row)| row.into_event()).collect())
    }
}

fn is_daily(event: &MarketEvent) -> bool {
    event.observation.bar().is_some_and(|bar| bar.interval == Interval::Day)
}

/// Venue, symbol and kind of price.
type Key = (SmolStr, SmolStr, &'static str);

fn key_of(row: &Row) -> Key {
    let Some(event) = row.event() else { return Key::default() };
    let (symbol, kind) = match &event.observation {
        Observation::Quote(quote) => (quote.symbol.clone(), quote.kind.as_str()),
        Observation::FundingRate(funding) => (funding.symbol.clone(), ""),
        Observation::OpenInterest(interest) => (interest.symbol.clone(), ""),
        Observation::ChainTip(_)
        | Observation::Liquidation(_)
        | Observation::EtfFlow(_)
        | Observation::Bar(_)
        | Observation::Holding(_)
        | Observation::Gap(_)
        | Observation::Forecast(_)
        | Observation::Regime(_) => (SmolStr::default(), ""),
    };
    (SmolStr::new(event.feed.as_str()), symbol, kind)
}

fn rank(row: &Row) -> (Timestamp, Timestamp, u64) {
    (row.time(), row.known_at(), row.seq)
}

/// Of a sealed file, the latest visible row of each key: one look at a few columns instead of a row
/// made of every line, for there may be millions.
fn latest_of(
    table: Table,
    keys: &[&'static str],
    query: &Query,
    frame: &DataFrame,
) -> Result<Vec<Row>, String> {
    let needed = table.columns().iter().copied().filter(|heading| {
        keys.contains(&heading.name) || ["event_time", "known_at", "seq"].contains(&heading.name)
    });
    let columns = Columns::of(frame, needed)?;
    let micros = |moment: Option<Timestamp>| moment.map(|moment| Some(moment.as_micros()));
    let (from, to, as_of) = (micros(query.from), micros(query.to), micros(query.as_of));
    let mut best: HashMap<[Option<&str>; 3], (_, usize)> = HashMap::new();
    for at in 0..frame.height() {
        let time = columns.integer_or_null("event_time", at);
        let known_at = columns.integer_or_null("known_at", at);
        let is_wanted = from.is_none_or(|from| time >= from)
            && to.is_none_or(|to| time < to)
            && as_of.is_none_or(|as_of| known_at <= as_of);
        if !is_wanted {
            continue;
        }
        let key = std::array::from_fn(|part| keys.get(part).and_then(|name| columns.text_or_null(name, at)));
        let found = ((time, known_at, columns.integer_or_null("seq", at)), at);
        let held = best.entry(key).or_insert(found);
        *held = found.max(*held);
    }
    let mut is_best = vec![false; frame.height()];
    for (_, at) in best.into_values() {
        is_best[at] = true;
    }
    let mask = BooleanChunked::from_slice("latest".into(), &is_best);
    let mut latest = frame.filter(&mask).map_err(|error| error.to_string())?;
    latest.rechunk_mut();
    to_rows(table, &latest)
}
