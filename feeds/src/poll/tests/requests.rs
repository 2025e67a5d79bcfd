//! What is sent: who asks, with which method, and what never leaves.

use super::feed::Setup;
use super::source::{Source, header};
use crate::watch::FeedError;

#[tokio::test]
async fn a_feed_says_who_it_is_unless_the_source_wants_a_browser() {
    let source = Source::open().await;
    let _feed = Setup::new(&source.address(), "a?").start();
    let request = source.answer("200 OK", "data").await;
    assert!(request.starts_with("GET /a HTTP/1.1\r\n"), "{request}");
    let vigie = format!("vigie/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(header(&request, "user-agent"), Some(vigie.as_str()));
    assert_eq!(header(&request, "if-none-match"), None);

    let source = Source::open().await;
    let _feed = Setup::new(&source.address(), "a?agent=Mozilla/5.0").start();
    let request = source.answer("200 OK", "data").await;
    assert_eq!(header(&request, "user-agent"), Some("Mozilla/5.0"));
    assert_eq!(request.to_ascii_lowercase().matches("user-agent").count(), 1, "{request}");
}

#[tokio::test]
async fn a_body_is_posted_as_json_and_a_fragment_stays_at_home() {
    let source = Source::open().await;
    let mut feed = Setup::new(&source.address(), "chart#btc,chart#eth?post={\"type\":1}").start();
    let request = source.answer("200 OK", "data btc").await;
    assert!(request.starts_with("POST /chart HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(&request, "content-type"), Some("application/json"));
    assert!(request.ends_with("\r\n\r\n{\"type\":1}"), "{request}");
    source.answer("200 OK", "data eth").await;
    let told = feed.until_state("live").await;
    let requests: Vec<&str> = told
        .iter()
        .filter_map(|message| match message {
            crate::FeedMessage::Frame(decoded) => decoded.frame.payload.request(),
            _ => None,
        })
        .collect();
    assert_eq!(requests, ["/chart#btc", "/chart#eth"]);
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_host_and_a_key_goes_to_no_other() {
    let (source, other) = (Source::open().await, Source::open().await);
    let mut feed = Setup::new(&source.address(), "a?key=secret").start();
    source.answer("302 Found\r\nLocation: /b", "").await;
    assert_eq!(source.ok("data").await, "/b");
    feed.until_state("live").await;
    let elsewhere = other.address().replace("127.0.0.1", "localhost");
    source.answer(&format!("302 Found\r\nLocation: http://{elsewhere}/a"), "").await;
    let gap = feed.next_gap().await;
    assert!(gap.detail.starts_with("HTTP 302 Found from http://127.0.0.1"), "{}", gap.detail);
    other.nobody_asks(std::time::Duration::from_millis(50)).await;
}

#[tokio::test]
async fn an_impossible_url_ends_the_feed() {
    for url in ["", "plain.example", "http://"] {
        let mut setup = Setup::new("127.0.0.1:9", "a?");
        setup.config.rest_url = Some(url.to_owned());
        let (_, ended) = setup.start().rest().await;
        assert!(matches!(ended, Err(FeedError::RestUrl { .. })), "{url}: {ended:?}");
    }
}
