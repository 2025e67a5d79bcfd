//! Stories of the rule: seconds in, alerts out.

use market::{Completeness, FeedState, Gap, GapCause, Instrument, Mode, Observation, Price};

use super::*;

const START: i64 = 1_767_700_000;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_micros((START + secs) * 1_000_000).expect("in range")
}

fn rule(text: &str) -> Box<dyn Rule> {
    build("flush", toml::from_str(text).expect("toml")).expect("a rule")
}

fn watched_board(since: i64) -> Board {
    let mut board = Board::new(Mode::Live, at(since));
    board.add_feed(FeedId::new("okx"), Completeness::Partial);
    board.note_state(&FeedId::new("okx"), at(since), FeedState::Live);
    board
}

fn liquidation(secs: i64, position: PositionSide, usd: f64) -> MarketEvent {
    MarketEvent {
        feed: FeedId::new("okx"),
        event_time: at(secs),
        receive_time: at(secs),
        known_at: at(secs),
        observation: Observation::Liquidation(Liquidation {
            symbol: "BTC-USDT-SWAP".into(),
            instrument: Instrument::perp("BTC", "USDT"),
            position,
            price: Price::new(60_000.0).expect("a price"),
            quantity: None,
            notional: Some(Usd::new(usd).expect("finite")),
            venue_id: None,
        }),
    }
}

const FLUSH: &str = "position = 'long'\ninstruments = ['BTC']\nwindow_secs = 60\nthreshold_usd = 1000\nclear_below_usd = 400\ncooldown_secs = 300";

/// Feeds `(second, usd)` long liquidations in and returns `(second, state)` of every alert.
fn story(rule: &mut dyn Rule, board: &Board, events: &[(i64, f64)], until: i64) -> Vec<(i64, AlertState)> {
    let mut said = Vec::new();
    for second in 0..=until {
        for (_, usd) in events.iter().filter(|(when, _)| *when == second) {
            rule.observe(&liquidation(second, PositionSide::Long, *usd));
        }
        if let Some(alert) = rule.evaluate(at(second), board) {
            said.push((second, alert.state));
        }
    }
    said
}

#[test]
fn a_cascade_raises_once_and_clears_below_the_lower_bound() {
    let said = story(&mut *rule(FLUSH), &watched_board(-600), &[(10, 600.0), (20, 500.0), (30, 700.0)], 200);
    // At 80 the sum is 700, below the threshold but not below 400; at 90 it is 0.
    assert_eq!(said, [(20, AlertState::Raised), (90, AlertState::Cleared)]);
}

#[test]
fn a_second_cascade_within_the_cooldown_is_silent() {
    let said =
        story(&mut *rule(FLUSH), &watched_board(-600), &[(10, 1_000.0), (200, 1_000.0), (400, 1_000.0)], 500);
    assert_eq!(
        said,
        [
            (10, AlertState::Raised),
            (70, AlertState::Cleared),
            (400, AlertState::Raised),
            (460, AlertState::Cleared)
        ]
    );
}

#[test]
fn other_sides_instruments_and_venues_do_not_count() {
    let mut rule = rule(FLUSH);
    let board = watched_board(-600);
    rule.observe(&liquidation(1, PositionSide::Short, 5_000.0));
    assert_eq!(rule.evaluate(at(1), &board), None);
    let Measure::Notional { usd, .. } = rule.status().measure else { panic!("not a sum") };
    assert_eq!(usd.to_bits(), 0.0_f64.to_bits());
}

#[test]
fn an_uncovered_window_is_no_data_and_says_when_it_is_covered_again() {
    let mut rule = rule(FLUSH);
    let mut board = watched_board(-600);
    assert_eq!(rule.evaluate(at(0), &board), None);
    let gap = |until: Option<i64>| Gap {
        from: at(0),
        until: until.map(at),
        cause: GapCause::Disconnected,
        detail: String::new(),
    };
    let okx = FeedId::new("okx");
    board.feed_mut(&okx).expect("a feed").note_gap(&gap(None));
    assert_eq!(rule.evaluate(at(20), &board), None, "two thirds are still covered");
    assert_eq!(rule.evaluate(at(40), &board).map(|alert| alert.state), Some(AlertState::NoData));
    assert_eq!(rule.evaluate(at(41), &board), None, "said once");
    board.feed_mut(&okx).expect("a feed").note_gap(&gap(Some(50)));
    assert_eq!(rule.evaluate(at(60), &board), None);
    assert_eq!(rule.evaluate(at(90), &board).map(|alert| alert.state), Some(AlertState::DataRestored));
}

#[test]
fn a_floor_above_the_threshold_raises_even_without_coverage() {
    let mut rule = rule(FLUSH);
    let board = watched_board(0);
    rule.observe(&liquidation(1, PositionSide::Long, 2_000.0));
    let alert = rule.evaluate(at(1), &board).expect("raised");
    assert_eq!(alert.state, AlertState::Raised);
    assert!(alert.evidence.liquidations().is_some_and(|evidence| evidence.coverage < 0.1));
    assert_eq!(alert.headline, "$2k of BTC longs closed in 1m ≥ $1k");
}

#[test]
fn a_bad_table_is_refused_with_the_key_and_the_remedy() {
    for (text, says) in [
        ("threshold_usd = 1", "window_secs"),
        ("window_secs = 0\nthreshold_usd = 1", "use 1 to 86400"),
        ("window_secs = 60\nthreshold_usd = -5", "above 0"),
        ("window_secs = 60\nthreshold_usd = 5\nclear_below_usd = 6", "not above threshold_usd"),
        ("window_mins = 1\nthreshold_usd = 5", "window_mins"),
        ("window_secs = 60\nthreshold_usd = 5\nvenues = ['mtgox']", "no feed"),
        ("window_secs = 60\nthreshold_usd = 5\ninstruments = 'BTC'", "takes \"all\" or a list"),
        ("window_secs = 60\nthreshold_usd = 5\nmin_coverage = 50", "from 0 to 1"),
    ] {
        let Err(problem) = build("flush", toml::from_str(text).expect("toml")) else {
            panic!("{text:?} was accepted");
        };
        assert!(problem.contains(says), "{text:?} gave {problem:?}");
    }
}

#[test]
fn a_sum_below_its_limit_never_reads_as_the_limit() {
    for (usd, limit, text) in [
        (9.98e6, 10e6, "$9.98M"),
        (9.90e6, 10e6, "$9.9M"),
        (1_999_999.0, 2e6, "$1.999999M"),
        (412_000.0, 2e6, "$412k"),
        (499_900.0, 500e3, "$499.9k"),
        (1.998e9, 2e9, "$1.998B"),
        (999_960.0, 1e6, "$0.99996M"),
    ] {
        assert_eq!(short_usd_below(usd, limit), text, "{usd} below {limit}");
    }
}
