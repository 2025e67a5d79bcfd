//! What goes wrong on purpose, and the words for it on a command line or in a configuration file.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::venue::{REMEDY, Venue};

/// What goes wrong on purpose. Nothing by default. As text, and in files, it is what
/// [`Faults::parse`] reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Faults {
    /// Connections are dropped without a word, after this long on average.
    pub drop: Option<Duration>,
    /// Connections fall silent now and then.
    pub silence: Option<Silence>,
    /// Every message arrives this much later.
    pub slow: Option<Duration>,
    /// The share of data frames sent twice.
    pub duplicate: f64,
    /// The share of data frames sent after the one that follows them.
    pub reorder: f64,
    /// The share of data frames, and of answers of venues without a socket, cut short or garbled.
    pub malformed: f64,
    /// The venue that refuses every subscription.
    pub reject: Option<Venue>,
    /// WebSocket upgrades, and polls of venues without a socket, are refused with an HTTP status.
    pub status: Option<Refusal>,
    /// The only venue that the faults concern; every venue unless set.
    pub only: Option<Venue>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            drop: None,
            silence: None,
            slow: None,
            duplicate: 0.0,
            reorder: 0.0,
            malformed: 0.0,
            reject: None,
            status: None,
            only: None,
        }
    }
}

/// Silences: nothing is sent, not even answers to pings, and what was due then is never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Mean time from the end of a silence (or the start) to the next.
    pub every: Duration,
    /// How long one lasts.
    pub lasting: Duration,
}

/// An HTTP status instead of an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 403 (firewall), 418 (banned), 429 (too many requests), 451 (region), or 500 to 504.
    pub code: u16,
    /// The venue that refuses; every venue unless set.
    pub venue: Option<Venue>,
    /// The `Retry-After` header, whole seconds; sent with 418, 429 and 503.
    pub retry_after: Duration,
}

/// Why faults cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// No `key=value`.
    #[error("fault {item:?} has no value; write it as {form}")]
    NoValue {
        /// What was written.
        item: String,
        /// How it is written.
        form: &'static str,
    },
    /// There is no such fault.
    #[error(
        "there is no fault {key:?}; use drop, silence, slow, duplicate, reorder, malformed, reject, status, retry-after or only"
    )]
    Unknown {
        /// What was written.
        key: String,
    },
    /// The same fault twice.
    #[error("fault {key} is given twice; give it once")]
    Twice {
        /// The fault.
        key: String,
    },
    /// A value that cannot be.
    #[error("fault {key} is {value:?}; {remedy}")]
    Value {
        /// The fault.
        key: &'static str,
        /// Its value, as written.
        value: String,
        /// How it is written.
        remedy: &'static str,
    },
}

const DURATION: &str = "use a time such as 200ms, 30s or 5m, from 1ms to 24h";
const SHARE: &str = "use a share from 0 to 1, such as 0.1";
const SILENCE: &str = "use EVERY:FOR, such as 20s:10s";
const STATUS: &str = "use 403, 418, 429, 451 or 500 to 504, and a venue if only one refuses: 429:okx";
const RETRY: &str = "use whole seconds, such as 5s, beside status=429";

/// Every fault: its key, the form of its value, what it does.
const GRAMMAR: [(&str, &str, &str); 10] = [
    ("drop", "drop=30s", "drop connections without a word, after this long on average"),
    ("silence", "silence=20s:10s", "fall silent every 20 s on average, for 10 s, keepalives included"),
    ("slow", "slow=200ms", "deliver every message this much later"),
    ("duplicate", "duplicate=0.1", "send this share of data frames twice"),
    ("reorder", "reorder=0.1", "send this share of data frames after the one that follows"),
    ("malformed", "malformed=0.01", "cut or garble this share of data frames and polls"),
    ("reject", "reject=bybit-linear", "refuse this venue's subscriptions"),
    (
        "status",
        "status=429:okx",
        "answer upgrades and polls with this HTTP status; every venue unless one is named",
    ),
    ("retry-after", "retry-after=5s", "the Retry-After of 418, 429 and 503 (60s unless given)"),
    ("only", "only=okx", "limit every fault to one venue"),
];

impl Faults {
    /// Reads faults such as `drop=30s,slow=200ms,only=okx`; empty text means none.
    ///
    /// # Errors
    /// An unknown fault, one given twice, or a value that cannot be.
    pub fn parse(text: &str) -> Result<Self, FaultsError> {
        let mut faults = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        let mut retry_after = None;
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (key, value) =
                item.split_once('=').map_or((item, None), |(key, value)| (key.trim(), Some(value.trim())));
            let Some((key, form, _)) = GRAMMAR.into_iter().find(|(known, ..)| *known == key) else {
                return Err(FaultsError::Unknown { key: key.into() });
            };
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                return Err(FaultsError::NoValue { item: item.into(), form });
            };
            if seen.contains(&key) {
                return Err(FaultsError::Twice { key: key.into() });
            }
            seen.push(key);
            let wrong = |remedy: &'static str| FaultsError::Value { key, value: value.into(), remedy };
            match key {
                "drop" => faults.drop = Some(time(value).ok_or_else(|| wrong(DURATION))?),
                "silence" => faults.silence = Some(silence(value).ok_or_else(|| wrong(SILENCE))?),
                "slow" => faults.slow = Some(time(value).ok_or_else(|| wrong(DURATION))?),
                "duplicate" => faults.duplicate = share(value).ok_or_else(|| wrong(SHARE))?,
                "reorder" => faults.reorder = share(value).ok_or_else(|| wrong(SHARE))?,
                "malformed" => faults.malformed = share(value).ok_or_else(|| wrong(SHARE))?,
                "reject" => faults.reject = Some(Venue::find(value).ok_or_else(|| wrong(&REMEDY))?),
                "status" => faults.status = Some(refusal(value).ok_or_else(|| wrong(STATUS))?),
                "only" => faults.only = Some(Venue::find(value).ok_or_else(|| wrong(&REMEDY))?),
                _ => {
                    retry_after =
                        Some(time(value).filter(|wait| is_whole(*wait)).ok_or_else(|| wrong(RETRY))?);
                }
            }
        }
        match (&mut faults.status, retry_after) {
            (_, None) => {}
            (Some(refusal), Some(wait)) => refusal.retry_after = wait,
            (None, Some(wait)) => {
                return Err(FaultsError::Value { key: "retry-after", value: written(wait), remedy: RETRY });
            }
        }
        Ok(faults)
    }

    /// The grammar, one fault a line: for `--help`.
    pub fn help() -> String {
        let lines = GRAMMAR.map(|(_, form, about)| format!("  {form:<22} {about}\n"));
        format!("faults, separated by commas:\n{}", lines.concat())
    }

    /// Checks the values; what was read by [`Faults::parse`] has been checked.
    ///
    /// # Errors
    /// A share outside 0 to 1, a time of 0, or a status that is not for refusals.
    pub fn check(&self) -> Result<(), FaultsError> {
        Self::parse(&self.to_string()).map(|_| ())
    }

    /// What concerns `venue`: everything, or nothing where `only` names another.
    pub(crate) fn concerning(&self, venue: Venue) -> Self {
        match self.only {
            Some(only) if only != venue => Self::default(),
            Some(_) | None => self.clone(),
        }
    }

    /// The HTTP refusal that `venue` answers upgrades with.
    pub(crate) fn refusal(&self, venue: Venue) -> Option<Refusal> {
        let refusal = self.concerning(venue).status?;
        refusal.venue.is_none_or(|one| one == venue).then_some(refusal)
    }
}

fn time(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    (0.001..=86_400.0).contains(&seconds).then(|| Duration::from_millis((seconds * 1000.0).round() as u64))
}

fn is_whole(time: Duration) -> bool {
    time.subsec_nanos() == 0
}

fn share(text: &str) -> Option<f64> {
    text.parse().ok().filter(|share: &f64| (0.0..=1.0).contains(share))
}

fn silence(text: &str) -> Option<Silence> {
    let (every, lasting) = text.split_once(':')?;
    Some(Silence { every: time(every)?, lasting: time(lasting)? })
}

fn refusal(text: &str) -> Option<Refusal> {
    let (code, venue) = match text.split_once(':') {
        None => (text, None),
        Some((code, venue)) => (code, Some(Venue::find(venue)?)),
    };
    let code = code.parse().ok().filter(|code| matches!(code, 403 | 418 | 429 | 451 | 500..=504))?;
    Some(Refusal { code, venue, retry_after: Duration::from_mins(1) })
}

/// A time as [`time`] reads it.
fn written(time: Duration) -> String {
    if is_whole(time) { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items: Vec<String> = Vec::new();
        if let Some(every) = self.drop {
            items.push(format!("drop={}", written(every)));
        }
        if let Some(Silence { every, lasting }) = self.silence {
            items.push(format!("silence={}:{}", written(every), written(lasting)));
        }
        if let Some(late) = self.slow {
            items.push(format!("slow={}", written(late)));
        }
        for (key, share) in
            [("duplicate", self.duplicate), ("reorder", self.reorder), ("malformed", self.malformed)]
        {
            if share != 0.0 {
                items.push(format!("{key}={share}"));
            }
        }
        if let Some(venue) = self.reject {
            items.push(format!("reject={venue}"));
        }
        if let Some(Refusal { code, venue, retry_after }) = self.status {
            let venue = venue.map(|venue| format!(":{venue}")).unwrap_or_default();
            items.push(format!("status={code}{venue}"));
            items.push(format!("retry-after={}", written(retry_after)));
        }
        if let Some(venue) = self.only {
            items.push(format!("only={venue}"));
        }
        f.write_str(&items.join(","))
    }
}

impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Self, FaultsError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Faults {
    type Error = FaultsError;

    fn try_from(text: String) -> Result<Self, FaultsError> {
        Self::parse(&text)
    }
}

impl From<Faults> for String {
    fn from(faults: Faults) -> Self {
        faults.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_and_written_alike() {
        let text = "drop=30s,silence=20s:10s,slow=200ms,duplicate=0.1,reorder=0.2,malformed=0.01,\
                    reject=bybit-linear,status=429:okx,retry-after=5s,only=okx";
        let faults = Faults::parse(text).unwrap();
        assert_eq!(faults.drop, Some(Duration::from_secs(30)));
        assert_eq!(
            faults.silence,
            Some(Silence { every: Duration::from_secs(20), lasting: Duration::from_secs(10) })
        );
        assert_eq!(faults.slow, Some(Duration::from_millis(200)));
        assert_eq!((faults.duplicate, faults.reorder, faults.malformed), (0.1, 0.2, 0.01));
        assert_eq!(faults.reject, Venue::find("bybit-linear"));
        let refusal = Refusal { code: 429, venue: Venue::find("okx"), retry_after: Duration::from_secs(5) };
        assert_eq!(faults.status, Some(refusal));
        assert_eq!(faults.to_string(), text);
        let json = serde_json::to_string(&faults).unwrap();
        assert_eq!(serde_json::from_str::<Faults>(&json).unwrap(), faults);
    }

    #[test]
    fn no_text_means_no_faults() {
        assert_eq!(Faults::parse(" ").unwrap(), Faults::default());
        assert_eq!(Faults::default().to_string(), "");
    }

    #[test]
    fn the_examples_in_the_help_are_valid() {
        for (key, form, _) in GRAMMAR {
            let text = if key == "retry-after" { format!("status=429,{form}") } else { form.to_owned() };
            Faults::parse(&text).unwrap();
            assert!(Faults::help().contains(form));
        }
    }

    #[test]
    fn errors_name_the_fault_and_the_remedy() {
        let table = [
            ("drop", "fault \"drop\" has no value; write it as drop=30s"),
            ("dorp=1s", "there is no fault \"dorp\"; use drop, silence"),
            ("slow=1s,slow=2s", "fault slow is given twice; give it once"),
            ("slow=200", "fault slow is \"200\"; use a time such as 200ms"),
            ("slow=0s", "fault slow is \"0s\"; use a time such as 200ms"),
            ("duplicate=2", "fault duplicate is \"2\"; use a share from 0 to 1"),
            ("malformed=NaN", "fault malformed is \"NaN\"; use a share"),
            ("silence=20s", "fault silence is \"20s\"; use EVERY:FOR"),
            ("reject=mtgox", "fault reject is \"mtgox\"; use one of binance-usdm, "),
            ("status=200", "fault status is \"200\"; use 403"),
            ("status=429:mtgox", "fault status is \"429:mtgox\"; use 403"),
            (
                "retry-after=5s",
                "fault retry-after is \"5s\"; use whole seconds, such as 5s, beside status=429",
            ),
        ];
        for (text, sentence) in table {
            let error = Faults::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{text}: {error}");
        }
    }

    #[test]
    fn faults_can_be_limited_to_one_venue() {
        let [binance, bybit, okx] =
            ["binance-usdm", "bybit-linear", "okx"].map(|id| Venue::find(id).unwrap());
        let faults = Faults::parse("slow=1s,status=451,only=okx").unwrap();
        assert_eq!(faults.concerning(okx), faults);
        assert_eq!(faults.concerning(binance), Faults::default());
        assert!(faults.refusal(okx).is_some() && faults.refusal(bybit).is_none());
        let one = Faults::parse("status=403:okx").unwrap();
        assert!(one.refusal(okx).is_some() && one.refusal(binance).is_none());
    }
}
