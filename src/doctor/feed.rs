//! One feed: keys, name, connection, subscription, first frame, and whose clock is off.

use std::sync::Arc;
use std::time::Duration;

use feeds::{FeedConfig, FeedContext, FeedMessage, FeedRow, Protocol, Verdict as Understood};
use market::{Clock, FeedId, FeedState};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Check;
use crate::clock::SystemClock;
use crate::url;

/// Most feeds examined at once.
const AT_ONCE: usize = 8;
/// Messages that may wait while a feed is examined.
const INBOX: usize = 256;
/// An event from this far in the future means that one of the two clocks is off.
const FUTURE: Duration = Duration::from_millis(250);

/// Examines `feeds`, a few at a time, each for at most `patience`; in their order.
pub async fn examine_feeds(feeds: &[(&'static FeedRow, FeedConfig)], patience: Duration) -> Vec<Check> {
    let mut checks = Vec::new();
    for batch in feeds.chunks(AT_ONCE) {
        let running: Vec<_> =
            batch.iter().map(|(row, config)| tokio::spawn(examine(row, config.clone(), patience))).collect();
        for ((row, _), examined) in batch.iter().zip(running) {
            match examined.await {
                Ok(found) => checks.extend(found),
                Err(error) => {
                    checks.push(Check::fail(row.id, "run", error.to_string(), "please report this bug"));
                }
            }
        }
    }
    checks
}

async fn examine(row: &'static FeedRow, config: FeedConfig, patience: Duration) -> Vec<Check> {
    let mut checks = Vec::new();
    for name in row.keys.iter().filter(|name| config.keys.get(name).is_none()) {
        let remedy = format!("set {name} in the environment, or `enabled = false` in [feeds.{}]", row.id);
        checks.push(Check::fail(row.id, "key", format!("{name} is not set"), remedy));
    }
    if !checks.is_empty() {
        return checks;
    }
    if !row.keys.is_empty() {
        checks.push(Check::ok(row.id, "key", format!("{} set", row.keys.join(", "))));
    }
    let (written, home) = match row.protocol {
        Protocol::Stream(_) => (config.url.as_deref(), row.url),
        Protocol::Poll(_) | Protocol::Node(_) => (config.rest_url.as_deref(), row.rest_url),
    };
    let name = resolve(row.id, written.unwrap_or(home)).await;
    let is_known = name.verdict == super::Verdict::Ok;
    checks.push(name);
    if is_known {
        checks.extend(listen(row, config, patience).await);
    }
    checks
}

async fn resolve(feed: &str, server: &str) -> Check {
    let (host, _) = url::split(server);
    let (name, port) = host.rsplit_once(':').map_or((host, ""), |(name, port)| (name, port));
    let default = if server.starts_with("wss") || server.starts_with("https") { 443 } else { 80 };
    let started = Instant::now();
    match tokio::net::lookup_host((name, port.parse().unwrap_or(default))).await {
        Ok(mut addresses) => match addresses.next() {
            Some(address) => {
                let took = started.elapsed().as_millis();
                Check::ok(feed, "dns", format!("{name} is {} ({took} ms)", address.ip()))
            }
            None => {
                Check::fail(feed, "dns", format!("{name} has no address"), "check the host in the config")
            }
        },
        Err(error) => Check::fail(
            feed,
            "dns",
            format!("{name}: {error}"),
            "check the network and the resolver, or the host in the config",
        ),
    }
}

/// What was heard from a feed so far.
#[derive(Default)]
struct Heard {
    live_after: Option<Duration>,
    frame_after: Option<Duration>,
    label: &'static str,
    rejected: Option<String>,
    trouble: Option<(&'static str, String)>,
    /// The least that a receive time lay after an event's time, microseconds; negative for the future.
    least_lag: Option<i64>,
}

/// Runs the feed until it is live and has spoken, or `patience` is over.
async fn listen(row: &'static FeedRow, config: FeedConfig, patience: Duration) -> Vec<Check> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (out, mut messages) = mpsc::channel(INBOX);
    let cancel = CancellationToken::new();
    let context = FeedContext {
        feed: FeedId::new(row.id),
        seed: clock.now().as_micros().unsigned_abs(),
        clock,
        out,
        cancel: cancel.clone(),
        open_gap: None,
        cache_dir: None,
    };
    let started = Instant::now();
    let running = tokio::spawn(feeds::run(row, config, context));
    let mut heard = Heard::default();
    while let Ok(Some(message)) = timeout_at(started + patience, messages.recv()).await {
        heard.take(message, started.elapsed());
        if heard.live_after.is_some() && heard.frame_after.is_some() {
            break;
        }
    }
    cancel.cancel();
    drop(messages);
    let ended = running.await;
    if let Ok(Err(error)) = ended {
        return vec![Check::fail(
            row.id,
            "run",
            error.to_string(),
            "correct the config; `vigie check-config` prints it",
        )];
    }
    heard.into_checks(row, patience)
}

impl Heard {
    fn take(&mut self, message: FeedMessage, after: Duration) {
        match message {
            FeedMessage::Frame(decoded) => {
                for event in &decoded.events {
                    let lag = event.receive_time.as_micros() - event.event_time.as_micros();
                    self.least_lag = Some(self.least_lag.map_or(lag, |least| least.min(lag)));
                }
                if let Some(reason) = decoded.verdict.complaint() {
                    self.rejected = Some(reason.into_owned());
                }
                if let Understood::Understood(kind) = &decoded.verdict
                    && kind.is_kept()
                {
                    self.label = kind.label();
                    self.frame_after.get_or_insert(after);
                }
            }
            FeedMessage::State { state, .. } => {
                if state.is_watching() {
                    self.live_after.get_or_insert(after);
                }
                if let Some(remedy) = remedy_of(&state) {
                    let words = self.trouble.take().map(|(_, words)| words).unwrap_or_default();
                    self.trouble =
                        Some((remedy, if words.is_empty() { state.as_str().to_owned() } else { words }));
                }
            }
            FeedMessage::Gap(event) => {
                if let Some(gap) = event.observation.gap().filter(|gap| gap.until.is_none()) {
                    let remedy = self.trouble.as_ref().map_or(CONNECT, |(remedy, _)| remedy);
                    self.trouble = Some((remedy, format!("{}: {}", gap.cause, gap.detail)));
                }
            }
            FeedMessage::Alive { .. } => {}
        }
    }

    fn into_checks(self, row: &FeedRow, patience: Duration) -> Vec<Check> {
        let id = row.id;
        let Some(live) = self.live_after else {
            let (remedy, found) = self.trouble.unwrap_or((CONNECT, "nothing was heard".to_owned()));
            return vec![Check::fail(
                id,
                "subscribe",
                format!("{found} (waited {} s)", patience.as_secs()),
                remedy,
            )];
        };
        let mut checks = vec![Check::ok(id, "subscribe", format!("live after {} ms", live.as_millis()))];
        checks.push(match self.frame_after {
            Some(after) => {
                Check::ok(id, "first frame", format!("{} after {} ms", self.label, after.as_millis()))
            }
            None => Check::warn(
                id,
                "first frame",
                format!("nothing within {} s", patience.as_secs()),
                "quiet markets are normal for liquidations; wait longer with --wait",
            ),
        });
        if let Some(reason) = self.rejected {
            let remedy = "the frame is kept when a watch runs: `vigie export frames`; please report it";
            checks.push(Check::warn(id, "decode", reason, remedy));
        }
        if let Some(lag) = self.least_lag {
            let millis = lag / 1_000;
            checks.push(if lag < -(FUTURE.as_micros() as i64) {
                let found = format!("an event came {} ms before it happened", -millis);
                Check::warn(id, "clock", found, "set this machine's clock by NTP")
            } else {
                Check::ok(
                    id,
                    "clock",
                    format!("no event came before it happened; the soonest {millis} ms after"),
                )
            });
        }
        checks
    }
}

const CONNECT: &str = "check the network, a firewall, and `url` or `rest_url` in the config";

/// What to do about a state that is trouble.
fn remedy_of(state: &FeedState) -> Option<&'static str> {
    match state {
        FeedState::RegionBlocked { .. } => Some(
            "the venue does not serve this region: turn the feed off, or point `url` at a relay elsewhere",
        ),
        FeedState::Forbidden { .. } => {
            Some("the venue's firewall refuses: try another network, or import files")
        }
        FeedState::RateLimited { .. } | FeedState::Banned { .. } => {
            Some("too many requests from this address: wait, and run one watch only")
        }
        FeedState::Failed { .. } | FeedState::Waiting { .. } => Some(CONNECT),
        FeedState::Starting
        | FeedState::Connecting
        | FeedState::Subscribing
        | FeedState::Live
        | FeedState::Lagging
        | FeedState::Stopped => None,
    }
}
