//! The venues beside the large ones, as a client that knows only their documents sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::{Value, json};
use simulator::SimulatorConfig;

use crate::client::{Client, busy};

/// How a client gets everything from a venue, and counts it without knowing what the simulator counts.
pub struct Wire {
    pub id: &'static str,
    pub path: &'static str,
    /// What is said to subscribe, and what the venue answers to each, before or after data.
    pub says: &'static [&'static str],
    /// Whether a message is the acknowledgement.
    pub acks: fn(&Value) -> bool,
    /// The liquidations that a message tells of, given what was heard before.
    pub events: fn(&Value, &mut Memory) -> u64,
}

/// What a client remembers from message to message.
#[derive(Default)]
pub struct Memory {
    pub orders: BTreeMap<String, u64>,
    pub is_listening: bool,
}

pub fn rows(value: &Value) -> u64 {
    value.as_array().map_or(0, |rows| rows.len() as u64)
}

pub const WIRES: &[Wire] = &[
    Wire {
        id: "binance-coinm",
        path: "/binance-coinm/ws/!forceOrder@arr",
        says: &[r#"{"method":"SUBSCRIBE","params":["!forceOrder@arr"],"id":1}"#],
        acks: |said| said["id"] == 1 && said.get("result") == Some(&Value::Null),
        events: |said, _| u64::from(said["e"] == "forceOrder" && said["o"]["st"] == 2),
    },
    Wire {
        id: "bybit-inverse",
        path: "/v5/public/inverse",
        says: &[
            r#"{"req_id":"1","op":"subscribe","args":["allLiquidation.BTCUSD","allLiquidation.ETHUSD","allLiquidation.SOLUSD","allLiquidation.XRPUSD","allLiquidation.DOGEUSD"]}"#,
        ],
        acks: |said| said["op"] == "subscribe" && said["success"] == true,
        events: |said, _| rows(&said["data"]),
    },
    Wire {
        id: "bitmex",
        path: "/realtime",
        says: &[r#"{"op":"subscribe","args":["liquidation"]}"#],
        acks: |said| said["success"] == true && said["subscribe"] == "liquidation",
        events: |said, memory| {
            let mut count = 0;
            for row in said["data"].as_array().into_iter().flatten() {
                let id = row["orderID"].as_str().unwrap().to_owned();
                let leaves = row["leavesQty"].as_u64().unwrap_or_default();
                match said["action"].as_str().unwrap() {
                    "partial" => {
                        memory.orders.insert(id, leaves);
                    }
                    "insert" => {
                        count += 1;
                        assert!(memory.orders.insert(id, leaves).is_none());
                    }
                    "update" => {
                        let known = memory.orders.get_mut(&id).expect("an order that was inserted");
                        count += u64::from(leaves > *known);
                        *known = leaves;
                    }
                    _ => assert!(memory.orders.remove(&id).is_some()),
                }
            }
            count
        },
    },
    Wire {
        id: "deribit",
        path: "/ws/api/v2",
        says: &[
            r#"{"jsonrpc":"2.0","id":1,"method":"public/subscribe","params":{"channels":["trades.future.any.100ms"]}}"#,
        ],
        acks: |said| said["id"] == 1 && said["result"] == json!(["trades.future.any.100ms"]),
        events: |said, _| {
            let mut seen = BTreeSet::new();
            for trade in said["params"]["data"].as_array().into_iter().flatten() {
                let sells = trade["direction"] == "sell";
                let longs: &[bool] = match trade["liquidation"].as_str() {
                    None => &[],
                    Some("T") => &[sells],
                    Some("M") => &[!sells],
                    Some(_) => &[true, false],
                };
                for long in longs {
                    let name = trade["instrument_name"].as_str().unwrap();
                    seen.insert((name, trade["timestamp"].as_i64().unwrap(), *long));
                }
            }
            seen.len() as u64
        },
    },
    Wire {
        id: "kraken-futures",
        path: "/ws/v1",
        says: &[
            r#"{"event":"subscribe","feed":"trade","product_ids":["PF_XBTUSD","PI_XBTUSD","PF_ETHUSD","PI_ETHUSD","PF_SOLUSD","PF_XRPUSD","PF_DOGEUSD","PF_TAOUSD","PF_FETUSD","PF_NEARUSD","PF_RENDERUSD"]}"#,
        ],
        acks: |said| said["event"] == "subscribed" && said["product_ids"] == json!(["PF_RENDERUSD"]),
        events: |said, _| u64::from(said["feed"] == "trade" && said["type"] == "liquidation"),
    },
    Wire {
        id: "gate",
        path: "/v4/ws/usdt",
        says: &[r#"{"time":1,"channel":"futures.public_liquidates","event":"subscribe","payload":["!all"]}"#],
        acks: |said| said["event"] == "subscribe" && said["result"]["status"] == "success",
        events: |said, _| u64::from(said["event"] == "update"),
    },
    Wire {
        id: "htx",
        path: "/linear-swap-notification",
        says: &[r#"{"op":"sub","cid":"1","topic":"public.*.liquidation_orders"}"#],
        acks: |said| said["op"] == "sub" && said["cid"] == "1" && said["err-code"] == 0,
        events: |said, _| if said["op"] == "notify" { rows(&said["data"]) } else { 0 },
    },
    Wire {
        id: "htx-coinm",
        path: "/swap-notification",
        says: &[r#"{"op":"sub","cid":"1","topic":"public.*.liquidation_orders"}"#],
        acks: |said| said["op"] == "sub" && said["cid"] == "1" && said["err-code"] == 0,
        events: |said, _| if said["op"] == "notify" { rows(&said["data"]) } else { 0 },
    },
    Wire {
        id: "bitget",
        path: "/v3/ws/public",
        says: &[r#"{"op":"subscribe","args":[{"instType":"usdt-futures","topic":"liquidation"}]}"#],
        acks: |said| said["event"] == "subscribe" && said["arg"]["topic"] == "liquidation",
        events: |said, _| if said["action"] == "update" { rows(&said["data"]) } else { 0 },
    },
    Wire {
        id: "bitfinex",
        path: "/ws/2",
        says: &[r#"{"event":"subscribe","channel":"status","key":"liq:global"}"#],
        acks: |said| said["event"] == "subscribed" && said["chanId"].is_u64(),
        events: |said, memory| {
            memory.is_listening |= said["event"] == "subscribed";
            let told = said[1].as_array().into_iter().flatten().filter(|row| row[0] == "pos");
            // Each position is told twice, in either order.
            let news = told.filter(|row| memory.orders.insert(row[1].to_string(), 1).is_none()).count();
            assert!(memory.is_listening || news == 0);
            news as u64
        },
    },
];

impl Wire {
    pub async fn connect(&self, addr: SocketAddr) -> Client {
        let mut client = Client::connect(addr, self.path).await;
        for text in self.says {
            client.send(text).await;
        }
        client
    }
}

pub fn wire(id: &str) -> &'static Wire {
    WIRES.iter().find(|wire| wire.id == id).unwrap()
}

/// A market so lively that each venue has something to tell every second.
pub fn lively() -> SimulatorConfig {
    SimulatorConfig { pace: 12.0, ..busy() }
}

/// Nothing happens.
pub fn still() -> SimulatorConfig {
    SimulatorConfig { pace: 1e-6, ..busy() }
}
