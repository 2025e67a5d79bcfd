//! What can go wrong with a simulator.

use std::io;
use std::net::SocketAddr;

use crate::faults::FaultsError;
use crate::scenario::ScenarioError;

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// Something else listens on the address.
    #[error(
        "listen on {addr}: the port is in use by another program; choose another port, or port 0 for any free one"
    )]
    PortInUse {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The address cannot be listened on.
    #[error("listen on {addr}: {source}; use an address of this machine, such as 127.0.0.1:0")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The pace is no positive number.
    #[error("pace is {pace}; use a number above 0 and up to 10000 (1 is real time)")]
    Pace {
        /// The pace asked for.
        pace: f64,
    },
    /// The scenario cannot be used.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The faults cannot be used.
    #[error(transparent)]
    Faults(#[from] FaultsError),
    /// No certificate could be made.
    #[error("make a certificate for {addr}: {source}")]
    Certificate {
        /// The address it is for.
        addr: SocketAddr,
        /// What the certificate library said.
        #[source]
        source: rcgen::Error,
    },
    /// The certificate could not be used.
    #[error("use the certificate made for {addr}: {source}")]
    Tls {
        /// The address it is for.
        addr: SocketAddr,
        /// What the TLS library said.
        #[source]
        source: rustls::Error,
    },
}
