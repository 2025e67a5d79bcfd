//! `vigie doctor`: is everything as a watch needs it, and if not, what to do.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{Global, parse_span, runtime, say, say_json};
use crate::doctor::{Check, Verdict, examine_disk, examine_feeds, examine_store, examine_terminal};
use crate::failure::Failure;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Only this feed; may be given more than once
    #[arg(long, value_name = "FEED")]
    feed: Vec<String>,
    /// How long to wait for each feed's first frame
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_span)]
    wait: Duration,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut settings = global.settings()?;
        if let Some(unknown) =
            self.feed.iter().find(|name| !settings.feeds.iter().any(|(row, _)| row.id == name.as_str()))
        {
            return Err(Failure::Usage(format!(
                "--feed {unknown} is not configured; add [feeds.{unknown}] or see `vigie check-config`"
            )));
        }
        settings.feeds.retain(|(row, _)| self.feed.is_empty() || self.feed.iter().any(|name| name == row.id));
        let mut checks = vec![
            examine_terminal(settings.theme),
            examine_disk(&settings.store_dir),
            examine_store(&settings.store_dir),
        ];
        checks.extend(runtime()?.block_on(examine_feeds(&settings.feeds, self.wait)));
        if self.json {
            say_json(&json!({ "checks": checks }))?;
        } else {
            print(&checks)?;
        }
        verdict(&settings.feeds.iter().map(|(row, _)| row.id).collect::<Vec<_>>(), &checks)
    }
}

fn print(checks: &[Check]) -> Result<(), Failure> {
    let of = checks.iter().map(|check| check.of.len()).max().unwrap_or_default();
    let what = checks.iter().map(|check| check.what.len()).max().unwrap_or_default();
    for check in checks {
        say(&format!("{}  {:of$}  {:what$}  {}", check.verdict.as_str(), check.of, check.what, check.found))?;
        if !check.remedy.is_empty() {
            say(&format!("      {:of$}  {:what$}  → {}", "", "", check.remedy))?;
        }
    }
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    say(&format!(
        "{} ok, {} warnings, {} failures",
        count(Verdict::Ok),
        count(Verdict::Warn),
        count(Verdict::Fail)
    ))
}

/// A store that cannot be read, or no feed that can be reached, is a failure; one feed of many is told.
fn verdict(feeds: &[&str], checks: &[Check]) -> Result<(), Failure> {
    let failed = |of: &str| checks.iter().any(|check| check.of == of && check.verdict == Verdict::Fail);
    if !feeds.is_empty() && feeds.iter().all(|feed| failed(feed)) {
        return Err(Failure::Unreachable(feeds.join(", ")));
    }
    Ok(())
}
