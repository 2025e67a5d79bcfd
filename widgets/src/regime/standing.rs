//! Which targets there are, and how each of them stands.

use std::time::Duration;

use market::{Board, Chances, Grid, Outlook, Silence, TARGETS, Timestamp, target};
use ratatui::style::Style;

use super::words::{Gain, chance, moment, width};
use crate::figures::age;
use crate::phrase::Phrase;
use crate::theme::Theme;

/// Everything the board has on one target of one asset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub target: &'a str,
    /// Empty where nothing was ever said of it.
    pub asset: &'a str,
    pub outlook: Option<&'a Outlook>,
    /// Why it has nothing to say.
    pub silence: Option<&'a str>,
}

/// How a target stands: the worst that is true of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// It has nothing to say, and why.
    Silent(&'a str),
    /// Its model is not used any more, since when.
    Expired(Timestamp),
    /// What it says is too old to go by, and how old it is.
    Stale(Duration),
    /// It gives no probability, and why.
    Abstained(&'a str),
    /// The forecasts that it made lose more than they should, since when.
    LiveDrift(Timestamp),
    /// Its losses drifted when it was walked through the past, since when.
    Drift(Timestamp),
    /// What it says was not shown to be better than the better naive forecast, or than nothing.
    Unproven(Unproven),
    /// Nothing is wrong.
    Good,
}

/// Why a forecast is worth no more than a naive one, as far as anybody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// Nothing was scored, or too little for an interval.
    Unscored,
    /// The interval of its skill includes zero.
    NoGain,
    /// It lost more than the naive one.
    Loss,
}

impl Unproven {
    fn of(outlook: &Outlook) -> Option<Self> {
        match outlook.score.as_ref().map(|score| Gain::of(&score.skill)) {
            Some(Gain::Measured) => None,
            Some(Gain::Unmeasured) => Some(Self::NoGain),
            Some(Gain::Loss) => Some(Self::Loss),
            Some(Gain::Unbounded | Gain::Unknown) | None => Some(Self::Unscored),
        }
    }
}

/// The board's targets in the order of [`TARGETS`]; others follow as they come.
pub(super) fn rows(board: &Board) -> Vec<Row<'_>> {
    let reason = |target: &str| board.silences.iter().find(|silence| silence.target == target).map(reason_of);
    let mut rows: Vec<Row<'_>> = board
        .outlooks
        .iter()
        .map(|outlook| Row {
            target: &outlook.target,
            asset: &outlook.asset,
            outlook: Some(outlook),
            silence: reason(&outlook.target),
        })
        .collect();
    for silence in board.silences.iter() {
        if rows.iter().all(|row| row.target != silence.target) {
            let silence_of = Some(reason_of(silence));
            rows.push(Row { target: &silence.target, asset: "", outlook: None, silence: silence_of });
        }
    }
    rows.sort_by_key(|row| {
        TARGETS.iter().position(|target| target.id == row.target).unwrap_or(TARGETS.len())
    });
    rows
}

/// Why a target is silent, without its name, which stands beside it.
fn reason_of(silence: &Silence) -> &str {
    let reason = silence.reason.as_str();
    reason.strip_prefix(silence.target.as_str()).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(reason)
}

/// How old a reading of the target may be: its grid and some.
pub(super) fn patience(name: &str) -> Duration {
    match target(name).map(|target| target.grid) {
        Some(Grid::Sessions) => Duration::from_hours(5 * 24),
        Some(Grid::Daily) => Duration::from_hours(36),
        Some(Grid::Hourly) | None => Duration::from_hours(2),
    }
}

/// How old what is shown is, where that is too old to go by.
pub(super) fn staleness(outlook: &Outlook, now: Timestamp) -> Option<Duration> {
    let is_over = now > outlook.forecast.until;
    let is_old = now.since(outlook.read_at) > patience(&outlook.target);
    (is_over || is_old).then(|| now.since(outlook.read_at.min(outlook.made_at)))
}

/// The probability of a shift, unless it abstained.
pub(super) fn shift(outlook: &Outlook) -> Option<&Chances> {
    outlook.forecast.shift.as_ref().filter(|_| outlook.forecast.abstained.is_none())
}

/// How long the regime had lasted when it was last read; `new` where it began with that reading.
pub(super) fn lasted(outlook: &Outlook) -> String {
    let lasted = outlook.read_at.since(outlook.reading.since);
    if lasted.is_zero() { "new".to_owned() } else { age(lasted) }
}

/// The name of a regime: `calm`; its number where it has none.
pub(super) fn name_of(outlook: &Outlook, regime: u8) -> String {
    outlook.names.get(usize::from(regime)).map_or_else(|| format!("regime {regime}"), ToString::to_string)
}

impl<'a> Row<'a> {
    /// `BTC vol-24h`.
    pub(super) fn name(&self) -> String {
        if self.asset.is_empty() { self.target.to_owned() } else { format!("{} {}", self.asset, self.target) }
    }

    pub(super) fn standing(&self, now: Timestamp) -> Standing<'a> {
        let Some(outlook) = self.outlook.filter(|_| self.silence.is_none()) else {
            return Standing::Silent(self.silence.unwrap_or("no reason was given"));
        };
        if now >= outlook.model.expires_at {
            return Standing::Expired(outlook.model.expires_at);
        }
        if let Some(old) = staleness(outlook, now) {
            return Standing::Stale(old);
        }
        if shift(outlook).is_none() {
            let reason = outlook.forecast.abstained.as_deref();
            return Standing::Abstained(reason.unwrap_or("no reason was given"));
        }
        let live = outlook.live.drift.map(Standing::LiveDrift);
        live.or(outlook.model.drift.map(Standing::Drift))
            .or(Unproven::of(outlook).map(Standing::Unproven))
            .unwrap_or(Standing::Good)
    }

    /// The row in a phrase: `BTC calm 3d04h · shift 24h 4.1% [2.0, 9.0]`.
    pub(super) fn phrase(&self, now: Timestamp, theme: &Theme) -> Phrase {
        let standing = self.standing(now);
        let Some(outlook) = self.outlook else {
            return Phrase::new(&self.name(), theme.title)
                .and(standing.brief().as_str(), standing.style(theme));
        };
        let horizon = self.target.rsplit_once('-').map_or(self.target, |(_, horizon)| horizon);
        let phrase = Phrase::new(self.asset, theme.title)
            .and(&name_of(outlook, outlook.reading.regime), theme.text)
            .and(&lasted(outlook), theme.dim)
            .and(&format!("· shift {horizon}"), theme.label);
        let phrase = match shift(outlook) {
            Some(of) => phrase.and(&chance(of.probability), theme.text).and(&width(of), theme.dim),
            None => phrase.and("abstained", theme.warn),
        };
        match self.warning(now, theme) {
            Some((words, style)) => phrase.and(&words, style),
            None => phrase,
        }
    }

    /// What the reader must not miss beside the numbers: `expired, stale 14d00h`. An abstention has none.
    pub(super) fn warning(&self, now: Timestamp, theme: &Theme) -> Option<(String, Style)> {
        let standing = self.standing(now);
        let old = self.outlook.and_then(|outlook| staleness(outlook, now));
        let old = old.map(|old| Standing::Stale(old).brief());
        match (standing, old) {
            (Standing::Good | Standing::Abstained(_), _) => None,
            (Standing::Stale(_), Some(old)) => Some((old, standing.style(theme))),
            (_, Some(old)) => Some((format!("{}, {old}", standing.brief()), standing.style(theme))),
            (_, None) => Some((standing.brief(), standing.style(theme))),
        }
    }
}

impl Standing<'_> {
    /// In a word or two.
    pub(super) fn brief(&self) -> String {
        match self {
            Self::Silent(_) => "silent".to_owned(),
            Self::Expired(_) => "expired".to_owned(),
            Self::Stale(old) => format!("stale {}", age(*old)),
            Self::Abstained(_) => "abstained".to_owned(),
            Self::LiveDrift(_) => "live drift".to_owned(),
            Self::Drift(_) => "drift".to_owned(),
            Self::Unproven(Unproven::Unscored) => "unscored".to_owned(),
            Self::Unproven(Unproven::NoGain) => "no gain".to_owned(),
            Self::Unproven(Unproven::Loss) => "worse".to_owned(),
            Self::Good => "ok".to_owned(),
        }
    }

    /// With its reason.
    pub(super) fn whole(&self, now: Timestamp) -> String {
        match self {
            Self::Silent(reason) => format!("silent: {reason}"),
            Self::Expired(at) => format!("expired {}", moment(*at, now)),
            Self::Abstained(reason) => format!("abstained: {reason}"),
            Self::LiveDrift(since) => format!("live drift since {}", moment(*since, now)),
            Self::Drift(since) => format!("drift since {}", moment(*since, now)),
            Self::Unproven(Unproven::Unscored) => "too little scored to claim a skill".to_owned(),
            Self::Unproven(Unproven::NoGain) => "no measurable gain over the naive forecasts".to_owned(),
            Self::Unproven(Unproven::Loss) => "worse than the naive forecasts".to_owned(),
            Self::Stale(_) | Self::Good => self.brief(),
        }
    }

    pub(super) fn style(&self, theme: &Theme) -> Style {
        match self {
            Self::Good => theme.good,
            Self::Expired(_) => theme.bad,
            Self::Silent(_)
            | Self::Stale(_)
            | Self::Abstained(_)
            | Self::LiveDrift(_)
            | Self::Drift(_)
            | Self::Unproven(_) => theme.warn,
        }
    }
}
