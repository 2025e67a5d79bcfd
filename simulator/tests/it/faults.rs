//! Each fault, seen from the other end of the wire.

use std::time::{Duration, Instant};

use serde_json::Value;
use simulator::{Faults, SimulatorConfig};

use crate::client::{Client, Heard, busy, run, venue, with_faults};

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

#[tokio::test]
async fn a_dropped_connection_ends_without_a_close_frame() {
    let running = with_faults("drop=300ms").await;
    let mut client = Client::binance(running.addr).await;
    let end = client.end(Duration::from_secs(10)).await;
    assert!(matches!(end, Heard::Cut(_)), "{end:?}");
    assert_eq!(running.counts(venue("binance-usdm")).dropped, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_silence_stops_everything_even_answers_to_pings_and_then_ends() {
    let running = with_faults("silence=1500ms:1500ms,only=okx").await;
    let mut client = Client::okx(running.addr).await;
    let (began, mut last) = (Instant::now(), Instant::now());
    let mut silence = Duration::ZERO;
    // Both kinds of ping, all the time: whatever ends a silence, it must have lasted.
    while silence < Duration::from_millis(1200) {
        assert!(began.elapsed() < Duration::from_secs(30), "no silence");
        client.send("ping").await;
        client.ping().await;
        match client.hear(Duration::from_millis(100)).await {
            Heard::Text(_) | Heard::Binary(_) | Heard::Pong => {
                silence = last.elapsed();
                last = Instant::now();
            }
            Heard::Nothing | Heard::Ping => {}
            end @ (Heard::Closed(_) | Heard::Cut(_)) => panic!("{end:?}"),
        }
    }
    assert!(silence < Duration::from_millis(2500), "{silence:?}");
    assert!(running.counts(venue("okx")).withheld > 0);
    running.stop().await;
}

#[tokio::test]
async fn a_slow_venue_answers_late() {
    let running = with_faults("slow=400ms").await;
    let mut client = Client::connect(running.addr, "/ws/v5/public").await;
    for _ in 0..2 {
        let asked = Instant::now();
        client.send("ping").await;
        assert_eq!(client.text().await, "pong");
        assert!(asked.elapsed() >= Duration::from_millis(390), "{:?}", asked.elapsed());
    }
    running.stop().await;
}

#[tokio::test]
async fn duplicates_are_the_same_bytes_twice_and_counted_apart() {
    let running = with_faults("duplicate=1").await;
    let mut client = Client::binance(running.addr).await;
    for _ in 0..5 {
        assert_eq!(client.text().await, client.text().await);
    }
    let counts = running.counts(venue("binance-usdm"));
    assert!(counts.repeated >= 5 && counts.sent <= counts.frames - counts.repeated, "{counts:?}");
    running.stop().await;
}

#[tokio::test]
async fn reordered_frames_come_after_their_successor_and_none_is_lost() {
    let running = with_faults("reorder=0.5").await;
    let mut client = Client::binance(running.addr).await;
    let told: Vec<i64> = client
        .texts(Duration::from_secs(5))
        .await
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap()["data"]["E"].as_i64().unwrap())
        .collect();
    let back = told.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(back >= 3, "{back} of {}", told.len());
    let counts = running.counts(venue("binance-usdm"));
    assert!(counts.told - counts.sent <= 6, "{counts:?}");
    running.stop().await;
}

#[tokio::test]
async fn malformed_frames_are_no_json_and_not_counted_as_sent() {
    let running = with_faults("malformed=0.5").await;
    let mut client = Client::binance(running.addr).await;
    let texts = client.texts(Duration::from_secs(4)).await;
    let bad = texts.iter().filter(|text| !is_json(text)).count() as u64;
    assert!(bad >= 5 && bad < texts.len() as u64, "{bad} of {}", texts.len());
    drop(client);
    let counts = running.counters();
    running.stop().await;
    let counts = counts.of(venue("binance-usdm"));
    assert!(counts.malformed >= bad && counts.sent == counts.frames - counts.malformed, "{counts:?}");
}

#[tokio::test]
async fn without_the_fault_every_frame_is_json() {
    let running = run(SimulatorConfig { pace: 5.0, ..busy() }).await;
    for mut client in [Client::binance(running.addr).await, Client::okx(running.addr).await] {
        let texts = client.texts(Duration::from_secs(2)).await;
        assert!(texts.len() > 5 && texts.iter().all(|text| is_json(text)));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_rejected_subscription_is_refused_in_each_venues_words() {
    let running = with_faults("reject=bybit-linear").await;
    let mut client = Client::connect(running.addr, "/v5/public/linear").await;
    client.send(r#"{"req_id":"1","op":"subscribe","args":["allLiquidation.BTCUSDT"]}"#).await;
    let answer = client.json().await;
    assert_eq!(answer["success"], false);
    assert!(matches!(client.hear(Duration::from_secs(1)).await, Heard::Nothing));
    assert_eq!(Client::okx(running.addr).await.json().await["event"], "subscribe", "OKX is not concerned");
    running.stop().await;

    let running = with_faults("reject=okx").await;
    assert_eq!(Client::okx(running.addr).await.json().await["code"], "60018");
    running.stop().await;

    let running = with_faults("reject=binance-usdm").await;
    let mut client = Client::binance(running.addr).await;
    assert_eq!(client.json().await["code"], 2);
    assert!(matches!(client.hear(Duration::from_secs(1)).await, Heard::Nothing));
    running.stop().await;
}

#[tokio::test]
async fn upgrades_are_refused_with_the_status_and_its_retry_after() {
    let running = with_faults("status=429:okx,retry-after=5s").await;
    assert_eq!(Client::refused(running.addr, "/ws/v5/public").await, (429, Some("5".into())));
    Client::binance(running.addr).await.text().await;
    assert_eq!(running.counts(venue("okx")).refused, 1);
    running.stop().await;

    for (code, retry) in [(451, None), (403, None), (418, Some("60".to_owned()))] {
        let running = with_faults(&format!("status={code}")).await;
        for path in ["/v5/public/linear", "/market/ws", "/ws/v5/public"] {
            assert_eq!(Client::refused(running.addr, path).await, (code, retry.clone()));
        }
        running.stop().await;
    }
}

#[tokio::test]
async fn faults_of_one_venue_leave_the_others_alone() {
    let running = with_faults("malformed=1,only=okx").await;
    let mut okx = Client::okx(running.addr).await;
    assert!(is_json(&okx.text().await), "the acknowledgement is no data");
    assert!(!is_json(&okx.text().await));
    assert!(is_json(&Client::binance(running.addr).await.text().await));
    running.stop().await;
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_is_written_alike(text in "[a-z0-9=:,.\\-]{0,40}") {
        if let Ok(faults) = Faults::parse(&text) {
            proptest::prop_assert_eq!(Faults::parse(&faults.to_string()), Ok(faults));
        }
    }
}

#[tokio::test]
async fn what_two_connections_get_is_sent_once() {
    let running = run(busy()).await;
    let mut clients = [Client::binance(running.addr).await, Client::binance(running.addr).await];
    for client in &mut clients {
        client.texts(Duration::from_secs(2)).await;
    }
    let counts = running.counts(venue("binance-usdm"));
    assert!(counts.frames > 10 && counts.frames.abs_diff(2 * counts.sent) <= 2, "{counts:?}");
    running.stop().await;
}
