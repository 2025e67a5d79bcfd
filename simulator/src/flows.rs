//! Funds that hold coins, and the money that goes into them and out of them: made up, day by day.
//!
//! Flows follow what bitcoin did that day, and lean for weeks on end towards money coming in or going out.
//! The session on which a market begins is reported fund by fund over its first minutes; those that
//! follow, in the evening, as real ones are.

use crate::chance::Chance;
use crate::days::{day_of, utc_day};
use crate::new_york::{is_session, last_session, sessions_through};
use crate::scene::Scene;

/// Days of trading that sources tell of.
pub(crate) const SESSIONS: usize = 400;
/// When a tape asks for flows at first, milliseconds after its start: while reports come in.
pub(crate) const FIRST_POLLS: [i64; 4] = [0, 60_000, 180_000, 330_000];
/// From the first report of a session to the next fund's.
const BETWEEN_SECS: i64 = 25;
/// A fund's first report stands for so long before it is corrected, for the one fund that errs.
const ERRS_FOR_SECS: i64 = 240;
/// Which fund of an asset errs in its first report of each session, and by how much, tenths of millions.
const ERRING: (usize, i64) = (1, 73);
/// Chance that a day draws anew which way money leans, and how far it does.
const LEAN_ANEW: f64 = 1.0 / 12.0;
const LEAN: f64 = 0.6;
/// UTC seconds of a day at which its row appears, and at which the first fund reports.
const ROW_SECS: i64 = 12 * 3600;
const REPORTS_SECS: i64 = 23 * 3600 + 1800;

/// One fund.
#[derive(Debug)]
pub(crate) struct Fund {
    pub(crate) ticker: &'static str,
    pub(crate) issuer: &'static str,
    /// Percent a year, as printed.
    pub(crate) fee: &'static str,
    /// Share of its asset's flows.
    weight: f64,
    /// Millions of USD a day that leave it whatever happens.
    drain: f64,
    /// Year, month and day of its first session.
    since: (i64, u32, u32),
}

impl Fund {
    /// The first session on which it trades.
    pub(crate) fn first_day(&self) -> i64 {
        let (year, month, day) = self.since;
        day_of(year, month, day)
    }
}

/// The funds of one coin.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) code: &'static str,
    /// What sources call the coin.
    pub(crate) name: &'static str,
    /// Deviation of a day's total, millions of USD.
    scale: f64,
    pub(crate) funds: &'static [Fund],
}

const fn fund(
    ticker: &'static str,
    issuer: &'static str,
    fee: &'static str,
    weight: f64,
    since: (i64, u32, u32),
) -> Fund {
    Fund { ticker, issuer, fee, weight, drain: 0.0, since }
}

const BTC_START: (i64, u32, u32) = (2024, 1, 11);
const ETH_START: (i64, u32, u32) = (2024, 7, 23);

/// Every asset with funds, and its funds in the order in which tables print them.
#[rustfmt::skip]
pub(crate) const FUNDS: [Asset; 4] = [
    Asset { code: "BTC", name: "Bitcoin", scale: 240.0, funds: &[
        fund("IBIT", "Blackrock", "0.25%", 0.52, BTC_START),
        fund("FBTC", "Fidelity", "0.25%", 0.18, BTC_START),
        fund("BITB", "Bitwise", "0.20%", 0.06, BTC_START),
        fund("ARKB", "Ark", "0.21%", 0.09, BTC_START),
        fund("BTCO", "Invesco", "0.25%", 0.02, BTC_START),
        fund("EZBC", "Franklin", "0.19%", 0.01, BTC_START),
        fund("BRRR", "Valkyrie", "0.25%", 0.01, BTC_START),
        fund("HODL", "VanEck", "0.20%", 0.03, BTC_START),
        fund("BTCW", "WTree", "0.25%", 0.01, BTC_START),
        fund("MSBT", "Morgan", "0.14%", 0.04, (2026, 4, 7)),
        Fund { drain: 14.0, ..fund("GBTC", "Grayscale", "1.50%", 0.06, BTC_START) },
        fund("BTC", "Grayscale", "0.15%", 0.04, (2024, 7, 31)),
    ] },
    Asset { code: "ETH", name: "Ethereum", scale: 85.0, funds: &[
        fund("ETHA", "Blackrock", "0.25%", 0.50, ETH_START),
        fund("ETHB", "Blackrock", "0.25%", 0.06, (2026, 3, 13)),
        fund("FETH", "Fidelity", "0.25%", 0.18, ETH_START),
        fund("ETHW", "Bitwise", "0.20%", 0.05, ETH_START),
        fund("TETH", "21Shares", "0.21%", 0.02, ETH_START),
        fund("ETHV", "VanEck", "0.20%", 0.03, ETH_START),
        fund("QETH", "Invesco", "0.25%", 0.01, ETH_START),
        fund("EZET", "Franklin", "0.19%", 0.01, ETH_START),
        Fund { drain: 6.0, ..fund("ETHE", "Grayscale", "2.50%", 0.08, ETH_START) },
        fund("ETH", "Grayscale", "0.15%", 0.07, ETH_START),
    ] },
    Asset { code: "SOL", name: "Solana", scale: 14.0, funds: &[
        fund("BSOL", "Bitwise", "0.20%", 0.56, (2025, 10, 28)),
        fund("VSOL", "VanEck", "0.30%", 0.07, (2025, 11, 17)),
        fund("FSOL", "Fidelity", "0.25%", 0.15, (2025, 11, 18)),
        fund("TSOL", "21Shares", "0.21%", 0.03, (2025, 11, 19)),
        fund("SOEZ", "Franklin", "0.19%", 0.02, (2025, 12, 3)),
        fund("GSOL", "Grayscale", "0.35%", 0.16, (2025, 10, 29)),
    ] },
    Asset { code: "XRP", name: "XRP", scale: 11.0, funds: &[
        fund("XRPC", "Canary", "0.50%", 0.38, (2025, 11, 13)),
        fund("XRP", "Bitwise", "0.34%", 0.26, (2025, 11, 20)),
        fund("XRPZ", "Franklin", "0.19%", 0.20, (2025, 11, 24)),
        fund("GXRP", "Grayscale", "0.35%", 0.16, (2025, 11, 24)),
    ] },
];

/// The funds of the coin called `code`.
pub(crate) fn funds_of(code: &str) -> Option<&'static Asset> {
    FUNDS.iter().find(|asset| asset.code == code)
}

/// One day of trading, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Session {
    pub(crate) day: i64,
    /// Tenths of millions of USD, one a fund in the table's order: `None` while not reported, and before
    /// the fund's first session.
    pub(crate) flows: Vec<Option<i64>>,
}

impl Session {
    /// What was reported so far, tenths of millions of USD.
    pub(crate) fn total(&self) -> i64 {
        self.flows.iter().flatten().sum()
    }

    pub(crate) fn has_reports(&self) -> bool {
        self.flows.iter().any(Option::is_some)
    }
}

/// The last sessions of an asset's funds, oldest first.
pub(crate) fn sessions(scene: &Scene<'_>, asset: &Asset) -> Vec<Session> {
    let began = asset.funds.iter().map(Fund::first_day).min().unwrap_or(i64::MAX);
    let days = sessions_through(last_row(scene), SESSIONS);
    let shown = days.into_iter().filter(|day| *day >= began);
    shown.map(|day| Session { day, flows: flows(scene, asset, day) }).collect()
}

/// Weekdays between an asset's first and last session here on which nothing traded.
pub(crate) fn closed_days(sessions: &[Session]) -> impl Iterator<Item = i64> {
    let span = sessions.first().map_or(0, |one| one.day)..sessions.last().map_or(0, |one| one.day);
    span.filter(|day| !is_session(*day) && (1..=5).contains(&crate::days::weekday(*day)))
}

/// The session on which the market began, or the last one before it.
fn first_session(scene: &Scene<'_>) -> i64 {
    last_session(scene.first_day())
}

/// The last session that has a row.
fn last_row(scene: &Scene<'_>) -> i64 {
    let noon_ago = scene.now_micros - ROW_SECS * 1_000_000;
    last_session(utc_day(noon_ago)).max(first_session(scene))
}

fn flows(scene: &Scene<'_>, asset: &Asset, day: i64) -> Vec<Option<i64>> {
    let finals = final_flows(scene, asset, day);
    let first = first_session(scene);
    if day < first {
        return finals;
    }
    let reports_at = if day == first {
        scene.start_micros / 1_000_000 + BETWEEN_SECS
    } else {
        day * 86_400 + REPORTS_SECS
    };
    let now = scene.now_micros / 1_000_000;
    let order = scene.chance(asset.code);
    let mut ranks: Vec<usize> = (0..asset.funds.len()).collect();
    ranks.sort_by_key(|at| order.bits(day * 64 + *at as i64));
    let mut flows = vec![None; finals.len()];
    for (rank, at) in ranks.into_iter().enumerate() {
        let reported = reports_at + rank as i64 * BETWEEN_SECS;
        let error = if at == ERRING.0 && now < reported + ERRS_FOR_SECS { ERRING.1 } else { 0 };
        flows[at] = finals[at].filter(|_| now >= reported).map(|flow| flow + error);
    }
    flows
}

/// Which way money leans on a day, in deviations of a day's total: the regime that is planted in the flows. It is
/// drawn anew, either way as likely, on one day in twelve.
fn lean(chance: Chance, day: i64) -> f64 {
    let mut drawn = day;
    while chance.uniform(drawn * 2) >= LEAN_ANEW {
        drawn -= 1;
    }
    if chance.uniform(drawn * 2 + 1) < 0.5 { -LEAN } else { LEAN }
}

/// What the funds report of a session in the end, tenths of millions of USD.
fn final_flows(scene: &Scene<'_>, asset: &Asset, day: i64) -> Vec<Option<i64>> {
    let chance = scene.chance(&format!("flows of {}", asset.code));
    let mood = lean(chance, day) + 0.4 * chance.wave(day as f64, 14.0) + 0.7 * chance.normal(day);
    let total = asset.scale * (mood + 14.0 * scene.bitcoin_return(day));
    let flow = |fund: &Fund| {
        if day < fund.first_day() {
            return None;
        }
        let chance = Chance::of(scene.seed, fund.ticker);
        // Small funds often report that nothing came or went.
        let is_still = chance.uniform(day) < 0.75 - (fund.weight * 5.0).min(0.75);
        let own = 0.35 * fund.weight.sqrt() * asset.scale * 0.4 * chance.normal(day);
        let millions = if is_still { 0.0 } else { total * fund.weight + own - fund.drain };
        Some((millions * 10.0).round() as i64)
    };
    asset.funds.iter().map(flow).collect()
}

/// Tenths of millions as tables print them, thousands apart and without a sign: `1,119.9`.
pub(crate) fn millions(tenths: i64) -> String {
    let (whole, tenth) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
    format!("{}.{tenth}", thousands(whole))
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(whole: u64) -> String {
    let digits = whole.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::days::{iso, weekday};
    use crate::market::{Market, Prices};
    use crate::scene::tests::FRIDAY;

    fn told(asset: &str, start: i64, secs: i64) -> Vec<Session> {
        let (market, prices) = (Market::new(7, start), Prices::default());
        sessions(&Scene::of(&market, &prices, start + secs * 1_000_000), funds_of(asset).unwrap())
    }

    fn reports(session: &Session) -> usize {
        session.flows.iter().flatten().count()
    }

    #[test]
    fn the_session_of_the_start_is_reported_fund_by_fund_within_minutes() {
        let count = |secs| reports(told("BTC", FRIDAY, secs).last().unwrap());
        assert_eq!([count(0), count(24), count(25), count(75), count(301)], [0, 0, 1, 3, 12]);
        let pending = told("BTC", FRIDAY, 0).pop().unwrap();
        assert_eq!((iso(pending.day).as_str(), pending.total()), ("2026-11-20", 0));
        assert!(told("BTC", FRIDAY, 0).iter().rev().skip(1).all(Session::has_reports));
    }

    #[test]
    fn one_funds_first_report_is_corrected_later() {
        let fbtc = |secs| told("BTC", FRIDAY, secs).last().unwrap().flows[ERRING.0];
        let known: Vec<i64> = (0..700).filter_map(fbtc).collect();
        assert!(known.iter().any(|flow| *flow == known[0]) && known.last() == Some(&(known[0] - ERRING.1)));
    }

    #[test]
    fn a_weekend_shows_friday_and_monday_has_a_row_from_noon() {
        let sunday = FRIDAY + 2 * 86_400_000_000;
        assert_eq!(iso(told("ETH", sunday, 0).last().unwrap().day), "2026-11-20");
        let monday = told("ETH", sunday, 86_400).pop().unwrap();
        assert_eq!((iso(monday.day).as_str(), reports(&monday)), ("2026-11-23", 0));
        assert_eq!(reports(told("ETH", sunday, 86_400 + 9 * 3600).last().unwrap()), 10);
    }

    #[test]
    fn four_hundred_weekdays_of_plausible_flows_lie_behind() {
        let sessions = told("BTC", FRIDAY, 400);
        assert_eq!(sessions.len(), SESSIONS);
        assert!(sessions.iter().all(|session| (1..=5).contains(&weekday(session.day))));
        let totals: Vec<i64> = sessions.iter().map(Session::total).collect();
        let (most, least) = (totals.iter().max().unwrap(), totals.iter().min().unwrap());
        assert!((3_000..20_000).contains(most) && (-20_000..-3_000).contains(least), "{least} {most}");
        let still = sessions.iter().filter(|session| session.flows[6] == Some(0)).count();
        assert!((150..380).contains(&still), "{still} quiet days of BRRR");
    }

    #[test]
    fn money_leans_one_way_for_weeks_and_five_sessions_sum_to_either_sign() {
        let totals: Vec<i64> = told("BTC", FRIDAY, 400).iter().map(Session::total).collect();
        let inflow: Vec<bool> = totals.windows(5).map(|week| week.iter().sum::<i64>() > 0).collect();
        let share = inflow.iter().filter(|is| **is).count() as f64 / inflow.len() as f64;
        let turns = inflow.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((0.25..0.75).contains(&share), "{share}");
        assert!((25..110).contains(&turns), "{turns}");
    }

    #[test]
    fn a_fund_has_no_flow_before_its_first_session_and_is_not_pending_then() {
        let sessions = told("BTC", FRIDAY, 400);
        let funds = FUNDS[0].funds;
        let at = funds.iter().position(|fund| fund.ticker == "MSBT").unwrap();
        for session in &sessions {
            let is_listed = iso(session.day).as_str() >= "2026-04-07";
            assert_eq!(session.flows[at].is_some(), is_listed, "{}", iso(session.day));
        }
        assert!(told("SOL", FRIDAY, 0).len() < 300);
        assert!(closed_days(&sessions).any(|day| iso(day) == "2025-07-04"));
    }

    #[test]
    fn millions_are_printed_with_thousands_separated() {
        assert_eq!([millions(11_199), millions(-951), millions(0)], ["1,119.9", "95.1", "0.0"]);
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
