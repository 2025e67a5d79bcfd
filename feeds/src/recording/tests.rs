//! Recordings there and back, damaged ones, and real ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use market::{FeedId, Payload, RawFrame, Timestamp};
use proptest::prelude::*;

use super::*;

/// A directory that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("vigie-recording-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn holding(&self, text: &str) -> PathBuf {
        let path = self.file("given.jsonl");
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

fn write(path: &Path, frames: &[RawFrame]) {
    let mut writer = RecordingWriter::create(path, at(1)).unwrap();
    for frame in frames {
        writer.write(frame).unwrap();
    }
    writer.finish().unwrap();
}

fn frames_of(path: &Path) -> Vec<RawFrame> {
    RecordingReader::open(path)
        .unwrap()
        .filter_map(|entry| match entry.unwrap() {
            Entry::Frame(frame) => Some(frame),
            Entry::Skipped(_) => None,
        })
        .collect()
}

fn any_frame() -> impl Strategy<Value = RawFrame> {
    let payload = prop_oneof![
        any::<String>().prop_map(|text| Payload::Text(Bytes::from(text))),
        any::<Vec<u8>>().prop_map(|bytes| Payload::Binary(Bytes::from(bytes))),
    ];
    (0..253_402_207_200_000_000_i64, "[a-z][a-z0-9-]{0,40}", payload).prop_map(|(micros, feed, payload)| {
        RawFrame { feed: FeedId::new(&feed), receive_time: at(micros), payload }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_frame_comes_back_byte_for_byte(frames in prop::collection::vec(any_frame(), 0..20)) {
        let scratch = Scratch::new();
        for name in ["plain.jsonl", "compressed.jsonl.zst"] {
            let path = scratch.file(name);
            write(&path, &frames);
            prop_assert_eq!(&frames_of(&path), &frames);
        }
    }

    #[test]
    fn a_recording_cut_anywhere_gives_a_prefix_and_says_where_it_ends(
        frames in prop::collection::vec(any_frame(), 1..6),
        share in 0.0..1.0_f64,
    ) {
        let scratch = Scratch::new();
        for name in ["plain.jsonl", "compressed.jsonl.zst"] {
            let path = scratch.file(name);
            write(&path, &frames);
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..(whole.len() as f64 * share) as usize]).unwrap();
            let Ok(reader) = RecordingReader::open(&path) else {
                continue;
            };
            let mut kept = Vec::new();
            let mut end = None;
            for entry in reader {
                match entry {
                    Ok(Entry::Frame(frame)) => kept.push(frame),
                    Ok(Entry::Skipped(_)) => {}
                    Err(error) => end = Some(error),
                }
            }
            prop_assert!(frames.starts_with(&kept));
            if let Some(error) = end {
                let expected = kept.len() as u64 + 2;
                prop_assert!(matches!(error, RecordingError::CutOff { line, .. } if line == expected), "{error}");
            }
        }
    }

    #[test]
    fn no_file_panics_the_reader(bytes in any::<Vec<u8>>(), with_header in any::<bool>()) {
        let scratch = Scratch::new();
        let path = scratch.file("noise.jsonl");
        let header: &[u8] = if with_header { b"{\"recording\":\"vigie\",\"version\":1}\n" } else { b"" };
        fs::write(&path, [header, &bytes].concat()).unwrap();
        if let Ok(reader) = RecordingReader::open(&path) {
            let _ = reader.count();
        }
    }
}

#[test]
fn the_first_line_is_readable_by_anyone() {
    let scratch = Scratch::new();
    let path = scratch.file("one.jsonl");
    let payload = Payload::Text(Bytes::from_static(b"{\"a\":\"\xc3\xa9\"}"));
    write(&path, &[RawFrame { feed: FeedId::new("okx"), receive_time: at(42), payload }]);
    let expected = "{\"recording\":\"vigie\",\"version\":1,\"created_us\":1}\n\
                    {\"at_us\":42,\"feed\":\"okx\",\"text\":\"{\\\"a\\\":\\\"é\\\"}\"}\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn a_recording_is_never_overwritten() {
    let scratch = Scratch::new();
    let path = scratch.file("one.jsonl");
    write(&path, &[]);
    assert!(matches!(RecordingWriter::create(&path, at(2)), Err(RecordingError::Exists { .. })));
}

#[test]
fn what_was_flushed_is_read_though_the_writer_never_finished() {
    let scratch = Scratch::new();
    let path = scratch.file("stopped.jsonl.zst");
    let payload = Payload::Text(Bytes::from_static(b"hello"));
    let frame = RawFrame { feed: FeedId::new("okx"), receive_time: at(42), payload };
    let mut writer = RecordingWriter::create(&path, at(1)).unwrap();
    writer.write(&frame).unwrap();
    writer.flush().unwrap();
    let mut reader = RecordingReader::open(&path).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), Entry::Skipped("header"));
    assert_eq!(reader.next().unwrap().unwrap(), Entry::Frame(frame));
    assert!(matches!(reader.next(), Some(Err(RecordingError::CutOff { line: 3, .. }))));
    assert!(reader.next().is_none());
}

#[test]
fn what_is_no_recording_is_refused_with_a_remedy() {
    let cases = [
        ("", "not a recording"),
        ("hello\n", "not a recording"),
        ("{\"some\":\"json\"}\n", "not a recording"),
        ("{\"recording\":\"other\",\"version\":1}\n", "not a recording"),
        ("{\"recording\":\"vigie\",\"version\":2}\n", "has version 2, and this program reads 1"),
        ("{\"recording\":\"vigie\"}\n", "has version none, and this program reads 1"),
        ("{\"t\":\"header\",\"format\":3,\"exchange\":\"OKX\"}\n", "has version 3, and this program reads 2"),
    ];
    let scratch = Scratch::new();
    for (text, expected) in cases {
        let path = scratch.holding(text);
        let refusal = RecordingReader::open(&path).err().expect(text).to_string();
        assert!(refusal.contains(expected), "{refusal}");
        assert!(refusal.contains("given.jsonl"), "{refusal}");
    }
    let missing = RecordingReader::open(&scratch.file("missing")).err().expect("no such file");
    assert!(matches!(missing, RecordingError::Open { .. }));
}

#[test]
fn a_bad_line_is_named_and_the_next_one_is_read() {
    let cases = [
        ("{\"at_us\":1,\"feed\":\"a\"}", "neither text nor bin"),
        ("{\"at_us\":1,\"feed\":\"a\",\"text\":\"\",\"bin\":\"\"}", "both text and bin"),
        ("{\"at_us\":1,\"feed\":\"\",\"text\":\"\"}", "no name"),
        ("{\"feed\":\"a\",\"text\":\"\"}", "missing field `at_us`"),
        ("{\"at_us\":-1,\"feed\":\"a\",\"text\":\"\"}", "receive time -1"),
        ("{\"at_us\":253402207200000001,\"feed\":\"a\",\"text\":\"\"}", "receive time 253402207200000001"),
        ("{\"at_us\":1,\"feed\":\"a\",\"bin\":\"***\"}", "not base64"),
        ("not json", "is not a frame"),
    ];
    let scratch = Scratch::new();
    for (line, expected) in cases {
        let good = "{\"at_us\":5,\"feed\":\"a\",\"text\":\"ok\",\"later_key\":1}\n";
        let path =
            scratch.holding(&format!("{{\"recording\":\"vigie\",\"version\":1}}\n{good}\n{line}\n{good}"));
        let entries: Vec<_> = RecordingReader::open(&path).unwrap().collect();
        assert_eq!(entries.len(), 5, "{line}");
        assert_eq!(*entries[2].as_ref().unwrap(), Entry::Skipped("blank"));
        let error = entries[3].as_ref().unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("line 4 of"), "{error}");
        assert!(matches!(entries[4], Ok(Entry::Frame(_))));
    }
}

#[test]
fn a_line_without_end_is_not_read_into_memory() {
    let scratch = Scratch::new();
    let path = scratch.holding(&format!("{{\"recording\":\"vigie\",\"version\":1}}\n{}", "x".repeat(5000)));
    let mut reader = RecordingReader::open(&path).unwrap();
    reader.limit_lines(1000);
    assert!(reader.next().unwrap().is_ok());
    assert!(matches!(reader.next(), Some(Err(RecordingError::LineTooLong { line: 2, limit: 1000, .. }))));
    assert!(reader.next().is_none());
}

#[test]
fn a_last_line_without_a_line_break_counts() {
    let scratch = Scratch::new();
    let path = scratch
        .holding("{\"recording\":\"vigie\",\"version\":1}\n{\"at_us\":5,\"feed\":\"a\",\"text\":\"ok\"}");
    assert_eq!(frames_of(&path).len(), 1);
}

#[test]
fn a_capture_knows_its_connections() {
    let scratch = Scratch::new();
    let path = scratch.holding(concat!(
        r#"{"t":"header","format":2,"exchange":"BYBIT"}"#,
        "\n",
        r#"{"t":"http","conn":"h","ts":1.5,"url":"https://x/v5/market/instruments-info?&category=linear","data":"{}"}"#,
        "\n",
        r#"{"t":"connect","conn":"w1","ts":2.5,"addr":"wss://x/v5/public/linear"}"#,
        "\n",
        r#"{"t":"connect","conn":"w2","ts":2.5,"addr":"wss://x/v5/public/option"}"#,
        "\n",
        r#"{"t":"send","conn":"w1","ts":3.0,"addr":"wss://x/v5/public/linear","data":"s"}"#,
        "\n",
        r#"{"t":"recv","conn":"w2","ts":4.0,"data":"option"}"#,
        "\n",
        r#"{"t":"recv","conn":"w1","ts":4.000001,"b64":"AAE="}"#,
        "\n",
        r#"{"t":"recv","conn":"w3","ts":5.0,"data":"unknown"}"#,
        "\n",
    ));
    let frame = |micros, payload| {
        Entry::Frame(RawFrame { feed: FeedId::new("bybit-linear"), receive_time: at(micros), payload })
    };
    let reader = RecordingReader::open(&path).unwrap();
    assert_eq!(reader.format(), Format::Cryptofeed);
    let entries: Vec<_> = reader.map(Result::unwrap).collect();
    let expected = [
        Entry::Skipped("header"),
        frame(1_500_000, Payload::Text(Bytes::from_static(b"{}"))),
        Entry::Skipped("connect"),
        Entry::Skipped("connect"),
        Entry::Skipped("send"),
        Entry::Skipped("other feed"),
        frame(4_000_001, Payload::Binary(Bytes::from_static(&[0, 1]))),
        Entry::Skipped("other feed"),
    ];
    assert_eq!(entries, expected);
}

/// Real recordings, which are not part of the repository.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn real_recordings() -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/recordings"));
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no real recordings at {}", path.display());
    None
}

#[test]
fn the_real_binance_recording_holds_541_frames() {
    let Some(directory) = real_recordings() else {
        return;
    };
    let frames = frames_of(&directory.join("binance_usdm_2026-01-06.jsonl.zst"));
    assert_eq!(frames.len(), 541);
    assert!(frames.iter().all(|frame| frame.feed.as_str() == "binance-usdm"));
    assert_eq!(frames[0].receive_time, at(1_767_695_630_380_000));
    assert!(frames.is_sorted_by_key(|frame| frame.receive_time));
}

/// A capture, its lines, and the frames of each feed among them.
type Case = (&'static str, usize, &'static [(&'static str, usize)]);

/// Lines that this crate has a feed for; others count as `other feed`.
fn expected(feeds: &[(&str, usize)]) -> usize {
    feeds.iter().filter(|(feed, _)| crate::find(feed).is_some()).map(|(_, frames)| frames).sum()
}

#[test]
fn every_real_capture_is_read_to_its_end_and_no_frame_of_it_is_unexplained() {
    let Some(directory) = real_recordings() else {
        return;
    };
    // Per capture: its lines, and the frames of each of our feeds among them.
    let cases: [Case; 9] = [
        ("cryptofeed_binance_delivery", 4384, &[("binance-coinm", 11 + 4371)]),
        ("cryptofeed_binance_futures", 1542, &[("binance-usdm", 5 + 1535)]),
        ("cryptofeed_bybit", 3256, &[("bybit-linear", 1 + 2546), ("bybit-spot", 1 + 681)]),
        ("cryptofeed_coinbase", 1038, &[("coinbase", 1 + 1030)]),
        ("cryptofeed_deribit", 143, &[("deribit", 4 + 136)]),
        ("cryptofeed_gateio_futures", 485, &[("gate", 11 + 450)]),
        ("cryptofeed_huobi_swap", 2950, &[("htx", 1 + 1617), ("htx-coinm", 1 + 1296)]),
        ("cryptofeed_kraken_futures", 7181, &[("kraken-futures", 1 + 7175)]),
        ("cryptofeed_okx", 440, &[("okx", 25 + 410)]),
    ];
    for (name, lines, feeds) in cases {
        let reader = RecordingReader::open(&directory.join(name).with_extension("jsonl.zst")).unwrap();
        let entries: Vec<_> = reader.map(Result::unwrap).collect();
        assert_eq!(entries.len(), lines, "{name}");
        let mut decoders = std::collections::BTreeMap::new();
        let mut frames = 0;
        for entry in entries {
            let Entry::Frame(frame) = entry else { continue };
            frames += 1;
            let row = crate::find(frame.feed.as_str()).expect("a feed of ours");
            let decoder =
                decoders.entry(row.id).or_insert_with(|| row.decoder(&crate::FeedConfig::default()));
            let told = crate::decode_frame(decoder.as_mut(), frame);
            let is_explained = matches!(told.verdict, crate::Verdict::Understood(_));
            assert!(is_explained, "{name}: {:?}: {:?}", told.verdict, told.frame);
        }
        assert_eq!(frames, expected(feeds), "{name}");
    }
}
