//! What the groups beside the core say of small histories whose answers are known.

use std::time::Duration;

use market::{Interval, MarketEvent, PositionSide, nyse};

use super::super::History;
use super::world::{
    Size, at, bar, build, day, funding, hours, interest, liquidation, near, sort, value, world,
};
use crate::chance::Chance;

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
