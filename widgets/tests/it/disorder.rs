//! Desks that no decoder would let through: for what must never panic.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built fails its test")]

use std::sync::Arc;

use market::{
    Beta, Chances, Date, Desk, FeedId, FlowCell, FlowDay, FlowStatus, FlowTable, Gains, Instrument,
    Interval95, Occasion, OccasionTime, Outlook, Price, PricePoint, Silence, Standing, TARGETS, Timestamp,
    Usd,
};

use crate::desk::{desk, occasions};
use crate::fixture::{Chance, now};
use crate::outlooks::calm_day;

/// A desk of anything: odd names, extreme numbers, tables that contradict themselves.
pub fn any_desk(chance: &mut Chance) -> Desk {
    let mut desk = desk();
    desk.flows = (0..chance.below(4)).map(|_| Arc::new(any_flows(chance))).collect();
    for stock in &mut desk.stocks {
        stock.symbol = any_name(chance).into();
        stock.name = any_name(chance).into();
        stock.last = any_point(chance);
        stock.gains = any_gains(chance);
        stock.deal = Some(any_name(chance).repeat(4));
        stock.deal_usd_per_mw_year = any_figure(chance);
        stock.beta = Some(Beta {
            beta: any_figure(chance).unwrap_or(f64::NAN),
            std_error: any_figure(chance).unwrap_or(f64::INFINITY),
            days: chance.next() as usize,
            residual: any_figure(chance),
        });
    }
    desk.miners = (any_gains(chance), chance.below(3) as usize);
    desk.basket = (any_gains(chance), chance.below(3) as usize);
    if let Some(mining) = &mut desk.mining {
        mining.hashprice_usd = any_figure(chance).unwrap_or(f64::NAN);
        mining.usd_per_mw_year = any_figure(chance).unwrap_or(0.0);
        mining.uptime = any_figure(chance).unwrap_or(2.0);
    }
    for deal in &mut desk.deals {
        deal.host = any_name(chance).into();
        deal.usd = any_figure(chance).unwrap_or(f64::NEG_INFINITY);
        deal.years = any_figure(chance).unwrap_or(f64::NAN);
        deal.megawatts = any_figure(chance);
        deal.announced = any_day(chance);
    }
    for token in &mut desk.tokens {
        token.asset = any_name(chance).into();
        token.last = any_point(chance);
        token.gains = any_gains(chance);
        token.against_bitcoin = any_figure(chance);
    }
    for contract in &mut desk.contracts {
        contract.venue = FeedId::new(any_name(chance));
        contract.instrument = Instrument::perp(any_name(chance), "USDT");
        contract.annualised = any_figure(chance);
        contract.funding = any_figure(chance).map(|rate| (rate, any_figure(chance), any_moment(chance)));
        let size = any_figure(chance).and_then(|size| Usd::new(size).ok());
        contract.open_interest = size.map(|size| (size, any_moment(chance)));
    }
    for treasury in &mut desk.treasuries {
        treasury.holder = any_name(chance).into();
        treasury.as_of = any_day(chance);
    }
    // Sometimes a part of the desk is all there is.
    match chance.below(6) {
        0 => desk.stocks.clear(),
        1 => desk.mining = None,
        2 => desk.contracts.clear(),
        3 => return Desk { deals: desk.deals, ..Desk::default() },
        4 => return Desk { treasuries: desk.treasuries, ..Desk::default() },
        _ => {}
    }
    desk
}

/// Occasions at any time, with figures or without.
pub fn any_occasions(chance: &mut Chance) -> Vec<Occasion> {
    let mut occasions = occasions();
    for occasion in &mut occasions {
        occasion.at = match chance.below(2) {
            0 => OccasionTime::Day(any_day(chance)),
            _ => OccasionTime::Moment(any_moment(chance)),
        };
        occasion.title = any_name(chance).repeat(3);
        occasion.note = Some(any_name(chance).repeat(9));
        occasion.figures.usd = any_figure(chance);
        occasion.figures.change_bp = any_figure(chance);
        occasion.figures.years = any_figure(chance);
        occasion.is_estimate = chance.below(2) == 0;
    }
    occasions.truncate(chance.below(9) as usize);
    occasions
}

/// Outlooks of anything: numbers that are none, lists that do not fit each other, times in disorder.
pub fn any_outlooks(chance: &mut Chance) -> (Arc<[Outlook]>, Arc<[Silence]>) {
    let outlooks = (0..chance.below(5)).map(|_| any_outlook(chance)).collect();
    let silences = (0..chance.below(4))
        .map(|_| Silence { target: any_target(chance).into(), reason: any_name(chance).repeat(20) })
        .collect();
    (outlooks, silences)
}

fn any_target(chance: &mut Chance) -> &'static str {
    let known = TARGETS[chance.below(4) as usize].id;
    [known, known, any_name(chance)][chance.below(3) as usize]
}

fn any_number(chance: &mut Chance) -> f64 {
    any_figure(chance).unwrap_or(0.4)
}

fn any_outlook(chance: &mut Chance) -> Outlook {
    let mut outlook = calm_day();
    outlook.target = any_target(chance).into();
    outlook.asset = any_name(chance).into();
    outlook.names = (0..chance.below(3)).map(|_| any_name(chance).into()).collect();
    outlook.reading.regime = chance.next() as u8;
    outlook.reading.since = any_moment(chance);
    outlook.reading.probabilities = (0..chance.below(3)).map(|_| any_number(chance)).collect();
    if chance.below(2) == 0 {
        outlook.read_at = any_moment(chance);
        outlook.made_at = any_moment(chance);
        outlook.forecast.until = any_moment(chance);
    }
    if chance.below(2) == 0 {
        outlook.ribbon = (0..chance.below(300)).map(|_| (any_moment(chance), any_number(chance))).collect();
    }
    outlook.forecast.shift = (chance.below(3) > 0).then(|| Chances {
        probability: any_number(chance),
        low: any_number(chance),
        high: any_number(chance),
    });
    outlook.forecast.abstained = (chance.below(3) == 0).then(|| any_name(chance).into());
    outlook.forecast.regimes = (0..chance.below(4)).map(|_| chance.next() as u8).collect();
    outlook.forecast.baselines.markov = any_number(chance);
    outlook.drivers.truncate(chance.below(14) as usize);
    for driver in &mut outlook.drivers {
        driver.value = any_number(chance);
        driver.contribution = any_number(chance);
    }
    outlook.groups.truncate(chance.below(6) as usize);
    for group in &mut outlook.groups {
        group.name = any_name(chance).into();
        group.evidence = any_number(chance);
        group.resolved = chance.next() as usize;
    }
    if let Some(score) = &mut outlook.score {
        score.n = chance.below(3) as usize;
        score.shifts = chance.next() as usize;
        score.log_loss = any_number(chance);
        score.skill = any_interval(chance);
        score.over_margin = any_interval(chance);
        score.reliability.truncate(chance.below(8) as usize);
        for bin in &mut score.reliability {
            bin.forecast = any_number(chance);
            bin.happened = any_number(chance);
        }
    }
    outlook.score = outlook.score.filter(|_| chance.below(4) > 0);
    outlook.model.id = any_name(chance).into();
    outlook.model.expires_at = any_moment(chance);
    outlook.model.drift = (chance.below(2) == 0).then(|| any_moment(chance));
    outlook.live.drift = (chance.below(2) == 0).then(|| any_moment(chance));
    if let Some(score) = &mut outlook.live.score {
        score.n = chance.next() as usize;
        score.skill = any_interval(chance);
        score.baselines.base = any_number(chance);
    }
    outlook.live.score = outlook.live.score.filter(|_| chance.below(4) > 0);
    if let Some(ledger) = &mut outlook.ledger {
        ledger.count = chance.next();
        ledger.head = any_name(chance).into();
    }
    outlook
}

fn any_interval(chance: &mut Chance) -> Interval95 {
    Interval95 { value: any_number(chance), low: any_number(chance), high: any_number(chance) }
}

fn any_flows(chance: &mut Chance) -> FlowTable {
    let funds: Vec<_> = (0..chance.below(16)).map(|_| any_name(chance).into()).collect();
    let days = (0..chance.below(30)).map(|_| FlowDay {
        trade_date: any_day(chance),
        // As many cells as funds, or not.
        cells: (0..chance.below(16))
            .map(|_| match (chance.below(3), any_figure(chance).and_then(|flow| Usd::new(flow).ok())) {
                (0, _) => FlowCell::Unlisted,
                (1, _) | (_, None) => FlowCell::Pending,
                (_, Some(flow)) => FlowCell::Flow(flow),
            })
            .collect(),
        total: any_figure(chance).and_then(|total| Usd::new(total).ok()),
        reported: chance.below(20) as usize,
        pending: chance.below(20) as usize,
        status: FlowStatus::Provisional,
        known_at: any_moment(chance),
    });
    let days = days.collect();
    FlowTable { asset: any_name(chance).into(), source: FeedId::new(any_name(chance)), funds, days }
}

fn any_name(chance: &mut Chance) -> &'static str {
    ["BTC", "ETH", "", "日本取引所", "TOTAL", "a-name-that-is-longer-than-any-column-has-room-for", "\u{7}\n"]
        [chance.below(7) as usize]
}

fn any_figure(chance: &mut Chance) -> Option<f64> {
    let size = 10_f64.powf(chance.share() * 40.0 - 20.0);
    [
        Some(size),
        Some(-size),
        Some(0.0),
        Some(-0.0),
        Some(f64::NAN),
        Some(f64::INFINITY),
        Some(f64::MAX),
        None,
    ][chance.below(8) as usize]
}

fn any_gains(chance: &mut Chance) -> Gains {
    Gains { one_day: any_figure(chance), five_days: any_figure(chance), thirty_days: any_figure(chance) }
}

fn any_moment(chance: &mut Chance) -> Timestamp {
    Timestamp::from_micros((chance.next() % 253_402_207_200_000_000) as i64).unwrap()
}

fn any_day(chance: &mut Chance) -> Date {
    let near = now().date().plus_days(chance.below(60) as i32 - 40);
    let days = [Date::from_days(0), Date::from_days(2_932_895), near, near];
    days[chance.below(4) as usize].unwrap()
}

fn any_point(chance: &mut Chance) -> Option<PricePoint> {
    let standings = [Standing::Live, Standing::Pre, Standing::Post, Standing::LastSession, Standing::Stale];
    Some(PricePoint {
        price: Price::new(any_figure(chance)?).ok()?,
        at: any_moment(chance),
        source: FeedId::new(any_name(chance)),
        standing: standings[chance.below(5) as usize],
    })
}
