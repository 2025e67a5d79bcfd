//! Good rounds, bad ones, and what is told in between.

use std::time::Duration;

use market::GapCause;

use super::feed::{Setup, gaps_in, moment, states_in, texts_in};
use super::source::Source;
use crate::decode::Verdict;
use crate::protocol::FrameKind;
use crate::watch::FeedMessage;

const HOURLY: &str = "every=3600000";

#[tokio::test]
async fn a_feed_is_live_after_its_first_whole_round() {
    let source = Source::open().await;
    let mut feed = Setup::new(&source.address(), "a,b?").start();
    assert_eq!(source.ok("data 1").await, "/a");
    let told = feed.until_text("data 1").await;
    assert_eq!(states_in(&told), ["connecting"]);
    let Some(FeedMessage::Frame(decoded)) = told.last() else { panic!("a frame was waited for") };
    assert_eq!(decoded.verdict, Verdict::Understood(FrameKind::Data("data")));
    assert_eq!(decoded.frame.payload.request(), Some("/a"), "a frame says what it answers");
    assert_eq!(source.ok("data 2").await, "/b");
    let told = feed.until_state("live").await;
    assert_eq!(texts_in(&told), ["data 2"]);
    assert!(gaps_in(&told).is_empty());
}

#[tokio::test]
async fn rounds_go_on_and_the_feed_stays_live_while_it_asks() {
    let source = Source::open().await;
    let mut feed = Setup::new(&source.address(), "a?").start();
    for round in 0..3 {
        assert_eq!(source.ok(&format!("data {round}")).await, "/a");
    }
    let told = feed.until_text("data 2").await;
    assert_eq!(states_in(&told), ["connecting", "live"]);
    assert_eq!(texts_in(&told), ["data 0", "data 1", "data 2"]);
}

#[tokio::test]
async fn signs_of_life_come_between_rounds_and_while_an_answer_is_awaited() {
    let source = Source::open().await;
    let (setup, clock) = Setup::new(&source.address(), &format!("a?{HOURLY}")).frozen(0);
    let mut feed = setup.start();
    source.ok("data 1").await;
    feed.until_state("live").await;
    let is_alive =
        |message: &FeedMessage| matches!(message, FeedMessage::Alive { at, .. } if *at == moment(0));
    for _ in 0..3 {
        feed.until(is_alive).await;
    }
    // The machine was asleep: by the clock the hour is over.
    clock.set(moment(3600));
    let asked = source.asked().await;
    for _ in 0..3 {
        feed.until(is_alive).await;
    }
    asked.answer("200 OK", "data 2").await;
    feed.until_alive_after(moment(0)).await;
}

#[tokio::test]
async fn an_answer_that_has_not_changed_is_a_sign_of_life_and_no_frame() {
    let source = Source::open().await;
    let (setup, clock) = Setup::new(&source.address(), "a?").frozen(0);
    let mut feed = setup.start();
    source.answer("200 OK\r\nETag: \"v1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT", "data 1").await;
    feed.until_state("live").await;
    clock.set(moment(10));
    let request = source.answer("304 Not Modified", "").await;
    let asked_with = |name| super::source::header(&request, name);
    assert_eq!(asked_with("if-none-match"), Some("\"v1\""));
    assert_eq!(asked_with("if-modified-since"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    let told = feed.until_alive_after(moment(0)).await;
    assert!(texts_in(&told).is_empty());
    clock.set(moment(20));
    source.ok("data 1").await;
    let told = feed.until_alive_after(moment(10)).await;
    assert!(texts_in(&told).is_empty(), "the same bytes again");
    source.ok("data 2").await;
    let told = feed.until_text("data 2").await;
    assert!(gaps_in(&told).is_empty() && states_in(&told).is_empty());
}

#[tokio::test]
async fn a_round_that_fails_begins_a_gap_at_the_last_good_answer_and_the_next_good_one_ends_it() {
    let source = Source::open().await;
    let (setup, clock) = Setup::new(&source.address(), "a?").frozen(0);
    let mut feed = setup.start();
    source.ok("data 1").await;
    feed.until_state("live").await;
    clock.set(moment(60));
    // Asked, and hung up on.
    drop(source.asked().await);
    let gap = feed.next_gap().await;
    assert_eq!((gap.from, gap.until, gap.cause), (moment(0), None, GapCause::Unreachable));
    let told = feed.until_state("waiting").await;
    assert_eq!(states_in(&told), ["waiting"]);
    drop(source.asked().await);
    clock.set(moment(90));
    source.ok("data 2").await;
    let told = feed.until_state("live").await;
    let [closed] = &gaps_in(&told)[..] else { panic!("one gap is closed: {told:?}") };
    assert_eq!((closed.from, closed.until), (moment(0), Some(moment(90))));
    assert_eq!(states_in(&told), ["connecting", "waiting", "connecting", "live"]);
}

#[tokio::test]
async fn one_bad_answer_among_good_ones_is_told_and_ends_nothing() {
    let source = Source::open().await;
    let mut feed = Setup::new(&source.address(), &format!("a,b,c,d,e?{HOURLY}")).start();
    source.ok("<html>").await;
    source.answer("503 Service Unavailable", "data, but late").await;
    source.answer("404 Not Found", "nothing here").await;
    source.ok("refuse no such coin").await;
    source.ok("part row 7 does not add up").await;
    let told = feed.until_state("live").await;
    assert_eq!(
        texts_in(&told),
        ["<html>", "nothing here", "refuse no such coin", "part row 7 does not add up"]
    );
    let complaints: Vec<String> = told
        .iter()
        .filter_map(|message| match message {
            FeedMessage::Frame(decoded) => decoded.verdict.complaint().map(String::from),
            _ => None,
        })
        .collect();
    assert_eq!(
        complaints,
        ["no known kind of frame", "HTTP 404 Not Found: no known kind of frame", "row 7 does not add up"]
    );
}

#[tokio::test]
async fn a_round_without_a_good_answer_fails_and_a_bad_answer_is_told_once() {
    let source = Source::open().await;
    let mut feed = Setup::new(&source.address(), "a?").start();
    source.ok("<html>").await;
    let gap = feed.next_gap().await;
    assert_eq!(gap.cause, GapCause::Refused);
    assert_eq!(gap.detail, "the answer of /a cannot be read: no known kind of frame");
    source.ok("<html>").await;
    source.answer("500 Internal Server Error", "data 0").await;
    source.ok("refuse the key is wrong").await;
    source.ok("data 1").await;
    let told = feed.until_state("live").await;
    assert_eq!(texts_in(&told), ["refuse the key is wrong", "data 1"]);
    assert_eq!(gaps_in(&told).len(), 1, "the gap is one, and closed");
}

#[tokio::test]
async fn a_stop_is_heard_while_asking_while_waiting_and_while_resting() {
    let source = Source::open().await;
    let feed = Setup::new(&source.address(), "a?").start();
    let _asked = source.asked().await;
    assert_eq!(states_in(&feed.stop().await), ["connecting", "stopped"]);

    let mut feed = Setup::new(&source.address(), "a?").start();
    source.answer("429 Too Many Requests", "").await;
    feed.until_state("429 limited").await;
    assert_eq!(states_in(&feed.stop().await), ["stopped"]);

    let mut feed = Setup::new(&source.address(), &format!("a?{HOURLY}")).start();
    source.ok("data").await;
    feed.until_state("live").await;
    assert_eq!(states_in(&feed.stop().await), ["stopped"]);
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up() {
    let source = Source::open().await;
    let mut setup = Setup::new(&source.address(), "a?");
    setup.timing.answer_within = Duration::from_millis(100);
    let mut feed = setup.start();
    let _asked = source.asked().await;
    let gap = feed.next_gap().await;
    assert_eq!(gap.cause, GapCause::Unreachable);

    let source = Source::open().await;
    let mut feed = Setup::new(&source.address(), &format!("long,b?{HOURLY}")).start();
    source.answer("200 OK", &"x".repeat(17 << 20)).await;
    source.ok("data").await;
    let told = feed.until_state("live").await;
    assert_eq!(texts_in(&told), ["data"], "17 MB are not read");
}
