//! Decodes Deribit's trades that liquidated someone, and the tickers of its perpetuals.
//!
//! Every trade is told. `liquidation` names who was liquidated, the maker (`M`), the taker (`T`) or both
//! (`MT`), and `direction` is the taker's side: a taker that sold closed a long. Amounts count US dollars
//! for contracts settled in the coin and base units for those settled in USDC. Source: Deribit's API
//! documentation, 2026.

use std::collections::HashMap;
use std::time::Duration;

use market::{Contract, Payload, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::blank::{maybe_number, maybe_price};
use super::contract_state::{ContractState, Funding};
use super::paced::Paced;
use super::recent::Recent;
use super::symbols::{Listed, Size, Symbols};
use super::wire::{Scalar, all_or_nothing, parse, required, text, wrong};
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use names::{is_linear, is_option, parse_symbol};
use trades::{Trade, liquidations};

mod names;
mod trades;

pub(super) const URL: &str = "wss://www.deribit.com/ws/api/v2";

/// Currencies whose contracts are settled in the coin.
const COINS: [&str; 2] = ["BTC", "ETH"];
/// The currency that settles the linear contracts of every other asset.
const LINEAR: &str = "USDC";
const HEARTBEAT_ID: i64 = 1;
const TRADES_ID: i64 = 2;
const TEST_ID: i64 = 3;
const TICKERS_ID: i64 = 4;
const INSTRUMENTS_ID: i64 = 5;
/// Trades reach two connections in batches that are cut differently, so replacing a healthy connection
/// would count some of them twice; Deribit does not end one by itself.
const ROTATE_AFTER: Duration = Duration::from_hours(24 * 7);
const TEST_EVERY: Duration = Duration::from_secs(20);
/// Liquidating trades remembered against a second telling.
const MOST_TRADES: usize = 16_384;
/// `funding_8h` moves with every tick; once a minute of it is told.
const FUNDING_EVERY: Duration = Duration::from_mins(1);
/// More tickers than Deribit takes in one message.
const MOST_TICKERS: usize = 400;

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    Box::new(Deribit {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        is_subscribed: false,
        symbols: Symbols::new(config.instruments.clone()),
        wanted: config.instruments.clone(),
        context: config.context.clone(),
        told: Recent::of(MOST_TRADES),
        paced: Paced::default(),
        funding_told: HashMap::new(),
        wants_test: false,
        asks: Vec::new(),
    })
}

struct Deribit {
    url: String,
    is_subscribed: bool,
    symbols: Symbols,
    wanted: Instruments,
    /// Assets whose tickers are followed.
    context: Instruments,
    told: Recent,
    paced: Paced,
    funding_told: HashMap<SmolStr, Timestamp>,
    /// Whether the venue asked for a sign of life.
    wants_test: bool,
    /// Messages about context, sent once trades are subscribed: their failure costs no trade.
    asks: Vec<String>,
}

impl Decoder for Deribit {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let frame: Frame<'_> = parse(text(payload)?)?;
        let before = out.len();
        let kind = all_or_nothing(out, |out| self.take(&frame, out))?;
        self.paced.sift(out, before);
        Ok(kind)
    }
}

impl StreamProtocol for Deribit {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.is_subscribed = false;
        self.wants_test = false;
        self.asks.clear();
    }

    fn next_request(&mut self) -> Option<String> {
        None
    }

    fn forget_references(&mut self) {}

    fn subscribe(&mut self) -> Vec<String> {
        let channels = self.trade_channels();
        vec![
            call(TRADES_ID, "public/subscribe", &serde_json::json!({ "channels": channels })),
            call(HEARTBEAT_ID, "public/set_heartbeat", &serde_json::json!({ "interval": 30 })),
        ]
    }

    fn outgoing(&mut self) -> Vec<String> {
        let mut messages = std::mem::take(&mut self.asks);
        if std::mem::take(&mut self.wants_test) {
            messages.push(call(TEST_ID, "public/test", &serde_json::json!({})));
        }
        messages
    }

    fn is_subscribed(&self) -> bool {
        self.is_subscribed
    }

    fn heartbeat(&self) -> Heartbeat {
        let message = call(TEST_ID, "public/test", &serde_json::json!({}));
        Heartbeat::Text { every: TEST_EVERY, message }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

fn call(id: i64, method: &str, params: &serde_json::Value) -> String {
    serde_json::json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// Every shape a message has, told apart by the keys that are there.
#[derive(Deserialize)]
struct Frame<'a> {
    /// Notifications.
    #[serde(borrow)]
    method: Option<Scalar<'a>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    /// Answers, of REST too.
    #[serde(borrow)]
    id: Option<Scalar<'a>>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Beat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Notice<'a> {
    #[serde(borrow)]
    channel: Option<Scalar<'a>>,
    /// Left as it is until the channel is known: most channels are not ours.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow)]
    instrument_name: Option<Scalar<'a>>,
    /// Milliseconds.
    #[serde(borrow)]
    timestamp: Option<Scalar<'a>>,
    #[serde(borrow)]
    mark_price: Option<Scalar<'a>>,
    /// US dollars, or base units of linear contracts.
    #[serde(borrow)]
    open_interest: Option<Scalar<'a>>,
    /// What longs paid shorts over the last eight hours, as a fraction. Perpetuals only.
    #[serde(borrow)]
    funding_8h: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct InstrumentRow<'a> {
    #[serde(borrow)]
    instrument_name: Option<Scalar<'a>>,
    is_active: Option<bool>,
}

impl Deribit {
    fn trade_channels(&self) -> Vec<String> {
        let coins = COINS.into_iter().filter(|coin| self.wanted.wants(coin));
        coins.chain([LINEAR]).map(|currency| format!("trades.future.{currency}.100ms")).collect()
    }

    fn take(&mut self, frame: &Frame<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        if let Some(method) = &frame.method {
            let params = frame.params.ok_or_else(|| wrong("params", "", "missing"))?;
            return match method.as_text().as_ref() {
                "subscription" => self.take_notice(&parse(params.get())?, out),
                "heartbeat" => self.take_beat(&parse(params.get())?),
                other => Err(wrong("method", other, "not a known method")),
            };
        }
        if let Some(Refusal { code, message }) = &frame.error {
            let words = |part: &Option<Scalar<'_>>| {
                part.as_ref().map(|part| part.as_text().into_owned()).unwrap_or_default()
            };
            return Ok(FrameKind::Refused(format!("{}: {}", words(code), words(message))));
        }
        let result = frame.result.ok_or(DecodeError::Unknown)?;
        let id = frame.id.as_ref().and_then(|id| id.number("id").ok()).map_or(0, |id| id as i64);
        self.take_result(id, result.get())
    }

    fn take_beat(&mut self, beat: &Beat<'_>) -> Result<FrameKind, DecodeError> {
        self.wants_test |= required("type", beat.kind.as_ref())?.as_text() == "test_request";
        Ok(FrameKind::Keepalive)
    }

    fn take_result(&mut self, id: i64, result: &str) -> Result<FrameKind, DecodeError> {
        match id {
            TEST_ID => return Ok(FrameKind::Keepalive),
            HEARTBEAT_ID => return Ok(FrameKind::Ack),
            TRADES_ID => return Ok(self.take_trades_answer(&parse::<Vec<Scalar<'_>>>(result)?)),
            _ => {}
        }
        if let Ok(rows) = parse::<Vec<InstrumentRow<'_>>>(result) {
            if rows.iter().any(|row| row.instrument_name.is_none()) {
                return Err(DecodeError::Unknown);
            }
            self.follow(&rows);
            return Ok(FrameKind::Reference("instruments"));
        }
        // Channels that are subscribed, of whatever was asked.
        parse::<Vec<Scalar<'_>>>(result).map(|_| FrameKind::Ack).map_err(|_| DecodeError::Unknown)
    }

    /// The venue leaves out of its answer what it does not serve.
    fn take_trades_answer(&mut self, served: &[Scalar<'_>]) -> FrameKind {
        let is_served = |channel: &str| served.iter().any(|told| told.as_text() == channel);
        if let Some(missing) = self.trade_channels().into_iter().find(|channel| !is_served(channel)) {
            return FrameKind::Refused(format!("{missing} was asked for and is not served"));
        }
        self.is_subscribed = true;
        let currencies = COINS.into_iter().chain([LINEAR]);
        self.asks = currencies
            .map(|currency| {
                let params = serde_json::json!({ "currency": currency, "kind": "future", "expired": false });
                call(INSTRUMENTS_ID, "public/get_instruments", &params)
            })
            .collect();
        FrameKind::Ack
    }

    /// Asks for the tickers of those perpetuals whose assets are followed.
    fn follow(&mut self, rows: &[InstrumentRow<'_>]) {
        let channels: Vec<String> = rows
            .iter()
            .filter(|row| row.is_active != Some(false))
            .filter_map(|row| row.instrument_name.as_ref().map(Scalar::as_text))
            .filter(|name| {
                parse_symbol(name).is_some_and(|known| {
                    known.contract == Contract::Perp && self.context.wants(known.asset())
                })
            })
            .map(|name| format!("ticker.{name}.agg2"))
            .take(MOST_TICKERS)
            .collect();
        if !channels.is_empty() && self.asks.len() < COINS.len() + 1 {
            let params = serde_json::json!({ "channels": channels });
            self.asks.push(call(TICKERS_ID, "public/subscribe", &params));
        }
    }

    fn take_notice(&mut self, notice: &Notice<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let channel = required("channel", notice.channel.as_ref())?.as_text();
        let data = notice.data.ok_or_else(|| wrong("data", "", "missing"))?.get();
        match channel.split('.').next().unwrap_or_default() {
            "trades" => self.take_trades(&parse::<Vec<Trade<'_>>>(data)?, out),
            "ticker" => self.take_ticker(&parse(data)?, out),
            other => label(other)
                .map(FrameKind::Ignored)
                .ok_or_else(|| wrong("channel", &channel, "not a known channel")),
        }
    }

    fn take_trades(
        &mut self,
        trades: &[Trade<'_>],
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let Some(found) = liquidations(trades, &mut self.symbols)? else {
            return Ok(FrameKind::Ignored("trades"));
        };
        found.tell(&mut self.told, out)?;
        Ok(FrameKind::Data("liquidation"))
    }

    fn take_ticker(&mut self, ticker: &Ticker<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let name = required("instrument_name", ticker.instrument_name.as_ref())?.as_text();
        if is_option(&name) {
            return Ok(FrameKind::Ignored("option ticker"));
        }
        let at = required("timestamp", ticker.timestamp.as_ref())?.millis("timestamp")?;
        let listed = self.symbols.look_up("instrument_name", &name, parse_symbol)?;
        let mark = maybe_price("mark_price", ticker.mark_price.as_ref())?;
        let rate = maybe_number("funding_8h", ticker.funding_8h.as_ref())?;
        let open = match (maybe_number("open_interest", ticker.open_interest.as_ref())?, mark) {
            (Some(amount), Some(mark)) => size(amount, mark, listed)?,
            (_, None) | (None, _) => Size::default(),
        };
        if !self.context.wants(listed.instrument.asset()) {
            return Ok(FrameKind::Ignored("ticker"));
        }
        let is_funding_due = self
            .funding_told
            .get(&listed.symbol)
            .is_none_or(|last| at >= last.plus(FUNDING_EVERY) || at < *last);
        // Funding accrues without pause, so there is no next payment: this is what the last eight
        // hours came to.
        let funding = rate.filter(|_| is_funding_due).map(|rate| Funding {
            rate,
            interval_hours: Some(8.0),
            next: None,
        });
        if funding.is_some() {
            // No venue lists so many; more would mean that the names are invented.
            if self.funding_told.len() >= MOST_TRADES {
                self.funding_told.clear();
            }
            self.funding_told.insert(listed.symbol.clone(), at);
        }
        ContractState { mark, funding, open }.tell(listed, at, out);
        Ok(FrameKind::Data("ticker"))
    }
}

/// `amount` in the contract's own unit.
fn size(amount: f64, price: market::Price, listed: &Listed) -> Result<Size, DecodeError> {
    if is_linear(&listed.symbol) {
        Size::of_base("amount", amount, price, listed)
    } else {
        Size::of_quote("amount", amount, price, listed)
    }
}

/// Other channels of this venue. An unknown one is kept as not understood, so that a renamed channel of
/// trades is noticed.
fn label(channel: &str) -> Option<&'static str> {
    const LABELS: [&str; 15] = [
        "announcements",
        "block_rfq",
        "block_trade_confirmations",
        "book",
        "chart",
        "deribit_price_index",
        "deribit_price_ranking",
        "deribit_price_statistics",
        "deribit_volatility_index",
        "estimated_expiration_price",
        "incremental_ticker",
        "instrument",
        "markprice",
        "perpetual",
        "quote",
    ];
    LABELS.into_iter().find(|label| *label == channel)
}

#[cfg(test)]
mod tests;
