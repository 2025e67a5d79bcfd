//! How fast events pass through Board and windows, and a recording to durable and queryable.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails where it stands")]

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use feeds::decode_frame;
use market::{Board, FeedId, MarketEvent, Mode, Payload, RawFrame, RollingWindows, Timestamp};
use tokio_util::sync::CancellationToken;
use vigie::config::Settings;
use vigie::engine::{Replay, Speed};

const START_MILLIS: i64 = 1_767_695_630_000;

fn main() {
    divan::main();
}

/// A forced order as Binance sends it; 40 symbols in turn, one every 10 ms.
fn frame(index: i64) -> RawFrame {
    let at = START_MILLIS + index * 10;
    let symbol = ["BTC", "ETH", "SOL", "XRP", "DOGE", "TAO", "FET", "NEAR"][index as usize % 8];
    let quote = ["USDT", "USDC", "USDT", "USDT", "USDT"][index as usize % 5];
    let side = if index % 3 == 0 { "BUY" } else { "SELL" };
    let price = 100.0 + (index % 977) as f64 / 10.0;
    let text = format!(
        "{{\"stream\":\"!forceOrder@arr\",\"data\":{{\"e\":\"forceOrder\",\"E\":{},\"o\":{{\"s\":\"{symbol}{quote}\",\"S\":\"{side}\",\
         \"o\":\"LIMIT\",\"f\":\"IOC\",\"q\":\"12.5\",\"p\":\"{price:.2}\",\"ap\":\"{price:.2}\",\"X\":\"FILLED\",\"l\":\"2.5\",\
         \"z\":\"12.5\",\"T\":{at},\"ps\":\"{symbol}{quote}\",\"st\":1}}}}}}",
        at + 900
    );
    RawFrame {
        feed: FeedId::new("binance-usdm"),
        receive_time: Timestamp::from_millis(at + 950).unwrap(),
        payload: Payload::Text(text.into()),
    }
}

fn events(count: i64) -> Vec<Arc<MarketEvent>> {
    let settings = Settings::parse("", "bench").unwrap();
    let row = feeds::find("binance-usdm").unwrap();
    let mut decoder = row.decoder(&settings.config.feed(row.id));
    (0..count).flat_map(|index| decode_frame(&mut *decoder, frame(index)).events).map(Arc::new).collect()
}

/// One event into the Board's tape and health.
#[divan::bench]
fn board_apply(bencher: Bencher<'_, '_>) {
    let events = events(10_000);
    let mut board = Board::new(Mode::Live, Timestamp::EPOCH);
    board.add_feed(FeedId::new("binance-usdm"), market::Completeness::Sampled);
    bencher.counter(ItemsCount::new(events.len())).bench_local(|| {
        for event in &events {
            board.apply(event);
        }
    });
}

/// One event into and out of the three rolling windows.
#[divan::bench]
fn windows_apply(bencher: Bencher<'_, '_>) {
    let events = events(10_000);
    bencher.counter(ItemsCount::new(events.len())).with_inputs(RollingWindows::default).bench_local_values(
        |mut windows| {
            for event in &events {
                windows.apply(event);
            }
            windows
        },
    );
}

/// A recording on disk → decoded → journal (durable) and Board, as `vigie replay --speed max --store` does.
#[divan::bench(sample_count = 7, sample_size = 1)]
fn replay_to_durable(bencher: Bencher<'_, '_>) {
    const FRAMES: i64 = 300_000;
    let place = tempfile::tempdir().unwrap();
    let recording = place.path().join("bench.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&recording).unwrap());
    writeln!(file, "{{\"recording\":\"vigie\",\"version\":1}}").unwrap();
    for index in 0..FRAMES {
        let RawFrame { feed, receive_time, payload } = frame(index);
        let text = String::from_utf8(payload.as_bytes().to_vec()).unwrap();
        let line = serde_json::json!({ "at_us": receive_time.as_micros(), "feed": feed, "text": text });
        writeln!(file, "{line}").unwrap();
    }
    file.flush().unwrap();
    let settings = Settings::parse("", "bench").unwrap();
    let mut round = 0;
    bencher
        .counter(ItemsCount::new(FRAMES as usize))
        .with_inputs(|| -> PathBuf {
            round += 1;
            place.path().join(format!("store-{round}"))
        })
        .bench_local_values(|dir| {
            let replay = Replay {
                files: vec![recording.clone()],
                speed: Speed::Max,
                store: Some((dir, settings.store_options)),
                cancel: CancellationToken::new(),
                publisher: None,
            };
            let report = replay.run(&settings, Vec::new(), &mut |_| {}).unwrap();
            assert_eq!(report.stored, FRAMES as u64);
        });
}
