//! Certificates for one run: an authority, and a leaf for this machine signed by it.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::SimulatorError;

/// An acceptor for `addr` and the authority to trust, PEM.
pub(super) fn self_signed(addr: SocketAddr) -> Result<(TlsAcceptor, String), SimulatorError> {
    let made = make(addr).map_err(|source| SimulatorError::Certificate { addr, source })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![made.leaf], made.key))
        .map_err(|source| SimulatorError::Tls { addr, source })?;
    Ok((TlsAcceptor::from(Arc::new(config)), made.ca_pem))
}

struct Made {
    leaf: rustls_pki_types::CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    ca_pem: String,
}

fn make(addr: SocketAddr) -> Result<Made, rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name.push(DnType::CommonName, "simulated venues, this run only");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let ca_pem = ca.self_signed(&ca_key)?.pem();

    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let own = addr.ip().to_string();
    if !names.contains(&own) {
        names.push(own);
    }
    let leaf_key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name.push(DnType::CommonName, "simulated venues");
    let leaf = leaf.signed_by(&leaf_key, &Issuer::from_params(&ca, &ca_key))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    Ok(Made { leaf: leaf.der().clone(), key, ca_pem })
}
