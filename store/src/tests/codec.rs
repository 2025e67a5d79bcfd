//! Bytes that must never change, and records that come back as they went in.

use market::{
    Alert, AlertState, Bar, Baselines, ChainTip, Chances, Contract, Date, EtfFlow, Evidence, FeedId,
    Forecast, ForecastEvidence, FundingRate, Gap, GapCause, Holding, Instrument, Interval, Liquidation,
    LiquidationEvidence, MarketEvent, Observation, OpenInterest, Payload, PositionSide, Price, Quantity,
    Quote, QuoteKind, RawFrame, RegimeReading, Severity, Timestamp, Usd,
};
use proptest::prelude::*;

use super::*;
use crate::columns::{to_frame, to_rows};
use crate::record::{Damage, Entry};
use crate::segment::{Header, HeaderProblem, Scan};
use crate::table::{Cells, Row, Table};

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Reads one encoded record back.
fn read_back(bytes: &[u8], seq: u64) -> Entry {
    let mut segment = vec![0; crate::segment::HEADER];
    segment.extend_from_slice(bytes);
    let mut scan = Scan::new(&segment, seq);
    let record = scan.next().expect("intact");
    assert_eq!(scan.offset(), segment.len());
    Entry::decode(record.kind, record.payload).expect("readable")
}

/// If this fails, journals written by earlier versions can no longer be read: do not change the
/// expected bytes, change the encoding back.
#[test]
fn the_bytes_of_a_journal_never_change() {
    let mut bytes = Vec::new();
    let frame = RawFrame {
        feed: FeedId::new("okx"),
        receive_time: Timestamp::from_micros(1_000_002).unwrap(),
        payload: Payload::Text("{}".into()),
    };
    let event = MarketEvent {
        feed: FeedId::new("okx"),
        event_time: Timestamp::from_micros(1_000_001).unwrap(),
        receive_time: Timestamp::from_micros(1_000_002).unwrap(),
        known_at: Timestamp::from_micros(1_000_002).unwrap(),
        observation: Observation::Liquidation(Liquidation {
            symbol: "A".into(),
            instrument: Instrument::perp("A", "USDT"),
            position: PositionSide::Short,
            price: Price::new(1.5).unwrap(),
            quantity: None,
            notional: Some(Usd::new(3.0).unwrap()),
            venue_id: None,
        }),
    };
    let record = Record::Frame { frame: &frame, rejected: Some("no"), events: std::slice::from_ref(&event) };
    record.encode(7, &mut bytes).unwrap();
    assert_eq!(
        hex(&bytes),
        "6c0000007261b9cb07000000000000000193a36f6b78ce000f424281a454657874c4027b7d92a26e6f9195a36f6b78ce000f4241ce000f4242ce000f424281ab4c69717569646174696f6e97a141ab412d555344542d50455250a573686f7274cb3ff8000000000000c0cb4008000000000000c0"
    );
    bytes.clear();
    Record::Alive { feed: &feed(), at: at(0) }.encode(8, &mut bytes).unwrap();
    assert_eq!(
        hex(&bytes),
        "2000000012061b9408000000000000000492ac62796269742d6c696e656172cf000647c0f598f900"
    );
    bytes.clear();
    Record::Gap(&gap(1, None, GapCause::Silent)).encode(9, &mut bytes).unwrap();
    assert_eq!(
        hex(&bytes),
        "63000000c9ff5ea809000000000000000295ac62796269742d6c696e656172cf000647c0f5a83b40cf000647c0f5a83b40cf000647c0f5a83b4081a347617094cf000647c0f5a83b40c0a673696c656e74b9636c6f736564206279207468652076656e75652c2031303036"
    );
    bytes.clear();
    Record::Alert(&alert(5)).encode(10, &mut bytes).unwrap();
    assert_eq!(
        hex(&bytes),
        "7d000000978476a00a000000000000000397a763617363616465a8637269746963616ca6726169736564cf000647c0f5e54440b46c6f6e67204254432c20616c6c2076656e756573b92431322e35204d206f66206c6f6e677320696e20333030207396cd012ccb4167d78408000000cb416312d000000000cd01a503cb3fef5c28f5c28f5c"
    );
    bytes.clear();
    let flow = words::flow("IBIT", "2025-11-17", Some(-523.2), "2025-11-18T04:00:00Z");
    Record::Batch { origin: "flows.csv", at: at(0), events: &[flow] }.encode(11, &mut bytes).unwrap();
    assert_eq!(
        hex(&bytes),
        "6100000077e69e7c0b000000000000000693a9666c6f77732e637376cf000647c0f598f9009195a766617273696465cf000643bf07446000cf000643d67f6a5000cf000643d67f6a500081a7457466466c6f7794a449424954a3425443cd4fb9cbc1bf2f6600000001"
    );
    bytes.clear();
    let answer = RawFrame { payload: Payload::Answer { request: "/v1".into(), body: "{}".into() }, ..frame };
    Record::Frame { frame: &answer, rejected: None, events: &[] }.encode(12, &mut bytes).unwrap();
    assert_eq!(
        hex(&bytes),
        "270000008d4c02950c000000000000000193a36f6b78ce000f424281a6416e7377657292a32f7631c4027b7d92c090"
    );
    let header = Header { store: 0x1122_3344_5566_7788, first_seq: 10_304, created: at(0) };
    assert_eq!(
        hex(&header.encode()),
        "564947494557414c020028009a3e0b288877665544332211402800000000000000f998f5c0470600"
    );
    // Format 1, as it was written before there were batches.
    let old = "564947494557414c01002800c74fe06e8877665544332211402800000000000000f998f5c0470600";
    let old: Vec<u8> =
        (0..old.len()).step_by(2).map(|at| u8::from_str_radix(&old[at..at + 2], 16).unwrap()).collect();
    assert_eq!(Header::decode(&old), Ok(header));
}

#[test]
fn a_header_knows_damage_from_a_crash_and_from_the_future() {
    let header = Header { store: 7, first_seq: 1, created: at(0) };
    let good = header.encode();
    assert_eq!(Header::decode(&good), Ok(header));
    assert_eq!(Header::decode(&good[..39]), Err(HeaderProblem::Unfinished));
    assert_eq!(Header::decode(&[0; 4_096]), Err(HeaderProblem::Unfinished));
    for bit in 0..good.len() * 8 {
        let mut flipped = good;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Header::decode(&flipped), Err(HeaderProblem::Damaged), "bit {bit}");
    }
    let mut newer = good;
    newer[8] = 3;
    newer[12..16].fill(0);
    let checksum = crc32c::crc32c(&newer);
    newer[12..16].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(Header::decode(&newer), Err(HeaderProblem::Newer(3)));
}

#[test]
fn a_gap_record_takes_gaps_only_and_leaves_the_buffer_alone() {
    let mut bytes = vec![1, 2, 3];
    assert!(matches!(Record::Gap(&liquidation(1)).encode(1, &mut bytes), Err(crate::StoreError::NotAGap)));
    assert_eq!(bytes, [1, 2, 3]);
}

/// Appended fields and values are for newer programs; this one reads past them.
#[test]
fn a_payload_with_more_than_we_know_is_still_read() {
    let mut payload = rmp_serde::to_vec(&frame(1)).unwrap();
    payload.extend(rmp_serde::to_vec(&(None::<String>, Vec::<MarketEvent>::new())).unwrap());
    payload.extend(rmp_serde::to_vec(&"a value of the future").unwrap());
    assert!(matches!(Entry::decode(1, &payload), Ok(Entry::Frame { frame, .. }) if frame == super::frame(1)));
}

#[test]
fn a_frame_survives_events_that_cannot_be_read() {
    let mut payload = rmp_serde::to_vec(&frame(1)).unwrap();
    payload.extend(rmp_serde::to_vec(&(None::<String>, vec!["not an event"])).unwrap());
    let Ok(Entry::Frame { frame, rejected: Some(reason), events }) = Entry::decode(1, &payload) else {
        panic!("the frame is lost");
    };
    assert_eq!((frame, events.len()), (super::frame(1), 0));
    assert!(reason.contains("rebuild"), "{reason}");
}

prop_compose! {
    fn times()(micros in 0_i64..253_402_207_200_000_000) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }
}

fn instruments() -> impl Strategy<Value = Instrument> {
    ("[A-Z0-9]{1,9}", "[A-Z]{3,5}", prop::option::of(0_i32..2_932_895)).prop_map(|(base, quote, expiry)| {
        let contract = expiry.and_then(Date::from_days).map_or(Contract::Perp, Contract::Future);
        Instrument { base: base.into(), quote: quote.into(), contract }
    })
}

prop_compose! {
    fn liquidations()(
        event_time in times(), receive_time in times(), known_at in times(),
        symbol in ".{0,20}", instrument in instruments(), is_long in any::<bool>(),
        price in 1e-12_f64..1e12, quantity in prop::option::of(0.0_f64..1e15),
        notional in prop::option::of(-1e15_f64..1e15), venue_id in prop::option::of(".{0,30}"),
    ) -> MarketEvent {
        MarketEvent {
            feed: FeedId::new("bybit-linear"), event_time, receive_time, known_at,
            observation: Observation::Liquidation(Liquidation {
                symbol: symbol.into(),
                instrument,
                position: if is_long { PositionSide::Long } else { PositionSide::Short },
                price: Price::new(price).unwrap(),
                quantity: quantity.map(|value| Quantity::new(value).unwrap()),
                notional: notional.map(|value| Usd::new(value).unwrap()),
                venue_id: venue_id.map(Into::into),
            }),
        }
    }
}

fn causes() -> impl Strategy<Value = GapCause> {
    prop::sample::select(GapCause::ALL.to_vec())
}

prop_compose! {
    fn gaps()(
        from in times(), until in prop::option::of(times()), cause in causes(), detail in ".{0,40}",
        receive_time in times(), known_at in times(),
    ) -> MarketEvent {
        MarketEvent {
            feed: FeedId::new("okx"), event_time: from, receive_time, known_at,
            observation: Observation::Gap(Gap { from, until, cause, detail }),
        }
    }
}

prop_compose! {
    fn sums()(
        window_secs in 0_u64..1_000_000, notional_usd in -1e15_f64..1e15, threshold_usd in 0.0_f64..1e15,
        events in 0_u64..1_000_000, unknown_notional in 0_u64..1_000, coverage in 0.0_f64..=1.0,
    ) -> Evidence {
        Evidence::Liquidations(LiquidationEvidence {
            window_secs, notional_usd, threshold_usd, events, unknown_notional, coverage,
        })
    }
}

prop_compose! {
    fn chances()(probability in 0.0_f64..=1.0, low in 0.0_f64..=1.0, high in 0.0_f64..=1.0) -> Chances {
        Chances { probability, low, high }
    }
}

prop_compose! {
    fn baselines()(base in 0.0_f64..=1.0, markov in 0.0_f64..=1.0, margin_only in 0.0_f64..=1.0) -> Baselines {
        Baselines { base, markov, margin_only }
    }
}

fn names_or_not() -> impl Strategy<Value = Option<smol_str::SmolStr>> {
    prop::option::of(".{0,12}").prop_map(|name| name.map(Into::into))
}

prop_compose! {
    fn forecast_evidence()(
        target in ".{0,10}", asset in ".{0,5}", names in [names_or_not(), names_or_not(), names_or_not()],
        times in [prop::option::of(times()), prop::option::of(times())], shift in prop::option::of(chances()),
        baselines in prop::option::of(baselines()), shift_at_least in prop::option::of(0.0_f64..=1.0),
    ) -> Evidence {
        let ([regime, model, enters], [since, made_at]) = (names, times);
        Evidence::Forecast(ForecastEvidence {
            target: target.into(), asset: asset.into(), regime, since, shift, baselines, model, made_at,
            shift_at_least, enters,
        })
    }
}

prop_compose! {
    fn forecasts()(
        at in times(), target in ".{0,10}", asset in ".{0,5}", regime in any::<u8>(), until in times(),
        shift in prop::option::of(chances()), abstained in names_or_not(), baselines in baselines(),
        regimes in prop::collection::vec(any::<u8>(), 0..4), model in ".{0,20}", sequence in 0_u64..1 << 60,
    ) -> (Timestamp, Observation) {
        let (target, asset, model) = (target.into(), asset.into(), model.into());
        let forecast = Forecast {
            target, asset, regime, until, shift, abstained, baselines, regimes, model, sequence,
        };
        (at, Observation::Forecast(forecast))
    }
}

prop_compose! {
    fn readings()(
        at in times(), target in ".{0,10}", asset in ".{0,5}", regime in any::<u8>(), name in ".{0,10}",
        probabilities in prop::collection::vec(0.0_f64..=1.0, 0..5), since in times(), model in ".{0,20}",
    ) -> (Timestamp, Observation) {
        let (target, asset, name, model) = (target.into(), asset.into(), name.into(), model.into());
        (at, Observation::Regime(RegimeReading { target, asset, regime, name, probabilities, since, model }))
    }
}

prop_compose! {
    fn alerts()(
        rule in ".{0,20}", severity in prop::sample::select(vec![Severity::Info, Severity::Warning, Severity::Critical]),
        state in prop::sample::select(vec![AlertState::Raised, AlertState::Cleared, AlertState::NoData, AlertState::DataRestored]),
        at in times(), subject in ".{0,30}", headline in ".{0,80}",
        evidence in prop_oneof![sums(), forecast_evidence()],
    ) -> Alert {
        Alert { rule, severity, state, at, subject, headline, evidence }
    }
}

fn numbers_or_not() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(-1e18_f64..1e18)
}

fn prices_or_not() -> impl Strategy<Value = Option<Price>> {
    prop::option::of((1e-12_f64..1e12).prop_map(|value| Price::new(value).unwrap()))
}

fn amounts_or_not() -> impl Strategy<Value = Option<Quantity>> {
    prop::option::of((0.0_f64..1e15).prop_map(|value| Quantity::new(value).unwrap()))
}

fn dates() -> impl Strategy<Value = Date> {
    (0_i32..2_932_895).prop_map(|days| Date::from_days(days).unwrap())
}

/// What is observed, and the event time that goes with it.
fn observations() -> impl Strategy<Value = (Timestamp, Observation)> {
    let price = || (1e-12_f64..1e12).prop_map(|value| Price::new(value).unwrap());
    let usd = || prop::option::of((-1e15_f64..1e15).prop_map(|value| Usd::new(value).unwrap()));
    let flows = (".{0,9}", ".{0,5}", dates(), usd()).prop_map(|(fund, asset, trade_date, net_flow)| {
        let flow = EtfFlow { fund: fund.into(), asset: asset.into(), trade_date, net_flow };
        (trade_date.start(), Observation::EtfFlow(flow))
    });
    let intervals = prop::sample::select(Interval::ALL.to_vec());
    let bars = (
        times(),
        ".{0,12}",
        intervals,
        [price(), price(), price(), price()],
        amounts_or_not(),
        any::<bool>(),
    )
        .prop_map(|(at, symbol, interval, [open, high, low, close], volume, is_final)| {
            let symbol = symbol.into();
            (at, Observation::Bar(Bar { symbol, interval, open, high, low, close, volume, is_final }))
        });
    let kinds = prop::sample::select(QuoteKind::ALL.to_vec());
    let rest = (prices_or_not(), prices_or_not(), prices_or_not(), amounts_or_not());
    let quotes = (times(), ".{0,12}", kinds, price(), rest).prop_map(
        |(at, symbol, kind, price, (bid, ask, previous_close, volume))| {
            let symbol = symbol.into();
            (at, Observation::Quote(Quote { symbol, kind, price, bid, ask, previous_close, volume }))
        },
    );
    let funding =
        (times(), ".{0,12}", instruments(), -1.0_f64..1.0, numbers_or_not(), prop::option::of(times()))
            .prop_map(|(at, symbol, instrument, rate, interval_hours, next_funding)| {
                let symbol = symbol.into();
                (
                    at,
                    Observation::FundingRate(FundingRate {
                        symbol,
                        instrument,
                        rate,
                        interval_hours,
                        next_funding,
                    }),
                )
            });
    let interest = (times(), ".{0,12}", instruments(), amounts_or_not(), usd()).prop_map(
        |(at, symbol, instrument, quantity, notional)| {
            let symbol = symbol.into();
            (at, Observation::OpenInterest(OpenInterest { symbol, instrument, quantity, notional }))
        },
    );
    let counts = || prop::option::of(0_u64..1 << 50);
    let numbers = [numbers_or_not(), numbers_or_not(), numbers_or_not(), numbers_or_not(), numbers_or_not()];
    let tips = (
        times(),
        0_u64..1 << 40,
        "[0-9a-f]{64}",
        (counts(), counts()),
        numbers,
        (0.0_f64..50.0, any::<u32>()),
    )
        .prop_map(
            |(
                block_time,
                height,
                hash,
                (mempool_txs, mempool_vbytes),
                numbers,
                (subsidy_btc, fee_blocks),
            )| {
                let [difficulty, hash_rate, fee_fast, fee_hour, fees_btc] = numbers;
                let tip = ChainTip {
                    height,
                    hash: hash.into(),
                    block_time,
                    difficulty,
                    hash_rate,
                    mempool_txs,
                    mempool_vbytes,
                    fee_fast,
                    fee_hour,
                    subsidy_btc,
                    fees_btc,
                    fee_blocks,
                };
                (block_time, Observation::ChainTip(tip))
            },
        );
    let holdings = (".{0,30}", prop::option::of(".{0,6}"), ".{0,5}", 0.0_f64..1e12, dates()).prop_map(
        |(holder, ticker, asset, coins, as_of)| {
            let quantity = Quantity::new(coins).unwrap();
            let ticker = ticker.map(Into::into);
            let holding = Holding { holder: holder.into(), ticker, asset: asset.into(), quantity, as_of };
            (as_of.start(), Observation::Holding(holding))
        },
    );
    prop_oneof![flows, bars, quotes, funding, interest, tips, holdings, forecasts(), readings()]
}

/// Events of every kind that a batch may hold.
fn events() -> impl Strategy<Value = MarketEvent> {
    let others = (observations(), times(), times(), "[a-z]{1,12}").prop_map(
        |((event_time, observation), receive_time, known_at, feed)| MarketEvent {
            feed: FeedId::new(&feed),
            event_time,
            receive_time,
            known_at,
            observation,
        },
    );
    prop_oneof![1 => liquidations(), 9 => others]
}

fn frames() -> impl Strategy<Value = RawFrame> {
    let payloads = prop_oneof![
        (".{0,40}", prop::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(request, body)| Payload::Answer { request: request.into(), body: body.into() }),
        ".{0,200}".prop_map(|text| Payload::Text(text.into())),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| Payload::Binary(bytes.into())),
    ];
    (times(), payloads).prop_map(|(receive_time, payload)| RawFrame {
        feed: FeedId::new("okx"),
        receive_time,
        payload,
    })
}

/// Through the columns and back, as through a sealed file.
fn through_columns(table: Table, rows: &[Row]) -> Vec<Row> {
    to_rows(table, &to_frame(table, rows).expect("columns")).expect("rows")
}

proptest! {
    #[test]
    fn a_frame_record_comes_back(
        frame in frames(), rejected in prop::option::of(".{0,40}"),
        events in prop::collection::vec(events(), 0..4), seq in 1_u64..u64::MAX / 2,
    ) {
        let mut bytes = Vec::new();
        Record::Frame { frame: &frame, rejected: rejected.as_deref(), events: &events }.encode(seq, &mut bytes).unwrap();
        let entry = Entry::Frame { frame, rejected, events };
        prop_assert_eq!(read_back(&bytes, seq), entry.clone());
        for row in entry.into_rows(seq) {
            let rows = [row];
            prop_assert_eq!(&through_columns(rows[0].table(), &rows)[..], &rows[..]);
        }
    }

    /// Through the journal, a sealed file and back, whatever it is.
    #[test]
    fn a_batch_comes_back(
        events in prop::collection::vec(events(), 0..8), origin in ".{0,40}", at in times(),
        seq in 1_u64..u64::MAX / 2,
    ) {
        let mut bytes = Vec::new();
        Record::Batch { origin: &origin, at, events: &events }.encode(seq, &mut bytes).unwrap();
        let entry = Entry::Batch { origin, at, events };
        prop_assert_eq!(read_back(&bytes, seq), entry.clone());
        for row in entry.into_rows(seq) {
            let rows = [row];
            prop_assert_eq!(&through_columns(rows[0].table(), &rows)[..], &rows[..]);
        }
    }

    #[test]
    fn every_other_record_comes_back(gap in gaps(), alert in alerts(), at in times(), seq in 1_u64..u64::MAX / 2) {
        let mut bytes = Vec::new();
        Record::Gap(&gap).encode(seq, &mut bytes).unwrap();
        prop_assert_eq!(read_back(&bytes, seq), Entry::Gap(gap.clone()));
        bytes.clear();
        Record::Alert(&alert).encode(seq, &mut bytes).unwrap();
        prop_assert_eq!(read_back(&bytes, seq), Entry::Alert(alert.clone()));
        bytes.clear();
        Record::Alive { feed: &feed(), at }.encode(seq, &mut bytes).unwrap();
        prop_assert_eq!(read_back(&bytes, seq), Entry::Alive { feed: feed(), at });
        bytes.clear();
        let damage = Damage { found_at: at, first_seq: seq, last_seq: seq + 1, kept_in: "quarantine/x".into() };
        damage.encode(seq, &mut bytes).unwrap();
        prop_assert_eq!(read_back(&bytes, seq), Entry::Damage(damage));
        let rows = [Row::new(seq, Cells::Event(gap))];
        prop_assert_eq!(&through_columns(Table::Gaps, &rows)[..], &rows[..]);
        let rows = [Row::new(seq, Cells::Alert(alert))];
        prop_assert_eq!(&through_columns(Table::Alerts, &rows)[..], &rows[..]);
    }

    /// Whatever a disk returns, reading it ends and does not panic.
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), seq in any::<u64>()) {
        let _ = Header::decode(&bytes);
        let scan = Scan::new(&bytes, seq);
        let _ = scan.resync();
        for record in scan.take(10) {
            let _ = Entry::decode(record.kind, record.payload);
        }
        for kind in 0..8 {
            let _ = Entry::decode(kind, &bytes);
        }
    }
}
