//! Refusals: what a venue's no is called, and when the runner asks again.

use std::time::Duration;

use market::{FeedState, GapCause};

use super::feed::{Feed, SEED, Setup, gaps_in, moment, state_of, states_in};
use super::venue::Venue;
use crate::watch::FeedMessage;
use crate::watch::backoff::{Backoff, Chance};

/// Until the next attempt is planned; how long it is away, where the clock stands still.
async fn next_wait(feed: &mut Feed) -> (FeedState, Duration) {
    let told = feed.until(|message| state_of(message).and_then(FeedState::retries_at).is_some()).await;
    let Some(FeedMessage::State { at, state, .. }) = told.last() else {
        panic!("a state was waited for");
    };
    (state.clone(), state.retries_at().unwrap().since(*at))
}

#[tokio::test]
async fn each_http_status_has_its_own_state_and_wait() {
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let cases = [
        ("451 Unavailable For Legal Reasons", "451 region", minutes(15)),
        ("403 Forbidden\r\nRetry-After: 1", "403 forbidden", minutes(15)),
        ("429 Too Many Requests", "429 limited", minutes(1)),
        ("429 Too Many Requests\r\nRetry-After: 17", "429 limited", Duration::from_secs(17)),
        ("418 I'm a teapot", "418 banned", minutes(10)),
        // The clock of this test shows 2026-09-21T14:13:20Z.
        ("418 I'm a teapot\r\nRetry-After: Mon, 21 Sep 2026 16:13:20 GMT", "418 banned", minutes(120)),
    ];
    assert_eq!(moment(0).to_string(), "2026-09-21T14:13:20.000000Z");
    for query in ["", "rest=1"] {
        for (head, label, wait) in &cases {
            let venue = Venue::open().await;
            let mut setup = Setup::new(&venue.address(), query).frozen();
            setup.timing.refused_wait = minutes(15);
            let mut feed = setup.start();
            venue.answer_http(head, "").await;
            let (gap, _) = feed.next_gap().await;
            assert_eq!(gap.cause, GapCause::Refused);
            assert!(gap.detail.starts_with(&format!("HTTP {}", &head[..3])), "{}", gap.detail);
            let (state, waited) = next_wait(&mut feed).await;
            assert_eq!((state.as_str(), waited), (*label, *wait), "{head}");
        }
    }
}

#[tokio::test]
async fn a_refused_feed_is_tried_again_and_recovers() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "").start();
    venue.answer_http("451 Unavailable For Legal Reasons", "").await;
    feed.until_state("451 region").await;
    venue.answer_http("500 Internal Server Error", "").await;
    let (state, _) = next_wait(&mut feed).await;
    assert_eq!(state.as_str(), "waiting");
    let _visitor = venue.accept_subscriber().await;
    let told = feed.until_state("live").await;
    let [(gap, _)] = &gaps_in(&told)[..] else {
        panic!("one gap is closed: {told:?}");
    };
    assert!(gap.detail.starts_with("HTTP 451"), "the first failure names the gap: {}", gap.detail);
    assert!(gap.until.is_some());
}

#[tokio::test]
async fn a_venue_that_is_not_there_is_unreachable_from_the_start() {
    let venue = Venue::open().await;
    let address = venue.address();
    drop(venue);
    let mut feed = Setup::new(&address, "").frozen().start();
    let (gap, _) = feed.next_gap().await;
    assert_eq!((gap.from, gap.until, gap.cause), (moment(0), None, GapCause::Unreachable));
    let told = feed.until_state("connecting").await;
    assert!(gaps_in(&told).is_empty(), "a second failure is the same gap");
}

#[tokio::test]
async fn a_subscription_that_is_not_acknowledged_is_rejected() {
    let venue = Venue::open().await;
    let mut setup = Setup::new(&venue.address(), "");
    setup.timing.acknowledge_within = Duration::from_millis(60);
    let mut feed = setup.start();
    let mut visitor = venue.accept().await;
    visitor.expect("subscribe 0").await;
    visitor.send("event early").await;
    let (gap, _) = feed.next_gap().await;
    assert_eq!(gap.cause, GapCause::SubscriptionRejected);
    assert_eq!(gap.detail, "no acknowledgement within 0.06 s");
    let told = feed.until_state("connecting").await;
    assert_eq!(states_in(&told), ["waiting", "connecting"]);
}

#[tokio::test]
async fn a_refused_subscription_is_told_in_the_venue_s_words() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "asks=2").start();
    let mut visitor = venue.accept().await;
    visitor.expect("subscribe 0").await;
    visitor.send("refuse handler not found").await;
    let (gap, _) = feed.next_gap().await;
    assert_eq!((gap.cause, gap.detail.as_str()), (GapCause::SubscriptionRejected, "handler not found"));
}

#[tokio::test]
async fn a_reference_that_cannot_be_read_is_a_refusal_that_names_the_url() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "rest=1").start();
    venue.answer_http("200 OK", "<html>").await;
    let (gap, _) = feed.next_gap().await;
    assert_eq!(gap.cause, GapCause::Refused);
    assert!(gap.detail.contains("/contracts cannot be read: no known kind of frame"), "{}", gap.detail);
    venue.answer_http("200 OK", "refuse too many visits").await;
    venue.answer_http("200 OK", "reference 1").await;
    let _visitor = venue.accept_subscriber().await;
    feed.until_state("live").await;
}

#[tokio::test]
async fn waits_grow_across_short_lives_and_start_over_after_a_long_one() {
    let venue = Venue::open().await;
    let mut setup = Setup::new(&venue.address(), "").frozen();
    setup.timing.settled_after = Duration::from_millis(300);
    let cap = Duration::from_secs(setup.config.backoff_cap_secs);
    let mut expected = Backoff::new(setup.timing.first_backoff, cap, Chance::new(SEED));
    let mut feed = setup.start();
    for _ in 0..4 {
        drop(venue.accept_subscriber().await);
        let (_, wait) = next_wait(&mut feed).await;
        assert_eq!(wait.as_micros(), expected.next_wait().as_micros(), "no reset by a short life");
    }
    let visitor = venue.accept_subscriber().await;
    feed.until_state("live").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    drop(visitor);
    expected.reset();
    let (_, wait) = next_wait(&mut feed).await;
    assert_eq!(wait.as_micros(), expected.next_wait().as_micros(), "reset by a long life");
}

#[tokio::test]
async fn a_key_in_a_url_is_in_no_failure() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "token=47114711").start();
    venue.answer_http("500 Internal Server Error", "").await;
    let (gap, _) = feed.next_gap().await;
    assert_eq!(gap.detail, format!("HTTP 500 Internal Server Error from ws://{}/ws", venue.address()));

    let closed = Venue::open().await.address();
    let mut feed = Setup::new(&closed, "token=47114711").start();
    let (gap, _) = feed.next_gap().await;
    assert_eq!(gap.cause, GapCause::Unreachable);
    assert!(gap.detail.ends_with(&format!("(ws://{closed}/ws)")), "{}", gap.detail);

    let mut setup = Setup::new(&closed, "");
    setup.config.url = Some("http://127.0.0.1/?token=47114711".to_owned());
    let (_, outcome) = setup.start().rest().await;
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("\"http://127.0.0.1/\"") && !error.contains("4711"), "{error}");
}
