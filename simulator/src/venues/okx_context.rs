//! OKX beside liquidations: mark prices, open interest and funding of its contracts.

use std::sync::Arc;

use crate::contracts::{Contract, Term, Value, fixed};
use crate::market::Market;
use crate::rounds::Rounds;
use crate::scene::{Scene, pace_of, rounded};

use super::okx::ID;

/// Of the largest venue's open positions.
const SHARE: f64 = 0.45;
/// Of a USDT swap's, what a dated or coin-margined contract has.
const MINOR: f64 = 0.05;
/// How much finer than the contract's price a mark price is printed, decimals.
const FINER: u8 = 1;

/// What a client can follow of one contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    MarkPrice,
    OpenInterest,
    /// Of swaps alone.
    FundingRate,
}

impl Channel {
    const ALL: [Self; 3] = [Self::MarkPrice, Self::OpenInterest, Self::FundingRate];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::MarkPrice => "mark-price",
            Self::OpenInterest => "open-interest",
            Self::FundingRate => "funding-rate",
        }
    }

    /// Whether the venue tells this of `contract`.
    pub(super) fn has(self, contract: &Contract) -> bool {
        self != Self::FundingRate || contract.term == Term::Perpetual
    }

    pub(super) fn topic(self, inst_id: &str) -> String {
        format!("{}:{inst_id}", self.name())
    }

    /// What the channel says of `contract` now.
    pub(super) fn frame(self, scene: &Scene<'_>, contract: &Contract) -> String {
        let row = match self {
            Self::MarkPrice => mark_price(scene, contract),
            Self::OpenInterest => open_interest(scene, contract),
            Self::FundingRate => funding_rate(scene, contract),
        };
        format!(
            "{{\"arg\":{{\"channel\":\"{}\",\"instId\":\"{}\"}},\"data\":[{row}]}}",
            self.name(),
            contract.symbol
        )
    }

    fn every_millis(self, contract: &Contract) -> i64 {
        let pace = if is_minor(contract) { 60_000 } else { pace_of(&contract.base) };
        match self {
            Self::MarkPrice => pace,
            // Every three seconds at the real venue.
            Self::OpenInterest => pace * 2,
            Self::FundingRate => 60_000,
        }
    }
}

/// Tells of every contract.
pub(super) fn rounds(market: &Market) -> Rounds {
    let mut rounds = Rounds::new(ID, market);
    for (number, contract) in market.of(ID).enumerate() {
        for channel in Channel::ALL.into_iter().filter(|channel| channel.has(contract)) {
            let contract = Arc::clone(contract);
            let every = channel.every_millis(&contract);
            rounds = rounds.every(every, 150 + number as i64 * 41, move |scene, told| {
                told.push(channel.topic(&contract.symbol), channel.frame(scene, &contract));
            });
        }
    }
    rounds
}

fn is_minor(contract: &Contract) -> bool {
    contract.term != Term::Perpetual || contract.quote == "USD"
}

fn inst_type(contract: &Contract) -> &'static str {
    if contract.term == Term::Perpetual { "SWAP" } else { "FUTURES" }
}

fn mark_price(scene: &Scene<'_>, contract: &Contract) -> String {
    let decimals = contract.price_step.0 + FINER;
    let units = (scene.mark(ID, contract.asset) * 10_f64.powi(i32::from(decimals))).round() as u64;
    format!(
        "{{\"instId\":\"{}\",\"instType\":\"{}\",\"markPx\":\"{}\",\"ts\":\"{}\"}}",
        contract.symbol,
        inst_type(contract),
        fixed(units, decimals),
        scene.millis()
    )
}

/// `oi` counts contracts, `oiCcy` coins, one side.
fn open_interest(scene: &Scene<'_>, contract: &Contract) -> String {
    let share = if is_minor(contract) { SHARE * MINOR } else { SHARE };
    let coins = scene.open_interest(ID, contract.asset, share);
    let mark = scene.mark(ID, contract.asset);
    let contracts = match contract.value {
        Value::Linear(coins_each) | Value::Quanto(coins_each) => coins / coins_each,
        Value::Inverse(usd_each) => coins * mark / usd_each,
    };
    format!(
        concat!(
            "{{\"instId\":\"{}\",\"instType\":\"{}\",\"oi\":\"{}\",\"oiCcy\":\"{}\",\"oiUsd\":\"{}\",",
            "\"ts\":\"{}\"}}"
        ),
        contract.symbol,
        inst_type(contract),
        rounded(contracts, 2),
        rounded(coins, 4),
        rounded(coins * mark, 2),
        scene.millis()
    )
}

/// `fundingTime` is the next payment's, `nextFundingTime` the one's after it.
fn funding_rate(scene: &Scene<'_>, contract: &Contract) -> String {
    let next = scene.next_funding();
    let rate = scene.funding(ID, contract.asset);
    let interval = 8 * 3_600_000;
    format!(
        concat!(
            "{{\"formulaType\":\"withRate\",\"fundingRate\":\"{:.10}\",\"fundingTime\":\"{}\",\"impactValue\":\"10000\",",
            "\"instId\":\"{}\",\"instType\":\"SWAP\",\"interestRate\":\"0.0001\",\"maxFundingRate\":\"0.00375\",",
            "\"method\":\"current_period\",\"minFundingRate\":\"-0.00375\",\"nextFundingRate\":\"\",",
            "\"nextFundingTime\":\"{}\",\"premium\":\"{:.10}\",\"prevFundingTime\":\"{}\",\"settFundingRate\":\"{:.10}\",",
            "\"settState\":\"settled\",\"ts\":\"{}\"}}"
        ),
        rate,
        next,
        contract.symbol,
        next + interval,
        rate - 0.000_1,
        next - interval,
        rate * 0.9,
        scene.millis()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::contracts::ASSETS;
    use crate::market::Prices;
    use crate::rounds::told;
    use crate::scene::tests::{FRIDAY, market};

    fn row(channel: Channel, inst_id: &str) -> Json {
        let (market, prices) = (market(), Prices::default());
        let contract = market.of(ID).find(|contract| contract.symbol == inst_id).unwrap();
        let text = channel.frame(&Scene::of(&market, &prices, FRIDAY), contract);
        let frame: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(frame["arg"]["instId"], inst_id);
        frame["data"][0].clone()
    }

    fn number(row: &Json, key: &str) -> f64 {
        row[key].as_str().unwrap().parse().unwrap()
    }

    #[test]
    fn open_interest_counts_contracts_coins_and_dollars() {
        for (inst_id, contracts_per_coin) in
            [("BTC-USDT-SWAP", 100.0), ("BTC-USD-SWAP", 824.5), ("DOGE-USDT-SWAP", 0.001)]
        {
            let row = row(Channel::OpenInterest, inst_id);
            let (contracts, coins, usd) = (number(&row, "oi"), number(&row, "oiCcy"), number(&row, "oiUsd"));
            assert!((contracts / coins / contracts_per_coin - 1.0).abs() < 0.01, "{inst_id} {row}");
            let asset = ASSETS.iter().find(|asset| inst_id.starts_with(asset.code)).unwrap();
            assert!((usd / coins / asset.price - 1.0).abs() < 0.01, "{inst_id} {row}");
        }
    }

    #[test]
    fn a_funding_rate_says_when_it_is_paid_and_only_swaps_have_one() {
        let row = row(Channel::FundingRate, "BTC-USDT-SWAP");
        assert!(number(&row, "fundingRate").abs() < 0.001);
        assert_eq!(row["fundingTime"], ((FRIDAY / 1_000_000 + 3600) * 1000).to_string());
        let market = market();
        let mut rounds = rounds(&market);
        let frames = told(&mut rounds, &market, 10);
        assert!(frames.iter().any(|frame| frame.topic == "open-interest:BTC-USDT-261225"));
        assert!(!frames.iter().any(|frame| frame.topic == "funding-rate:BTC-USDT-261225"));
        assert!(frames.iter().filter(|frame| frame.topic == "mark-price:BTC-USDT-SWAP").count() >= 3);
    }
}
