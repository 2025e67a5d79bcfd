//! What single columns say of small histories, and what no history can make them say.

use std::time::Duration;

use market::{Date, Interval, MarketEvent, PositionSide, Timestamp, nyse};
use proptest::prelude::*;

use super::super::robust::z_of_last;
use super::super::{FeatureError, FeatureSet, History, TASKS, bits, samples, task};
use super::world::{
    Size, at, bar, day, event, flow, funding, gap, interest, level, liquidation, value, world,
};
use crate::chance::Chance;

fn build(history: &History, id: &str, now: &str) -> FeatureSet {
    samples(history, task(id).unwrap(), "BTC", at(now)).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// Hourly closes from `start` on, so that every hour has a row.
fn hours(start: &str, count: u64) -> Vec<MarketEvent> {
    let mut chance = Chance::new(3);
    let mut price = 100.0;
    let bars = (0..count).map(|hour| {
        price *= (0.01 * chance.normal()).exp();
        let start = at(start).plus(Duration::from_hours(hour));
        bar("BTC-USDT", Interval::Hour, start, start.plus(Duration::from_hours(1)), price)
    });
    bars.collect()
}

fn trading_days(from: &str, count: usize) -> Vec<Date> {
    let mut dates = vec![day(from)];
    while dates.len() < count {
        dates.push(nyse().next_trading_day(*dates.last().unwrap()).unwrap());
    }
    dates
}

fn sort(events: &mut [MarketEvent]) {
    events.sort_by_key(|event| event.known_at);
}

/// Sixty sessions of 1, −1, 1, −1 … millions in one fund, settled in time, and 2025-11-17 as it came: IBIT in the
/// evening, FBTC at five in the morning, a revision days later.
fn vintages() -> History {
    let mut history = History { bars: hours("2025-11-10T00:00:00Z", 24 * 14), ..History::default() };
    let mut dates = trading_days("2025-08-20", 62);
    dates.retain(|date| *date < day("2025-11-17"));
    for (place, date) in dates.iter().enumerate() {
        let flows = if place % 2 == 0 { (1.0, 0.5) } else { (-1.0, -0.5) };
        let known_at = date.next().start().plus(Duration::from_hours(6));
        history.flows.push(flow("IBIT", *date, Some(flows.0), known_at));
        history.flows.push(flow("FBTC", *date, Some(flows.1), known_at));
    }
    let monday = day("2025-11-17");
    history.flows.push(flow("IBIT", monday, None, at("2025-11-17T12:00:00Z")));
    history.flows.push(flow("FBTC", monday, None, at("2025-11-17T12:00:00Z")));
    history.flows.push(flow("FBTC", monday, Some(2.0), at("2025-11-18T01:30:00Z")));
    history.flows.push(flow("IBIT", monday, Some(-5.0), at("2025-11-18T05:00:00Z")));
    history.flows.push(flow("IBIT", monday, Some(4.0), at("2025-11-19T09:00:00Z")));
    sort(&mut history.flows);
    history
}

#[test]
fn a_days_flow_is_a_partial_sum_at_night_and_whole_by_the_next_afternoon() {
    let set = build(&vintages(), "vol-24h", "2025-11-20T00:00:00Z");
    let before = (0..trading_days("2025-08-20", 62).iter().filter(|date| **date < day("2025-11-17")).count())
        .map(|place| Some(if place % 2 == 0 { 1.5 } else { -1.5 }));
    let z = |monday: Option<f64>| {
        let totals: Vec<Option<f64>> = before.clone().chain(monday.map(Some)).collect();
        z_of_last(&totals)
    };
    for (time, monday, told, age, why) in [
        (
            "2025-11-17T23:05:00Z",
            None,
            1.0,
            1.0,
            "Monday is over and nothing is told: Friday's, one session old",
        ),
        ("2025-11-18T01:05:00Z", None, 1.0, 1.0, "still nothing"),
        ("2025-11-18T02:05:00Z", Some(2.0), 0.5, 0.0, "one fund of two"),
        ("2025-11-18T06:05:00Z", Some(-3.0), 1.0, 0.0, "2 − 5"),
        ("2025-11-18T14:05:00Z", Some(-3.0), 1.0, 0.0, "the same in the afternoon"),
        ("2025-11-18T21:05:00Z", Some(-3.0), 1.0, 1.0, "Tuesday is over, and not told"),
        ("2025-11-19T09:05:00Z", Some(6.0), 1.0, 1.0, "Monday was revised to 2 + 4"),
    ] {
        assert!(near(value(&set, time, "flow_1d_z"), z(monday)), "{time}: {why}");
        assert_eq!(value(&set, time, "flow_told"), told, "{time}: {why}");
        assert_eq!(value(&set, time, "flow_age"), age, "{time}: {why}");
    }
    assert!(z(Some(6.0)) > z(Some(2.0)) && z(Some(2.0)) > z(Some(-3.0)) && z(Some(-3.0)) < 0.0);
    assert_eq!(value(&set, "2025-11-18T02:05:00Z", "flow_1d_z"), {
        let mut only = vintages();
        only.flows.retain(|event| event.known_at <= at("2025-11-18T01:30:00Z"));
        value(&build(&only, "vol-24h", "2025-11-18T03:00:00Z"), "2025-11-18T02:05:00Z", "flow_1d_z")
    });
}

#[test]
fn flows_no_one_tells_any_more_grow_old_and_are_dropped() {
    let mut history = vintages();
    history.bars = hours("2025-11-10T00:00:00Z", 24 * 25);
    let set = build(&history, "vol-24h", "2025-12-03T00:00:00Z");
    // 17 November is the last told; Thanksgiving is no session.
    for (time, age, is_used) in [
        ("2025-11-24T12:05:00Z", 4.0, true),
        ("2025-11-25T12:05:00Z", 5.0, true),
        ("2025-11-28T12:05:00Z", 5.0, false),
    ] {
        assert_eq!(value(&set, time, "flow_age"), age, "{time}");
        assert_eq!(value(&set, time, "flow_1d_z") != 0.0, is_used, "{time}");
    }
}

#[test]
fn the_level_of_flows_is_that_of_the_five_sessions_before() {
    let mut history = vintages();
    let set = build(&history, "flows-5s", "2025-11-19T15:00:00Z");
    // Tue 11 … Mon 17: the alternation leaves one of the four days before Monday, then −3.
    let week: Vec<f64> = ["2025-11-11", "2025-11-12", "2025-11-13", "2025-11-14"]
        .iter()
        .map(|date| {
            let of_day = history.flows.iter().filter_map(|event| event.observation.etf_flow());
            of_day
                .filter(|flow| flow.trade_date == day(date))
                .map(|flow| flow.net_flow.unwrap().get() / 1e6)
                .sum()
        })
        .collect();
    let expected: f64 = week.iter().sum::<f64>() - 3.0;
    assert!(near(level(&set, "2025-11-18T14:00:00Z").unwrap(), expected));
    assert_eq!(level(&set, "2025-11-19T14:00:00Z"), None, "Tuesday was never told");
    history.flows.retain(|event| event.known_at < at("2025-11-18T05:00:00Z"));
    let set = build(&history, "flows-5s", "2025-11-18T15:00:00Z");
    assert!(
        near(level(&set, "2025-11-18T14:00:00Z").unwrap(), expected + 5.0),
        "a fund late is not in the sum"
    );
}

#[test]
fn a_source_of_totals_counts_only_where_no_funds_are_told() {
    let mut history = vintages();
    for (date, millions) in [("2025-11-14", 900.0), ("2025-11-18", 700.0)] {
        let mut total = flow("TOTAL", day(date), Some(millions), at("2025-11-19T05:00:00Z"));
        total.feed = market::FeedId::new("another");
        history.flows.push(total);
    }
    sort(&mut history.flows);
    let set = build(&history, "flows-5s", "2025-11-19T15:00:00Z");
    let without = build(&vintages(), "flows-5s", "2025-11-19T15:00:00Z");
    let tuesday = "2025-11-18T14:00:00Z";
    assert_eq!(level(&set, tuesday), level(&without, tuesday));
    // Wednesday: Wed 12, Thu 13, Fri 14, Mon 17 as revised (2 + 4), Tue 18 by the total alone.
    assert!(level(&set, "2025-11-19T14:00:00Z").unwrap() > 700.0);
    assert!(level(&set, "2025-11-19T14:00:00Z").unwrap() < 720.0, "Friday is not 900");
}

#[test]
fn volatility_needs_three_quarters_of_its_returns_and_says_which_pair_told_them() {
    let mut history = History { bars: hours("2025-11-01T00:00:00Z", 24 * 6), ..History::default() };
    // Seven bars fall out, of which five come from another pair.
    let cut = |event: &MarketEvent| {
        let hour = event.event_time.since(at("2025-11-04T00:00:00Z")).as_secs() / 3600;
        event.event_time >= at("2025-11-04T00:00:00Z") && hour < 7
    };
    let lost: Vec<MarketEvent> = history.bars.iter().filter(|event| cut(event)).cloned().collect();
    history.bars.retain(|event| !cut(event));
    let set = build(&history, "vol-24h", "2025-11-07T00:00:00Z");
    let note = |set: &FeatureSet, time: &str| {
        set.notes[set.samples.times.iter().position(|other| *other == at(time)).unwrap()]
    };
    // Six hours without a return are 18 of 24, the seventh is too many, and the bar after has no bar before it.
    assert!(level(&set, "2025-11-04T06:05:00Z").is_some() && level(&set, "2025-11-04T07:05:00Z").is_none());
    assert!(near(note(&set, "2025-11-04T08:05:00Z").coverage, 16.0 / 24.0));
    assert!(level(&set, "2025-11-05T09:05:00Z").is_some());
    assert_eq!(set.prices.len(), 1);

    let helped = lost.into_iter().chain(std::iter::once(history.bars[71].clone()));
    for mut event in helped.collect::<Vec<_>>() {
        if let market::Observation::Bar(bar) = &mut event.observation {
            bar.symbol = "BTC-USD".into();
        }
        history.bars.push(event);
    }
    sort(&mut history.bars);
    let set = build(&history, "vol-24h", "2025-11-07T00:00:00Z");
    assert!(near(note(&set, "2025-11-04T07:05:00Z").coverage, 1.0));
    let uses: Vec<(&str, usize)> =
        set.prices.iter().map(|used| (used.symbol.as_str(), used.returns)).collect();
    assert_eq!((uses[0].0, uses[1]), ("BTC-USDT", ("BTC-USD", 7)));
}

#[test]
fn the_level_is_the_log_of_the_root_mean_square_of_a_days_returns() {
    let bars = hours("2025-11-01T00:00:00Z", 24 * 5);
    let closes: Vec<f64> = bars.iter().map(|event| event.observation.bar().unwrap().close.get()).collect();
    let set = build(&History { bars, ..History::default() }, "vol-24h", "2025-11-06T00:00:00Z");
    // The bar that ended at 12:00 on the fourth is the last known at 12:05.
    let last = 3 * 24 + 11;
    let squares: f64 = (last - 23..=last).map(|at| (closes[at] / closes[at - 1]).ln().powi(2)).sum();
    let expected = ((squares / 24.0).sqrt() + 1e-6).ln();
    assert!(near(level(&set, "2025-11-04T12:05:00Z").unwrap(), expected));
    let daily = build(
        &History { bars: hours("2025-05-01T00:00:00Z", 24 * 100), ..History::default() },
        "vol-5d",
        "2025-08-01T12:00:00Z",
    );
    assert!(level(&daily, "2025-08-01T00:15:00Z").is_some(), "days are put together from hours");
}

#[test]
fn a_burst_is_measured_by_what_was_told_in_time() {
    let (long, short) = (PositionSide::Long, PositionSide::Short);
    let start = at("2025-11-01T00:00:00Z");
    let mut history = History::default();
    for hour in 0..96 {
        let moment = start.plus(Duration::from_mins(60 * hour + 30));
        history.liquidations.push(liquidation("okx", moment, moment, long, 1_000.0));
    }
    let late = at("2025-11-03T10:30:00Z");
    history.liquidations.push(liquidation("okx", late, late.plus(Duration::from_hours(3)), short, 76_000.0));
    sort(&mut history.liquidations);
    let set = build(&history, "burst-24h", "2025-11-04T12:00:00Z");
    assert!(near(level(&set, "2025-11-03T12:05:00Z").unwrap(), 24_001f64.ln()), "not told yet");
    assert!(near(level(&set, "2025-11-03T14:05:00Z").unwrap(), 100_001f64.ln()));
    assert!(near(level(&set, "2025-11-04T10:05:00Z").unwrap(), 100_001f64.ln()), "by the venue's time");
    assert!(near(level(&set, "2025-11-04T11:05:00Z").unwrap(), 24_001f64.ln()));
    // A steady stream sums to what its intensity says, and every span agrees with the level.
    assert!(near(value(&set, "2025-11-03T12:05:00Z", "har_6h"), 0.0));
    assert!(value(&set, "2025-11-03T14:05:00Z", "har_6h") > 1.0, "all of it fell into the last six hours");
    assert!(set.notes.iter().zip(&set.samples.times).all(|(note, time)| note.known_through <= *time));
}

#[test]
fn where_the_feeds_did_not_watch_there_is_no_level_and_no_group() {
    let start = at("2025-11-01T00:00:00Z");
    let mut history = History::default();
    for minute in (0..8 * 24 * 60).step_by(20) {
        let moment = start.plus(Duration::from_mins(minute));
        let usd = 1_000.0 + (minute % 7_000) as f64;
        history.liquidations.push(liquidation("okx", moment, moment, PositionSide::Long, usd));
    }
    let (from, until) = (at("2025-11-04T00:00:00Z"), at("2025-11-04T18:00:00Z"));
    history.gaps.push(gap("okx", from, None, from));
    history.gaps.push(gap("okx", from, Some(until), until));
    let set = build(&history, "burst-24h", "2025-11-08T00:00:00Z");
    assert!(
        set.samples.times[0] == at("2025-11-01T12:05:00Z"),
        "half of the first window was watched by then"
    );
    for (time, is_seen) in [
        ("2025-11-04T11:05:00Z", true),
        ("2025-11-04T13:05:00Z", false),
        ("2025-11-05T05:05:00Z", false),
        ("2025-11-05T07:05:00Z", true),
    ] {
        assert_eq!(level(&set, time).is_some(), is_seen, "{time}");
        assert_eq!(value(&set, time, "liq_coverage") >= 0.5, is_seen, "{time}");
        if !is_seen {
            assert_eq!(value(&set, time, "liq_long_slow_z"), 0.0, "{time}");
        }
    }
}

#[test]
fn sides_are_kept_apart() {
    let mut history = world(5, Size { days: 60, has_hours: true, liquidations_a_day: 40 });
    let storm = at("2025-02-20T10:00:00Z");
    for minute in 0..50 {
        let moment = storm.plus(Duration::from_mins(minute));
        history.liquidations.push(liquidation("okx", moment, moment, PositionSide::Short, 5e7));
    }
    sort(&mut history.liquidations);
    let set = build(&history, "vol-24h", "2025-02-22T00:00:00Z");
    let time = "2025-02-20T11:05:00Z";
    assert!(value(&set, time, "liq_short_fast_z") > 3.0 && value(&set, time, "liq_long_fast_z").abs() < 3.0);
    assert!(value(&set, time, "liq_imbalance_z") < -1.0 && value(&set, time, "liq_notional_z") > 3.0);
    // Six hours on, the fast one has halved six times; the slow one lingers.
    let fades = |column: &str| value(&set, time, column) - value(&set, "2025-02-20T19:05:00Z", column);
    assert!(fades("liq_short_fast_z") > fades("liq_short_slow_z"));
}

/// Days on which four miners follow Bitcoin with slope 2, but for 3 % of their own on one.
fn miners(own: f64) -> History {
    let mut chance = Chance::new(9);
    let mut history = History::default();
    let (mut bitcoin, mut share) = (100.0, 10.0);
    let mut since_session = 0.0;
    for number in 0..160 {
        let date = day("2025-03-01").plus_days(number).unwrap();
        let step = 0.02 * chance.normal();
        bitcoin *= step.exp();
        since_session += step;
        history.bars.push(bar("BTC-USD", Interval::Day, date.start(), date.next().start(), bitcoin));
        if let Some(close) = nyse().close(date) {
            let noise = 0.001 * chance.normal();
            let extra = if date == day("2025-08-01") { own } else { 0.0 };
            share *= (2.0 * since_session + noise + extra).exp();
            since_session = 0.0;
            for ticker in ["MARA", "RIOT", "CLSK", "HIVE"] {
                history.bars.push(bar(ticker, Interval::Day, date.start(), close, share));
            }
        }
    }
    sort(&mut history.bars);
    history
}

#[test]
fn a_miners_move_of_its_own_shows_when_both_closes_are_known() {
    let (plain, moved) = (miners(0.0), miners(0.03));
    let sets = [&plain, &moved].map(|history| build(history, "vol-5d", "2025-08-06T00:15:00Z"));
    // 1 August is a Friday; its UTC day is over at midnight.
    for (time, differs, age) in [
        ("2025-08-01T00:15:00Z", false, 0.0),
        ("2025-08-02T00:15:00Z", true, 0.0),
        ("2025-08-04T00:15:00Z", true, 0.0),
    ] {
        let z = sets.each_ref().map(|set| value(set, time, "miner_resid_1d_z"));
        assert_eq!((z[0] - z[1]).abs() > 1.0, differs, "{time}: {z:?}");
        assert_eq!(value(&sets[1], time, "miner_age"), age, "{time}");
    }
    assert!(value(&sets[1], "2025-08-02T00:15:00Z", "miner_resid_1d_z") > 5.9, "thirty times the noise");
    assert!(value(&sets[1], "2025-08-05T00:15:00Z", "miner_resid_1d_z").abs() < 6.0);
    assert!(value(&sets[1], "2025-08-05T00:15:00Z", "miner_resid_5d_z") > 4.0, "it is within five sessions");
}

#[test]
fn a_session_between_hourly_closes_is_known_at_new_yorks_close() {
    let mut history = miners(0.03);
    // Hourly closes at 20:00 UTC, New York's close in summer, make the UTC day's end unnecessary.
    let hourly: Vec<MarketEvent> = history
        .bars
        .iter()
        .filter(|event| event.observation.bar().is_some_and(|bar| bar.symbol == "BTC-USD"))
        .map(|event| {
            let start = event.event_time.plus(Duration::from_hours(19));
            let close = event.observation.bar().unwrap().close.get();
            bar("BTC-USDT", Interval::Hour, start, start.plus(Duration::from_hours(1)), close)
        })
        .collect();
    history.bars.extend(hourly);
    history.bars.extend(hours("2025-07-30T21:00:00Z", 23));
    history.bars.extend(hours("2025-07-31T21:00:00Z", 22));
    sort(&mut history.bars);
    // Asked through liquidations: so few hourly closes make no volatility.
    let burst: Vec<MarketEvent> = (0..24 * 30)
        .map(|hour| {
            let moment = at("2025-07-05T00:00:00Z").plus(Duration::from_hours(hour));
            liquidation("okx", moment, moment, PositionSide::Long, 1e5)
        })
        .collect();
    history.liquidations = burst;
    let set = build(&history, "burst-24h", "2025-08-02T00:00:00Z");
    let (before, after) = ("2025-08-01T19:05:00Z", "2025-08-01T20:05:00Z");
    assert!(value(&set, before, "miner_resid_1d_z").abs() < 5.0);
    assert!(value(&set, after, "miner_resid_1d_z") > 5.9, "{}", value(&set, after, "miner_resid_1d_z"));
    assert_eq!((value(&set, before, "miner_age"), value(&set, after, "miner_age")), (0.0, 0.0));
}

#[test]
fn tokens_are_measured_against_bitcoin_and_the_nasdaq() {
    let mut history = world(11, Size { days: 90, has_hours: false, liquidations_a_day: 0 });
    let last = day("2025-03-31");
    for event in &mut history.bars {
        let is_last = event.event_time == last.start();
        if let market::Observation::Bar(bar) = &mut event.observation
            && is_last
            && ["TAO-USDT", "FET-USD", "NEAR-USDT", "RENDER-USDT"].contains(&bar.symbol.as_str())
        {
            bar.close = market::Price::new(bar.close.get() * 2.0).unwrap();
        }
    }
    let set = build(&history, "vol-5d", "2025-04-01T01:00:00Z");
    let after = "2025-04-01T00:15:00Z";
    for column in ["ai_1d_z", "ai_5d_z", "ai_qqq_5d_z"] {
        assert!(value(&set, after, column) > 2.5, "{column}: {}", value(&set, after, column));
    }
    assert_eq!(value(&set, after, "ai_age"), 0.0);
}

#[test]
fn funding_is_a_median_and_open_interest_a_change_of_each_contract() {
    let mut history = History { bars: hours("2025-10-01T00:00:00Z", 24 * 30), ..History::default() };
    let mut chance = Chance::new(2);
    for hour in (0..24 * 29).step_by(8) {
        let moment = at("2025-10-01T00:00:00Z").plus(Duration::from_hours(hour));
        for feed in ["a", "b", "c"] {
            history.funding.push(funding(feed, moment, 1e-5 * chance.normal()));
            history.open_interest.push(interest(feed, moment, 1e5 * (0.001 * chance.normal()).exp()));
        }
    }
    let moment = at("2025-10-29T04:00:00Z");
    history.funding.push(funding("a", moment, 0.5));
    history.open_interest.push(interest("d", moment, 1e9));
    sort(&mut history.funding);
    sort(&mut history.open_interest);
    let set = build(&history, "vol-24h", "2025-10-30T00:00:00Z");
    let time = "2025-10-29T05:05:00Z";
    assert!(value(&set, time, "funding_z").abs() < 4.0, "one contract of three does not carry the median");
    assert!(value(&set, time, "oi_change_1d_z").abs() < 4.0, "a new contract is no change");
    history.funding.push(funding("b", at("2025-10-29T06:00:00Z"), 0.5));
    for feed in ["a", "b", "c"] {
        history.open_interest.push(interest(feed, at("2025-10-29T06:00:00Z"), 2e5));
    }
    sort(&mut history.funding);
    sort(&mut history.open_interest);
    let set = build(&history, "vol-24h", "2025-10-30T12:00:00Z");
    let time = "2025-10-29T06:05:00Z";
    assert!(value(&set, time, "funding_z") > 5.9 && value(&set, time, "funding_change_z") > 5.9);
    assert!(value(&set, time, "oi_change_1d_z") > 5.9 && value(&set, time, "oi_change_5d_z") > 5.9);
    assert!(near(value(&set, "2025-10-29T18:05:00Z", "funding_age"), (2.0 + 5.0 / 60.0) / 24.0));
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let now = at("2025-02-01T00:00:00Z");
    let history = world(1, Size { days: 10, has_hours: true, liquidations_a_day: 5 });
    let ask = |history: &History, asset: &str| samples(history, &TASKS[0], asset, now).unwrap_err();
    let mut backwards = history.clone();
    backwards.bars.swap(0, 40);
    assert!(matches!(ask(&backwards, "BTC"), FeatureError::NotInOrder { table: "bars", .. }));
    let mut mixed = history.clone();
    mixed.flows[3] = mixed.bars[0].clone();
    assert_eq!(ask(&mixed, "BTC"), FeatureError::WrongKind { table: "flows", row: 3 });
    assert!(ask(&history, "btc").to_string().contains("upper case"));
    let nothing = ask(&History::default(), "BTC").to_string();
    assert!(nothing.contains("vol-24h of BTC") && nothing.contains("vigie backfill"), "{nothing}");
    assert!(matches!(ask(&history, "ETH"), FeatureError::NothingKnown { .. }));
}

#[test]
fn a_rows_bytes_change_with_every_part_of_it() {
    let history = world(1, Size { days: 12, has_hours: true, liquidations_a_day: 5 });
    let set = build(&history, "vol-24h", "2025-01-12T00:00:00Z");
    let bytes = set.row_bytes(5).unwrap();
    assert_eq!(build(&history, "vol-24h", "2025-01-11T00:00:00Z").row_bytes(5), Some(bytes.clone()));
    assert_eq!(set.row_bytes(set.samples.rows()), None);
    let width = set.samples.columns.len();
    let mut others: Vec<FeatureSet> = std::iter::repeat_n(set.clone(), 5).collect();
    others[0].asset = "ETH".to_owned();
    others[1].samples.values[5 * width + 3] += 1e-15;
    others[2].samples.level[5] = None;
    others[3].samples.columns[7].name.push('x');
    others[4].task = task("vol-5d").unwrap();
    for (place, other) in others.iter().enumerate() {
        assert_ne!(other.row_bytes(5), Some(bytes.clone()), "{place}");
        assert_eq!(other.row_bytes(6) == set.row_bytes(6), place == 1 || place == 2, "{place}");
    }
}

/// Puts words of one moment in another order.
fn shuffle_ties(events: &mut [MarketEvent], chance: &mut Chance) {
    for at in (1..events.len()).rev() {
        let with = chance.index(at + 1);
        events.swap(at, with);
    }
    events.sort_by_key(|event| event.known_at);
}

fn tables(history: &mut History) -> [&mut Vec<MarketEvent>; 6] {
    [
        &mut history.bars,
        &mut history.flows,
        &mut history.liquidations,
        &mut history.funding,
        &mut history.open_interest,
        &mut history.gaps,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn words_of_one_moment_may_come_in_any_order(seed in 0u64..1_000) {
        let mut history = world(seed, Size { days: 40, has_hours: true, liquidations_a_day: 6 });
        let mut chance = Chance::new(seed);
        // Whole quarters of a day at once, so that most words are tied, with contradictions among them.
        for table in tables(&mut history) {
            let twice: Vec<MarketEvent> = table.iter().step_by(7).cloned().collect();
            table.extend(twice);
            for event in table.iter_mut() {
                let quarter = 21_600_000_000;
                let known_at = (event.known_at.as_micros() / quarter + 1) * quarter;
                event.known_at = Timestamp::from_micros(known_at).unwrap();
                if let market::Observation::Bar(bar) = &mut event.observation && chance.uniform() < 0.1 {
                    bar.close = market::Price::new(bar.close.get() * 1.01).unwrap();
                }
            }
            table.sort_by_key(|event| event.known_at);
        }
        let mut other = history.clone();
        for table in tables(&mut other) {
            shuffle_ties(table, &mut chance);
        }
        for task in &TASKS {
            let now = at("2025-02-09T00:00:00Z");
            match (samples(&history, task, "BTC", now), samples(&other, task, "BTC", now)) {
                (Ok(one), Ok(other)) => prop_assert_eq!(bits(&one.samples), bits(&other.samples)),
                (one, other) => prop_assert_eq!(one.err(), other.err()),
            }
        }
    }

    #[test]
    fn no_history_makes_a_row_that_is_not_finite(seed in 0u64..1_000, scale in -200i32..200) {
        let mut history = world(seed, Size { days: 45, has_hours: true, liquidations_a_day: 4 });
        let mut chance = Chance::new(seed ^ 7);
        for table in tables(&mut history) {
            table.retain(|_| chance.uniform() > 0.3);
            for event in table.iter_mut() {
                if chance.uniform() < 0.05 {
                    let days = (60.0 * chance.uniform()) as u64;
                    event.event_time = event.event_time.minus(Duration::from_hours(24 * days));
                }
                match &mut event.observation {
                    market::Observation::Bar(bar) if chance.uniform() < 0.1 => {
                        bar.close = market::Price::new(bar.close.get() * 10f64.powi(scale)).unwrap();
                    }
                    market::Observation::FundingRate(rate) if chance.uniform() < 0.1 => {
                        rate.rate = [f64::NAN, f64::INFINITY, f64::MAX, 0.0][chance.index(4)];
                        rate.interval_hours = [None, Some(0.0), Some(f64::MIN_POSITIVE), Some(-1.0)][chance.index(4)];
                    }
                    market::Observation::OpenInterest(open) if chance.uniform() < 0.1 => {
                        open.quantity = market::Quantity::new([0.0, 1e300][chance.index(2)]).ok();
                    }
                    _ => {}
                }
            }
        }
        let far = event("x", Timestamp::EPOCH, at("2025-02-15T00:00:00Z"), history.gaps.first().map_or_else(
            || gap("okx", Timestamp::EPOCH, None, Timestamp::EPOCH).observation, |gap| gap.observation.clone()));
        history.gaps.push(far);
        for task in &TASKS {
            let Ok(set) = samples(&history, task, "BTC", at("2025-03-01T00:00:00Z")) else { continue };
            prop_assert!(set.samples.values.iter().all(|value| value.is_finite()));
            prop_assert!(set.samples.level.iter().flatten().all(|level| level.is_finite()));
            prop_assert_eq!(set.samples.values.len(), set.samples.rows() * set.samples.columns.len());
            prop_assert!(set.notes.iter().all(|note| (0.0..=1.0).contains(&note.coverage)));
        }
    }
}
