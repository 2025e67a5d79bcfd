//! The node's client against a node on 127.0.0.1.

use std::io::{Read, Write};
use std::net::TcpListener;

use market::Timestamp;

use super::*;
use crate::protocol::Ask;

/// A node that gives these answers, one a connection, and what it was sent.
fn node(answers: Vec<(u16, &'static str)>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let mut heard = Vec::new();
        for (status, body) in answers {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !is_whole(&request) {
                let read = socket.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..read]);
            }
            let request = String::from_utf8(request).unwrap();
            // The client compares the answer's id with its question's.
            let id = request.rsplit("\"id\":").next().unwrap();
            let id = id.split([',', '}']).next().unwrap();
            let body = body.replace("ID", id);
            let top =
                format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            socket.write_all(format!("{top}{body}").as_bytes()).unwrap();
            heard.push(request);
        }
        heard
    });
    (url, serving)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(str::to_owned));
    length.is_some_and(|length| body.len() >= length.trim().parse().unwrap())
}

fn fetch_from(url: &str, config: FeedConfig) -> NodeFetch {
    let row = crate::venues::find("bitcoin-node").unwrap();
    let crate::venues::Protocol::Node(make) = row.protocol else { panic!("no node") };
    NodeFetch::new(&Source { row, make, config: FeedConfig { rest_url: Some(url.to_owned()), ..config } })
}

async fn ask(fetch: &mut NodeFetch, request: &str, parameters: &str) -> Result<Answer, Ended> {
    let ask = Ask { request: request.to_owned(), body: Some(parameters.to_owned()), headers: Vec::new() };
    let validators = Validators::default();
    fetch.fetch(Question { ask: &ask, validators: &validators, now: Timestamp::EPOCH }).await
}

fn detail(outcome: Result<Answer, Ended>) -> (GapCause, String) {
    match outcome {
        Err(Ended::Failed(failure)) => (failure.cause, failure.detail),
        other => panic!("no failure: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_is_kept_byte_for_byte() {
    let (url, serving) = node(vec![(200, r#"{"result":{"size":1,  "x":1.50},"error":null,"id":ID}"#)]);
    let answer =
        ask(&mut fetch_from(&url, FeedConfig::default()), "getblockstats 5", "[5,[\"totalfee\"]]").await;
    let Ok(Answer::Body(body)) = answer else { panic!("{answer:?}") };
    assert_eq!(body.bytes, r#"{"size":1,  "x":1.50}"#);
    let heard = serving.join().unwrap().remove(0);
    assert!(heard.contains(r#""method":"getblockstats","params":[5,["totalfee"]]"#), "{heard}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_warms_up_or_refuses_a_call_says_so() {
    let (url, serving) = node(vec![
        (500, r#"{"result":null,"error":{"code":-28,"message":"Loading block index…"},"id":ID}"#),
        (500, r#"{"result":null,"error":{"code":-1,"message":"Block not available (pruned data)"},"id":ID}"#),
        (
            200,
            r#"{"jsonrpc":"2.0","error":{"code":-8,"message":"Target block height 9 after current tip 8"},"id":ID}"#,
        ),
        (503, "Work queue depth exceeded"),
    ]);
    let mut fetch = fetch_from(&url, FeedConfig::default());
    let (cause, words) = detail(ask(&mut fetch, "getblockchaininfo", "[]").await);
    assert_eq!(
        (cause, words.as_str()),
        (GapCause::Unreachable, "the node is starting: Loading block index…")
    );
    for part in ["pruned data", "after current tip"] {
        let answer = ask(&mut fetch, "getblockstats 9", "[9]").await;
        assert!(matches!(&answer, Ok(Answer::None(words)) if words.contains(part)), "{answer:?}");
    }
    assert!(detail(ask(&mut fetch, "getmempoolinfo", "[]").await).1.contains("queue"));
    serving.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_is_read_anew_after_the_node_was_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let cookie = dir.path().join(".cookie");
    std::fs::write(&cookie, "__cookie__:first").unwrap();
    let (url, serving) = node(vec![
        (200, r#"{"result":1,"error":null,"id":ID}"#),
        (401, ""),
        (200, r#"{"result":2,"error":null,"id":ID}"#),
    ]);
    let mut fetch =
        fetch_from(&url, FeedConfig { cookie_file: Some(cookie.clone()), ..FeedConfig::default() });
    assert!(ask(&mut fetch, "getnetworkhashps", "[]").await.is_ok());
    let (cause, words) = detail(ask(&mut fetch, "getnetworkhashps", "[]").await);
    assert!(cause == GapCause::Refused && words.contains(".cookie"), "{words}");
    std::fs::write(&cookie, "__cookie__:second").unwrap();
    assert!(ask(&mut fetch, "getnetworkhashps", "[]").await.is_ok());
    let heard = serving.join().unwrap();
    let sign_in = |request: &str| {
        request.lines().find(|line| line.to_lowercase().starts_with("authorization")).map(str::to_owned)
    };
    assert!(sign_in(&heard[0]).is_some() && sign_in(&heard[0]) == sign_in(&heard[1]));
    assert_ne!(sign_in(&heard[1]), sign_in(&heard[2]), "the new cookie");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_cookie_and_a_missing_node_are_told_apart() {
    let config = FeedConfig { cookie_file: Some("/nowhere/.cookie".into()), ..FeedConfig::default() };
    let (_, words) = detail(ask(&mut fetch_from("http://127.0.0.1:1", config), "getmempoolinfo", "[]").await);
    assert!(words.contains("/nowhere/.cookie"), "{words}");
    let mut alone = fetch_from("http://127.0.0.1:1", FeedConfig::default());
    let (cause, words) = detail(ask(&mut alone, "getmempoolinfo", "[]").await);
    assert!(cause == GapCause::Unreachable && words.starts_with("http://127.0.0.1:1"), "{words}");
}

/// A call that is no feed's, on a thread of its own.
fn call_on(url: &str, config: FeedConfig, wallet: Option<&str>) -> Result<Value, NodeError> {
    let row = crate::venues::find("bitcoin-node").unwrap();
    NodeRpc::new(row, &FeedConfig { rest_url: Some(url.to_owned()), ..config }, wallet)?
        .call("getbalance", &[Value::from(6)])
}

#[test]
fn a_call_goes_to_the_wallet_and_brings_the_result_or_the_node_s_words() {
    let (url, serving) = node(vec![
        (200, r#"{"result":0.5,"error":null,"id":ID}"#),
        (500, r#"{"result":null,"error":{"code":-28,"message":"Loading wallet…"},"id":ID}"#),
        (500, r#"{"result":null,"error":{"code":-4,"message":"Insufficient funds"},"id":ID}"#),
        (401, ""),
    ]);
    assert_eq!(call_on(&url, FeedConfig::default(), Some("desk")), Ok(Value::from(0.5)));
    let asked = |config| call_on(&url, config, None).unwrap_err();
    assert_eq!(asked(FeedConfig::default()), NodeError::WarmingUp("Loading wallet…".to_owned()));
    let refused = asked(FeedConfig::default());
    assert!(
        matches!(&refused, NodeError::Refused(words) if words.contains("Insufficient funds")),
        "{refused}"
    );
    let unknown = asked(FeedConfig::default()).to_string();
    assert!(unknown.contains("feeds.bitcoin-node.cookie_file"), "{unknown}");
    let heard = serving.join().unwrap();
    assert!(
        heard[0].starts_with("POST /wallet/desk ") && heard[0].contains(r#""params":[6]"#),
        "{}",
        heard[0]
    );
    assert!(heard[1].starts_with("POST / "), "{}", heard[1]);
    let cookie = FeedConfig { cookie_file: Some("/nowhere/.cookie".into()), ..FeedConfig::default() };
    let missing = call_on("http://127.0.0.1:1", cookie, None).unwrap_err().to_string();
    assert!(missing.contains("/nowhere/.cookie"), "{missing}");
    let gone = call_on("http://127.0.0.1:1", FeedConfig::default(), None).unwrap_err();
    assert!(matches!(gone, NodeError::Unreachable(_)), "{gone}");
}
