//! Boards for tests and benches: the same every time.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built fails its test")]

use std::sync::Arc;
use std::time::Duration;

use market::{
    Alert, AlertState, Board, Completeness, Evidence, FeedId, FeedState, Gap, GapCause, Instrument,
    Liquidation, LiquidationEvidence, MarketEvent, Measure, Mode, Observation, PositionSide, Price, Quantity,
    RollingWindows, RuleState, RuleStatus, Severity, Timestamp, Usd,
};

/// The moment every fixture describes: a Tuesday, 09:03 in New York.
pub const NOW: &str = "2026-01-06T14:03:27Z";

/// The configured feeds and what each tells.
pub const FEEDS: [(&str, Completeness); 3] = [
    ("binance-usdm", Completeness::Sampled),
    ("bybit-linear", Completeness::Complete),
    ("okx", Completeness::Partial),
];

/// Coin, dollars per coin, weight in the draw.
const COINS: [(&str, f64, u64); 12] = [
    ("BTC", 126_296.1, 30),
    ("ETH", 3_912.55, 24),
    ("SOL", 187.42, 12),
    ("XRP", 2.1834, 8),
    ("DOGE", 0.162_34, 6),
    ("1000PEPE", 0.012_34, 5),
    ("HYPE", 41.87, 4),
    ("SUI", 3.4172, 4),
    ("LINK", 22.91, 3),
    ("AVAX", 28.4, 2),
    ("WIF", 0.8123, 1),
    ("SHIB", 0.000_012_34, 1),
];

/// A small seeded generator (`SplitMix64`), so that boards never change with a library.
pub struct Chance(pub u64);

impl Chance {
    /// Any 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// The moment all fixtures describe.
pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// `secs` seconds before it.
pub fn ago(secs: u64) -> Timestamp {
    now().minus(Duration::from_secs(secs))
}

/// A board with its feeds live and nothing seen.
pub fn quiet(mode: Mode) -> Board {
    let mut board = Board::new(mode, now());
    for (name, completeness) in FEEDS {
        let feed = FeedId::new(name);
        board.add_feed(feed.clone(), completeness);
        board.note_state(&feed, ago(252), FeedState::Live);
        board.note_frame(&feed, ago(2));
    }
    board.store.path = Some("/home/desk/.local/share/vigie/store".into());
    board
}

/// An hour and a half of a busy morning: a slide in Bitcoin, a rebound, a venue lost on the way.
pub fn busy() -> Board {
    let mut board = Board::new(Mode::Live, now());
    let mut windows = RollingWindows::default();
    for ((name, completeness), source) in
        FEEDS.into_iter().zip(["fstream.binance.com", "stream.bybit.com", "ws.okx.com:8443"])
    {
        let feed = FeedId::new(name);
        board.add_feed(feed.clone(), completeness);
        board.note_state(&feed, ago(5_400), FeedState::Live);
        let health = board.feed_mut(&feed).unwrap();
        source.clone_into(&mut health.source);
        health.frames = 18_431;
    }
    let mut chance = Chance(7);
    let mut at = 5_390.0;
    while at > 1.0 {
        let event = draw(&mut chance, ago(0).minus(Duration::from_secs_f64(at)), at);
        let is_lost = event.feed.as_str() == "okx" && at < 141.0;
        if !is_lost {
            windows.apply(&event);
            board.apply(&Arc::new(event));
        }
        // A cascade half an hour ago, a calm market before and after.
        let pace = if (1_500.0..1_900.0).contains(&at) { 1.6 } else { 14.0 };
        at -= chance.share() * pace + 0.1;
    }
    windows.advance(now());
    board.totals = windows.totals();
    trouble(&mut board);
    report(&mut board);
    board.now = now();
    board
}

/// One liquidation `at` seconds before the end.
fn draw(chance: &mut Chance, moment: Timestamp, at: f64) -> MarketEvent {
    let mut ticket = chance.below(COINS.iter().map(|coin| coin.2).sum());
    let mut drawn = COINS[0];
    for coin in COINS {
        drawn = coin;
        if ticket < coin.2 {
            break;
        }
        ticket -= coin.2;
    }
    let (coin, par, weight) = drawn;
    let feed = FEEDS[[0, 0, 1, 1, 2][chance.below(5) as usize]].0;
    let is_slide = (1_500.0..1_900.0).contains(&at);
    let slope = match at {
        at if at > 1_900.0 => 0.0,
        at if at > 1_500.0 => -0.021 * (1_900.0 - at) / 400.0,
        at => -0.021 + 0.012 * (1_500.0 - at) / 1_500.0,
    };
    let price = par * (1.0 + slope + 0.002 * (chance.share() - 0.5));
    let longs = if is_slide { 0.93 } else { 0.45 };
    let position = if chance.share() < longs { PositionSide::Long } else { PositionSide::Short };
    // Heavy-tailed, as they are: most are small, a few are millions.
    let scale = 90.0 * (weight as f64).sqrt() * if is_slide { 6.0 } else { 1.0 };
    let size = scale * (1.0 - chance.share()).powf(-1.1);
    let is_unknown = feed == "okx" && coin == "WIF";
    let notional = Usd::new(size.min(weight as f64 * 120_000.0)).unwrap();
    let quantity = Quantity::new(notional.get() / price).unwrap();
    let delay = Duration::from_millis(18 + chance.below(140));
    MarketEvent {
        feed: FeedId::new(feed),
        event_time: moment.minus(delay),
        receive_time: moment,
        known_at: moment,
        observation: Observation::Liquidation(Liquidation {
            symbol: format!("{coin}USDT").as_str().into(),
            instrument: Instrument::perp(coin, "USDT"),
            position,
            price: Price::new(price).unwrap(),
            quantity: (!is_unknown).then_some(quantity),
            notional: (!is_unknown).then_some(notional),
            venue_id: None,
        }),
    }
}

/// OKX answers 429 after a disconnect; Binance was silent for a while; some frames could not be read.
fn trouble(board: &mut Board) {
    let [binance, bybit, okx] = FEEDS.map(|(name, _)| FeedId::new(name));
    let gap = |from, until: Option<u64>, cause, detail: &str| Gap {
        from: ago(from),
        until: until.map(ago),
        cause,
        detail: detail.to_owned(),
    };
    let health = board.feed_mut(&binance).unwrap();
    health.note_gap(&gap(3_104, Some(3_011), GapCause::Silent, ""));
    health.last_frame = Some(ago(1));
    health.rejected = 3;
    health.reconnects = 1;
    let health = board.feed_mut(&bybit).unwrap();
    health.last_frame = Some(ago(0));
    health.frames = 1_204_118;
    let health = board.feed_mut(&okx).unwrap();
    health.note_gap(&gap(4_800, Some(4_790), GapCause::Disconnected, "closed 1006"));
    health.note_gap(&gap(141, None, GapCause::Refused, "429"));
    health.last_frame = Some(ago(141));
    health.reconnects = 2;
    board.note_state(&okx, ago(20), FeedState::RateLimited { until: now().plus(Duration::from_secs(42)) });
    board.store.path = Some("/home/desk/.local/share/vigie/store".into());
    board.store.appended = 41_877;
    board.store.durable = 41_874;
}

/// What the rules said.
fn report(board: &mut Board) {
    let evidence = |notional_usd, events, coverage| {
        Evidence::Liquidations(LiquidationEvidence {
            window_secs: 300,
            notional_usd,
            threshold_usd: 1_000_000.0,
            events,
            unknown_notional: 2,
            coverage,
        })
    };
    let alerts = [
        (Severity::Critical, AlertState::Raised, 1_742, "≥1.42M USD of BTC longs closed in 5 min", 1.42e6),
        (Severity::Critical, AlertState::Cleared, 1_190, "412k USD of BTC longs closed in 5 min", 412e3),
        (Severity::Warning, AlertState::NoData, 101, "okx watched 66.3% of 5 min: rule cannot speak", 3.1e3),
    ];
    for (severity, state, secs, headline, notional) in alerts {
        board.alerts.push(Arc::new(Alert {
            rule: "btc-long-cascade".to_owned(),
            severity,
            state,
            at: ago(secs),
            subject: "long BTC, all venues".to_owned(),
            headline: headline.to_owned(),
            evidence: evidence(notional, 214, 0.997),
        }));
    }
    let rule = |rule: &str, state, notional_usd, threshold_usd| RuleStatus {
        rule: rule.to_owned(),
        severity: Severity::Warning,
        state,
        measure: Measure::Notional {
            usd: notional_usd,
            threshold_usd,
            window: Duration::from_mins(5),
            coverage: 0.53,
        },
    };
    board.rules = vec![
        rule("any-million-hour", RuleState::Quiet, 38_400.0, 250_000.0),
        rule("btc-long-cascade", RuleState::NoData, 3_100.0, 1_000_000.0),
    ];
}

/// The worst the panels may meet, for benches: a full tape and 800 rows of totals.
#[allow(dead_code, reason = "the tests draw smaller boards")]
pub fn full() -> Board {
    let mut board = quiet(Mode::Live);
    let mut windows = RollingWindows::default();
    let mut chance = Chance(11);
    for at in (0..6_000_u64).rev() {
        let mut event = draw(&mut chance, now().minus(Duration::from_millis(at * 500)), at as f64);
        if let Observation::Liquidation(liquidation) = &mut event.observation
            && chance.below(3) > 0
        {
            liquidation.instrument = Instrument::perp(&format!("C{}", chance.below(266)), "USDT");
        }
        windows.apply(&event);
        board.apply(&Arc::new(event));
    }
    windows.advance(now());
    board.totals = windows.totals();
    board
}
