//! Group `flows`: what flowed into the asset's funds, as told by then.
//!
//! Of several sources the one counts, day by day, that has most funds reported (the first by name among equals);
//! a source of totals only where no other has any. Funds that have not reported are no part of a sum: the last
//! day's is a partial one until they have, and `flow_told` says so. A revision counts from when it was told.

use std::collections::BTreeMap;

use market::{ALL_FUNDS, Date, EtfFlow, FeedId, MarketEvent, Timestamp};

use super::miners::sums;
use super::robust;
use super::sessions::sessions;

/// Sessions that say what is usual.
const LOOKBACK: usize = 120;
/// Sessions of the longest sum.
const LONGEST: usize = 20;
/// Ages are cut here, and what is older is not used, sessions.
const OLDEST: usize = 5;
/// Sessions in which the number of reporting funds is looked up.
const ROSTER: usize = 5;
/// Micro-dollars in a million dollars.
const MICROS: f64 = 1e12;

/// The group's columns.
pub(super) const COLUMNS: [&str; 6] =
    ["flow_1d_z", "flow_5d_z", "flow_20d_z", "flow_breadth_z", "flow_told", "flow_age"];

/// One fund's flow on one day as one source told it last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    known_at: Timestamp,
    micros: Option<i128>,
}

/// One session's flows put together.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Day {
    /// Millions of US dollars.
    total: f64,
    reported: usize,
    /// Share of the reporting funds that had an inflow.
    breadth: f64,
}

/// The funds' flows, as known so far.
#[derive(Debug)]
pub(super) struct Flows {
    words: BTreeMap<(Date, FeedId), BTreeMap<String, Told>>,
    days: BTreeMap<usize, Day>,
    is_stale: bool,
    last: Option<usize>,
    z: [f64; 4],
    told: f64,
}

impl Flows {
    /// No flows yet.
    pub(super) fn new() -> Self {
        Self {
            words: BTreeMap::new(),
            days: BTreeMap::new(),
            is_stale: false,
            last: None,
            z: [0.0; 4],
            told: 0.0,
        }
    }

    /// Takes a flow of the asset in.
    pub(super) fn take(&mut self, event: &MarketEvent, flow: &EtfFlow) {
        let Some(session) = sessions().on(flow.trade_date) else { return };
        // What is told of a day that has not begun is no fact.
        if event.known_at < flow.trade_date.start() {
            return;
        }
        let told = Told { known_at: event.known_at, micros: flow.net_flow.map(market::Usd::as_micros) };
        let funds = self.words.entry((flow.trade_date, event.feed.clone())).or_default();
        match funds.get_mut(flow.fund.as_str()) {
            Some(known) if told <= *known => return,
            Some(known) => *known = told,
            None => {
                funds.insert(flow.fund.to_string(), told);
            }
        }
        match self.put_together(flow.trade_date) {
            Some(day) => self.days.insert(session, day),
            None => self.days.remove(&session),
        };
        self.is_stale = true;
    }

    fn put_together(&self, date: Date) -> Option<Day> {
        let reported = |funds: &BTreeMap<String, Told>, is_total: bool| -> Vec<i128> {
            let wanted = funds.iter().filter(|(fund, _)| (fund.as_str() == ALL_FUNDS) == is_total);
            wanted.filter_map(|(_, told)| told.micros).collect()
        };
        let sources = || self.words.range((date, FeedId::new(""))..(date.next(), FeedId::new("")));
        let mut best: Vec<i128> = Vec::new();
        for is_total in [false, true] {
            for (_, funds) in sources() {
                let flows = reported(funds, is_total);
                if flows.len() > best.len() {
                    best = flows;
                }
            }
            if !best.is_empty() {
                break;
            }
        }
        let inflows = best.iter().filter(|micros| **micros > 0).count();
        (!best.is_empty()).then(|| Day {
            total: best.iter().sum::<i128>() as f64 / MICROS,
            reported: best.len(),
            breadth: inflows as f64 / best.len() as f64,
        })
    }

    /// The total of a session, millions of US dollars.
    pub(super) fn total(&self, session: usize) -> Option<f64> {
        self.days.get(&session).map(|day| day.total)
    }

    /// The totals of the `count` sessions that end with `last`, oldest first.
    pub(super) fn totals(&self, last: usize, count: usize) -> Vec<Option<f64>> {
        ((last + 1).saturating_sub(count)..=last).map(|session| self.total(session)).collect()
    }

    /// The group's columns at `at`, in the order of [`COLUMNS`].
    pub(super) fn at(&mut self, at: Timestamp) -> [f64; 6] {
        if self.is_stale {
            self.refresh();
        }
        let age = self.last.map_or(OLDEST + 1, |last| sessions().since(last, at));
        let ([one, five, twenty, breadth], told) =
            if age <= OLDEST { (self.z, self.told) } else { ([0.0; 4], 0.0) };
        [one, five, twenty, breadth, told, age.min(OLDEST) as f64]
    }

    fn refresh(&mut self) {
        self.is_stale = false;
        (self.last, self.z, self.told) = (None, [0.0; 4], 0.0);
        let Some((&last, day)) = self.days.last_key_value() else { return };
        let totals = self.totals(last, LOOKBACK + LONGEST);
        let recent =
            |values: &[Option<f64>]| robust::z_of_last(&values[values.len().saturating_sub(LOOKBACK)..]);
        let breadths: Vec<Option<f64>> = ((last + 1).saturating_sub(LOOKBACK)..=last)
            .map(|session| self.days.get(&session).map(|day| day.breadth))
            .collect();
        self.z = [
            recent(&totals),
            recent(&sums(&totals, 5)),
            recent(&sums(&totals, LONGEST)),
            robust::z_of_last(&breadths),
        ];
        let roster = self.days.range(last.saturating_sub(ROSTER)..=last).map(|(_, day)| day.reported).max();
        self.told = day.reported as f64 / roster.unwrap_or(1).max(1) as f64;
        self.last = Some(last);
    }
}
