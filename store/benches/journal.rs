//! What an appended event costs, and how soon it is on disk.
//!
//! `cargo bench -p store` prints a short report first (throughput, CPU per event, commit latency at a
//! steady rate), then divan's table. A virtual machine cannot tell whether its `fdatasync` reaches
//! the medium: compare numbers of one run on one machine only.

use std::collections::VecDeque;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use market::{
    FeedId, Instrument, Liquidation, ManualClock, MarketEvent, Observation, Payload, PositionSide, Price,
    Quantity, RawFrame, Timestamp, Usd,
};
use store::{Record, Store, StoreOptions};

/// Events appended per throughput round.
const ROUND: u64 = 200_000;
/// Steady rate of the latency report, events a second: far above the worst cascade on record.
const RATE: u64 = 10_000;
/// Kernel clock ticks a second in `/proc/self/stat`: fixed by the Linux ABI.
const TICKS: f64 = 100.0;

fn now() -> Timestamp {
    Timestamp::from_millis(1_767_695_630_199).expect("in range")
}

/// A Bybit frame of some 200 bytes and the event in it.
fn sample() -> (RawFrame, MarketEvent) {
    let text = r#"{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1767695630184,"data":[{"T":1767695630180,"s":"BTCUSDT","S":"Buy","v":"0.125","p":"60001.50"}],"connection":"c8o1m2n3p4-5","seq":48151623}"#;
    let frame = RawFrame {
        feed: FeedId::new("bybit-linear"),
        receive_time: now(),
        payload: Payload::Text(text.into()),
    };
    let event = MarketEvent {
        feed: frame.feed.clone(),
        event_time: now(),
        receive_time: now(),
        known_at: now(),
        observation: Observation::Liquidation(Liquidation {
            symbol: "BTCUSDT".into(),
            instrument: Instrument::perp("BTC", "USDT"),
            position: PositionSide::Long,
            price: Price::new(60_001.5).expect("a price"),
            quantity: Quantity::new(0.125).ok(),
            notional: Usd::new(7_500.187_5).ok(),
            venue_id: None,
        }),
    };
    (frame, event)
}

/// A store that commits every 5 ms and does not seal while it is measured.
fn fresh() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a directory for the bench");
    let options = StoreOptions { segment_bytes: 8 << 30, ..StoreOptions::default() };
    let (store, _) =
        Store::open(dir.path(), options, Arc::new(ManualClock::new(now()))).expect("a new store");
    (dir, store)
}

fn append_round(store: &mut Store, frame: &RawFrame, event: &MarketEvent, events: u64) {
    for _ in 0..events {
        store
            .append(Record::Frame { frame, rejected: None, events: std::slice::from_ref(event) })
            .expect("appended");
    }
    store.flush().expect("durable");
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn append_and_flush(bencher: Bencher<'_, '_>) {
    let (frame, event) = sample();
    let (_dir, mut store) = fresh();
    bencher
        .counter(ItemsCount::new(ROUND))
        .counter(BytesCount::new(ROUND * frame.payload.as_bytes().len() as u64))
        .bench_local(move || append_round(&mut store, &frame, &event, ROUND));
}

#[divan::bench(sample_count = 200, sample_size = 1)]
fn one_event_until_durable(bencher: Bencher<'_, '_>) {
    let (frame, event) = sample();
    let (_dir, mut store) = fresh();
    bencher.bench_local(move || append_round(&mut store, &frame, &event, 1));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn seal_200k_events(bencher: Bencher<'_, '_>) {
    let (frame, event) = sample();
    bencher
        .counter(ItemsCount::new(ROUND))
        .with_inputs(|| {
            let (dir, mut store) = fresh();
            append_round(&mut store, &frame, &event, ROUND);
            (dir, store)
        })
        .bench_local_values(|(dir, mut store)| {
            store.seal().expect("sealed");
            (dir, store)
        });
}

/// CPU seconds of all threads of this process so far; `None` off Linux.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // Fields after the command's closing bracket: utime and stime are the 12th and 13th.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn report() {
    let (frame, event) = sample();
    let rounds = 5;
    let (_dir, mut store) = fresh();
    append_round(&mut store, &frame, &event, ROUND);
    let (began, cpu) = (Instant::now(), cpu_seconds());
    for _ in 0..rounds {
        append_round(&mut store, &frame, &event, ROUND);
    }
    let events = (rounds * ROUND) as f64;
    println!("append, 5 ms group commit: {:.0} durable events/s", events / began.elapsed().as_secs_f64());
    if let (Some(before), Some(after)) = (cpu, cpu_seconds()) {
        println!(
            "append, 5 ms group commit: {:.2} CPU µs/event, all threads",
            (after - before) / events * 1e6
        );
    }
    let mut latencies = latencies_at(RATE, Duration::from_secs(3));
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "append to durable at {RATE} events/s: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms over {} events",
        at(0.5),
        at(0.99),
        at(1.0),
        latencies.len()
    );
}

/// How long each event waits from its append until it is on disk, at a steady rate.
fn latencies_at(rate: u64, span: Duration) -> Vec<Duration> {
    let (frame, event) = sample();
    let (_dir, mut store) = fresh();
    let durable = store.durable_handle();
    let pause = Duration::from_secs(1) / rate as u32;
    let began = Instant::now();
    let mut waiting: VecDeque<(u64, Instant)> = VecDeque::new();
    let mut latencies = Vec::new();
    let mut appended = 0;
    while began.elapsed() < span || !waiting.is_empty() {
        if began.elapsed() < span && began.elapsed() >= pause * appended {
            let record =
                Record::Frame { frame: &frame, rejected: None, events: std::slice::from_ref(&event) };
            waiting.push_back((store.append(record).expect("appended"), Instant::now()));
            appended += 1;
        }
        let reached = durable.load(std::sync::atomic::Ordering::Acquire);
        while let Some((_, since)) = waiting.pop_front_if(|(seq, _)| *seq <= reached) {
            latencies.push(since.elapsed());
        }
        std::thread::yield_now();
    }
    latencies
}

fn main() {
    // `cargo test --benches` passes `--test`: then every bench runs once and the report is left out.
    if !std::env::args_os().any(|argument| argument == "--test" || argument == "--list") {
        report();
    }
    divan::main();
}
