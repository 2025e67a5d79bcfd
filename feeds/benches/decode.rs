//! How many frames a second one core decodes, per venue.

use std::io::Write;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use feeds::{Decoder, FeedConfig};
use flate2::Compression;
use flate2::write::GzEncoder;
use market::Payload;

fn main() {
    divan::main();
}

const BINANCE: &str = r#"{"stream":"!forceOrder@arr","data":{"e":"forceOrder","E":1791000001062,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.210","p":"81230.10","ap":"81544.20","X":"FILLED","l":"0.110","z":"0.210","T":1791000000123,"ps":"BTCUSDT","st":1}}}"#;
const BYBIT: &str = r#"{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1791000001482,"data":[{"T":1791000000992,"s":"BTCUSDT","S":"Buy","v":"0.007","p":"81396.90"},{"T":1791000001058,"s":"BTCUSDT","S":"Buy","v":"0.041","p":"81394.30"}]}"#;
const BYBIT_TICKER: &str = r#"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","bid1Price":"81396.80","bid1Size":"6.054","ask1Price":"81396.90","ask1Size":"10.486"},"cs":753843907770,"ts":1791000001482}"#;
const OKX: &str = r#"{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"details":[{"bkLoss":"0","bkPx":"81655.7","ccy":"","posSide":"long","side":"sell","sz":"7.45","ts":"1791000000771"}],"instFamily":"BTC-USDT","instId":"BTC-USDT-SWAP","instType":"SWAP","uly":"BTC-USDT"}]}"#;
const OKX_CONTRACTS: &str = r#"{"code":"0","msg":"","data":[{"instType":"SWAP","instId":"BTC-USDT-SWAP","instFamily":"BTC-USDT","ctVal":"0.01","ctMult":"1","ctValCcy":"BTC","ctType":"linear","settleCcy":"USDT"}]}"#;

const DERIBIT: &str = r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.future.BTC.100ms","data":[{"trade_seq":1,"trade_id":"1","timestamp":1791000000123,"tick_direction":3,"price":81544.5,"mark_price":81540.1,"instrument_name":"BTC-PERPETUAL","index_price":81541.2,"direction":"sell","amount":120.0},{"trade_seq":2,"trade_id":"2","timestamp":1791000000123,"tick_direction":3,"price":81544.0,"mark_price":81540.1,"instrument_name":"BTC-PERPETUAL","index_price":81541.2,"direction":"sell","amount":40.0}]}}"#;
const HTX: &str = r#"{"op":"notify","topic":"public.*.liquidation_orders","ts":1791000000200,"data":[{"symbol":"BTC","contract_code":"BTC-USDT","direction":"sell","offset":"close","volume":30,"amount":0.03,"trade_turnover":2446.3,"price":81544.2,"created_at":1791000000123}]}"#;

fn payload(text: &'static str) -> Payload {
    Payload::Text(Bytes::from_static(text.as_bytes()))
}

fn protocol(feed: &str) -> Box<dyn Decoder> {
    let row = feeds::find(feed).expect("a feed of ours");
    row.decoder(&FeedConfig::default())
}

fn decode_over_and_over(bencher: Bencher<'_, '_>, protocol: Box<dyn Decoder>, text: &'static str) {
    decode_payload(bencher, protocol, &payload(text));
}

fn decode_payload(bencher: Bencher<'_, '_>, mut protocol: Box<dyn Decoder>, frame: &Payload) {
    let mut out = Vec::with_capacity(8);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        out.clear();
        protocol.decode(divan::black_box(frame), &mut out).expect("a valid frame")
    });
}

#[divan::bench(sample_size = 1_000)]
fn binance_usdm(bencher: Bencher<'_, '_>) {
    decode_over_and_over(bencher, protocol("binance-usdm"), BINANCE);
}

#[divan::bench(sample_size = 1_000)]
fn bybit_linear_two_liquidations(bencher: Bencher<'_, '_>) {
    decode_over_and_over(bencher, protocol("bybit-linear"), BYBIT);
}

#[divan::bench(sample_size = 1_000)]
fn bybit_linear_ignored_ticker(bencher: Bencher<'_, '_>) {
    decode_over_and_over(bencher, protocol("bybit-linear"), BYBIT_TICKER);
}

#[divan::bench(sample_size = 1_000)]
fn okx(bencher: Bencher<'_, '_>) {
    let mut protocol = protocol("okx");
    protocol.decode(&payload(OKX_CONTRACTS), &mut Vec::new()).expect("contract values");
    decode_over_and_over(bencher, protocol, OKX);
}

#[divan::bench(sample_size = 1_000)]
fn deribit_two_ordinary_trades(bencher: Bencher<'_, '_>) {
    decode_over_and_over(bencher, protocol("deribit"), DERIBIT);
}

#[divan::bench(sample_size = 1_000)]
fn htx_packed(bencher: Bencher<'_, '_>) {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(HTX.as_bytes()).expect("memory");
    let packed = Payload::Binary(Bytes::from(encoder.finish().expect("memory")));
    decode_payload(bencher, protocol("htx"), &packed);
}
