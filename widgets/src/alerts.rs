//! Alerts, newest first, with the numbers behind the one under the cursor; and where every rule stands.

use market::{
    Alert, AlertState, Board, Evidence, ForecastEvidence, LiquidationEvidence, Measure, RuleState,
    RuleStatus, Severity,
};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::cursor::Cursor;
use crate::figures::{clock, count, day, minute, percent, span, usd};
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Head, Pen, Slot};
use crate::plan::{Column, place, words};
use crate::theme::Theme;

/// Rows the evidence of the alert under the cursor takes.
const EVIDENCE: u16 = 4;

/// The panel. Its cursor holds the view still.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    cursor: Cursor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Time,
    Minute,
    Severity,
    Sign,
    State,
    Headline,
}

const TIME: Column<Field> = words(Field::Time, 8, 8);
const SEVERITY: Column<Field> = words(Field::Severity, 11, 11);
const STATE: Column<Field> = words(Field::State, 8, 8);
const SIGN: Column<Field> = words(Field::Sign, 2, 2);

/// Column sets, richest first.
const PLANS: &[&[Column<Field>]] = &[
    &[TIME, SEVERITY, STATE, words(Field::Headline, 40, 120)],
    &[TIME, SIGN, STATE, words(Field::Headline, 30, 120)],
    &[words(Field::Minute, 5, 5), SIGN, words(Field::Headline, 10, 120)],
    &[SIGN, words(Field::Headline, 1, 120)],
];

impl Panel for Alerts {
    fn id(&self) -> &'static str {
        "alerts"
    }

    fn title(&self) -> &'static str {
        "Alerts"
    }

    fn act(&mut self, action: Action, board: &Board) -> Reaction {
        self.cursor.act(action, &board.alerts)
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let mut pen = Pen::new(buf, area);
        let (alerts, theme) = (&view.board.alerts, view.theme);
        if pen.height() == 1 {
            draw_one_line(&mut pen, view);
            return;
        }
        let rows = pen.height().saturating_sub(1);
        let mut shown = self.cursor.show(alerts, rows);
        let evidence = if shown.cursor.is_some() && rows > EVIDENCE { EVIDENCE } else { 0 };
        if evidence > 0 {
            shown = self.cursor.show(alerts, rows - evidence);
        }
        let note = standing(&view.board.rules);
        let held = shown.cursor.map(|_| format!("paused · {} new", count(shown.unseen)));
        let tag = held.as_deref().map(|words| (words, theme.warn));
        Head { title: self.title(), note: &note, tag }.draw(&mut pen, view);
        let mut pen = pen.below(1);
        let mut y = 0;
        if alerts.is_empty() {
            pen.text(1, 0, "no alert has fired", theme.dim);
            y = 1;
        }
        let slots = place(PLANS, 1, pen.width());
        for row in 0..rows - evidence {
            let Some(alert) = alerts.newest(shown.first + usize::from(row)) else {
                break;
            };
            draw_alert(&mut pen, row, &slots, alert, theme);
            if shown.cursor == Some(usize::from(row)) {
                pen.select_row(row, theme.selection);
                pen.glyph(0, row, '▸', theme.selection);
            }
            y = row + 1;
        }
        let under = shown.cursor.and_then(|row| alerts.newest(shown.first + row));
        match under {
            Some(alert) if evidence > 0 => draw_evidence(&mut pen.below(rows - evidence), alert, theme),
            Some(_) => {}
            None => draw_rules(&mut pen.below(y), &view.board.rules, theme),
        }
    }
}

/// How many rules stand where: `3 rules: 1 raised, 1 no data`.
fn standing(rules: &[RuleStatus]) -> String {
    if rules.is_empty() {
        return "no rule".to_owned();
    }
    let noun = if rules.len() == 1 { "rule" } else { "rules" };
    let mut parts = Vec::new();
    for state in [RuleState::Raised, RuleState::NoData, RuleState::Warming, RuleState::Quiet] {
        match rules.iter().filter(|rule| rule.state == state).count() {
            0 => {}
            number => parts.push(format!("{number} {}", state.as_str())),
        }
    }
    format!("{} {noun}: {}", rules.len(), parts.join(", "))
}

fn sign(alert: &Alert) -> &'static str {
    match (alert.state, alert.severity) {
        (AlertState::Raised, Severity::Critical) => "!!",
        (AlertState::Raised, Severity::Warning) => "!",
        (AlertState::Raised, Severity::Info) => "i",
        (AlertState::Cleared | AlertState::DataRestored, _) => "✓",
        (AlertState::NoData, _) => "?",
    }
}

/// How loudly an alert is set: what is over is dim, whatever it was.
fn style(alert: &Alert, theme: &Theme) -> Style {
    match (alert.state, alert.severity) {
        (AlertState::Raised, Severity::Critical) => theme.bad,
        (AlertState::Raised, Severity::Warning) | (AlertState::NoData, _) => theme.warn,
        (AlertState::Raised, Severity::Info) => theme.text,
        (AlertState::Cleared | AlertState::DataRestored, _) => theme.dim,
    }
}

fn state_words(state: AlertState) -> &'static str {
    match state {
        AlertState::Raised => "raised",
        AlertState::Cleared => "cleared",
        AlertState::NoData => "no data",
        AlertState::DataRestored => "restored",
    }
}

fn draw_alert(pen: &mut Pen<'_>, y: u16, slots: &[(Field, Slot)], alert: &Alert, theme: &Theme) {
    let loud = style(alert, theme);
    let is_over = matches!(alert.state, AlertState::Cleared | AlertState::DataRestored);
    for &(field, slot) in slots {
        let (text, style) = match field {
            Field::Time => (clock(alert.at), theme.dim),
            Field::Minute => (minute(alert.at), theme.dim),
            Field::Severity => (format!("{:<2} {}", sign(alert), alert.severity.as_str()), loud),
            Field::Sign => (sign(alert).to_owned(), loud),
            Field::State => (state_words(alert.state).to_owned(), loud),
            Field::Headline => (alert.headline.clone(), if is_over { theme.dim } else { theme.text }),
        };
        pen.cell(slot, y, &text, style);
    }
}

fn draw_evidence(pen: &mut Pen<'_>, alert: &Alert, theme: &Theme) {
    let width = pen.width();
    pen.line(0, 0, width, '╌', theme.border);
    pen.text(1, 1, &alert.headline, theme.text);
    pen.text(1, 2, &format!("rule {} on {}", alert.rule, alert.subject), theme.dim);
    let facts = match &alert.evidence {
        Evidence::Liquidations(evidence) => sum_facts(evidence),
        Evidence::Forecast(evidence) => forecast_facts(evidence),
    };
    pen.text(1, 3, &facts, theme.dim);
}

fn sum_facts(evidence: &LiquidationEvidence) -> String {
    let unknown = match evidence.unknown_notional {
        0 => String::new(),
        unknown => format!(" (+{}?)", count(unknown)),
    };
    format!(
        "{} of {} USD in {} · {} events{unknown} · watched {}",
        usd(evidence.notional_usd),
        usd(evidence.threshold_usd),
        span(i64::try_from(evidence.window_secs).unwrap_or(i64::MAX)),
        count(evidence.events),
        percent(evidence.coverage),
    )
}

/// `41.5% (33.0–52.0) · base 12.0%, markov 9.0%, margin 20.0% · calm · 06 Jan 14:00 by vol-24h-7f3a`.
fn forecast_facts(evidence: &ForecastEvidence) -> String {
    let shift = evidence.shift.map_or_else(
        || "no probability".to_owned(),
        |shift| format!("{} ({:.1}–{:.1})", odds(shift.probability), shift.low * 100.0, shift.high * 100.0),
    );
    let naive = evidence.baselines.map(|naive| {
        let (base, markov, margin) = (odds(naive.base), odds(naive.markov), odds(naive.margin_only));
        format!("base {base}, markov {markov}, margin {margin}")
    });
    let made = evidence.made_at.map(|made_at| {
        let model = evidence.model.as_deref().unwrap_or("?");
        format!("{} {} by {model}", day(made_at.date()), minute(made_at))
    });
    let regime = evidence.regime.as_ref().map(ToString::to_string);
    let parts = [Some(shift), naive, regime, made];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// A probability, to the nearest tenth of a percent.
fn odds(probability: f64) -> String {
    format!("{:.1}%", probability * 100.0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RuleField {
    Name,
    State,
    Share,
    Bar,
    Coverage,
}

/// Where the rules stand, on the rows that alerts leave free.
fn draw_rules(pen: &mut Pen<'_>, rules: &[RuleStatus], theme: &Theme) {
    const PLANS: &[&[Column<RuleField>]] = &[
        &[
            words(RuleField::Name, 16, 20),
            words(RuleField::State, 7, 7),
            words(RuleField::Share, 24, 24),
            words(RuleField::Bar, 10, 16),
            words(RuleField::Coverage, 13, 13),
        ],
        &[words(RuleField::Name, 16, 20), words(RuleField::State, 7, 7), words(RuleField::Share, 24, 24)],
        &[words(RuleField::Name, 10, 20), words(RuleField::State, 7, 7)],
    ];
    // A rule between the blocks, and at least one row to show for it.
    if rules.is_empty() || pen.height() < 2 {
        return;
    }
    let width = pen.width();
    pen.line(1, 0, width.saturating_sub(2), '╌', theme.border);
    pen.write(3, 0, width.saturating_sub(4), " rules now ", theme.label);
    let slots = place(PLANS, 1, width);
    for (rule, y) in rules.iter().zip(1..pen.height()) {
        let state = match rule.state {
            RuleState::Raised => theme.bad,
            RuleState::NoData => theme.warn,
            RuleState::Warming => theme.dim,
            RuleState::Quiet => theme.good,
        };
        let (words, share, standing) = reading(&rule.measure);
        for &(field, slot) in &slots {
            match field {
                RuleField::Name => pen.cell(slot, y, &rule.rule, theme.text),
                RuleField::State => pen.cell(slot, y, rule.state.as_str(), state),
                RuleField::Share => pen.cell(slot, y, &words, theme.dim),
                RuleField::Bar => {
                    let full = (share.clamp(0.0, 1.0) * f64::from(slot.width)).floor() as u16;
                    pen.line(slot.x, y, slot.width, '·', theme.border);
                    pen.line(slot.x, y, full, '■', state);
                }
                RuleField::Coverage => pen.cell(slot, y, &standing, theme.dim),
            }
        }
    }
}

/// A rule's reading in words, as a share of what raises it, and what that rests on.
fn reading(measure: &Measure) -> (String, f64, String) {
    match measure {
        Measure::Notional { usd: sum, threshold_usd, window, coverage } => {
            let window = span(i64::try_from(window.as_secs()).unwrap_or(i64::MAX));
            let words = format!("{:>5} of {:>5} in {window:>6}", usd(*sum), usd(*threshold_usd));
            let share = if *threshold_usd > 0.0 { sum / threshold_usd } else { 0.0 };
            (words, share, format!("watched {}", percent(*coverage)))
        }
        Measure::Regime { shift, shift_at_least, regime, enters } => {
            let standing = regime.as_ref().map_or_else(|| "no reading".to_owned(), ToString::to_string);
            if let Some(at_least) = shift_at_least {
                let now = shift.map_or_else(|| "–".to_owned(), odds);
                let share = shift.unwrap_or(0.0) / at_least;
                return (format!("{now:>5} of {:>5} to shift", odds(*at_least)), share, standing);
            }
            let is_in = enters.is_some() && enters == regime;
            let words = enters.as_ref().map(|enters| format!("enters {enters}")).unwrap_or_default();
            (words, f64::from(u8::from(is_in)), standing)
        }
    }
}

/// The whole panel on one row: the last alert.
fn draw_one_line(pen: &mut Pen<'_>, view: &View<'_>) {
    let theme = view.theme;
    let x = pen.text(1, 0, "Alerts", theme.title);
    let Some(alert) = view.board.alerts.newest(0) else {
        let x = pen.text(x + 2, 0, "no alert has fired", theme.dim);
        pen.text(x + 2, 0, &standing(&view.board.rules), theme.dim);
        return;
    };
    let x = pen.text(x + 2, 0, &clock(alert.at), theme.dim);
    let x = pen.text(x + 2, 0, sign(alert), style(alert, theme));
    let x = pen.text(x + 1, 0, state_words(alert.state), style(alert, theme));
    pen.text(x + 2, 0, &alert.headline, theme.text);
}

#[cfg(test)]
mod tests {
    use market::{Baselines, Chances, Timestamp};

    use super::*;

    #[test]
    fn a_rule_on_regimes_shows_its_probability_or_its_regime() {
        let measure = |shift, regime: Option<&str>, enters: Option<&str>| Measure::Regime {
            shift,
            shift_at_least: if enters.is_none() { Some(0.3) } else { None },
            regime: regime.map(Into::into),
            enters: enters.map(Into::into),
        };
        for (measure, words, share, standing) in [
            (measure(Some(0.15), Some("calm"), None), "15.0% of 30.0% to shift", 0.5, "calm"),
            (measure(None, None, None), "    – of 30.0% to shift", 0.0, "no reading"),
            (measure(Some(0.1), Some("calm"), Some("stormy")), "enters stormy", 0.0, "calm"),
            (measure(None, Some("stormy"), Some("stormy")), "enters stormy", 1.0, "stormy"),
        ] {
            let (found, part, of) = reading(&measure);
            assert_eq!((found.as_str(), of.as_str()), (words, standing));
            assert!((part - share).abs() < 1e-12, "{words}: {part}");
        }
    }

    #[test]
    fn the_facts_of_a_forecast_are_those_that_there_are() {
        let moment: Timestamp = "2026-01-06T14:00:00Z".parse().unwrap();
        let mut evidence = ForecastEvidence {
            target: "vol-24h".into(),
            asset: "BTC".into(),
            regime: Some("calm".into()),
            since: Some(moment),
            shift: Some(Chances { probability: 0.415, low: 0.33, high: 0.52 }),
            baselines: Some(Baselines { base: 0.12, markov: 0.09, margin_only: 0.2 }),
            model: Some("vol-24h-7f3a".into()),
            made_at: Some(moment),
            shift_at_least: Some(0.3),
            enters: None,
        };
        assert_eq!(
            forecast_facts(&evidence),
            "41.5% (33.0–52.0) · base 12.0%, markov 9.0%, margin 20.0% · calm · 06 Jan 14:00 by vol-24h-7f3a"
        );
        evidence.shift = None;
        evidence.baselines = None;
        evidence.regime = None;
        evidence.made_at = None;
        assert_eq!(forecast_facts(&evidence), "no probability");
    }
}
