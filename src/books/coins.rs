//! Coins of decentralised-AI projects against Bitcoin, and their basket.

use market::{Basket, Gains, Role, Timestamp, TokenRow, entities};
use smol_str::SmolStr;

use super::prices::Prices;
use super::stocks::mean;

/// One row an AI token in use; their mean gains, and over how many.
pub(super) fn rows(prices: &Prices, now: Timestamp) -> (Vec<TokenRow>, (Gains, usize)) {
    let bitcoin = prices.coin("BTC", now).and_then(|(_, gains)| gains.one_day);
    let mut rows = Vec::new();
    let mut basket = Vec::new();
    for entity in entities().with_role(Role::AiToken) {
        let Some(token) = entity.tokens.iter().find(|token| token.is_valid_on(now.date())) else { continue };
        let (last, gains) = prices.coin(&token.symbol, now).unzip();
        let gains: Gains = gains.unwrap_or_default();
        if last.is_some() && entity.baskets.contains(&Basket::AiTokens) {
            basket.push(gains);
        }
        rows.push(TokenRow {
            asset: token.symbol.clone(),
            name: SmolStr::new(&entity.name),
            pair: prices.pair_of(&token.symbol).unwrap_or_default(),
            last,
            gains,
            against_bitcoin: gains.one_day.zip(bitcoin).map(|(own, bitcoin)| own - bitcoin),
        });
    }
    (rows, (mean(&basket), basket.len()))
}
