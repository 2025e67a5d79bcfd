//! `vigie models`: what there is, an artefact's card, or a model fitted to stored liquidations.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use market::{Clock, MarketEvent, Timestamp};
use models::{Feature, FeatureTable, Reading, RegimeOptions};
use serde_json::json;
use store::{Query, Reader};

use super::forecast::{live_json, live_text};
use super::{Global, say, say_json};
use crate::clock::SystemClock;
use crate::failure::Failure;
use crate::forecasting::{Card, ForecastConfig, ForecastFailure, Forecaster, Pruning, Shelf, Spare, prune};

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Models {
    #[command(subcommand)]
    what: Option<What>,
    /// Model to fit to stored liquidations; without it, models and artefacts are listed
    model: Option<String>,
    /// First moment wanted: 2026-01-31 or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// First moment no longer wanted
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Only this instrument (BTC-USDT-PERP) or asset (BTC); may be given more than once
    #[arg(long, value_name = "NAME")]
    instrument: Vec<String>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the models, and the artefacts of this store
    List {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove artefacts that no record of the ledger names, but for the last of each target
    Prune {
        /// Only name them
        #[arg(long)]
        dry_run: bool,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an artefact's card: what it was trained on, how good it is, what it gets wrong
    Show {
        /// The artefact, as `vigie models list` names it
        id: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
}

impl Models {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let is_of_events = self.from.is_some() || self.to.is_some() || !self.instrument.is_empty();
        if let Some(what) = &self.what {
            if let Some(model) = &self.model {
                return Err(Failure::Usage(format!("{model:?} and a command; give one of them")));
            }
            if is_of_events {
                let problem = "--from, --to and --instrument are for a model that is fitted to liquidations";
                return Err(Failure::Usage(problem.to_owned()));
            }
            return match what {
                What::List { json } => list(global, *json || self.json),
                What::Show { id, json } => show(global, id, *json || self.json),
                What::Prune { dry_run, json } => {
                    let pruning = if *dry_run { Pruning::Look } else { Pruning::Remove };
                    prune_artefacts(global, pruning, *json || self.json)
                }
            };
        }
        let Some(name) = &self.model else { return list(global, self.json) };
        let row = models::find(name).ok_or_else(|| {
            let known: Vec<&str> = models::MODELS.iter().map(|row| row.id).collect();
            Failure::Usage(format!("{name:?} is no model; known are {}", known.join(", ")))
        })?;
        let settings = global.settings()?;
        let query =
            Query { from: self.from, to: self.to, instruments: self.instrument.clone(), ..Query::default() };
        let reader = Reader::open(&settings.store_dir)?;
        let events = reader.liquidations(&query)?;
        let gaps = reader.gaps(&query)?.len();
        let model = (row.make)(&RegimeOptions::default());
        let features = model.features();
        if features.columns.is_empty() {
            let remedy = format!("`vigie regimes FILE --columns A,B --model {name}`");
            return Err(Failure::Usage(format!("{name} reads regimes in series of your own: {remedy}")));
        }
        let table = FeatureTable::new(&features.names(), rows(&events, features.columns))
            .map_err(|error| Failure::Bug(format!("build the model's table: {error}")))?;
        let fitted = model.fit(&table).map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
        let readings = fitted.readings();
        if self.json {
            let readings: Vec<_> = readings.iter().map(as_json).collect();
            return say_json(
                &json!({ "model": row.id, "events": events.len(), "gaps": gaps, "readings": readings }),
            );
        }
        say(&format!("{}: {}", row.id, row.about))?;
        if let (Some(first), Some(last)) = (events.first(), events.last()) {
            let span = format!("{} to {}", first.receive_time, last.receive_time);
            say(&format!(
                "fitted to {} liquidations, {span}; {gaps} gaps inside count as silence\n",
                events.len()
            ))?;
        }
        for reading in &readings {
            say(&as_text(reading))?;
        }
        Ok(())
    }
}

fn list(global: &Global, as_json: bool) -> Result<(), Failure> {
    let settings = global.settings()?;
    let shelf = Shelf::new(&settings.store_dir);
    let cards = shelf.cards().map_err(ForecastFailure::from)?;
    let stock = shelf.stock().map_err(ForecastFailure::from)?;
    for row in models::MODELS {
        if as_json {
            say_json(&json!({ "model": row.id, "about": row.about }))?;
        } else {
            say(&format!("{:<16}{}", row.id, row.about))?;
        }
    }
    if !as_json && cards.is_empty() {
        return say("\nno artefacts yet: `vigie train` makes them, and so does a running watch");
    }
    if !as_json {
        say("\nartefacts of this store, trained at")?;
    }
    for card in cards {
        if as_json {
            say_json(&json!({ "artefact": card.id, "trained_at": card.trained_at }))?;
        } else {
            say(&format!("{:<34}{}", card.id, card.trained_at))?;
        }
    }
    if as_json {
        say_json(&json!({ "kept": stock.count, "bytes": stock.bytes }))
    } else {
        say(&format!("{} kept, {} bytes", stock.count, stock.bytes))
    }
}

fn prune_artefacts(global: &Global, pruning: Pruning, as_json: bool) -> Result<(), Failure> {
    let settings = global.settings()?;
    let spare = prune(&settings.store_dir, pruning, SystemClock.now())?;
    let stock = Shelf::new(&settings.store_dir).stock().map_err(ForecastFailure::from)?;
    let bytes: u64 = spare.iter().map(|spare| spare.bytes).sum();
    let is_removed = pruning == Pruning::Remove;
    if as_json {
        let ids: Vec<&str> = spare.iter().map(|spare| spare.id.as_str()).collect();
        return say_json(&json!({
            "removed": is_removed, "artefacts": ids, "bytes": bytes,
            "kept": stock.count, "kept_bytes": stock.bytes,
        }));
    }
    for Spare { id, bytes } in &spare {
        say(&format!("{id:<34}{bytes:>10} bytes"))?;
    }
    let done = if is_removed { "removed" } else { "would be removed" };
    say(&format!("{} {done}, {bytes} bytes; {} kept, {} bytes", spare.len(), stock.count, stock.bytes))
}

fn show(global: &Global, id: &str, as_json: bool) -> Result<(), Failure> {
    let settings = global.settings()?;
    let shelf = Shelf::new(&settings.store_dir);
    let card = shelf.card(id).map_err(ForecastFailure::from)?;
    let live = match models::forecast::task(&card.target) {
        Some(task) => {
            // What cannot be loaded is not shown as if it could.
            shelf.load(task, id).map_err(ForecastFailure::from)?;
            let config =
                ForecastConfig { asset: card.asset.as_str().into(), ..settings.config.forecast.clone() };
            Forecaster::new(config, &settings.store_dir)
                .live(task, SystemClock.now())
                .map_err(|error| error.to_string())
        }
        None => Err(format!("{} is no target of this program", card.target)),
    };
    if !as_json {
        let live = live.map_or_else(|reason| format!("not known: {reason}"), |live| live_text(&live));
        let of = format!("live, by every artefact of {} {}", card.target, card.asset);
        return say(&format!("{}\n\n{of}\n{live}", card_text(&card)));
    }
    let mut value =
        serde_json::to_value(&card).map_err(|error| Failure::Bug(format!("write JSON: {error}")))?;
    value["live"] = live.map_or_else(|reason| json!({ "reason": reason }), |live| live_json(&live));
    say_json(&value)
}

fn card_text(card: &Card) -> String {
    let mut text = format!("{}: {} of {}\n", card.id, card.target, card.asset);
    for (name, value) in [
        ("trained at", card.trained_at.to_string()),
        ("learnt from", format!("{} to {}, {} rows", card.first, card.last, card.rows)),
        ("expires at", card.expires_at.to_string()),
        ("artefact", card.hash.to_string()),
        ("data", card.data.to_string()),
        ("code", format!("{} (version {})", card.code, card.version)),
        ("prices", card.prices.join(", ")),
        (
            "walk",
            format!(
                "first training {} rows, refit every {}, seed {}",
                card.protocol.min_train, card.protocol.refit, card.protocol.seed
            ),
        ),
        ("features", card.features.join(", ")),
    ] {
        let _ = writeln!(text, "{name:<14}{value}");
    }
    match &card.evaluation {
        Some(evaluation) => {
            let _ = writeln!(text, "\nout of sample\n{}", super::evaluate::as_lines(evaluation));
        }
        None => text.push_str("\nout of sample: nothing could be scored yet\n"),
    }
    text.push_str("\nknown failures\n");
    for failure in &card.failures {
        let _ = writeln!(text, "- {failure}");
    }
    text.trim_end().to_owned()
}

/// One row an event, oldest first, with the columns that the model asks for.
fn rows(events: &[MarketEvent], columns: &[Feature]) -> Vec<f64> {
    let Some(first) = events.first().map(|event| event.receive_time) else { return Vec::new() };
    let cell = |event: &MarketEvent, column: &Feature| match column {
        Feature::ElapsedSecs => event.receive_time.since(first).as_secs_f64(),
    };
    events.iter().flat_map(|event| columns.iter().map(move |column| cell(event, column))).collect()
}

fn as_json(reading: &Reading) -> serde_json::Value {
    json!({
        "name": reading.name,
        "value": reading.value,
        "std_error": reading.std_error,
        "unit": reading.unit,
        "about": reading.about,
    })
}

fn as_text(reading: &Reading) -> String {
    let error = reading.std_error.map_or_else(String::new, |error| format!("± {error:.3}"));
    format!("{:<22}{:>12.3} {error:<10} {:<12} {}", reading.name, reading.value, reading.unit, reading.about)
}
