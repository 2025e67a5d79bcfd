//! One feed's table in `config.toml`: `[feeds.<name>]`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a user may set for one feed. Everything has a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedConfig {
    /// Whether the feed runs at all.
    pub enabled: bool,
    /// WebSocket URL; the venue's own unless set. May point at any server that speaks the venue's bytes.
    pub url: Option<String>,
    /// Base URL of the venue's REST API, without a trailing slash; the venue's own unless set.
    pub rest_url: Option<String>,
    /// Which base assets to keep.
    pub instruments: Instruments,
    /// Of which base assets to follow mark price, funding and open interest, where the venue tells
    /// them on the same connection.
    pub context: Instruments,
    /// Seconds between two rounds of a polled feed; the feed's own pace unless set.
    pub poll_secs: Option<u64>,
    /// A Bitcoin node's cookie file.
    pub cookie_file: Option<PathBuf>,
    /// PEM file with an extra certificate authority to trust, for a proxy or a test server.
    pub ca_file: Option<PathBuf>,
    /// Longest wait between two attempts to connect, seconds.
    pub backoff_cap_secs: u64,
    /// What the feed signs in with; never in a file that others read.
    #[serde(skip)]
    pub keys: Keys,
}

/// Secrets by the name of the environment variable that held them. Printing one shows only its name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<&'static str, String>);

impl Keys {
    /// Keeps `secret` under `name`.
    pub fn insert(&mut self, name: &'static str, secret: String) {
        self.0.insert(name, secret);
    }

    /// The secret called `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            url: None,
            rest_url: None,
            instruments: Instruments::All,
            context: Instruments::Assets(vec!["BTC".to_owned(), "ETH".to_owned()]),
            poll_secs: None,
            cookie_file: None,
            ca_file: None,
            backoff_cap_secs: 60,
            keys: Keys::default(),
        }
    }
}

/// `"all"`, or a list of base assets: `["BTC", "ETH"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Instruments {
    /// Every instrument the venue lists.
    #[default]
    All,
    /// Instruments on these assets, upper case.
    Assets(Vec<String>),
}

impl Instruments {
    /// Whether instruments on `asset` are wanted.
    pub fn wants(&self, asset: &str) -> bool {
        match self {
            Self::All => true,
            Self::Assets(assets) => assets.iter().any(|wanted| wanted == asset),
        }
    }
}

impl Serialize for Instruments {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Assets(assets) => assets.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Instruments {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Word(String),
            List(Vec<String>),
        }
        const FORM: &str = "instruments takes \"all\" or a list such as [\"BTC\", \"ETH\"]";
        match Written::deserialize(deserializer).map_err(|_| serde::de::Error::custom(FORM))? {
            Written::Word(word) if word == "all" => Ok(Self::All),
            Written::List(assets) if !assets.is_empty() => {
                Ok(Self::Assets(assets.into_iter().map(|asset| asset.to_ascii_uppercase()).collect()))
            }
            Written::Word(_) | Written::List(_) => Err(serde::de::Error::custom(FORM)),
        }
    }
}
