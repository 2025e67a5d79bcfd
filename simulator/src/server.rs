//! The server: one port that is every venue, by path.

mod broken;
mod connection;
mod player;
mod routes;
mod tls;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::counters::{Counters, Counts};
use crate::error::SimulatorError;
use crate::faults::Faults;
use crate::market::Market;
use crate::scenario::Scenario;
use crate::tape::Tape;
use crate::venue::Venue;

use player::Audience;

/// What to simulate, and where.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// Where to listen; port 0 for any free one.
    pub listen: SocketAddr,
    /// What the market goes through.
    pub scenario: Scenario,
    /// The same seed gives the same market.
    pub seed: u64,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// Whether connections are encrypted.
    pub tls: Tls,
    /// Simulated seconds per real second: the market runs faster, the venues' own rules (one event
    /// per symbol and second, batches every 500 ms) and the times they write do not.
    pub pace: f64,
}

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// `http://` and `ws://`.
    #[default]
    Off,
    /// `https://` and `wss://`, under an authority made for this run: [`Running::ca_pem`].
    SelfSigned,
}

/// The venues' patience, and the server's.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// How many times less patient the venues are than they document, and how many times as often they
    /// ping (1): at 60, OKX ends a connection half a second after the client's last message.
    pub impatience: f64,
    /// Frames that may wait for a slow client before it is disconnected (1024).
    pub queue_frames: usize,
    /// The size of the system's send buffer, bytes; the system's own unless set.
    pub send_buffer_bytes: Option<u32>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { impatience: 1.0, queue_frames: 1024, send_buffer_bytes: None }
    }
}

impl Tuning {
    /// How long a span of the venues' patience really lasts.
    fn real(&self, documented: Duration) -> Duration {
        documented.div_f64(self.impatience.max(1e-6))
    }

    /// How much of the venues' patience a span takes.
    fn documented(&self, real: Duration) -> Duration {
        real.mul_f64(self.impatience.max(1e-6))
    }
}

/// A running simulator. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The authority that signed its certificate, PEM; `None` without TLS.
    pub ca_pem: Option<String>,
    start_micros: i64,
    counters: Counters,
    cancel: CancellationToken,
    tasks: TaskTracker,
    _guard: DropGuard,
}

impl Running {
    /// When its market began, microseconds since 1970 UTC: [`Tape::with_pace`] with this start and
    /// the same scenario, seed and pace gives every frame that it sends.
    pub fn start_micros(&self) -> i64 {
        self.start_micros
    }

    /// The live counts, which outlive the simulator.
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// One venue's counts now.
    pub fn counts(&self, venue: Venue) -> Counts {
        self.counters.of(venue)
    }

    /// Different liquidations written, well formed, to at least one connection, by venue id.
    pub fn sent(&self) -> BTreeMap<&'static str, u64> {
        self.counters.sent()
    }

    /// Ends every connection and frees the port; returns once that is done, within two seconds.
    pub async fn stop(self) {
        self.cancel.cancel();
        self.tasks.close();
        if tokio::time::timeout(Duration::from_secs(2), self.tasks.wait()).await.is_err() {
            tracing::warn!(addr = %self.addr, pending = self.tasks.len(), "simulator tasks did not end in time");
        }
        tracing::info!(addr = %self.addr, "simulator stopped");
    }
}

/// What every connection shares.
pub(crate) struct Floor {
    market: Arc<Market>,
    faults: Faults,
    tuning: Tuning,
    connections: AtomicU64,
    audience: Audience,
    counters: Counters,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Starts a simulator with the venues' own patience.
///
/// # Errors
/// The port is in use, the address is not this machine's, the pace is no positive number, the
/// scenario or the faults hold a value that cannot be, or no certificate could be made.
pub async fn start(config: SimulatorConfig) -> Result<Running, SimulatorError> {
    start_with(config, Tuning::default()).await
}

/// Starts a simulator with other patience: for tests that cannot wait thirty seconds.
///
/// # Errors
/// As [`start`].
pub async fn start_with(config: SimulatorConfig, tuning: Tuning) -> Result<Running, SimulatorError> {
    let SimulatorConfig { listen, scenario, seed, faults, tls, pace } = config;
    scenario.check(&scenario.name)?;
    faults.check()?;
    if !(pace.is_finite() && pace > 0.0 && pace <= 10_000.0) {
        return Err(SimulatorError::Pace { pace });
    }
    let listener = bind(listen, tuning.send_buffer_bytes).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => SimulatorError::PortInUse { addr: listen, source },
        _ => SimulatorError::Listen { addr: listen, source },
    })?;
    let addr = listener.local_addr().map_err(|source| SimulatorError::Listen { addr: listen, source })?;
    let (acceptor, ca_pem) = match tls {
        Tls::Off => (None, None),
        Tls::SelfSigned => {
            let (acceptor, ca_pem) = tls::self_signed(addr)?;
            (Some(acceptor), Some(ca_pem))
        }
    };

    let start_micros = venue_clock();
    let market = Arc::new(Market::new(seed, start_micros));
    let tape = Tape::over(&scenario, &market, pace);
    let cancel = CancellationToken::new();
    let tasks = TaskTracker::new();
    let counters = Counters::default();
    let floor = Arc::new(Floor {
        market,
        faults,
        tuning,
        connections: AtomicU64::new(0),
        audience: Audience::default(),
        counters: counters.clone(),
        stop: cancel.clone(),
        tasks: tasks.clone(),
    });
    tasks.spawn(player::play(tape, Arc::clone(&floor)));
    tasks.spawn(accept(listener, acceptor, floor));
    tracing::info!(%addr, scenario = scenario.name, seed, pace, "simulator started");
    let guard = cancel.clone().drop_guard();
    Ok(Running { addr, ca_pem, start_micros, counters, cancel, tasks, _guard: guard })
}

fn bind(listen: SocketAddr, send_buffer: Option<u32>) -> io::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A port whose last connections are still in TIME_WAIT may be listened on again at once.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    if let Some(bytes) = send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(listen)?;
    socket.listen(128)
}

/// The venues' clock, microseconds since 1970 UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator is the outside world: its clock is the venues', not the workstation's"
)]
pub(crate) fn venue_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, floor: Arc<Floor>) {
    loop {
        let accepted = tokio::select! {
            () = floor.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let task = welcome(stream, acceptor.clone(), Arc::clone(&floor));
                floor.tasks.spawn(task);
            }
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to be freed.
                tracing::warn!(%error, "simulator could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn welcome(stream: TcpStream, acceptor: Option<TlsAcceptor>, floor: Arc<Floor>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "simulator could not set TCP_NODELAY");
    }
    let Some(acceptor) = acceptor else { return serve(stream, floor).await };
    let handshake = tokio::time::timeout(Duration::from_secs(10), acceptor.accept(stream));
    let shaken = tokio::select! {
        () = floor.stop.cancelled() => return,
        shaken = handshake => shaken,
    };
    match shaken {
        Ok(Ok(stream)) => serve(stream, floor).await,
        Ok(Err(error)) => tracing::debug!(%error, "simulator refused a TLS handshake"),
        Err(_) => tracing::debug!("a TLS handshake with the simulator took too long"),
    }
}

async fn serve<S>(stream: S, floor: Arc<Floor>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stop = floor.stop.clone();
    let service = service_fn(move |request| routes::respond(request, Arc::clone(&floor)));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        () = stop.cancelled() => {}
        served = serving => {
            if let Err(error) = served {
                tracing::debug!(%error, "simulator connection ended");
            }
        }
    }
}
