//! The rule kind `liquidations`: liquidated notional over a window against a threshold.

use std::collections::VecDeque;
use std::time::Duration;

use market::{
    Alert, AlertState, Board, Evidence, FeedHealth, FeedId, Liquidation, LiquidationEvidence, MarketEvent,
    Measure, PositionSide, RuleState, RuleStatus, Severity, Timestamp, Usd,
};
use serde::Deserialize;

use super::{Rule, RuleRow};

pub(super) const ROW: RuleRow = RuleRow {
    kind: "liquidations",
    about: "liquidated notional over a window, by side, instrument and venue, against a threshold",
    build,
};

/// The rule's table, less `kind`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Conditions {
    #[serde(default)]
    position: Sides,
    #[serde(default)]
    instruments: Chosen,
    #[serde(default)]
    venues: Chosen,
    window_secs: u64,
    threshold_usd: f64,
    clear_below_usd: Option<f64>,
    cooldown_secs: Option<u64>,
    #[serde(default = "half")]
    min_coverage: f64,
    #[serde(default = "warning")]
    severity: Severity,
}

fn half() -> f64 {
    0.5
}

fn warning() -> Severity {
    Severity::Warning
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sides {
    Long,
    Short,
    #[default]
    Both,
}

impl Sides {
    fn wants(self, position: PositionSide) -> bool {
        match self {
            Self::Long => position == PositionSide::Long,
            Self::Short => position == PositionSide::Short,
            Self::Both => true,
        }
    }

    fn as_noun(self) -> &'static str {
        match self {
            Self::Long => "longs",
            Self::Short => "shorts",
            Self::Both => "positions",
        }
    }
}

impl Conditions {
    /// What is counted, in words: `BTC longs`, `positions`.
    fn what(&self) -> String {
        let noun = self.position.as_noun();
        match &self.instruments {
            Chosen::All => noun.to_owned(),
            Chosen::Named(_) => format!("{} {noun}", self.instruments.as_text("all")),
        }
    }
}

/// `"all"`, or a list of names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Written")]
enum Chosen {
    #[default]
    All,
    Named(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "takes \"all\" or a list of names")]
enum Written {
    Word(String),
    List(Vec<String>),
}

impl TryFrom<Written> for Chosen {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Word(word) if word == "all" => Ok(Self::All),
            Written::List(names) if !names.is_empty() => Ok(Self::Named(names)),
            Written::Word(_) | Written::List(_) => Err("takes \"all\" or a list of names"),
        }
    }
}

impl Chosen {
    fn wants(&self, mut is_named: impl FnMut(&str) -> bool) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| is_named(name)),
        }
    }

    fn as_text(&self, all: &str) -> String {
        match self {
            Self::All => all.to_owned(),
            Self::Named(names) => names.join("+"),
        }
    }
}

fn build(name: &str, table: toml::Table) -> Result<Box<dyn Rule>, String> {
    let conditions: Conditions =
        table.try_into().map_err(|error: toml::de::Error| format!("cannot be used: {}", error.message()))?;
    Ok(Box::new(LiquidationRule::new(name, conditions)?))
}

/// What one liquidation in the window adds to it.
struct Entry {
    at: Timestamp,
    micros: Option<i128>,
}

/// See the module. The window counts by receive time, as the Board's windows do.
struct LiquidationRule {
    name: String,
    conditions: Conditions,
    window: Duration,
    clear_below: f64,
    cooldown: Duration,
    entries: VecDeque<Entry>,
    micros: i128,
    unknown: u64,
    state: RuleState,
    last_raised: Option<Timestamp>,
    coverage: f64,
}

impl LiquidationRule {
    fn new(name: &str, conditions: Conditions) -> Result<Self, String> {
        let threshold = conditions.threshold_usd;
        let clear_below = conditions.clear_below_usd.unwrap_or(threshold / 2.0);
        if conditions.window_secs == 0 || conditions.window_secs > 86_400 {
            return Err(format!("has window_secs = {}; use 1 to 86400 (a day)", conditions.window_secs));
        }
        if !threshold.is_finite() || threshold <= 0.0 {
            return Err(format!("has threshold_usd = {threshold}; use an amount above 0"));
        }
        if !clear_below.is_finite() || clear_below <= 0.0 || clear_below > threshold {
            return Err(format!(
                "has clear_below_usd = {clear_below}; use an amount above 0 and not above threshold_usd"
            ));
        }
        if !(0.0..=1.0).contains(&conditions.min_coverage) {
            return Err(format!("has min_coverage = {}; use a share from 0 to 1", conditions.min_coverage));
        }
        if let Chosen::Named(venues) = &conditions.venues
            && let Some(unknown) = venues.iter().find(|venue| feeds::find(venue).is_none())
        {
            return Err(format!("watches venues = {unknown:?}, which is no feed"));
        }
        Ok(Self {
            name: name.to_owned(),
            window: Duration::from_secs(conditions.window_secs),
            cooldown: Duration::from_secs(conditions.cooldown_secs.unwrap_or(conditions.window_secs)),
            clear_below,
            entries: VecDeque::new(),
            micros: 0,
            unknown: 0,
            state: RuleState::Warming,
            last_raised: None,
            coverage: 0.0,
            conditions,
        })
    }

    fn wants(&self, feed: &FeedId, liquidation: &Liquidation) -> bool {
        let instrument = &liquidation.instrument;
        self.conditions.position.wants(liquidation.position)
            && self.conditions.venues.wants(|name| name == feed.as_str())
            && self
                .conditions
                .instruments
                .wants(|name| name == instrument.asset() || name == instrument.to_string())
    }

    fn expire(&mut self, now: Timestamp) {
        let start = now.minus(self.window);
        while let Some(entry) = self.entries.front().filter(|entry| entry.at <= start) {
            match entry.micros {
                Some(micros) => self.micros -= micros,
                None => self.unknown -= 1,
            }
            self.entries.pop_front();
        }
    }

    /// The least coverage over the feeds the rule reads; none at all when it reads no running feed.
    fn measure_coverage(&self, now: Timestamp, board: &Board) -> f64 {
        let read = |health: &&FeedHealth| self.conditions.venues.wants(|name| name == health.feed.as_str());
        let least =
            board.feeds.iter().filter(read).map(|health| health.coverage(self.window, now)).reduce(f64::min);
        least.unwrap_or(0.0)
    }

    fn notional(&self) -> f64 {
        Usd::from_micros(self.micros).get()
    }

    fn is_cooling(&self, now: Timestamp) -> bool {
        self.last_raised.is_some_and(|raised| now < raised.plus(self.cooldown))
    }

    /// The state that follows, and what there is to say about the change.
    fn step(&self, now: Timestamp) -> (RuleState, Option<AlertState>) {
        let notional = self.notional();
        let is_covered = self.coverage >= self.conditions.min_coverage;
        // A floor above the threshold is above it, however little of the window was watched.
        let is_above = notional >= self.conditions.threshold_usd;
        let (next, said) = match self.state {
            RuleState::Raised if notional >= self.clear_below => return (RuleState::Raised, None),
            RuleState::Raised => (RuleState::Quiet, Some(AlertState::Cleared)),
            RuleState::Warming | RuleState::Quiet | RuleState::NoData
                if is_above && !self.is_cooling(now) =>
            {
                return (RuleState::Raised, Some(AlertState::Raised));
            }
            RuleState::Warming | RuleState::Quiet => (RuleState::Quiet, None),
            RuleState::NoData => (RuleState::Quiet, Some(AlertState::DataRestored)),
        };
        if is_covered {
            return (next, said);
        }
        // Without coverage there is nothing new to say, but that there is nothing to say.
        match self.state {
            RuleState::Warming | RuleState::NoData => (self.state, None),
            RuleState::Quiet | RuleState::Raised => (RuleState::NoData, Some(AlertState::NoData)),
        }
    }

    fn alert(&self, state: AlertState, at: Timestamp) -> Alert {
        let what = self.conditions.what();
        let (sum, span) = (short_usd(self.notional()), short_span(self.window));
        let watched = format!("{:.0}% of {span} watched", self.coverage * 100.0);
        let headline = match state {
            AlertState::Raised => {
                format!("{sum} of {what} closed in {span} ≥ {}", short_usd(self.conditions.threshold_usd))
            }
            AlertState::Cleared => {
                let sum = short_usd_below(self.notional(), self.clear_below);
                format!("{sum} of {what} closed in {span} < {}", short_usd(self.clear_below))
            }
            AlertState::NoData => format!("{watched}: too little to speak of {what}"),
            AlertState::DataRestored => format!("{watched} again: {sum} of {what} closed"),
        };
        Alert {
            rule: self.name.clone(),
            severity: self.conditions.severity,
            state,
            at,
            subject: format!("{what}, {}", self.conditions.venues.as_text("all venues")),
            headline: headline.chars().take(80).collect(),
            evidence: Evidence::Liquidations(LiquidationEvidence {
                window_secs: self.window.as_secs(),
                notional_usd: self.notional(),
                threshold_usd: self.conditions.threshold_usd,
                events: self.entries.len() as u64,
                unknown_notional: self.unknown,
                coverage: self.coverage,
            }),
        }
    }
}

impl Rule for LiquidationRule {
    fn name(&self) -> &str {
        &self.name
    }

    fn observe(&mut self, event: &MarketEvent) {
        let Some(liquidation) = event.observation.liquidation() else { return };
        if !self.wants(&event.feed, liquidation) {
            return;
        }
        // Time never steps back inside the window.
        let at = self.entries.back().map_or(event.receive_time, |last| last.at.max(event.receive_time));
        let micros = liquidation.notional.map(Usd::as_micros);
        match micros {
            Some(micros) => self.micros += micros,
            None => self.unknown += 1,
        }
        self.entries.push_back(Entry { at, micros });
    }

    fn evaluate(&mut self, now: Timestamp, board: &Board) -> Option<Alert> {
        self.expire(now);
        self.coverage = self.measure_coverage(now, board);
        let (next, said) = self.step(now);
        self.state = next;
        let said = said?;
        if said == AlertState::Raised {
            self.last_raised = Some(now);
        }
        Some(self.alert(said, now))
    }

    fn status(&self) -> RuleStatus {
        RuleStatus {
            rule: self.name.clone(),
            severity: self.conditions.severity,
            state: self.state,
            measure: Measure::Notional {
                usd: self.notional(),
                threshold_usd: self.conditions.threshold_usd,
                window: self.window,
                coverage: self.coverage,
            },
        }
    }
}

/// `$12.3M`, `$950k`, `$12`.
fn short_usd(usd: f64) -> String {
    match usd {
        usd if usd >= 999_950_000.0 => format!("${:.2}B", usd / 1e9),
        usd if usd >= 999_950.0 => format!("${:.1}M", usd / 1e6),
        usd if usd >= 999.5 => format!("${:.0}k", usd / 1e3),
        usd => format!("${usd:.0}"),
    }
}

/// The same with as many digits as keep a sum below `limit` from reading as the limit: `$9.98M` beside `$10.0M`.
fn short_usd_below(usd: f64, limit: f64) -> String {
    let text = short_usd(usd);
    if usd >= limit || text != short_usd(limit) {
        return text;
    }
    let (unit, name) = match usd {
        usd if usd >= 999_950_000.0 => (1e9, "B"),
        usd if usd >= 999_950.0 => (1e6, "M"),
        usd if usd >= 999.5 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let told = |value: f64, digits: usize| format!("${:.digits$}{name}", value / unit);
    let digits = (1..=9).find(|digits| told(usd, *digits) != told(limit, *digits));
    digits.map_or(text, |digits| told(usd, digits))
}

/// `5m`, `1h`, `90s`.
fn short_span(span: Duration) -> String {
    match span.as_secs() {
        secs if secs >= 3_600 && secs % 3_600 == 0 => format!("{}h", secs / 3_600),
        secs if secs >= 60 && secs % 60 == 0 => format!("{}m", secs / 60),
        secs => format!("{secs}s"),
    }
}

#[cfg(test)]
mod tests;
