//! Reads a user's file of liquidations.

use std::collections::BTreeSet;

use market::{
    FeedId, Instrument, Liquidation, MarketEvent, Observation, PositionSide, Price, Quantity, Timestamp, Usd,
};
use smol_str::SmolStr;

use super::bars::once;
use super::dates::Order;
use super::numbers::{Cell, read_cell};
use super::report::{ImportError, Imported, Report};
use super::sheet::{Row, Sheet};
use super::times::{Written, read_time};
use crate::venues::{is_dollar, is_plain};

/// What the file does not say itself.
#[derive(Clone, Debug)]
pub struct LiquidationImport {
    /// Under which source events without a venue of their own are kept.
    pub source: FeedId,
    /// Whose side the file tells.
    pub side: SideOf,
    /// The time of the import.
    pub now: Timestamp,
}

/// Whose side a column of sides tells. Venues differ, and a file does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SideOf {
    /// The position that was closed: `long` or `short`.
    #[default]
    Position,
    /// The order that closed it: `sell` closes a long position, `buy` a short one.
    Order,
}

const TIMES: [&str; 7] = ["event_time", "time", "timestamp", "datetime", "date_time", "date", "ts"];
const VENUES: [&str; 3] = ["feed", "venue", "exchange"];
const SYMBOLS: [&str; 2] = ["symbol", "pair"];
const INSTRUMENTS: [&str; 2] = ["instrument", "contract"];
const SIDES: [&str; 5] = ["position", "position_side", "liquidated", "side", "order_side"];
const PRICES: [&str; 2] = ["price", "avg_price"];
const QUANTITIES: [&str; 4] = ["quantity", "qty", "size", "amount"];
const NOTIONALS: [&str; 5] = ["notional", "notional_usd", "value_usd", "usd", "value"];
const IDS: [&str; 2] = ["venue_id", "id"];
const WANTED: &str = "liquidations have time, symbol or instrument, side (of the position: long or short), price, and \
                      quantity or notional; they may have venue and id";
/// What a header has that tells sums instead.
const TOTALS: &str = "these are totals of longs and shorts over a stretch of time, and a total is no liquidation: how many \
                      there were, when and at which price is not in it. Give the file of single liquidations; they \
                      have time, symbol or instrument, side (of the position: long or short), price, and quantity or \
                      notional";
/// How far a notional may be from quantity × price, as a share of it: prices are sometimes those of
/// bankruptcy rather than of the fills.
const AGREEMENT: f64 = 0.1;

/// Reads liquidations from `sheet`: one row each. Equal rows are several liquidations, unless they have
/// an id in common.
///
/// Quantities are base units, notionals US dollars. Where only the quantity is told and the price is in
/// dollars, the notional is their product; where both are told and disagree, the quantity may be one of
/// contracts, and the row is refused.
///
/// # Errors
/// The columns are not those of liquidations, or no row can be taken.
pub fn liquidations(sheet: &Sheet, import: &LiquidationImport) -> Result<Imported, ImportError> {
    let reader = Reader::new(sheet, import)?;
    let mut report = Report { layout: "liquidations", ..Report::default() };
    let mut events = Vec::new();
    let mut ids = BTreeSet::new();
    for row in sheet.rows() {
        match reader.read(row) {
            Ok((feed, _, Liquidation { venue_id: Some(id), .. }))
                if !ids.insert((feed.clone(), id.clone())) =>
            {
                report.refused.push((row.number, format!("the id {id} was there before")));
            }
            Ok((feed, at, liquidation)) => events.push(MarketEvent {
                feed,
                event_time: at,
                receive_time: import.now,
                known_at: at,
                observation: Observation::Liquidation(liquidation),
            }),
            Err(problem) => report.refused.push((row.number, problem)),
        }
    }
    events.sort_by_key(|event| event.known_at);
    Imported::unless_empty(events, report)
}

struct Reader<'a> {
    sheet: &'a Sheet,
    import: &'a LiquidationImport,
    order: Order,
    time: usize,
    venue: Option<usize>,
    symbol: Option<usize>,
    instrument: Option<usize>,
    side: usize,
    price: usize,
    quantity: Option<usize>,
    notional: Option<usize>,
    id: Option<usize>,
}

impl<'a> Reader<'a> {
    fn new(sheet: &'a Sheet, import: &'a LiquidationImport) -> Result<Self, ImportError> {
        if sheet.header().is_empty() || sheet.rows().is_empty() {
            return Err(ImportError::Empty);
        }
        let wanted = if are_totals(sheet) { TOTALS } else { WANTED };
        let layout = || ImportError::Layout { found: sheet.header().to_vec(), wanted };
        let column = |names: &[&str]| sheet.column(names).ok_or_else(layout);
        let time = column(&TIMES)?;
        let order = Order::of(sheet.rows().iter().map(|row| row.cell(time)))
            .map_err(|(day_first, month_first)| ImportError::MixedDates { day_first, month_first })?;
        let reader = Self {
            sheet,
            import,
            order,
            time,
            venue: sheet.column(&VENUES),
            symbol: sheet.column(&SYMBOLS),
            instrument: sheet.column(&INSTRUMENTS),
            side: column(&SIDES)?,
            price: column(&PRICES)?,
            quantity: sheet.column(&QUANTITIES),
            notional: sheet.column(&NOTIONALS),
            id: sheet.column(&IDS),
        };
        let is_named = reader.symbol.or(reader.instrument).is_some();
        if !is_named || reader.quantity.or(reader.notional).is_none() {
            return Err(layout());
        }
        let Self { venue, symbol, instrument, side, price, quantity, notional, id, .. } = &reader;
        let needed = [*side, *price, time];
        for at in needed
            .into_iter()
            .chain([venue, symbol, instrument, quantity, notional, id].into_iter().flatten().copied())
        {
            once(sheet, at)?;
        }
        Ok(reader)
    }

    fn wrong(&self, at: usize, text: &str, problem: &str) -> String {
        format!("{} is {text:?}, {problem}", self.sheet.header()[at])
    }

    fn read(&self, row: &Row) -> Result<(FeedId, Timestamp, Liquidation), String> {
        if let Some(problem) = row.complain_of_length(self.sheet.header().len()) {
            return Err(problem);
        }
        let at = self.moment(row)?;
        let (symbol, instrument) = self.instrument(row)?;
        let price = self
            .amount(row, self.price)?
            .ok_or_else(|| self.wrong(self.price, row.cell(self.price), "no price"))?;
        let price = Price::new(price)
            .map_err(|_| self.wrong(self.price, row.cell(self.price), "not a price above zero"))?;
        let (quantity, notional) = self.size(row, price, &instrument)?;
        let venue_id = self.id.map(|id| row.cell(id)).filter(|id| !id.is_empty()).map(SmolStr::new);
        let position = self.position(row)?;
        let liquidation = Liquidation { symbol, instrument, position, price, quantity, notional, venue_id };
        Ok((self.feed(row)?, at, liquidation))
    }

    fn moment(&self, row: &Row) -> Result<Timestamp, String> {
        let text = row.cell(self.time);
        let at = match read_time(text, self.order) {
            Ok(Written::Moment(at, _)) => at,
            Ok(Written::Day(_)) => {
                return Err(self.wrong(self.time, text, "a day, not a moment with its zone"));
            }
            Err(problem) => return Err(self.wrong(self.time, text, problem)),
        };
        if at > self.import.now { Err(self.wrong(self.time, text, "still to come")) } else { Ok(at) }
    }

    fn feed(&self, row: &Row) -> Result<FeedId, String> {
        let Some((at, text)) = self.venue.map(|at| (at, row.cell(at))).filter(|(_, text)| !text.is_empty())
        else {
            return Ok(self.import.source.clone());
        };
        let name = text.to_lowercase().replace([' ', '_'], "-");
        if is_plain(&name) { Ok(FeedId::new(&name)) } else { Err(self.wrong(at, text, "not a venue's name")) }
    }

    /// The symbol as it is written, and the contract it means.
    fn instrument(&self, row: &Row) -> Result<(SmolStr, Instrument), String> {
        let cell = |at: Option<usize>| at.map(|at| (at, row.cell(at))).filter(|(_, text)| !text.is_empty());
        let (symbol, told) = (cell(self.symbol), cell(self.instrument));
        let Some((at, text)) = told.or(symbol) else {
            return Err("neither symbol nor instrument".to_owned());
        };
        if !is_plain(text) {
            return Err(self.wrong(at, text, "not a symbol"));
        }
        let instrument = contract(text).ok_or_else(|| {
            self.wrong(at, text, "not surely one contract; give an instrument such as BTC-USDT-PERP")
        })?;
        let (at, written) = symbol.unwrap_or((at, text));
        if is_plain(written) {
            Ok((SmolStr::new(written), instrument))
        } else {
            Err(self.wrong(at, written, "not a symbol"))
        }
    }

    fn position(&self, row: &Row) -> Result<PositionSide, String> {
        let text = row.cell(self.side);
        match (text.to_lowercase().as_str(), self.import.side) {
            ("long", SideOf::Position) | ("sell", SideOf::Order) => Ok(PositionSide::Long),
            ("short", SideOf::Position) | ("buy", SideOf::Order) => Ok(PositionSide::Short),
            ("buy" | "sell", SideOf::Position) => Err(self.wrong(
                self.side,
                text,
                "which may be the order's side or the position's; say that sides are those of orders, or write long and short",
            )),
            (_, SideOf::Position) => Err(self.wrong(self.side, text, "neither long nor short")),
            (_, SideOf::Order) => Err(self.wrong(self.side, text, "neither buy nor sell")),
        }
    }

    fn amount(&self, row: &Row, at: usize) -> Result<Option<f64>, String> {
        match read_cell(row.cell(at), self.sheet.commas()) {
            Ok(Cell::Amount(amount)) => Ok(Some(amount)),
            Ok(Cell::Blank | Cell::Dash) => Ok(None),
            Err(problem) => Err(self.wrong(at, row.cell(at), problem)),
        }
    }

    fn above_zero(&self, row: &Row, at: Option<usize>) -> Result<Option<f64>, String> {
        let Some(at) = at else { return Ok(None) };
        match self.amount(row, at)? {
            Some(amount) if amount > 0.0 => Ok(Some(amount)),
            Some(_) => Err(self.wrong(at, row.cell(at), "not above zero")),
            None => Ok(None),
        }
    }

    fn size(
        &self,
        row: &Row,
        price: Price,
        instrument: &Instrument,
    ) -> Result<(Option<Quantity>, Option<Usd>), String> {
        let quantity = self.above_zero(row, self.quantity)?;
        let notional = self.above_zero(row, self.notional)?;
        let worth = quantity.filter(|_| is_dollar(&instrument.quote)).map(|quantity| quantity * price.get());
        if let (Some(worth), Some(notional)) = (worth, notional)
            && (worth - notional).abs() > AGREEMENT * notional
        {
            return Err(format!(
                "quantity × price is {worth:.2}, the notional says {notional:.2}; is the quantity one of contracts?"
            ));
        }
        let quantity = quantity.map(Quantity::new).transpose().map_err(|error| error.to_string())?;
        let notional = notional.or(worth).map(Usd::new).transpose().map_err(|error| error.to_string())?;
        if quantity.is_none() && notional.is_none() {
            return Err("neither quantity nor notional".to_owned());
        }
        Ok((quantity, notional))
    }
}

/// Whether one column is called after the longs and another after the shorts.
fn are_totals(sheet: &Sheet) -> bool {
    let is_of = |side: &str| sheet.header().iter().any(|name| name.to_lowercase().contains(side));
    is_of("long") && is_of("short")
}

/// The contract that `text` surely means: our own name, OKX's name of a swap, or a perpetual in a
/// dollar coin as Binance and Bybit write it.
pub(super) fn contract(text: &str) -> Option<Instrument> {
    let text = text.to_ascii_uppercase();
    if let Ok(instrument) = text.parse::<Instrument>() {
        return Some(instrument);
    }
    let is_name = |name: &str| !name.is_empty() && name.chars().all(char::is_alphanumeric);
    if let Some((base, quote)) = text.strip_suffix("-SWAP").and_then(|pair| pair.split_once('-')) {
        return (is_name(base) && is_name(quote)).then(|| Instrument::perp(base, quote));
    }
    if let Some(base) = text.strip_suffix("USD_PERP") {
        return is_name(base).then(|| Instrument::perp(base, "USD"));
    }
    let (base, quote) =
        ["USDT", "USDC"].iter().find_map(|quote| Some((text.strip_suffix(quote)?, *quote)))?;
    is_name(base).then(|| Instrument::perp(base, quote))
}

#[cfg(test)]
mod tests;
