//! What there is to say of one target in phrases: its state, its forecast, its model and the ledger.

use market::{Outlook, Timestamp};

use super::standing::{Row, Standing, lasted, name_of, shift, staleness};
use super::words::{chance, moment, width};
use crate::events::wrapped;
use crate::figures::{age, ahead, count, minute};
use crate::phrase::Phrase;
use crate::theme::Theme;

/// Figures of the head that are shown.
const HEAD: usize = 12;

/// The regime and since when.
pub(super) fn state(outlook: &Outlook, now: Timestamp, theme: &Theme) -> Phrase {
    let reading = &outlook.reading;
    let since = format!("since {} ({})", moment(reading.since, now), lasted(outlook));
    Phrase::new(&outlook.asset, theme.title)
        .and(&name_of(outlook, reading.regime), theme.title)
        .and(&since, theme.dim)
}

/// How likely the last regime is, and when that was read.
pub(super) fn reading(outlook: &Outlook, now: Timestamp, theme: &Theme) -> Vec<Phrase> {
    let reading = &outlook.reading;
    let mut phrases = Vec::new();
    if let (Some(last), Some(name)) = (reading.probabilities.last(), outlook.names.last()) {
        phrases.push(Phrase::new(&format!("P({name})"), theme.label).and(&chance(*last), theme.text));
    }
    let is_stale = staleness(outlook, now).is_some();
    let read = format!("{} ({} ago)", moment(outlook.read_at, now), age(now.since(outlook.read_at)));
    let style = if is_stale { theme.warn } else { theme.dim };
    phrases.push(Phrase::new("read", theme.label).and(&read, style));
    phrases
}

/// The probability of a shift beside the naive ones, or why there is none, in lines of `columns`.
pub(super) fn forecast(outlook: &Outlook, columns: u16, now: Timestamp, theme: &Theme) -> Vec<Phrase> {
    let forecast = &outlook.forecast;
    let mut phrases = Vec::new();
    if let Some(of) = shift(outlook) {
        let shift = Phrase::new("shift", theme.label).and(&chance(of.probability), theme.title);
        phrases.push(shift.and(&width(of), theme.text));
    } else {
        let reason = forecast.abstained.as_deref().unwrap_or("no reason was given");
        let lines = wrapped(&format!("abstained: {reason}"), columns.saturating_sub(2));
        phrases.extend(lines.iter().map(|line| Phrase::new(line, theme.warn)));
    }
    phrases.push(if now > forecast.until {
        let words = format!("{} ({} ago)", moment(forecast.until, now), age(now.since(forecast.until)));
        Phrase::new("its window ended", theme.label).and(&words, theme.warn)
    } else {
        let words = format!("{} (in {})", moment(forecast.until, now), ahead(forecast.until.since(now)));
        Phrase::new("until", theme.label).and(&words, theme.text)
    });
    if shift(outlook).is_some() {
        let names: Vec<String> = forecast.regimes.iter().map(|regime| name_of(outlook, *regime)).collect();
        let words = if names.is_empty() { "–".to_owned() } else { names.join(" or ") };
        phrases.push(Phrase::new("9 in 10", theme.label).and(&words, theme.text));
    }
    let naive = forecast.baselines;
    for (name, of) in [("base", naive.base), ("Markov", naive.markov), ("margin-only", naive.margin_only)] {
        phrases.push(Phrase::new(name, theme.label).and(&chance(of), theme.dim));
    }
    if outlook.made_at != outlook.read_at {
        let ago = age(now.since(outlook.made_at));
        phrases.push(
            Phrase::new("forecast", theme.label)
                .and(&minute(outlook.made_at), theme.dim)
                .and(&format!("({ago} ago)"), theme.dim),
        );
    }
    phrases
}

/// The model: what it learnt from, how long it is good for, and whether it drifts; and the ledger.
pub(super) fn model(outlook: &Outlook, now: Timestamp, theme: &Theme) -> Vec<Phrase> {
    let model = &outlook.model;
    let trained = format!(
        "through {} ({} ago, {} rows)",
        moment(model.trained_through, now),
        age(now.since(model.trained_through)),
        count(model.rows as u64)
    );
    let expiry = if now >= model.expires_at {
        Phrase::new(&format!("expired {} ago: vigie train", age(now.since(model.expires_at))), theme.bad)
    } else {
        Phrase::new("expires in", theme.label).and(&ahead(model.expires_at.since(now)), theme.text)
    };
    let drift = match model.drift {
        Some(since) => Phrase::new(&format!("drift since {}", moment(since, now)), theme.warn),
        None => Phrase::new("no drift", theme.dim),
    };
    let live = outlook
        .live
        .drift
        .map(|since| Phrase::new(&format!("live drift since {}", moment(since, now)), theme.warn));
    let ledger = match &outlook.ledger {
        Some(ledger) => {
            let head: String = ledger.head.chars().take(HEAD).collect();
            let records = format!("{} records, head", count(ledger.count));
            Phrase::new("ledger", theme.label).and(&records, theme.dim).and(&head, theme.text)
        }
        None => Phrase::new("ledger", theme.label).and("none: nothing of this is on record", theme.warn),
    };
    let mut phrases = vec![
        Phrase::new("model", theme.label).and(&model.id, theme.text),
        Phrase::new("trained", theme.label).and(&trained, theme.dim),
        expiry,
    ];
    phrases.extend(live);
    phrases.extend([drift, ledger]);
    phrases
}

/// Why a target is silent, in lines of `columns`.
pub(super) fn silence(row: &Row<'_>, columns: u16, now: Timestamp, theme: &Theme) -> Vec<Phrase> {
    let Standing::Silent(reason) = row.standing(now) else { return Vec::new() };
    let lines = wrapped(&format!("{} is silent: {reason}", row.name()), columns.saturating_sub(2));
    lines.iter().map(|line| Phrase::new(line, theme.warn)).collect()
}
