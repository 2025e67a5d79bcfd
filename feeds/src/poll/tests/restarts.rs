//! Restarts: what was asked is not asked again, and what was told is not told again.

use std::path::PathBuf;
use std::time::Duration;

use market::{Gap, GapCause};

use super::feed::{Setup, gaps_in, moment, states_in, texts_in};
use super::source::{Source, header};
use crate::watch::FeedMessage;

const HOURLY: &str = "a?every=3600000";

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("vigie-poll-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self(dir)
    }

    fn file(&self) -> PathBuf {
        self.0.join("plain.json")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn setup(source: &Source, scratch: &Scratch, secs: i64) -> Setup {
    let (mut setup, _clock) = Setup::new(&source.address(), HOURLY).frozen(secs);
    setup.cache_dir = Some(scratch.0.clone());
    setup
}

/// A run that asks once, at `moment(0)`, and stops.
async fn ask_once(source: &Source, scratch: &Scratch, head: &str) {
    let mut feed = setup(source, scratch, 0).start();
    source.answer(head, "data 1").await;
    feed.until_state("live").await;
    feed.stop().await;
}

#[tokio::test]
async fn a_restart_within_the_pace_asks_nobody_and_is_live() {
    let (source, scratch) = (Source::open().await, Scratch::new("within"));
    ask_once(&source, &scratch, "200 OK").await;
    let mut again = setup(&source, &scratch, 600);
    let cause = GapCause::NotRunning;
    again.open_gap = Some(Gap { from: moment(500), until: None, cause, detail: String::new() });
    let mut feed = again.start();
    let told = feed.until(|message| matches!(message, FeedMessage::Alive { .. })).await;
    assert_eq!(states_in(&told), ["live"]);
    assert_eq!(gaps_in(&told)[0].until, Some(moment(600)), "no round was missed");
    let Some(FeedMessage::Alive { at, .. }) = told.last() else { unreachable!("waited for") };
    assert_eq!(*at, moment(0), "it was then that the source last proved itself");
    source.nobody_asks(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_restart_after_that_asks_whether_anything_changed() {
    let (source, scratch) = (Source::open().await, Scratch::new("after"));
    ask_once(&source, &scratch, "200 OK\r\nETag: \"v1\"").await;
    let mut feed = setup(&source, &scratch, 3_600).start();
    let request = source.answer("304 Not Modified", "").await;
    assert_eq!(header(&request, "if-none-match"), Some("\"v1\""));
    let told = feed.until_state("live").await;
    assert!(texts_in(&told).is_empty() && gaps_in(&told).is_empty());
    feed.stop().await;

    let mut feed = setup(&source, &scratch, 7_200).start();
    source.ok("data 1").await;
    let told = feed.until_state("live").await;
    assert!(texts_in(&told).is_empty(), "the same bytes were told before the restart");
}

#[tokio::test]
async fn a_restart_does_not_shorten_a_ban() {
    let (source, scratch) = (Source::open().await, Scratch::new("ban"));
    let mut feed = setup(&source, &scratch, 0).start();
    source.answer("418 I'm a teapot\r\nRetry-After: 7200", "").await;
    feed.until_state("418 banned").await;
    feed.stop().await;
    let mut feed = setup(&source, &scratch, 100).start();
    let told = feed.until_state("waiting").await;
    let Some(FeedMessage::State { state, .. }) = told.last() else { unreachable!("waited for") };
    assert_eq!(state.retries_at(), Some(moment(7_200)));
    assert_eq!(gaps_in(&told)[0].cause, GapCause::Refused);
    source.nobody_asks(Duration::from_millis(50)).await;
    feed.stop().await;
    let mut feed = setup(&source, &scratch, 7_201).start();
    source.ok("data 1").await;
    feed.until_state("live").await;
}

#[tokio::test]
async fn other_settings_a_damaged_file_or_a_clock_set_back_ask_anew() {
    let (source, scratch) = (Source::open().await, Scratch::new("anew"));
    ask_once(&source, &scratch, "200 OK").await;
    let mut other = setup(&source, &scratch, 600);
    other.config.instruments = crate::Instruments::Assets(vec!["ETH".to_owned()]);
    let mut feed = other.start();
    source.ok("data 1").await;
    assert_eq!(texts_in(&feed.until_state("live").await), ["data 1"]);
    feed.stop().await;

    std::fs::write(scratch.file(), "{\"version\":").unwrap();
    let mut feed = setup(&source, &scratch, 700).start();
    source.ok("data 1").await;
    assert_eq!(texts_in(&feed.until_state("live").await), ["data 1"]);
    feed.stop().await;

    let mut feed = setup(&source, &scratch, -7_200).start();
    source.ok("data 1").await;
    feed.until_state("live").await;
    let left: Vec<_> = std::fs::read_dir(&scratch.0).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["plain.json"], "no draft is left behind");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_costs_only_the_memory() {
    let (source, scratch) = (Source::open().await, Scratch::new("blocked"));
    std::fs::write(&scratch.0, "a file where the directory should be").unwrap();
    let mut feed = setup(&source, &scratch, 0).start();
    source.ok("data 1").await;
    feed.until_state("live").await;
    std::fs::remove_file(&scratch.0).unwrap();
}
