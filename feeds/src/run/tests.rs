//! Rows of the registry run by their own protocol, as the program runs them.

use std::sync::Arc;
use std::time::Duration;

use market::{FeedId, ManualClock, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::watch::FeedMessage;

const PATIENCE: Duration = Duration::from_secs(10);

fn context(id: &str) -> (FeedContext, mpsc::Receiver<FeedMessage>, CancellationToken) {
    let (out, inbox) = mpsc::channel(100);
    let cancel = CancellationToken::new();
    let clock = Arc::new(ManualClock::new("2025-11-18T12:00:00Z".parse::<Timestamp>().unwrap()));
    let feed = FeedId::new(id);
    let context =
        FeedContext { feed, clock, out, cancel: cancel.clone(), open_gap: None, seed: 1, cache_dir: None };
    (context, inbox, cancel)
}

#[tokio::test]
async fn a_polled_row_asks_its_source_and_tells_what_it_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = FeedConfig {
        rest_url: Some(format!("http://{}", listener.local_addr().unwrap())),
        ..FeedConfig::default()
    };
    config.keys.insert("SOSOVALUE_API_KEY", "secret".to_owned());
    let (context, mut inbox, cancel) = context("sosovalue");
    let feed = tokio::spawn(run(crate::find("sosovalue").unwrap(), config, context));
    let mut stream = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap().0;
    let mut request = Vec::new();
    while !request.ends_with(b"{\"type\":\"us-btc-spot\"}") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    assert!(request.starts_with("POST /openapi/v2/etf/historicalInflowChart HTTP/1.1"), "{request}");
    assert!(request.contains("x-soso-api-key: secret"), "{request}");
    let body = r#"{"code":0,"data":[{"date":"2025-11-17","totalNetInflow":-254600000}]}"#;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    let decoded = loop {
        match timeout(PATIENCE, inbox.recv()).await.unwrap().unwrap() {
            FeedMessage::Frame(decoded) => break decoded,
            FeedMessage::State { .. } | FeedMessage::Gap(_) | FeedMessage::Alive { .. } => {}
        }
    };
    let [event] = &decoded.events[..] else { panic!("one flow: {decoded:?}") };
    assert_eq!(event.known_at, event.receive_time, "a flow is known when it is first seen");
    let flow = event.observation.etf_flow().unwrap().net_flow;
    assert_eq!(flow, market::Usd::new(-254.6e6).ok());
    cancel.cancel();
    assert!(timeout(PATIENCE, feed).await.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn a_row_without_its_key_asks_nobody_and_says_which_variable_to_set() {
    let (context, mut inbox, _cancel) = context("coinglass");
    let config = FeedConfig { rest_url: Some("http://127.0.0.1:9".to_owned()), ..FeedConfig::default() };
    let ended = run(crate::find("coinglass").unwrap(), config, context).await;
    let words = ended.unwrap_err().to_string();
    assert!(words.contains("set the environment variable COINGLASS_API_KEY"), "{words}");
    let Some(FeedMessage::State { state, .. }) = inbox.recv().await else { panic!("a last state") };
    assert_eq!(state.as_str(), "failed");
    assert!(inbox.recv().await.is_none());
}
