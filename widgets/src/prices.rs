//! How last prices and gains stand in tables: the price, what it is worth now, and its age.

use market::{Gains, PricePoint, Standing, Timestamp};
use ratatui::style::Style;

use crate::figures::age;
use crate::phrase::Phrase;
use crate::signs::{UNKNOWN, gain_or_unknown, say_gain, style_of};
use crate::theme::Theme;

/// The style of a price and of what is said of it.
pub(crate) fn style(standing: Standing, theme: &Theme) -> Style {
    match standing {
        Standing::Live | Standing::Pre | Standing::Post => theme.text,
        Standing::LastSession => theme.dim,
        Standing::Stale => theme.warn,
    }
}

/// A last price as `figure` writes it.
pub(crate) fn price_cell(
    last: Option<&PricePoint>,
    figure: fn(f64) -> String,
    theme: &Theme,
) -> (String, Style) {
    match last {
        Some(last) => (figure(last.price.get()), style(last.standing, theme)),
        None => (UNKNOWN.to_owned(), theme.dim),
    }
}

/// What a last price is worth now.
pub(crate) fn standing_cell(last: Option<&PricePoint>, theme: &Theme) -> (String, Style) {
    match last {
        Some(PricePoint { standing: Standing::Live, .. }) => ("live".to_owned(), theme.good),
        Some(last) => (last.standing.as_str().to_owned(), style(last.standing, theme)),
        None => ("no price".to_owned(), theme.dim),
    }
}

/// How old a last price is.
pub(crate) fn age_cell(last: Option<&PricePoint>, now: Timestamp, theme: &Theme) -> (String, Style) {
    match last {
        Some(last) if last.standing == Standing::Stale => (age(now.since(last.at)), theme.warn),
        Some(last) => (age(now.since(last.at)), theme.dim),
        None => (String::new(), theme.dim),
    }
}

/// A gain that may not be known; that of a price of another session recedes with it.
pub(crate) fn gain_cell(gain: Option<f64>, last: Option<&PricePoint>, theme: &Theme) -> (String, Style) {
    let is_over = last.is_none_or(|last| matches!(last.standing, Standing::LastSession | Standing::Stale));
    (gain_or_unknown(gain), if is_over { theme.dim } else { style_of(gain, theme) })
}

/// ` 126,296.10 binance-spot 2s`.
pub(crate) fn say_price(
    phrase: Phrase,
    last: &PricePoint,
    (figure, now): (fn(f64) -> String, Timestamp),
    theme: &Theme,
) -> Phrase {
    phrase
        .and(&figure(last.price.get()), style(last.standing, theme))
        .and(&format!("{} {}", last.source, age(now.since(last.at))), theme.dim)
}

/// `miners equal weight of 9`, `1d ▲ +2.1%`, `5d …`, `30d …`.
pub(crate) fn basket(
    name: &str,
    (gains, over): (Gains, usize),
    best: Best<'_>,
    theme: &Theme,
) -> Vec<Phrase> {
    if over == 0 {
        return vec![Phrase::new(name, theme.title).and("no member has a price", theme.dim)];
    }
    let first = Phrase::new(name, theme.title).and(&format!("equal weight of {over}"), theme.label);
    let first = best.qualify(first, theme);
    let spans = [("1d", gains.one_day), ("5d", gains.five_days), ("30d", gains.thirty_days)];
    let gain = |(span, gain)| say_gain(Phrase::new(span, theme.label), gain, theme);
    std::iter::once(first).chain(spans.map(gain)).collect()
}

/// What the best of some prices is worth: a figure over all of them is worth no more.
#[derive(Clone, Copy)]
pub(crate) struct Best<'a> {
    price: Option<&'a PricePoint>,
    now: Timestamp,
}

impl<'a> Best<'a> {
    pub(crate) fn of(prices: impl Iterator<Item = Option<&'a PricePoint>>, now: Timestamp) -> Self {
        let rank = |last: &&PricePoint| match last.standing {
            Standing::Live => 4,
            Standing::Pre | Standing::Post => 3,
            Standing::LastSession => 2,
            Standing::Stale => 1,
        };
        Self { price: prices.flatten().max_by_key(|last| (rank(last), last.at)), now }
    }

    /// Appends what must be known: nothing while any price is live.
    pub(crate) fn qualify(self, phrase: Phrase, theme: &Theme) -> Phrase {
        match self.price {
            None | Some(PricePoint { standing: Standing::Live, .. }) => phrase,
            Some(last) if last.standing == Standing::Stale => {
                phrase.and(&format!("stale {}", age(self.now.since(last.at))), theme.warn)
            }
            Some(last) => phrase.and(last.standing.as_str(), theme.dim),
        }
    }
}

/// How many of some prices are stale, for a head: `3 prices stale`.
pub(crate) fn stale_tag<'a>(prices: impl Iterator<Item = Option<&'a PricePoint>>) -> Option<String> {
    match prices.flatten().filter(|last| last.standing == Standing::Stale).count() {
        0 => None,
        1 => Some("1 price stale".to_owned()),
        stale => Some(format!("{stale} prices stale")),
    }
}
