//! Exchange-traded funds: what flowed in or out of one fund on one day, and when that is settled.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::money::Usd;
use crate::nyse::nyse;
use crate::time::{Date, Timestamp};

/// The fund name of a source that tells only the sum over all funds of an asset.
pub const ALL_FUNDS: &str = "TOTAL";

/// Net creations less redemptions of one fund on one trading day, as one source told it at one time.
/// A revision is a new event; a fund that has not reported yet is `None`, never zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EtfFlow {
    /// The fund's ticker, upper case; [`ALL_FUNDS`] where the source tells only the sum.
    pub fund: SmolStr,
    /// The coin that the fund holds, upper case: `BTC`.
    pub asset: SmolStr,
    /// The New York trading day.
    pub trade_date: Date,
    /// US dollars, negative for outflows; `None` while the fund has not reported.
    pub net_flow: Option<Usd>,
}

/// Whether a day's flow may still change as funds report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowStatus {
    /// Funds are still reporting.
    Provisional,
    /// Every fund has reported and the day is settled. A source may still revise it later.
    Final,
}

impl FlowStatus {
    /// The status of a day as seen at `as_of`: final once it is settled and no fund is `pending`. On a
    /// day on which New York was closed none ever is.
    pub fn of(trade_date: Date, pending: usize, as_of: Timestamp) -> Self {
        let is_complete = pending == 0 || is_closed(trade_date);
        if is_complete && as_of >= settled_at(trade_date) { Self::Final } else { Self::Provisional }
    }

    /// `provisional` or `final`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Final => "final",
        }
    }
}

impl fmt::Display for FlowStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether New York's exchange is known to be closed on that day.
pub(crate) fn is_closed(date: Date) -> bool {
    nyse().is_trading_day(date) == Some(false)
}

/// From the end of a trading day's calendar day, UTC, until its flows are settled.
const SETTLED_AFTER: Duration = Duration::from_hours(14);

/// From when on a trading day's flows count as known, where nobody noted when they were: 14:00 UTC on the next
/// calendar day, after the New York morning. The last of the large funds reports around 05:00 UTC, but of 191 days
/// whose versions were kept (one public table, 2025–2026) the total was final by 06:00 UTC on 83 % and by 14:00 on
/// 93 %: any earlier moment would let a forecast of the past see what nobody could.
pub fn settled_at(trade_date: Date) -> Timestamp {
    trade_date.next().start().plus(SETTLED_AFTER)
}

/// The last calendar day whose flows are settled at `now`.
pub fn settled_through(now: Timestamp) -> Date {
    now.minus(SETTLED_AFTER + Duration::from_hours(24)).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_final_only_when_settled_and_complete() {
        let day = Date::from_ymd(2025, 11, 17).unwrap();
        let before: Timestamp = "2025-11-18T13:59:59Z".parse().unwrap();
        let after: Timestamp = "2025-11-18T14:00:00Z".parse().unwrap();
        assert_eq!(FlowStatus::of(day, 0, before), FlowStatus::Provisional);
        assert_eq!(FlowStatus::of(day, 0, after), FlowStatus::Final);
        assert_eq!(FlowStatus::of(day, 1, after), FlowStatus::Provisional);
        assert_eq!(settled_through(before), Date::from_ymd(2025, 11, 16).unwrap());
        assert_eq!((settled_through(after), settled_at(day)), (day, after));
        // When fund flows are forecast from, the session before is known, and on no earlier hour.
        assert_eq!(crate::Grid::Sessions.last_decision(after), Some(after));
        let christmas = Date::from_ymd(2025, 12, 25).unwrap();
        assert_eq!(FlowStatus::of(christmas, 12, "2025-12-27T00:00:00Z".parse().unwrap()), FlowStatus::Final);
    }
}
