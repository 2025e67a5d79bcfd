//! Turns a venue's symbols into instruments, once per symbol.

use std::collections::HashMap;

use market::{Date, Instrument, Price, Quantity, Usd};
use smol_str::SmolStr;

use super::wire::wrong;
use crate::config::Instruments;
use crate::protocol::DecodeError;

/// No venue lists so many; more would mean that the symbols are invented.
const MOST_REMEMBERED: usize = 16_384;
/// No venue's symbol is so long, bytes.
const LONGEST: usize = 64;

/// What amounts in this currency are worth one to one in US dollars: the dollar and its stablecoins.
const DOLLARS: [&str; 13] =
    ["USDT", "USDC", "USD", "FDUSD", "BUSD", "USD1", "TUSD", "USDP", "USDE", "RLUSD", "USDG", "PYUSD", "DAI"];

/// Whether one unit of `currency` counts as one US dollar.
pub(crate) fn is_dollar(currency: &str) -> bool {
    DOLLARS.contains(&currency)
}

/// A symbol understood.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// As the venue writes it.
    pub(super) symbol: SmolStr,
    /// Under our name.
    pub(super) instrument: Instrument,
    /// Whether the user wants its events.
    pub(super) is_wanted: bool,
    /// Whether the quote currency counts as dollars.
    pub(super) is_in_dollars: bool,
}

impl Listed {
    /// What `quantity` at `price` is worth, where the quote currency allows to say so.
    pub(super) fn notional(&self, quantity: Quantity, price: Price) -> Result<Option<Usd>, DecodeError> {
        if !self.is_in_dollars {
            return Ok(None);
        }
        dollars(quantity.get() * price.get()).map(Some)
    }
}

/// How much a liquidation or an open interest is; what cannot be told without guessing is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Size {
    /// Base units.
    pub(super) quantity: Option<Quantity>,
    /// US dollars.
    pub(super) notional: Option<Usd>,
}

impl Size {
    /// `amount` base units at `price`, as linear contracts count.
    pub(super) fn of_base(
        field: &'static str,
        amount: f64,
        price: Price,
        listed: &Listed,
    ) -> Result<Self, DecodeError> {
        let quantity = base_units(field, amount)?;
        Ok(Self { quantity: Some(quantity), notional: listed.notional(quantity, price)? })
    }

    /// `amount` in the quote currency at `price`, as inverse contracts count: the price does not
    /// change what they are worth.
    pub(super) fn of_quote(
        field: &'static str,
        amount: f64,
        price: Price,
        listed: &Listed,
    ) -> Result<Self, DecodeError> {
        let quantity = base_units(field, amount / price.get())?;
        let notional = if listed.is_in_dollars { Some(dollars(amount)?) } else { None };
        Ok(Self { quantity: Some(quantity), notional })
    }
}

fn base_units(field: &'static str, amount: f64) -> Result<Quantity, DecodeError> {
    Quantity::new(amount).map_err(|_| wrong(field, &amount.to_string(), "not a size at this price"))
}

/// `amount` as dollars, refused where it is beyond what can be.
pub(super) fn dollars(amount: f64) -> Result<Usd, DecodeError> {
    Usd::new(amount).map_err(|_| wrong("notional", &amount.to_string(), "more dollars than any market holds"))
}

/// Every symbol met so far.
#[derive(Debug)]
pub(super) struct Symbols {
    wanted: Instruments,
    listed: Vec<Listed>,
    places: HashMap<SmolStr, usize>,
}

impl Symbols {
    /// None met yet; those on `wanted` assets will be marked so.
    pub(super) fn new(wanted: Instruments) -> Self {
        Self { wanted, listed: Vec::new(), places: HashMap::new() }
    }

    /// Whether instruments on this asset are wanted.
    pub(super) fn wants(&self, instrument: &Instrument) -> bool {
        self.wanted.wants(instrument.asset())
    }

    /// Forgets what symbols meant: the roster that explained them was replaced.
    pub(super) fn clear(&mut self) {
        self.listed.clear();
        self.places.clear();
    }

    /// What `symbol`, the value of `field`, means; `parse` is asked the first time.
    pub(super) fn look_up(
        &mut self,
        field: &'static str,
        symbol: &str,
        parse: impl FnOnce(&str) -> Option<Instrument>,
    ) -> Result<&Listed, DecodeError> {
        let index = match self.places.get(symbol) {
            Some(index) => *index,
            None => self.remember(field, symbol, parse)?,
        };
        Ok(&self.listed[index])
    }

    fn remember(
        &mut self,
        field: &'static str,
        symbol: &str,
        parse: impl FnOnce(&str) -> Option<Instrument>,
    ) -> Result<usize, DecodeError> {
        let instrument = Some(symbol)
            .filter(|symbol| is_plain(symbol))
            .and_then(parse)
            .ok_or_else(|| wrong(field, symbol, "not a symbol whose instrument is known"))?;
        if self.listed.len() >= MOST_REMEMBERED {
            self.clear();
        }
        let index = self.listed.len();
        self.places.insert(SmolStr::new(symbol), index);
        self.listed.push(Listed {
            symbol: SmolStr::new(symbol),
            is_wanted: self.wants(&instrument),
            is_in_dollars: is_dollar(&instrument.quote),
            instrument,
        });
        Ok(index)
    }
}

/// Symbols reach terminals and tables: letters of any script (venues do list symbols in Chinese),
/// digits, and what joins them; no spaces, no control characters, no novels.
pub(crate) fn is_plain(symbol: &str) -> bool {
    !symbol.is_empty()
        && symbol.len() <= LONGEST
        && symbol.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':'))
}

/// `YYMMDD`, as Binance and OKX write expiries.
pub(super) fn parse_yymmdd(text: &str) -> Option<Date> {
    if text.len() != 6 || !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let year: i16 = text[..2].parse().ok()?;
    Date::from_ymd(2000 + year, text[2..4].parse().ok()?, text[4..].parse().ok()?)
}

/// `27MAR26`, also `5SEP25`, as Bybit and Deribit write expiries.
pub(super) fn parse_ddmmmyy(text: &str) -> Option<Date> {
    const MONTHS: [&str; 12] =
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    if !text.is_ascii() || !(6..=7).contains(&text.len()) {
        return None;
    }
    let (day, rest) = text.split_at(text.len() - 5);
    let month = MONTHS.iter().position(|month| *month == &rest[..3])?;
    let (day, year) = (two_digits(day)?, two_digits(&rest[3..])?);
    Date::from_ymd(2000 + i16::from(year), month as i8 + 1, day as i8)
}

fn two_digits(text: &str) -> Option<u8> {
    text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `H26`, the month code of futures and two digits of the year: the last Friday of March 2026, on which
/// Bybit's inverse and BitMEX's futures of that month expire.
pub(super) fn parse_month_code(text: &str) -> Option<Date> {
    const CODES: &str = "FGHJKMNQUVXZ";
    let (code, year) = text.is_ascii().then_some(text)?.split_at_checked(1)?;
    let month = CODES.find(code)? as i8 + 1;
    let year = 2000 + i16::from((year.len() == 2).then(|| two_digits(year)).flatten()?);
    let after =
        if month == 12 { Date::from_ymd(year + 1, 1, 1) } else { Date::from_ymd(year, month + 1, 1) }?;
    let after = i32::try_from(after.start().as_micros() / 86_400_000_000).ok()?;
    // Day 1, 1970-01-02, was a Friday.
    Date::from_days(after - 1 - (after - 2).rem_euclid(7))
}

/// The asset under its common name: BitMEX and Kraken call Bitcoin `XBT`.
pub(super) fn common_name(asset: &str) -> &str {
    if asset == "XBT" { "BTC" } else { asset }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_parsed_once_and_an_unknown_one_is_an_error() {
        let mut symbols = Symbols::new(Instruments::Assets(vec!["PEPE".to_owned()]));
        let pepe = |_: &str| Some(Instrument::perp("1000PEPE", "USDT"));
        assert!(symbols.look_up("s", "1000PEPEUSDT", pepe).unwrap().is_wanted);
        let again = symbols.look_up("s", "1000PEPEUSDT", |_| None).unwrap();
        assert!(again.is_in_dollars && again.symbol == "1000PEPEUSDT");
        assert!(!symbols.look_up("s", "ETHBTC", |_| Some(Instrument::perp("ETH", "BTC"))).unwrap().is_wanted);
        assert!(symbols.look_up("s", "BTCUSDT", |_| None).is_err());
    }

    #[test]
    fn only_plain_symbols_pass() {
        for good in ["BTCUSDT", "BTC-USD_UM-SWAP", "BTCUSDT-27MAR26", "币安人生USDT"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", " ", "BTC USDT", "BTC\u{1b}[31m", "BTC\u{202e}", "a\"b", &"A".repeat(65)] {
            assert!(!is_plain(bad), "{bad}");
        }
    }

    #[test]
    fn expiries_read_in_every_notation() {
        for (read, text, day) in [
            (parse_yymmdd("261225"), "261225", "2026-12-25"),
            (parse_ddmmmyy("27MAR26"), "27MAR26", "2026-03-27"),
            (parse_ddmmmyy("5SEP25"), "5SEP25", "2025-09-05"),
            (parse_month_code("H26"), "H26", "2026-03-27"),
            (parse_month_code("U23"), "U23", "2023-09-29"),
            (parse_month_code("Z21"), "Z21", "2021-12-31"),
            (parse_month_code("M19"), "M19", "2019-06-28"),
        ] {
            assert_eq!(read.map(|day| day.to_string()).as_deref(), Some(day), "{text}");
        }
        for bad in ["", "H", "A26", "H2", "H260", "é26", "H-1"] {
            assert_eq!(parse_month_code(bad), None, "{bad}");
        }
    }

    #[test]
    fn memory_is_bounded_however_many_symbols_are_invented() {
        let mut symbols = Symbols::new(Instruments::All);
        for n in 0..3 * MOST_REMEMBERED {
            let symbol = format!("X{n}USDT");
            let listed = symbols.look_up("s", &symbol, |_| Some(Instrument::perp("X", "USDT"))).unwrap();
            assert_eq!(listed.symbol, symbol);
        }
        assert!(symbols.listed.len() <= MOST_REMEMBERED && symbols.places.len() == symbols.listed.len());
    }
}
