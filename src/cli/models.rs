//! `vigie models`: a model fitted to stored liquidations, with its errors and its naive baseline.

use clap::Args;
use market::{MarketEvent, Timestamp};
use models::{Feature, FeatureTable, Reading, RegimeOptions};
use serde_json::json;
use store::{Query, Reader};

use super::{Global, say, say_json};
use crate::failure::Failure;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Models {
    /// Model to fit; without it, the models are listed
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

impl Models {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let Some(name) = &self.model else { return self.list() };
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

    fn list(&self) -> Result<(), Failure> {
        for row in models::MODELS {
            if self.json {
                say_json(&json!({ "model": row.id, "about": row.about }))?;
            } else {
                say(&format!("{:<16}{}", row.id, row.about))?;
            }
        }
        Ok(())
    }
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
