//! `vigie events`: what happened, and is due, that no feed tells; and what it did to prices.

mod study;

use clap::{Args, Subcommand};
use market::{Clock, Date, Occasion, OccasionKind, Timestamp, entities};
use std::fmt::Write as _;

use super::{Global, say, say_json};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::failure::Failure;

/// See the module.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Events {
    #[command(subcommand)]
    command: Option<EventsCommand>,
    #[command(flatten)]
    chosen: Chosen,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// Abnormal returns of an entity around events, against a market model
    Study(study::Study),
}

/// Which events.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// Only this kind; may be given more than once
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Vec<OccasionKind>,
    /// Only events about this entity, by id, ticker or token (keel, KEEL, BITF, TAO)
    #[arg(long, value_name = "NAME")]
    about: Vec<String>,
    /// First day wanted
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// First day no longer wanted
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// Only events whose id, title or note holds this text
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only events that are still to come
    #[arg(long)]
    upcoming: bool,
}

fn parse_kind(text: &str) -> Result<OccasionKind, String> {
    OccasionKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
        let known = OccasionKind::ALL.map(OccasionKind::as_str).join(", ");
        format!("{text:?} is no kind of event; known are {known}")
    })
}

impl Events {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        if let Some(EventsCommand::Study(study)) = self.command {
            return study.run(&settings);
        }
        let now = SystemClock.now();
        let chosen = self.chosen.of(&settings, now)?;
        if self.json {
            return say_json(&chosen);
        }
        for occasion in &chosen {
            say(&line(occasion, now))?;
        }
        if chosen.is_empty() {
            tracing::info!("no event is like that");
        }
        Ok(())
    }
}

impl Chosen {
    /// The wanted events, oldest first.
    fn of<'a>(&self, settings: &'a Settings, now: Timestamp) -> Result<Vec<&'a Occasion>, Failure> {
        let about: Vec<&str> =
            self.about.iter().map(|name| entity_called(name)).collect::<Result<_, Failure>>()?;
        let search = self.search.as_ref().map(|text| text.to_lowercase());
        let holds = |occasion: &Occasion, text: &String| {
            let words = [occasion.id.as_str(), &occasion.title, occasion.note.as_deref().unwrap_or_default()];
            words.iter().any(|words| words.to_lowercase().contains(text))
        };
        let chosen = settings.background.occasions.iter().filter(|occasion| {
            let day = occasion.at.date();
            (self.kind.is_empty() || self.kind.contains(&occasion.kind))
                && (about.is_empty() || occasion.entities.iter().any(|id| about.contains(&id.as_str())))
                && self.from.is_none_or(|from| day >= from)
                && self.to.is_none_or(|to| day < to)
                && search.as_ref().is_none_or(|text| holds(occasion, text))
                && (!self.upcoming || occasion.at.start() > now)
        });
        Ok(chosen.collect())
    }
}

/// The id of the entity that goes by `name`: an id, a ticker or a token, today's or an old one.
fn entity_called(name: &str) -> Result<&'static str, Failure> {
    let all = entities();
    let by_id = all.get(&name.to_ascii_lowercase());
    // A coin before a fund that has taken its name for a ticker: BTC is Bitcoin.
    let by_symbol = || all.by_token(name).or_else(|| all.by_ticker(name)).map(|found| found.entity);
    by_id.or_else(by_symbol).map(|entity| entity.id.as_str()).ok_or_else(|| {
        Failure::Usage(format!("{name:?} is no entity that we follow; data/entities.toml lists them"))
    })
}

/// One line: when, kind, what, figures; a mark where it is still to come.
fn line(occasion: &Occasion, now: Timestamp) -> String {
    let at = occasion.at.to_string();
    let when = at.get(..16).unwrap_or(&at);
    let mut text = format!("{when:<16}  {:<11}  {}", occasion.kind.as_str(), occasion.title);
    let figures = &occasion.figures;
    let mut told = Vec::new();
    if let Some(usd) = figures.usd {
        told.push(if usd.abs() >= 1e9 {
            format!("${:.2}bn", usd / 1e9)
        } else {
            format!("${:.1}m", usd / 1e6)
        });
    }
    if let Some(megawatts) = figures.megawatts {
        told.push(format!("{megawatts:.0} MW"));
    }
    if let Some(years) = figures.years {
        told.push(format!("{years} y"));
    }
    if let Some(per) = occasion.usd_per_megawatt_year() {
        told.push(format!("${:.2}m per MW-year", per / 1e6));
    }
    if let Some(change) = figures.change_bp {
        told.push(format!("{change:+.0} bp"));
    }
    if !told.is_empty() {
        let _ = write!(text, "  [{}]", told.join(", "));
    }
    if occasion.is_estimate {
        text.push_str("  (estimate)");
    } else if occasion.is_scheduled && occasion.at.start() > now {
        text.push_str("  (scheduled)");
    }
    text
}
