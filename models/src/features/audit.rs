//! Looks for rows that know the future: changes what was told after a moment, and compares what comes before.

use std::time::Duration;

use market::{Date, MarketEvent, Observation, Price, Quantity, Timestamp, Usd};

use super::History;
use crate::chance::Chance;

/// A row as an audit sees it: the moment by which it was known, and its bits.
pub type RowBits = (Timestamp, Vec<u64>);

/// An audit that found nothing, and what it looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Moments at which the future was cut off, and again changed.
    pub cuts: usize,
    /// Rows at or before a cut that were compared.
    pub rows_compared: usize,
    /// Words changed, dropped or made up.
    pub words_changed: usize,
    /// Rows after a cut that did change: with none, the audit could not have found anything.
    pub rows_moved: usize,
}

/// A row that changed when only what was told later did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the row of {row} changed in place {column} when only words known after {cut} did: it knows the future"
)]
pub struct Leak {
    /// The row's time.
    pub row: Timestamp,
    /// The first place in the row's bits that differs; past its end where the row is gone or another came.
    pub column: usize,
    /// The moment after which words were changed.
    pub cut: Timestamp,
}

/// Builds rows from the history as it is, then, for `cuts` random moments, twice again: with every word known
/// after the moment cut off, and with those words' values replaced, their order shuffled, some dropped and some
/// made up, also about days long past. Every row at or before the moment must keep its bits.
///
/// `build` gives rows of whatever must not know the future, each with the moment by which it was known: features,
/// labels at their resolution, forecasts.
///
/// # Errors
/// The first row found to have changed.
pub fn audit(
    history: &History,
    build: &dyn Fn(&History) -> Vec<RowBits>,
    cuts: usize,
    seed: u64,
) -> Result<AuditReport, Leak> {
    let truth = build(history);
    let mut report = AuditReport::default();
    let (Some(first), Some(last)) =
        (truth.iter().map(|(at, _)| *at).min(), truth.iter().map(|(at, _)| *at).max())
    else {
        return Ok(report);
    };
    let mut chance = Chance::new(seed);
    for _ in 0..cuts {
        let share = chance.uniform();
        let offset = (last.since(first).as_micros() as f64 * share) as u64;
        let cut = first.plus(Duration::from_micros(offset));
        report.cuts += 1;
        let cut_off = known_by(history, cut);
        compare(&truth, &build(&cut_off), cut, &mut report)?;
        let mut changed = cut_off;
        scramble(history, &mut changed, cut, &mut chance, &mut report);
        compare(&truth, &build(&changed), cut, &mut report)?;
    }
    Ok(report)
}

fn compare(
    truth: &[RowBits],
    other: &[RowBits],
    cut: Timestamp,
    report: &mut AuditReport,
) -> Result<(), Leak> {
    let until =
        |rows: &[RowBits]| -> Vec<RowBits> { rows.iter().filter(|(at, _)| *at <= cut).cloned().collect() };
    let (before, after) = (until(truth), until(other));
    for at in 0..before.len().max(after.len()) {
        match (before.get(at), after.get(at)) {
            (Some((row, bits)), Some((other, others))) if row == other => {
                report.rows_compared += 1;
                if bits != others {
                    let pairs = bits.iter().zip(others);
                    let column = pairs.take_while(|(a, b)| a == b).count();
                    return Err(Leak { row: *row, column, cut });
                }
            }
            (Some((row, bits)), _) | (None, Some((row, bits))) => {
                return Err(Leak { row: *row, column: bits.len(), cut });
            }
            (None, None) => {}
        }
    }
    let later =
        |rows: &[RowBits]| -> Vec<RowBits> { rows.iter().filter(|(at, _)| *at > cut).cloned().collect() };
    let (before, after) = (later(truth), later(other));
    report.rows_moved += before.iter().zip(&after).filter(|(a, b)| a != b).count();
    report.rows_moved += before.len().abs_diff(after.len());
    Ok(())
}

fn known_by(history: &History, cut: Timestamp) -> History {
    let until = |events: &[MarketEvent]| -> Vec<MarketEvent> {
        events[..events.partition_point(|event| event.known_at <= cut)].to_vec()
    };
    History {
        bars: until(&history.bars),
        flows: until(&history.flows),
        liquidations: until(&history.liquidations),
        funding: until(&history.funding),
        open_interest: until(&history.open_interest),
        gaps: until(&history.gaps),
    }
}

/// Adds to `kept` another future than the one that `history` tells.
fn scramble(
    history: &History,
    kept: &mut History,
    cut: Timestamp,
    chance: &mut Chance,
    report: &mut AuditReport,
) {
    let tables = [
        (&history.bars, &mut kept.bars),
        (&history.flows, &mut kept.flows),
        (&history.liquidations, &mut kept.liquidations),
        (&history.funding, &mut kept.funding),
        (&history.open_interest, &mut kept.open_interest),
        (&history.gaps, &mut kept.gaps),
    ];
    for (all, kept) in tables {
        let future = &all[all.partition_point(|event| event.known_at <= cut)..];
        let mut told = Vec::with_capacity(future.len());
        for event in future {
            report.words_changed += 1;
            if chance.uniform() < 0.2 {
                continue;
            }
            told.push(changed(event, chance));
            // Now and then a second word, and one about something long past.
            if chance.uniform() < 0.1 {
                told.push(changed(event, chance));
            }
            if chance.uniform() < 0.1 && !all.is_empty() {
                let mut late = changed(&all[chance.index(all.len())], chance);
                (late.known_at, late.receive_time) = (event.known_at, event.receive_time);
                told.push(late);
            }
        }
        // Shuffled in order: each word keeps its content and takes another's moment.
        for at in (1..told.len()).rev() {
            let with = chance.index(at + 1);
            let (one, other) = (told[at].known_at, told[with].known_at);
            (told[at].known_at, told[with].known_at) = (other, one);
        }
        told.retain(|event| event.known_at > cut);
        told.sort_by_key(|event| event.known_at);
        kept.extend(told);
    }
}

/// The same word with another value.
fn changed(event: &MarketEvent, chance: &mut Chance) -> MarketEvent {
    let mut event = event.clone();
    let mut factor = || libm::exp(chance.normal());
    match &mut event.observation {
        Observation::Bar(bar) => {
            let factor = factor();
            for price in [&mut bar.open, &mut bar.high, &mut bar.low, &mut bar.close] {
                *price = Price::new(price.get() * factor).unwrap_or(*price);
            }
        }
        Observation::EtfFlow(flow) => {
            let millions = 1e9 * (factor() - 1.0);
            flow.net_flow = Usd::new(millions).ok();
            if factor() > 3.0 {
                flow.net_flow = None;
            }
            flow.trade_date = another_day(flow.trade_date, factor());
        }
        Observation::Liquidation(liquidation) => {
            let factor = factor();
            liquidation.notional = liquidation.notional.and_then(|usd| Usd::new(usd.get() * factor).ok());
            liquidation.quantity =
                liquidation.quantity.and_then(|quantity| Quantity::new(quantity.get() * factor).ok());
        }
        Observation::FundingRate(funding) => funding.rate = 0.001 * (factor() - 1.0),
        Observation::OpenInterest(interest) => {
            let factor = factor();
            interest.notional = interest.notional.and_then(|usd| Usd::new(usd.get() * factor).ok());
            interest.quantity =
                interest.quantity.and_then(|quantity| Quantity::new(quantity.get() * factor).ok());
        }
        Observation::Gap(gap) => {
            gap.until = (factor() > 0.7).then(|| gap.from.plus(Duration::from_secs_f64(3_600.0 * factor())));
        }
        Observation::Quote(_)
        | Observation::ChainTip(_)
        | Observation::Holding(_)
        | Observation::Forecast(_)
        | Observation::Regime(_) => {}
    }
    event
}

/// Mostly the same day; else one some days before or after it.
fn another_day(date: Date, factor: f64) -> Date {
    let days = if factor > 2.0 {
        (factor * 3.0) as i32
    } else if factor < 0.5 {
        -((2.0 / factor) as i32)
    } else {
        0
    };
    date.plus_days(days.clamp(-400, 400)).unwrap_or(date)
}
