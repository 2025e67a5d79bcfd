//! A desk for tests and benches, the same every time: prices, flows and sums are made up, of a realistic size.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built fails its test")]

use std::sync::Arc;
use std::time::Duration;

use market::{
    Beta, Board, ChainTip, Completeness, ContractRow, Date, Deal, Desk, EtfFlow, FeedId, FeedState, FlowBook,
    Gains, Instrument, MarketEvent, Mining, Observation, Occasion, PowerMeasure, Price, PricePoint, Quantity,
    Service, Standing, StockRow, Timestamp, TokenRow, Treasury, Usd, mining_usd_per_mw_year, parse_occasions,
};

use crate::fixture::{Chance, ago, busy, now};
use crate::outlooks::{outlooks, silences};

/// Asset, funds by size, dollars of a usual day's flow of the largest, and the asset's price.
const FUNDS: [(&str, &[&str], f64, f64); 3] = [
    (
        "BTC",
        &["IBIT", "FBTC", "GBTC", "ARKB", "BITB", "BTC", "HODL", "BRRR", "EZBC", "BTCO", "BTCW", "MSBT"],
        180e6,
        93_000.0,
    ),
    ("ETH", &["ETHA", "FETH", "ETHE", "ETH", "ETHW", "ETHV", "QETH", "EZET", "CETH"], 70e6, 3_200.0),
    ("SOL", &["BSOL", "FSOL", "GSOL", "VSOL", "SOEZ", "TSOL"], 8e6, 138.0),
];

/// The days with flows: every weekday from November on but two holidays, and today, not reported yet.
fn trading_days() -> Vec<Date> {
    let first = Date::from_ymd(2025, 11, 3).unwrap();
    let holidays = ["2025-11-27", "2025-12-25", "2026-01-01"];
    let days = std::iter::successors(Some(first), |day| Some(day.next()));
    days.take_while(|day| *day <= now().date())
        .filter(|day| !day.is_weekend() && !holidays.contains(&day.to_string().as_str()))
        .collect()
}

fn event(feed: &str, moment: Timestamp, observation: Observation) -> MarketEvent {
    let feed = FeedId::new(feed);
    MarketEvent { feed, event_time: moment, receive_time: moment, known_at: moment, observation }
}

/// Two months of flows: the last day lacks two funds, today lacks all.
pub fn flows() -> FlowBook {
    let mut book = FlowBook::default();
    let mut chance = Chance(23);
    let days = trading_days();
    for (asset, funds, scale, _) in FUNDS {
        for (at, date) in days.iter().enumerate() {
            let mood = chance.share() * 2.2 - 1.0 + if at + 4 > days.len() { 0.9 } else { 0.0 };
            for (rank, fund) in funds.iter().enumerate() {
                let back = days.len() - 1 - at;
                // The last fund opened a month ago.
                if rank + 1 == funds.len() && back > 20 {
                    continue;
                }
                let is_pending = back == 0 || (back == 1 && matches!(rank, 4 | 6) && asset == "BTC");
                let size = scale * mood / (1.0 + rank as f64) * (0.4 + chance.share());
                let is_idle = rank > 2 && chance.below(3) == 0;
                let flow = if is_idle { 0.0 } else { (size / 1e5).round() * 1e5 };
                let told =
                    if back == 0 { ago(7_200) } else { date.next().start().plus(Duration::from_hours(5)) };
                let net_flow = (!is_pending).then(|| Usd::new(flow).unwrap());
                let flow = EtfFlow { fund: (*fund).into(), asset: asset.into(), trade_date: *date, net_flow };
                book.apply(&event("farside", told, Observation::EtfFlow(flow.clone())), &flow);
            }
        }
    }
    book
}

fn point(price: f64, secs: u64, source: &str, standing: Standing) -> PricePoint {
    PricePoint { price: Price::new(price).unwrap(), at: ago(secs), source: FeedId::new(source), standing }
}

fn gains(one: f64, five: f64, thirty: f64) -> Gains {
    Gains { one_day: Some(one), five_days: Some(five), thirty_days: Some(thirty) }
}

fn stocks() -> Vec<StockRow> {
    // Symbol, company, role, price, seconds old, standing, gains, beta, what it lacks.
    let rows = [
        ("MARA", "MARA Holdings", "miner", 11.24, 41, Standing::Pre, [0.021, -0.034, -0.118], 1.42),
        ("RIOT", "Riot Platforms", "miner", 14.87, 12, Standing::Pre, [0.034, 0.012, 0.064], 1.31),
        ("CLSK", "CleanSpark", "miner", 12.96, 65, Standing::Pre, [0.017, -0.022, -0.041], 1.38),
        ("IREN", "IREN", "AI host", 48.31, 3, Standing::Pre, [0.052, 0.114, 0.187], 1.67),
        ("CIFR", "Cipher Mining", "AI host", 17.42, 9, Standing::Pre, [0.041, 0.083, 0.021], 1.58),
        ("WULF", "TeraWulf", "AI host", 13.05, 22, Standing::Pre, [-0.012, 0.046, -0.083], 1.44),
        ("HUT", "Hut 8", "miner", 51.70, 61_407, Standing::LastSession, [0.008, 0.031, 0.152], 1.49),
        (
            "KEEL",
            "Keel Infrastructure",
            "AI host",
            2.87,
            61_407,
            Standing::LastSession,
            [-0.027, -0.11, -0.204],
            1.61,
        ),
        (
            "CORZ",
            "Core Scientific",
            "AI host",
            16.33,
            61_407,
            Standing::LastSession,
            [0.003, -0.014, -0.092],
            1.12,
        ),
        ("BTDR", "Bitdeer", "miner", 12.18, 234_207, Standing::Stale, [-0.044, -0.091, 0.013], 1.53),
    ];
    let deals = [
        ("IREN", "Microsoft $9.7bn 200 MW 5 y", Some(9.7e9 / (200.0 * 5.0))),
        ("CIFR", "AWS $5.5bn 300 MW 15 y", Some(5.5e9 / (300.0 * 15.0))),
        ("WULF", "Fluidstack $6.7bn 360 MW 10 y", Some(6.7e9 / (360.0 * 10.0))),
        ("KEEL", "18 MW Washington, not priced", None),
    ];
    let mut stocks: Vec<StockRow> = rows
        .into_iter()
        .enumerate()
        .map(|(at, (symbol, name, role, price, secs, standing, [one, five, thirty], beta))| {
            let deal = deals.iter().find(|deal| deal.0 == symbol);
            StockRow {
                symbol: symbol.into(),
                name: name.into(),
                role,
                last: Some(point(price, secs, "finnhub", standing)),
                gains: gains(one, five, thirty),
                beta: Some(Beta {
                    beta,
                    std_error: 0.11 + 0.01 * at as f64,
                    days: 250,
                    residual: Some(one - 0.008 * beta),
                }),
                deal: deal.map(|deal| deal.1.to_owned()),
                deal_usd_per_mw_year: deal.and_then(|deal| deal.2),
            }
        })
        .collect();
    stocks.push(StockRow {
        symbol: "NEWCO".into(),
        name: "A company without any price".into(),
        role: "miner",
        last: None,
        gains: Gains::default(),
        beta: None,
        deal: None,
        deal_usd_per_mw_year: None,
    });
    stocks
}

fn deals() -> Vec<Deal> {
    let rows = [
        ("IREN", "Microsoft", "2025-11-03", 9.7e9, 5.0, Some(200.0), "IREN press release, 3 November 2025"),
        ("CIFR", "AWS", "2025-11-03", 5.5e9, 15.0, Some(300.0), "Cipher press release, 3 November 2025"),
        ("APLD", "CoreWeave", "2025-08-29", 11.0e9, 15.0, Some(400.0), "Applied Digital press release"),
        ("WULF", "Fluidstack", "2025-08-18", 6.7e9, 10.0, Some(360.0), "TeraWulf press release"),
        ("GLXY", "CoreWeave", "2025-04-23", 15.0e9, 15.0, None, "Galaxy quarterly letter"),
    ];
    rows.map(|(host, counterparty, announced, usd, years, megawatts, source)| Deal {
        host: host.into(),
        counterparty: counterparty.into(),
        announced: announced.parse().unwrap(),
        usd,
        years,
        megawatts,
        service: Some(if counterparty == "Microsoft" { Service::Cloud } else { Service::Colocation }),
        power: megawatts.map(|_| if host == "CIFR" { PowerMeasure::Gross } else { PowerMeasure::CriticalIt }),
        usd_per_mw_year: megawatts.map(|megawatts| usd / (megawatts * years)),
        source: source.to_owned(),
    })
    .to_vec()
}

/// The chain's tip, found `secs` ago.
fn mining(secs: u64) -> Mining {
    let tip = ChainTip {
        height: 930_881,
        hash: "00000000000000000001b2c3".into(),
        block_time: ago(secs),
        difficulty: Some(1.4820e14),
        hash_rate: Some(1.064e21),
        mempool_txs: Some(41_203),
        mempool_vbytes: Some(18_400_000),
        fee_fast: Some(3.2),
        fee_hour: Some(1.4),
        subsidy_btc: 3.125,
        fees_btc: Some(0.021),
        fee_blocks: 144,
    };
    let bitcoin = point(93_412.5, 1, "binance-spot", Standing::Live);
    let hashprice_usd = tip.hashprice_usd(bitcoin.price.get()).unwrap();
    Mining {
        usd_per_mw_year: mining_usd_per_mw_year(hashprice_usd, 17.5, 0.95),
        hashprice_usd,
        bitcoin,
        chain: Arc::new(event("mempool-space", ago(22), Observation::ChainTip(tip))),
        joules_per_terahash: 17.5,
        uptime: 0.95,
    }
}

fn tokens() -> Vec<TokenRow> {
    let rows = [
        (
            "TAO",
            "Bittensor",
            "TAO-USDT",
            Some((271.43, 1, "binance-spot", Standing::Live)),
            [0.0612, 0.124, -0.083],
        ),
        (
            "RENDER",
            "Render",
            "RENDER-USDT",
            Some((1.873, 2, "binance-spot", Standing::Live)),
            [0.0234, 0.311, 0.087],
        ),
        (
            "FET",
            "ASI Alliance",
            "FET-USDT",
            Some((0.2712, 1, "binance-spot", Standing::Live)),
            [-0.0121, 0.195, -0.021],
        ),
        (
            "NEAR",
            "NEAR Protocol",
            "NEAR-USDT",
            Some((1.702, 3, "okx-spot", Standing::Live)),
            [0.0098, 0.083, -0.114],
        ),
        (
            "VIRTUAL",
            "Virtuals Protocol",
            "VIRTUAL-USDT",
            Some((0.9124, 4_212, "kraken-spot", Standing::Stale)),
            [0.0871, 0.284, 0.192],
        ),
        (
            "AKT",
            "Akash Network",
            "AKT-USD",
            Some((0.5113, 12, "kraken-spot", Standing::Live)),
            [-0.0342, -0.018, -0.236],
        ),
        ("OCEAN", "Ocean Protocol", "", None, [0.0, 0.0, 0.0]),
    ];
    rows.map(|(asset, name, pair, last, [one, five, thirty])| {
        let is_priced = last.is_some();
        TokenRow {
            asset: asset.into(),
            name: name.into(),
            pair: pair.into(),
            last: last.map(|(price, secs, source, standing)| point(price, secs, source, standing)),
            gains: if is_priced { gains(one, five, thirty) } else { Gains::default() },
            against_bitcoin: is_priced.then_some(one - 0.0083),
        }
    })
    .to_vec()
}

fn contracts() -> Vec<ContractRow> {
    let rows = [
        ("BTC", "binance-usdm", 0.000_1, 8.0, Some(8.92e9), 93_398.2),
        ("BTC", "bitget-context", 0.000_091, 8.0, Some(2.41e9), 93_401.0),
        ("BTC", "bybit-linear", 0.000_084, 8.0, Some(5.87e9), 93_400.1),
        ("BTC", "hyperliquid", 0.000_012_5, 1.0, Some(3.02e9), 93_395.0),
        ("BTC", "okx", 0.000_063, 8.0, Some(3.64e9), 93_399.9),
        ("ETH", "binance-usdm", 0.000_074, 8.0, Some(4.71e9), 3_212.4),
        ("ETH", "bybit-linear", -0.000_021, 8.0, Some(2.22e9), 3_212.1),
        ("ETH", "hyperliquid", 0.000_010_1, 1.0, Some(1.63e9), 3_211.9),
        ("ETH", "okx", 0.000_032, 8.0, None, 3_212.8),
        ("SOL", "binance-usdm", -0.000_112, 8.0, Some(1.12e9), 138.71),
        ("SOL", "bybit-linear", -0.000_144, 4.0, Some(0.71e9), 138.68),
    ];
    rows.into_iter()
        .enumerate()
        .map(|(at, (base, venue, rate, hours, open_interest, mark))| ContractRow {
            venue: FeedId::new(venue),
            instrument: Instrument::perp(base, if venue == "hyperliquid" { "USD" } else { "USDT" }),
            mark: Some((Price::new(mark).unwrap(), ago(1))),
            funding: Some((rate, Some(hours), ago(341 + 97 * at as u64))),
            annualised: Some(rate * 24.0 / hours * 365.0),
            open_interest: open_interest.map(|usd| (Usd::new(usd).unwrap(), ago(8 + 5 * at as u64))),
        })
        .collect()
}

fn treasuries() -> Vec<Treasury> {
    let rows = [
        ("Strategy", Some("MSTR"), "BTC", 672_497.0, "2026-01-05"),
        ("MARA Holdings", Some("MARA"), "BTC", 53_250.0, "2025-11-30"),
        ("Twenty One", Some("XXI"), "BTC", 43_514.0, "2025-12-09"),
        ("Metaplanet", Some("3350.T"), "BTC", 35_102.0, "2025-12-30"),
        ("BitMine Immersion", Some("BMNR"), "ETH", 4_110_525.0, "2026-01-05"),
        ("SharpLink Gaming", Some("SBET"), "ETH", 863_424.0, "2025-12-21"),
        ("A private holder", None, "BTC", 6_711.0, "2025-06-30"),
    ];
    rows.map(|(holder, ticker, asset, coins, as_of)| Treasury {
        holder: holder.into(),
        ticker: ticker.map(Into::into),
        asset: asset.into(),
        quantity: Quantity::new(coins).unwrap(),
        as_of: as_of.parse().unwrap(),
        source: FeedId::new("coingecko"),
    })
    .to_vec()
}

/// Everything the desk's panels show, on the morning of the busy board.
pub fn desk() -> Desk {
    let book = flows();
    let mut desk = Desk {
        flows: ["BTC", "ETH", "SOL"]
            .iter()
            .filter_map(|asset| book.table(asset, now()))
            .map(Arc::new)
            .collect(),
        stocks: stocks(),
        miners: (gains(0.0142, 0.0087, 0.0093), 9),
        mining: Some(mining(372)),
        deals: deals(),
        tokens: tokens(),
        basket: (gains(0.0225, 0.163, -0.0125), 6),
        bitcoin: Some((point(93_412.5, 1, "binance-spot", Standing::Live), gains(0.0083, 0.0521, 0.0341))),
        contracts: contracts(),
        treasuries: treasuries(),
        ..Desk::default()
    };
    let mut chance = Chance(5);
    for (asset, _, _, price) in FUNDS {
        // The price of the day before the last is missing.
        let days = trading_days();
        for date in days.iter().rev().enumerate().filter(|(back, _)| *back != 2).map(|(_, date)| *date) {
            let price = Price::new(price * (0.97 + 0.06 * chance.share())).unwrap();
            desk.flow_prices.insert((asset.into(), date), (price, "close at 21:00 UTC"));
        }
    }
    desk
}

/// What is due and what happened around that morning.
pub fn occasions() -> Vec<Occasion> {
    parse_occasions(OCCASIONS, "fixture").unwrap()
}

const OCCASIONS: &str = r#"
[[occasion]]
id = "cascade-2025-10"
at = 2025-10-10T21:15:00Z
title = "Tariff threat sets off the largest liquidation cascade on record"
kind = "liquidation"
figures = { usd = 19.1e9 }
sources = ["CoinGlass, 11 October 2025"]
note = "Reported by venues that publish at most one order a second: a floor, like every such sum. The peak minute alone was told at 3.2 bn dollars."

[[occasion]]
id = "iren-microsoft-2025"
at = 2025-11-03
title = "IREN and Microsoft sign for 200 MW at Childress"
kind = "deal"
entities = ["iren"]
figures = { usd = 9.7e9, years = 5, megawatts = 200, power = "critical_it", counterparty = "Microsoft", service = "cloud", prepaid_percent = 20 }
sources = ["IREN press release, 3 November 2025"]

[[occasion]]
id = "fomc-2025-12"
at = 2025-12-10T19:00:00Z
title = "Fed cuts its rate by a quarter point"
kind = "monetary"
figures = { change_bp = -25, rate_low_percent = 3.5, rate_high_percent = 3.75 }
sources = ["Federal Reserve, 10 December 2025"]

[[occasion]]
id = "etf-outflow-2025-11"
at = 2025-11-20
title = "Second-largest outflow from Bitcoin funds"
kind = "etf"
figures = { usd = -903.2e6 }
sources = ["Farside, 20 November 2025"]
is_after_close = true

[[occasion]]
id = "cpi-2026-01"
at = 2026-01-09T18:30:00Z
title = "Labour Department tells December's jobs"
kind = "monetary"
sources = ["Bureau of Labor Statistics, release calendar"]
is_scheduled = true

[[occasion]]
id = "fomc-2026-01"
at = 2026-01-28T19:00:00Z
title = "Fed decides on its rate"
kind = "monetary"
sources = ["Federal Reserve, meeting schedule"]
note = "Tentative until confirmed at the meeting before it."
is_scheduled = true

[[occasion]]
id = "halving-5"
at = 2028-04-17
title = "Fifth Bitcoin halving: 1.5625 BTC a block, about this day"
kind = "halving"
entities = ["bitcoin"]
figures = { block = 1050000, subsidy = 1.5625 }
sources = ["Bitcoin protocol"]
note = "Reckoned: blocks that come faster or slower move it by weeks."
is_scheduled = true
is_estimate = true
"#;

/// The busy board with everything on its desk.
pub fn full_desk() -> Board {
    let mut board = busy();
    board.desk = Arc::new(desk());
    board.occasions = occasions().into();
    board.outlooks = outlooks().into();
    board.silences = silences().into();
    board
}

/// The same a fortnight after every source fell silent.
pub fn silent_desk() -> Board {
    let mut board = full_desk();
    let mut desk = desk();
    for last in desk.stocks.iter_mut().filter_map(|stock| stock.last.as_mut()) {
        last.standing = Standing::Stale;
    }
    for last in desk.tokens.iter_mut().filter_map(|token| token.last.as_mut()) {
        last.standing = Standing::Stale;
    }
    board.desk = Arc::new(desk);
    board.now = now().plus(Duration::from_hours(14 * 24));
    board
}

/// Names of feeds beside the busy board's own, and what each tells.
const MORE_FEEDS: [(&str, Completeness); 27] = [
    ("binance-coinm", Completeness::Sampled),
    ("bybit-inverse", Completeness::Complete),
    ("bitmex", Completeness::Complete),
    ("deribit", Completeness::Complete),
    ("kraken-futures", Completeness::Complete),
    ("gate-usdt", Completeness::Partial),
    ("htx-linear", Completeness::Partial),
    ("bitget", Completeness::Partial),
    ("bitfinex", Completeness::Complete),
    ("hyperliquid", Completeness::Latest),
    ("aster", Completeness::Sampled),
    ("binance-context", Completeness::Latest),
    ("bybit-context", Completeness::Latest),
    ("okx-context", Completeness::Latest),
    ("bitget-context", Completeness::Latest),
    ("binance-spot", Completeness::Latest),
    ("okx-spot", Completeness::Latest),
    ("kraken-spot", Completeness::Latest),
    ("coinbase-spot", Completeness::Latest),
    ("farside", Completeness::Latest),
    ("sosovalue", Completeness::Latest),
    ("finnhub", Completeness::Latest),
    ("alpaca", Completeness::Latest),
    ("mempool-space", Completeness::Latest),
    ("bitcoind", Completeness::Latest),
    ("coingecko", Completeness::Latest),
    ("defillama", Completeness::Latest),
];

/// The full desk with thirty feeds, three of them in trouble far down the list.
pub fn crowded() -> Board {
    let mut board = full_desk();
    for (at, (name, completeness)) in MORE_FEEDS.into_iter().enumerate() {
        let feed = FeedId::new(name);
        board.add_feed(feed.clone(), completeness);
        let state = match name {
            "farside" => FeedState::Forbidden { until: now().plus(Duration::from_mins(42)) },
            "bitcoind" => FeedState::Failed { reason: "cookie file not found".to_owned() },
            "gate-usdt" => FeedState::RegionBlocked { until: now().plus(Duration::from_hours(3)) },
            _ => FeedState::Live,
        };
        let is_live = state.is_watching();
        let health = board.feed_mut(&feed).unwrap();
        health.watched_since = is_live.then(|| ago(5_400));
        health.state = state;
        let pace = if completeness == Completeness::Latest { 41 } else { 1 };
        health.last_frame = is_live.then(|| ago(at as u64 * pace % 900));
        health.last_event = is_live.then(|| ago(at as u64 * 61 % 3_000));
        health.frames = 900 * (at as u64 + 1);
        health.events = 70 * (at as u64 + 1);
    }
    board
}
