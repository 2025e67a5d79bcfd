//! What happened, or will, outside the feeds: deals, halvings, laws, rate decisions, with figures and sources.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::entity::entities;
use crate::nyse::NyseCalendar;
use crate::reference::{self, Reader, ReferenceError};
use crate::time::{Date, Timestamp};

/// What kind of occasion it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OccasionKind {
    /// A contract for computing or for the room and power it needs: its figures are those of the contract.
    Deal,
    /// A coin's block subsidy halves.
    Halving,
    /// A law or rule is passed, takes effect or ends.
    Regulation,
    /// A central bank decides.
    Monetary,
    /// Exchange-traded funds: launches and days of record.
    Etf,
    /// Forced selling on many venues at once.
    Liquidation,
    /// A company lists, is renamed, bought, financed, or changes its business.
    Corporate,
    /// A company tells its quarter.
    Earnings,
    /// A chain or token changes its rules or its name, or fails.
    Protocol,
}

impl OccasionKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Deal,
        Self::Halving,
        Self::Regulation,
        Self::Monetary,
        Self::Etf,
        Self::Liquidation,
        Self::Corporate,
        Self::Earnings,
        Self::Protocol,
    ];

    /// The word in tables and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deal => "deal",
            Self::Halving => "halving",
            Self::Regulation => "regulation",
            Self::Monetary => "monetary",
            Self::Etf => "etf",
            Self::Liquidation => "liquidation",
            Self::Corporate => "corporate",
            Self::Earnings => "earnings",
            Self::Protocol => "protocol",
        }
    }
}

/// When an occasion is: a day, in the place where it happened, or a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OccasionTime {
    /// The hour is not on record.
    Day(Date),
    /// To the second or minute, UTC.
    Moment(Timestamp),
}

impl OccasionTime {
    /// The day; of a moment the UTC day.
    pub fn date(self) -> Date {
        match self {
            Self::Day(date) => date,
            Self::Moment(moment) => moment.date(),
        }
    }

    /// The moment, or the day's first, UTC.
    pub fn start(self) -> Timestamp {
        match self {
            Self::Day(date) => date.start(),
            Self::Moment(moment) => moment,
        }
    }
}

impl fmt::Display for OccasionTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => date.fmt(f),
            Self::Moment(moment) => moment.fmt(f),
        }
    }
}

impl Serialize for OccasionTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OccasionTime {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match reference::day_or_moment(from)? {
            Ok(day) => Self::Day(day),
            Err(moment) => Self::Moment(moment),
        })
    }
}

/// What is sold in a deal. Dollars per megawatt compare only within one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Room, power and cooling for the customer's own machines.
    Colocation,
    /// Computing, the machines included.
    Cloud,
}

/// Which megawatts are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerMeasure {
    /// What the machines draw.
    CriticalIt,
    /// What the site draws from the grid, cooling and losses included.
    Gross,
}

/// The numbers of an occasion. What is not on record is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Figures {
    /// US dollars. Of a deal: revenue contracted over the first term, without options to extend. Of funds:
    /// net flow of the day, below zero when out. Of earnings: the quarter's revenue. Else what the title says.
    pub usd: Option<f64>,
    /// The first term, years.
    pub years: Option<f64>,
    /// Power contracted for, megawatts.
    pub megawatts: Option<f64>,
    /// Which megawatts these are.
    pub power: Option<PowerMeasure>,
    /// The other party of a deal.
    pub counterparty: Option<String>,
    /// What is sold.
    pub service: Option<Service>,
    /// Who stands in if the other party does not pay.
    pub guarantor: Option<String>,
    /// Up to how much the guarantor pays, US dollars.
    pub backstop_usd: Option<f64>,
    /// The share of the seller's equity that guarantor or other party got or may buy, percent.
    pub stake_percent: Option<f64>,
    /// The share of the contract paid in advance, percent.
    pub prepaid_percent: Option<f64>,
    /// A share or change that the title names, percent.
    pub percent: Option<f64>,
    /// Bitcoin.
    pub btc: Option<f64>,
    /// The block's height.
    pub block: Option<u64>,
    /// New coins a block from then on; for TAO, a day.
    pub subsidy: Option<f64>,
    /// The change of the policy rate, basis points; 0 when it was held.
    pub change_bp: Option<f64>,
    /// The policy rate from then on: the range's lower end, percent.
    pub rate_low_percent: Option<f64>,
    /// The policy rate from then on: the range's upper end, percent.
    pub rate_high_percent: Option<f64>,
}

/// Something that happened, or is due, that no feed tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occasion {
    /// The name in data and on the command line: `iren-microsoft-2025`.
    pub id: SmolStr,
    /// When it was told or took effect.
    pub at: OccasionTime,
    /// One line.
    pub title: String,
    /// What kind of occasion it is.
    pub kind: OccasionKind,
    /// Whom it concerns, as ids of [`crate::entities`].
    #[serde(default)]
    pub entities: Vec<SmolStr>,
    /// Its numbers.
    #[serde(default)]
    pub figures: Figures,
    /// Who said so; at least one.
    pub sources: Vec<String>,
    /// What else to know.
    #[serde(default)]
    pub note: Option<String>,
    /// It stood in a calendar when this was written, and how it turned out is not on record here.
    #[serde(default)]
    pub is_scheduled: bool,
    /// The time is reckoned, not appointed.
    #[serde(default)]
    pub is_estimate: bool,
    /// A day without an hour, told after New York's close of that day: shares could first answer on the next.
    #[serde(default)]
    pub is_after_close: bool,
}

impl Occasion {
    /// A deal's contracted revenue by megawatt and year, US dollars: `usd / (megawatts × years)`. `None` for
    /// other kinds, and where one of the three is not on record. Compare only deals of one [`Service`] and
    /// one [`PowerMeasure`].
    pub fn usd_per_megawatt_year(&self) -> Option<f64> {
        let Figures { usd, years, megawatts, .. } = self.figures;
        (self.kind == OccasionKind::Deal).then(|| Some(usd? / (megawatts? * years?)))?
    }

    /// The first trading day whose close could answer: the day itself when it was told before its close.
    /// `None` outside the calendar's years.
    pub fn first_session(&self, calendar: &NyseCalendar) -> Option<Date> {
        let day = match self.at {
            OccasionTime::Day(day) => day,
            OccasionTime::Moment(moment) => calendar.trade_date(moment)?,
        };
        let is_too_late = match self.at {
            OccasionTime::Day(_) => self.is_after_close,
            OccasionTime::Moment(moment) => calendar.close(day).is_some_and(|close| close <= moment),
        };
        if calendar.is_trading_day(day)? && !is_too_late {
            return Some(day);
        }
        calendar.next_trading_day(day)
    }
}

/// The shipped occasions, `data/events.toml`, oldest first.
pub fn occasions() -> &'static [Occasion] {
    static OCCASIONS: LazyLock<Vec<Occasion>> = LazyLock::new(|| {
        let text = include_str!("../../data/events.toml");
        parse_occasions(text, "data/events.toml").expect("a test parses the shipped occasions")
    });
    &OCCASIONS
}

/// Reads occasions, `[[occasion]]` entries in TOML, and orders them by time, then id. `origin` is what errors
/// call the text: its file.
///
/// # Errors
/// The text is not such a list, or an entry contradicts itself or names an entity that is not known; the
/// error names file, entry and key.
pub fn parse_occasions(text: &str, origin: &str) -> Result<Vec<Occasion>, ReferenceError> {
    let reader = Reader { origin };
    let mut table = reader.table(text)?;
    let entries: Vec<(String, Occasion)> = reader.take(&mut table, "occasion")?;
    reader.finish(&table, "[[occasion]]")?;
    let mut seen = BTreeSet::new();
    for (place, occasion) in &entries {
        check(occasion).map_err(|problem| reader.refuse(place, problem))?;
        if !seen.insert(occasion.id.clone()) {
            return Err(reader.refuse(place, "id stands there twice"));
        }
    }
    let mut occasions: Vec<Occasion> = entries.into_iter().map(|(_, occasion)| occasion).collect();
    occasions.sort_by(|a, b| a.at.start().cmp(&b.at.start()).then_with(|| a.id.cmp(&b.id)));
    Ok(occasions)
}

/// What in an entry contradicts itself.
fn check(occasion: &Occasion) -> Result<(), String> {
    let Occasion { id, title, kind, sources, figures, .. } = occasion;
    if id.is_empty() || id.bytes().any(|c| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != b'-') {
        return Err(format!("id is {id:?}; use lower-case letters, digits and -"));
    }
    if title.is_empty() || title.contains('\n') {
        return Err("title must be one line".to_owned());
    }
    if sources.is_empty() || sources.iter().any(String::is_empty) {
        return Err("sources must name at least one".to_owned());
    }
    if let Some(stranger) = occasion.entities.iter().find(|id| entities().get(id).is_none()) {
        return Err(format!("entities has {stranger:?}, which is not known; use an id such as \"keel\""));
    }
    if occasion.is_after_close && matches!(occasion.at, OccasionTime::Moment(_)) {
        return Err("is_after_close is for days; at has an hour, which says it already".to_owned());
    }
    let signed = [("usd", figures.usd), ("percent", figures.percent), ("change_bp", figures.change_bp)];
    for (key, value) in signed {
        if value.is_some_and(|value| !value.is_finite()) {
            return Err(format!("figures.{key} is not a finite number"));
        }
    }
    let positive = [
        ("years", figures.years),
        ("megawatts", figures.megawatts),
        ("backstop_usd", figures.backstop_usd),
        ("stake_percent", figures.stake_percent),
        ("prepaid_percent", figures.prepaid_percent),
        ("btc", figures.btc),
        ("subsidy", figures.subsidy),
    ];
    for (key, value) in positive {
        if let Some(value) = value.filter(|value| !value.is_finite() || *value <= 0.0) {
            return Err(format!("figures.{key} is {value}; use a number above 0, or leave it out"));
        }
    }
    let rates = (figures.rate_low_percent, figures.rate_high_percent);
    if !matches!(rates, (None, None)) && !matches!(rates, (Some(low), Some(high)) if low <= high) {
        return Err("figures.rate_low_percent and rate_high_percent must both be given, in order".to_owned());
    }
    if *kind == OccasionKind::Deal {
        if figures.counterparty.is_none() {
            return Err("figures.counterparty is missing; a deal has another party".to_owned());
        }
        if figures.usd.is_some_and(|usd| usd <= 0.0) {
            return Err("figures.usd is not above 0; a deal's is its contracted revenue".to_owned());
        }
        if figures.megawatts.is_some() != figures.power.is_some() {
            return Err("figures.megawatts and figures.power belong together".to_owned());
        }
    }
    if occasion.is_scheduled && (figures.change_bp.is_some() || figures.rate_low_percent.is_some()) {
        return Err("is_scheduled is set, yet figures tell the outcome".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
