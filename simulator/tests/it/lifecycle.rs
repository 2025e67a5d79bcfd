//! Starting, stopping, TLS, and clients that do not read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use simulator::{Scenario, SimulatorConfig, SimulatorError, Tls, Tuning, start, start_with};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use crate::client::{Client, Heard, busy, run, venue};

#[tokio::test]
async fn stopping_is_quick_says_goodbye_and_frees_the_port() {
    let running = run(busy()).await;
    let addr = running.addr;
    let mut client = Client::binance(addr).await;
    let mut idle = TcpStream::connect(addr).await.unwrap();
    client.text().await;
    let began = Instant::now();
    running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let end = client.end(Duration::from_secs(1)).await;
    assert!(matches!(&end, Heard::Closed(Some(frame)) if u16::from(frame.code) == 1001), "{end:?}");
    let mut byte = [0];
    assert_eq!(tokio::io::AsyncReadExt::read(&mut idle, &mut byte).await.unwrap_or(0), 0);
    run(SimulatorConfig { listen: addr, ..busy() }).await.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_said_with_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = taken.local_addr().unwrap();
    let error = start(SimulatorConfig { listen, ..busy() }).await.unwrap_err();
    assert!(matches!(error, SimulatorError::PortInUse { .. }), "{error:?}");
    let sentence = format!(
        "listen on {listen}: the port is in use by another program; choose another port, or port 0 for any free one"
    );
    assert_eq!(error.to_string(), sentence);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_listens() {
    let foreign: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let table = [
        (SimulatorConfig { pace: 0.0, ..busy() }, "pace is 0; use a number above 0"),
        (SimulatorConfig { pace: f64::NAN, ..busy() }, "pace is NaN; use a number above 0"),
        (SimulatorConfig { listen: foreign, ..busy() }, "listen on 192.0.2.1:0: "),
    ];
    for (config, sentence) in table {
        let error = start(config).await.unwrap_err().to_string();
        assert!(error.starts_with(sentence), "{error}");
    }
    let mut config = busy();
    config.scenario.phases[0].branching = 1.5;
    let error = start(config).await.unwrap_err().to_string();
    assert!(error.contains("branching is 1.5; use a share from 0 to 0.99"), "{error}");
    let mut config = busy();
    config.faults.malformed = 7.0;
    let error = start(config).await.unwrap_err().to_string();
    assert!(error.contains("fault malformed is \"7\""), "{error}");
}

#[tokio::test]
async fn tls_is_trusted_through_the_returned_authority_and_not_without() {
    let running = run(SimulatorConfig { tls: Tls::SelfSigned, ..busy() }).await;
    let pem = running.ca_pem.clone().unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    for name in ["127.0.0.1", "localhost"] {
        let stream = connector(roots.clone())
            .connect(ServerName::try_from(name).unwrap(), TcpStream::connect(running.addr).await.unwrap())
            .await
            .unwrap();
        let url = format!("wss://{name}/market/stream?streams=!forceOrder@arr");
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        let frame = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap();
        assert!(frame.unwrap().unwrap().to_text().unwrap().contains("forceOrder"));
    }
    let stranger = connector(rustls::RootCertStore::empty())
        .connect(ServerName::try_from("127.0.0.1").unwrap(), TcpStream::connect(running.addr).await.unwrap())
        .await;
    assert!(stranger.is_err());
    running.stop().await;
}

fn connector(roots: rustls::RootCertStore) -> TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_and_others_are_not() {
    let tuning = Tuning { queue_frames: 16, send_buffer_bytes: Some(4096), ..Tuning::default() };
    let running = start_with(SimulatorConfig { pace: 100.0, ..busy() }, tuning).await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(running.addr).await.unwrap();
    let url = format!("ws://{}/market/stream?streams=!forceOrder@arr", running.addr);
    let (mut deaf, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let mut reader = Client::binance(running.addr).await;
    let began = Instant::now();
    while running.counts(venue("binance-usdm")).evicted == 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", running.counts(venue("binance-usdm")));
        assert!(matches!(reader.hear(Duration::from_secs(2)).await, Heard::Text(_)));
    }
    assert_eq!(running.counts(venue("binance-usdm")).evicted, 1);
    assert!(matches!(reader.hear(Duration::from_secs(2)).await, Heard::Text(_)));
    let end = async { while let Some(Ok(_)) = deaf.next().await {} };
    assert!(tokio::time::timeout(Duration::from_secs(5), end).await.is_ok(), "still connected");
    running.stop().await;
}

#[tokio::test]
async fn dropping_a_simulator_stops_it() {
    let running = run(busy()).await;
    let addr = running.addr;
    drop(running);
    let began = Instant::now();
    while TcpStream::connect(addr).await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_cascade_shows_something_within_five_seconds() {
    let running = run(SimulatorConfig { scenario: Scenario::builtin("cascade").unwrap(), ..busy() }).await;
    let mut client = Client::binance(running.addr).await;
    assert!(matches!(client.hear(Duration::from_secs(5)).await, Heard::Text(_)));
    running.stop().await;
}
