//! Asks the user's own Bitcoin node: the one file that knows `bitcoincore-rpc`.
//!
//! Only the crate's transport and its raw `call` are used: its own types stop at Core 0.21, ours are
//! in the decoder and lenient. Calls block, so each has a thread of the blocking pool.

use std::path::PathBuf;
use std::sync::Arc;

use bitcoincore_rpc::jsonrpc::error::RpcError;
use bitcoincore_rpc::jsonrpc::{Error as JsonRpcError, simple_http};
use bitcoincore_rpc::{Auth, Client, Error as RpcFailure, RpcApi};
use bytes::Bytes;
use market::{FeedId, GapCause};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::config::FeedConfig;
use crate::poll::{Answer, Body, Fetch, MakePoll, Question, Source, Validators, run_fetching};
use crate::venues::FeedRow;
use crate::watch::failure::{Ended, Failure};
use crate::watch::timing::Timing;
use crate::watch::{FeedContext, FeedError};

/// Environment variables with a user and a password, where there is no cookie.
const USER: &str = "BITCOIN_RPC_USER";
const PASSWORD: &str = "BITCOIN_RPC_PASSWORD";

/// The node is starting: it says so instead of answering.
const WARMING_UP: i32 = -28;
/// HTTP 401, which a node gives when the cookie is an old one.
const UNAUTHORIZED: u16 = 401;
/// HTTP 503: the node's queue of calls is full.
const BUSY: u16 = 503;

/// Runs the feed that `make` makes the protocol of, against a node, until it is cancelled.
///
/// # Errors
/// Something that no retry can mend: an impossible URL, rounds closer together than the feed bears.
pub(crate) async fn run(
    row: &'static FeedRow,
    make: MakePoll,
    config: FeedConfig,
    cx: FeedContext,
) -> Result<(), FeedError> {
    let source = Source { row, make, config };
    // Nothing is remembered across restarts: an unchanged tip is to be told again.
    let cx = FeedContext { cache_dir: None, ..cx };
    run_fetching(Timing::default(), source, cx, |source, _| Ok(NodeFetch::new(source))).await
}

/// The user's own node, asked by somebody who is no feed. Each call blocks.
pub struct NodeRpc {
    client: Client,
    url: String,
    sign_in: SignIn,
}

/// Why a node did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// It is not ready yet; in its words.
    #[error("the node is starting: {0}")]
    WarmingUp(String),
    /// It will not; in its words.
    #[error("the node refuses: {0}")]
    Refused(String),
    /// It does not know us; with the remedy.
    #[error("{0}")]
    NotSignedIn(String),
    /// It cannot be asked.
    #[error("{0}")]
    Unreachable(String),
}

impl NodeRpc {
    /// Of the node that feed `row` asks, by the feed's table; `wallet` names one where the node has several.
    ///
    /// # Errors
    /// The cookie cannot be read.
    pub fn new(row: &FeedRow, config: &FeedConfig, wallet: Option<&str>) -> Result<Self, NodeError> {
        let base = config.rest_url.as_deref().unwrap_or(row.rest_url);
        let url = match wallet {
            Some(wallet) => format!("{}/wallet/{wallet}", base.trim_end_matches('/')),
            None => base.to_owned(),
        };
        let sign_in = SignIn::of(config);
        match Client::new(&url, sign_in.auth()) {
            Ok(client) => Ok(Self { client, url, sign_in }),
            Err(error) => Err(NodeError::Unreachable(sign_in.words(&url, &error))),
        }
    }

    /// Calls `method`.
    ///
    /// # Errors
    /// The node cannot be asked, does not know us, or refuses.
    pub fn call(&self, method: &str, parameters: &[Value]) -> Result<Value, NodeError> {
        self.client.call(method, parameters).map_err(|error| match Trouble::of(error) {
            Trouble::WarmingUp(words) => NodeError::WarmingUp(words),
            Trouble::Refused(words) => NodeError::Refused(words),
            Trouble::NotSignedIn => NodeError::NotSignedIn(self.sign_in.refusal("bitcoin-node")),
            Trouble::Unreachable(words) => NodeError::Unreachable(format!("{}: {words}", self.url)),
        })
    }
}

/// How the node is signed in to.
#[derive(Clone)]
enum SignIn {
    /// The node writes the file anew at every start, so it is read anew after a refusal.
    Cookie(PathBuf),
    UserPassword(String, String),
    Nothing,
}

impl SignIn {
    fn of(config: &FeedConfig) -> Self {
        let key = |name| config.keys.get(name).map(str::to_owned);
        match (&config.cookie_file, key(USER), key(PASSWORD)) {
            (Some(file), ..) => Self::Cookie(file.clone()),
            (None, Some(user), Some(password)) => Self::UserPassword(user, password),
            (None, ..) => Self::Nothing,
        }
    }

    fn auth(&self) -> Auth {
        match self {
            Self::Cookie(file) => Auth::CookieFile(file.clone()),
            Self::UserPassword(user, password) => Auth::UserPass(user.clone(), password.clone()),
            Self::Nothing => Auth::None,
        }
    }

    /// No client could be made.
    fn words(&self, url: &str, error: &RpcFailure) -> String {
        match self {
            Self::Cookie(file) => {
                format!("read the cookie {}: {error}; is the node running?", file.display())
            }
            Self::UserPassword(..) | Self::Nothing => format!("{url}: {error}"),
        }
    }

    /// The node does not know us; `feed` is whose table to mend.
    fn refusal(&self, feed: &str) -> String {
        match self {
            Self::Cookie(file) => format!("the node refuses the cookie {}", file.display()),
            Self::UserPassword(..) => format!("the node refuses {USER} and {PASSWORD}"),
            Self::Nothing => {
                format!("the node wants to know us: set feeds.{feed}.cookie_file, or {USER} and {PASSWORD}")
            }
        }
    }
}

struct NodeFetch {
    feed: FeedId,
    url: String,
    sign_in: SignIn,
    client: Option<Arc<Client>>,
}

impl NodeFetch {
    fn new(source: &Source) -> Self {
        let Source { row, config, .. } = source;
        Self {
            feed: FeedId::new(row.id),
            url: config.rest_url.clone().unwrap_or_else(|| row.rest_url.to_owned()),
            sign_in: SignIn::of(config),
            client: None,
        }
    }

    /// The client; the cookie is read when one is made.
    fn client(&mut self) -> Result<Arc<Client>, Failure> {
        if let Some(client) = &self.client {
            return Ok(Arc::clone(client));
        }
        match Client::new(&self.url, self.sign_in.auth()) {
            Ok(client) => Ok(Arc::clone(self.client.insert(Arc::new(client)))),
            Err(error) => Err(Failure::new(GapCause::Unreachable, self.sign_in.words(&self.url, &error))),
        }
    }

    fn understand(&mut self, error: RpcFailure) -> Result<Answer, Ended> {
        let trouble = Trouble::of(error);
        match trouble {
            Trouble::WarmingUp(words) => {
                Err(Failure::new(GapCause::Unreachable, format!("the node is starting: {words}")).into())
            }
            Trouble::Refused(words) => Ok(Answer::None(words)),
            Trouble::NotSignedIn => {
                // The next attempt reads the cookie anew.
                self.client = None;
                let how = self.sign_in.refusal(&self.feed.to_string());
                Err(Failure::new(GapCause::Refused, how).into())
            }
            Trouble::Unreachable(words) => {
                self.client = None;
                Err(Failure::new(GapCause::Unreachable, format!("{}: {words}", self.url)).into())
            }
        }
    }
}

impl Fetch for NodeFetch {
    async fn fetch(&mut self, question: Question<'_>) -> Result<Answer, Ended> {
        let client = self.client()?;
        let ask = question.ask;
        let method = ask.request.split_whitespace().next().unwrap_or_default().to_owned();
        let parameters: Vec<Value> =
            ask.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        let called = tokio::task::spawn_blocking(move || client.call::<Box<RawValue>>(&method, &parameters));
        match called.await {
            Ok(Ok(result)) => {
                let bytes = Bytes::copy_from_slice(result.get().as_bytes());
                Ok(Answer::Body(Body { bytes, complaint: None, validators: Validators::default() }))
            }
            Ok(Err(error)) => self.understand(error),
            Err(panic) => {
                Err(Failure::new(GapCause::FeedFailed, format!("the node's client: {panic}")).into())
            }
        }
    }
}

/// What went wrong with a call.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    /// The node is not ready yet; in its words.
    WarmingUp(String),
    /// It will not answer this call; in its words.
    Refused(String),
    /// It does not know us.
    NotSignedIn,
    /// It cannot be asked.
    Unreachable(String),
}

impl Trouble {
    fn of(error: RpcFailure) -> Self {
        match error {
            RpcFailure::JsonRpc(JsonRpcError::Rpc(RpcError { code: WARMING_UP, message, .. })) => {
                Self::WarmingUp(message)
            }
            RpcFailure::JsonRpc(JsonRpcError::Rpc(RpcError { code, message, .. })) => {
                Self::Refused(format!("{message} (code {code})"))
            }
            RpcFailure::JsonRpc(JsonRpcError::Transport(error)) => {
                match error.downcast_ref::<simple_http::Error>() {
                    Some(simple_http::Error::HttpErrorCode(UNAUTHORIZED)) => Self::NotSignedIn,
                    Some(simple_http::Error::HttpErrorCode(BUSY)) => {
                        Self::Unreachable("its queue of calls is full".to_owned())
                    }
                    _ => Self::Unreachable(error.to_string()),
                }
            }
            other => Self::Unreachable(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
