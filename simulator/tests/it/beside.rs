//! The venues beside the large ones on real sockets: what they acknowledge, send, count and refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Counts, Faults, SimulatorConfig};

use crate::client::{Client, Heard, busy, run, venue};
use crate::wires::{Memory, WIRES, Wire, lively, still, wire};

#[tokio::test]
async fn every_venue_acknowledges_and_its_frames_hold_what_it_counts_as_sent() {
    let running = run(lively()).await;
    let mut clients = Vec::new();
    for wire in WIRES {
        clients.push((wire, wire.connect(running.addr).await));
    }
    let heard = clients.into_iter().map(|(wire, mut client)| async move {
        let texts = client.texts(Duration::from_secs(5)).await;
        (wire, client, texts)
    });
    let mut heard = futures_util::future::join_all(heard).await;
    let counters = running.counters();
    let stopping = tokio::spawn(running.stop());
    for (wire, client, texts) in &mut heard {
        texts.extend(client.texts(Duration::from_secs(2)).await);
        let messages: Vec<Value> = texts
            .iter()
            .map(|text| {
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{}: {error}: {text}", wire.id))
            })
            .collect();
        assert!(
            messages.iter().any(|said| (wire.acks)(said)),
            "{}: {:?}",
            wire.id,
            &texts[..texts.len().min(3)]
        );
        let mut memory = Memory::default();
        let counted: u64 = messages.iter().map(|said| (wire.events)(said, &mut memory)).sum();
        let counts = counters.of(venue(wire.id));
        assert_eq!(counted, counts.sent, "{}", wire.id);
        assert!(counted > 3 && counts.sent <= counts.told && counts.told <= counts.happened, "{counts:?}");
    }
    stopping.await.unwrap();
}

/// What comes within `wait` of a subscription to a venue with these faults, and what the venue counts.
async fn under(faults: &str, wire: &Wire, wait: Duration) -> (Vec<String>, Counts) {
    let faults = Faults::parse(&format!("{faults},only={}", wire.id)).unwrap();
    let running = run(SimulatorConfig { faults, pace: 40.0, ..busy() }).await;
    let texts = wire.connect(running.addr).await.texts(wait).await;
    let counts = running.counts(venue(wire.id));
    running.stop().await;
    (texts, counts)
}

#[tokio::test]
async fn every_venue_refuses_and_drops() {
    let refused = WIRES.iter().map(|wire| async move {
        let id = wire.id;
        let faults = Faults::parse(&format!("status=451:{id}")).unwrap();
        let running = run(SimulatorConfig { faults, ..still() }).await;
        assert_eq!(Client::refused(running.addr, wire.path).await, (451, None), "{id}");
        running.stop().await;

        let (texts, counts) = under(&format!("reject={id}"), wire, Duration::from_millis(1200)).await;
        for text in texts {
            let said: Value = serde_json::from_str(&text).unwrap();
            assert!(!(wire.acks)(&said), "{id}: {text}");
            assert_eq!((wire.events)(&said, &mut Memory::default()), 0, "{id}: {text}");
        }
        assert_eq!((counts.sent, counts.frames), (0, 0), "{id}");

        let faults = Faults::parse(&format!("drop=300ms,only={id}")).unwrap();
        let running = run(SimulatorConfig { faults, ..still() }).await;
        let end = wire.connect(running.addr).await.end(Duration::from_secs(8)).await;
        assert!(matches!(end, Heard::Cut(_)), "{id}: {end:?}");
        running.stop().await;
    });
    futures_util::future::join_all(refused).await;
}

#[tokio::test]
async fn every_venues_data_can_be_repeated_broken_and_withheld() {
    let heard = WIRES.iter().map(|wire| async move {
        let wait = Duration::from_secs(2);
        let (texts, counts) = under("malformed=1", wire, wait).await;
        let bad = texts.iter().filter(|text| serde_json::from_str::<Value>(text).is_err()).count() as u64;
        assert!(bad > 0 && counts.malformed >= bad && counts.sent == 0, "{} {bad} {counts:?}", wire.id);
        let (texts, counts) = under("duplicate=1", wire, wait).await;
        let pairs = texts.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        assert!(pairs > 0 && counts.repeated >= pairs, "{} {pairs} {counts:?}", wire.id);
        let (_, counts) = under("silence=100ms:60s", wire, wait).await;
        assert!(counts.sent < counts.told, "{} {counts:?}", wire.id);
    });
    futures_util::future::join_all(heard).await;
}

#[tokio::test]
async fn refusals_are_in_each_venues_words() {
    let running = run(still()).await;
    let table: [(&str, &str, &str, Value); 22] = [
        ("bitmex", r#"{"op":"subscribe","args":["quotes"]}"#, "/error", json!("Unknown table: quotes")),
        (
            "bitmex",
            r#"{"op":"subscribe","args":["liquidation:NOSUCH"]}"#,
            "/error",
            json!("Unknown or expired symbol."),
        ),
        ("bitmex", r#"{"op":"subscribe","args":["liquidation"]}"#, "/status", json!(400)),
        ("bitmex", "hello", "/error", json!("Unrecognized request.")),
        ("deribit", "hello", "/error/code", json!(-32700)),
        ("deribit", r#"{"jsonrpc":"2.0","id":2,"method":"public/dance"}"#, "/error/code", json!(-32601)),
        (
            "deribit",
            r#"{"id":2,"method":"public/subscribe","params":{"channels":["trades.BTC-PERPETUAL.raw"]}}"#,
            "/error/code",
            json!(13778),
        ),
        (
            "deribit",
            r#"{"id":2,"method":"public/subscribe","params":{"channels":["trades.NOSUCH.100ms"]}}"#,
            "/result",
            json!([]),
        ),
        (
            "deribit",
            r#"{"id":2,"method":"public/set_heartbeat","params":{"interval":9}}"#,
            "/error/data/param",
            json!("interval"),
        ),
        ("kraken-futures", "hello", "/message", json!("Json Error")),
        (
            "kraken-futures",
            r#"{"event":"subscribe","feed":"trade","product_ids":["PF_NOSUCH"]}"#,
            "/message",
            json!("Invalid product id"),
        ),
        (
            "kraken-futures",
            r#"{"event":"subscribe","feed":"dance","product_ids":["PF_XBTUSD"]}"#,
            "/message",
            json!("Invalid feed"),
        ),
        (
            "kraken-futures",
            r#"{"event":"subscribe","feed":"trade","product_ids":["pf_xbtusd"]}"#,
            "/event",
            json!("alert"),
        ),
        ("gate", "hello", "/error/code", json!(1)),
        (
            "gate",
            r#"{"time":1,"channel":"futures.dance","event":"subscribe","payload":[]}"#,
            "/error/code",
            json!(2),
        ),
        (
            "gate",
            r#"{"time":1,"channel":"futures.public_liquidates","event":"subscribe","payload":["NO_SUCH"]}"#,
            "/error/message",
            json!("unknown contract NO_SUCH"),
        ),
        ("htx", "hello", "/err-code", json!(2030)),
        ("htx", r#"{"op":"sub","cid":"2","topic":"public.*.liquidation_orders"}"#, "/err-code", json!(2014)),
        (
            "htx",
            r#"{"op":"sub","cid":"2","topic":"public.NO-SUCH.liquidation_orders"}"#,
            "/err-code",
            json!(2011),
        ),
        (
            "bitget",
            r#"{"op":"subscribe","args":[{"instType":"spot","topic":"liquidation"}]}"#,
            "/code",
            json!("30001"),
        ),
        ("bitfinex", r#"{"event":"subscribe","channel":"status","key":"liq:other"}"#, "/code", json!(10300)),
        ("bitfinex", r#"{"event":"subscribe","channel":"status","key":"liq:global"}"#, "/code", json!(10301)),
    ];
    let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
    for (id, said, pointer, expected) in table {
        if !clients.contains_key(id) {
            let mut client = wire(id).connect(running.addr).await;
            // The greeting and the answer to the first subscription, to its end.
            while !matches!(client.hear(Duration::from_millis(300)).await, Heard::Nothing) {}
            clients.insert(id, client);
        }
        let client = clients.get_mut(id).unwrap();
        client.send(said).await;
        // Ordinary trades may come in between.
        loop {
            let answer = client.json().await;
            if answer["method"] == "subscription" || answer["feed"] == "trade" {
                continue;
            }
            assert_eq!(answer.pointer(pointer), Some(&expected), "{id} {said}: {answer}");
            break;
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn bitmex_begins_with_a_partial_that_makes_every_later_message_sensible() {
    let running = run(lively()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // Connected late, to one contract, by the URL; orders are open by now.
    let mut client = Client::connect(running.addr, "/realtime?subscribe=liquidation:XBTUSD").await;
    assert!(client.json().await["info"].as_str().unwrap().starts_with("Welcome"));
    assert_eq!(client.json().await["subscribe"], "liquidation:XBTUSD");
    let partial = client.json().await;
    assert_eq!((&partial["action"], &partial["keys"]), (&json!("partial"), &json!(["orderID"])));
    assert_eq!(partial["filter"], json!({"symbol": "XBTUSD"}));
    let mut memory = Memory::default();
    (wire("bitmex").events)(&partial, &mut memory);
    client.send("ping").await;
    let mut pongs = 0;
    for text in client.texts(Duration::from_secs(6)).await {
        if text == "pong" {
            pongs += 1;
            continue;
        }
        let message: Value = serde_json::from_str(&text).unwrap();
        assert!(message["data"].as_array().unwrap().iter().all(|row| row["symbol"] == "XBTUSD"));
        (wire("bitmex").events)(&message, &mut memory);
    }
    assert_eq!(pongs, 1);
    running.stop().await;
}

#[tokio::test]
async fn krakens_snapshots_hold_old_liquidations_and_the_same_trades_each_time() {
    let running = run(SimulatorConfig { pace: 60.0, ..busy() }).await;
    let snapshot = async || {
        let mut client = Client::connect(running.addr, "/ws/v1").await;
        assert_eq!(client.json().await, json!({"event": "info", "version": 1}));
        client.send(r#"{"event":"subscribe","feed":"trade","product_ids":["PF_XBTUSD"]}"#).await;
        assert_eq!(client.json().await["event"], "subscribed");
        let snapshot = client.json().await;
        assert_eq!(
            (&snapshot["feed"], &snapshot["product_id"]),
            (&json!("trade_snapshot"), &json!("PF_XBTUSD"))
        );
        (client, snapshot["trades"].as_array().unwrap().clone())
    };
    let uids = |trades: &[Value]| -> BTreeSet<String> {
        trades.iter().map(|trade| trade["uid"].as_str().unwrap().to_owned()).collect()
    };
    let (mut client, first) = snapshot().await;
    assert!(first.iter().filter(|trade| trade["type"] == "liquidation").count() >= 2);
    let sequence: Vec<u64> = first.iter().map(|trade| trade["seq"].as_u64().unwrap()).collect();
    assert!(sequence.windows(2).all(|pair| pair[0] == pair[1] + 1), "newest first: {sequence:?}");
    let told: Vec<Value> = client
        .texts(Duration::from_secs(3))
        .await
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    assert!(told.iter().any(|trade| trade["type"] == "liquidation"));
    let (_, second) = snapshot().await;
    let known = uids(&second);
    assert!(uids(&told).is_subset(&known), "what was missed is in the next snapshot");
    assert!(second.len() <= 100 && uids(&first).intersection(&known).count() > 5);
    running.stop().await;
}

#[tokio::test]
async fn gate_writes_sizes_as_the_client_asks() {
    let running = run(lively()).await;
    let mut plain = wire("gate").connect(running.addr).await;
    let mut decimal = Client::with_header(running.addr, "/v4/ws/usdt", "x-gate-size-decimal", "1").await;
    decimal.send(wire("gate").says[0]).await;
    decimal.send(r#"{"time":1,"channel":"futures.ping"}"#).await;
    for (client, is_text) in [(&mut plain, false), (&mut decimal, true)] {
        let mut sizes = 0;
        for text in client.texts(Duration::from_secs(3)).await {
            let said: Value = serde_json::from_str(&text).unwrap();
            if said["event"] == "update" {
                let result = &said["result"];
                let found = [result, &result[0], &result[0][0]];
                let row = found.into_iter().find(|row| row.is_object()).unwrap();
                assert_eq!((row["size"].is_string(), row["price"].is_number()), (is_text, true), "{text}");
                sizes += 1;
            } else if is_text {
                assert!(said["channel"] == "futures.pong" || said["event"] == "subscribe");
            }
        }
        assert!(sizes > 3, "{sizes}");
    }
    running.stop().await;
}

#[tokio::test]
async fn htx_sends_one_contract_alone_under_its_own_topic() {
    let running = run(lively()).await;
    let mut client = Client::connect(running.addr, "/linear-swap-notification").await;
    client.send(r#"{"op":"sub","topic":"public.BTC-USDT.liquidation_orders"}"#).await;
    let ack = client.json().await;
    assert_eq!((&ack["err-code"], ack.get("cid")), (&json!(0), None));
    for _ in 0..2 {
        let said = client.json().await;
        if said["op"] == "notify" {
            assert_eq!(said["topic"], "public.BTC-USDT.liquidation_orders");
            assert!(said["data"].as_array().unwrap().iter().all(|row| row["contract_code"] == "BTC-USDT"));
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn channels_of_prices_and_interest_are_acknowledged_beside_liquidations() {
    let running = run(still()).await;
    let table = [
        ("/realtime", r#"{"op":"subscribe","args":["instrument:XBTUSD"]}"#, "/success", json!(true)),
        (
            "/ws/v1",
            r#"{"event":"subscribe","feed":"ticker","product_ids":["PF_XBTUSD"]}"#,
            "/event",
            json!("subscribed"),
        ),
        (
            "/ws/api/v2",
            r#"{"id":1,"method":"public/subscribe","params":{"channels":["ticker.BTC-PERPETUAL.agg2"]}}"#,
            "/result",
            json!(["ticker.BTC-PERPETUAL.agg2"]),
        ),
        (
            "/v4/ws/usdt",
            r#"{"time":1,"channel":"futures.tickers","event":"subscribe","payload":["BTC_USDT"]}"#,
            "/result/status",
            json!("success"),
        ),
        (
            "/v5/public/linear",
            r#"{"req_id":"1","op":"subscribe","args":["tickers.BTCUSDT"]}"#,
            "/success",
            json!(true),
        ),
        (
            "/ws/v5/public",
            r#"{"op":"subscribe","args":[{"channel":"open-interest","instId":"BTC-USDT-SWAP"}]}"#,
            "/event",
            json!("subscribe"),
        ),
        ("/market/ws", r#"{"method":"SUBSCRIBE","params":["btcusdt@markPrice@1s"],"id":1}"#, "/id", json!(1)),
    ];
    for (path, said, pointer, expected) in table {
        let mut client = Client::connect(running.addr, path).await;
        client.send(said).await;
        let texts = client.texts(Duration::from_millis(400)).await;
        let found = texts
            .iter()
            .any(|text| serde_json::from_str::<Value>(text).unwrap().pointer(pointer) == Some(&expected));
        assert!(found, "{path} {texts:?}");
    }
    running.stop().await;
}
