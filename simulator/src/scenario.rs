//! Scenarios: what the simulated market goes through, phase by phase, as TOML.

use serde::Deserialize;

/// What the market does, phase by phase.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// One line for help.
    pub about: String,
    /// What comes after the last phase.
    pub after: After,
    /// The phases in order; at least one.
    #[serde(rename = "phase", default)]
    pub phases: Vec<Phase>,
}

/// What comes after the last phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum After {
    /// The first phase again, at the prices reached.
    Loop,
    /// Nothing: liquidations cease, connections stay open.
    End,
}

/// One phase: liquidations arrive as a Hawkes process with an exponential kernel, of mean rate
/// `rate_per_min / (1 - branching)` once settled; prices follow one market factor.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its name, for error messages.
    pub name: String,
    /// How long it lasts, seconds of market time.
    pub duration_secs: f64,
    /// Liquidations per minute that no other liquidation caused, on the three large venues
    /// together; those beside them add some two fifths.
    pub rate_per_min: f64,
    /// How many further liquidations each one causes on average: 0 up to, not including, 1.
    pub branching: f64,
    /// Mean time between a liquidation and one it causes, seconds.
    pub decay_secs: f64,
    /// Drift of the market, percent a minute.
    #[serde(default)]
    pub drift_pct_per_min: f64,
    /// Standard deviation of the market's move in one minute, percent.
    pub volatility_pct: f64,
    /// A move at the start of the phase, all at once, percent.
    #[serde(default)]
    pub jump_pct: f64,
}

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is no shipped scenario of that name.
    #[error("there is no scenario {name:?}; use one of {known}, or a file that ends in .toml", known = NAMES.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// Not TOML, or not of the shape of a scenario.
    #[error("read the scenario {origin}: {source}")]
    Syntax {
        /// The file or name it came from.
        origin: String,
        /// What the parser said, with the line.
        #[source]
        source: toml::de::Error,
    },
    /// It has no phase.
    #[error("{origin} has no phase; add at least one [[phase]] table")]
    Empty {
        /// The file or name it came from.
        origin: String,
    },
    /// It loops for ever without a single liquidation.
    #[error(
        "{origin} loops, but no phase has a rate_per_min of 0.01 or more; give one, or set after = \"end\""
    )]
    Still {
        /// The file or name it came from.
        origin: String,
    },
    /// A value that cannot be.
    #[error("{origin}, phase {number} ({phase:?}): {field} is {value}; {remedy}")]
    Value {
        /// The file or name it came from.
        origin: String,
        /// Which phase, counted from 1.
        number: usize,
        /// The phase's name.
        phase: String,
        /// The field.
        field: &'static str,
        /// What it is.
        value: f64,
        /// What it may be.
        remedy: &'static str,
    },
}

const NAMES: [&str; 4] = ["calm", "cascade", "flash-crash", "quiet-weekend"];

const SHIPPED: [&str; 4] = [
    include_str!("../scenarios/calm.toml"),
    include_str!("../scenarios/cascade.toml"),
    include_str!("../scenarios/flash-crash.toml"),
    include_str!("../scenarios/quiet-weekend.toml"),
];

impl Scenario {
    /// The names of the shipped scenarios.
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// A shipped scenario.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn builtin(name: &str) -> Result<Self, ScenarioError> {
        NAMES.iter().zip(SHIPPED).find(|(known, _)| **known == name).map_or_else(
            || Err(ScenarioError::Unknown { name: name.into() }),
            |(_, text)| Self::from_toml(text, name),
        )
    }

    /// Reads a scenario; `origin` is what error messages call it (a path, a name).
    ///
    /// # Errors
    /// Not TOML, an unknown or missing field, no phase, or a value that cannot be.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, ScenarioError> {
        let scenario: Self =
            toml::from_str(text).map_err(|source| ScenarioError::Syntax { origin: origin.into(), source })?;
        scenario.check(origin)?;
        Ok(scenario)
    }

    /// Checks every value; what was read by [`Scenario::from_toml`] has been checked.
    ///
    /// # Errors
    /// No phase, or a value that cannot be.
    pub fn check(&self, origin: &str) -> Result<(), ScenarioError> {
        if self.phases.is_empty() {
            return Err(ScenarioError::Empty { origin: origin.into() });
        }
        for (index, phase) in self.phases.iter().enumerate() {
            if let Some((field, value, remedy)) = phase.fault() {
                return Err(ScenarioError::Value {
                    origin: origin.into(),
                    number: index + 1,
                    phase: phase.name.clone(),
                    field,
                    value,
                    remedy,
                });
            }
        }
        let lively = self.phases.iter().any(|phase| phase.rate_per_min >= 0.01);
        match self.after {
            After::Loop if !lively => Err(ScenarioError::Still { origin: origin.into() }),
            After::Loop | After::End => Ok(()),
        }
    }
}

impl Phase {
    /// The first value that cannot be, with what it may be.
    fn fault(&self) -> Option<(&'static str, f64, &'static str)> {
        let within = |value: f64, least: f64, most: f64| value.is_finite() && value >= least && value <= most;
        let rules = [
            (
                "duration_secs",
                self.duration_secs,
                within(self.duration_secs, 1.0, 604_800.0),
                "use seconds from 1 to 604800 (a week)",
            ),
            (
                "rate_per_min",
                self.rate_per_min,
                within(self.rate_per_min, 0.0, 60_000.0),
                "use liquidations per minute from 0 to 60000",
            ),
            (
                "branching",
                self.branching,
                within(self.branching, 0.0, 0.99),
                "use a share from 0 to 0.99: at 1 and above a cascade never ends",
            ),
            (
                "decay_secs",
                self.decay_secs,
                within(self.decay_secs, 0.01, 3600.0),
                "use seconds from 0.01 to 3600",
            ),
            (
                "drift_pct_per_min",
                self.drift_pct_per_min,
                within(self.drift_pct_per_min, -20.0, 20.0),
                "use percent a minute from -20 to 20",
            ),
            (
                "volatility_pct",
                self.volatility_pct,
                within(self.volatility_pct, 0.0, 10.0),
                "use percent from 0 to 10: the standard deviation of one minute's move",
            ),
            ("jump_pct", self.jump_pct, within(self.jump_pct, -50.0, 50.0), "use percent from -50 to 50"),
        ];
        rules
            .into_iter()
            .find(|(_, _, holds, _)| !holds)
            .map(|(field, value, _, remedy)| (field, value, remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "t"
about = "test"
after = "end"

[[phase]]
name = "only"
duration_secs = 10
rate_per_min = 60
branching = 0.5
decay_secs = 2
volatility_pct = 0.1
"#;

    #[test]
    fn every_shipped_scenario_is_read_under_its_own_name() {
        for name in Scenario::names() {
            let scenario = Scenario::builtin(name).unwrap();
            assert_eq!(&scenario.name, name);
            assert!(!scenario.about.is_empty());
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = Scenario::builtin("crash").unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no scenario \"crash\"; use one of calm, cascade, flash-crash, quiet-weekend, or a file that ends in .toml"
        );
    }

    #[test]
    fn a_value_that_cannot_be_is_named_with_its_phase_and_remedy() {
        let table = [
            ("branching = 0.5", "branching = 1.0", "branching is 1; use a share from 0 to 0.99"),
            ("branching = 0.5", "branching = nan", "branching is NaN; use a share"),
            ("duration_secs = 10", "duration_secs = 0", "duration_secs is 0; use seconds from 1"),
            ("rate_per_min = 60", "rate_per_min = -1", "rate_per_min is -1; use liquidations"),
            ("decay_secs = 2", "decay_secs = 0", "decay_secs is 0; use seconds"),
            ("volatility_pct = 0.1", "volatility_pct = 99", "volatility_pct is 99; use percent from 0 to 10"),
        ];
        for (good, bad, sentence) in table {
            let error = Scenario::from_toml(&GOOD.replace(good, bad), "my.toml").unwrap_err().to_string();
            assert!(error.starts_with("my.toml, phase 1 (\"only\"): "), "{error}");
            assert!(error.contains(sentence), "{error}");
        }
    }

    #[test]
    fn an_unknown_field_is_an_error_and_so_is_no_phase() {
        let error =
            Scenario::from_toml(&GOOD.replace("decay_secs", "decay"), "my.toml").unwrap_err().to_string();
        assert!(error.starts_with("read the scenario my.toml: "), "{error}");
        assert!(error.contains("unknown field `decay`"), "{error}");
        let head = GOOD.split("[[phase]]").next().unwrap();
        let error = Scenario::from_toml(head, "my.toml").unwrap_err().to_string();
        assert_eq!(error, "my.toml has no phase; add at least one [[phase]] table");
        let still = GOOD.replace("\"end\"", "\"loop\"").replace("rate_per_min = 60", "rate_per_min = 0");
        let error = Scenario::from_toml(&still, "my.toml").unwrap_err().to_string();
        assert!(error.starts_with("my.toml loops, but no phase has a rate_per_min"), "{error}");
        let error =
            Scenario::from_toml(&GOOD.replace("\"end\"", "\"stop\""), "my.toml").unwrap_err().to_string();
        assert!(error.contains("unknown variant `stop`, expected `loop` or `end`"), "{error}");
    }
}
