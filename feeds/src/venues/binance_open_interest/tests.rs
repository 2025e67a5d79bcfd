//! What is asked in a round, and what the answers tell.

use super::*;
use crate::config::Instruments;
use crate::venues::testing::{kind, state};

const LIST: &str = r#"[{"symbol":"ETHUSDT","markPrice":"4000"},{"symbol":"BTCUSDT","markPrice":"80000"},{"symbol":"SOLUSDT","markPrice":"200"},{"symbol":"BTCUSDT_261225","markPrice":"80000"}]"#;

fn at(minutes: u64) -> Timestamp {
    Timestamp::from_millis(1_791_000_000_000).unwrap().plus(Duration::from_mins(minutes))
}

fn round(feed: &mut Box<dyn PollProtocol>, minute: u64) -> Vec<String> {
    feed.begin(at(minute));
    let mut asked = Vec::new();
    while let Some(ask) = feed.next_ask() {
        assert!(ask.body.is_none() && ask.headers.is_empty());
        if ask.request == PREMIUMS {
            kind(&mut **feed, LIST);
        }
        asked.push(ask.request);
        assert!(asked.len() < 100, "it ends");
    }
    asked
}

#[test]
fn contracts_are_listed_once_and_then_each_mark_is_asked_right_before_the_size() {
    let mut feed = protocol(&FeedConfig::default());
    let size = |symbol: &str| format!("/fapi/v1/openInterest?symbol={symbol}");
    assert_eq!(round(&mut feed, 0), [PREMIUMS.to_owned(), size("BTCUSDT"), size("ETHUSDT")]);
    let marks = |symbol: &str| format!("{PREMIUMS}?symbol={symbol}");
    let usual = [marks("BTCUSDT"), size("BTCUSDT"), marks("ETHUSDT"), size("ETHUSDT")];
    assert_eq!(round(&mut feed, 1), usual);
    assert_eq!(round(&mut feed, 359), usual);
    assert_eq!(round(&mut feed, 360)[0], PREMIUMS, "the list is six hours old");
    assert_eq!(round(&mut feed, 361), usual);
}

#[test]
fn a_list_that_did_not_come_is_asked_for_again() {
    let mut feed = protocol(&FeedConfig::default());
    for minute in 0..2 {
        feed.begin(at(minute));
        assert_eq!(feed.next_ask(), Some(Ask::get(PREMIUMS)));
        assert_eq!(feed.next_ask(), None);
    }
}

#[test]
fn nothing_is_asked_of_assets_that_are_not_followed() {
    let context = Instruments::Assets(vec!["TAO".to_owned()]);
    let mut feed = protocol(&FeedConfig { context, poll_secs: Some(300), ..FeedConfig::default() });
    assert_eq!(feed.every(), Duration::from_mins(5));
    assert_eq!(round(&mut feed, 0), [PREMIUMS]);
    assert_eq!(round(&mut feed, 1), Vec::<String>::new());
}

#[test]
fn an_answer_tells_size_and_worth() {
    let mut feed = protocol(&FeedConfig::default());
    kind(&mut *feed, LIST);
    let open = r#"{"openInterest":"100.5","symbol":"BTCUSDT","time":1791000000123}"#;
    assert_eq!(state(&mut *feed, "open interest", open), ["open BTCUSDT BTC-USDT-PERP 100.5 8040000.00"]);
    assert_eq!(feed.every(), Duration::from_mins(1));
    assert_eq!(
        kind(&mut *feed, r#"{"code":-1121,"msg":"Invalid symbol."}"#),
        FrameKind::Refused("-1121: Invalid symbol.".to_owned())
    );
}
