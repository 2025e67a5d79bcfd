//! Whom a feed trusts: the web's certificate authorities, and one more where the user names it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{Error as PemError, PemObject as _};

/// Why TLS cannot be set up. No retry mends these.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with the extra certificate authority cannot be read.
    #[error("read ca_file {}: {source}; correct the path or remove the setting", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is not PEM.
    #[error("ca_file {} is not a PEM file: {source}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// The parser's words.
        source: PemError,
    },
    /// The file is PEM, without a certificate in it.
    #[error("ca_file {} holds no certificate; it needs a section that says BEGIN CERTIFICATE", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate in the file cannot serve as an authority.
    #[error("ca_file {} holds a certificate that cannot be an authority: {source}", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: rustls::Error,
    },
    /// The cryptography does not offer what TLS needs.
    #[error("set up TLS: {source}")]
    Unsupported {
        /// The reason.
        source: rustls::Error,
    },
}

/// How to speak TLS, trusting the web's authorities and those in `ca_file`.
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        trust(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| TlsError::Unsupported { source })?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn trust(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let path_buf = || path.to_owned();
    let pem = std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path_buf(), source })?;
    let known = roots.len();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|source| TlsError::NotPem { path: path_buf(), source })?;
        roots.add(certificate).map_err(|source| TlsError::BadCertificate { path: path_buf(), source })?;
    }
    if roots.len() == known {
        return Err(TlsError::NoCertificate { path: path_buf() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_file_the_web_is_trusted() {
        assert!(client_config(None).is_ok());
    }

    #[test]
    fn a_file_that_is_no_authority_is_refused_by_name() {
        let directory = std::env::temp_dir();
        let cases = [
            ("vigie-empty.pem", "", "holds no certificate"),
            (
                "vigie-broken.pem",
                "-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n",
                "is not a PEM file",
            ),
            (
                "vigie-junk.pem",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "cannot be an authority",
            ),
        ];
        for (name, text, expected) in cases {
            let path = directory.join(format!("{}-{name}", std::process::id()));
            std::fs::write(&path, text).unwrap();
            let refusal = client_config(Some(&path)).expect_err(name).to_string();
            std::fs::remove_file(&path).unwrap();
            assert!(refusal.contains(expected) && refusal.contains(name), "{refusal}");
        }
        let missing = client_config(Some(Path::new("/no/such/file.pem"))).expect_err("missing").to_string();
        assert!(missing.contains("read ca_file /no/such/file.pem"), "{missing}");
    }
}
