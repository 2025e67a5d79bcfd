//! Rotation: one connection takes over from another, and nothing is lost or doubled.

use std::time::Duration;

use super::feed::{Setup, data_in, gaps_in, states_in};
use super::venue::Venue;
use crate::watch::FeedMessage;

#[tokio::test]
async fn a_rotation_loses_nothing_doubles_nothing_and_keeps_genuine_repeats() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "rotate=300").start();
    let mut old = venue.accept_subscriber().await;
    feed.until_state("live").await;
    for text in ["event before", "event before"] {
        old.send(text).await;
    }
    let mut new = venue.accept().await;
    new.expect("subscribe 0").await;
    // Each says the same in its own time; "event twice" happened twice.
    for text in ["event 1", "event twice", "event twice"] {
        old.send(text).await;
    }
    let mut told = feed.until_text("event twice").await;
    told.extend(feed.until_text("event twice").await);
    new.send("ack").await;
    for text in ["event 1", "event twice", "event twice", "event 2", "gibberish"] {
        new.send(text).await;
    }
    told.extend(feed.until_text("gibberish").await);
    for text in ["event 2", "gibberish", "event late"] {
        old.send(text).await;
    }
    told.extend(feed.until_text("event late").await);
    let (_farewell, ()) = tokio::join!(old.expect_close(), async {
        new.send("event 3").await;
        told.extend(feed.until_text("event 3").await);
    });
    let expected = [
        "event before",
        "event before",
        "event 1",
        "event twice",
        "event twice",
        "event 2",
        "gibberish",
        "event late",
        "event 3",
    ];
    assert_eq!(data_in(&told), expected);
    assert!(gaps_in(&told).is_empty(), "{told:?}");
    assert!(states_in(&told).is_empty(), "live throughout: {told:?}");
}

#[tokio::test]
async fn after_the_overlap_equal_frames_are_two_frames_again() {
    let venue = Venue::open().await;
    let mut setup = Setup::new(&venue.address(), "rotate=60000");
    setup.timing.settled_after = Duration::ZERO;
    let mut feed = setup.start();
    let mut old = venue.accept_subscriber().await;
    old.send("closing for an upgrade").await;
    let mut new = venue.accept().await;
    // The new connection is not subscribed yet, so that the old one alone has this.
    old.send("event 1").await;
    let mut told = feed.until_text("event 1").await;
    new.expect("subscribe 0").await;
    new.send("ack").await;
    old.expect_close().await;
    // Sent well after the change: the same again, and twice.
    tokio::time::sleep(Duration::from_millis(50)).await;
    for text in ["event 1", "event 1", "event 2"] {
        new.send(text).await;
    }
    told.extend(feed.until_text("event 2").await);
    assert_eq!(data_in(&told), ["event 1", "event 1", "event 1", "event 2"]);
    assert!(gaps_in(&told).is_empty());
}

#[tokio::test]
async fn a_successor_has_references_of_its_own() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "rest=1&rotate=200").start();
    venue.answer_http("200 OK", "reference 1").await;
    let _old = venue.accept_subscriber().await;
    feed.until_state("live").await;
    venue.answer_http("200 OK", "reference 2").await;
    let mut new = venue.accept_subscriber().await;
    new.send("event 1").await;
    let told = feed.until_text("event 1").await;
    assert!(gaps_in(&told).is_empty());
}

#[tokio::test]
async fn a_successor_that_fails_is_tried_again_while_the_old_connection_delivers() {
    let venue = Venue::open().await;
    let mut setup = Setup::new(&venue.address(), "rotate=200");
    setup.timing.drain_for = Duration::from_millis(20);
    let mut feed = setup.start();
    let mut old = venue.accept_subscriber().await;
    feed.until_state("live").await;
    venue.answer_http("503 Service Unavailable", "").await;
    old.send("event 1").await;
    let mut told = feed.until_text("event 1").await;
    let mut refused = venue.accept().await;
    refused.expect("subscribe 0").await;
    refused.send("refuse not today").await;
    old.send("event 2").await;
    told.extend(feed.until_text("event 2").await);
    let mut new = venue.accept_subscriber().await;
    old.expect_close().await;
    new.send("event 3").await;
    told.extend(feed.until_text("event 3").await);
    assert_eq!(data_in(&told), ["event 1", "event 2", "event 3"]);
    assert!(gaps_in(&told).is_empty() && states_in(&told).is_empty(), "{told:?}");
}

#[tokio::test]
async fn a_successor_that_dies_at_once_leaves_the_old_connection_in_place() {
    let venue = Venue::open().await;
    let mut setup = Setup::new(&venue.address(), "rotate=100");
    setup.timing.drain_for = Duration::from_millis(500);
    setup.timing.first_backoff = Duration::from_mins(1);
    let mut feed = setup.start();
    let mut old = venue.accept_subscriber().await;
    feed.until_state("live").await;
    let mut new = venue.accept_subscriber().await;
    new.send("event 1").await;
    let mut told = feed.until_text("event 1").await;
    drop(new);
    old.send("event 1").await;
    old.send("event 2").await;
    told.extend(feed.until_text("event 2").await);
    assert_eq!(data_in(&told), ["event 1", "event 2"]);
    assert!(gaps_in(&told).is_empty() && states_in(&told).is_empty(), "{told:?}");
}

#[tokio::test]
async fn an_old_connection_that_dies_before_its_successor_is_live_leaves_a_gap() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "rotate=100").start();
    let old = venue.accept_subscriber().await;
    feed.until_state("live").await;
    let _half_open = venue.accept().await;
    drop(old);
    let (gap, _) = feed.next_gap().await;
    assert_eq!(gap.until, None);
    let _visitor = venue.accept_subscriber().await;
    let told = feed.until_state("live").await;
    assert!(told.iter().any(|message| matches!(message, FeedMessage::Gap(_))), "and the gap is closed");
}
