//! One forecast as it is written down: its fields, its canonical line, its hash.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use market::Timestamp;
use serde::{Deserialize, Serialize};

use super::words::{Digest, Exact, figure, moment, unhex};

/// The form of a record. Another form is another number.
pub const SCHEMA: u32 = 1;

/// Longest line that is written or read, bytes.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;

/// What a record's line ends with: `,"hash":"`, 64 digits, `"}`.
const SEAL_OPENS: &[u8] = b",\"hash\":\"";
const SEAL_CLOSES: &[u8] = b"\"}";
const SEAL: usize = SEAL_OPENS.len() + 64 + SEAL_CLOSES.len();

/// One forecast, or abstention, with what it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// When it was made.
    #[serde(with = "moment")]
    pub decided_at: Timestamp,
    /// The cut: nothing that became known after this moment went in. Not after `decided_at`.
    #[serde(with = "moment")]
    pub known_at: Timestamp,
    /// What is forecast: `vol-24h`, `vol-5d`, `burst-24h`, `flows-5s`.
    pub target: String,
    /// Of which asset: `BTC`.
    pub asset: String,
    /// How far ahead, in words: `24h`, `5 sessions`.
    pub horizon: String,
    /// When the window that it speaks of ends.
    #[serde(with = "moment")]
    pub until: Timestamp,
    /// Everything that the artefact was given, by name, in the artefact's order; what is missing is NaN.
    pub inputs: Vec<(String, Exact)>,
    /// BLAKE3 of the configuration that was in force.
    pub config: Digest,
    /// The artefact.
    pub model: ModelRef,
    /// BLAKE3 of what computed: the code's version.
    pub code: Digest,
    /// What was said.
    pub answer: Answer,
}

/// Which artefact, and its very bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRef {
    /// The artefact's id.
    pub id: String,
    /// BLAKE3 of the artefact's file.
    pub hash: Digest,
}

/// What was said, to the bit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The regime at that moment, 0 being the calmest; `None` where it is not known.
    pub regime: Option<u8>,
    /// Probability that the next window's regime differs; `None` where it abstained.
    #[serde(with = "figure")]
    pub probability: Option<Exact>,
    /// Lower end of the probability's interval.
    #[serde(with = "figure")]
    pub low: Option<Exact>,
    /// Upper end of the probability's interval.
    #[serde(with = "figure")]
    pub high: Option<Exact>,
    /// Which regimes the next window may be in; empty where it abstained.
    pub regimes: Vec<u8>,
    /// The same probability by the share of all windows that shifted.
    #[serde(with = "figure")]
    pub base: Option<Exact>,
    /// The same by the share of those windows that shifted which began in the same regime.
    #[serde(with = "figure")]
    pub markov: Option<Exact>,
    /// The same by the regime and the distance to its boundary alone.
    #[serde(with = "figure")]
    pub margin_only: Option<Exact>,
    /// Why it abstained; there is a reason exactly where there is no probability.
    pub abstained: Option<String>,
}

impl Answer {
    /// What a forecast says.
    pub fn of(forecast: &market::Forecast) -> Self {
        let shift = forecast.shift;
        Self {
            regime: Some(forecast.regime),
            probability: shift.map(|chances| chances.probability.into()),
            low: shift.map(|chances| chances.low.into()),
            high: shift.map(|chances| chances.high.into()),
            regimes: forecast.regimes.clone(),
            base: Some(forecast.baselines.base.into()),
            markov: Some(forecast.baselines.markov.into()),
            margin_only: Some(forecast.baselines.margin_only.into()),
            abstained: forecast.abstained.as_ref().map(ToString::to_string),
        }
    }

    /// Its numbers by name, in the order of the record.
    pub fn figures(&self) -> [(&'static str, Option<Exact>); 6] {
        [
            ("probability", self.probability),
            ("low", self.low),
            ("high", self.high),
            ("base", self.base),
            ("markov", self.markov),
            ("margin_only", self.margin_only),
        ]
    }

    /// BLAKE3 of its canonical JSON: equal for equal bits alone.
    pub fn digest(&self) -> Digest {
        Digest::of(json(self).as_bytes())
    }
}

/// Why a forecast may not be written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the forecast of {target} for {asset} cannot be written down: {problem}")]
pub struct BodyError {
    /// What it forecasts.
    pub target: String,
    /// Of which asset.
    pub asset: String,
    /// What is wrong, with the field and its value.
    pub problem: String,
}

impl Body {
    /// Refuses what would be false or unreadable for ever.
    pub(super) fn check(&self) -> Result<(), BodyError> {
        self.problem().map_or(Ok(()), |problem| {
            Err(BodyError { target: self.target.clone(), asset: self.asset.clone(), problem })
        })
    }

    fn problem(&self) -> Option<String> {
        let Self { decided_at, known_at, until, answer, .. } = self;
        if known_at > decided_at {
            return Some(format!("known_at {known_at} is after decided_at {decided_at}"));
        }
        if until <= decided_at {
            return Some(format!("until {until} is not after decided_at {decided_at}"));
        }
        for (field, text) in [
            ("target", &self.target),
            ("asset", &self.asset),
            ("horizon", &self.horizon),
            ("model.id", &self.model.id),
        ] {
            if text.is_empty() || text.chars().any(char::is_control) {
                return Some(format!("{field} is {text:?}; it needs a name on one line"));
            }
        }
        let mut names = BTreeSet::new();
        for (name, _) in &self.inputs {
            if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Some(format!("an input is called {name:?}; a name is one word"));
            }
            if !names.insert(name) {
                return Some(format!("two inputs are called {name:?}"));
            }
        }
        for (field, figure) in answer.figures() {
            if let Some(value) = figure.map(Exact::value)
                && !(0.0..=1.0).contains(&value)
            {
                return Some(format!("{field} is {value}; a probability is between 0 and 1"));
            }
        }
        if let (Some(low), Some(high)) = (answer.low, answer.high)
            && low.value() > high.value()
        {
            return Some(format!("low {} is above high {}", low.value(), high.value()));
        }
        match (&answer.probability, &answer.abstained) {
            (Some(_), Some(reason)) => Some(format!("it has a probability and abstains ({reason})")),
            (None, None) => Some("it has neither a probability nor a reason to abstain".to_owned()),
            (None, Some(reason)) if reason.is_empty() => Some("it abstains without a reason".to_owned()),
            (Some(_), None) | (None, Some(_)) => None,
        }
    }
}

/// BLAKE3 of the inputs, one line each: name, space, bits in hex, newline.
pub fn input_root(inputs: &[(String, Exact)]) -> Digest {
    let mut lines = String::new();
    for (name, bits) in inputs {
        let _ = writeln!(lines, "{name} {bits}");
    }
    Digest::of(lines.as_bytes())
}

/// A record of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The form of the record.
    pub schema: u32,
    /// Its place, from 0: its line's number less one, its leaf's index in the Merkle tree.
    pub sequence: u64,
    /// [`input_root`] of the inputs.
    pub input_root: Digest,
    /// The forecast.
    pub body: Body,
    /// The hash of the record before it; zeros for the first.
    pub previous: Digest,
    /// BLAKE3 of the line up to the comma before `"hash"`.
    pub hash: Digest,
}

impl Entry {
    /// Makes the record that follows `previous`.
    pub(super) fn seal(sequence: u64, body: Body, previous: Digest) -> Self {
        let input_root = input_root(&body.inputs);
        let open = Self { schema: SCHEMA, sequence, input_root, body, previous, hash: Digest::ZERO };
        let hash = Digest::of(open.unsealed().as_bytes());
        Self { hash, ..open }
    }

    /// What the line of record `sequence` begins with.
    pub(super) fn beginning(sequence: u64) -> String {
        format!("{{\"schema\":{SCHEMA},\"sequence\":{sequence},\"input_root\":\"")
    }

    /// Its line without the newline: fields in the order of the struct, no spaces.
    pub fn line(&self) -> String {
        let mut line = self.unsealed();
        let _ = write!(line, ",\"hash\":\"{}\"}}", self.hash);
        line
    }

    fn unsealed(&self) -> String {
        #[derive(Serialize)]
        struct Unsealed<'a> {
            schema: u32,
            sequence: u64,
            input_root: Digest,
            body: &'a Body,
            previous: Digest,
        }
        let Self { schema, sequence, input_root, body, previous, hash: _ } = self;
        let mut text = json(&Unsealed {
            schema: *schema,
            sequence: *sequence,
            input_root: *input_root,
            body,
            previous: *previous,
        });
        text.pop();
        text
    }

    /// Reads a line without its newline, and checks everything that it says of itself.
    ///
    /// # Errors
    /// The line is not what was written.
    pub fn parse(line: &[u8]) -> Result<Self, Fault> {
        let (before, stated) = sealed(line).ok_or(Fault::Unsealed)?;
        let computed = Digest::of(before);
        if computed != stated {
            return Err(Fault::Altered { stated, computed });
        }
        let entry: Self = serde_json::from_slice(line).map_err(|error| Fault::unreadable(line, &error))?;
        if entry.schema != SCHEMA {
            return Err(Fault::Unreadable(schema_words(entry.schema)));
        }
        let canonical = entry.line();
        if canonical.as_bytes() != line {
            let at = canonical.bytes().zip(line).take_while(|(ours, theirs)| ours == *theirs).count();
            return Err(Fault::Respelled { at });
        }
        let inputs = input_root(&entry.body.inputs);
        if inputs != entry.input_root {
            return Err(Fault::Inputs { stated: entry.input_root, computed: inputs });
        }
        entry.body.check().map_err(|error| Fault::Unreadable(error.problem))?;
        Ok(entry)
    }
}

fn sealed(line: &[u8]) -> Option<(&[u8], Digest)> {
    let (before, seal) = line.split_at_checked(line.len().checked_sub(SEAL)?)?;
    let digits = seal.strip_prefix(SEAL_OPENS)?.strip_suffix(SEAL_CLOSES)?;
    let hash = unhex(std::str::from_utf8(digits).ok()?)?;
    Some((before, Digest::from_bytes(hash)))
}

/// Types of this module are all plain data with string keys: nothing in them can fail to become JSON.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn schema_words(found: u32) -> String {
    format!("it has schema {found}, this program knows {SCHEMA}; use a newer program")
}

/// What is wrong with a line by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It does not end as a record does.
    #[error("its line does not end in a hash: it was altered or cut")]
    Unsealed,
    /// Its bytes have another hash than it says.
    #[error("its bytes hash to {computed}, it says {stated}: it was altered")]
    Altered {
        /// The hash that it ends with.
        stated: Digest,
        /// The hash of what stands before.
        computed: Digest,
    },
    /// Its hash is right, and yet it is no record.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It says the same in other bytes than this program would.
    #[error("it is not spelled as a record is, from byte {at} on: somebody else wrote it")]
    Respelled {
        /// The first byte that differs.
        at: usize,
    },
    /// Its inputs are not those that its root is of.
    #[error("its inputs hash to {computed}, it says {stated}")]
    Inputs {
        /// The root that it states.
        stated: Digest,
        /// The root of its inputs.
        computed: Digest,
    },
}

impl Fault {
    fn unreadable(line: &[u8], error: &serde_json::Error) -> Self {
        #[derive(Deserialize)]
        struct Form {
            schema: u32,
        }
        // A newer form fails on a field; the reader is better told of the form.
        match serde_json::from_slice::<Form>(line) {
            Ok(Form { schema }) if schema > SCHEMA => Self::Unreadable(schema_words(schema)),
            Ok(_) | Err(_) => Self::Unreadable(error.to_string()),
        }
    }
}
