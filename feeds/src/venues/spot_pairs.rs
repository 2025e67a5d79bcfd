//! Which pair of each coin to follow at a spot venue, and what the venue's symbols mean.
//!
//! A coin trades in many currencies; one pair per coin is enough to price it: the one in the dollar, or
//! in the stablecoin that stands for it, that trades most.

use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

use super::symbols::is_plain;
use super::wire::wrong;
use crate::config::Instruments;
use crate::protocol::DecodeError;

/// In what to price a coin, best first: at venues whose main books are in dollars.
pub(super) const DOLLARS_FIRST: &[&str] = &["USD", "USDT", "USDC"];
/// The same at venues whose main books are in USDT. Bybit lists a few pairs in dollars too, which take a
/// hundredth of the order size.
pub(super) const TETHER_FIRST: &[&str] = &["USDT", "USD", "USDC"];
/// Currencies that end joined symbols (`TAOUSDT`), longest first.
const JOINED: [&str; 16] = [
    "FDUSD", "RLUSD", "USDT", "USDC", "BUSD", "TUSD", "USDE", "USD1", "USDP", "BTC", "ETH", "BNB", "EUR",
    "GBP", "TRY", "BRL",
];

/// A coin and the currency that it is priced in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    base: SmolStr,
    quote: SmolStr,
}

impl Pair {
    /// `None` where one of the names could not be shown.
    pub(super) fn new(base: &str, quote: &str) -> Option<Self> {
        let is_fine = is_plain(base) && is_plain(quote);
        is_fine.then(|| Self { base: SmolStr::new(base), quote: SmolStr::new(quote) })
    }

    /// The pair that a symbol without a separator reads as.
    pub(super) fn from_joined(symbol: &str) -> Option<Self> {
        JOINED.iter().find_map(|quote| symbol.strip_suffix(quote).and_then(|base| Self::new(base, quote)))
    }

    /// The pair on both sides of `separator`.
    pub(super) fn from_parted(symbol: &str, separator: char) -> Option<Self> {
        let (base, quote) = symbol.split_once(separator)?;
        Self::new(base, quote)
    }

    /// `TAO-USDT`.
    fn name(&self) -> SmolStr {
        format_smolstr!("{}-{}", self.base, self.quote)
    }
}

/// The pairs that a venue lists.
#[derive(Debug)]
pub(super) struct SpotPairs {
    wanted: Instruments,
    /// Quote currencies, best first.
    preferred: &'static [&'static str],
    listed: BTreeMap<SmolStr, Pair>,
}

impl SpotPairs {
    /// None listed yet; those of `wanted` coins will be followed, in the first of the `preferred`
    /// currencies that is listed.
    pub(super) fn new(wanted: Instruments, preferred: &'static [&'static str]) -> Self {
        Self { wanted, preferred, listed: BTreeMap::new() }
    }

    /// Replaces what is listed and trades, by the venue's symbols. Symbols that could not be shown are
    /// left out.
    pub(super) fn replace(&mut self, listed: impl Iterator<Item = (SmolStr, Pair)>) {
        self.listed = listed.filter(|(symbol, _)| is_plain(symbol)).collect();
    }

    /// The symbols to follow, in the order of their coins: of each wanted coin the best pair that is
    /// listed.
    pub(super) fn chosen(&self) -> Vec<SmolStr> {
        let mut best: BTreeMap<&str, (usize, &SmolStr)> = BTreeMap::new();
        for (symbol, pair) in &self.listed {
            let rank = self.preferred.iter().position(|quote| *quote == pair.quote);
            let Some(rank) = rank.filter(|_| self.wanted.wants(&pair.base)) else { continue };
            let place = best.entry(&pair.base).or_insert((rank, symbol));
            *place = (*place).min((rank, symbol));
        }
        best.into_values().map(|(_, symbol)| symbol.clone()).collect()
    }

    /// Our name of `symbol`, the value of `field`; `None` where its coin is not wanted. What is not
    /// listed is read by `parse`.
    pub(super) fn name(
        &self,
        field: &'static str,
        symbol: &str,
        parse: impl FnOnce(&str) -> Option<Pair>,
    ) -> Result<Option<SmolStr>, DecodeError> {
        let listed = self.listed.get(symbol).cloned();
        let pair = listed.or_else(|| parse(symbol));
        let pair = pair.ok_or_else(|| wrong(field, symbol, "not a symbol whose pair is known"))?;
        Ok(self.wanted.wants(&pair.base).then(|| pair.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(wanted: Instruments, listed: &[(&str, &str, &str)]) -> SpotPairs {
        let mut pairs = SpotPairs::new(wanted, DOLLARS_FIRST);
        pairs.replace(
            listed
                .iter()
                .map(|(symbol, base, quote)| (SmolStr::new(symbol), Pair::new(base, quote).unwrap())),
        );
        pairs
    }

    #[test]
    fn each_coin_is_followed_once_in_the_best_currency_that_is_listed() {
        let wanted = ["BTC", "TAO", "ATH", "FET", "OCEAN"].map(str::to_owned).to_vec();
        let pairs = pairs(
            Instruments::Assets(wanted),
            &[
                ("BTCUSDC", "BTC", "USDC"),
                ("BTCUSD", "BTC", "USD"),
                ("BTCUSDT", "BTC", "USDT"),
                ("TAOBTC", "TAO", "BTC"),
                ("TAOUSDC", "TAO", "USDC"),
                ("TAOUSDT", "TAO", "USDT"),
                ("FETUSDC", "FET", "USDC"),
                ("OCEANEUR", "OCEAN", "EUR"),
                ("SOLUSDT", "SOL", "USDT"),
            ],
        );
        assert_eq!(pairs.chosen(), ["BTCUSD", "FETUSDC", "TAOUSDT"]);
        let elsewhere = SpotPairs { preferred: TETHER_FIRST, ..pairs };
        assert_eq!(elsewhere.chosen(), ["BTCUSDT", "FETUSDC", "TAOUSDT"]);
    }

    #[test]
    fn everything_is_still_one_pair_a_coin() {
        let listed =
            [("BUSDT", "B", "USDT"), ("AUSDC", "A", "USDC"), ("AUSDT", "A", "USDT"), ("AA", "A", "A")];
        assert_eq!(pairs(Instruments::All, &listed).chosen(), ["AUSDT", "BUSDT"]);
    }

    #[test]
    fn a_symbol_means_what_is_listed_and_else_what_it_reads() {
        let wanted = Instruments::Assets(vec!["TAO".to_owned(), "XUSD".to_owned()]);
        let pairs = pairs(wanted, &[("XUSDT", "XUSD", "T"), ("TAO/USD", "TAO", "USD")]);
        let name = |symbol: &str| pairs.name("s", symbol, Pair::from_joined);
        assert_eq!(name("XUSDT"), Ok(Some("XUSD-T".into())));
        assert_eq!(name("TAO/USD"), Ok(Some("TAO-USD".into())));
        assert_eq!(name("TAOUSDT"), Ok(Some("TAO-USDT".into())));
        assert_eq!(name("TAOFDUSD"), Ok(Some("TAO-FDUSD".into())));
        assert_eq!(name("BTCUSDT"), Ok(None));
        for odd in ["", "USDT", "TAOXYZ", "T\u{1b}USDT", "T OUSDT"] {
            assert!(name(odd).is_err(), "{odd}");
        }
        assert_eq!(Pair::from_parted("TAO/USD", '/'), Pair::new("TAO", "USD"));
        for odd in ["TAOUSD", "/USD", "TAO/", "/"] {
            assert_eq!(Pair::from_parted(odd, '/'), None, "{odd}");
        }
    }
}
