//! What a forecaster says, for tests and benches, the same every time: made up, of a realistic size.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built fails its test")]

use std::time::Duration;

use market::{
    Baselines, Chances, Driver, Forecast, GroupStanding, Interval95, LedgerHead, LiveRecord, LiveScore,
    ModelStanding, Outlook, RegimeReading, ReliabilityBin, Scoreboard, Silence, Timestamp,
};

use crate::fixture::{Chance, ago, now};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Readings `step` apart up to `last`, with a hole of three, in stretches of calm and storm.
fn ribbon(last: Timestamp, step: Duration, count: u32) -> Vec<(Timestamp, f64)> {
    let mut chance = Chance(41);
    let mut level = 0.1;
    let readings = (0..count).rev().map(|back| {
        let target = if (count / 5..count / 3).contains(&back) { 0.92 } else { 0.06 };
        level += (target - level) * 0.2 + (chance.share() - 0.5) * 0.08;
        (back, (last.minus(step * back), level.clamp(0.001, 0.999)))
    });
    readings.filter(|(back, _)| !(20..23).contains(back)).map(|(_, reading)| reading).collect()
}

fn bins(rows: &[(f64, f64, usize)]) -> Vec<ReliabilityBin> {
    rows.iter().map(|&(forecast, happened, count)| ReliabilityBin { forecast, happened, count }).collect()
}

/// Parts that sum to `logit`, the constant first.
fn drivers(logit: f64, parts: &[(&str, f64, f64)]) -> Vec<Driver> {
    let moved: f64 = parts.iter().map(|part| part.2).sum();
    let constant = [("constant", 1.0, logit - moved)];
    let parts = constant.iter().chain(parts);
    parts.map(|&(name, value, contribution)| Driver { name: name.into(), value, contribution }).collect()
}

fn groups(rows: &[(&str, bool, f64, usize)]) -> Vec<GroupStanding> {
    rows.iter()
        .map(|&(name, is_admitted, evidence, resolved)| GroupStanding {
            name: name.into(),
            is_admitted,
            evidence,
            resolved,
        })
        .collect()
}

/// Six weeks of recorded forecasts, scored.
fn live_of_weeks() -> LiveRecord {
    LiveRecord {
        score: Some(LiveScore {
            n: 1_004,
            shifts: 21,
            from: at("2025-11-24T10:00:00Z"),
            to: at("2026-01-05T14:00:00Z"),
            log_loss: 0.081_4,
            baselines: Baselines { base: 0.096_2, markov: 0.094_8, margin_only: 0.085_0 },
            skill: Interval95 { value: 0.125, low: 0.032, high: 0.221 },
            over_margin: Interval95 { value: 0.042, low: -0.051, high: 0.12 },
        }),
        pending: 24,
        unknown: 0,
        abstained: 2,
        drift: None,
    }
}

/// Calm for three days, and likely to stay so; scored on three years of hours.
pub fn calm_day() -> Outlook {
    let made_at = at("2026-01-06T14:00:00Z");
    let (target, asset, model) = ("vol-24h", "BTC", "vol-24h-20260106-7f3a91c4");
    let probability: f64 = 0.041;
    Outlook {
        target: target.into(),
        about: "volatility regime of the next 24 h".into(),
        asset: asset.into(),
        names: vec!["calm".into(), "stormy".into()],
        reading: RegimeReading {
            target: target.into(),
            asset: asset.into(),
            regime: 0,
            name: "calm".into(),
            probabilities: vec![0.921, 0.079],
            since: at("2026-01-03T10:00:00Z"),
            model: model.into(),
        },
        read_at: made_at,
        ribbon: ribbon(made_at, Duration::from_hours(1), 400).into(),
        forecast: Forecast {
            target: target.into(),
            asset: asset.into(),
            regime: 0,
            until: at("2026-01-07T14:00:00Z"),
            shift: Some(Chances { probability, low: 0.02, high: 0.09 }),
            abstained: None,
            baselines: Baselines { base: 0.062, markov: 0.029, margin_only: 0.05 },
            regimes: vec![0],
            model: model.into(),
            sequence: 1_041,
        },
        made_at,
        drivers: drivers(
            (probability / (1.0 - probability)).ln(),
            &[
                ("distance_to_boundary", -1.84, -0.902),
                ("log_ewma_vol_24h", -0.71, -0.327),
                ("liq_intensity_long", 1.42, 0.264),
                ("har_168h", 0.38, 0.121),
                ("parkinson_24h", -0.44, -0.097),
                ("jump_share_24h", 0.92, 0.071),
                ("hour_sin", -0.5, 0.044),
                ("weekday_2", 1.0, -0.031),
                ("funding_z", 0.24, 0.012),
                ("hidden_markov", -2.46, -0.008),
                ("hour_cos", -0.87, 0.003),
                ("drawdown_30d", -0.12, -0.000_2),
            ],
        ),
        groups: groups(&[
            ("flows", false, 0.8, 312),
            ("miners", false, 0.3, 312),
            ("liquidations", true, 24.1, 19_102),
            ("ai", false, 1.0, 0),
            ("funding", false, 1.2, 5_518),
        ]),
        score: Some(Scoreboard {
            n: 19_417,
            shifts: 335,
            from: at("2021-03-04T00:00:00Z"),
            to: at("2023-12-30T23:00:00Z"),
            log_loss: 0.073_1,
            baselines: Baselines { base: 0.087_1, markov: 0.086_6, margin_only: 0.079_7 },
            skill: Interval95 { value: 0.156, low: 0.117, high: 0.194 },
            over_margin: Interval95 { value: 0.083, low: 0.041, high: 0.122 },
            brier: 0.015_8,
            reliability: bins(&[
                (0.000_4, 0.000_3, 6_020),
                (0.004, 0.005, 7_411),
                (0.018, 0.016, 3_884),
                (0.052, 0.061, 1_322),
                (0.11, 0.098, 571),
                (0.24, 0.207, 165),
                (0.41, 0.455, 44),
            ]),
            abstained: 41,
        }),
        live: live_of_weeks(),
        model: ModelStanding {
            id: model.into(),
            trained_through: at("2026-01-05T13:00:00Z"),
            expires_at: at("2026-01-19T13:00:00Z"),
            rows: 12_960,
            drift: None,
        },
        ledger: Some(LedgerHead {
            count: 1_042,
            head: "3f9a01c2d4e5b6978812aa0c5d7714e0f2b39c6a85d1e4f70b2c9d3e6a7f8b10".into(),
        }),
    }
}

/// Stormy, and unlike anything it has seen: it abstains. Its skill's interval includes zero.
pub fn stormy_week() -> Outlook {
    let made_at = at("2026-01-06T00:00:00Z");
    let model = "vol-5d-20251218-0c44d2e1";
    let mut outlook = calm_day();
    outlook.target = "vol-5d".into();
    outlook.about = "volatility regime of the next 5 days".into();
    outlook.read_at = made_at;
    outlook.made_at = made_at;
    outlook.reading = RegimeReading {
        target: "vol-5d".into(),
        regime: 1,
        name: "stormy".into(),
        probabilities: vec![0.184, 0.816],
        since: at("2025-12-29T00:00:00Z"),
        model: model.into(),
        ..outlook.reading
    };
    outlook.ribbon = ribbon(made_at, Duration::from_hours(24), 90).into();
    outlook.forecast = Forecast {
        target: "vol-5d".into(),
        regime: 1,
        until: at("2026-01-11T00:00:00Z"),
        shift: None,
        abstained: Some(
            "unlike any training row: 8.4 deviations away where 6.0 is the limit, liq_intensity_long furthest"
                .into(),
        ),
        baselines: Baselines { base: 0.073, markov: 0.081, margin_only: 0.066 },
        regimes: Vec::new(),
        model: model.into(),
        sequence: 1_029,
        ..outlook.forecast
    };
    outlook.score = outlook.score.map(|_| Scoreboard {
        n: 2_250,
        shifts: 165,
        from: at("2020-01-03T00:00:00Z"),
        to: at("2025-12-28T00:00:00Z"),
        log_loss: 0.251_2,
        baselines: Baselines { base: 0.263_0, markov: 0.261_7, margin_only: 0.254_0 },
        skill: Interval95 { value: 0.04, low: -0.013, high: 0.067 },
        over_margin: Interval95 { value: 0.011, low: -0.012, high: 0.03 },
        brier: 0.066_3,
        reliability: bins(&[
            (0.031, 0.028, 980),
            (0.062, 0.071, 702),
            (0.118, 0.104, 433),
            (0.21, 0.244, 135),
        ]),
        abstained: 12,
    });
    outlook.live = LiveRecord { pending: 4, ..LiveRecord::default() };
    outlook.model = ModelStanding {
        id: model.into(),
        trained_through: at("2025-12-18T00:00:00Z"),
        expires_at: at("2026-02-01T00:00:00Z"),
        rows: 2_920,
        drift: Some(at("2026-01-02T00:00:00Z")),
    };
    outlook
}

/// What the forecaster says of two targets.
pub fn outlooks() -> Vec<Outlook> {
    assert_eq!(ago(207), at("2026-01-06T14:00:00Z"), "the last whole hour before {}", now());
    vec![calm_day(), stormy_week()]
}

/// What it says nothing of.
pub fn silences() -> Vec<Silence> {
    vec![Silence {
        target: "burst-24h".into(),
        reason:
            "burst-24h: only 41 % of the window up to 2026-01-06T14:00:00Z was observed, so its regime is \
                 not known; keep the feeds running, or fetch what is missing with `vigie backfill`"
                .to_owned(),
    }]
}
