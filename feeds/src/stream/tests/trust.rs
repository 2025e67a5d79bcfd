//! TLS: a feed speaks to whom it trusts, and to nobody else.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use market::GapCause;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use super::feed::{Setup, text_of};
use super::venue::Venue;

/// A certificate of its own making for 127.0.0.1, as a server holds it and as a file to trust.
struct Identity {
    acceptor: TlsAcceptor,
    ca_file: PathBuf,
}

impl Identity {
    fn new(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let ca_file = std::env::temp_dir().join(format!("vigie-{name}-{}.pem", std::process::id()));
        std::fs::write(&ca_file, made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_file }
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.ca_file);
    }
}

fn encrypted(venue: &Venue, query: &str) -> Setup {
    let mut setup = Setup::new(&venue.address(), query);
    setup.config.url = Some(format!("wss://{}/ws?{query}", venue.address()));
    setup.config.rest_url = Some(format!("https://{}", venue.address()));
    setup
}

#[tokio::test]
async fn an_authority_named_in_ca_file_is_trusted_by_rest_and_websocket_alike() {
    let venue = Venue::open().await;
    let identity = Identity::new("trusted");
    let mut setup = encrypted(&venue, "rest=1");
    setup.config.ca_file = Some(identity.ca_file.clone());
    let mut feed = setup.start();

    let mut rest = identity.acceptor.accept(venue.accept_tcp().await).await.unwrap();
    assert_ne!(rest.read(&mut [0; 4096]).await.unwrap(), 0);
    rest.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\nreference 1")
        .await
        .unwrap();
    rest.shutdown().await.unwrap();

    let stream = identity.acceptor.accept(venue.accept_tcp().await).await.unwrap();
    let mut socket = accept_async(stream).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("subscribe 0"));
    socket.send(Message::text("ack")).await.unwrap();
    let told = feed.until_state("live").await;
    assert_eq!(told.iter().filter_map(text_of).collect::<Vec<_>>(), ["reference 1", "ack"]);
}

#[tokio::test]
async fn an_unknown_authority_is_refused_in_words() {
    for query in ["", "rest=1"] {
        let venue = Venue::open().await;
        let (presented, trusted) = (Identity::new("presented"), Identity::new("other"));
        let mut setup = encrypted(&venue, query);
        setup.config.ca_file = Some(trusted.ca_file.clone());
        let mut feed = setup.start();
        assert!(presented.acceptor.accept(venue.accept_tcp().await).await.is_err());
        let (gap, _) = feed.next_gap().await;
        assert_eq!(gap.cause, GapCause::Unreachable);
        assert!(gap.detail.contains("invalid peer certificate"), "{}", gap.detail);
    }
}
