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

/// Days of a walk whose bars reach `beyond` times a typical day's move past their closes, on the last five `late` times.
fn ranged(beyond: f64, late: f64) -> History {
    let mut chance = Chance::new(4);
    let mut history = History::default();
    let mut close = 100.0_f64;
    for number in 0..120 {
        let start = day("2025-01-01").plus_days(number).unwrap();
        let open = close;
        close *= (0.02 * chance.normal()).exp();
        let reach = 0.02 * if number >= 115 { late } else { beyond } * (0.5 + chance.uniform());
        let mut event = bar("BTC-USD", Interval::Day, start.start(), start.next().start(), close);
        if let market::Observation::Bar(bar) = &mut event.observation {
            bar.high = market::Price::new(open.max(close) * reach.exp()).unwrap();
            bar.low = market::Price::new(open.min(close) * (-reach).exp()).unwrap();
        }
        history.bars.push(event);
    }
    history
}

#[test]
fn bars_that_reach_far_past_their_closes_show_and_those_without_a_range_say_nothing() {
    let last = "2025-05-01T00:15:00Z";
    let shown = |history: &History| {
        let set = build(history, "vol-5d", last);
        ["range_last_z", "range_window_z", "range_told"].map(|column| value(&set, last, column))
    };
    let [usual, wide] = [ranged(0.5, 0.5), ranged(0.5, 5.0)].map(|history| shown(&history));
    assert!(usual[1].abs() < 3.0 && wide[1] > 3.0 && wide[0] > usual[0], "{usual:?} {wide:?}");
    assert!(near(usual[2], 1.0) && near(wide[2], 1.0));
    assert_eq!(shown(&ranged(0.5, 0.0))[2], 1.0, "open and close alone make a range");
    // Bars of closes only: three of five are left, which is too few.
    let mut history = ranged(0.5, 5.0);
    for event in &mut history.bars[116..118] {
        if let market::Observation::Bar(bar) = &mut event.observation {
            (bar.open, bar.high, bar.low) = (bar.close, bar.close, bar.close);
        }
    }
    let [of_last, of_window, told] = shown(&history);
    assert!(near(told, 0.6) && of_last == 0.0 && of_window == 0.0);
}

#[test]
fn a_day_s_range_is_that_of_its_hours_where_no_daily_bar_tells_it() {
    let mut history = History { bars: hours("2025-01-01T00:00:00Z", 24 * 60), ..History::default() };
    for event in &mut history.bars {
        if let market::Observation::Bar(bar) = &mut event.observation {
            bar.high = market::Price::new(bar.close.get() * 1.01).unwrap();
        }
    }
    let told = |history: &History| {
        let set = build(history, "vol-5d", "2025-02-27T00:15:00Z");
        value(&set, "2025-02-27T00:15:00Z", "range_told")
    };
    assert!(near(told(&history), 1.0));
    // An hour of the last day is not known: its range may have been wider.
    history.bars.retain(|event| event.event_time != at("2025-02-26T07:00:00Z"));
    assert!(near(told(&history), 0.8));
}

#[test]
fn names_that_were_given_up_are_read_with_those_in_use() {
    let symbols = super::super::symbols("ETH");
    for symbol in
        ["BITF", "KEEL", "RNDR-USDT", "RENDER-USD", "BTC-USD", "BTC-USDT-PERP", "ETH-USDT", "MARA", "QQQ"]
    {
        assert!(symbols.iter().any(|other| other == symbol), "{symbol}");
    }
    assert!(symbols.is_sorted() && !symbols.iter().any(|symbol| symbol == "SPY"), "no more than is used");
}
