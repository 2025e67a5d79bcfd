//! Miners and AI hosts: price, gains, beta to Bitcoin, and what of today's move is their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use market::{Basket, Beta, Date, Deal, Entity, Gains, Role, Standing, StockRow, Timestamp, entities};
use models::regression::least_squares;
use smol_str::SmolStr;

use super::prices::Prices;

/// Daily returns that a beta is fitted to, at most.
const BETA_DAYS: usize = 60;
/// Fewer say nothing.
const BETA_DAYS_LEAST: usize = 20;

/// One row a listed miner, AI host, hyperscaler or chip maker; the miners' mean gains, and over how many.
pub(super) fn rows(prices: &Prices, deals: &[Deal], now: Timestamp) -> (Vec<StockRow>, (Gains, usize)) {
    let bitcoin: BTreeMap<Date, f64> = prices.closes_of_coin("BTC").into_iter().collect();
    let bitcoin_today = prices.coin("BTC", now).and_then(|(_, gains)| gains.one_day);
    let mut rows = Vec::new();
    let mut miners = Vec::new();
    for entity in entities().iter() {
        let Some(role) = role_of(entity) else { continue };
        let Some(symbol) = entity.tickers.iter().find(|ticker| ticker.is_valid_on(now.date())) else {
            continue;
        };
        let (last, gains) = prices.share(&symbol.symbol, now).unzip();
        let gains = gains.unwrap_or_default();
        let closes = prices.closes_of_share(&symbol.symbol);
        let is_of_today = last.as_ref().is_some_and(|last| is_of_today(last.standing));
        let today = gains.one_day.zip(bitcoin_today).filter(|_| is_of_today);
        let beta = beta(&since_start(entity, closes), &bitcoin, today);
        let own = deals.iter().filter(|deal| deal.host == symbol.symbol);
        let largest = own.max_by(|a, b| a.usd.total_cmp(&b.usd));
        if entity.baskets.contains(&Basket::Miners) && last.is_some() {
            miners.push(gains);
        }
        rows.push(StockRow {
            symbol: symbol.symbol.clone(),
            name: SmolStr::new(&entity.name),
            role,
            last,
            gains,
            beta,
            deal: largest.map(in_words),
            deal_usd_per_mw_year: largest.and_then(|deal| deal.usd_per_mw_year),
        });
    }
    (rows, (mean(&miners), miners.len()))
}

/// The role under which the desk lists a stock, if it lists it.
fn role_of(entity: &Entity) -> Option<&'static str> {
    [
        (Role::Miner, "miner"),
        (Role::AiHost, "AI host"),
        (Role::Hyperscaler, "hyperscaler"),
        (Role::Chipmaker, "chips"),
        (Role::Treasury, "treasury"),
    ]
    .into_iter()
    .find_map(|(role, word)| entity.is(role).then_some(word))
}

/// Whether a price is of the day that is on, so that Bitcoin's gain of today is its measure.
fn is_of_today(standing: Standing) -> bool {
    match standing {
        Standing::Live | Standing::Pre | Standing::Post => true,
        Standing::LastSession | Standing::Stale => false,
    }
}

/// Prices from before the entity was what it is are another business's.
fn since_start(entity: &Entity, mut closes: Vec<(Date, f64)>) -> Vec<(Date, f64)> {
    if let Some(start) = entity.history_starts {
        closes.retain(|(date, _)| *date >= start);
    }
    closes
}

/// The line through daily returns on days that both have: a trading day's close to the next one's,
/// against Bitcoin's over the same UTC days. Bitcoin's day ends three to four hours after New York's
/// close, which pulls the beta a little towards zero.
fn beta(closes: &[(Date, f64)], bitcoin: &BTreeMap<Date, f64>, today: Option<(f64, f64)>) -> Option<Beta> {
    let both: Vec<(f64, f64)> =
        closes.iter().filter_map(|(date, close)| bitcoin.get(date).map(|coin| (*close, *coin))).collect();
    let (own, coin): (Vec<f64>, Vec<f64>) = both
        .windows(2)
        .rev()
        .take(BETA_DAYS)
        .map(|pair| (pair[1].0 / pair[0].0 - 1.0, pair[1].1 / pair[0].1 - 1.0))
        .unzip();
    if own.len() < BETA_DAYS_LEAST {
        return None;
    }
    let fit = least_squares(&own, &[&coin]).ok()?;
    let line = fit.betas.first()?;
    // Outside the session: what the last one had, against Bitcoin over the same days.
    let compared = today.or_else(|| own.first().copied().zip(coin.first().copied()));
    let residual = compared.and_then(|(own, coin)| Some(own - fit.predict(&[coin])?));
    Some(Beta { beta: line.value, std_error: line.std_error, days: own.len(), residual })
}

/// `Microsoft $9.7bn 200 MW 5 y`.
fn in_words(deal: &Deal) -> String {
    let mut words = format!("{} ${:.1}bn", deal.counterparty, deal.usd / 1e9);
    if let Some(megawatts) = deal.megawatts {
        let _ = write!(words, " {megawatts:.0} MW");
    }
    let _ = write!(words, " {} y", deal.years);
    words
}

/// Means over those that have each gain.
pub(super) fn mean(all: &[Gains]) -> Gains {
    let of = |get: fn(&Gains) -> Option<f64>| {
        let known: Vec<f64> = all.iter().filter_map(get).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    Gains {
        one_day: of(|gains| gains.one_day),
        five_days: of(|gains| gains.five_days),
        thirty_days: of(|gains| gains.thirty_days),
    }
}
