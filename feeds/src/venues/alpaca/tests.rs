use super::super::hostile::{following, kind, message, refusal, refuses_garbage, survives_anything, told};
use super::*;
use crate::config::Keys;

const TRADES: &str = r#"[{"T":"t","i":96921,"S":"MARA","x":"V","p":12.78,"s":100,"t":"2026-11-12T16:00:00.208312345Z","c":["@"],"z":"C"},{"T":"t","i":96922,"S":"RIOT","x":"V","p":14.5,"s":1,"t":"2026-11-12T15:59:59Z","c":["@","T"],"z":"C"},{"T":"t","i":96923,"S":"SPY","x":"V","p":600.25,"s":1,"t":"2026-11-12T16:00:00Z","c":[],"z":"B"}]"#;
const BAR: &str = r#"[{"T":"b","S":"MARA","o":12.7,"h":12.8,"l":12.65,"c":12.78,"v":15400,"t":"2026-11-12T15:59:00Z","n":120,"vw":12.74}]"#;

fn config() -> FeedConfig {
    let mut keys = Keys::default();
    keys.insert(KEY_ID, "ID".to_owned());
    keys.insert(SECRET_KEY, "SECRET".to_owned());
    FeedConfig { keys, ..following(&["MARA", "RIOT"]) }
}

fn alpaca() -> Box<dyn StreamProtocol> {
    protocol(&config())
}

#[test]
fn trades_tell_last_prices() {
    assert_eq!(
        told(alpaca().as_mut(), &message(TRADES)),
        [
            "2026-11-12T15:59:59Z now last RIOT 14.5 prev - vol -",
            "2026-11-12T16:00:00.208312Z now last MARA 12.78 prev - vol -",
        ]
    );
}

#[test]
fn a_trade_at_an_old_or_average_price_is_none() {
    for condition in ["W", "4", "P", "Z", "I"] {
        let frame = TRADES.replace(r#""c":["@"]"#, &format!(r#""c":["@","{condition}"]"#));
        assert_eq!(told(alpaca().as_mut(), &message(&frame)).len(), 1, "{condition}: RIOT alone");
    }
}

#[test]
fn one_exchange_s_volume_is_not_the_market_s() {
    let bar = "2026-11-12T15:59:00Z now 1m MARA 12.7 12.8 12.65 12.78 vol";
    assert_eq!(told(alpaca().as_mut(), &message(BAR)), [format!("{bar} - final")]);
    let whole = FeedConfig { url: Some("wss://stream.data.alpaca.markets/v2/sip".to_owned()), ..config() };
    assert_eq!(told(protocol(&whole).as_mut(), &message(BAR)), [format!("{bar} 15400 final")]);
    let updated = BAR.replace(r#""T":"b""#, r#""T":"u""#);
    assert_eq!(told(alpaca().as_mut(), &message(&updated)).len(), 1);
}

#[test]
fn it_signs_in_then_subscribes() {
    let mut alpaca = alpaca();
    assert!(alpaca.subscribe().is_empty() && alpaca.outgoing().is_empty());
    assert_eq!(kind(alpaca.as_mut(), &message(r#"[{"T":"success","msg":"connected"}]"#)), FrameKind::Ack);
    assert_eq!(alpaca.outgoing(), [r#"{"action":"auth","key":"ID","secret":"SECRET"}"#]);
    assert_eq!(kind(alpaca.as_mut(), &message(r#"[{"T":"success","msg":"authenticated"}]"#)), FrameKind::Ack);
    assert_eq!(
        alpaca.outgoing(),
        [
            r#"{"action":"subscribe","bars":["MARA","RIOT"],"trades":["MARA","RIOT"],"updatedBars":["MARA","RIOT"]}"#
        ]
    );
    assert!(!alpaca.is_subscribed() && alpaca.outgoing().is_empty());
    let acknowledged =
        r#"[{"T":"subscription","trades":["MARA","RIOT"],"quotes":[],"bars":["MARA","RIOT"]}]"#;
    assert_eq!(kind(alpaca.as_mut(), &message(acknowledged)), FrameKind::Ack);
    assert!(alpaca.is_subscribed());
    alpaca.reset();
    assert!(!alpaca.is_subscribed());
}

#[test]
fn the_free_stream_takes_thirty_symbols_and_the_whole_market_takes_all() {
    let many: Vec<String> = (0..40).map(|n| format!("T{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let asked_on = |url: Option<&str>| {
        let mut alpaca = protocol(&FeedConfig { url: url.map(str::to_owned), ..following(&many) });
        kind(alpaca.as_mut(), &message(r#"[{"T":"success","msg":"authenticated"}]"#));
        let request: serde_json::Value = serde_json::from_str(&alpaca.outgoing()[0]).unwrap();
        request["trades"].as_array().unwrap().len()
    };
    assert_eq!((asked_on(None), asked_on(Some("wss://stream.data.alpaca.markets/v2/sip"))), (30, 40));
}

#[test]
fn other_messages_are_told_apart() {
    let cases = [
        (
            r#"[{"T":"error","code":402,"msg":"auth failed"}]"#,
            FrameKind::Refused("402 auth failed".to_owned()),
        ),
        (
            r#"[{"T":"error","code":405,"msg":"symbol limit exceeded"}]"#,
            FrameKind::Refused("405 symbol limit exceeded".to_owned()),
        ),
        (
            r#"[{"T":"q","S":"MARA","bx":"V","bp":12.7,"bs":1,"ax":"V","ap":12.8,"as":2,"t":"2026-11-12T16:00:00Z","c":["R"],"z":"C"}]"#,
            FrameKind::Ignored("quote"),
        ),
        (
            r#"[{"T":"d","S":"MARA","o":12,"h":13,"l":12,"c":13,"v":1,"t":"2026-11-12T05:00:00Z"}]"#,
            FrameKind::Ignored("day bar"),
        ),
        (
            r#"[{"T":"s","S":"MARA","sc":"H","sm":"Trading Halt","rc":"T12","t":"2026-11-12T16:00:00Z","z":"C"}]"#,
            FrameKind::Ignored("status"),
        ),
        (
            r#"[{"T":"l","S":"MARA","u":13.5,"d":12.1,"i":"B","t":"2026-11-12T16:00:00Z","z":"C"}]"#,
            FrameKind::Ignored("price limits"),
        ),
        (
            r#"[{"T":"c","S":"MARA","x":"V","oi":1,"op":12.7,"os":1,"oc":["@"],"ci":2,"cp":12.8,"cs":1,"cc":["@"],"t":"2026-11-12T16:00:00Z","z":"C"}]"#,
            FrameKind::Ignored("correction"),
        ),
        (
            r#"[{"T":"x","S":"MARA","i":1,"x":"V","p":12.7,"s":1,"a":"C","t":"2026-11-12T16:00:00Z","z":"C"}]"#,
            FrameKind::Ignored("cancellation"),
        ),
    ];
    for (frame, expected) in cases {
        assert_eq!(kind(alpaca().as_mut(), &message(frame)), expected, "{frame}");
    }
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing_behind() {
    for (frame, from, to, problem) in [
        (TRADES, "\"p\":14.5", "\"p\":-1", "p is \"-1\""),
        (TRADES, "2026-11-12T15:59:59Z", "2026-11-12", "t is \"2026-11-12\", not a time such as"),
        (TRADES, "2026-11-12T15:59:59Z", "yesterday", "not a time such as"),
        (TRADES, "\"T\":\"t\"", "\"T\":\"z\"", "not a known kind of message"),
        (TRADES, r#""c":["@","T"]"#, r#""c":"T""#, "c is \"T\", not a list of conditions"),
        (BAR, "\"h\":12.8", "\"h\":12.6", "not within low and high"),
        (BAR, "\"c\":12.78", "\"c\":[]", "c is \"\", missing"),
    ] {
        let words = refusal(alpaca().as_mut(), &message(&frame.replace(from, to)));
        assert!(words.contains(problem), "{words}");
    }
    refuses_garbage(alpaca().as_mut(), message);
}

#[test]
fn it_survives_anything() {
    let frames = [
        TRADES,
        BAR,
        r#"[{"T":"success","msg":"connected"}]"#,
        r#"[{"T":"error","code":402,"msg":"auth failed"}]"#,
    ];
    survives_anything(|| alpaca(), &frames.map(message));
}

/// Over a socket: what is said comes in answer to what is heard, and no secret is told to the hub.
#[tokio::test]
async fn the_runner_signs_in_and_goes_live() {
    use std::sync::Arc;

    use futures_util::{SinkExt, StreamExt};
    use market::{FeedId, FeedState, ManualClock};
    use tokio::net::TcpListener;
    use tokio_tungstenite::tungstenite::Message;

    use crate::watch::{FeedContext, FeedMessage};

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v2/iex", listener.local_addr().unwrap());
    let venue = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let mut heard = Vec::new();
        for said in [r#"[{"T":"success","msg":"connected"}]"#, r#"[{"T":"success","msg":"authenticated"}]"#] {
            socket.send(Message::text(said)).await.unwrap();
            heard.push(socket.next().await.unwrap().unwrap().into_text().unwrap().to_string());
        }
        socket.send(Message::text(r#"[{"T":"subscription","trades":["MARA","RIOT"]}]"#)).await.unwrap();
        socket.send(Message::text(TRADES)).await.unwrap();
        (heard, socket)
    });
    let (out, mut inbox) = tokio::sync::mpsc::channel(100);
    let cancel = tokio_util::sync::CancellationToken::new();
    let context = FeedContext {
        feed: FeedId::new("alpaca"),
        clock: Arc::new(ManualClock::new("2026-11-12T16:00:01Z".parse().unwrap())),
        out,
        cancel: cancel.clone(),
        open_gap: None,
        seed: 7,
        cache_dir: None,
    };
    let feed = tokio::spawn(crate::stream::run(protocol, FeedConfig { url: Some(url), ..config() }, context));
    let mut told = Vec::new();
    let mut is_live = false;
    while let Some(message) = inbox.recv().await {
        told.push(format!("{message:?}"));
        is_live |= matches!(message, FeedMessage::State { state: FeedState::Live, .. });
        if matches!(&message, FeedMessage::Frame(decoded) if decoded.events.len() == 2) {
            break;
        }
    }
    assert!(is_live);
    let (heard, _socket) = venue.await.unwrap();
    assert!(
        heard[0].contains(r#""secret":"SECRET""#) && heard[1].contains(r#""trades":["MARA","RIOT"]"#),
        "{heard:?}"
    );
    assert!(told.iter().all(|told| !told.contains("SECRET")), "{told:?}");
    cancel.cancel();
    feed.await.unwrap().unwrap();
}
