//! Stories of the rule: outlooks in, alerts out.

use std::sync::Arc;

use market::{Baselines, Chances, LedgerHead, LiveRecord, Mode, ModelStanding, RegimeReading};
use proptest::prelude::*;

use super::*;

const HOUR: u64 = 3_600;

fn start() -> Timestamp {
    "2026-01-06T14:00:00Z".parse().expect("a time")
}

fn at(secs: u64) -> Timestamp {
    start().plus(Duration::from_secs(secs))
}

fn rule(text: &str) -> Box<dyn Rule> {
    let about = "target = 'vol-24h'\nasset = 'BTC'\n";
    build("shift", toml::from_str(&format!("{about}{text}")).expect("toml")).expect("a rule")
}

/// What is to be seen from one moment on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scene {
    Nothing,
    Abstained,
    Shift(f64),
    Regime(&'static str, Timestamp),
}

fn outlook(scene: Scene, made_at: Timestamp) -> Outlook {
    let (name, since) =
        if let Scene::Regime(name, since) = scene { (name, since) } else { ("calm", start()) };
    let shift = if let Scene::Shift(probability) = scene { Some(probability) } else { None };
    let shift = shift.map(|probability| Chances { probability, low: probability / 2.0, high: 0.75 });
    let target = SmolStr::new("vol-24h");
    let asset = SmolStr::new("BTC");
    let model = SmolStr::new("vol-24h-7f3a");
    Outlook {
        target: target.clone(),
        about: "volatility regime of the next 24 h".into(),
        asset: asset.clone(),
        names: vec!["calm".into(), "stormy".into()],
        reading: RegimeReading {
            target: target.clone(),
            asset: asset.clone(),
            regime: u8::from(name == "stormy"),
            name: name.into(),
            probabilities: vec![0.5, 0.5],
            since,
            model: model.clone(),
        },
        read_at: made_at,
        ribbon: Arc::default(),
        forecast: Forecast {
            target,
            asset,
            regime: 0,
            until: made_at.plus(Duration::from_secs(24 * HOUR)),
            shift,
            abstained: shift.is_none().then(|| "outside what it learnt from".into()),
            baselines: Baselines { base: 0.12, markov: 0.09, margin_only: 0.2 },
            regimes: Vec::new(),
            model: model.clone(),
            sequence: 7,
        },
        made_at,
        drivers: Vec::new(),
        groups: Vec::new(),
        score: None,
        live: LiveRecord::default(),
        model: ModelStanding {
            id: model,
            trained_through: start(),
            expires_at: at(90 * 24 * HOUR),
            rows: 900,
            drift: None,
        },
        ledger: Some(LedgerHead { count: 7, head: "00".into() }),
    }
}

fn show(board: &mut Board, scene: Scene, made_at: Timestamp) {
    board.outlooks = match scene {
        Scene::Nothing => Arc::default(),
        scene => vec![outlook(scene, made_at)].into(),
    };
}

/// Shows each scene for an hour, made anew at its start, and asks three times; the alerts, by the hour.
fn story(rule: &mut dyn Rule, scenes: &[Scene]) -> Vec<(usize, AlertState)> {
    let mut board = Board::new(Mode::Live, start());
    let mut said = Vec::new();
    for (hour, scene) in scenes.iter().enumerate() {
        let began = at(hour as u64 * HOUR);
        show(&mut board, *scene, began);
        for secs in [0, 1, HOUR - 1] {
            if let Some(alert) = rule.evaluate(began.plus(Duration::from_secs(secs)), &board) {
                assert!(alert.headline.chars().count() <= 80, "{}", alert.headline);
                said.push((hour, alert.state));
                board.alerts.push(Arc::new(alert));
            }
        }
    }
    said
}

const THIRTY: &str = "shift_at_least = 0.3\nclear_below = 0.2";

#[test]
fn a_probability_raises_once_and_clears_below_the_lower_bound() {
    use Scene::Shift;
    let scenes = [0.1, 0.29, 0.3, 0.6, 0.25, 0.31, 0.2, 0.19, 0.25, 0.3].map(Shift);
    let said = story(&mut *rule(THIRTY), &scenes);
    assert_eq!(said, [(2, AlertState::Raised), (7, AlertState::Cleared), (9, AlertState::Raised)]);
    // Half the bound, unless it is given.
    let said = story(&mut *rule("shift_at_least = 0.3"), &[0.3, 0.15, 0.14].map(Shift));
    assert_eq!(said, [(0, AlertState::Raised), (2, AlertState::Cleared)]);
}

#[test]
fn an_abstention_is_no_data_and_does_not_begin_an_episode_anew() {
    use Scene::{Abstained, Nothing, Shift};
    let scenes = [Nothing, Shift(0.1), Abstained, Nothing, Shift(0.1), Shift(0.4), Abstained, Shift(0.4)];
    let said = story(&mut *rule(THIRTY), &[&scenes[..], &[Abstained, Shift(0.1), Abstained]].concat());
    let expected = [
        (2, AlertState::NoData),
        (4, AlertState::DataRestored),
        (5, AlertState::Raised),
        (6, AlertState::NoData),
        (7, AlertState::DataRestored),
        (8, AlertState::NoData),
        (9, AlertState::Cleared),
        (10, AlertState::NoData),
    ];
    assert_eq!(said, expected);
    assert_eq!(story(&mut *rule(THIRTY), &[Nothing, Abstained, Nothing]), [], "nothing was known before");
    assert_eq!(story(&mut *rule(THIRTY), &[Abstained, Shift(0.5)]), [(1, AlertState::Raised)]);
}

#[test]
fn a_forecast_grows_stale_at_the_age_that_is_configured_or_half_its_time() {
    for (text, hours) in [(THIRTY.to_owned(), 12), (format!("{THIRTY}\nstale_after_secs = 7200"), 2)] {
        let mut rule = rule(&text);
        let mut board = Board::new(Mode::Live, start());
        show(&mut board, Scene::Shift(0.1), start());
        assert_eq!(rule.evaluate(at(0), &board), None);
        assert_eq!(rule.evaluate(at(hours * HOUR), &board), None);
        let alert = rule.evaluate(at(hours * HOUR + 1), &board).expect("stale");
        assert_eq!(alert.state, AlertState::NoData);
        assert_eq!(
            alert.headline,
            "not enough data on BTC vol-24h: the last forecast is of 2026-01-06 14:00"
        );
        let Measure::Regime { shift, .. } = rule.status().measure else { panic!("not a regime's") };
        assert_eq!(shift, None, "nothing to go by");
    }
}

/// However long it may be used, a forecast says nothing about the time after the window it is for.
#[test]
fn a_forecast_is_not_used_beyond_its_window() {
    let mut rule = rule("shift_at_least = 0.3\nstale_after_secs = 1000000");
    let mut board = Board::new(Mode::Live, start());
    show(&mut board, Scene::Shift(0.1), start());
    assert_eq!(rule.evaluate(at(24 * HOUR - 1), &board), None);
    let said = rule.evaluate(at(24 * HOUR), &board).map(|alert| alert.state);
    assert_eq!(said, Some(AlertState::NoData));
}

#[test]
fn a_regime_that_begins_raises_and_one_that_began_long_before_does_not() {
    let calm = Scene::Regime("calm", start());
    let stormy = |hour: u64| Scene::Regime("stormy", at(hour * HOUR));
    let enters = || rule("enters = 'stormy'\nstale_after_secs = 21600");
    let said = story(&mut *enters(), &[calm, stormy(1), stormy(1), calm, stormy(4)]);
    assert_eq!(said, [(1, AlertState::Raised), (3, AlertState::Cleared), (4, AlertState::Raised)]);
    // Begun while nobody looked, and still news.
    assert_eq!(story(&mut *enters(), &[stormy(0)]), [(0, AlertState::Raised)]);
    // Begun days ago: no news, and no end of an alert that nobody heard.
    let long_ago = Scene::Regime("stormy", start().minus(Duration::from_hours(72)));
    let said = story(&mut *enters(), &[long_ago, long_ago, calm, stormy(3)]);
    assert_eq!(said, [(3, AlertState::Raised)]);
    // Begun while the forecaster was down, seen late: it was calm when last seen.
    let said = story(&mut *enters(), &[calm, Scene::Nothing, long_ago]);
    assert_eq!(said, [(1, AlertState::NoData), (2, AlertState::Raised)]);
    // The forecast abstains all along; the reading does not need it.
    let mut unknown = rule("enters = 'wild'");
    let mut board = Board::new(Mode::Live, start());
    show(&mut board, calm, start());
    assert_eq!(unknown.evaluate(at(0), &board), None);
    assert_eq!(unknown.status().state, RuleState::Warming);
}

#[test]
fn a_restart_goes_on_with_the_alerts_that_were_said() {
    let mut board = Board::new(Mode::Live, start());
    show(&mut board, Scene::Shift(0.5), start());
    let raised = rule(THIRTY).evaluate(at(0), &board).expect("raised");
    board.alerts.push(Arc::new(Alert { rule: "another".to_owned(), ..raised.clone() }));
    board.alerts.push(Arc::new(raised.clone()));
    let mut again = rule(THIRTY);
    show(&mut board, Scene::Nothing, start());
    assert_eq!(again.evaluate(at(60), &board), None, "the forecaster has yet to speak");
    show(&mut board, Scene::Shift(0.5), at(60));
    assert_eq!(again.evaluate(at(61), &board), None);
    assert_eq!(again.status().state, RuleState::Raised);
    show(&mut board, Scene::Shift(0.1), at(120));
    let cleared = again.evaluate(at(120), &board).expect("cleared");
    assert_eq!(cleared.state, AlertState::Cleared);

    board.alerts.push(Arc::new(Alert { state: AlertState::NoData, ..raised }));
    show(&mut board, Scene::Shift(0.5), at(180));
    let said = rule(THIRTY).evaluate(at(180), &board).map(|alert| alert.state);
    assert_eq!(said, Some(AlertState::DataRestored), "raised, lost, and back");
    board.alerts.push(Arc::new(cleared));
    let said = rule(THIRTY).evaluate(at(180), &board).map(|alert| alert.state);
    assert_eq!(said, Some(AlertState::Raised), "that one had ended");
}

#[test]
fn an_alert_carries_what_it_rests_on() {
    let mut board = Board::new(Mode::Live, start());
    show(&mut board, Scene::Shift(0.415), start());
    let alert = rule(THIRTY).evaluate(at(5), &board).expect("raised");
    assert_eq!(alert.headline, "41.5% (20.8–75.0) to leave calm ≥ 30.0%: BTC vol-24h");
    assert_eq!((alert.subject.as_str(), alert.severity), ("BTC vol-24h", Severity::Warning));
    let evidence = alert.evidence.forecast().expect("a forecast");
    assert_eq!(evidence.shift, Some(Chances { probability: 0.415, low: 0.2075, high: 0.75 }));
    assert_eq!(evidence.baselines.map(|naive| naive.margin_only), Some(0.2));
    assert_eq!((evidence.model.as_deref(), evidence.made_at), (Some("vol-24h-7f3a"), Some(start())));
    assert_eq!((evidence.shift_at_least, evidence.regime.as_deref()), (Some(0.3), Some("calm")));

    let mut enters = rule("enters = 'stormy'\nseverity = 'critical'");
    show(&mut board, Scene::Regime("stormy", at(0)), at(0));
    let alert = enters.evaluate(at(5), &board).expect("raised");
    assert_eq!(alert.headline, "stormy since 2026-01-06 14:00: BTC vol-24h");
    assert_eq!(alert.severity, Severity::Critical);
    show(&mut board, Scene::Regime("calm", at(60)), at(60));
    let alert = enters.evaluate(at(60), &board).expect("cleared");
    assert_eq!(alert.headline, "calm since 2026-01-06 14:01, stormy no more: BTC vol-24h");
}

#[test]
fn other_targets_and_assets_are_others() {
    let mut board = Board::new(Mode::Live, start());
    show(&mut board, Scene::Shift(0.9), start());
    let build = |text: &str| super::build("other", toml::from_str(text).expect("toml")).expect("a rule");
    for text in ["target = 'vol-5d'\nasset = 'BTC'", "target = 'vol-24h'\nasset = 'ETH'"] {
        let mut rule = build(&format!("{text}\nshift_at_least = 0.3"));
        assert_eq!(rule.evaluate(at(1), &board), None, "{text}");
        assert_eq!(rule.status().state, RuleState::Warming, "{text}");
    }
    let mut lower = build("target = 'vol-24h'\nasset = 'btc'\nshift_at_least = 0.3");
    assert!(lower.evaluate(at(1), &board).is_some());
}

#[test]
fn a_bad_table_is_refused_with_the_key_and_the_remedy() {
    let about = "target = 'vol-24h'\nasset = 'BTC'\n";
    for (text, says) in [
        ("asset = 'BTC'\nshift_at_least = 0.3".to_owned(), "target"),
        ("target = 'vol-24h'\nshift_at_least = 0.3".to_owned(), "asset"),
        ("target = 'vol'\nasset = 'BTC'\nshift_at_least = 0.3".to_owned(), "known are vol-24h, vol-5d"),
        ("target = 'vol-5d'\nasset = ''\nshift_at_least = 0.3".to_owned(), "name a coin"),
        (about.to_owned(), "nothing to fire on"),
        (format!("{about}shift_at_least = 30"), "above 0 and up to 1"),
        (format!("{about}shift_at_least = nan"), "above 0 and up to 1"),
        (format!("{about}shift_at_least = 0.3\nclear_below = 0.4"), "not above shift_at_least"),
        (format!("{about}shift_at_least = 0.3\nclear_below = 0"), "not above shift_at_least"),
        (format!("{about}shift_at_least = 0.3\nenters = 'stormy'"), "two rules"),
        (format!("{about}enters = 'stormy'\nclear_below = 0.2"), "leave it out"),
        (format!("{about}enters = ''"), "name a regime"),
        (format!("{about}enters = 'stormy'\nstale_after_secs = 0"), "at least 1"),
        (format!("{about}enters = 'stormy'\nstale_after_hours = 1"), "stale_after_hours"),
    ] {
        let Err(problem) = build("shift", toml::from_str(&text).expect("toml")) else {
            panic!("{text:?} was accepted");
        };
        assert!(problem.contains(says), "{text:?} gave {problem:?}");
    }
}

fn scenes() -> impl Strategy<Value = Vec<Scene>> {
    let scene = prop_oneof![
        1 => Just(Scene::Nothing),
        2 => Just(Scene::Abstained),
        6 => (0_u32..20).prop_map(|step| Scene::Shift(f64::from(step) / 20.0)),
    ];
    prop::collection::vec(scene, 0..60)
}

proptest! {
    /// An episode begins at or above the upper bound and ends below the lower one; what is not known
    /// changes nothing. It is said once that one began, and once that it ended.
    #[test]
    fn it_fires_once_in_every_episode(scenes in scenes()) {
        let said = story(&mut *rule(THIRTY), &scenes);
        let mut expected = Vec::new();
        let mut is_on = false;
        for (hour, scene) in scenes.iter().enumerate() {
            let Scene::Shift(probability) = *scene else { continue };
            if !is_on && probability >= 0.3 {
                is_on = true;
                expected.push((hour, AlertState::Raised));
            } else if is_on && probability < 0.2 {
                is_on = false;
                expected.push((hour, AlertState::Cleared));
            }
        }
        let turns = [AlertState::Raised, AlertState::Cleared];
        let turned: Vec<_> = said.iter().copied().filter(|(_, state)| turns.contains(state)).collect();
        prop_assert_eq!(turned, expected);
        // Each change is said once: no two in a row that say the same.
        prop_assert!(said.windows(2).all(|pair| pair[0].1 != pair[1].1), "{:?}", said);
    }

    /// A rule made anew at any hour, with the alerts on the Board, says what one that never ended says.
    #[test]
    fn a_restart_at_any_hour_says_nothing_twice(scenes in scenes(), restart in 0_usize..60) {
        let restart = restart.min(scenes.len());
        let turns = |said: Vec<(usize, AlertState)>| -> Vec<AlertState> {
            let turns = [AlertState::Raised, AlertState::Cleared];
            said.into_iter().map(|(_, state)| state).filter(|state| turns.contains(state)).collect()
        };
        let whole = turns(story(&mut *rule(THIRTY), &scenes));
        let mut board = Board::new(Mode::Live, start());
        let mut said = Vec::new();
        let mut rule = rule(THIRTY);
        for (hour, scene) in scenes.iter().enumerate() {
            if hour == restart {
                rule = self::rule(THIRTY);
            }
            show(&mut board, *scene, at(hour as u64 * HOUR));
            if let Some(alert) = rule.evaluate(at(hour as u64 * HOUR), &board) {
                said.push((hour, alert.state));
                board.alerts.push(Arc::new(alert));
            }
        }
        prop_assert_eq!(turns(said), whole);
    }
}
