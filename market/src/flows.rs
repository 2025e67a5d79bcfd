//! Fund flows put together: what each fund did on each day, as known at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::SmolStr;

use crate::etf::{ALL_FUNDS, EtfFlow, FlowStatus, is_closed};
use crate::event::MarketEvent;
use crate::feed::FeedId;
use crate::money::Usd;
use crate::time::{Date, Timestamp};

/// One fund's flow on one day as a source has told it, with when that value was first seen.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Told {
    net_flow: Option<Usd>,
    known_at: Timestamp,
}

type Days = BTreeMap<Date, BTreeMap<SmolStr, Told>>;

/// The latest word of every source on every fund and day.
#[derive(Clone, Debug, Default)]
pub struct FlowBook {
    sources: BTreeMap<(SmolStr, FeedId), Arc<Days>>,
}

impl FlowBook {
    /// Takes a flow in. Of two words on the same fund and day the one known later stands; the same
    /// value told again keeps the time at which it was first seen. Whether anything changed.
    pub fn apply(&mut self, event: &MarketEvent, flow: &EtfFlow) -> bool {
        let days = self.sources.entry((flow.asset.clone(), event.feed.clone())).or_default();
        let told = Told { net_flow: flow.net_flow, known_at: event.known_at };
        let stands = days.get(&flow.trade_date).and_then(|funds| funds.get(&flow.fund));
        let is_news = match stands {
            None => true,
            Some(old) if old.net_flow == told.net_flow => told.known_at < old.known_at,
            Some(old) => told.known_at >= old.known_at,
        };
        if is_news {
            Arc::make_mut(days).entry(flow.trade_date).or_default().insert(flow.fund.clone(), told);
        }
        is_news
    }

    /// Assets with flows, in order of name.
    pub fn assets(&self) -> Vec<SmolStr> {
        let assets: BTreeSet<SmolStr> = self.sources.keys().map(|(asset, _)| asset.clone()).collect();
        assets.into_iter().collect()
    }

    /// The flows of `asset` as one source tells them: of the sources, the one whose last reported day
    /// is the latest, then the one with the most funds, then the first by name.
    pub fn table(&self, asset: &str, as_of: Timestamp) -> Option<FlowTable> {
        let of_asset = self.sources.iter().filter(|((name, _), _)| name == asset);
        let tables = of_asset.map(|((_, source), days)| table(asset, source, days, as_of));
        tables.filter(|table| !table.days.is_empty()).reduce(|best, next| {
            let rank = |table: &FlowTable| (table.last_reported(), table.funds.len());
            if rank(&next) > rank(&best) { next } else { best }
        })
    }
}

/// What a fund did on a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FlowCell {
    /// The fund did not exist yet, or the source does not tell it for that day.
    Unlisted,
    /// It has not reported yet.
    Pending,
    /// It reported this.
    Flow(Usd),
}

/// One trading day of an asset's funds.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowDay {
    /// The New York trading day.
    pub trade_date: Date,
    /// One cell a fund, in the table's order.
    pub cells: Vec<FlowCell>,
    /// The sum of what is reported; `None` while nothing is.
    pub total: Option<Usd>,
    /// Funds that have reported.
    pub reported: usize,
    /// Funds that have not.
    pub pending: usize,
    /// Whether it may still change.
    pub status: FlowStatus,
    /// When the last of its values was first seen.
    pub known_at: Timestamp,
}

/// An asset's fund flows, oldest day first, as one source tells them.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowTable {
    /// The coin.
    pub asset: SmolStr,
    /// Who tells.
    pub source: FeedId,
    /// Funds, the one with the largest turnover first.
    pub funds: Vec<SmolStr>,
    /// Days on which at least one fund was asked about, oldest first.
    pub days: Vec<FlowDay>,
}

/// Days in a row with flows of one sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Streak {
    /// How many days, the last reported day included.
    pub days: usize,
    /// Their sum; its sign is the streak's.
    pub sum: Usd,
    /// The first of them.
    pub since: Date,
}

/// How rare a day's total is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rarity {
    /// The highest since that day, which was at least as high.
    HighestSince(Date),
    /// The lowest since that day, which was at least as low.
    LowestSince(Date),
    /// The highest of all days in the table.
    HighestEver,
    /// The lowest of all days in the table.
    LowestEver,
}

impl FlowTable {
    /// The last day on which a fund has reported.
    pub fn last_reported(&self) -> Option<Date> {
        self.reported().next_back().map(|(_, day)| day.trade_date)
    }

    fn reported(&self) -> impl DoubleEndedIterator<Item = (Usd, &FlowDay)> {
        self.days.iter().filter_map(|day| day.total.map(|total| (total, day)))
    }

    /// The streak that the last reported day is part of; a day of exactly nothing ends one.
    pub fn streak(&self) -> Option<Streak> {
        let mut days = self.reported().rev();
        let (last, day) = days.next()?;
        let sign = last.get().partial_cmp(&0.0).filter(|sign| sign.is_ne())?;
        let mut streak = Streak { days: 1, sum: last, since: day.trade_date };
        for (total, day) in days.take_while(|(total, _)| total.get().partial_cmp(&0.0) == Some(sign)) {
            streak.days += 1;
            streak.sum = Usd::from_micros(streak.sum.as_micros() + total.as_micros());
            streak.since = day.trade_date;
        }
        Some(streak)
    }

    /// How rare the total of `date` is among the days before it: the highest (for an inflow) or the
    /// lowest (for an outflow) since when. `None` where the day before was already as far out.
    pub fn rarity(&self, date: Date) -> Option<Rarity> {
        let at = self.days.iter().position(|day| day.trade_date == date)?;
        let total = self.days[at].total?.get();
        let is_inflow = total > 0.0;
        let earlier: Vec<(Usd, &FlowDay)> =
            self.days[..at].iter().filter_map(|day| day.total.map(|total| (total, day))).collect();
        let rival = earlier
            .iter()
            .rev()
            .find(|(other, _)| if is_inflow { other.get() >= total } else { other.get() <= total });
        match rival {
            None if earlier.is_empty() => None,
            None if is_inflow => Some(Rarity::HighestEver),
            None => Some(Rarity::LowestEver),
            Some((_, day)) if Some(day.trade_date) == earlier.last().map(|(_, day)| day.trade_date) => None,
            Some((_, day)) if is_inflow => Some(Rarity::HighestSince(day.trade_date)),
            Some((_, day)) => Some(Rarity::LowestSince(day.trade_date)),
        }
    }

    /// The sum of the last `days` reported days.
    pub fn sum_of_last(&self, days: usize) -> Usd {
        Usd::from_micros(self.reported().rev().take(days).map(|(total, _)| total.as_micros()).sum())
    }
}

fn table(asset: &str, source: &FeedId, days: &Days, as_of: Timestamp) -> FlowTable {
    // A fund exists from its first reported day on; before it, an empty cell means nothing.
    let mut first = BTreeMap::<&SmolStr, Date>::new();
    let mut turnover = BTreeMap::<&SmolStr, i128>::new();
    for (date, funds) in days {
        for (fund, told) in funds.iter().filter(|(_, told)| told.known_at <= as_of) {
            let Some(net_flow) = told.net_flow else { continue };
            first.entry(fund).or_insert(*date);
            *turnover.entry(fund).or_default() += net_flow.as_micros().abs();
        }
    }
    let mut funds: Vec<SmolStr> = first.keys().map(|fund| (*fund).clone()).collect();
    funds.sort_by_key(|fund| (fund == ALL_FUNDS, -turnover.get(fund).copied().unwrap_or_default()));
    let rows = days.iter().filter_map(|(date, told)| {
        let cell = |fund: &SmolStr| match told.get(fund).filter(|told| told.known_at <= as_of) {
            Some(Told { net_flow: Some(flow), .. }) => FlowCell::Flow(*flow),
            Some(Told { net_flow: None, .. }) if first.get(fund).is_some_and(|first| first <= date) => {
                FlowCell::Pending
            }
            Some(_) | None => FlowCell::Unlisted,
        };
        let cells: Vec<FlowCell> = funds.iter().map(cell).collect();
        let known_at = told.values().map(|told| told.known_at).filter(|at| *at <= as_of).max()?;
        day(*date, cells, known_at, as_of)
    });
    let days = rows.collect();
    FlowTable { asset: SmolStr::new(asset), source: source.clone(), funds, days }
}

fn day(trade_date: Date, cells: Vec<FlowCell>, known_at: Timestamp, as_of: Timestamp) -> Option<FlowDay> {
    let (mut sum, mut reported, mut pending) = (0_i128, 0, 0);
    for cell in &cells {
        match cell {
            FlowCell::Unlisted => {}
            FlowCell::Pending => pending += 1,
            FlowCell::Flow(flow) => {
                reported += 1;
                sum += flow.as_micros();
            }
        }
    }
    if reported + pending == 0 || (reported == 0 && is_closed(trade_date)) {
        return None;
    }
    let total = (reported > 0).then(|| Usd::from_micros(sum));
    let status = FlowStatus::of(trade_date, pending, as_of);
    Some(FlowDay { trade_date, cells, total, reported, pending, status, known_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Observation;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn told(book: &mut FlowBook, fund: &str, date: &str, flow: Option<f64>, known_at: &str) -> bool {
        let flow = EtfFlow {
            fund: fund.into(),
            asset: "BTC".into(),
            trade_date: date.parse().unwrap(),
            net_flow: flow.map(|millions| Usd::new(millions * 1e6).unwrap()),
        };
        let event = MarketEvent {
            feed: FeedId::new("farside"),
            event_time: flow.trade_date.start(),
            receive_time: at(known_at),
            known_at: at(known_at),
            observation: Observation::EtfFlow(flow.clone()),
        };
        book.apply(&event, &flow)
    }

    const LATER: &str = "2026-01-01T00:00:00Z";

    /// Monday to Thursday: +10, −20, −30, and on Thursday only one of two funds.
    fn book() -> FlowBook {
        let mut book = FlowBook::default();
        for (fund, date, flow) in [
            ("IBIT", "2025-11-10", Some(4.0)),
            ("FBTC", "2025-11-10", Some(6.0)),
            ("IBIT", "2025-11-11", Some(-20.0)),
            ("FBTC", "2025-11-11", Some(0.0)),
            ("IBIT", "2025-11-12", Some(-15.0)),
            ("FBTC", "2025-11-12", Some(-15.0)),
            ("IBIT", "2025-11-13", None),
            ("FBTC", "2025-11-13", Some(-5.0)),
            ("MSBT", "2025-11-13", None),
        ] {
            told(&mut book, fund, date, flow, &format!("{date}T23:00:00Z"));
        }
        book
    }

    #[test]
    fn a_fund_that_has_not_reported_is_pending_and_one_that_never_did_is_not_listed() {
        let table = book().table("BTC", at(LATER)).unwrap();
        assert_eq!(table.funds, ["IBIT", "FBTC"], "by turnover; MSBT never reported");
        let last = table.days.last().unwrap();
        assert_eq!(last.cells, [FlowCell::Pending, FlowCell::Flow(Usd::new(-5e6).unwrap())]);
        assert_eq!((last.reported, last.pending, last.status), (1, 1, FlowStatus::Provisional));
        assert_eq!(table.days[2].status, FlowStatus::Final);
    }

    #[test]
    fn what_is_learnt_later_is_not_known_earlier() {
        let table = book().table("BTC", at("2025-11-12T00:00:00Z")).unwrap();
        assert_eq!(table.last_reported(), "2025-11-11".parse().ok());
        assert_eq!(table.days[1].status, FlowStatus::Provisional, "settled at six in the morning");
    }

    #[test]
    fn a_revision_stands_and_a_repetition_changes_nothing() {
        let mut book = book();
        assert!(!told(&mut book, "FBTC", "2025-11-13", Some(-5.0), "2025-11-14T05:00:00Z"));
        assert!(told(&mut book, "FBTC", "2025-11-13", Some(-6.0), "2025-11-14T06:00:00Z"));
        assert!(!told(&mut book, "FBTC", "2025-11-13", Some(-1.0), "2025-11-13T22:00:00Z"), "older news");
        let table = book.table("BTC", at(LATER)).unwrap();
        assert_eq!(table.days[3].total.map(Usd::get), Some(-6e6));
    }

    #[test]
    fn streaks_and_rarity_are_computed_from_the_days() {
        let table = book().table("BTC", at(LATER)).unwrap();
        let streak = table.streak().unwrap();
        assert_eq!(
            (streak.days, streak.sum.get(), streak.since.to_string().as_str()),
            (3, -55e6, "2025-11-11")
        );
        let rarity = |date: &str| table.rarity(date.parse().unwrap());
        assert_eq!(rarity("2025-11-10"), None, "nothing to compare with");
        assert_eq!(rarity("2025-11-12"), Some(Rarity::LowestEver));
        assert_eq!(rarity("2025-11-13"), None, "the day before was lower");
        assert_eq!(table.sum_of_last(2).as_micros(), -35_000_000_000_000);
    }

    #[test]
    fn the_highest_since_names_the_last_day_that_was_as_high() {
        let mut book = FlowBook::default();
        for (date, flow) in
            [("2025-09-01", 900.0), ("2025-09-02", 100.0), ("2025-09-03", -5.0), ("2025-09-04", 741.5)]
        {
            told(&mut book, "IBIT", date, Some(flow), LATER);
        }
        let table = book.table("BTC", at(LATER)).unwrap();
        let since = |date: &str| Some(Rarity::HighestSince(date.parse().unwrap()));
        assert_eq!(table.rarity("2025-09-04".parse().unwrap()), since("2025-09-01"));
    }
}
