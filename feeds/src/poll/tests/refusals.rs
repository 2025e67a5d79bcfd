//! Refusals: what a source's no is called, when it is asked again, and what ends a feed.

use std::time::Duration;

use market::{FeedState, GapCause};

use super::feed::{Feed, ROW, SEED, Setup, gaps_in, state_of, states_in};
use super::source::Source;
use crate::config::{FeedConfig, Keys};
use crate::protocol::{Ask, DecodeError, Decoder, FrameKind, PollProtocol, Stamped};
use crate::venues::{FeedRow, Protocol};
use crate::watch::backoff::{Backoff, Chance};
use crate::watch::{FeedError, FeedMessage};

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
    for (head, label, wait) in &cases {
        let source = Source::open().await;
        let (mut setup, _clock) = Setup::new(&source.address(), "a?").frozen(0);
        setup.timing.refused_wait = minutes(15);
        let mut feed = setup.start();
        source.answer(head, "data").await;
        let gap = feed.next_gap().await;
        assert_eq!(gap.cause, GapCause::Refused);
        assert!(gap.detail.starts_with(&format!("HTTP {}", &head[..3])), "{}", gap.detail);
        let (state, waited) = next_wait(&mut feed).await;
        assert_eq!((state.as_str(), waited), (*label, *wait), "{head}");
    }
}

#[tokio::test]
async fn a_refused_feed_is_tried_again_and_recovers() {
    let source = Source::open().await;
    let mut feed = Setup::new(&source.address(), "a?").start();
    source.answer("403 Forbidden", "").await;
    feed.until_state("403 forbidden").await;
    source.ok("data").await;
    let told = feed.until_state("live").await;
    assert!(gaps_in(&told)[0].until.is_some());
}

#[tokio::test]
async fn waits_grow_while_nobody_is_there_and_start_over_after_a_good_round() {
    let source = Source::open().await;
    let (setup, _clock) = Setup::new(&source.address(), "a?").frozen(0);
    let cap = Duration::from_secs(setup.config.backoff_cap_secs);
    let mut expected = Backoff::new(setup.timing.first_backoff, cap, Chance::new(SEED));
    let mut feed = setup.start();
    for _ in 0..4 {
        drop(source.asked().await);
        let (_, wait) = next_wait(&mut feed).await;
        assert_eq!(wait.as_micros(), expected.next_wait().as_micros());
    }
    source.ok("data").await;
    feed.until_state("live").await;
    expected.reset();
    drop(source.asked().await);
    let (_, wait) = next_wait(&mut feed).await;
    assert_eq!(wait.as_micros(), expected.next_wait().as_micros(), "reset by a good round");
}

#[tokio::test]
async fn a_source_that_answers_is_never_asked_sooner_than_it_bears() {
    let source = Source::open().await;
    let (mut setup, _clock) = Setup::new(&source.address(), "a?every=3600000").frozen(0);
    // At the source's own address; elsewhere a second is enough.
    let home: &'static str = Box::leak(setup.config.rest_url.clone().unwrap().into_boxed_str());
    setup.row = Box::leak(Box::new(FeedRow { rest_url: home, ..ROW }));
    let mut feed = setup.start();
    source.ok("<html>").await;
    let (state, wait) = next_wait(&mut feed).await;
    assert_eq!((state.as_str(), wait), ("waiting", Duration::from_hours(1)));
}

#[tokio::test]
async fn a_refused_key_ends_the_feed_and_names_the_variable() {
    let source = Source::open().await;
    let feed = Setup::new(&source.address(), "a?").keyed().start();
    source.answer("401 Unauthorized", "").await;
    let (told, ended) = feed.rest().await;
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("HTTP 401 Unauthorized") && error.contains("PLAIN_API_KEY"), "{error}");
    assert_eq!(states_in(&told), ["connecting", "failed"]);
    // Without a key to be wrong, it is a refusal like any other.
    let mut feed = Setup::new(&source.address(), "a?").start();
    source.answer("401 Unauthorized", "").await;
    assert_eq!(next_wait(&mut feed).await.0.as_str(), "waiting");
}

#[test]
fn a_missing_or_empty_key_is_known_before_anyone_is_asked() {
    let row = FeedRow { keys: &["A_KEY", "B_KEY"], ..ROW };
    let mut keys = Keys::default();
    keys.insert("A_KEY", "secret".to_owned());
    let config = FeedConfig { keys: keys.clone(), ..FeedConfig::default() };
    assert_eq!(row.missing_key(&config), Some("B_KEY"));
    keys.insert("B_KEY", String::new());
    assert_eq!(row.missing_key(&FeedConfig { keys: keys.clone(), ..config.clone() }), Some("B_KEY"));
    keys.insert("B_KEY", "secret".to_owned());
    assert_eq!(row.missing_key(&FeedConfig { keys, ..config }), None);
    let error = FeedError::KeyMissing { feed: market::FeedId::new("plain"), name: "B_KEY" };
    assert_eq!(
        error.to_string(),
        "feeds.plain needs a key: set the environment variable B_KEY, or feeds.plain.enabled = false"
    );
}

/// Asks nothing; bears a round every five minutes.
struct Patient;

impl Decoder for Patient {
    fn decode(&mut self, _: &market::Payload, _: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        Err(DecodeError::Unknown)
    }
}

impl PollProtocol for Patient {
    fn every(&self) -> Duration {
        Duration::from_hours(1)
    }

    fn least_every(&self) -> Duration {
        Duration::from_mins(5)
    }

    fn begin(&mut self, _now: market::Timestamp) {}

    fn next_ask(&mut self) -> Option<Ask> {
        None
    }
}

#[test]
fn a_user_may_slow_a_feed_down_and_hurry_it_only_as_far_as_its_source_bears() {
    let row = FeedRow { protocol: Protocol::Poll(|_| Box::new(Patient)), ..ROW };
    let with = |secs, rest_url: Option<&str>| {
        let rest_url = rest_url.map(str::to_owned);
        row.check(&FeedConfig { poll_secs: Some(secs), rest_url, ..FeedConfig::default() })
    };
    for secs in [300, 3_600, 86_400] {
        assert!(with(secs, None).is_ok() && with(secs, Some(ROW.rest_url)).is_ok(), "{secs}");
    }
    for secs in [0, 1, 299] {
        let error = with(secs, Some(ROW.rest_url)).unwrap_err().to_string();
        let words = "this source is asked at most every 300 s, so use at least 300";
        assert_eq!(error, format!("feeds.plain.poll_secs is {secs}; {words}"));
    }
    assert!(with(1, Some("http://127.0.0.1:9")).is_ok(), "a mirror of one's own bears more");
    assert!(with(0, Some("http://127.0.0.1:9")).is_err());
}
