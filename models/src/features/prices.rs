//! Closes as known so far: of coins by hour and by UTC day, of shares by session, and what they return.

use std::collections::BTreeMap;

use market::{Bar, Date, Entity, FeedId, Interval, MarketEvent, Timestamp, entities};

use super::sessions::sessions;

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// A share's move beyond a factor of three in one session is a split that one of the closes was not adjusted
/// for: ln 3.
const WIDEST_MOVE: f64 = 1.098_612_288_668_109_8;

/// The hours since 1970 at `at`.
pub(super) fn hour_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(HOUR_MICROS)
}

/// The days since 1970 at `at`.
pub(super) fn day_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(DAY_MICROS)
}

fn number_of(date: Date) -> i64 {
    day_of(date.start())
}

/// A close as it was told.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    /// Whether it is a bar's of that very length; else it was put together from shorter ones.
    is_direct: bool,
    known_at: Timestamp,
    feed: FeedId,
    close: f64,
    high: f64,
    low: f64,
}

impl Told {
    fn new(event: &MarketEvent, bar: &Bar, is_direct: bool) -> Self {
        Self {
            is_direct,
            known_at: event.known_at,
            feed: event.feed.clone(),
            close: bar.close.get(),
            high: bar.high.get(),
            low: bar.low.get(),
        }
    }

    /// The word that stands among several: no order of arrival within one moment matters.
    fn beats(&self, other: &Self) -> bool {
        let prices = |told: &Self| [told.close, told.high, told.low].map(f64::to_bits);
        let rank = |told: &Self| (told.is_direct, told.known_at, prices(told));
        (rank(self), &self.feed) > (rank(other), &other.feed)
    }
}

type Closes = BTreeMap<i64, Told>;

fn tell(closes: &mut Closes, slot: i64, told: Told) -> bool {
    match closes.get(&slot) {
        Some(known) if !told.beats(known) => false,
        Some(_) | None => {
            closes.insert(slot, told);
            true
        }
    }
}

fn log_return(closes: &Closes, from: i64, to: i64) -> Option<f64> {
    Some(libm::log(closes.get(&to)?.close) - libm::log(closes.get(&from)?.close))
}

/// ln(high ÷ low); `None` where they are one price, as a source writes them that knows only closes.
fn log_range(high: f64, low: f64) -> Option<f64> {
    (high > low).then(|| libm::log(high) - libm::log(low))
}

fn range_of(told: Option<&Told>) -> Option<f64> {
    told.and_then(|told| log_range(told.high, told.low))
}

/// One slot's return.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Move {
    pub(super) log_return: f64,
    /// Which of the coin's pairs told it.
    pub(super) pair: usize,
}

/// One pair of a coin.
#[derive(Debug)]
struct Pair {
    symbol: String,
    /// The first day on which the name was no longer the coin's.
    until: Option<i64>,
    hours: Closes,
    days: Closes,
}

/// One coin, priced by several pairs: a slot's return is that of the first pair, in the order of preference,
/// that has both closes as known now.
#[derive(Debug)]
pub(super) struct Coin {
    /// Days before it are another project's.
    starts: Option<i64>,
    pairs: Vec<Pair>,
    hours: BTreeMap<i64, Move>,
    days: BTreeMap<i64, Move>,
}

impl Coin {
    fn new(names: &[(&str, Option<Date>)], starts: Option<Date>) -> Self {
        let pairs = names.iter().flat_map(|(base, until)| {
            ["USDT", "USD", "USDT-PERP"].map(|quote| Pair {
                symbol: format!("{base}-{quote}"),
                until: until.map(number_of),
                hours: BTreeMap::new(),
                days: BTreeMap::new(),
            })
        });
        let pairs = pairs.collect();
        Self { starts: starts.map(number_of), pairs, hours: BTreeMap::new(), days: BTreeMap::new() }
    }

    /// The names of its pairs, the preferred one first.
    pub(super) fn symbols(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|pair| pair.symbol.as_str())
    }

    /// The hourly returns whose hours end in `(after, until]`, both in hours since 1970.
    pub(super) fn hourly(&self, after: i64, until: i64) -> impl DoubleEndedIterator<Item = (i64, Move)> {
        // The bar that starts at hour h ends at h + 1.
        slots(&self.hours, after, until)
    }

    /// The daily returns of the days that end in `(after, until]`, both in days since 1970.
    pub(super) fn daily(&self, after: i64, until: i64) -> impl DoubleEndedIterator<Item = (i64, Move)> {
        slots(&self.days, after, until)
    }

    /// The return of one UTC day.
    pub(super) fn day(&self, day: i64) -> Option<f64> {
        self.days.get(&day).map(|step| step.log_return)
    }

    /// ln(high ÷ low) of one hour, in hours since 1970, by the first pair that tells it.
    pub(super) fn hour_range(&self, hour: i64) -> Option<f64> {
        self.pairs.iter().find_map(|pair| range_of(pair.hours.get(&hour)))
    }

    /// ln(high ÷ low) of one UTC day, in days since 1970: of its own bar, else of its hours, all 24.
    pub(super) fn day_range(&self, day: i64) -> Option<f64> {
        let direct = |pair: &Pair| range_of(pair.days.get(&day).filter(|told| told.is_direct));
        let of_hours = |pair: &Pair| {
            let hours = || pair.hours.range(24 * day..24 * (day + 1)).map(|(_, told)| told);
            let high = hours().map(|told| told.high).fold(0.0, f64::max);
            let low = hours().map(|told| told.low).fold(f64::INFINITY, f64::min);
            (hours().count() == 24).then(|| log_range(high, low))?
        };
        self.pairs.iter().find_map(direct).or_else(|| self.pairs.iter().find_map(of_hours))
    }

    /// The return from the close of one session to the close of the next: between hourly closes at those very
    /// moments, else between the closes of their UTC days.
    pub(super) fn over_session(&self, session: usize) -> Option<f64> {
        let before = session.checked_sub(1)?;
        let ends = |session: usize| {
            Some((hour_of(sessions().close(session)?) - 1, number_of(sessions().date(session)?)))
        };
        let ((from_hour, from_day), (to_hour, to_day)) = (ends(before)?, ends(session)?);
        let hourly = self.pairs.iter().find_map(|pair| log_return(&pair.hours, from_hour, to_hour));
        hourly.or_else(|| self.pairs.iter().find_map(|pair| log_return(&pair.days, from_day, to_day)))
    }

    fn take(&mut self, pair: usize, event: &MarketEvent, bar: &Bar) -> Option<Touched> {
        let told = |is_direct| Told::new(event, bar, is_direct);
        let named = self.pairs.get_mut(pair)?;
        let (hour, day) = (hour_of(event.event_time), day_of(event.event_time));
        if named.until.is_some_and(|until| day >= until) {
            return None;
        }
        let mut touched = Touched::default();
        match bar.interval {
            Interval::Hour => {
                if tell(&mut named.hours, hour, told(true)) {
                    touched.hour = Some(hour);
                }
                // The day's close is its last hour's, where no daily bar tells it.
                if (hour + 1) % 24 == 0 && tell(&mut named.days, day, told(false)) {
                    touched.day = Some(day);
                }
            }
            Interval::Day => {
                if tell(&mut named.days, day, told(true)) {
                    touched.day = Some(day);
                }
            }
            Interval::Minute | Interval::FiveMinutes | Interval::FourHours => {}
        }
        if let Some(hour) = touched.hour {
            for slot in [hour, hour + 1] {
                let step = self.pairs.iter().enumerate().find_map(|(pair, known)| {
                    Some(Move { log_return: log_return(&known.hours, slot - 1, slot)?, pair })
                });
                put(&mut self.hours, slot, step);
            }
        }
        if let Some(day) = touched.day {
            for slot in [day, day + 1] {
                let step = self.daily_move(slot);
                put(&mut self.days, slot, step);
            }
        }
        (touched.hour.is_some() || touched.day.is_some()).then_some(touched)
    }

    /// Daily bars come before what is put together from hourly ones.
    fn daily_move(&self, day: i64) -> Option<Move> {
        if self.starts.is_some_and(|starts| day <= starts) {
            return None;
        }
        let is_direct = |closes: &Closes| {
            [day - 1, day].iter().all(|slot| closes.get(slot).is_some_and(|told| told.is_direct))
        };
        let step = |(pair, known): (usize, &Pair)| {
            Some(Move { log_return: log_return(&known.days, day - 1, day)?, pair })
        };
        let pairs = || self.pairs.iter().enumerate();
        pairs().filter(|(_, pair)| is_direct(&pair.days)).find_map(step).or_else(|| pairs().find_map(step))
    }
}

fn slots(
    moves: &BTreeMap<i64, Move>,
    after: i64,
    until: i64,
) -> impl DoubleEndedIterator<Item = (i64, Move)> {
    let range = after..until.max(after);
    moves.range(range).map(|(slot, step)| (*slot, *step))
}

fn put(moves: &mut BTreeMap<i64, Move>, slot: i64, step: Option<Move>) {
    match step {
        Some(step) => {
            moves.insert(slot, step);
        }
        None => {
            moves.remove(&slot);
        }
    }
}

/// Which slots of a coin a bar changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) hour: Option<i64>,
    pub(super) day: Option<i64>,
}

/// One company or fund: daily closes under each of its tickers, the newest ticker first.
#[derive(Debug)]
pub(super) struct Share {
    starts: Option<Date>,
    tickers: Vec<(Option<Date>, Closes)>,
}

impl Share {
    /// The return of a session; `None` where either close is unknown, the day before was another business's,
    /// or the move is a split's.
    pub(super) fn over_session(&self, session: usize) -> Option<f64> {
        let from = sessions().date(session.checked_sub(1)?)?;
        let to = sessions().date(session)?;
        if self.starts.is_some_and(|starts| from < starts) {
            return None;
        }
        let known =
            self.tickers.iter().find_map(|(_, closes)| log_return(closes, number_of(from), number_of(to)));
        known.filter(|step| step.abs() <= WIDEST_MOVE)
    }
}

/// What a bar changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A coin's slots.
    Coin(usize, Touched),
    /// A share's close of that session.
    Share(usize, usize),
}

/// What a symbol prices.
#[derive(Clone, Copy, Debug)]
enum Place {
    Coin { coin: usize, pair: usize },
    Share { share: usize, ticker: usize },
}

/// Every price that features are made of.
#[derive(Debug, Default)]
pub(super) struct Prices {
    coins: Vec<Coin>,
    shares: Vec<Share>,
    places: BTreeMap<String, Vec<Place>>,
}

impl Prices {
    /// Watches a coin that goes by one name; its number.
    pub(super) fn watch_asset(&mut self, asset: &str) -> usize {
        self.add_coin(Coin::new(&[(asset, None)], None))
    }

    /// Watches a token by all its names; its number.
    pub(super) fn watch_token(&mut self, entity: &Entity) -> usize {
        let names: Vec<(&str, Option<Date>)> =
            entity.tokens.iter().rev().map(|token| (token.symbol.as_str(), token.until)).collect();
        self.add_coin(Coin::new(&names, entity.history_starts))
    }

    fn add_coin(&mut self, coin: Coin) -> usize {
        let number = self.coins.len();
        for (pair, symbol) in coin.symbols().enumerate() {
            self.places.entry(symbol.to_owned()).or_default().push(Place::Coin { coin: number, pair });
        }
        self.coins.push(coin);
        number
    }

    /// Watches a share by all its tickers; its number.
    pub(super) fn watch_share(&mut self, entity: &Entity) -> usize {
        let number = self.shares.len();
        let mut tickers = Vec::new();
        for (ticker, name) in entity.tickers.iter().rev().enumerate() {
            let place = Place::Share { share: number, ticker };
            self.places.entry(name.symbol.to_string()).or_default().push(place);
            tickers.push((name.until, BTreeMap::new()));
        }
        self.shares.push(Share { starts: entity.history_starts, tickers });
        number
    }

    /// Watches the fund of the Nasdaq-100.
    pub(super) fn watch_qqq(&mut self) -> Option<usize> {
        entities().get("qqq").map(|entity| self.watch_share(entity))
    }

    /// Every symbol that is watched, in order.
    pub(super) fn symbols(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    pub(super) fn coin(&self, coin: usize) -> &Coin {
        &self.coins[coin]
    }

    pub(super) fn share(&self, share: usize) -> &Share {
        &self.shares[share]
    }

    /// Takes a final bar in; what it changed.
    pub(super) fn take(&mut self, event: &MarketEvent, bar: &Bar) -> Vec<Change> {
        // What is told of a stretch that has not begun is no fact.
        if !bar.is_final || event.event_time > event.known_at {
            return Vec::new();
        }
        let Some(places) = self.places.get(bar.symbol.as_str()) else { return Vec::new() };
        let mut changes = Vec::new();
        for place in places {
            match *place {
                Place::Coin { coin, pair } => {
                    if let Some(touched) = self.coins[coin].take(pair, event, bar) {
                        changes.push(Change::Coin(coin, touched));
                    }
                }
                Place::Share { share, ticker } => {
                    let date = event.event_time.date();
                    let (Interval::Day, Some(session)) = (bar.interval, sessions().on(date)) else {
                        continue;
                    };
                    let (until, closes) = &mut self.shares[share].tickers[ticker];
                    let told = Told::new(event, bar, true);
                    if until.is_none_or(|until| date < until) && tell(closes, number_of(date), told) {
                        changes.push(Change::Share(share, session));
                    }
                }
            }
        }
        changes
    }
}
