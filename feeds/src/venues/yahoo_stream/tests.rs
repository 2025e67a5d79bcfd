use super::super::hostile::{decode, following, kind, message, refusal, survives_anything, told};
use super::protobuf::Value;
use super::protobuf::writing::{field, zigzag};
use super::*;

/// A message as Yahoo writes it, with fields that nobody reads among those that count.
struct Written {
    id: &'static str,
    price: f32,
    millis: i64,
    kind: u64,
    volume: i64,
    previous_close: f32,
    hint: i64,
}

const MARA: Written = Written {
    id: "MARA",
    price: 12.78,
    millis: 1_794_499_200_123,
    kind: 8,
    volume: 9_100_000,
    previous_close: 12.4,
    hint: 2,
};

impl Written {
    fn message(&self) -> Vec<u8> {
        let single = |number: f32| Value::Fixed32(number.to_le_bytes());
        let mut bytes = Vec::new();
        field(1, Value::Bytes(self.id.as_bytes()), &mut bytes);
        field(2, single(self.price), &mut bytes);
        field(3, zigzag(self.millis), &mut bytes);
        field(4, Value::Bytes(b"USD"), &mut bytes);
        field(6, Value::Varint(self.kind), &mut bytes);
        field(7, Value::Varint(1), &mut bytes);
        field(9, zigzag(self.volume), &mut bytes);
        field(12, single(-0.125), &mut bytes);
        field(16, single(self.previous_close), &mut bytes);
        field(27, zigzag(self.hint), &mut bytes);
        field(33, Value::Fixed64(5e9_f64.to_le_bytes()), &mut bytes);
        field(4_000, Value::Bytes(&[0xff; 40]), &mut bytes);
        bytes
    }

    fn bare(&self) -> Payload {
        message(&STANDARD.encode(self.message()))
    }

    fn enveloped(&self) -> Payload {
        message(&format!(r#"{{"type":"pricing","message":"{}"}}"#, STANDARD.encode(self.message())))
    }
}

fn yahoo() -> Box<dyn StreamProtocol> {
    protocol(&following(&["MARA", "IREN"]))
}

#[test]
fn both_versions_of_the_frame_tell_the_last_price() {
    let expected = ["2026-11-12T16:00:00.123000Z now last MARA 12.78 prev 12.4 vol 9100000"];
    assert_eq!(told(yahoo().as_mut(), &MARA.enveloped()), expected);
    assert_eq!(told(yahoo().as_mut(), &MARA.bare()), expected);
}

#[test]
fn what_is_absent_or_in_dollars_is_left_out() {
    let bitcoin = Written {
        id: "BTC-USD",
        price: 94_745.08,
        kind: 41,
        volume: 71_000_000_000,
        previous_close: 0.0,
        ..MARA
    };
    let expected = ["2026-11-12T16:00:00.123000Z now last BTC-USD 94745.08 prev - vol -"];
    assert_eq!(told(yahoo().as_mut(), &bitcoin.enveloped()), expected);
    let silent = Written { volume: 0, ..MARA };
    assert!(told(yahoo().as_mut(), &silent.enveloped())[0].ends_with("prev 12.4 vol -"));
}

#[test]
fn a_price_of_days_ago_keeps_its_time_and_one_second_has_one_quote() {
    let mut yahoo = yahoo();
    let old = Written { millis: 1_794_000_000_000, ..MARA };
    assert!(told(yahoo.as_mut(), &old.enveloped())[0].starts_with("2026-11-06T21:20:00Z now"));
    let later = |millis: i64| Written { millis: 1_794_499_200_000 + millis, ..MARA }.enveloped();
    let counts = [0, 400, 1_000, 900, 5_000].map(|millis| told(yahoo.as_mut(), &later(millis)).len());
    assert_eq!(counts, [1, 0, 1, 0, 1]);
    assert_eq!(
        kind(yahoo.as_mut(), &Written { id: "SPY", ..MARA }.bare()),
        FrameKind::Data("price"),
        "not wanted"
    );
}

#[test]
fn the_first_price_is_the_acknowledgement_and_bitcoin_is_always_asked_for() {
    let mut yahoo = yahoo();
    let request = r#"{"subscribe":["BTC-USD","MARA","IREN"]}"#;
    assert_eq!(yahoo.subscribe(), [request]);
    assert_eq!(yahoo.heartbeat(), Heartbeat::Text { every: ASK_EVERY, message: request.to_owned() });
    assert!(!yahoo.is_subscribed());
    told(yahoo.as_mut(), &MARA.enveloped());
    assert!(yahoo.is_subscribed());
    yahoo.reset();
    assert!(!yahoo.is_subscribed());
}

#[test]
fn no_more_than_a_hundred_symbols_are_asked_for_and_the_rest_is_known() {
    let many: Vec<String> = (0..130).map(|n| format!("T{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let config = following(&many);
    let request: serde_json::Value = serde_json::from_str(&protocol(&config).subscribe()[0]).unwrap();
    assert_eq!(request["subscribe"].as_array().unwrap().len(), 100);
    let tickers = Tickers::new(&config.instruments, &ALWAYS, Some(MOST));
    assert_eq!((tickers.left_out().len(), tickers.left_out()[0].as_str()), (31, "T99"));
}

#[test]
fn what_is_no_price_is_refused() {
    let enveloped =
        |bytes: &[u8]| message(&format!(r#"{{"type":"pricing","message":"{}"}}"#, STANDARD.encode(bytes)));
    let mut retyped = Vec::new();
    field(2, Value::Varint(12), &mut retyped);
    let cases = [
        (Written { price: 0.0, ..MARA }.bare(), "price is \"0\", not a price above zero"),
        (Written { price: f32::NAN, ..MARA }.bare(), "price is \"NaN\""),
        (Written { price: -1.0, ..MARA }.bare(), "price is \"-1\""),
        (
            Written { millis: 1_794_499_200, ..MARA }.bare(),
            "time is \"1794499200\", not a time in milliseconds",
        ),
        (Written { id: "M\u{1b}", ..MARA }.bare(), "not a ticker"),
        (enveloped(&MARA.message()[..20]), "not a protobuf message"),
        (enveloped(&retyped), "price is \"\", not of its type"),
        (enveloped(b""), "id is \"\", not a ticker"),
        (message(r#"{"type":"pricing"}"#), "message is \"\", missing"),
        (message(r#"{"type":"pricing","message":"!"}"#), "not base64"),
        (message(r#"{"type":"other","message":""}"#), "not a known kind of frame"),
        (message("{}"), "no known kind of frame"),
        (message("not base64"), "not base64"),
    ];
    for (payload, problem) in cases {
        let words = refusal(yahoo().as_mut(), &payload);
        assert!(words.contains(problem), "{words}");
    }
    let (kind, _) = decode(yahoo().as_mut(), &Payload::Binary(MARA.message().into()));
    assert!(kind.is_err(), "never bare protobuf");
}

#[test]
fn it_survives_anything() {
    survives_anything(|| yahoo(), &[MARA.bare(), MARA.enveloped(), Written { hint: -7, ..MARA }.bare()]);
}
