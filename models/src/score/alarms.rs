//! What it would have been to act on a forecast: alarms at a stated rate, their lead, and their cost.
//!
//! An **alarm** at row t says that an event will come in rows t + 1 … t + horizon. Alarms fewer than `horizon` quiet
//! rows apart speak of overlapping windows and are one **episode**. An event at row e is **caught** where some
//! alarm t has t < e ≤ t + horizon. An episode in whose windows no event falls is a **false alarm**, counted once
//! however long it lasts; one whose windows reach beyond the last row, without an event so far, is open and
//! counted as neither.

use serde::{Deserialize, Serialize};

use super::{ScoreError, paired, probabilities_of};
use crate::scalar;

/// When a forecast raises an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum AlarmRule {
    /// At this probability or above.
    Threshold(f64),
    /// At the lowest threshold at which at most this share of the rows raises one. Chosen with all rows in
    /// view, so it says how the forecast ranks; to act, take a threshold from earlier rows.
    Rate(f64),
}

/// What alarms were worth, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarms {
    /// The probability at which an alarm is raised; `None` where no threshold alarms on so few rows.
    pub threshold: Option<f64>,
    /// Rows.
    pub rows: usize,
    /// Rows with an alarm.
    pub alarms: usize,
    /// Rows where it happened.
    pub events: usize,
    /// Rows with an alarm where it happened.
    pub hits: usize,
    /// `alarms / rows`.
    pub rate: f64,
    /// `hits / alarms`; `None` without alarms.
    pub precision: Option<f64>,
    /// `hits / events`; `None` without events.
    pub recall: Option<f64>,
}

/// The lowest threshold at which at most `rate` of the rows have a probability of it or above; `None` where even the
/// highest probability is shared by more rows than that.
///
/// # Errors
/// No rows, a forecast outside [0, 1], or a rate outside [0, 1].
pub fn threshold_at_rate(probabilities: &[f64], rate: f64) -> Result<Option<f64>, ScoreError> {
    if probabilities.is_empty() {
        return Err(ScoreError::Empty);
    }
    if let Some(row) = probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        return Err(ScoreError::NotProbability { row, value: probabilities[row] });
    }
    if !(0.0..=1.0).contains(&rate) {
        let problem = format!("is {rate}; use a share of the rows, 0 to 1");
        return Err(ScoreError::Option { name: "alarm rate", problem });
    }
    // 0.1 × 30 is 3.0000000000000004 or 2.9999999999999996 with other numbers: neither may lose a row.
    let most = libm::floor(rate * probabilities.len() as f64 + 1e-9) as usize;
    let sorted = scalar::sorted(probabilities);
    let mut threshold = None;
    let mut rows = 0;
    for run in sorted.chunk_by(|low, high| low >= high).rev() {
        rows += run.len();
        if rows > most {
            break;
        }
        threshold = run.first().copied();
    }
    Ok(threshold)
}

/// Precision and recall of alarms, row by row.
///
/// # Errors
/// No rows, columns of different length, a forecast outside [0, 1], or a rule outside [0, 1].
pub fn alarms(probabilities: &[f64], happened: &[bool], rule: AlarmRule) -> Result<Alarms, ScoreError> {
    probabilities_of(probabilities, happened)?;
    let threshold = match rule {
        AlarmRule::Rate(rate) => threshold_at_rate(probabilities, rate)?,
        AlarmRule::Threshold(threshold) if (0.0..=1.0).contains(&threshold) => Some(threshold),
        AlarmRule::Threshold(threshold) => {
            let problem = format!("is {threshold}; use a probability");
            return Err(ScoreError::Option { name: "alarm threshold", problem });
        }
    };
    let alarmed = |p: f64| threshold.is_some_and(|threshold| p >= threshold);
    let rows = probabilities.len();
    let alarms = probabilities.iter().filter(|&&p| alarmed(p)).count();
    let events = happened.iter().filter(|&&happened| happened).count();
    let hits = probabilities.iter().zip(happened).filter(|&(&p, &happened)| happened && alarmed(p)).count();
    let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
    Ok(Alarms {
        threshold,
        rows,
        alarms,
        events,
        hits,
        rate: alarms as f64 / rows as f64,
        precision: share(hits, alarms),
        recall: share(hits, events),
    })
}

/// The rows at which what was forecast came about, where `happened` says of each row whether the window of
/// `horizon` rows after it holds something new: the end of the window of the first row of each run. Runs fewer than
/// `horizon` rows apart have windows in common and are one. Ascending; the last may lie beyond the last row.
pub fn onsets(happened: &[bool], horizon: usize) -> Vec<usize> {
    let mut onsets = Vec::new();
    let mut last: Option<usize> = None;
    for row in (0..happened.len()).filter(|&row| happened[row]) {
        if last.is_none_or(|last| row - last > horizon) {
            onsets.push(row.saturating_add(horizon));
        }
        last = Some(row);
    }
    onsets
}

/// How rows turn into months.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// How many rows ahead an alarm speaks of.
    pub horizon: usize,
    /// Rows a month: 30.44 of a market that never closes, 21 sessions, 730.5 hours.
    pub rows_per_month: f64,
}

/// What alarms were worth, event by event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episodes {
    /// Events.
    pub events: usize,
    /// Events that an alarm's window held.
    pub caught: usize,
    /// Episodes of alarms.
    pub episodes: usize,
    /// Episodes that no event followed.
    pub false_episodes: usize,
    /// Episodes that the last row leaves open.
    pub open_episodes: usize,
    /// Median, over the events caught, of the rows from the earliest alarm whose window held the event: at most
    /// the horizon. `None` where none was caught.
    pub lead_rows: Option<f64>,
    /// Median, over the events caught, of the rows from the first alarm of that alarm's episode. An alarm that
    /// never ends has a long one: read it beside the false alarms.
    pub episode_lead_rows: Option<f64>,
    /// False episodes a month.
    pub false_per_month: f64,
}

/// Lead and false alarms: `alarmed` says of each row whether it raised an alarm, `events` are ascending rows.
///
/// # Errors
/// No rows, a horizon of 0, a month that is not above 0 rows, or events out of order.
pub fn episodes(alarmed: &[bool], events: &[usize], calendar: Calendar) -> Result<Episodes, ScoreError> {
    paired(alarmed.len(), alarmed.len())?;
    let Calendar { horizon, rows_per_month } = calendar;
    if horizon == 0 {
        return Err(ScoreError::Option { name: "horizon", problem: "is 0; use at least 1".to_owned() });
    }
    if !(rows_per_month > 0.0 && rows_per_month.is_finite()) {
        let problem = format!("is {rows_per_month}; use a number above 0");
        return Err(ScoreError::Option { name: "rows a month", problem });
    }
    if let Some(place) = events.windows(2).position(|pair| pair[0] >= pair[1]) {
        let problem = format!("go from row {} to row {}; sort them", events[place], events[place + 1]);
        return Err(ScoreError::Option { name: "events", problem });
    }
    let rows = alarmed.len();
    let raised: Vec<usize> = (0..rows).filter(|&row| alarmed[row]).collect();
    // (first alarm, last alarm) of each episode.
    let spans: Vec<(usize, usize)> = raised
        .chunk_by(|early, late| late - early <= horizon)
        .map(|span| (span[0], span[span.len() - 1]))
        .collect();
    let (mut leads, mut episode_leads) = (Vec::new(), Vec::new());
    for &event in events {
        let from = event.saturating_sub(horizon);
        let place = raised.partition_point(|&row| row < from);
        if let Some(&alarm) = raised.get(place).filter(|&&row| row < event) {
            leads.push((event - alarm) as f64);
            let span = spans.partition_point(|&(_, last)| last < alarm);
            episode_leads.push((event - spans[span].0) as f64);
        }
    }
    let (mut false_episodes, mut open_episodes) = (0, 0);
    for &(first, last) in &spans {
        let until = last.saturating_add(horizon);
        let place = events.partition_point(|&event| event <= first);
        if events.get(place).is_some_and(|&event| event <= until) {
            continue;
        }
        if until >= rows { open_episodes += 1 } else { false_episodes += 1 }
    }
    Ok(Episodes {
        events: events.len(),
        caught: leads.len(),
        episodes: spans.len(),
        false_episodes,
        open_episodes,
        lead_rows: scalar::median(&scalar::sorted(&leads)),
        episode_lead_rows: scalar::median(&scalar::sorted(&episode_leads)),
        false_per_month: false_episodes as f64 / (rows as f64 / rows_per_month),
    })
}
