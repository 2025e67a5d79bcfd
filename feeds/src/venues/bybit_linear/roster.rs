//! Which contracts of one category Bybit lists, fetched page by page, and what their symbols mean.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use market::{Contract, Instrument};
use serde::Deserialize;
use smol_str::SmolStr;

use crate::protocol::DecodeError;
use crate::venues::symbols::{is_plain, parse_ddmmmyy, parse_month_code};
use crate::venues::wire::{Nested, Scalar, wrong};

/// Bybit lists some 800 contracts at 1,000 a page; more pages than this is a cursor that circles.
const MOST_PAGES: usize = 50;

/// Bybit's word for the contracts that share a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::venues) enum Category {
    /// Contracts in USDT and USDC.
    Linear,
    /// Contracts worth one US dollar each, settled in the coin.
    Inverse,
}

impl Category {
    /// The category in URLs and answers.
    pub(in crate::venues) fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Inverse => "inverse",
        }
    }

    /// The quote currency of the perpetuals whose tickers stand for their assets.
    pub(in crate::venues) fn followed_quote(self) -> &'static str {
        match self {
            Self::Linear => "USDT",
            Self::Inverse => "USD",
        }
    }
}

/// The `result` of one page of `/v5/market/instruments-info`.
#[derive(Deserialize)]
pub(super) struct RosterPage<'a> {
    #[serde(borrow)]
    pub(super) category: Option<Scalar<'a>>,
    #[serde(borrow, default)]
    list: Vec<Nested<Row<'a>>>,
    #[serde(borrow, rename = "nextPageCursor")]
    next_page: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    status: Option<Scalar<'a>>,
    #[serde(borrow)]
    base_coin: Option<Scalar<'a>>,
    #[serde(borrow)]
    quote_coin: Option<Scalar<'a>>,
    #[serde(borrow)]
    contract_type: Option<Scalar<'a>>,
    /// Expiry, ms; `"0"` for perpetuals.
    #[serde(borrow)]
    delivery_time: Option<Scalar<'a>>,
}

impl RosterPage<'_> {
    /// Whether this is a page of instruments; other answers have lists of other things.
    pub(super) fn is_roster(&self) -> bool {
        match self.list.first() {
            None => true,
            Some(Nested::Object(row)) => row.contract_type.is_some(),
            Some(Nested::Other) => false,
        }
    }
}

/// What is listed. Entries stay when the roster is fetched anew, so that decoding never pauses.
#[derive(Debug)]
pub(super) struct Roster {
    rest_url: String,
    category: Category,
    entries: BTreeMap<SmolStr, Entry>,
    fetch: Fetch,
}

#[derive(Debug)]
struct Entry {
    instrument: Instrument,
    is_trading: bool,
}

#[derive(Debug)]
enum Fetch {
    /// The page at this cursor is wanted next; empty for the first.
    Wanted {
        cursor: String,
        pages: usize,
    },
    Complete,
}

impl Fetch {
    fn from_start() -> Self {
        Self::Wanted { cursor: String::new(), pages: 0 }
    }
}

impl Roster {
    pub(super) fn new(rest_url: &str, category: Category) -> Self {
        Self {
            rest_url: rest_url.trim_end_matches('/').to_owned(),
            category,
            entries: BTreeMap::new(),
            fetch: Fetch::from_start(),
        }
    }

    pub(super) fn start_over(&mut self) {
        self.fetch = Fetch::from_start();
    }

    pub(super) fn next_request(&self) -> Option<String> {
        let Fetch::Wanted { cursor, .. } = &self.fetch else {
            return None;
        };
        let (rest_url, category) = (&self.rest_url, self.category.as_str());
        let mut url = format!("{rest_url}/v5/market/instruments-info?category={category}&limit=1000");
        if !cursor.is_empty() {
            url.push_str("&cursor=");
            push_escaped(&mut url, cursor);
        }
        Some(url)
    }

    /// Takes one page in.
    ///
    /// # Errors
    /// The first page lists nothing: Bybit always lists something.
    pub(super) fn take(&mut self, page: &RosterPage<'_>) -> Result<(), DecodeError> {
        let next = page.next_page.as_ref().map(Scalar::as_text).unwrap_or_default();
        let (pages, is_circling) = match &self.fetch {
            Fetch::Wanted { cursor, pages } => (pages + 1, *cursor == next || pages + 1 >= MOST_PAGES),
            Fetch::Complete => (1, true),
        };
        if pages == 1 {
            if page.list.is_empty() {
                return Err(wrong("list", "[]", "no roster"));
            }
            self.entries.values_mut().for_each(|entry| entry.is_trading = false);
        }
        for row in &page.list {
            match row {
                Nested::Object(row) => self.list(row),
                Nested::Other => {}
            }
        }
        self.fetch = if next.is_empty() || is_circling {
            Fetch::Complete
        } else {
            Fetch::Wanted { cursor: next.into_owned(), pages }
        };
        Ok(())
    }

    /// One odd row must not cost the others: it is left out, and its symbol speaks for itself.
    fn list(&mut self, row: &Row<'_>) {
        let Some(symbol) = row.symbol.as_ref().map(Scalar::as_text).filter(|symbol| is_plain(symbol)) else {
            return;
        };
        let Some(instrument) = row.instrument().or_else(|| parse_symbol(&symbol)) else {
            return;
        };
        let is_trading = row.status.as_ref().is_some_and(|status| status.as_text() == "Trading");
        self.entries.insert(SmolStr::new(&symbol), Entry { instrument, is_trading });
    }

    /// What `symbol` means: as the roster says, else as it reads.
    pub(super) fn instrument(&self, symbol: &str) -> Option<Instrument> {
        match self.entries.get(symbol) {
            Some(entry) => Some(entry.instrument.clone()),
            None => parse_symbol(symbol),
        }
    }

    /// The symbols that trade and are wanted, perpetuals first: Bybit documents a limit of 21,000
    /// characters of topics a connection, and what it may refuse should be the least of it.
    pub(super) fn trading(&self, wants: impl Fn(&Instrument) -> bool) -> impl Iterator<Item = &str> {
        let mut symbols: Vec<(&Contract, &str)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.is_trading && wants(&entry.instrument))
            .map(|(symbol, entry)| (&entry.instrument.contract, symbol.as_str()))
            .collect();
        symbols.sort_unstable();
        symbols.into_iter().map(|(_, symbol)| symbol)
    }
}

impl Row<'_> {
    fn instrument(&self) -> Option<Instrument> {
        let base = self.base_coin.as_ref()?.as_text();
        let quote = self.quote_coin.as_ref()?.as_text();
        // A dash in the quote would make the instrument's name read as another's.
        if !is_plain(&base) || !is_plain(&quote) || quote.contains('-') {
            return None;
        }
        let base = multiplier_first(&base);
        match self.contract_type.as_ref()?.as_text().as_ref() {
            "LinearPerpetual" | "InversePerpetual" => Some(Instrument::perp(&base, &quote)),
            "LinearFutures" | "InverseFutures" => {
                let expiry = self.delivery_time.as_ref()?.millis("deliveryTime").ok()?;
                Some(Instrument::future(&base, &quote, expiry.date()))
            }
            _ => None,
        }
    }
}

/// `BTCUSDT`, `BTCPERP` (in USDC), `BTCUSDT-27MAR26`, `BTC-27MAR26` (in USDC); inverse: `BTCUSD`, and
/// `BTCUSDH26`, which expires on the last Friday of March 2026.
fn parse_symbol(symbol: &str) -> Option<Instrument> {
    if let Some((pair, expiry)) = symbol.rsplit_once('-') {
        let (base, quote) = split_quote(pair).unwrap_or((pair, "USDC"));
        let expiry = parse_ddmmmyy(expiry)?;
        return (!base.is_empty()).then(|| Instrument::future(&multiplier_first(base), quote, expiry));
    }
    if let Some((pair, expiry)) = symbol.split_at_checked(symbol.len().saturating_sub(3))
        && let (Some(base), Some(expiry)) = (pair.strip_suffix("USD"), parse_month_code(expiry))
    {
        return (!base.is_empty()).then(|| Instrument::future(&multiplier_first(base), "USD", expiry));
    }
    let (base, quote) = match symbol.strip_suffix("PERP") {
        Some(base) => (base, "USDC"),
        None => split_quote(symbol).or_else(|| Some((symbol.strip_suffix("USD")?, "USD")))?,
    };
    (!base.is_empty()).then(|| Instrument::perp(&multiplier_first(base), quote))
}

fn split_quote(pair: &str) -> Option<(&str, &'static str)> {
    ["USDT", "USDC"].into_iter().find_map(|quote| pair.strip_suffix(quote).map(|base| (base, quote)))
}

/// `SHIB1000` as `1000SHIB`: the same contract unit as everywhere else under the same name.
fn multiplier_first(base: &str) -> SmolStr {
    let coin = base.trim_end_matches('0');
    let zeros = base.len() - coin.len();
    match coin.strip_suffix('1') {
        Some(coin) if zeros >= 3 && coin.ends_with(|c: char| c.is_ascii_alphabetic()) => {
            SmolStr::new(format!("1{}{coin}", "0".repeat(zeros)))
        }
        Some(_) | None => SmolStr::new(base),
    }
}

/// Bybit sends cursors already percent-encoded; whatever else is in one is encoded here.
fn push_escaped(url: &mut String, cursor: &str) {
    let bytes = cursor.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        let is_escape = *byte == b'%'
            && bytes.get(index + 1..index + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        if is_escape || byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            url.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_read_alike_with_and_without_a_roster() {
        for (symbol, name) in [
            ("BTCUSDT", "BTC-USDT-PERP"),
            ("BTCPERP", "BTC-USDC-PERP"),
            ("BTCUSDC", "BTC-USDC-PERP"),
            ("BTCUSD", "BTC-USD-PERP"),
            ("BTC-27MAR26", "BTC-USDC-20260327"),
            ("BTCUSDT-27MAR26", "BTC-USDT-20260327"),
            ("ETHUSDT-5SEP25", "ETH-USDT-20250905"),
            ("1000BONKPERP", "1000BONK-USDC-PERP"),
            ("SHIB1000USDT", "1000SHIB-USDT-PERP"),
            ("10000NEXUSDT", "10000NEX-USDT-PERP"),
            ("币安人生USDT", "币安人生-USDT-PERP"),
            ("BTCUSDH26", "BTC-USD-20260327"),
            ("ETHUSDZ23", "ETH-USD-20231229"),
        ] {
            assert_eq!(
                parse_symbol(symbol).map(|known| known.to_string()).as_deref(),
                Some(name),
                "{symbol}"
            );
        }
        for symbol in [
            "",
            "USDT",
            "PERP",
            "BTC",
            "BTC-",
            "-27MAR26",
            "BTC-31FEB26",
            "BTC-27MÄR2",
            "BTCUSDA26",
            "USDH26",
        ] {
            assert_eq!(parse_symbol(symbol), None, "{symbol}");
        }
    }

    #[test]
    fn a_cursor_travels_unchanged_and_cannot_break_the_url() {
        for (cursor, sent) in [
            ("first%3D0GUSDT%26last%3DZRX", "first%3D0GUSDT%26last%3DZRX"),
            ("a&b=c %zz", "a%26b%3Dc%20%25zz"),
        ] {
            let mut url = String::new();
            push_escaped(&mut url, cursor);
            assert_eq!(url, sent);
        }
    }
}
