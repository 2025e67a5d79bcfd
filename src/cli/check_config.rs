//! `vigie check-config`: the resolved configuration, or what is wrong with it.

use clap::Args;
use serde_json::json;

use super::{Global, say, say_json};
use crate::failure::Failure;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct CheckConfig {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl CheckConfig {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        let mut resolved = settings.config.clone();
        for (row, feed) in &settings.feeds {
            let mut feed = feed.clone();
            if !row.url.is_empty() {
                feed.url.get_or_insert_with(|| row.url.to_owned());
            }
            if !row.rest_url.is_empty() {
                feed.rest_url.get_or_insert_with(|| row.rest_url.to_owned());
            }
            resolved.feeds.insert(row.id.to_owned(), feed);
        }
        if self.json {
            return say_json(&json!({ "origin": settings.origin, "config": resolved }));
        }
        let text = toml::to_string(&resolved)
            .map_err(|error| Failure::Bug(format!("print the configuration: {error}")))?;
        say(&format!("# resolved from {}\n{}", settings.origin, text.trim_end()))
    }
}
