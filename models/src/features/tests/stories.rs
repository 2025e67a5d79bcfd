//! What flows, volatility and bursts say of small histories whose answers are known.

use std::time::Duration;

use market::{Date, MarketEvent, PositionSide, nyse};

use super::super::robust::z_of_last;
use super::super::{FeatureSet, History};
use super::world::{at, build, day, flow, gap, hours, level, liquidation, near, sort, value};

fn trading_days(from: &str, count: usize) -> Vec<Date> {
    let mut dates = vec![day(from)];
    while dates.len() < count {
        dates.push(nyse().next_trading_day(*dates.last().unwrap()).unwrap());
    }
    dates
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
fn a_venue_that_is_followed_later_is_no_burst_until_it_counts_and_then_its_past_does_too() {
    let start = at("2025-11-01T00:00:00Z");
    let mut history = History::default();
    for hour in 0..240 {
        let moment = start.plus(Duration::from_mins(60 * hour + 30));
        history.liquidations.push(liquidation("deribit", moment, moment, PositionSide::Long, 1_000.0));
        if hour >= 72 {
            history.liquidations.push(liquidation("bybit", moment, moment, PositionSide::Long, 9_000.0));
        }
    }
    let set = build(&history, "burst-24h", "2025-11-10T12:00:00Z");
    let one = 24_001f64.ln();
    for (time, expected) in [
        ("2025-11-03T12:05:00Z", one),
        ("2025-11-04T12:05:00Z", one),
        ("2025-11-06T12:05:00Z", one),
        // Watched since 4 November, 00:30: as long as was not by 7 November, 00:30.
        ("2025-11-07T00:05:00Z", one),
        ("2025-11-07T01:05:00Z", 240_001f64.ln()),
        ("2025-11-10T11:05:00Z", 240_001f64.ln()),
    ] {
        assert!(near(level(&set, time).unwrap(), expected), "{time}");
        assert!(value(&set, time, "liq_coverage") > 0.99, "{time}");
    }
    let steady = value(&set, "2025-11-10T11:05:00Z", "intensity");
    assert!(steady.abs() < 0.1, "as if it had always counted: {steady}");
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
