//! Every target on a row: its regime, its forecast, and whether that is worth anything.

use std::ops::Range;

use market::{Outlook, Timestamp};
use ratatui::style::Style;

use super::standing::{Row, Standing, lasted, name_of, shift};
use super::words::{Gain, chance, skill, skill_brief, width, width_brief};
use crate::figures::age;
use crate::panel::View;
use crate::pen::{Pen, Slot, width_of};
use crate::plan::{Column, numbers, place, words};
use crate::signs::UNKNOWN;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Mark,
    Target,
    Asset,
    Regime,
    Since,
    Shift,
    Markov,
    Skill,
    Trained,
    Expires,
    Standing,
}

const MARK: Column<Field> = words(Field::Mark, 1, 1);
const TARGET: Column<Field> = words(Field::Target, 9, 12);
const REGIME: Column<Field> = words(Field::Regime, 7, 10);
const SINCE: Column<Field> = numbers(Field::Since, 6);
const SHIFT: Column<Field> = words(Field::Shift, 16, 16);
const SHIFT_WIDE: Column<Field> = words(Field::Shift, 20, 20);
const MARKOV: Column<Field> = numbers(Field::Markov, 6);
const SKILL: Column<Field> = words(Field::Skill, 18, 18);
const SKILL_WIDE: Column<Field> = words(Field::Skill, 23, 23);
const STANDING: Column<Field> = words(Field::Standing, 9, 80);

/// Column sets, richest first.
#[rustfmt::skip]
const PLANS: &[&[Column<Field>]] = &[
    &[MARK, TARGET, words(Field::Asset, 4, 6), REGIME, SINCE, SHIFT_WIDE, MARKOV, SKILL_WIDE, numbers(Field::Trained, 7), numbers(Field::Expires, 7), STANDING],
    &[MARK, TARGET, REGIME, SINCE, SHIFT, MARKOV, SKILL, STANDING],
    &[MARK, TARGET, REGIME, SINCE, SHIFT, STANDING],
    &[MARK, TARGET, REGIME, STANDING],
    &[MARK, TARGET, STANDING],
    &[MARK, words(Field::Target, 4, 12)],
];

impl Field {
    fn header(self) -> &'static str {
        match self {
            Self::Mark => "",
            Self::Target => "target",
            Self::Asset => "of",
            Self::Regime => "regime",
            Self::Since => "for",
            Self::Shift => "shift [low,high]",
            Self::Markov => "Markov",
            Self::Skill => "skill [95 in 100]",
            Self::Trained => "trained",
            Self::Expires => "expires",
            Self::Standing => "standing",
        }
    }
}

/// A header and the rows on screen; `chosen` is the place of the one that the rest of the panel is about.
pub(super) fn draw(
    pen: &mut Pen<'_>,
    rows: &[Row<'_>],
    (shown, chosen): (Range<usize>, usize),
    view: &View<'_>,
) {
    let (theme, now) = (view.theme, view.board.now);
    let slots = place(PLANS, 1, pen.width());
    for (field, slot) in &slots {
        pen.cell(*slot, 0, field.header(), theme.label);
    }
    let first = shown.start;
    for ((at, row), y) in rows[shown].iter().enumerate().zip(1..) {
        for &(field, slot) in &slots {
            match (field, row.outlook) {
                (Field::Mark, _) if first + at == chosen => pen.cell(slot, y, "▸", theme.accent),
                (Field::Mark, _) => {}
                (Field::Target, _) => {
                    let style = if first + at == chosen { theme.title } else { theme.text };
                    pen.cell(slot, y, row.target, style);
                }
                (Field::Standing, Some(_)) => {
                    let standing = row.standing(now);
                    pen.cell(slot, y, &standing_in(standing, slot, now), standing.style(theme));
                }
                (_, Some(outlook)) => {
                    let (text, style) = field.cell(outlook, slot, view);
                    pen.cell(slot, y, &text, style);
                }
                // The reason has the rest of the row, from the first column that has nothing to say.
                (_, None) => {}
            }
        }
        if row.outlook.is_none() {
            let said = |(field, _): &&(Field, Slot)| !matches!(field, Field::Mark | Field::Target);
            if let Some((_, slot)) = slots.iter().find(said) {
                let standing = row.standing(now);
                pen.text(slot.x, y, &standing.whole(now), standing.style(theme));
            }
        }
    }
}

/// The standing with its reason where that fits or most of it does, else in a word.
fn standing_in(standing: Standing<'_>, slot: Slot, now: Timestamp) -> String {
    let whole = standing.whole(now);
    if width_of(&whole) <= slot.width || slot.width >= 24 {
        return whole;
    }
    let brief = standing.brief();
    if width_of(&brief) <= slot.width { brief } else { brief.split(' ').next().unwrap_or("").to_owned() }
}

impl Field {
    fn cell(self, outlook: &Outlook, slot: Slot, view: &View<'_>) -> (String, Style) {
        let (theme, now) = (view.theme, view.board.now);
        match self {
            Self::Asset => (outlook.asset.to_string(), theme.text),
            Self::Regime => (name_of(outlook, outlook.reading.regime), theme.text),
            Self::Since => (lasted(outlook), theme.dim),
            Self::Shift => match shift(outlook) {
                Some(of) => {
                    let ends = if slot.width >= SHIFT_WIDE.min { width(of) } else { width_brief(of) };
                    (format!("{:>5} {ends}", chance(of.probability)), theme.text)
                }
                None => (format!("{UNKNOWN:>5}"), theme.dim),
            },
            Self::Markov => (chance(outlook.forecast.baselines.markov), theme.dim),
            Self::Skill => match &outlook.score {
                Some(score) => {
                    let is_wide = slot.width >= SKILL_WIDE.min;
                    let text = if is_wide { skill(&score.skill) } else { skill_brief(&score.skill) };
                    let style = match Gain::of(&score.skill) {
                        Gain::Measured => theme.text,
                        Gain::Unmeasured | Gain::Unknown => theme.dim,
                        Gain::Loss | Gain::Unbounded => theme.warn,
                    };
                    let text = if width_of(&text) > slot.width { skill_brief(&score.skill) } else { text };
                    (text, style)
                }
                None => ("not scored".to_owned(), theme.dim),
            },
            Self::Trained => (age(now.since(outlook.model.trained_through)), theme.dim),
            Self::Expires => match outlook.model.expires_at.since(now) {
                left if left.is_zero() => ("expired".to_owned(), theme.bad),
                left => (age(left), theme.dim),
            },
            Self::Mark | Self::Target | Self::Standing => (String::new(), theme.dim),
        }
    }
}
