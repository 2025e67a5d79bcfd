//! Each venue's conversation on a real socket.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{SimulatorConfig, Tape, Tuning, start_with};

use crate::client::{Client, Heard, busy, get, run, venue};

#[tokio::test]
async fn binance_sends_the_combined_envelope_without_being_asked() {
    let running = run(busy()).await;
    let mut client = Client::binance(running.addr).await;
    let frame = client.json().await;
    assert_eq!(frame["stream"], "!forceOrder@arr");
    assert_eq!(frame["data"]["e"], "forceOrder");
    let order = &frame["data"]["o"];
    assert!(matches!(order["S"].as_str(), Some("BUY" | "SELL")));
    assert_eq!(order["st"], 1);
    running.stop().await;
}

#[tokio::test]
async fn binance_sends_bare_objects_on_the_single_path() {
    let running = run(busy()).await;
    let mut client = Client::connect(running.addr, "/market/ws/!forceOrder@arr").await;
    assert_eq!(client.json().await["e"], "forceOrder");
    running.stop().await;
}

#[tokio::test]
async fn binance_answers_its_three_methods_and_refuses_others_in_its_words() {
    let running = run(SimulatorConfig { pace: 1e-6, ..busy() }).await;
    let mut client = Client::connect(running.addr, "/market/stream").await;
    let table = [
        (
            r#"{"method":"SUBSCRIBE","params":["!forceOrder@arr","btcusdt@markPrice"],"id":1}"#,
            json!({"result": null, "id": 1}),
        ),
        (
            r#"{"method":"UNSUBSCRIBE","params":["btcusdt@markPrice"],"id":2}"#,
            json!({"result": null, "id": 2}),
        ),
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#, json!({"result": ["!forceOrder@arr"], "id": 3})),
    ];
    for (said, answer) in table {
        client.send(said).await;
        assert_eq!(client.json().await, answer, "{said}");
    }
    client.send(r#"{"method":"LOGIN","id":4}"#).await;
    let refused = client.json().await;
    assert_eq!((&refused["code"], &refused["id"]), (&json!(2), &json!(4)));
    assert!(refused["msg"].as_str().unwrap().starts_with("Invalid request: unknown variant `LOGIN`"));
    client.send("not json").await;
    assert_eq!(client.json().await["code"], 3);
    running.stop().await;
}

#[tokio::test]
async fn binance_sends_one_symbols_stream_alone() {
    let running = run(busy()).await;
    let mut client = Client::connect(running.addr, "/market/stream?streams=btcusdt@forceOrder").await;
    for _ in 0..3 {
        let frame = client.json().await;
        assert_eq!(
            (&frame["stream"], &frame["data"]["o"]["s"]),
            (&json!("btcusdt@forceOrder"), &json!("BTCUSDT"))
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn binances_retired_paths_accept_everything_and_stay_silent() {
    let running = run(busy()).await;
    for path in ["/stream?streams=!forceOrder@arr", "/ws/!forceOrder@arr"] {
        let mut client = Client::connect(running.addr, path).await;
        client.send(r#"{"method":"SUBSCRIBE","params":["!forceOrder@arr"],"id":9}"#).await;
        assert_eq!(client.text().await, r#"{"result":null,"id":9}"#);
        assert!(matches!(client.hear(Duration::from_secs(2)).await, Heard::Nothing), "{path}");
    }
    running.stop().await;
}

#[tokio::test]
async fn binance_pings_and_gives_up_on_clients_that_do_not_answer() {
    // A ping every 100 ms, a pong within 333.
    let tuning = Tuning { impatience: 1_800.0, ..Tuning::default() };
    let running = start_with(SimulatorConfig { pace: 1e-6, ..busy() }, tuning).await.unwrap();
    let mut polite = Client::connect(running.addr, "/market/ws").await;
    for _ in 0..8 {
        // Reading answers the ping.
        assert!(matches!(polite.hear(Duration::from_secs(2)).await, Heard::Ping));
    }
    let mut rude = Client::connect(running.addr, "/market/ws").await;
    tokio::time::sleep(Duration::from_millis(450)).await;
    let end = rude.end(Duration::from_secs(2)).await;
    assert!(matches!(&end, Heard::Closed(Some(frame)) if u16::from(frame.code) == 1008), "{end:?}");
    running.stop().await;
}

#[tokio::test]
async fn binance_disconnects_whoever_sends_more_than_ten_messages_a_second() {
    let running = run(SimulatorConfig { pace: 1e-6, ..busy() }).await;
    let mut client = Client::connect(running.addr, "/market/ws").await;
    for _ in 0..11 {
        client.ping().await;
    }
    let end = client.end(Duration::from_secs(2)).await;
    assert!(matches!(&end, Heard::Closed(Some(frame)) if u16::from(frame.code) == 1008), "{end:?}");
    running.stop().await;
}

async fn bybit_answer(client: &mut Client, said: &str) -> Value {
    client.send(said).await;
    loop {
        let answer = client.json().await;
        if answer.get("topic").is_none() {
            return answer;
        }
    }
}

#[tokio::test]
async fn bybit_acknowledges_with_the_request_id_and_batches_rows() {
    let running = run(SimulatorConfig { pace: 5.0, ..busy() }).await;
    let mut client = Client::connect(running.addr, "/v5/public/linear").await;
    let ack = bybit_answer(
        &mut client,
        r#"{"req_id":"a7","op":"subscribe","args":["allLiquidation.BTCUSDT","allLiquidation.ETHUSDT"]}"#,
    )
    .await;
    assert_eq!(
        (&ack["success"], &ack["req_id"], &ack["op"]),
        (&json!(true), &json!("a7"), &json!("subscribe"))
    );
    assert!(!ack["conn_id"].as_str().unwrap().is_empty());
    let mut widest = 0;
    for _ in 0..20 {
        let frame = client.json().await;
        let topic = frame["topic"].as_str().unwrap().to_owned();
        assert!(["allLiquidation.BTCUSDT", "allLiquidation.ETHUSDT"].contains(&topic.as_str()));
        assert_eq!(frame["type"], "snapshot");
        assert_eq!(frame["ts"].as_i64().unwrap() % 500, 0);
        let rows = frame["data"].as_array().unwrap();
        assert!(rows.iter().all(|row| topic.ends_with(row["s"].as_str().unwrap())));
        widest = widest.max(rows.len());
    }
    assert!(widest > 1, "no frame had several rows");
    running.stop().await;
}

#[tokio::test]
async fn bybit_refuses_in_its_words() {
    let running = run(SimulatorConfig { pace: 1e-6, ..busy() }).await;
    let mut client = Client::connect(running.addr, "/v5/public/linear").await;
    let eleven: Vec<String> = (0..11).map(|number| format!("\"allLiquidation.S{number}\"")).collect();
    let table = [
        (r#"{"req_id":"1","op":"ping"}"#.to_owned(), true, "pong"),
        (format!(r#"{{"op":"subscribe","args":[{}]}}"#, eleven.join(",")), false, "args size >10"),
        (
            r#"{"op":"subscribe","args":["allLiquidation.BTCUSDT","allLiquidation.NOSUCHUSDT"]}"#.to_owned(),
            false,
            "error:handler not found,topic:allLiquidation.NOSUCHUSDT",
        ),
        (
            r#"{"op":"subscribe","args":["liquidation.BTCUSDT"]}"#.to_owned(),
            false,
            "error:handler not found,topic:liquidation.BTCUSDT",
        ),
        // The whole batch above was refused, so this is new, and then it is not.
        (r#"{"op":"subscribe","args":["allLiquidation.BTCUSDT"]}"#.to_owned(), true, ""),
        (
            r#"{"op":"subscribe","args":["allLiquidation.BTCUSDT"]}"#.to_owned(),
            false,
            "error:already subscribed,topic:allLiquidation.BTCUSDT",
        ),
        (r#"{"op":"unsubscribe","args":["allLiquidation.BTCUSDT"]}"#.to_owned(), true, ""),
        (r#"{"op":"subscribe","args":["allLiquidation.BTCUSDT"]}"#.to_owned(), true, ""),
    ];
    for (said, success, words) in table {
        let answer = bybit_answer(&mut client, &said).await;
        assert_eq!((&answer["success"], &answer["ret_msg"]), (&json!(success), &json!(words)), "{said}");
    }
    running.stop().await;
}

#[tokio::test]
async fn bybit_lists_its_instruments_page_by_page() {
    let running = run(busy()).await;
    let mut cursor = String::new();
    let mut symbols = BTreeSet::new();
    loop {
        let path = format!("/v5/market/instruments-info?category=linear&limit=10&cursor={cursor}");
        let (status, answer) = get(running.addr, &path).await;
        assert_eq!((status, &answer["retCode"]), (200, &json!(0)));
        for row in answer["result"]["list"].as_array().unwrap() {
            assert_eq!(row["status"], "Trading");
            assert!(symbols.insert(row["symbol"].as_str().unwrap().to_owned()));
        }
        cursor = answer["result"]["nextPageCursor"].as_str().unwrap().to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    assert!(symbols.len() > 25 && symbols.contains("1000PEPEUSDT") && symbols.contains("BTCPERP"));
    running.stop().await;
}

#[tokio::test]
async fn okx_acknowledges_each_argument_and_answers_a_text_ping() {
    let running = run(busy()).await;
    let mut client = Client::connect(running.addr, "/ws/v5/public").await;
    client.send("ping").await;
    assert_eq!(client.text().await, "pong");
    let arguments = r#"{"op":"subscribe","args":[{"channel":"liquidation-orders","instType":"SWAP"},{"channel":"liquidation-orders","instType":"FUTURES","instId":"BTC-USDT"}]}"#;
    client.send(arguments).await;
    let acks = [client.json().await, client.json().await];
    assert!(acks.iter().all(|ack| ack["event"] == "subscribe" && ack["connId"].as_str().unwrap().len() == 8));
    assert_eq!(
        acks[1]["arg"],
        json!({"channel": "liquidation-orders", "instType": "FUTURES", "instId": "BTC-USDT"})
    );
    let frame = client.json().await;
    assert_eq!(frame["arg"]["channel"], "liquidation-orders");
    let detail = &frame["data"][0]["details"][0];
    assert!(matches!(detail["posSide"].as_str(), Some("long" | "short" | "net")));
    assert!(detail["ts"].as_str().unwrap().parse::<i64>().is_ok());
    running.stop().await;
}

#[tokio::test]
async fn okx_refuses_in_its_words() {
    let running = run(SimulatorConfig { pace: 1e-6, ..busy() }).await;
    let mut client = Client::connect(running.addr, "/ws/v5/public").await;
    let table = [
        ("hello", "60012"),
        (r#"{"op":"dance","args":[{}]}"#, "60012"),
        (r#"{"op":"subscribe"}"#, "60012"),
        (r#"{"op":"subscribe","args":[{"channel":"liquidation-orders","instId":"BTC-USDT-SWAP"}]}"#, "60018"),
        (r#"{"op":"subscribe","args":[{"channel":"liquidations","instType":"SWAP"}]}"#, "60018"),
    ];
    for (said, code) in table {
        client.send(said).await;
        let answer = client.json().await;
        assert_eq!((&answer["event"], &answer["code"]), (&json!("error"), &json!(code)), "{said}");
        assert!(answer["connId"].is_string() && answer["msg"].is_string());
    }
    running.stop().await;
}

#[tokio::test]
async fn okx_cuts_silent_clients_with_4004_even_if_they_send_ping_frames() {
    let tuning = Tuning { impatience: 60.0, ..Tuning::default() };
    let running = start_with(SimulatorConfig { pace: 1e-6, ..busy() }, tuning).await.unwrap();
    let mut kept = Client::connect(running.addr, "/ws/v5/public").await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        kept.send("ping").await;
        assert_eq!(kept.text().await, "pong");
    }
    let mut cut = Client::connect(running.addr, "/ws/v5/public").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    cut.ping().await;
    let end = cut.end(Duration::from_millis(800)).await;
    assert!(matches!(&end, Heard::Closed(Some(frame)) if u16::from(frame.code) == 4004), "{end:?}");
    running.stop().await;
}

#[tokio::test]
async fn okx_lists_swaps_and_futures_with_their_contract_values() {
    let running = run(busy()).await;
    for (kind, name, value) in [("SWAP", "BTC-USDT-SWAP", "0.01"), ("SWAP", "BTC-USD-SWAP", "100")] {
        let (status, answer) =
            get(running.addr, &format!("/api/v5/public/instruments?instType={kind}")).await;
        assert_eq!((status, &answer["code"]), (200, &json!("0")));
        let rows = answer["data"].as_array().unwrap();
        let row = rows.iter().find(|row| row["instId"] == name).unwrap();
        assert_eq!(row["ctVal"], value);
    }
    let (_, answer) = get(running.addr, "/api/v5/public/instruments?instType=FUTURES").await;
    let rows = answer["data"].as_array().unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|row| row["instType"] == "FUTURES"));
    running.stop().await;
}

#[tokio::test]
async fn anything_else_is_a_404_in_json() {
    let running = run(busy()).await;
    for path in ["/", "/v5/public/option", "/api/v5/public/time", "/okx/v5/market/instruments-info"] {
        let (status, answer) = get(running.addr, path).await;
        assert_eq!((status, &answer["code"]), (404, &json!(404)), "{path}");
    }
    assert_eq!(Client::refused(running.addr, "/nowhere").await.0, 404);
    assert_eq!(get(running.addr, "/ws/v5/public").await.0, 400);
    running.stop().await;
}

#[tokio::test]
async fn the_server_sends_exactly_what_the_tape_with_its_start_holds() {
    let config = busy();
    let running = run(config.clone()).await;
    let mut client = Client::binance(running.addr).await;
    let heard = client.texts(Duration::from_secs(5)).await;
    assert!(heard.len() > 10);
    let tape = Tape::with_pace(&config.scenario, config.seed, running.start_micros(), config.pace);
    let expected: Vec<String> = tape
        .filter(|frame| frame.venue == "binance-usdm")
        .take(heard.len() + 5)
        .map(|frame| frame.text().unwrap().to_owned())
        .skip_while(|text| *text != heard[0])
        .take(heard.len())
        .collect();
    assert_eq!(heard, expected);
    let counts = running.counts(venue("binance-usdm"));
    assert!(
        counts.sent >= heard.len() as u64 && counts.happened >= counts.told && counts.told >= counts.sent
    );
    running.stop().await;
}
