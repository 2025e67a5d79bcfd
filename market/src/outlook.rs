//! What the forecaster says: the regime that a market is in, and how likely it is to leave it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::time::Timestamp;

/// The feed id of what the forecaster says. No feed goes by it, so that it counts in no feed's health.
pub const FORECASTER: &str = "forecaster";

/// One forecast, or its abstention, as it was made. Never changed afterwards. The event time is the moment
/// it speaks of; every input was known by then.
///
/// The journal stores it by field order: a new field goes last and takes `#[serde(default)]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// What is forecast: one of [`TARGETS`](crate::TARGETS).
    pub target: SmolStr,
    /// Of which asset: `BTC`.
    pub asset: SmolStr,
    /// The regime at that moment, 0 being the calmest.
    pub regime: u8,
    /// When the window that it speaks of ends.
    pub until: Timestamp,
    /// Probability that the next window's regime differs; `None` where it abstained.
    pub shift: Option<Chances>,
    /// Why it abstained.
    pub abstained: Option<SmolStr>,
    /// The same probability by the naive baselines.
    pub baselines: Baselines,
    /// Which regimes the next window may be in, at nine times in ten; empty where it abstained.
    pub regimes: Vec<u8>,
    /// The artefact that made it: its id.
    pub model: SmolStr,
    /// Its place in the ledger.
    pub sequence: u64,
}

/// A probability with its width.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chances {
    /// The probability, 0 to 1.
    pub probability: f64,
    /// Lower end of the Venn–Abers interval.
    pub low: f64,
    /// Upper end of the Venn–Abers interval.
    pub high: f64,
}

/// What naive forecasts say of the same shift, each 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// The share of all windows that shifted.
    pub base: f64,
    /// The share of those windows that shifted which began in the same regime.
    pub markov: f64,
    /// By the regime and the distance to its boundary alone.
    pub margin_only: f64,
}

/// Which regime a market was in, as the filter saw it then.
///
/// The journal stores it by field order: a new field goes last and takes `#[serde(default)]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegimeReading {
    /// What the regimes are of: a forecast's target.
    pub target: SmolStr,
    /// Of which asset: `BTC`.
    pub asset: SmolStr,
    /// The regime, 0 being the calmest.
    pub regime: u8,
    /// Its name: `calm`, `stormy`.
    pub name: SmolStr,
    /// Probability of each regime, given everything known by then; sums to 1.
    pub probabilities: Vec<f64>,
    /// Since when it has been in this regime.
    pub since: Timestamp,
    /// The artefact that read it: its id.
    pub model: SmolStr,
}

/// Everything there is to show of one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// What is forecast: `vol-24h`.
    pub target: SmolStr,
    /// One line on it: `volatility regime of the next 24 h`.
    pub about: SmolStr,
    /// Of which asset: `BTC`.
    pub asset: SmolStr,
    /// The regimes' names, the calmest first.
    pub names: Vec<SmolStr>,
    /// The latest reading.
    pub reading: RegimeReading,
    /// When it was read.
    pub read_at: Timestamp,
    /// Filtered probability of the last regime, oldest first: the ribbon.
    pub ribbon: Arc<[(Timestamp, f64)]>,
    /// The latest forecast.
    pub forecast: Forecast,
    /// When the forecast was made.
    pub made_at: Timestamp,
    /// What moved it: exact contributions to its logit, the largest in size first.
    pub drivers: Vec<Driver>,
    /// Groups of outside features, and whether they have earned their place.
    pub groups: Vec<GroupStanding>,
    /// How it has done so far, out of sample; `None` while nothing is resolved.
    pub score: Option<Scoreboard>,
    /// How the forecasts did that were made and recorded.
    pub live: LiveRecord,
    /// How the model stands.
    pub model: ModelStanding,
    /// How the ledger stands.
    pub ledger: Option<LedgerHead>,
}

/// One feature's part in a forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Driver {
    /// The feature.
    pub name: SmolStr,
    /// Its value, as the model sees it (a robust z where the name says so).
    pub value: f64,
    /// What it adds to the logit of the shift; all parts and the constant sum to the logit.
    pub contribution: f64,
}

/// Whether a group of outside features is used.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupStanding {
    /// The group: `flows`, `miners`, `liquidations`, `ai`, `funding`.
    pub name: SmolStr,
    /// Whether it is admitted.
    pub is_admitted: bool,
    /// Evidence for it: the wealth of a bet on its gain, 1 at the start; admitted at 20.
    pub evidence: f64,
    /// Forecasts on which the evidence rests.
    pub resolved: usize,
}

/// A score against naive baselines, out of sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Scoreboard {
    /// Forecasts scored.
    pub n: usize,
    /// Shifts among them.
    pub shifts: usize,
    /// The first forecast scored.
    pub from: Timestamp,
    /// The last forecast scored.
    pub to: Timestamp,
    /// Mean log loss of the forecast, nats.
    pub log_loss: f64,
    /// Mean log losses of the baselines, nats.
    pub baselines: Baselines,
    /// Skill against the better of base rate and Markov table, as a share.
    pub skill: Interval95,
    /// Skill against margin-only, as a share.
    pub over_margin: Interval95,
    /// Mean squared error of the probability.
    pub brier: f64,
    /// Forecasts by probability.
    pub reliability: Vec<ReliabilityBin>,
    /// How many abstentions there were beside.
    pub abstained: usize,
}

/// How the forecasts of a target did that were made and recorded, by whichever artefact. Of several of one moment
/// the first that gave a probability counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveRecord {
    /// The score of those whose outcome is known; `None` while there are none.
    pub score: Option<LiveScore>,
    /// Forecasts whose window has not ended.
    pub pending: usize,
    /// Forecasts whose window has ended without its regime being known: too little of it was observed, or the
    /// artefact is gone that says where the boundary was.
    pub unknown: usize,
    /// Moments at which it abstained.
    pub abstained: usize,
    /// Since when they lose more than the walk behind them did, if they do. It stands until five windows of forecasts
    /// by an artefact that was trained since have resolved.
    pub drift: Option<Timestamp>,
}

/// The score of recorded forecasts whose outcome is known.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveScore {
    /// Forecasts scored.
    pub n: usize,
    /// Shifts among them.
    pub shifts: usize,
    /// The first forecast scored.
    pub from: Timestamp,
    /// The last forecast scored.
    pub to: Timestamp,
    /// Mean log loss of the forecast, nats.
    pub log_loss: f64,
    /// Mean log losses of the baselines that were recorded with them, nats.
    pub baselines: Baselines,
    /// Skill against the better of base rate and Markov table, as a share.
    pub skill: Interval95,
    /// Skill against margin-only, as a share.
    pub over_margin: Interval95,
}

/// A number with the interval that holds it 95 times in 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval95 {
    /// The number.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How often what was forecast with about one probability happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReliabilityBin {
    /// Mean probability forecast.
    pub forecast: f64,
    /// Share that happened.
    pub happened: f64,
    /// Forecasts in the bin.
    pub count: usize,
}

/// How a model stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelStanding {
    /// The artefact: its id.
    pub id: SmolStr,
    /// The last moment it learnt from.
    pub trained_through: Timestamp,
    /// From when on it is not used any more.
    pub expires_at: Timestamp,
    /// Rows it learnt from.
    pub rows: usize,
    /// When its losses were found to drift, if they were.
    pub drift: Option<Timestamp>,
}

/// How the ledger stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerHead {
    /// Records in it.
    pub count: u64,
    /// The last record's hash, hex.
    pub head: SmolStr,
}

/// A target that has nothing to say, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The target: `burst-24h`.
    pub target: SmolStr,
    /// Why, with the remedy.
    pub reason: String,
}
