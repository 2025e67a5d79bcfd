//! From `config.toml` as written (`Config`) to what the program runs on (`Settings`).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use feeds::{FEEDS, FeedConfig, FeedRow, Follows, Instruments};
use market::Clock;

use serde::{Deserialize, Serialize};
use store::StoreOptions;

use crate::alerts::{self, Rule};
use crate::books::{Assumptions, Background};
use crate::clock::SystemClock;
use crate::engine::Source;
use crate::forecasting::ForecastConfig;

/// The configuration the program ships with and falls back to.
pub const DEFAULT_CONFIG: &str = include_str!("../config.toml");

/// What is wrong with a configuration: file, key, remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read {path}: {source}; name a readable file with --config")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not TOML, or holds a key or value that is not known.
    #[error("{origin}: {reason}")]
    Parse {
        /// The file, or "the built-in configuration".
        origin: String,
        /// What is wrong, with the line.
        reason: String,
    },
    /// A feed's table is understood, but cannot be used.
    #[error("{origin}: {source}")]
    Feed {
        /// The file, or "the built-in configuration".
        origin: String,
        /// Key, problem and remedy.
        source: Box<feeds::FeedError>,
    },
    /// A file of events cannot be used.
    #[error(transparent)]
    Events {
        /// File, entry, key and problem.
        source: market::ReferenceError,
    },
    /// A value is understood, but cannot be used.
    #[error("{origin}: {key} {problem}")]
    Value {
        /// The file, or "the built-in configuration".
        origin: String,
        /// The key, dotted: `feeds.okx.url`.
        key: String,
        /// What is wrong and what would be right.
        problem: String,
    },
}

/// `config.toml` as written. Unknown keys are errors.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where and how events are kept.
    pub store: StoreConfig,
    /// How the screen looks.
    pub screen: ScreenConfig,
    /// One table a feed. Only feeds that have a table run.
    pub feeds: BTreeMap<String, FeedConfig>,
    /// What mining is assumed to be like.
    pub mining: Assumptions,
    /// What is forecast.
    pub forecast: ForecastConfig,
    /// Dated facts of the user's own.
    pub events: EventsConfig,
    /// The record of forecasts.
    pub ledger: LedgerConfig,
    /// One table a rule; `kind` says which kind of rule reads the rest.
    pub rules: BTreeMap<String, toml::Table>,
}

impl Config {
    /// The table of feed `name`, or its defaults: what a replay decodes with.
    pub fn feed(&self, name: &str) -> FeedConfig {
        self.feeds.get(name).cloned().unwrap_or_default()
    }
}

/// `[store]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The store's directory.
    pub dir: PathBuf,
    /// A journal segment is sealed into Parquet when it has grown to this many MiB.
    pub segment_mib: u64,
    /// … or is this many seconds old.
    pub segment_age_secs: u64,
    /// Events are made durable together, every this many milliseconds.
    pub commit_every_ms: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { dir: PathBuf::from("data/store"), segment_mib: 64, segment_age_secs: 900, commit_every_ms: 5 }
    }
}

/// `[events]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// Files of events beside the shipped ones, in the form of `data/events.toml`.
    pub files: Vec<PathBuf>,
}

/// `[ledger]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LedgerConfig {
    /// Whether `vigie ledger anchor` may have the user's own node make transactions.
    pub anchor: bool,
}

/// `[screen]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScreenConfig {
    /// Which colours to use.
    pub theme: ThemeChoice,
}

/// Which colours the screen uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeChoice {
    /// Mono where `NO_COLOR` is set, true colour where `COLORTERM` promises it, else 16 colours.
    #[default]
    Auto,
    /// 24-bit Okabe–Ito colours.
    Truecolor,
    /// The terminal's own 16 colours.
    Ansi16,
    /// No colours at all.
    Mono,
}

/// A configuration that was checked across its fields.
pub struct Settings {
    /// Where the configuration came from, in words.
    pub origin: String,
    /// What was written, defaults filled in.
    pub config: Config,
    /// The store's directory.
    pub store_dir: PathBuf,
    /// The store's limits.
    pub store_options: StoreOptions,
    /// The feeds to run, in the order of the feed table.
    pub feeds: Vec<(&'static FeedRow, FeedConfig)>,
    /// The rules, in the order of their names.
    pub rules: Vec<Box<dyn Rule>>,
    /// What is known before any feed speaks: shipped and own dated facts, assumptions.
    pub background: Background,
    /// The screen's colours, decided.
    pub theme: ThemeChoice,
}

impl Settings {
    /// Reads `file`, or the user's own configuration, or the built-in one; `store` overrides the
    /// store's directory.
    ///
    /// # Errors
    /// The file cannot be read or used; the error names file, key and remedy.
    pub fn load(file: Option<&Path>, store: Option<&Path>) -> Result<Self, ConfigError> {
        let found = file.map(Path::to_owned).or_else(user_config);
        let (origin, text) = match &found {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
                (path.display().to_string(), text)
            }
            None => ("the built-in configuration".to_owned(), DEFAULT_CONFIG.to_owned()),
        };
        let mut settings = Self::parse(&text, &origin)?;
        if let Some(dir) = store {
            dir.clone_into(&mut settings.store_dir);
            dir.clone_into(&mut settings.config.store.dir);
        }
        let base = found.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        for (row, feed) in &mut settings.feeds {
            feed.ca_file = feed.ca_file.take().map(|file| base.join(file));
            feed.cookie_file = feed.cookie_file.take().map(|file| base.join(file));
            for name in row.keys.iter().chain(row.optional_keys()) {
                if let Some(secret) = environment(name) {
                    feed.keys.insert(name, secret);
                }
            }
        }
        settings.read_events(base)?;
        Ok(settings)
    }

    /// Checks `text`; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`Settings::load`], but for the reading.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let config: Config = toml::from_str(text).map_err(|error| ConfigError::Parse {
            origin: origin.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        let refuse =
            |key: String, problem: String| ConfigError::Value { origin: origin.to_owned(), key, problem };

        for (key, value, least) in [
            ("store.segment_mib", config.store.segment_mib, 1),
            ("store.segment_age_secs", config.store.segment_age_secs, 1),
            ("store.commit_every_ms", config.store.commit_every_ms, 1),
        ] {
            if value < least {
                return Err(refuse(key.to_owned(), format!("is {value}; use at least {least}")));
            }
        }
        for (name, feed) in &config.feeds {
            if feeds::find(name).is_none() {
                let known: Vec<&str> = FEEDS.iter().map(|row| row.id).collect();
                return Err(refuse(
                    format!("feeds.{name}"),
                    format!("is no feed; known are {}", known.join(", ")),
                ));
            }
            check_feed(name, feed).map_err(|(key, problem)| refuse(key, problem))?;
        }
        for row in FEEDS {
            if let Some(feed) = config.feeds.get(row.id) {
                row.check(feed).map_err(|error| ConfigError::Feed {
                    origin: origin.to_owned(),
                    source: Box::new(error),
                })?;
            }
        }
        let chosen = FEEDS.iter().filter_map(|row| {
            let feed = config.feeds.get(row.id).filter(|feed| feed.enabled)?;
            Some((row, FeedConfig { instruments: followed(row, &feed.instruments), ..feed.clone() }))
        });
        let feeds = chosen.collect();
        config.mining.check().map_err(|(key, problem)| refuse(format!("mining.{key}"), problem))?;
        config.forecast.check().map_err(|(key, problem)| refuse(format!("forecast.{key}"), problem))?;
        let mut rules = Vec::new();
        for (name, table) in &config.rules {
            let rule = alerts::build(name, table.clone())
                .map_err(|problem| refuse(format!("rules.{name}"), problem))?;
            rules.push(rule);
        }
        Ok(Self {
            origin: origin.to_owned(),
            store_dir: config.store.dir.clone(),
            store_options: StoreOptions {
                segment_bytes: config.store.segment_mib * 1024 * 1024,
                segment_age: Duration::from_secs(config.store.segment_age_secs),
                commit_every: Duration::from_millis(config.store.commit_every_ms),
            },
            theme: decide_theme(config.screen.theme),
            background: Background { occasions: market::occasions().into(), assumed: config.mining.clone() },
            feeds,
            rules,
            config,
        })
    }
}

impl Settings {
    /// Adds the user's own events to the shipped ones; `base` is what their paths are relative to.
    fn read_events(&mut self, base: &Path) -> Result<(), ConfigError> {
        let mut occasions = self.background.occasions.to_vec();
        for file in &self.config.events.files {
            let path = base.join(file);
            let text = std::fs::read_to_string(&path)
                .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
            let own = market::parse_occasions(&text, &path.display().to_string());
            occasions.extend(own.map_err(|source| ConfigError::Events { source })?);
        }
        occasions.sort_by_key(|occasion| occasion.at.start());
        self.background.occasions = occasions.into();
        Ok(())
    }

    /// What a watch forecasts, and the sources whose past is fetched for it; `None` where it does not.
    pub fn forecast(&self) -> Option<(ForecastConfig, Vec<Source>)> {
        let forecast = &self.config.forecast;
        let sources = forecast.sources().filter_map(|row| {
            let live = feeds::backfill::find(row.id)?.feed;
            Some(Source { row, config: self.config.feed(live) })
        });
        forecast.enabled.then(|| (forecast.clone(), sources.collect()))
    }

    /// Refuses a configuration that has nothing to watch.
    ///
    /// # Errors
    /// No feed has a table, or all are disabled.
    pub fn require_feeds(&self) -> Result<(), ConfigError> {
        if !self.feeds.is_empty() {
            return Ok(());
        }
        Err(ConfigError::Value {
            origin: self.origin.clone(),
            key: "feeds".to_owned(),
            problem: "has no enabled feed; add a table such as [feeds.okx], or try `vigie demo`".to_owned(),
        })
    }
}

/// What a feed follows: what the user names, else what the shipped entities name.
pub fn followed(row: &FeedRow, named: &Instruments) -> Instruments {
    if *named != Instruments::All {
        return named.clone();
    }
    let today = SystemClock.now().date();
    let symbols = match row.follows {
        Follows::Everything => return Instruments::All,
        Follows::Coins => market::entities().token_symbols(today),
        Follows::Equities => market::entities().equity_symbols(today),
    };
    Instruments::Assets(symbols.into_iter().map(str::to_owned).collect())
}

/// Checks what serde cannot: the error is the key and the problem.
fn check_feed(name: &str, feed: &FeedConfig) -> Result<(), (String, String)> {
    let schemes: [(&str, &Option<String>, [&str; 2]); 2] =
        [("url", &feed.url, ["wss://", "ws://"]), ("rest_url", &feed.rest_url, ["https://", "http://"])];
    for (key, value, [secure, plain]) in schemes {
        if let Some(url) = value
            && !url.starts_with(secure)
            && !url.starts_with(plain)
        {
            return Err((
                format!("feeds.{name}.{key}"),
                format!("is {url:?}; it must begin with {secure} or {plain}"),
            ));
        }
    }
    if feed.backoff_cap_secs == 0 {
        return Err((format!("feeds.{name}.backoff_cap_secs"), "is 0; use at least 1".to_owned()));
    }
    Ok(())
}

/// `$XDG_CONFIG_HOME/vigie/config.toml`, or the same under `~/.config`, if it exists.
fn user_config() -> Option<PathBuf> {
    let base = environment("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| environment("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    let path = base.join("vigie").join("config.toml");
    path.is_file().then_some(path)
}

/// Where the log goes while the screen is up: `$XDG_STATE_HOME/vigie/vigie.log`.
pub fn log_file() -> Option<PathBuf> {
    let base = environment("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| environment("HOME").map(|home| PathBuf::from(home).join(".local").join("state")))?;
    Some(base.join("vigie").join("vigie.log"))
}

/// What to log, from `VIGIE_LOG`, in `tracing`'s syntax.
pub fn log_filter() -> Option<String> {
    environment("VIGIE_LOG")
}

fn decide_theme(choice: ThemeChoice) -> ThemeChoice {
    if environment("NO_COLOR").is_some() {
        return ThemeChoice::Mono;
    }
    match choice {
        ThemeChoice::Auto => match environment("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => ThemeChoice::Truecolor,
            _ => ThemeChoice::Ansi16,
        },
        ThemeChoice::Truecolor | ThemeChoice::Ansi16 | ThemeChoice::Mono => choice,
    }
}

#[expect(clippy::disallowed_methods, reason = "this file is where the environment is read")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
