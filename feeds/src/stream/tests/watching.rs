//! Watching: what a live feed tells, and what it survives.

use std::time::Duration;

use market::{Gap, GapCause, Payload};
use tokio::time::{sleep, timeout};

use super::super::FeedMessage;
use super::feed::{Setup, brisk, data_in, gaps_in, moment, received_at, state_of, states_in, text_of};
use super::venue::{PATIENCE, Venue};
use crate::decode::Verdict;

#[tokio::test]
async fn a_feed_connects_subscribes_and_delivers_what_comes() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "asks=3").start();
    let mut visitor = venue.accept().await;
    for ask in 0..3 {
        visitor.expect(&format!("subscribe {ask}")).await;
        visitor.send("ack").await;
    }
    let told = feed.until_state("live").await;
    assert_eq!(states_in(&told), ["connecting", "subscribing", "live"]);
    assert_eq!(
        told.iter().filter_map(text_of).collect::<Vec<_>>(),
        ["ack"; 3],
        "acknowledgements are frames"
    );
    assert!(gaps_in(&told).is_empty(), "a feed that begins well begins without a gap");

    visitor.send("event 1").await;
    visitor.send_binary(b"event 2").await;
    visitor.send("event 1").await;
    let mut told = feed.until_text("event 2").await;
    told.extend(feed.until_text("event 1").await);
    assert_eq!(data_in(&told), ["event 1", "event 2", "event 1"], "equal frames are two frames");
    let FeedMessage::Frame(binary) = told.iter().find(|message| text_of(message) == Some("event 2")).unwrap()
    else {
        panic!("a frame is a frame");
    };
    assert!(matches!(binary.frame.payload, Payload::Binary(_)));
    let stamps: Vec<_> = told.iter().filter(|message| text_of(message).is_some()).map(received_at).collect();
    assert!(stamps.is_sorted() && stamps[0] > moment(0), "{stamps:?}");
    let alive = feed.until(|message| matches!(message, FeedMessage::Alive { .. })).await;
    let proved_at = received_at(alive.last().unwrap());
    assert_eq!(proved_at, received_at(told.last().unwrap()), "alive since the last frame");
}

#[tokio::test]
async fn a_protocols_headers_travel_with_the_upgrade_request() {
    for (header, expected) in
        [("x-plain", "1".to_owned()), ("user-agent", crate::stream::USER_AGENT.to_owned())]
    {
        let venue = Venue::open().await;
        let mut feed = Setup::new(&venue.address(), "").start();
        let (mut visitor, value) = venue.accept_asking(header).await;
        assert_eq!(value, Some(expected));
        visitor.expect("subscribe 0").await;
        visitor.send("ack").await;
        feed.until_state("live").await;
    }
}

#[tokio::test]
async fn what_a_frame_asks_is_answered() {
    let venue = Venue::open().await;
    let _feed = Setup::new(&venue.address(), "").start();
    let mut visitor = venue.accept_subscriber().await;
    visitor.send("ask now").await;
    visitor.expect("answer now").await;
}

#[tokio::test]
async fn references_come_first_and_are_kept_across_a_reconnect() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "rest=1").start();
    let request = venue.answer_http("200 OK", "reference 7").await;
    assert!(request.starts_with("GET /contracts HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains(concat!("user-agent: vigie/", env!("CARGO_PKG_VERSION"))));
    let visitor = venue.accept_subscriber().await;
    let told = feed.until_state("live").await;
    assert_eq!(text_of(&told[1]), Some("reference 7"), "{told:?}");
    drop(visitor);
    let _visitor = venue.accept_subscriber().await;
    let told = feed.until_state("live").await;
    assert!(told.iter().all(|message| text_of(message) != Some("reference 7")));
}

#[tokio::test]
async fn old_references_are_asked_for_again() {
    let venue = Venue::open().await;
    let mut setup = Setup::new(&venue.address(), "rest=1");
    setup.timing.references_for = Duration::ZERO;
    let mut feed = setup.start();
    for body in ["reference 1", "reference 2"] {
        venue.answer_http("200 OK", body).await;
        feed.until_text(body).await;
        venue.accept_subscriber().await;
    }
}

#[tokio::test]
async fn a_dropped_connection_leaves_a_gap_from_the_last_sign_of_life_to_the_next_subscription() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "").start();
    let mut visitor = venue.accept_subscriber().await;
    visitor.send("event last").await;
    let told = feed.until_text("event last").await;
    let last_event = received_at(told.last().unwrap());
    drop(visitor);

    let (opened, event) = feed.next_gap().await;
    assert_eq!((opened.from, opened.until, opened.cause), (last_event, None, GapCause::Disconnected));
    assert!(!opened.detail.is_empty());
    assert_eq!(event.event_time, last_event);
    assert!(event.receive_time >= last_event && event.known_at == event.receive_time);

    let _visitor = venue.accept_subscriber().await;
    let told = feed.until_state("live").await;
    assert_eq!(states_in(&told), ["waiting", "connecting", "subscribing", "live"]);
    let acknowledged = told.iter().find(|message| text_of(message) == Some("ack")).map(received_at).unwrap();
    let [(closed, _)] = &gaps_in(&told)[..] else {
        panic!("one gap is closed: {told:?}");
    };
    assert_eq!(*closed, Gap { until: closed.until, ..opened });
    let until = closed.until.expect("the gap is over");
    assert!(acknowledged <= until && until <= received_at(told.last().unwrap()));
}

#[tokio::test]
async fn a_close_frame_ends_the_watch_in_the_venue_s_words() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "").start();
    let visitor = venue.accept_subscriber().await;
    feed.until_state("live").await;
    visitor.close(4004, "no ping").await;
    let (gap, _) = feed.next_gap().await;
    assert_eq!(gap.cause, GapCause::Disconnected);
    assert_eq!(gap.detail, "closed by the venue: 4004 no ping");
}

#[tokio::test]
async fn a_venue_that_answers_nothing_is_silent() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "beat=20").start();
    let _visitor = venue.accept_subscriber().await;
    let told = feed.until_text("ack").await;
    let (gap, event) = feed.next_gap().await;
    assert_eq!(gap.cause, GapCause::Silent);
    assert_eq!(gap.from, received_at(told.last().unwrap()), "the acknowledgement was the last sign of life");
    assert!(event.receive_time >= gap.from.plus(Duration::from_millis(60)), "three heartbeats");
}

#[tokio::test]
async fn a_venue_without_events_that_answers_pings_is_watched() {
    let venue = Venue::open().await;
    let mut setup = Setup::new(&venue.address(), "beat=100");
    setup.timing.alive_every = Duration::from_hours(1);
    let mut feed = setup.start();
    let mut visitor = venue.accept_subscriber().await;
    feed.until_state("live").await;
    visitor.stay_quiet(Duration::from_millis(900)).await;
    visitor.send("event 1").await;
    let told = feed.until_text("event 1").await;
    assert!(gaps_in(&told).is_empty(), "nine heartbeats were answered: {told:?}");
}

#[tokio::test]
async fn a_venue_with_a_keepalive_of_its_own_is_spoken_to_in_it() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "beat=50&text_beat=1").start();
    let mut visitor = venue.accept_subscriber().await;
    for _ in 0..8 {
        visitor.expect("ping").await;
        visitor.send("pong").await;
    }
    visitor.send("event 1").await;
    let told = feed.until_text("event 1").await;
    assert!(gaps_in(&told).is_empty());
    assert_eq!(told.iter().filter(|message| text_of(message) == Some("pong")).count(), 8, "keepalives count");
}

#[tokio::test]
async fn a_frame_that_cannot_be_understood_is_kept_and_ends_nothing() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "").start();
    let mut visitor = venue.accept_subscriber().await;
    feed.until_state("live").await;
    for text in ["event 1", "gibberish", "event 2"] {
        visitor.send(text).await;
    }
    let told = feed.until_text("event 2").await;
    assert_eq!(data_in(&told), ["event 1", "gibberish", "event 2"]);
    let rejected = told.iter().find(|message| text_of(message) == Some("gibberish")).unwrap();
    assert!(
        matches!(rejected, FeedMessage::Frame(decoded) if matches!(decoded.verdict, Verdict::Rejected(_)))
    );
    assert!(gaps_in(&told).is_empty() && states_in(&told).is_empty());
}

#[tokio::test]
async fn a_slow_hub_makes_the_feed_lag_and_lose_nothing() {
    const EVENTS: usize = 300;
    let venue = Venue::open().await;
    // The heartbeat is short, so that a wait which counted as silence would show.
    let mut setup = Setup::new(&venue.address(), "beat=50");
    setup.room = 4;
    let mut feed = setup.start();
    let mut visitor = venue.accept_subscriber().await;
    feed.until_state("live").await;
    let flood = tokio::spawn(async move {
        for event in 0..EVENTS {
            visitor.send(&format!("event {event}")).await;
        }
        visitor.next_text().await;
    });
    sleep(Duration::from_millis(400)).await;
    let mut told = feed.until_text(&format!("event {}", EVENTS - 1)).await;
    let expected: Vec<String> = (0..EVENTS).map(|event| format!("event {event}")).collect();
    assert_eq!(data_in(&told), expected);
    let states = |told: &[FeedMessage]| states_in(told).contains(&"live");
    if !states(&told) {
        told.extend(feed.until_state("live").await);
    }
    assert_eq!(states_in(&told)[..2], ["lagging", "live"]);
    assert!(gaps_in(&told).is_empty());
    flood.abort();
}

#[tokio::test]
async fn a_wait_for_the_hub_is_not_the_venue_s_silence() {
    let venue = Venue::open().await;
    let mut setup = Setup::new(&venue.address(), "beat=50");
    // Room for the first sign of life and one event: the last event waits, and nothing follows it.
    setup.room = 2;
    setup.timing.alive_every = Duration::from_hours(1);
    let mut feed = setup.start();
    let mut visitor = venue.accept_subscriber().await;
    feed.until_state("live").await;
    for text in ["event 1", "event 2"] {
        visitor.send(text).await;
    }
    sleep(Duration::from_millis(500)).await;
    feed.until_text("event 2").await;
    visitor.stay_quiet(Duration::from_millis(300)).await;
    visitor.send("event 3").await;
    let told = feed.until_text("event 3").await;
    assert!(gaps_in(&told).is_empty(), "{told:?}");
}

#[tokio::test]
async fn a_gap_from_before_the_start_is_closed_when_first_live() {
    let venue = Venue::open().await;
    let mut setup = Setup::new(&venue.address(), "");
    let known = Gap {
        from: moment(-60),
        until: None,
        cause: GapCause::NotRunning,
        detail: "stopped by the user".to_owned(),
    };
    setup.open_gap = Some(known.clone());
    let mut feed = setup.start();
    venue.answer_http("503 Service Unavailable", "").await;
    let _visitor = venue.accept_subscriber().await;
    let told = feed.until_state("live").await;
    let [(closed, event)] = &gaps_in(&told)[..] else {
        panic!("a failure inside a gap opens no other: {told:?}");
    };
    assert_eq!(*closed, Gap { until: closed.until, ..known });
    assert!(closed.until.is_some_and(|until| until >= moment(0)));
    assert_eq!(event.event_time, moment(-60));
}

#[tokio::test]
async fn a_cancelled_feed_says_goodbye_and_leaves_no_gap() {
    let venue = Venue::open().await;
    let mut feed = Setup::new(&venue.address(), "").start();
    let visitor = venue.accept_subscriber().await;
    feed.until_state("live").await;
    feed.cancel.cancel();
    let (farewell, (told, outcome)) = tokio::join!(visitor.expect_close(), feed.rest());
    let () = farewell;
    outcome.expect("a stop is no error");
    assert_eq!(states_in(&told), ["stopped"]);
    assert!(gaps_in(&told).is_empty());
}

#[tokio::test]
async fn a_feed_is_cancelled_within_a_second_in_every_phase() {
    let venue = Venue::open().await;
    let reached = ["connecting", "subscribing", "waiting", "live"];
    for phase in reached {
        let mut setup = Setup::new(&venue.address(), "");
        setup.timing.first_backoff = Duration::from_mins(10);
        // The hub stops reading where it stops the feed.
        setup.room = 4;
        let mut feed = setup.start();
        let _visitor = match phase {
            "connecting" => None,
            "waiting" => {
                drop(venue.accept().await);
                None
            }
            "subscribing" => Some(venue.accept().await),
            _ => {
                let mut visitor = venue.accept_subscriber().await;
                for _ in 0..10 {
                    visitor.send("event").await;
                }
                Some(visitor)
            }
        };
        feed.until_state(phase).await;
        feed.cancel.cancel();
        let outcome = timeout(Duration::from_secs(1), feed.task).await;
        outcome.expect("within a second").unwrap().expect("a stop is no error");
        if phase == "connecting" {
            drop(venue.accept_tcp().await);
        }
    }
}

#[tokio::test]
async fn a_hub_that_is_gone_ends_the_feed() {
    let venue = Venue::open().await;
    let feed = Setup::new(&venue.address(), "").start();
    let task = feed.task;
    let mut visitor = venue.accept_subscriber().await;
    drop((feed.cancel, feed.inbox));
    visitor.send("event").await;
    timeout(PATIENCE, task).await.expect("ends").unwrap().expect("no error");
}

#[tokio::test]
async fn what_no_retry_can_mend_ends_the_feed_with_the_remedy() {
    let bad_url = |url: &str| {
        let mut setup = Setup::new("127.0.0.1:1", "");
        setup.config.url = Some(url.to_owned());
        setup
    };
    let mut bad_file = Setup::new("127.0.0.1:1", "");
    bad_file.config.ca_file = Some("/no/such/ca.pem".into());
    let mut bad_rest = Setup::new("127.0.0.1:1", "rest=1");
    bad_rest.config.rest_url = Some("nonsense".to_owned());
    let cases = [
        (bad_url("https://venue/ws"), "feeds.plain.url is \"https://venue/ws\""),
        (bad_url("venue"), "write wss://host/path"),
        (bad_url("wss://"), "write wss://host/path"),
        (bad_file, "feeds.plain: read ca_file /no/such/ca.pem"),
        (bad_rest, "feeds.plain.rest_url leads to \"nonsense/contracts\""),
    ];
    for (setup, expected) in cases {
        let (told, outcome) = setup.start().rest().await;
        let words = outcome.expect_err(expected).to_string();
        assert!(words.contains(expected), "{words}");
        let last = told.last().and_then(state_of).map(market::FeedState::as_str);
        assert_eq!(last, Some("failed"), "{words}");
    }
}

#[test]
fn the_timing_in_use_is_the_documented_one() {
    let timing = super::super::timing::Timing::default();
    assert_eq!(timing.silent_beats, 3);
    assert!(1.0 / timing.between_requests.as_secs_f64() <= 8.0, "requests a second");
    assert!(timing.stop_within * 3 < Duration::from_secs(1), "a frame, a close frame, a state");
    assert!(brisk().drain_for < timing.drain_for);
}
