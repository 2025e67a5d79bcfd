//! What a rule has to say, to a person or to a machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How loudly a rule speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth looking at.
    Warning,
    /// Worth leaving the meeting for.
    Critical,
}

impl Severity {
    /// `info`, `warning` or `critical`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Which way the rule's state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// The condition began to hold.
    Raised,
    /// The condition ended.
    Cleared,
    /// The window is not covered well enough for the rule to speak either way.
    NoData,
    /// The window is covered again and the condition does not hold.
    DataRestored,
}

impl AlertState {
    /// The state as tables carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
            Self::NoData => "no_data",
            Self::DataRestored => "data_restored",
        }
    }
}

/// One change of one rule's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The rule's name in `config.toml`.
    pub rule: String,
    /// How loudly.
    pub severity: Severity,
    /// Which way.
    pub state: AlertState,
    /// When the state changed.
    pub at: Timestamp,
    /// What it is about: `long BTC, all venues`.
    pub subject: String,
    /// One line of at most 80 columns, numbers first.
    pub headline: String,
    /// What the rule saw.
    pub evidence: Evidence,
}

/// The numbers behind an alert, so that it can be checked against an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The rule's window, seconds.
    pub window_secs: u64,
    /// Liquidated notional in the window, US dollars: a floor where a venue is sampled or partial.
    pub notional_usd: f64,
    /// The rule's threshold, US dollars.
    pub threshold_usd: f64,
    /// Liquidations counted in the window.
    pub events: u64,
    /// Liquidations in the window whose notional is unknown, and so not in the sum.
    pub unknown_notional: u64,
    /// Share of the window that was watched, from 0 to 1: the least over the rule's feeds.
    pub coverage: f64,
}

/// Where a rule stands between alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleState {
    /// Not enough of the window has been watched since the start to say anything.
    Warming,
    /// Covered, and the condition does not hold.
    Quiet,
    /// The condition holds.
    Raised,
    /// Coverage was lost.
    NoData,
}

impl RuleState {
    /// One or two words for a table cell.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warming => "warming",
            Self::Quiet => "quiet",
            Self::Raised => "raised",
            Self::NoData => "no data",
        }
    }
}

/// One rule as the desk sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleStatus {
    /// The rule's name in `config.toml`.
    pub rule: String,
    /// How loudly it would speak.
    pub severity: Severity,
    /// Where it stands.
    pub state: RuleState,
    /// What is in its window now, US dollars: a floor where a venue is sampled or partial.
    pub notional_usd: f64,
    /// What it takes to raise it, US dollars.
    pub threshold_usd: f64,
    /// Its window.
    pub window: Duration,
    /// Share of the window that was watched, from 0 to 1.
    pub coverage: f64,
}
