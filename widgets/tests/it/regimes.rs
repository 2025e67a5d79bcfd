//! What the Regime panel owns up to: age, silence, abstention, expiry, and skill that is none.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built fails its test")]

use std::time::Duration;

use market::{Board, Interval95, Mode, Outlook, Silence};
use widgets::Action;

use crate::desk::full_desk;
use crate::desks::after;
use crate::fixture::{busy, now};
use crate::outlooks::{calm_day, stormy_week};
use crate::screens::panel;

/// The panel's text, over a board on which nothing else is said.
fn told(outlooks: Vec<Outlook>, size: (u16, u16)) -> String {
    text_of(&board_with(outlooks), size)
}

fn board_with(outlooks: Vec<Outlook>) -> Board {
    let mut board = busy();
    board.outlooks = outlooks.into();
    board
}

fn text_of(board: &Board, size: (u16, u16)) -> String {
    panel("regime", board, size).split("--\n").next().unwrap().to_owned()
}

#[test]
fn it_turns_through_targets_the_silent_one_included_and_scrolls_drivers() {
    use Action::{Bottom, Left, NextColumn, Right};
    let board = full_desk();
    insta::assert_snapshot!(after("regime", &board, (110, 32), &[Right, NextColumn, Right, Left, Right]));
    let shown = after("regime", &board, (110, 32), &[Bottom]);
    let all = ["constant", "others", "drawdown_30d", "logit -3.152 = 4.1%"];
    assert!(all.iter().all(|part| shown.contains(part)), "{shown}");
}

#[test]
fn parts_on_screen_and_off_it_sum_to_the_logit() {
    let shown = told(vec![calm_day()], (110, 30));
    let (from, to) = (shown.find("part").unwrap(), shown.find("logit -").unwrap());
    let part_of = |line: &str| -> Option<f64> {
        let left: String = line.chars().take(44).collect();
        left.split_whitespace()
            .filter(|word| word.starts_with(['+', '-']))
            .find_map(|word| (word.len() == 6 && word.contains('.')).then(|| word.parse().unwrap()))
    };
    let sum: f64 = shown[from..to].lines().filter_map(part_of).sum();
    assert!(shown.contains("others") && (sum + 3.152).abs() < 0.006, "{sum}\n{shown}");
}

#[test]
fn parts_that_do_not_sum_to_the_forecast_are_not_passed_over() {
    let mut outlook = calm_day();
    outlook.drivers.pop();
    outlook.drivers[1].contribution += 1.0;
    let shown = told(vec![outlook], (110, 36));
    assert!(shown.contains("is 10.4%, not 4.1% as told"), "{shown}");
}

#[test]
fn what_is_too_old_says_how_old_by_its_own_pace() {
    for (hours, minutes, outlook, tag) in [
        (0, 0, calm_day(), None),
        (1, 56, calm_day(), None),
        (1, 57, calm_day(), Some("stale 2h00m")),
        (30, 0, calm_day(), Some("stale 1d06h")),
        (18, 0, stormy_week(), None),
        (22, 0, stormy_week(), Some("stale 1d12h")),
    ] {
        let mut outlook = outlook;
        outlook.model.drift = None;
        let mut board = board_with(vec![outlook]);
        board.now = now().plus(Duration::from_mins(hours * 60 + minutes));
        let shown = text_of(&board, (80, 18));
        let head = shown.lines().next().unwrap();
        assert_eq!(head.contains("stale"), tag.is_some(), "{head}");
        assert!(tag.is_none_or(|tag| head.contains(tag)), "{hours} h {minutes} min: {head}");
    }
    let mut board = board_with(vec![calm_day()]);
    board.now = now().plus(Duration::from_hours(30));
    let shown = text_of(&board, (80, 18));
    assert!(shown.contains("its window ended 07 Jan 14:00"), "{shown}");
}

#[test]
fn an_expired_model_and_one_that_drifts_say_so() {
    let mut outlook = calm_day();
    outlook.model.drift = Some(outlook.model.trained_through);
    let shown = told(vec![outlook.clone()], (120, 36));
    assert!(shown.contains("drift since 05 Jan 13:00"), "{shown}");
    outlook.model.expires_at = now();
    let shown = told(vec![outlook], (120, 36));
    assert!(shown.contains("expired 0s ago: vigie train") && shown.contains(" expired ━"), "{shown}");
}

#[test]
fn forecasts_that_were_made_are_scored_beside_the_walk_and_say_when_they_drift() {
    let of = |value, low, high| Interval95 { value, low, high };
    for size in [(80, 24), (120, 36), (200, 48)] {
        let shown = told(vec![calm_day()], size);
        assert!(shown.contains("live n 1,004") && shown.contains("+12.5% [+3.2, +22.1]"), "{shown}");
        assert!(!shown.contains("live drift"), "{shown}");
        let mut outlook = calm_day();
        outlook.live.drift = Some(outlook.model.trained_through);
        let score = outlook.live.score.as_mut().unwrap();
        score.skill = of(0.31, f64::NEG_INFINITY, f64::INFINITY);
        let shown = told(vec![outlook], size);
        assert!(shown.contains("live drift since 05 Jan 13:00"), "{shown}");
        assert!(shown.lines().next().unwrap().contains("live drift"), "{shown}");
        assert!(!shown.contains("31.0") && shown.contains("too few rows for an interval"), "{shown}");
        let mut outlook = calm_day();
        outlook.live.score = None;
        assert!(told(vec![outlook], size).contains("live none resolved yet · 24 pending"), "{size:?}");
    }
}

#[test]
fn an_abstention_has_its_reason_and_no_probability() {
    for size in [(80, 18), (120, 36), (60, 1), (40, 5)] {
        let shown = told(vec![stormy_week()], size);
        assert!(shown.contains("abstained") && !shown.contains("logit -"), "{shown}");
    }
    let mut both = calm_day();
    both.forecast.abstained = Some("unlike any training row".into());
    let shown = told(vec![both], (120, 36));
    assert!(
        shown.contains("unlike any") && !shown.contains("4.1%"),
        "a contradiction is an abstention: {shown}"
    );
}

#[test]
fn skill_that_is_none_is_said_in_words() {
    let of = |value, low, high| Interval95 { value, low, high };
    for (interval, words, bare) in [
        (of(0.04, -0.013, 0.067), "+4.0% [-1.3, +6.7] no measurable gain", None),
        (of(-0.09, -0.12, -0.04), "-9.0% [-12.0, -4.0] worse than it", None),
        (of(0.31, f64::NEG_INFINITY, f64::INFINITY), "too few rows for an interval", Some("31.0")),
    ] {
        for size in [(80, 21), (120, 36), (200, 48)] {
            let mut outlook = calm_day();
            let score = outlook.score.as_mut().unwrap();
            (score.skill, score.over_margin) = (interval, interval);
            let shown = told(vec![outlook], size);
            assert_eq!(shown.matches(words).count(), 2, "{shown}");
            assert!(bare.is_none_or(|bare| !shown.contains(bare)), "{shown}");
        }
    }
    let mut outlook = calm_day();
    outlook.score = None;
    let shown = told(vec![outlook], (120, 36));
    assert!(shown.contains("nothing is scored yet: no skill is claimed"), "{shown}");
}

#[test]
fn a_target_without_a_measured_gain_does_not_stand_as_ok() {
    let of = |value, low, high| Interval95 { value, low, high };
    for (skill, brief, whole) in [
        (Some(of(0.156, 0.117, 0.194)), "ok", "ok"),
        (Some(of(0.04, -0.013, 0.067)), "no gain", "no measurable gain over the naive forecasts"),
        (Some(of(-0.09, -0.12, -0.04)), "worse", "worse than the naive forecasts"),
        (Some(of(0.31, f64::NEG_INFINITY, f64::INFINITY)), "unscored", "too little scored to claim a skill"),
        (None, "unscored", "too little scored to claim a skill"),
    ] {
        for (size, words) in [((80, 20), brief), ((200, 48), whole)] {
            let mut outlook = calm_day();
            outlook.score =
                outlook.score.zip(skill).map(|(score, skill)| market::Scoreboard { skill, ..score });
            let shown = told(vec![outlook], size);
            let (head, row) = (shown.lines().next().unwrap(), shown.lines().nth(2).unwrap());
            assert!(row.trim_end().ends_with(words), "{row}");
            assert_eq!(head.contains(brief), brief != "ok", "{head}");
        }
    }
}

#[test]
fn a_regime_that_began_with_its_last_reading_is_new() {
    let mut outlook = calm_day();
    outlook.reading.since = outlook.read_at;
    let shown = told(vec![outlook], (120, 36));
    assert!(shown.contains("since 06 Jan 14:00 (new)") && !shown.contains(" 0s"), "{shown}");
}

#[test]
fn the_scale_has_the_width_the_probability_and_the_naive_forecasts_in_their_places() {
    let scale = |outlook: &Outlook| {
        let shown = told(vec![outlook.clone()], (120, 36));
        let at = shown.lines().position(|line| line.starts_with(" shift     0%"))?;
        let rows: Vec<Vec<char>> =
            shown.lines().skip(at).take(2).map(|line| line.chars().collect()).collect();
        Some((rows[0].clone(), rows[1].clone()))
    };
    let (row, names) = scale(&calm_day()).unwrap();
    let find = |row: &[char], sign: char| row.iter().position(|c| *c == sign).unwrap();
    let (low, high) = (find(&row, '━'), row.iter().rposition(|c| *c == '━').unwrap());
    let (told, markov) = (find(&row, '◆'), find(&row, '┯'));
    assert!(low < markov && markov < told && told < high, "{row:?}");
    // 2.0, 4.1 and 9.0 of 10 %, to a column.
    let share = |x: usize| (x - 14) as f64 / (high - 14) as f64 * 9.0;
    assert!((share(low) - 2.0).abs() < 0.1 && (share(told) - 4.1).abs() < 0.1, "{row:?}");
    let names: String = names.iter().collect();
    assert!(["└Markov", "└margin", "└base"].iter().all(|name| names.contains(name)), "{names}");
    let mut outlook = calm_day();
    outlook.forecast.baselines.base = 0.31;
    let (row, _) = scale(&outlook).unwrap();
    assert!(row.iter().collect::<String>().ends_with("50%"), "{row:?}");
    assert!(scale(&stormy_week()).is_none(), "an abstention has no scale");
}

#[test]
fn skill_is_against_the_better_of_the_naive_forecasts() {
    let mut outlook = calm_day();
    assert!(told(vec![outlook.clone()], (80, 20)).contains("skill over Markov +15.6%"));
    outlook.score.as_mut().unwrap().baselines.base = 0.08;
    assert!(told(vec![outlook], (80, 20)).contains("skill over base +15.6%"));
}

#[test]
fn what_is_simulated_says_so_in_its_own_head() {
    let mut board = full_desk();
    assert!(!text_of(&board, (80, 18)).contains("simulated"));
    board.mode = Mode::Simulated;
    board.now = now().plus(Duration::from_hours(9));
    for size in [(80, 18), (60, 8)] {
        let shown = text_of(&board, size);
        let head = shown.lines().next().unwrap();
        assert!(head.contains("simulated") && head.contains("stale 9h03m"), "{head}");
    }
}

#[test]
fn a_target_that_fell_silent_keeps_its_numbers_and_gives_its_reason() {
    let mut board = board_with(vec![calm_day()]);
    let reason =
        "vol-24h: the last row is of 2026-01-06T12:00:00Z; bring the store up to date with `vigie backfill`";
    board.silences = vec![Silence { target: "vol-24h".into(), reason: reason.to_owned() }].into();
    let shown = text_of(&board, (80, 18));
    assert!(shown.contains("BTC vol-24h is silent: the last row") && shown.contains("`vigie backfill`"));
    assert!(shown.contains("4.1%") && shown.contains(" silent"), "{shown}");
}

#[test]
fn the_headline_has_the_first_market_that_speaks() {
    for (outlooks, words) in [
        (vec![calm_day(), stormy_week()], "BTC calm 3d04h · shift 24h 4.1% [2.0, 9.0]"),
        (vec![stormy_week()], "BTC stormy 8d00h · shift 5d abstained"),
        (Vec::new(), "regime –"),
    ] {
        let shown = panel("headline", &board_with(outlooks), (120, 3));
        assert!(shown.contains(words), "{shown}");
    }
}
