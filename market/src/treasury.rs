//! How many coins companies said they held, and when: a start for what feeds and filings bring.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::entity::entities;
use crate::money::Quantity;
use crate::reference::{self, Reader, ReferenceError};
use crate::time::Date;

/// What a company said it held on a day. A company may have several, of different days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreasuryHolding {
    /// The company's name.
    pub name: String,
    /// Its id among [`crate::entities`], where it is one of them.
    #[serde(default)]
    pub entity: Option<SmolStr>,
    /// Its ticker on the day, as data vendors write it: `MSTR`, `3350.T`.
    pub ticker: SmolStr,
    /// The coin's symbol.
    pub asset: SmolStr,
    /// Coins held.
    pub quantity: Quantity,
    /// The day whose close the count is of.
    #[serde(deserialize_with = "reference::date")]
    pub as_of: Date,
    /// Who said so, and where.
    pub source: String,
}

/// A count over many holders that someone else made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreasuryAggregate {
    /// The name in data.
    pub id: SmolStr,
    /// What was counted, in words with the figures.
    pub statement: String,
    /// The coin's symbol.
    pub asset: SmolStr,
    /// The first day of the period, for counts of changes.
    #[serde(default, deserialize_with = "reference::some_date")]
    pub from: Option<Date>,
    /// The day of the count, or the period's last; `None` where the source's day is not on record.
    #[serde(default, deserialize_with = "reference::some_date")]
    pub as_of: Option<Date>,
    /// Coins.
    #[serde(default)]
    pub quantity: Option<Quantity>,
    /// How many holders.
    #[serde(default)]
    pub holders: Option<u32>,
    /// The least share of all coins that they hold, percent.
    #[serde(default)]
    pub least_supply_percent: Option<f64>,
    /// Who said so, and where.
    pub source: String,
    /// What else to know.
    #[serde(default)]
    pub note: Option<String>,
}

/// The shipped counts.
#[derive(Clone, Debug, PartialEq)]
pub struct TreasurySeed {
    /// By company, oldest first within one.
    pub holdings: Vec<TreasuryHolding>,
    /// Counts over many.
    pub aggregates: Vec<TreasuryAggregate>,
}

/// What is shipped: `data/treasuries.toml`. It ages; show each number with its day.
pub fn treasury_seed() -> &'static TreasurySeed {
    static SEED: LazyLock<TreasurySeed> = LazyLock::new(|| {
        let text = include_str!("../../data/treasuries.toml");
        TreasurySeed::parse(text, "data/treasuries.toml").expect("a test parses the shipped holdings")
    });
    &SEED
}

impl TreasurySeed {
    /// Reads counts.
    ///
    /// # Errors
    /// The text is no list of counts, or a count contradicts itself; the error names entry and key.
    fn parse(text: &str, origin: &str) -> Result<Self, ReferenceError> {
        let reader = Reader { origin };
        let mut table = reader.table(text)?;
        let holdings: Vec<(String, TreasuryHolding)> = reader.take(&mut table, "holding")?;
        let aggregates: Vec<(String, TreasuryAggregate)> = reader.take(&mut table, "aggregate")?;
        reader.finish(&table, "[[holding]] and [[aggregate]]")?;
        for (at, (place, holding)) in holdings.iter().enumerate() {
            let place = format!("{place} ({} {})", holding.ticker, holding.as_of);
            if holding.source.is_empty() || holding.quantity.get() == 0.0 {
                return Err(reader.refuse(&place, "source and quantity must not be empty"));
            }
            if let Some(id) = &holding.entity {
                let named = entities().ticker_of(id, holding.as_of);
                if named != Some(holding.ticker.as_str()) {
                    let problem = format!("entity is {id:?}, whose ticker that day is {named:?}");
                    return Err(reader.refuse(&place, problem));
                }
            }
            let earlier = holdings[..at].iter().map(|(_, earlier)| earlier);
            let mut same =
                earlier.filter(|earlier| (&earlier.name, &earlier.asset) == (&holding.name, &holding.asset));
            if same.any(|earlier| earlier.as_of >= holding.as_of) {
                return Err(reader.refuse(&place, "as_of is not after the count before it"));
            }
        }
        for (place, aggregate) in &aggregates {
            let share = aggregate.least_supply_percent;
            if share.is_some_and(|share| !(share > 0.0 && share <= 100.0)) {
                return Err(reader.refuse(place, "least_supply_percent is no share"));
            }
        }
        Ok(Self {
            holdings: holdings.into_iter().map(|(_, holding)| holding).collect(),
            aggregates: aggregates.into_iter().map(|(_, aggregate)| aggregate).collect(),
        })
    }

    /// The last count of each company that was of `on` or before, most coins first.
    pub fn as_of(&self, asset: &str, on: Date) -> Vec<&TreasuryHolding> {
        let mut latest: Vec<&TreasuryHolding> = Vec::new();
        for holding in self.holdings.iter().filter(|holding| holding.asset == asset && holding.as_of <= on) {
            match latest.iter_mut().find(|known| known.name == holding.name) {
                Some(known) => *known = holding,
                None => latest.push(holding),
            }
        }
        latest.sort_by(|a, b| b.quantity.get().total_cmp(&a.quantity.get()));
        latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().expect("a day")
    }

    #[test]
    fn the_shipped_holdings_agree_with_themselves() {
        let seed = treasury_seed();
        assert!(seed.holdings.len() > 20, "{}", seed.holdings.len());
        for holding in &seed.holdings {
            assert!(entities().by_token(&holding.asset).is_some(), "{}", holding.asset);
            // No company holds a tenth of all bitcoin that will be.
            assert!(holding.asset != "BTC" || holding.quantity.get() < 2.1e6, "{}", holding.name);
        }
        let ids: Vec<&str> = seed.aggregates.iter().map(|aggregate| aggregate.id.as_str()).collect();
        assert_eq!(ids, ["public-companies-2025-q2", "entities-2025"]);
        assert_eq!(seed.aggregates[0].quantity.map(Quantity::get), Some(159_107.0));
        assert_eq!(seed.aggregates[1].holders, Some(297));
    }

    #[test]
    fn a_day_sees_the_last_count_before_it_and_none_after() {
        let first =
            |on: &str| treasury_seed().as_of("BTC", day(on)).first().map(|found| found.quantity.get());
        assert_eq!(first("2020-12-30"), None);
        assert_eq!(first("2025-06-29"), Some(597_325.0));
        assert_eq!(first("2025-09-27"), Some(597_325.0));
        assert_eq!(first("2025-09-28"), Some(640_031.0));
        let names: Vec<&str> =
            treasury_seed().as_of("BTC", day("2025-07-31")).iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names[..2], ["Strategy", "MARA Holdings"]);
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len());
    }

    #[test]
    fn a_count_that_contradicts_itself_is_refused_with_its_place() {
        let holding = |rest: &str| {
            format!(
                "[[holding]]\nname = \"N\"\nticker = \"MSTR\"\nasset = \"BTC\"\nsource = \"s\"\nas_of = 2025-06-29\n{rest}\n"
            )
        };
        let good = holding("quantity = 1");
        for (text, says) in [
            (holding("quantity = -1"), "holding number 1: -1 is not a finite quantity"),
            (holding("quantity = nan"), "NaN is not a finite quantity"),
            (holding("quantity = 0"), "must not be empty"),
            (holding("quantity = 1\nentity = \"keel\""), "whose ticker that day is Some(\"BITF\")"),
            (holding("quantity = 1\nentity = \"nobody\""), "whose ticker that day is None"),
            (holding("quantity = 1\nbtc = 1"), "unknown field `btc`"),
            (format!("{good}{good}"), "holding number 2 (MSTR 2025-06-29): as_of is not after"),
            ("holding = 1".to_owned(), "write [[holding]]"),
        ] {
            let said = TreasurySeed::parse(&text, "own.toml").expect_err(says).to_string();
            assert!(said.starts_with("own.toml: ") && said.contains(says), "{said}");
        }
    }
}
