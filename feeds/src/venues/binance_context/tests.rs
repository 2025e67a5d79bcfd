//! How marks and funding are asked for, and when that counts as done.

use super::*;
use crate::venues::testing::{kind, state, survives_anything};

const INTERVALS: &str = r#"[{"symbol":"ETHUSDT","fundingIntervalHours":4}]"#;
const PREMIUMS: &str = r#"[{"symbol":"ETHUSDT","markPrice":"4000"},{"symbol":"BTCUSDT","markPrice":"80000"},{"symbol":"SOLUSDT","markPrice":"200"}]"#;
const MARK: &str = r#"{"stream":"ethusdt@markPrice","data":{"e":"markPriceUpdate","E":1791000003000,"s":"ETHUSDT","p":"4000.5","r":"0.0001","T":1791014400000}}"#;

fn following(context: Instruments) -> Box<dyn StreamProtocol> {
    let rest_url = Some("http://127.0.0.1:9/".to_owned());
    protocol(&FeedConfig { rest_url, context, ..FeedConfig::default() })
}

fn informed(assets: &[&str]) -> Box<dyn StreamProtocol> {
    let mut feed = following(Instruments::Assets(assets.iter().map(|asset| (*asset).to_owned()).collect()));
    kind(&mut *feed, INTERVALS);
    kind(&mut *feed, PREMIUMS);
    feed
}

#[test]
fn intervals_and_contracts_are_asked_for_first() {
    let mut feed = following(Instruments::All);
    let next = |feed: &mut Box<dyn StreamProtocol>| feed.next_request();
    assert_eq!(next(&mut feed).as_deref(), Some("http://127.0.0.1:9/fapi/v1/fundingInfo"));
    kind(&mut *feed, INTERVALS);
    assert_eq!(next(&mut feed).as_deref(), Some("http://127.0.0.1:9/fapi/v1/premiumIndex"));
    let banned = FrameKind::Refused("-1003: Too many requests.".to_owned());
    assert_eq!(kind(&mut *feed, r#"{"code":-1003,"msg":"Too many requests."}"#), banned);
    assert!(next(&mut feed).is_some());
    kind(&mut *feed, PREMIUMS);
    assert_eq!(next(&mut feed), None);
    feed.reset();
    assert_eq!(next(&mut feed), None, "a new connection needs no new answers");
    feed.forget_references();
    assert!(next(&mut feed).is_some());
}

#[test]
fn what_is_listed_and_followed_is_subscribed_and_no_more() {
    let streams = |feed: &mut Box<dyn StreamProtocol>| {
        let messages = feed.subscribe();
        assert!(messages.len() <= 1);
        let message: Option<serde_json::Value> =
            messages.first().map(|text| serde_json::from_str(text).unwrap());
        message.map(|message| message["params"].to_string())
    };
    let mut listed = informed(&["BTC", "ETH", "TAO"]);
    assert_eq!(streams(&mut listed).as_deref(), Some(r#"["btcusdt@markPrice","ethusdt@markPrice"]"#));
    let mut all = following(Instruments::All);
    assert_eq!(streams(&mut all).as_deref(), Some(r#"["!markPrice@arr"]"#));
    let mut none = informed(&["TAO"]);
    assert!(!none.is_subscribed());
    assert_eq!(streams(&mut none), None);
    assert!(none.is_subscribed(), "there is nothing to wait for");
}

#[test]
fn it_is_live_once_acknowledged_or_heard() {
    let mut feed = informed(&["ETH"]);
    feed.subscribe();
    assert!(!feed.is_subscribed());
    assert_eq!(kind(&mut *feed, r#"{"result":null,"id":1}"#), FrameKind::Ack);
    assert!(feed.is_subscribed());
    feed.reset();
    feed.subscribe();
    assert!(!feed.is_subscribed());
    let told = state(&mut *feed, "mark price", MARK);
    assert_eq!(told[1], "funding ETHUSDT ETH-USDT-PERP 0.0001 4 1791014400");
    assert!(feed.is_subscribed());
}

#[test]
fn anything_is_survived() {
    survives_anything(|| following(Instruments::All), &[INTERVALS, PREMIUMS, MARK]);
}
