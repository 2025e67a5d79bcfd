use super::super::hostile::{following, kind, message, refusal, refuses_garbage, survives_anything, told};
use super::*;
use crate::config::Keys;

const TRADES: &str = r#"[{"ev":"T","sym":"MARA","x":4,"i":"12345","z":3,"p":12.78,"s":100,"c":[0,12],"t":1794499200123,"q":3681328},{"ev":"T","sym":"RIOT","x":4,"i":"12346","z":3,"p":14.5,"s":1,"t":1794499199000,"q":3681329},{"ev":"T","sym":"SPY","x":4,"i":"12347","z":2,"p":600.25,"s":1,"t":1794499199000,"q":3681330}]"#;
const BAR: &str = r#"[{"ev":"AM","sym":"MARA","v":15400,"av":9100000,"op":12.5,"vw":12.74,"o":12.7,"c":12.78,"h":12.8,"l":12.65,"a":12.7,"z":120,"s":1794499140000,"e":1794499200000}]"#;

fn massive() -> Box<dyn StreamProtocol> {
    let mut keys = Keys::default();
    keys.insert(KEY, "SECRET".to_owned());
    protocol(&FeedConfig { keys, ..following(&["MARA", "RIOT"]) })
}

fn status(status: &str, words: &str) -> Payload {
    message(&format!(r#"[{{"ev":"status","status":"{status}","message":"{words}"}}]"#))
}

#[test]
fn trades_tell_last_prices_and_bars_their_minute() {
    assert_eq!(
        told(massive().as_mut(), &message(TRADES)),
        [
            "2026-11-12T15:59:59Z now last RIOT 14.5 prev - vol -",
            "2026-11-12T16:00:00.123000Z now last MARA 12.78 prev - vol -",
        ]
    );
    let bar = "2026-11-12T15:59:00Z now 1m MARA 12.7 12.8 12.65 12.78 vol 15400 final";
    assert_eq!(told(massive().as_mut(), &message(BAR)), [bar]);
}

#[test]
fn a_trade_at_an_old_or_average_price_is_none() {
    for condition in [2, 10, 22, 33, 37, 53] {
        let frame = TRADES.replace("\"c\":[0,12]", &format!("\"c\":[0,{condition}]"));
        assert_eq!(told(massive().as_mut(), &message(&frame)).len(), 1, "{condition}: RIOT alone");
    }
}

#[test]
fn it_signs_in_subscribes_and_waits_for_every_acknowledgement() {
    let mut massive = massive();
    assert!(massive.subscribe().is_empty());
    kind(massive.as_mut(), &status("connected", "Connected Successfully"));
    assert_eq!(massive.outgoing(), [r#"{"action":"auth","params":"SECRET"}"#]);
    kind(massive.as_mut(), &status("auth_success", "authenticated"));
    assert_eq!(massive.outgoing(), [r#"{"action":"subscribe","params":"AM.MARA,AM.RIOT,T.MARA,T.RIOT"}"#]);
    kind(massive.as_mut(), &status("success", "subscribed to: AM.MARA"));
    kind(massive.as_mut(), &status("success", "subscribed to: AM.RIOT,T.MARA"));
    assert!(!massive.is_subscribed() && massive.outgoing().is_empty());
    kind(massive.as_mut(), &status("success", "subscribed to: T.RIOT"));
    assert!(massive.is_subscribed());
    massive.reset();
    assert!(!massive.is_subscribed());
}

#[test]
fn refusals_come_in_the_venue_s_words() {
    for (name, words) in [
        ("auth_failed", "authentication failed"),
        ("max_connections", "Maximum number of connections exceeded."),
        ("error", "not authorized"),
    ] {
        let refused = FrameKind::Refused(format!("{name}: {words}"));
        assert_eq!(kind(massive().as_mut(), &status(name, words)), refused);
    }
    let second = r#"[{"ev":"A","sym":"MARA"}]"#;
    assert_eq!(kind(massive().as_mut(), &message(second)), FrameKind::Ignored("second bar"));
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing_behind() {
    for (frame, from, to, problem) in [
        (TRADES, "\"p\":14.5", "\"p\":0", "p is \"0\", not a price above zero"),
        (TRADES, "\"t\":1794499199000,\"q\":3681329", "\"t\":5", "not a time in milliseconds"),
        (TRADES, "\"ev\":\"T\"", "\"ev\":\"Z\"", "not a known kind of message"),
        (TRADES, "\"c\":[0,12]", "\"c\":4", "c is \"4\", not a list of conditions"),
        (BAR, "\"l\":12.65", "\"l\":12.9", "not within low and high"),
        (BAR, "\"v\":15400", "\"v\":-1", "v is \"-1\", below zero"),
        (BAR, "\"s\":1794499140000,", "", "s is \"\", missing"),
    ] {
        let words = refusal(massive().as_mut(), &message(&frame.replace(from, to)));
        assert!(words.contains(problem), "{words}");
    }
    refuses_garbage(massive().as_mut(), message);
}

#[test]
fn it_survives_anything() {
    survives_anything(
        || massive(),
        &[message(TRADES), message(BAR), status("success", "subscribed to: T.MARA")],
    );
}
