//! What the venues answer to plain requests.

use serde_json::{Value, json};

use crate::client::{ask, get, run};
use crate::wires::{rows, still};

/// A path, where its list is, the key of a row's name, the name, and what must hold of the row.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str, &'a [(&'a str, Value)]);

#[tokio::test]
async fn rest_answers_tell_what_a_contract_is_worth() {
    let running = run(still()).await;
    let table: &[Row] = &[
        ("/dapi/v1/exchangeInfo", "/symbols", "symbol", "BTCUSD_PERP", &[("contractSize", json!(100))]),
        ("/dapi/v1/exchangeInfo", "/symbols", "symbol", "NEARUSD_PERP", &[("contractSize", json!(10))]),
        (
            "/v5/market/instruments-info?category=inverse",
            "/result/list",
            "symbol",
            "BTCUSD",
            &[("contractType", json!("InversePerpetual")), ("settleCoin", json!("BTC"))],
        ),
        (
            "/bybit-inverse/v5/market/instruments-info?category=inverse",
            "/result/list",
            "symbol",
            "ETHUSD",
            &[("quoteCoin", json!("USD"))],
        ),
        (
            "/api/v1/instrument/active",
            "",
            "symbol",
            "XBTUSD",
            &[
                ("isInverse", json!(true)),
                ("isQuanto", json!(false)),
                ("multiplier", json!(-100_000_000)),
                ("underlyingToPositionMultiplier", json!(null)),
            ],
        ),
        (
            "/api/v1/instrument/active",
            "",
            "symbol",
            "XBTUSDT",
            &[
                ("isInverse", json!(false)),
                ("multiplier", json!(1)),
                ("underlyingToPositionMultiplier", json!(1_000_000)),
            ],
        ),
        (
            "/api/v1/instrument/active",
            "",
            "symbol",
            "ETHUSD",
            &[("isQuanto", json!(true)), ("multiplier", json!(100)), ("settlCurrency", json!("XBt"))],
        ),
        (
            "/api/v2/public/get_instruments?currency=USDC&kind=future",
            "/result",
            "instrument_name",
            "SOL_USDC-PERPETUAL",
            &[("instrument_type", json!("linear")), ("settlement_currency", json!("USDC"))],
        ),
        (
            "/derivatives/api/v3/instruments",
            "/instruments",
            "symbol",
            "PI_XBTUSD",
            &[("type", json!("futures_inverse")), ("contractSize", json!(1))],
        ),
        (
            "/api/v4/futures/usdt/contracts",
            "",
            "name",
            "BTC_USDT",
            &[("quanto_multiplier", json!("0.0001")), ("type", json!("direct"))],
        ),
        (
            "/linear-swap-api/v1/swap_contract_info",
            "/data",
            "contract_code",
            "ETH-USDT",
            &[("contract_size", json!(0.01))],
        ),
        (
            "/swap-api/v1/swap_contract_info",
            "/data",
            "contract_code",
            "BTC-USD",
            &[("contract_size", json!(100)), ("business_type", json!(null))],
        ),
    ];
    for (path, list, key, name, facts) in table.iter().copied() {
        let (status, answer) = get(running.addr, path).await;
        assert_eq!(status, 200, "{path}");
        let rows = answer.pointer(list).unwrap().as_array().unwrap();
        let row = rows.iter().find(|row| row[key] == name).unwrap_or_else(|| panic!("{path}: no {name}"));
        for (field, value) in facts {
            assert_eq!(row[field], *value, "{name}.{field}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn answers_have_methods_bodies_statuses_and_entity_tags() {
    let running = run(still()).await;
    let addr = running.addr;
    let call = r#"{"jsonrpc":"2.0","id":5,"method":"public/get_instruments","params":{"currency":"BTC"}}"#;
    let (status, _, body) = ask(addr, "POST /api/v2", "", call).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &answer["id"]), (200, &json!(5)));
    assert_eq!(rows(&answer["result"]), 2);
    let (status, _, body) = ask(addr, "GET /api/v2/public/dance", "", "").await;
    assert!(status == 400 && body.contains("-32601"), "{status} {body}");
    let (status, _, _) = ask(addr, "POST /api/v2", "", &"x".repeat(2 << 20)).await;
    assert_eq!(status, 413);
    assert_eq!(ask(addr, "POST /dapi/v1/exchangeInfo", "", "").await.0, 404);

    // Twice, should a minute end between two requests.
    let path = "GET /api/v1/instrument/active";
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let (status, head, _) = ask(addr, path, "", "").await;
        assert_eq!(status, 200);
        let etag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        let etag = etag.replace("w/", "W/");
        let (status, _, body) = ask(addr, path, &format!("If-None-Match: {etag}\r\n"), "").await;
        assert_eq!(body.is_empty(), status == 304);
        statuses.push(status);
    }
    assert!(statuses.contains(&304), "{statuses:?}");
    running.stop().await;
}
