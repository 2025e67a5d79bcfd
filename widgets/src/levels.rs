//! Where leverage stands, in a few numbers: fund flows, open interest, funding, liquidations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use market::{Board, ContractRow, Date, Desk, FlowDay, FlowStatus, Timestamp, Usd, WINDOWS};

use crate::figures::{age, day, percent, usd};
use crate::flows;
use crate::phrase::Phrase;
use crate::signs::{UNKNOWN, gain, millions, say};
use crate::sums::{self, Line};
use crate::theme::Theme;
use crate::totals;

/// The day's window.
const DAY: usize = WINDOWS.len() - 1;
/// Open interest moves with every trade; a figure this old is no longer the market's.
pub(crate) const STALE_AFTER: Duration = Duration::from_mins(15);
/// The assets whose funds are summed where no asset is chosen.
pub(crate) const FUNDED: [&str; 2] = ["BTC", "ETH"];

/// The funds of some assets on one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DayOfFunds {
    pub date: Date,
    /// The sum of what has been told.
    pub total: Usd,
    /// The sum of all days up to this one.
    pub cumulative: Usd,
    /// Whether any of the assets may still change, or has not told the day at all.
    pub status: FlowStatus,
}

/// The flows of `assets` together, oldest day first; days on which none has reported are left out.
pub(crate) fn funds(desk: &Desk, assets: &[&str]) -> Vec<DayOfFunds> {
    let tables: Vec<_> = assets.iter().filter_map(|asset| desk.flows_of(asset)).collect();
    let mut days: BTreeMap<Date, (i128, usize)> = BTreeMap::new();
    for day in tables.iter().flat_map(|table| &table.days) {
        let Some(total) = day.total else { continue };
        let (sum, finals) = days.entry(day.trade_date).or_default();
        *sum += total.as_micros();
        *finals += usize::from(day.status == FlowStatus::Final);
    }
    let mut cumulative = 0;
    let mut funds = Vec::with_capacity(days.len());
    for (date, (sum, finals)) in days {
        cumulative += sum;
        // Funds of an asset that came later are not missing from the days before it.
        let has_begun = |first: Option<&FlowDay>| first.is_some_and(|first| first.trade_date <= date);
        let listed = tables.iter().filter(|table| has_begun(table.days.first())).count();
        let status = if finals == listed { FlowStatus::Final } else { FlowStatus::Provisional };
        let (total, cumulative) = (Usd::from_micros(sum), Usd::from_micros(cumulative));
        funds.push(DayOfFunds { date, total, cumulative, status });
    }
    funds
}

/// Contracts taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Taken {
    /// One-sided open interest, dollars, and when the oldest figure in it was told.
    pub open_interest: Option<(Usd, Timestamp)>,
    /// Venues in that sum.
    pub venues: usize,
    /// Contracts without a figure, and so not in it.
    pub missing: usize,
    /// Annual funding rate: the mean weighted by open interest.
    pub annualised: Option<f64>,
    /// Contracts in that mean.
    pub funded: usize,
}

/// Sums up contracts. Funding counts by open interest, so a contract without a figure has no say in it.
pub(crate) fn taken(contracts: &[&ContractRow]) -> Taken {
    let mut taken = Taken::default();
    let mut venues = BTreeSet::new();
    let (mut sum, mut weighted, mut weight) = (0_i128, 0.0, 0.0);
    let mut oldest: Option<Timestamp> = None;
    for contract in contracts {
        let Some((open_interest, told)) = contract.open_interest else {
            taken.missing += 1;
            continue;
        };
        venues.insert(&contract.venue);
        sum += open_interest.as_micros();
        oldest = Some(oldest.map_or(told, |oldest| oldest.min(told)));
        if let Some(rate) = contract.annualised.filter(|_| open_interest.get() > 0.0) {
            weighted += rate * open_interest.get();
            weight += open_interest.get();
            taken.funded += 1;
        }
    }
    taken.venues = venues.len();
    taken.open_interest = oldest.map(|oldest| (Usd::from_micros(sum), oldest));
    taken.annualised = (weight > 0.0).then(|| weighted / weight);
    taken
}

/// The liquidations of `asset`, or of all assets.
pub(crate) fn liquidated(board: &Board, asset: Option<&str>) -> Option<Line> {
    let (all, _) = sums::by_venue(board);
    match asset {
        None => Some(all),
        Some(asset) => sums::by_asset(board, &all, DAY).into_iter().find(|line| line.label == asset),
    }
}

/// `ETF BTC+ETH 05 Jan ▲ +790.1 m p`.
pub(crate) fn say_funds(desk: &Desk, assets: &[&str], now: Timestamp, theme: &Theme) -> Phrase {
    let title = Phrase::new("ETF", theme.title);
    let Some(last) = funds(desk, assets).pop() else {
        return title.and(UNKNOWN, theme.dim);
    };
    let name = title.and(&format!("{} {}", assets.join("+"), day(last.date)), theme.label);
    let phrase = say(name, Some(last.total.get()), |value| format!("{} m", millions(value)), theme);
    let is_provisional = last.status == FlowStatus::Provisional;
    let phrase = if is_provisional { phrase.and("p", theme.warn) } else { phrase };
    let mut stale = assets.iter().filter_map(|asset| flows::staleness(desk.flows_of(asset)?, now));
    match stale.next() {
        Some(stale) => phrase.and(&stale, theme.warn),
        None => phrase,
    }
}

/// `OI 31.2B USD, 5 venues 58s`: the age is that of its oldest figure.
pub(crate) fn say_open_interest(taken: &Taken, now: Timestamp, theme: &Theme) -> Phrase {
    let title = Phrase::new("OI", theme.title);
    match taken.open_interest {
        Some((sum, oldest)) => {
            let noun = if taken.venues == 1 { "venue" } else { "venues" };
            let told = now.since(oldest);
            let (word, style) = if told > STALE_AFTER { ("stale ", theme.warn) } else { ("", theme.dim) };
            title
                .and(&usd(sum.get()), theme.text)
                .and(&format!("USD, {} {noun}", taken.venues), theme.label)
                .and(&format!("{word}{}", age(told)), style)
        }
        None => title.and(UNKNOWN, theme.dim),
    }
}

/// `funding ▲ +10.9% p.a.`.
pub(crate) fn say_funding(taken: &Taken, theme: &Theme) -> Phrase {
    let phrase = say(Phrase::new("funding", theme.title), taken.annualised, gain, theme);
    if taken.annualised.is_some() { phrase.and("p.a.", theme.label) } else { phrase }
}

/// `liquidated 24h ▼ ≥312M long ▲ ≥88.0M short, watched 96.0%`.
pub(crate) fn say_liquidated(line: Option<&Line>, theme: &Theme) -> Phrase {
    let title = Phrase::new("liquidated", theme.title).and(WINDOWS[DAY].label, theme.label);
    let Some(line) = line else {
        return title.and("none", theme.dim);
    };
    let long = format!("▼ {}", totals::sum(&line.long[DAY], (line, DAY)));
    let short = format!("▲ {}", totals::sum(&line.short[DAY], (line, DAY)));
    let watched = match &line.least {
        Some(venue) if line.coverage[DAY] < 1.0 => {
            format!("watched {} ({venue})", percent(line.coverage[DAY]))
        }
        Some(_) | None => format!("watched {}", percent(line.coverage[DAY])),
    };
    title
        .and(&long, theme.long)
        .and("long", theme.label)
        .and(&short, theme.short)
        .and("short", theme.label)
        .and(&watched, if line.coverage[DAY] < 0.95 { theme.warn } else { theme.dim })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use market::{FeedId, FlowCell, FlowTable, Instrument};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn contract(venue: &str, annualised: Option<f64>, usd: Option<f64>) -> ContractRow {
        ContractRow {
            venue: FeedId::new(venue),
            instrument: Instrument::perp("BTC", "USDT"),
            mark: None,
            funding: None,
            annualised,
            open_interest: usd.map(|usd| (Usd::new(usd).unwrap(), at("2026-01-06"))),
        }
    }

    #[test]
    fn funding_counts_by_open_interest_and_what_has_none_is_counted_apart() {
        let rows = [
            contract("a", Some(0.10), Some(30.0)),
            contract("a", Some(0.20), Some(10.0)),
            contract("b", None, Some(5.0)),
            contract("c", Some(9.0), None),
        ];
        let taken = taken(&rows.iter().collect::<Vec<_>>());
        assert_eq!(taken.open_interest.map(|(sum, _)| sum.get()), Some(45.0));
        assert_eq!((taken.venues, taken.missing, taken.funded), (2, 1, 2));
        assert!((taken.annualised.unwrap() - 0.125).abs() < 1e-12);
        assert_eq!(super::taken(&[]), Taken::default());
    }

    fn table(asset: &str, days: &[(&str, Option<f64>, usize)]) -> Arc<FlowTable> {
        let day = |(date, total, pending): &(&str, Option<f64>, usize)| FlowDay {
            trade_date: date.parse().unwrap(),
            cells: vec![FlowCell::Pending],
            total: total.map(|total| Usd::new(total).unwrap()),
            reported: 1,
            pending: *pending,
            status: if *pending == 0 { FlowStatus::Final } else { FlowStatus::Provisional },
            known_at: at("2026-01-06"),
        };
        Arc::new(FlowTable {
            asset: asset.into(),
            source: FeedId::new("farside"),
            funds: vec!["IBIT".into()],
            days: days.iter().map(day).collect(),
        })
    }

    #[test]
    fn days_of_several_assets_are_summed_and_a_day_that_one_has_not_told_is_provisional() {
        let desk = Desk {
            flows: vec![
                table(
                    "BTC",
                    &[
                        ("2026-01-01", Some(5.0), 0),
                        ("2026-01-02", Some(7.0), 0),
                        ("2026-01-05", Some(1.0), 0),
                    ],
                ),
                table(
                    "ETH",
                    &[("2026-01-02", Some(-3.0), 0), ("2026-01-05", None, 1), ("2026-01-06", None, 2)],
                ),
            ],
            ..Desk::default()
        };
        let told: Vec<_> = funds(&desk, &FUNDED)
            .into_iter()
            .map(|day| (day.date.to_string(), day.total.get(), day.cumulative.get(), day.status.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("2026-01-01".to_owned(), 5.0, 5.0, "final"),
                ("2026-01-02".to_owned(), 4.0, 9.0, "final"),
                ("2026-01-05".to_owned(), 1.0, 10.0, "provisional"),
            ]
        );
        assert!(funds(&desk, &["SOL"]).is_empty());
    }
}
