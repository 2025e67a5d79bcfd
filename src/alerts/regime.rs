//! The rule kind `regime`: how likely a market is to leave its regime, and which regime it enters.

use std::time::Duration;

use market::{
    Alert, AlertState, Board, Evidence, Forecast, ForecastEvidence, MarketEvent, Measure, Outlook, RuleState,
    RuleStatus, Severity, Timestamp, target, target_names,
};
use serde::Deserialize;
use smol_str::SmolStr;

use super::{Rule, RuleRow};

pub(super) const ROW: RuleRow = RuleRow {
    kind: "regime",
    about: "the probability that a forecast target leaves its regime, or its entering a named one",
    build,
};

/// The rule's table, less `kind`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    target: SmolStr,
    asset: SmolStr,
    shift_at_least: Option<f64>,
    clear_below: Option<f64>,
    enters: Option<SmolStr>,
    stale_after_secs: Option<u64>,
    #[serde(default = "warning")]
    severity: Severity,
}

fn warning() -> Severity {
    Severity::Warning
}

/// What raises the rule.
#[derive(Clone, Debug, PartialEq)]
enum Condition {
    /// The probability of a shift is at least this; it clears below that.
    Shift { at_least: f64, clear_below: f64 },
    /// The regime of this name has begun; it clears when that ends.
    Enters(SmolStr),
}

impl Condition {
    fn check(written: &Written) -> Result<Self, String> {
        let is_share = |share: f64| share > 0.0 && share <= 1.0;
        match (written.shift_at_least, &written.enters) {
            (None, None) => {
                Err("has nothing to fire on; add shift_at_least = 0.3 or enters = \"stormy\"".to_owned())
            }
            (Some(_), Some(_)) => {
                Err("has shift_at_least and enters, which end apart; make two rules of it".to_owned())
            }
            (None, Some(_)) if written.clear_below.is_some() => {
                Err("has clear_below, which goes with shift_at_least; leave it out beside enters".to_owned())
            }
            (None, Some(name)) if name.is_empty() => {
                Err("has enters = \"\"; name a regime such as \"stormy\"".to_owned())
            }
            (None, Some(name)) => Ok(Self::Enters(name.clone())),
            (Some(at_least), None) if !is_share(at_least) => {
                Err(format!("has shift_at_least = {at_least}; use a probability above 0 and up to 1"))
            }
            (Some(at_least), None) => {
                let clear_below = written.clear_below.unwrap_or(at_least / 2.0);
                if !is_share(clear_below) || clear_below > at_least {
                    return Err(format!(
                        "has clear_below = {clear_below}; use a probability above 0 and not above shift_at_least"
                    ));
                }
                Ok(Self::Shift { at_least, clear_below })
            }
        }
    }
}

fn build(name: &str, table: toml::Table) -> Result<Box<dyn Rule>, String> {
    let written: Written =
        table.try_into().map_err(|error: toml::de::Error| format!("cannot be used: {}", error.message()))?;
    Ok(Box::new(RegimeRule::new(name, written)?))
}

/// What an outlook says of the condition.
#[derive(Clone, Debug, PartialEq)]
enum Verdict {
    /// It holds; of a regime, whether it began so long ago that it is no news to one who looks first now.
    Holds { is_old: bool },
    /// There is nothing to go by, for this reason.
    Unknown(String),
    /// It does not hold, and is not over either.
    Between,
    /// It does not hold.
    Clear,
}

/// Whether the condition has held since it last did not, through whatever was not known meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Episode {
    /// It has not.
    None,
    /// It has, since before the rule first looked.
    Untold,
    /// It has, and that was said.
    Told,
}

/// See the module. It says once in an episode that it began, however often the forecast abstains within.
struct RegimeRule {
    name: String,
    target: SmolStr,
    asset: SmolStr,
    condition: Condition,
    stale_after: Option<Duration>,
    severity: Severity,
    state: RuleState,
    episode: Episode,
    has_looked: bool,
    /// What it last saw, and whether it could go by that.
    seen: Option<(ForecastEvidence, bool)>,
}

impl RegimeRule {
    fn new(name: &str, written: Written) -> Result<Self, String> {
        if target(&written.target).is_none() {
            return Err(format!("has target = {:?}; known are {}", written.target, target_names()));
        }
        if written.asset.is_empty() {
            return Err("has asset = \"\"; name a coin such as \"BTC\"".to_owned());
        }
        if written.stale_after_secs == Some(0) {
            return Err("has stale_after_secs = 0; use at least 1".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            condition: Condition::check(&written)?,
            target: written.target,
            asset: written.asset,
            stale_after: written.stale_after_secs.map(Duration::from_secs),
            severity: written.severity,
            state: RuleState::Warming,
            episode: Episode::None,
            has_looked: false,
            seen: None,
        })
    }

    fn is_about(&self, target: &str, asset: &str) -> bool {
        self.target == target && self.asset.eq_ignore_ascii_case(asset)
    }

    /// Goes on where the rule of this name was when the alerts on the Board were said, so that a restart
    /// does not say again what was said.
    fn resume(&mut self, board: &Board) {
        let newest = (0..).map_while(|index| board.alerts.newest(index));
        let own = newest.filter(|alert| {
            let evidence = alert.evidence.forecast();
            alert.rule == self.name
                && evidence.is_some_and(|evidence| self.is_about(&evidence.target, &evidence.asset))
        });
        let states: Vec<AlertState> = own.map(|alert| alert.state).collect();
        if states.first() == Some(&AlertState::NoData) {
            self.state = RuleState::NoData;
        }
        let turn = states.iter().find(|state| matches!(state, AlertState::Raised | AlertState::Cleared));
        if turn == Some(&AlertState::Raised) {
            self.episode = Episode::Told;
        }
    }

    fn look(&self, outlook: Option<&Outlook>, now: Timestamp) -> Verdict {
        let Some(outlook) = outlook else {
            return Verdict::Unknown("no outlook yet".to_owned());
        };
        let half = outlook.forecast.until.since(outlook.made_at) / 2;
        let stale_after = self.stale_after.unwrap_or(half);
        match &self.condition {
            Condition::Shift { at_least, clear_below } => {
                shift(outlook, (*at_least, *clear_below), stale_after, now)
            }
            Condition::Enters(name) => entering(outlook, name, stale_after, now),
        }
    }

    /// Moves to the state that follows; gives what there is to say about the change.
    fn step(&mut self, verdict: &Verdict) -> Option<AlertState> {
        let was = self.state;
        let restored = (was == RuleState::NoData).then_some(AlertState::DataRestored);
        match (verdict, self.episode) {
            (Verdict::Unknown(_), _) => match was {
                // There is nothing new to say, but that there is nothing to say.
                RuleState::Warming | RuleState::NoData => None,
                RuleState::Quiet | RuleState::Raised => {
                    self.state = RuleState::NoData;
                    Some(AlertState::NoData)
                }
            },
            (Verdict::Holds { is_old: true }, Episode::None) if was == RuleState::Warming => {
                self.state = RuleState::Raised;
                self.episode = Episode::Untold;
                None
            }
            (Verdict::Holds { .. }, Episode::None) => {
                self.state = RuleState::Raised;
                self.episode = Episode::Told;
                Some(AlertState::Raised)
            }
            (Verdict::Holds { .. } | Verdict::Between, Episode::Told | Episode::Untold) => {
                self.state = RuleState::Raised;
                restored
            }
            (Verdict::Between | Verdict::Clear, Episode::None) => {
                self.state = RuleState::Quiet;
                restored
            }
            (Verdict::Clear, Episode::Told) => {
                self.state = RuleState::Quiet;
                self.episode = Episode::None;
                Some(AlertState::Cleared)
            }
            (Verdict::Clear, Episode::Untold) => {
                self.state = RuleState::Quiet;
                self.episode = Episode::None;
                restored
            }
        }
    }

    fn evidence(&self, outlook: Option<&Outlook>) -> ForecastEvidence {
        let (shift_at_least, enters) = match &self.condition {
            Condition::Shift { at_least, .. } => (Some(*at_least), None),
            Condition::Enters(name) => (None, Some(name.clone())),
        };
        ForecastEvidence {
            target: self.target.clone(),
            asset: self.asset.clone(),
            regime: outlook.map(|outlook| outlook.reading.name.clone()),
            since: outlook.map(|outlook| outlook.reading.since),
            shift: outlook.and_then(|outlook| outlook.forecast.shift),
            baselines: outlook.map(|outlook| outlook.forecast.baselines),
            model: outlook.map(|outlook| outlook.forecast.model.clone()),
            made_at: outlook.map(|outlook| outlook.made_at),
            shift_at_least,
            enters,
        }
    }

    /// What it goes by: `41.5% (33.0–52.0) to leave calm`, `stormy since 2026-01-06 14:00`.
    fn sight(&self, evidence: &ForecastEvidence) -> String {
        let regime = evidence.regime.as_deref().unwrap_or("its regime");
        match (&self.condition, evidence.shift, evidence.since) {
            (Condition::Shift { .. }, Some(shift), _) => {
                let [probability, low, high] = [shift.probability, shift.low, shift.high].map(percent);
                format!("{probability}% ({low}–{high}) to leave {regime}")
            }
            (Condition::Enters(_), _, Some(since)) => format!("{regime} since {}", minute(since)),
            (Condition::Shift { .. }, None, _) | (Condition::Enters(_), _, None) => regime.to_owned(),
        }
    }

    fn alert(
        &self,
        state: AlertState,
        verdict: &Verdict,
        evidence: ForecastEvidence,
        at: Timestamp,
    ) -> Alert {
        let subject = format!("{} {}", self.asset, self.target);
        let sight = self.sight(&evidence);
        let headline = match (state, &self.condition, verdict) {
            (AlertState::NoData, _, Verdict::Unknown(why)) => {
                format!("not enough data on {subject}: {why}")
            }
            (AlertState::Raised, Condition::Shift { at_least, .. }, _) => {
                format!("{sight} ≥ {}%: {subject}", percent(*at_least))
            }
            (AlertState::Cleared, Condition::Shift { clear_below, .. }, _) => {
                format!("{sight} < {}%: {subject}", percent(*clear_below))
            }
            (AlertState::Cleared, Condition::Enters(name), _) => {
                format!("{sight}, {name} no more: {subject}")
            }
            (AlertState::DataRestored, ..) => format!("{sight}: {subject} is known again"),
            (AlertState::Raised | AlertState::NoData, ..) => format!("{sight}: {subject}"),
        };
        Alert {
            rule: self.name.clone(),
            severity: self.severity,
            state,
            at,
            subject,
            headline: headline.chars().take(80).collect(),
            evidence: Evidence::Forecast(evidence),
        }
    }
}

/// What the forecast says of a probability that raises from the first bound on and clears below the second.
fn shift(
    outlook: &Outlook,
    (at_least, clear_below): (f64, f64),
    stale_after: Duration,
    now: Timestamp,
) -> Verdict {
    let Forecast { until, shift, abstained, .. } = &outlook.forecast;
    let made_at = minute(outlook.made_at);
    if now.since(outlook.made_at) > stale_after || now >= *until {
        return Verdict::Unknown(format!("the last forecast is of {made_at}"));
    }
    match shift.map(|shift| shift.probability) {
        Some(probability) if probability >= at_least => Verdict::Holds { is_old: false },
        Some(probability) if probability < clear_below => Verdict::Clear,
        Some(probability) if probability.is_finite() => Verdict::Between,
        Some(_) => Verdict::Unknown(format!("the forecast of {made_at} is no number")),
        None => {
            let why = abstained.as_deref().unwrap_or("no reason given");
            Verdict::Unknown(format!("it abstained at {made_at}, {why}"))
        }
    }
}

/// What the reading says of a regime.
fn entering(outlook: &Outlook, name: &SmolStr, stale_after: Duration, now: Timestamp) -> Verdict {
    if !outlook.names.contains(name) {
        let known = outlook.names.iter().map(SmolStr::as_str).collect::<Vec<_>>().join(", ");
        return Verdict::Unknown(format!("no regime is called {name:?}; there are {known}"));
    }
    if now.since(outlook.read_at) > stale_after {
        return Verdict::Unknown(format!("the last reading is of {}", minute(outlook.read_at)));
    }
    if outlook.reading.name == *name {
        Verdict::Holds { is_old: now.since(outlook.reading.since) > stale_after }
    } else {
        Verdict::Clear
    }
}

/// `2026-01-06 14:00`, UTC.
fn minute(moment: Timestamp) -> String {
    let text = moment.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// `41.5`.
fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

impl Rule for RegimeRule {
    fn name(&self) -> &str {
        &self.name
    }

    /// Outlooks come with the Board, not as events.
    fn observe(&mut self, _event: &MarketEvent) {}

    fn evaluate(&mut self, now: Timestamp, board: &Board) -> Option<Alert> {
        if !self.has_looked {
            self.has_looked = true;
            self.resume(board);
        }
        let outlook = board.outlooks.iter().find(|outlook| self.is_about(&outlook.target, &outlook.asset));
        let verdict = self.look(outlook, now);
        let evidence = self.evidence(outlook);
        let said = self.step(&verdict);
        self.seen = Some((evidence.clone(), !matches!(verdict, Verdict::Unknown(_))));
        Some(self.alert(said?, &verdict, evidence, now))
    }

    fn status(&self) -> RuleStatus {
        let usable = self.seen.as_ref().filter(|(_, is_usable)| *is_usable).map(|(seen, _)| seen);
        let evidence = self.evidence(None);
        RuleStatus {
            rule: self.name.clone(),
            severity: self.severity,
            state: self.state,
            measure: Measure::Regime {
                shift: usable.and_then(|seen| seen.shift).map(|shift| shift.probability),
                shift_at_least: evidence.shift_at_least,
                regime: usable.and_then(|seen| seen.regime.clone()),
                enters: evidence.enters,
            },
        }
    }
}

#[cfg(test)]
mod tests;
