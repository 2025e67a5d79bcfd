//! What Deribit's instrument names mean.

use market::Instrument;

use crate::venues::symbols::parse_ddmmmyy;

/// Whether amounts of this contract count base units: `SOL_USDC-PERPETUAL`. All others count dollars.
pub(super) fn is_linear(name: &str) -> bool {
    name.contains('_')
}

/// `BTC-24JUN22-15000-C`, an option.
pub(super) fn is_option(name: &str) -> bool {
    name.split('-').count() == 4 && (name.ends_with("-C") || name.ends_with("-P"))
}

/// `BTC-PERPETUAL`, `SOL_USDC-PERPETUAL`, `BTC-25DEC26`, `ETH_USDC-25DEC26`.
pub(super) fn parse_symbol(name: &str) -> Option<Instrument> {
    let (pair, contract) = name.split_once('-')?;
    let (base, quote) = pair.split_once('_').unwrap_or((pair, "USD"));
    if base.is_empty() || quote.is_empty() || quote.contains('_') {
        return None;
    }
    match contract {
        "PERPETUAL" => Some(Instrument::perp(base, quote)),
        expiry => Some(Instrument::future(base, quote, parse_ddmmmyy(expiry)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        for (name, instrument) in [
            ("BTC-PERPETUAL", Some("BTC-USD-PERP")),
            ("SOL_USDC-PERPETUAL", Some("SOL-USDC-PERP")),
            ("BTC-25DEC26", Some("BTC-USD-20261225")),
            ("ETH_USDC-5JUN26", Some("ETH-USDC-20260605")),
            ("BTC-24JUN22-15000-C", None),
            ("BTC-FS-25DEC26_PERP", None),
            ("BTC", None),
            ("-PERPETUAL", None),
            ("_USDC-PERPETUAL", None),
        ] {
            assert_eq!(parse_symbol(name).map(|known| known.to_string()).as_deref(), instrument, "{name}");
        }
        assert!(is_option("BTC-24JUN22-15000-C") && is_option("SOL_USDC-5JUN26-100-P"));
        assert!(!is_option("BTC-PERPETUAL") && !is_option("BTC-25DEC26"));
    }
}
