//! How good the forecasts were: losses beside the baselines', skill with its interval, and reliability.

use market::{Baselines, LiveRecord, Outlook, ReliabilityBin, Scoreboard, Timestamp};
use ratatui::style::Style;

use super::draw_rule;
use super::words::{Gain, chance, loss, skill};
use crate::figures::{count, date, percent};
use crate::panel::View;
use crate::pen::Pen;
use crate::phrase::{self, Lines, Phrase};
use crate::plan::{Column, numbers, place, words};
use crate::theme::Theme;

/// Rows of the block with its table: a rule, counts and the squared error, a header, four losses, and the live record.
pub(super) const ROWS: u16 = 8;
/// Width from which the losses stand in a table.
const TABLE_FROM: u16 = 61;

/// Width from which a skill and what it is worth fit on one row.
const WHOLE_FROM: u16 = 66;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Name,
    Loss,
    Skill,
}

const PLANS: &[&[Column<Field>]] =
    &[&[words(Field::Name, 11, 12), numbers(Field::Loss, 6), words(Field::Skill, 40, 44)]];

/// The naive forecast that skill is measured against: the better of base rate and Markov table.
fn better(losses: &Baselines) -> &'static str {
    if losses.base < losses.markov { "base" } else { "Markov" }
}

/// The skill with the words that go with it.
fn skill_words(of: &market::Interval95, theme: &Theme) -> (String, Style) {
    let gain = Gain::of(of);
    let words = gain.caveat().map_or_else(|| skill(of), |caveat| format!("{} {caveat}", skill(of)));
    let style = match gain {
        Gain::Measured => theme.text,
        Gain::Unmeasured | Gain::Unknown => theme.dim,
        Gain::Loss | Gain::Unbounded => theme.warn,
    };
    (words, style)
}

fn period(score: &Scoreboard) -> String {
    let of = |moment: Timestamp| date(moment.date());
    format!("{} – {}", of(score.from), of(score.to))
}

/// How many there are.
fn counts(score: &Scoreboard, theme: &Theme) -> Vec<Phrase> {
    let share = if score.n == 0 { String::new() } else { format!("({})", percent(rate(score))) };
    let abstained = Phrase::new("abstained", theme.label).and(&count(score.abstained as u64), theme.text);
    vec![
        Phrase::new("n", theme.label).and(&count(score.n as u64), theme.text),
        Phrase::new("shifts", theme.label)
            .and(&count(score.shifts as u64), theme.text)
            .and(&share, theme.dim),
        abstained,
    ]
}

/// The mean squared error.
fn brier(score: &Scoreboard, theme: &Theme) -> Phrase {
    Phrase::new("Brier", theme.label).and(&loss(score.brier), theme.text)
}

fn rate(score: &Scoreboard) -> f64 {
    score.shifts as f64 / score.n as f64
}

/// How the forecasts that were made and recorded did: how many are resolved, and their skill.
fn live_phrases(live: &LiveRecord, theme: &Theme) -> Vec<Phrase> {
    let pending = Phrase::new(&count(live.pending as u64), theme.dim).and("pending", theme.label);
    let Some(score) = &live.score else {
        return vec![Phrase::new("live", theme.label).and("none resolved yet", theme.dim), pending];
    };
    let gain = Gain::of(&score.skill);
    let (_, style) = skill_words(&score.skill, theme);
    let n = Phrase::new("live n", theme.label).and(&count(score.n as u64), theme.text);
    let over = Phrase::new(&format!("over {}", better(&score.baselines)), theme.label);
    let mut phrases = vec![n, over.and(&skill(&score.skill), style)];
    phrases.extend(gain.caveat().map(|caveat| Phrase::new(caveat, style)));
    phrases.push(pending);
    phrases
}

/// Both skills, the live record, the losses and the rest, in a phrase each.
pub(super) fn phrases(outlook: &Outlook, width: u16, theme: &Theme) -> Vec<Phrase> {
    let Some(score) = &outlook.score else {
        let none = "nothing is scored yet: no skill is claimed";
        let mut phrases = vec![Phrase::new("score", theme.label).and(none, theme.dim)];
        phrases.extend(live_phrases(&outlook.live, theme));
        return phrases;
    };
    let mut phrases = Vec::new();
    let pairs =
        [("skill over", better(&score.baselines), &score.skill), ("over", "margin-only", &score.over_margin)];
    for (over, against, of) in pairs {
        let (words, style) = skill_words(of, theme);
        let phrase = Phrase::new(&format!("{over} {against}"), theme.label);
        match Gain::of(of).caveat().filter(|_| width < WHOLE_FROM) {
            Some(caveat) => {
                phrases.push(phrase.and(&skill(of), style));
                phrases.push(Phrase::new(caveat, style));
            }
            None => phrases.push(phrase.and(&words, style)),
        }
    }
    phrases.extend(live_phrases(&outlook.live, theme));
    let mut counts = counts(score, theme).into_iter();
    phrases.extend(counts.next().map(|n| n.after("walk", theme.label)));
    phrases.extend(counts);
    let losses = [("base", score.baselines.base), ("Markov", score.baselines.markov)];
    let losses = losses.into_iter().chain([("margin-only", score.baselines.margin_only)]);
    phrases.push(losses.fold(
        Phrase::new("log loss, nats", theme.label).and(&loss(score.log_loss), theme.text),
        |phrase, (name, of)| phrase.and(name, theme.label).and(&loss(of), theme.dim),
    ));
    phrases.push(brier(score, theme));
    phrases.push(Phrase::new(&period(score), theme.dim));
    phrases
}

/// The block: losses in a table, with the skill over the baselines that count.
pub(super) fn draw(pen: &mut Pen<'_>, outlook: &Outlook, view: &View<'_>) {
    let theme = view.theme;
    let Some(score) = outlook.score.as_ref().filter(|_| pen.width() >= TABLE_FROM && pen.height() >= ROWS)
    else {
        draw_rule(pen, " score, out of sample ", theme);
        let rows = pen.height().saturating_sub(1);
        let phrases = phrases(outlook, pen.width(), theme);
        phrase::set(pen, Lines { y: 1, rows }, &phrases, theme);
        return;
    };
    draw_rule(pen, &format!(" score, out of sample, {} ", period(score)), theme);
    let mut counts = counts(score, theme);
    counts.push(brier(score, theme));
    phrase::set(pen, Lines { y: 1, rows: 1 }, &counts, theme);
    let slots = place(PLANS, 1, pen.width());
    let better = better(&score.baselines);
    let mut rows =
        vec![("log loss", "nats".to_owned(), Some(("skill over it [95 in 100]".to_owned(), theme.label)))];
    rows.push(("model", loss(score.log_loss), None));
    for (name, of) in [("base", score.baselines.base), ("Markov", score.baselines.markov)] {
        rows.push((name, loss(of), (name == better).then(|| skill_words(&score.skill, theme))));
    }
    let over_margin = skill_words(&score.over_margin, theme);
    rows.push(("margin-only", loss(score.baselines.margin_only), Some(over_margin)));
    for ((name, of, over), y) in rows.iter().zip(2..) {
        for &(field, slot) in &slots {
            let is_header = y == 2;
            match field {
                Field::Name => pen.cell(slot, y, name, theme.label),
                Field::Loss => pen.cell(slot, y, of, if is_header { theme.label } else { theme.text }),
                Field::Skill => {
                    if let Some((words, style)) = over {
                        pen.cell(slot, y, words, *style);
                    }
                }
            }
        }
    }
    phrase::set(pen, Lines { y: ROWS - 1, rows: 1 }, &live_phrases(&outlook.live, theme), theme);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BinField {
    Forecast,
    Happened,
    Count,
    Bar,
}

/// Column sets of the reliability, richest first.
#[rustfmt::skip]
const BIN_PLANS: &[&[Column<BinField>]] = &[
    &[numbers(BinField::Forecast, 8), numbers(BinField::Happened, 8), numbers(BinField::Count, 7), words(BinField::Bar, 8, 40)],
    &[numbers(BinField::Forecast, 8), numbers(BinField::Happened, 8), numbers(BinField::Count, 7)],
    &[numbers(BinField::Forecast, 6), numbers(BinField::Happened, 6)],
];

fn bins(outlook: &Outlook) -> Vec<&ReliabilityBin> {
    let score = outlook.score.iter();
    score.flat_map(|score| &score.reliability).filter(|bin| bin.count > 0).collect()
}

/// Rows that the reliability can make use of: a rule, a header, and a row for each bin.
pub(super) fn reliability_rows(outlook: &Outlook) -> u16 {
    u16::try_from(bins(outlook).len().max(1) + 2).unwrap_or(u16::MAX)
}

/// What was forecast and what happened, bin by bin, to one scale.
pub(super) fn draw_reliability(pen: &mut Pen<'_>, outlook: &Outlook, theme: &Theme) {
    let bins = bins(outlook);
    let hidden = bins.len().saturating_sub(usize::from(pen.height().saturating_sub(2)));
    let more = match hidden {
        0 => String::new(),
        1 => ", 1 bin more".to_owned(),
        _ => format!(", {hidden} bins more"),
    };
    draw_rule(pen, &format!(" reliability{more} "), theme);
    if bins.is_empty() {
        pen.text(1, 1, "nothing is scored yet", theme.dim);
        return;
    }
    let slots = place(BIN_PLANS, 1, pen.width());
    let ends = bins.iter().flat_map(|bin| [bin.forecast, bin.happened]).filter(|end| end.is_finite());
    let largest = ends.fold(0.0, f64::max);
    for (field, slot) in &slots {
        let header = match field {
            BinField::Forecast => "forecast",
            BinField::Happened => "happened",
            BinField::Count => "n",
            BinField::Bar => "▇ happened ┃ forecast",
        };
        pen.cell(*slot, 1, header, theme.label);
    }
    for (bin, y) in bins.into_iter().zip(2..pen.height().max(2)) {
        for &(field, slot) in &slots {
            match field {
                BinField::Forecast => pen.cell(slot, y, &chance(bin.forecast), theme.text),
                BinField::Happened => pen.cell(slot, y, &chance(bin.happened), theme.text),
                BinField::Count => pen.cell(slot, y, &count(bin.count as u64), theme.dim),
                BinField::Bar if largest > 0.0 => {
                    let cells = |share: f64| {
                        let share = if share.is_finite() { (share / largest).clamp(0.0, 1.0) } else { 0.0 };
                        (share * f64::from(slot.width)).round() as u16
                    };
                    pen.line(slot.x, y, cells(bin.happened), '▇', theme.dim);
                    let at = cells(bin.forecast).max(1) - 1;
                    pen.glyph(slot.x + at.min(slot.width.saturating_sub(1)), y, '┃', theme.accent);
                }
                BinField::Bar => {}
            }
        }
    }
}

/// The reliability in a phrase for each bin: `2.1% → 1.9% (n 14,203)`.
pub(super) fn reliability_phrases(outlook: &Outlook, theme: &Theme) -> Vec<Phrase> {
    let mut phrases: Vec<Phrase> = bins(outlook)
        .into_iter()
        .map(|bin| {
            let pair = format!("{} → {}", chance(bin.forecast), chance(bin.happened));
            Phrase::new(&pair, theme.text).and(&format!("(n {})", count(bin.count as u64)), theme.dim)
        })
        .collect();
    if let Some(first) = phrases.first_mut() {
        *first = std::mem::take(first).after("forecast → happened:", theme.label);
    }
    phrases
}
