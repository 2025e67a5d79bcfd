//! What a rule has to say, to a person or to a machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::outlook::{Baselines, Chances};
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
    /// There is not enough data for the rule to speak either way: its window is not covered well enough,
    /// or there is no forecast that it could rest on.
    NoData,
    /// There is enough data again, and nothing changed meanwhile: the condition does not hold, or what was
    /// raised before still is.
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
///
/// Written flat: the fields of sums first, as they have always been, then those of a forecast as one;
/// whichever an alert does not rest on are empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Evidence {
    /// A sum over a window.
    Liquidations(LiquidationEvidence),
    /// A forecast and the regime beside it.
    Forecast(ForecastEvidence),
}

impl Evidence {
    /// The sum, where the alert rests on one.
    pub fn liquidations(&self) -> Option<&LiquidationEvidence> {
        if let Self::Liquidations(evidence) = self { Some(evidence) } else { None }
    }

    /// The forecast, where the alert rests on one.
    pub fn forecast(&self) -> Option<&ForecastEvidence> {
        if let Self::Forecast(evidence) = self { Some(evidence) } else { None }
    }
}

/// What a rule on liquidations saw.
#[derive(Clone, Debug, PartialEq)]
pub struct LiquidationEvidence {
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

/// What a rule on regimes saw: of the forecast, what there was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastEvidence {
    /// What is forecast: `vol-24h`.
    pub target: SmolStr,
    /// Of which asset: `BTC`.
    pub asset: SmolStr,
    /// The regime by its name: `stormy`; `None` before the first reading.
    pub regime: Option<SmolStr>,
    /// Since when it has been in that regime.
    pub since: Option<Timestamp>,
    /// Probability of a shift with its width; `None` where there is no forecast or it abstained.
    pub shift: Option<Chances>,
    /// The same by the naive baselines.
    pub baselines: Option<Baselines>,
    /// The artefact that made the forecast: its id.
    pub model: Option<SmolStr>,
    /// When the forecast was made.
    pub made_at: Option<Timestamp>,
    /// The probability that raises the rule.
    pub shift_at_least: Option<f64>,
    /// The regime whose beginning raises the rule.
    pub enters: Option<SmolStr>,
}

/// [`Evidence`] as it is written. New fields go last.
#[derive(Default, Serialize, Deserialize)]
struct Written {
    window_secs: Option<u64>,
    notional_usd: Option<f64>,
    threshold_usd: Option<f64>,
    events: Option<u64>,
    unknown_notional: Option<u64>,
    coverage: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forecast: Option<ForecastEvidence>,
}

impl From<Evidence> for Written {
    fn from(evidence: Evidence) -> Self {
        match evidence {
            Evidence::Liquidations(sum) => Self {
                window_secs: Some(sum.window_secs),
                notional_usd: Some(sum.notional_usd),
                threshold_usd: Some(sum.threshold_usd),
                events: Some(sum.events),
                unknown_notional: Some(sum.unknown_notional),
                coverage: Some(sum.coverage),
                forecast: None,
            },
            Evidence::Forecast(forecast) => Self { forecast: Some(forecast), ..Self::default() },
        }
    }
}

impl TryFrom<Written> for Evidence {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        if let Some(forecast) = written.forecast {
            return Ok(Self::Forecast(forecast));
        }
        let sum = || {
            Some(LiquidationEvidence {
                window_secs: written.window_secs?,
                notional_usd: written.notional_usd?,
                threshold_usd: written.threshold_usd?,
                events: written.events?,
                unknown_notional: written.unknown_notional?,
                coverage: written.coverage?,
            })
        };
        sum().map(Self::Liquidations).ok_or("evidence has neither a whole sum nor a forecast")
    }
}

/// Where a rule stands between alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleState {
    /// There has not been enough data since the start to say anything.
    Warming,
    /// There is enough data, and the condition does not hold.
    Quiet,
    /// The condition holds.
    Raised,
    /// There is not enough data any more.
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
    /// What it goes by, as it stands.
    pub measure: Measure,
}

/// What a rule goes by: where that stands now, and what it takes to raise the rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// A sum over a window.
    Notional {
        /// What is in the window now, US dollars: a floor where a venue is sampled or partial.
        usd: f64,
        /// What it takes, US dollars.
        threshold_usd: f64,
        /// The window.
        window: Duration,
        /// Share of the window that was watched, from 0 to 1.
        coverage: f64,
    },
    /// A forecast, or a regime.
    Regime {
        /// Probability of a shift; `None` where there is none to go by.
        shift: Option<f64>,
        /// What it takes, where the rule goes by that.
        shift_at_least: Option<f64>,
        /// The regime by its name; `None` where there is none to go by.
        regime: Option<SmolStr>,
        /// Which regime raises it, where the rule goes by that.
        enters: Option<SmolStr>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_written_flat_and_read_back() {
        let sum = r#"{"window_secs":300,"notional_usd":1.5,"threshold_usd":1.0,"events":4,"unknown_notional":0,"coverage":0.5}"#;
        let evidence: Evidence = serde_json::from_str(sum).unwrap();
        assert_eq!(evidence.liquidations().map(|sum| sum.events), Some(4));
        assert_eq!(serde_json::to_string(&evidence).unwrap(), sum);

        let forecast = Evidence::Forecast(ForecastEvidence {
            target: "vol-24h".into(),
            asset: "BTC".into(),
            regime: None,
            since: None,
            shift: Some(Chances { probability: 0.5, low: 0.25, high: 0.75 }),
            baselines: None,
            model: None,
            made_at: Some(Timestamp::EPOCH),
            shift_at_least: Some(0.5),
            enters: None,
        });
        let text = serde_json::to_string(&forecast).unwrap();
        assert!(text.starts_with(r#"{"window_secs":null,"#), "{text}");
        assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), forecast);
    }

    #[test]
    fn evidence_of_nothing_is_refused() {
        let none = r#"{"window_secs":300,"notional_usd":null,"threshold_usd":1.0,"events":4,"unknown_notional":0,"coverage":0.5}"#;
        let error = serde_json::from_str::<Evidence>(none).unwrap_err().to_string();
        assert!(error.contains("neither a whole sum nor a forecast"), "{error}");
    }
}
