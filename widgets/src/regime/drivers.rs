//! What moved a forecast, as parts of its logit, and which groups of outside features have a say in it.

use std::ops::Range;

use market::{Driver, GroupStanding, Outlook};
use ratatui::style::{Modifier, Style};

use super::draw_rule;
use super::standing::shift;
use super::words::{chance, part, wealth};
use crate::figures::{count, dollars, usd};
use crate::list::{Scroll, shown_of};
use crate::panel::View;
use crate::pen::Pen;
use crate::phrase::{self, Lines, Phrase};
use crate::plan::{Column, numbers, place, words};
use crate::signs::{Way, draw_bar};
use crate::theme::Theme;

/// The name of the part that no feature moves.
const CONSTANT: &str = "constant";
/// How far the parts' sum may give another probability than the forecast tells: half of what is shown.
const TOLERANCE: f64 = 0.000_5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Name,
    Value,
    Part,
    Bar,
}

/// Column sets, richest first.
#[rustfmt::skip]
const PLANS: &[&[Column<Field>]] = &[
    &[words(Field::Name, 20, 28), numbers(Field::Value, 7), numbers(Field::Part, 8), words(Field::Bar, 11, 41)],
    &[words(Field::Name, 12, 28), numbers(Field::Value, 7), numbers(Field::Part, 8), words(Field::Bar, 5, 7)],
    &[words(Field::Name, 8, 28), numbers(Field::Part, 8)],
];

/// The drivers apart from the constant, the largest in size first.
fn moved(outlook: &Outlook) -> Vec<&Driver> {
    let mut drivers: Vec<&Driver> = outlook.drivers.iter().filter(|driver| driver.name != CONSTANT).collect();
    drivers.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
    drivers
}

fn constant(outlook: &Outlook) -> Option<&Driver> {
    outlook.drivers.iter().find(|driver| driver.name == CONSTANT)
}

/// The sum of all parts and what it says, or that it is not what the forecast says.
fn total(outlook: &Outlook, theme: &Theme) -> Option<(f64, String, Style)> {
    let told = shift(outlook)?.probability;
    let logit: f64 = outlook.drivers.iter().map(|driver| driver.contribution).sum();
    let probability = 1.0 / (1.0 + (-logit).exp());
    if (probability - told).abs() <= TOLERANCE {
        return Some((logit, format!("= {}", chance(told)), theme.text));
    }
    Some((logit, format!("is {}, not {} as told", chance(probability), chance(told)), theme.bad))
}

/// Rows that the drivers can make use of: a rule, a header, a row for each and one for their sum.
pub(super) fn rows(outlook: &Outlook) -> u16 {
    if shift(outlook).is_none() || outlook.drivers.is_empty() {
        return 3;
    }
    u16::try_from(outlook.drivers.len() + 3).unwrap_or(u16::MAX)
}

/// Why there are no parts to show.
fn nothing(outlook: &Outlook) -> &'static str {
    if shift(outlook).is_none() { "no probability, so nothing moved it" } else { "no drivers were told" }
}

/// A driver's value, as the model sees it.
fn value(value: f64) -> String {
    if value.abs() < 999.995 { dollars(value, 2) } else { usd(value) }
}

/// The constant, the drivers on screen, the sum of the others, and the sum of all.
pub(super) fn draw(pen: &mut Pen<'_>, outlook: &Outlook, scroll: &mut Scroll, view: &View<'_>) {
    let theme = view.theme;
    let Some((logit, says, style)) = total(outlook, theme).filter(|_| !outlook.drivers.is_empty()) else {
        scroll.show(0, 0);
        draw_rule(pen, " drivers of the logit ", theme);
        pen.text(1, 1, nothing(outlook), theme.dim);
        return;
    };
    let drivers = moved(outlook);
    // The rule, the header, the constant and the sum have a row each, and so do those off screen.
    let rows = pen.height().saturating_sub(4);
    let is_whole = drivers.len() <= usize::from(rows);
    let shown = scroll.show(drivers.len(), if is_whole { rows } else { rows.saturating_sub(1) });
    let title = shown_of(&shown, drivers.len()).map_or_else(String::new, |shown| format!(", {shown}"));
    draw_rule(pen, &format!(" drivers of the logit{title} "), theme);
    let slots = place(PLANS, 1, pen.width());
    let largest = drivers.first().map_or(0.0, |driver| driver.contribution.abs());
    for (field, slot) in &slots {
        let header = match field {
            Field::Name => String::new(),
            Field::Value => "value".to_owned(),
            Field::Part => "part".to_owned(),
            Field::Bar if slot.width < 9 => format!("≤{}", part(largest).trim_start_matches('+')),
            Field::Bar => format!("max {}", part(largest).trim_start_matches('+')),
        };
        pen.cell(*slot, 1, &header, theme.label);
    }
    let mut y = 2;
    let mut row = |pen: &mut Pen<'_>, name: &str, of: Option<f64>, share: f64, style: Style| {
        for &(field, slot) in &slots {
            match field {
                Field::Name => pen.cell(slot, y, name, style),
                Field::Value => pen.cell(slot, y, &of.map(value).unwrap_or_default(), theme.dim),
                Field::Part => pen.cell(slot, y, &part(share), Way::of(share).style(theme)),
                // The constant would dwarf what moved, and moved nothing itself; nor did what reads as zero.
                Field::Bar if of.is_some() && part(share) != part(0.0) => {
                    draw_bar(pen, (slot, y), Some(share), largest, theme);
                }
                Field::Bar => {}
            }
        }
        y += 1;
    };
    if let Some(constant) = constant(outlook) {
        row(pen, CONSTANT, None, constant.contribution, theme.dim);
    }
    for driver in &drivers[shown.clone()] {
        row(pen, &driver.name, Some(driver.value), driver.contribution, theme.text);
    }
    if shown.len() < drivers.len() {
        let (others, sum) = others(&drivers, &shown);
        row(pen, &format!("{} others", count(others as u64)), None, sum, theme.dim);
    }
    if y < pen.height() {
        let phrase = [Phrase::new("logit", theme.label)
            .and(&part(logit), style.add_modifier(Modifier::BOLD))
            .and(&says, style)];
        phrase::set(pen, Lines { y, rows: 1 }, &phrase, theme);
    }
}

/// How many drivers are not shown, and their sum.
fn others(drivers: &[&Driver], shown: &Range<usize>) -> (usize, f64) {
    let hidden = drivers.iter().enumerate().filter(|(at, _)| !shown.contains(at));
    hidden.fold((0, 0.0), |(others, sum), (_, driver)| (others + 1, sum + driver.contribution))
}

/// The largest drivers in a phrase each, and the sum of all.
pub(super) fn phrases(outlook: &Outlook, theme: &Theme) -> Vec<Phrase> {
    let Some((logit, says, style)) = total(outlook, theme).filter(|_| !outlook.drivers.is_empty()) else {
        return vec![Phrase::new("drivers", theme.label).and(nothing(outlook), theme.dim)];
    };
    let mut phrases =
        vec![Phrase::new("drivers: logit", theme.label).and(&part(logit), style).and(&says, style)];
    let named = |driver: &&Driver| {
        let style = Way::of(driver.contribution).style(theme);
        Phrase::new(&driver.name, theme.dim).and(&part(driver.contribution), style)
    };
    phrases.extend(constant(outlook).iter().map(named));
    phrases.extend(moved(outlook).iter().map(named));
    phrases
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GroupField {
    Name,
    Evidence,
    Resolved,
    Standing,
}

/// Column sets of the groups, richest first.
#[rustfmt::skip]
const GROUP_PLANS: &[&[Column<GroupField>]] = &[
    &[words(GroupField::Name, 12, 16), numbers(GroupField::Evidence, 6), numbers(GroupField::Resolved, 7), words(GroupField::Standing, 18, 40)],
    &[words(GroupField::Name, 8, 16), numbers(GroupField::Evidence, 6), numbers(GroupField::Resolved, 7), words(GroupField::Standing, 18, 40)],
    &[words(GroupField::Name, 4, 12), words(GroupField::Standing, 8, 40)],
];

impl GroupField {
    fn header(self) -> &'static str {
        match self {
            Self::Name => "",
            Self::Evidence => "e",
            Self::Resolved => "n",
            Self::Standing => "admitted at e 20",
        }
    }
}

/// Whether a group has earned its place, in words.
fn standing<'a>(group: &GroupStanding, theme: &'a Theme) -> (&'static str, &'a Style) {
    if group.is_admitted {
        ("admitted", &theme.good)
    } else if group.resolved == 0 {
        ("none resolved yet", &theme.dim)
    } else {
        ("no measurable gain", &theme.dim)
    }
}

/// A row for each group.
pub(super) fn draw_groups(pen: &mut Pen<'_>, outlook: &Outlook, theme: &Theme) {
    let rows = usize::from(pen.height().saturating_sub(2));
    let hidden = outlook.groups.len().saturating_sub(rows);
    let more = if hidden > 0 { format!(", {hidden} more") } else { String::new() };
    draw_rule(pen, &format!(" outside groups{more} "), theme);
    if outlook.groups.is_empty() {
        pen.text(1, 1, "none has been tried", theme.dim);
        return;
    }
    let slots = place(GROUP_PLANS, 1, pen.width());
    for (field, slot) in &slots {
        pen.cell(*slot, 1, field.header(), theme.label);
    }
    for (group, y) in outlook.groups.iter().zip(2..pen.height().max(2)) {
        let (words, style) = standing(group, theme);
        for &(field, slot) in &slots {
            match field {
                GroupField::Name => pen.cell(slot, y, &group.name, theme.text),
                GroupField::Evidence => pen.cell(slot, y, &wealth(group.evidence), theme.text),
                GroupField::Resolved => pen.cell(slot, y, &count(group.resolved as u64), theme.dim),
                GroupField::Standing => pen.cell(slot, y, words, *style),
            }
        }
    }
}

/// The groups by their standing: `no measurable gain: flows 0.8 (n 312) · miners 0.3 (n 312)`.
pub(super) fn group_phrases(outlook: &Outlook, theme: &Theme) -> Vec<Phrase> {
    if outlook.groups.is_empty() {
        return vec![Phrase::new("groups", theme.label).and("none has been tried", theme.dim)];
    }
    let mut groups: Vec<_> = outlook.groups.iter().map(|group| (standing(group, theme), group)).collect();
    groups.sort_by_key(|((words, _), _)| *words);
    let mut before = None;
    let phrases = groups.into_iter().map(|((words, style), group)| {
        let evidence = format!("{} (n {})", wealth(group.evidence), count(group.resolved as u64));
        let phrase = Phrase::new(&group.name, theme.text).and(&evidence, theme.dim);
        if before.replace(words) == Some(words) { phrase } else { phrase.after(&format!("{words}:"), *style) }
    });
    phrases.collect()
}
