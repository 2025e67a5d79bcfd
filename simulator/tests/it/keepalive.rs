//! What each venue demands of its clients so that they stay, and what it says so that they know it lives.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Tuning, start_with};

use crate::client::{Client, Heard, run, unpacked};
use crate::wires::{still, wire};

#[tokio::test]
async fn htx_pings_with_a_time_in_quotes_and_says_bye_after_five_without_an_answer() {
    // A ping every 100 ms.
    let tuning = Tuning { impatience: 50.0, ..Tuning::default() };
    let running = start_with(still(), tuning).await.unwrap();
    let mut polite = Client::connect(running.addr, "/linear-swap-notification").await;
    let mut rude = Client::connect(running.addr, "/linear-swap-notification").await;
    for _ in 0..12 {
        let Heard::Binary(bytes) = polite.hear(Duration::from_secs(2)).await else {
            panic!("no binary frame")
        };
        let ping: Value = serde_json::from_str(&unpacked(&bytes).unwrap()).unwrap();
        assert!(ping["op"] == "ping" && ping["ts"].is_string(), "{ping}");
        polite.send(&json!({"op": "pong", "ts": ping["ts"]}).to_string()).await;
        // The same number without quotes is no answer.
        let number: i64 = ping["ts"].as_str().unwrap().parse().unwrap();
        rude.try_send(&json!({"op": "pong", "ts": number}).to_string()).await;
    }
    let end = rude.end(Duration::from_secs(2)).await;
    assert!(matches!(&end, Heard::Closed(Some(frame)) if frame.reason.as_str() == "Bye"), "{end:?}");
    running.stop().await;
}

#[tokio::test]
async fn deribit_tests_clients_that_asked_for_heartbeats_and_leaves_those_that_do_not_answer() {
    // Heartbeats of ten seconds every 200 ms.
    let tuning = Tuning { impatience: 50.0, ..Tuning::default() };
    let running = start_with(still(), tuning).await.unwrap();
    let set = r#"{"jsonrpc":"2.0","id":9,"method":"public/set_heartbeat","params":{"interval":10}}"#;
    let mut polite = Client::connect(running.addr, "/ws/api/v2").await;
    polite.send(set).await;
    assert_eq!(polite.json().await["result"], "ok");
    let mut kinds = BTreeSet::new();
    for _ in 0..10 {
        let said = polite.json().await;
        let kind = said["params"]["type"].as_str().unwrap_or_default().to_owned();
        if kind == "test_request" {
            polite.send(r#"{"jsonrpc":"2.0","id":10,"method":"public/test"}"#).await;
        }
        kinds.insert(kind);
    }
    assert!(kinds.contains("test_request") && kinds.contains("heartbeat"), "{kinds:?}");
    let mut rude = Client::connect(running.addr, "/ws/api/v2").await;
    rude.send(set).await;
    let end = rude.end(Duration::from_secs(2)).await;
    assert!(matches!(&end, Heard::Closed(Some(_))), "{end:?}");
    running.stop().await;
}

#[tokio::test]
async fn deribit_ends_connections_that_subscribe_too_often() {
    let running = run(still()).await;
    let mut client = Client::connect(running.addr, "/ws/api/v2").await;
    let say = r#"{"jsonrpc":"2.0","id":1,"method":"public/subscribe","params":{"channels":["trades.BTC-PERPETUAL.100ms"]}}"#;
    for _ in 0..12 {
        client.send(say).await;
    }
    let answers = client.texts(Duration::from_secs(2)).await;
    assert!(answers.last().unwrap().contains("\"code\":10028"), "{answers:?}");
    running.stop().await;
}

#[tokio::test]
async fn kraken_keeps_clients_that_ping_or_listen_to_heartbeats() {
    // A minute is half a second.
    let tuning = Tuning { impatience: 120.0, ..Tuning::default() };
    let running = start_with(still(), tuning).await.unwrap();
    let mut listening = Client::connect(running.addr, "/ws/v1").await;
    listening.send(r#"{"event":"subscribe","feed":"heartbeat"}"#).await;
    let mut pinging = Client::connect(running.addr, "/ws/v1").await;
    let mut silent = Client::connect(running.addr, "/ws/v1").await;
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        pinging.ping().await;
    }
    let beats = listening.texts(Duration::from_millis(300)).await;
    assert!(beats.iter().filter(|text| text.starts_with(r#"{"feed":"heartbeat","time":"#)).count() > 20);
    assert!(matches!(pinging.end(Duration::from_millis(100)).await, Heard::Nothing));
    assert!(matches!(silent.end(Duration::from_millis(100)).await, Heard::Closed(_) | Heard::Cut(_)));
    running.stop().await;
}

#[tokio::test]
async fn bitget_ends_connections_without_a_text_ping_and_bitfinex_beats() {
    // Two minutes are half a second, fifteen seconds 62 ms.
    let tuning = Tuning { impatience: 240.0, ..Tuning::default() };
    let running = start_with(still(), tuning).await.unwrap();
    let mut kept = Client::connect(running.addr, "/v3/ws/public").await;
    let mut cut = Client::connect(running.addr, "/v3/ws/public").await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        kept.send("ping").await;
        assert_eq!(kept.text().await, "pong");
    }
    assert!(matches!(cut.end(Duration::from_secs(1)).await, Heard::Closed(_) | Heard::Cut(_)));

    let mut client = Client::connect(running.addr, "/ws/2").await;
    assert_eq!(client.json().await["event"], "info");
    client.send(r#"{"event":"conf","flags":98304}"#).await;
    assert_eq!(client.json().await["status"], "OK");
    client.send(r#"{"event":"ping","cid":77}"#).await;
    assert_eq!(client.json().await["cid"], 77);
    client.send(wire("bitfinex").says[0]).await;
    let channel = client.json().await["chanId"].clone();
    for seq in 1..=3 {
        let beat = client.json().await;
        assert_eq!((&beat[0], &beat[1], &beat[2]), (&channel, &json!("hb"), &json!(seq)), "{beat}");
        assert!(beat[3].is_i64(), "a time: {beat}");
    }
    running.stop().await;
}
